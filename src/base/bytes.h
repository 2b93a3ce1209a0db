/* bytes.h - views over memory, a bounded read cursor, a bounded writer, big-endian access.
 *
 * Both cursor and writer are sticky: a read past the end yields zeros and sets `short_read`, a
 * write past the end writes nothing and sets `overflow`. Do every step, then test once. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; not terminated, may hold NUL. */
struct view {
    const uint8_t *ptr;
    size_t len;
};

static inline struct view view_of(const void *ptr, size_t len)
{
    return (struct view){.ptr = ptr, .len = len};
}

/* A string literal as a view; the length is computed, never typed. */
#define VIEW(literal) view_of((literal), sizeof(literal) - 1)

static inline bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (b.len == 0 || memcmp(a.ptr, b.ptr, b.len) == 0);
}

/* Terminated text as a view, without its terminator. */
static inline struct view view_of_text(const char *text)
{
    return view_of(text, strlen(text));
}

/* What follows the first `at` bytes; at <= v.len. */
static inline struct view view_from(struct view v, size_t at)
{
    return view_of(v.ptr + at, v.len - at);
}

static inline uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* Equal but for the case of ASCII letters; no locale. */
static inline bool view_equal_nocase(struct view a, struct view b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    return true;
}

/* Without the blanks (space, tab: what HTTP calls optional white space) on both sides. */
static inline struct view view_trim(struct view v)
{
    while (v.len && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
        v = view_from(v, 1);
    while (v.len && (v.ptr[v.len - 1] == ' ' || v.ptr[v.len - 1] == '\t'))
        v.len--;
    return v;
}

static inline uint16_t load_u16be(const void *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap16(v);
}

static inline uint32_t load_u32be(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap32(v);
}

static inline uint64_t load_u64be(const void *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

static inline void store_u16be(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, sizeof v);
}

static inline void store_u32be(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, sizeof v);
}

static inline void store_u64be(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "load_/store_ swap unconditionally");

/* ---- reading ---- */

struct cursor {
    const uint8_t *at, *end;
    bool short_read; /* sticky: some read ran past the end */
};

static inline struct cursor cursor_of(const void *ptr, size_t len)
{
    return (struct cursor){.at = ptr, .end = (const uint8_t *)ptr + len};
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next `len` bytes, borrowed from the buffer; NULL when fewer are left. */
static inline const uint8_t *cursor_take(struct cursor *c, size_t len)
{
    if (cursor_left(c) < len) {
        c->short_read = true;
        c->at = c->end;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += len;
    return p;
}

static inline void cursor_copy(struct cursor *c, void *out, size_t len)
{
    const uint8_t *p = cursor_take(c, len);
    if (p) memcpy(out, p, len);
    else memset(out, 0, len);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 1);
    return p ? *p : 0;
}

static inline uint16_t cursor_u16be(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 2);
    return p ? load_u16be(p) : 0;
}

static inline uint32_t cursor_u32be(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 4);
    return p ? load_u32be(p) : 0;
}

static inline uint64_t cursor_u64be(struct cursor *c)
{
    const uint8_t *p = cursor_take(c, 8);
    return p ? load_u64be(p) : 0;
}

/* ---- writing ---- */

struct writer {
    uint8_t *start, *at, *end;
    bool overflow; /* sticky: some write did not fit and was dropped whole */
};

static inline struct writer writer_of(void *ptr, size_t len)
{
    return (struct writer){.start = ptr, .at = ptr, .end = (uint8_t *)ptr + len};
}

static inline size_t writer_used(const struct writer *w)
{
    return (size_t)(w->at - w->start);
}

static inline size_t writer_left(const struct writer *w)
{
    return (size_t)(w->end - w->at);
}

/* Reserve `len` bytes for the caller to fill; NULL when they do not fit. */
static inline uint8_t *writer_take(struct writer *w, size_t len)
{
    if (w->overflow || writer_left(w) < len) {
        w->overflow = true;
        return NULL;
    }
    uint8_t *p = w->at;
    w->at += len;
    return p;
}

static inline void writer_put(struct writer *w, const void *bytes, size_t len)
{
    uint8_t *p = writer_take(w, len);
    if (p && len) memcpy(p, bytes, len);
}

static inline void writer_view(struct writer *w, struct view v)
{
    writer_put(w, v.ptr, v.len);
}

#define writer_literal(w, literal) writer_put((w), (literal), sizeof(literal) - 1)

static inline void writer_u8(struct writer *w, uint8_t v)
{
    writer_put(w, &v, 1);
}

static inline void writer_u16be(struct writer *w, uint16_t v)
{
    uint8_t *p = writer_take(w, 2);
    if (p) store_u16be(p, v);
}

static inline void writer_u32be(struct writer *w, uint32_t v)
{
    uint8_t *p = writer_take(w, 4);
    if (p) store_u32be(p, v);
}

static inline void writer_u64be(struct writer *w, uint64_t v)
{
    uint8_t *p = writer_take(w, 8);
    if (p) store_u64be(p, v);
}

static inline unsigned decimal_digits(uint64_t v)
{
    for (unsigned digits = 1;; digits += 4, v /= 10000) {
        if (v < 10) return digits;
        if (v < 100) return digits + 1;
        if (v < 1000) return digits + 2;
        if (v < 10000) return digits + 3;
    }
}

/* v at p, with zeros in front up to `digits`; v has no more. */
static inline void decimal_store(uint8_t *p, unsigned digits, uint64_t v)
{
    static const char PAIRS[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    for (; v > UINT32_MAX; v /= 100)
        memcpy(p + (digits -= 2), PAIRS + v % 100 * 2, 2);
    uint32_t rest = (uint32_t)v; /* cheaper to divide */
    for (; digits >= 2; rest /= 100)
        memcpy(p + (digits -= 2), PAIRS + rest % 100 * 2, 2);
    if (digits) *p = (uint8_t)('0' + rest);
}

/* Decimal ASCII, no leading zeros. */
static inline void writer_decimal(struct writer *w, uint64_t v)
{
    unsigned digits = decimal_digits(v);
    uint8_t *p = writer_take(w, digits);
    if (p) decimal_store(p, digits, v);
}

/* ---- appending: where room was made sure of once, for many small pieces ---- */

/* Where to append; NULL when `max` bytes do not fit. Then say with writer_appended() how far it went. */
static inline uint8_t *writer_room(struct writer *w, size_t max)
{
    uint8_t *p = writer_take(w, max);
    if (p) w->at = p;
    return p;
}

static inline void writer_appended(struct writer *w, uint8_t *end)
{
    w->at = end;
}

/* Each returns where the next piece goes. */
static inline uint8_t *append_view(uint8_t *p, struct view v)
{
    if (v.len) memcpy(p, v.ptr, v.len);
    return p + v.len;
}

#define append_literal(p, literal) append_view((p), VIEW(literal))

static inline uint8_t *append_decimal(uint8_t *p, uint64_t v)
{
    unsigned digits = decimal_digits(v);
    decimal_store(p, digits, v);
    return p + digits;
}

#endif
