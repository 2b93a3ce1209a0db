/* client_rule.h - one line of a list of client software, and whom it means.
 *
 *   -TR 2.00-2.93 too old              peer ids that begin with -TR, of these versions
 *   -XL * not welcome                  of every version; so does a line without versions
 *   M 7-  , %00%01 -4.4                up to, from; %XX writes any byte of a prefix
 *
 * Versions are compared the way clients write them behind the prefix: character by character, where
 * A to Z count 10 to 35 and a to z 36 to 61; dots are ignored. So 2.93 means 2 9 3, and Deluge 1.3.15,
 * which says 13F, is written 1.3.F. An end without a character means every one: 2.9 ends behind 2.9z.
 *
 * Sources   BEP 20 */
#ifndef PROTO_CLIENT_RULE_H
#define PROTO_CLIENT_RULE_H

#include "proto/list_line.h"
#include "proto/types.h"

#define CLIENT_PREFIX_BYTES_MAX  12
#define CLIENT_VERSION_CHARS_MAX 4

struct client_rule {
    uint8_t prefix[CLIENT_PREFIX_BYTES_MAX];
    uint8_t prefix_bytes;
    uint32_t first, last; /* versions: a byte for each character, the first one highest */
};

struct client_entry {
    bool is_entry; /* false: the line says nothing */
    struct client_rule rule;
    struct view reason; /* borrowed from the line */
};

/* Returns NULL, or what is wrong with the line. */
const char *client_rule_line(struct view line, struct client_entry *out);

bool client_rule_matches(const struct client_rule *r, const struct peer_id *id);

#endif
