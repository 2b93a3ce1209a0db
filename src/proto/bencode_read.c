/* bencode_read.c - reading foreign bencode.
 *
 * Idea       one recursive descent checks everything and remembers nothing; walking repeats it over
 *            the parts that somebody asks for. Answers are small, and a tree would need memory.
 * Strict     a tracker whose integers have leading zeros or whose lengths lie is wrong, and a client
 *            somewhere will stumble. Order and repetition of keys are only noted, because every
 *            client reads those, and the one who asks wants to hear of it. */
#include "proto/bencode_read.h"

#include <assert.h>

#define NUMBER_DIGITS_MAX 19

struct reader {
    struct cursor c;
    unsigned faults;
};

/* Digits up to `stop`, which is taken too; no leading zeros. */
static bool take_number(struct cursor *c, uint8_t stop, uint64_t *out)
{
    const uint8_t *start = c->at;
    for (*out = 0; c->at < c->end && *c->at != stop; c->at++) {
        if (*c->at < '0' || *c->at > '9' || c->at - start == NUMBER_DIGITS_MAX) return false;
        *out = *out * 10 + (uint64_t)(*c->at - '0');
    }
    bool is_canonical = c->at > start && (*start != '0' || c->at == start + 1);
    return cursor_take(c, 1) && is_canonical;
}

static bool take_int(struct cursor *c, int64_t *out)
{
    uint64_t magnitude;
    bool is_negative = c->at < c->end && *c->at == '-';
    if (is_negative) c->at++;
    if (!take_number(c, 'e', &magnitude)) return false;
    if (magnitude > INT64_MAX || (is_negative && magnitude == 0)) return false;
    *out = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool take_bytes(struct cursor *c, struct view *out)
{
    uint64_t len;
    if (!take_number(c, ':', &len) || len > cursor_left(c)) return false;
    *out = view_of(cursor_take(c, len), len);
    return true;
}

static int view_order(struct view a, struct view b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;
    if (order) return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

static bool take_key(struct reader *r, struct view *previous)
{
    struct view key;
    if (!take_bytes(&r->c, &key)) return false;
    int order = previous->ptr ? view_order(key, *previous) : 1;
    if (order < 0) r->faults |= BENCODE_UNSORTED;
    if (order == 0) r->faults |= BENCODE_REPEATED;
    *previous = key;
    return true;
}

/* Recursion is bounded by `depth`. */
static bool take_value(struct reader *r, int depth, struct bencode_value *out)
{
    struct cursor *c = &r->c;
    if (c->at == c->end) return false;
    uint8_t first = *c->at;
    *out = (struct bencode_value){.kind = BENCODE_BYTES};
    if (first != 'i' && first != 'l' && first != 'd') return take_bytes(c, &out->bytes);
    c->at++;
    out->kind = first == 'i' ? BENCODE_INT : first == 'l' ? BENCODE_LIST : BENCODE_DICT;
    if (first == 'i') return take_int(c, &out->number);
    if (depth == BENCODE_DEPTH_MAX) return false;
    const uint8_t *inside = c->at;
    struct view previous = {0};
    while (c->at < c->end && *c->at != 'e') {
        struct bencode_value item;
        if (first == 'd' && !take_key(r, &previous)) return false;
        if (!take_value(r, depth + 1, &item)) return false;
    }
    out->bytes = view_of(inside, (size_t)(c->at - inside));
    return cursor_take(c, 1) != NULL;
}

enum err bencode_read(struct view text, struct bencode_value *out, size_t *used, unsigned *faults)
{
    struct reader r = {.c = cursor_of(text.ptr, text.len)};
    if (text.len == 0 || !take_value(&r, 0, out)) return ERR_BAD_VALUE;
    *used = (size_t)(r.c.at - text.ptr);
    *faults = r.faults;
    return ERR_OK;
}

bool bencode_next(struct view *rest, struct bencode_value *item)
{
    if (rest->len == 0) return false;
    struct reader r = {.c = cursor_of(rest->ptr, rest->len)};
    bool good = take_value(&r, 0, item);
    assert(good); /* bencode_read() saw it */
    *rest = view_from(*rest, (size_t)(r.c.at - rest->ptr));
    return true;
}

bool bencode_next_pair(struct view *rest, struct view *key, struct bencode_value *value)
{
    struct bencode_value k;
    if (!bencode_next(rest, &k)) return false;
    *key = k.bytes;
    bool has_value = bencode_next(rest, value);
    assert(k.kind == BENCODE_BYTES && has_value);
    return true;
}

bool bencode_find(const struct bencode_value *dict, const char *key, enum bencode_kind kind,
                  struct bencode_value *out)
{
    if (dict->kind != BENCODE_DICT) return false;
    struct view rest = dict->bytes, name;
    struct bencode_value value;
    while (bencode_next_pair(&rest, &name, &value)) {
        if (!view_equal(name, view_of_text(key))) continue;
        *out = value;
        return value.kind == kind;
    }
    return false;
}
