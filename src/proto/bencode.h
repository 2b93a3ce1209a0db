/* bencode.h - writing bencode; lengths are computed, never typed. Keys must be given in byte order
 * (BEP 3; protocol.md C3); the caller owns the order, tests check it. Brackets ('d', 'l', 'e') are
 * the caller's too: writer_literal(). */
#ifndef PROTO_BENCODE_H
#define PROTO_BENCODE_H

#include "base/bytes.h"

/* BEP 3 has no limit, clients have: everything above is clamped (protocol.md C5). */
#define BENCODE_INT_MAX 2147483647u

/* i<v>e (C1). */
void bencode_int(struct writer *w, uint64_t v);

/* <length>:<bytes> (C2). */
void bencode_bytes(struct writer *w, struct view v);

#define bencode_literal(w, literal) bencode_bytes((w), VIEW(literal))

#endif
