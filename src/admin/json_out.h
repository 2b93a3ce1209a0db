/* json_out.h - JSON written straight to a FILE, for documents that are too large or made too often
 * to be built first. Commas are put where they belong; what is open must be closed by the caller. */
#ifndef ADMIN_JSON_OUT_H
#define ADMIN_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
    FILE *out;
    bool follows; /* a value stands before: a comma is due */
};

/* `key` is NULL inside an array; names of members are printed as they are. `bracket`: '{' or '['. */
void json_open(struct json_out *j, const char *key, char bracket);
void json_close(struct json_out *j, char bracket);

void json_u64(struct json_out *j, const char *key, uint64_t value);
void json_i64(struct json_out *j, const char *key, int64_t value);
void json_double(struct json_out *j, const char *key, double value); /* three decimals */
void json_text(struct json_out *j, const char *key, const char *text);
void json_nothing(struct json_out *j, const char *key); /* null; json_null() is jansson's */

#endif
