/* bencode_check.h - a strict reader of bencode that shares nothing with the writer: exact lengths,
 * no leading zeros, integers of 31 bits (C5), keys sorted and unique (C3), no deeper than 4 (C8),
 * and nothing left over (C4). */
#ifndef TESTS_BENCODE_CHECK_H
#define TESTS_BENCODE_CHECK_H

#include "base/bytes.h"

#define BENCODE_CHECK_DEPTH_MAX 4

/* Digits up to `stop`, which is taken too. */
static inline bool bencode_check_number(struct cursor *c, uint8_t stop, uint64_t *out)
{
    const uint8_t *start = c->at;
    for (*out = 0; c->at < c->end && *c->at != stop; c->at++) {
        if (*c->at < '0' || *c->at > '9' || c->at - start == 10) return false;
        *out = *out * 10 + (*c->at - '0');
    }
    bool is_canonical = c->at > start && (*start != '0' || c->at == start + 1);
    return cursor_take(c, 1) && is_canonical;
}

static inline bool bencode_check_string(struct cursor *c, struct view *out)
{
    uint64_t len;
    if (!bencode_check_number(c, ':', &len)) return false;
    const uint8_t *bytes = cursor_take(c, len);
    *out = view_of(bytes, len);
    return bytes != NULL;
}

static inline bool bencode_check_is_after(struct view a, struct view b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.ptr, b.ptr, shorter);
    return order > 0 || (order == 0 && a.len > b.len);
}

static inline bool bencode_check_value(struct cursor *c, int depth)
{
    if (c->at == c->end || depth > BENCODE_CHECK_DEPTH_MAX) return false;
    uint64_t number;
    struct view key, previous = {0};
    uint8_t kind = *c->at;
    if (kind != 'i' && kind != 'l' && kind != 'd') return bencode_check_string(c, &key);
    c->at++;
    if (kind == 'i') return bencode_check_number(c, 'e', &number) && number <= INT32_MAX;
    while (c->at < c->end && *c->at != 'e') {
        if (kind == 'd') {
            if (!bencode_check_string(c, &key)) return false;
            if (previous.ptr && !bencode_check_is_after(key, previous)) return false;
            previous = key;
        }
        if (!bencode_check_value(c, depth + 1)) return false;
    }
    return cursor_take(c, 1) != NULL;
}

/* The whole text is one dictionary. */
static inline bool bencode_check(const void *text, size_t len)
{
    struct cursor c = cursor_of(text, len);
    return len && *c.at == 'd' && bencode_check_value(&c, 1) && c.at == c.end;
}

#endif
