/* hash_list.h - one line of a list of torrents: an info hash and a reason.
 *
 *   0123456789abcdef0123456789abcdef01234567 removed on request
 *
 * 40 hexadecimal digits (v1), 64 (v2, cut to 20 bytes: BEP 52), or 32 digits of base32, as magnet links
 * have them. */
#ifndef PROTO_HASH_LIST_H
#define PROTO_HASH_LIST_H

#include "proto/list_line.h"
#include "proto/types.h"

struct hash_entry {
    bool is_entry; /* false: the line says nothing */
    struct info_hash info_hash;
    struct view reason; /* borrowed from the line */
};

/* Returns NULL, or what is wrong with the line. */
const char *hash_list_line(struct view line, struct hash_entry *out);

#endif
