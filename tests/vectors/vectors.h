/* vectors.h - what a codec offers to the vector runner, and how an operation reads and writes.
 *
 * An operation turns the bytes of a case's `<` lines into the bytes of its `>` lines. What it
 * decodes it writes as fields, "name=value;" each; what it encodes it reads as such fields. Values
 * hold any bytes but ';'; hashes, ids and addresses are written in hexadecimal. */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include "base/err.h"
#include "proto/types.h"

struct vector_op {
    const char *name; /* NULL ends a list */
    void (*run)(struct view in, struct writer *out);
};

/* The lists; a codec adds its own here and in run_vectors.c. */
extern const struct vector_op VECTOR_OPS_HTTP[];
extern const struct vector_op VECTOR_OPS_UDP[];

/* ---- writing fields ---- */

void vector_put(struct writer *out, const char *name, struct view value);
void vector_put_number(struct writer *out, const char *name, uint64_t value);
void vector_put_hex(struct writer *out, const char *name, const void *bytes, size_t len);
void vector_put_error(struct writer *out, enum err err); /* "error=TEXT;" */

/* All that a request says; no address, no door. A count that was not said is "unset". */
void vector_put_announce(struct writer *out, const struct announce *a);

/* ---- reading fields ---- */

/* False when there is no field of that name. */
bool vector_field(struct view in, const char *name, struct view *value);

/* 0 when the field is absent; the case is wrong, and stops the run, when it is no number. */
uint64_t vector_field_number(struct view in, const char *name);

/* The bytes of a hexadecimal field, at most `max`; 0 when it is absent. */
size_t vector_field_hex(struct view in, const char *name, uint8_t *out, size_t max);

/* "complete", "incomplete", "downloaders", "downloaded". */
struct swarm_numbers vector_field_swarm(struct view in);

/* "error": one of err.def's texts. */
enum err vector_field_error(struct view in);

#endif
