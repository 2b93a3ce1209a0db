/* bencode.h - writing bencode; lengths are computed, never typed. Keys must be given in byte order
 * (BEP 3; protocol.md C3); the caller owns the order, tests check it. Brackets ('d', 'l', 'e') are
 * the caller's too: writer_literal(). */
#ifndef PROTO_BENCODE_H
#define PROTO_BENCODE_H

#include "base/bytes.h"

/* BEP 3 has no limit, clients have: everything above is clamped (protocol.md C5). */
#define BENCODE_INT_MAX 2147483647u

/* Inline, so that a literal's length and digits are worked out by the compiler. */

/* Where there is room (base/bytes.h): i<v>e (C1), <length>:<bytes> (C2). */
static inline uint8_t *bencode_append_int(uint8_t *p, uint64_t v)
{
    *p++ = 'i';
    p = append_decimal(p, v < BENCODE_INT_MAX ? v : BENCODE_INT_MAX);
    *p++ = 'e';
    return p;
}

static inline uint8_t *bencode_append_bytes(uint8_t *p, struct view v)
{
    p = append_decimal(p, v.len);
    *p++ = ':';
    return append_view(p, v);
}

/* What does not fit whole is not written at all. */
static inline void bencode_int(struct writer *w, uint64_t v)
{
    if (v > BENCODE_INT_MAX) v = BENCODE_INT_MAX;
    unsigned digits = decimal_digits(v);
    uint8_t *p = writer_take(w, digits + 2u);
    if (!p) return;
    p[0] = 'i';
    decimal_store(p + 1, digits, v);
    p[digits + 1] = 'e';
}

static inline void bencode_bytes(struct writer *w, struct view v)
{
    unsigned digits = decimal_digits(v.len);
    uint8_t *p = writer_take(w, digits + 1u + v.len);
    if (!p) return;
    decimal_store(p, digits, v.len);
    p[digits] = ':';
    if (v.len) memcpy(p + digits + 1, v.ptr, v.len);
}

#define bencode_literal(w, literal) bencode_bytes((w), VIEW(literal))

#endif
