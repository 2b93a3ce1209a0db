/* hex.h - packets written as hex in tests, blanks ignored; the bytes lie against a guard page. */
#ifndef TESTS_HEX_H
#define TESTS_HEX_H

#include "unit.h"

#include "base/bytes.h"

#include <stdlib.h>

#define HEX_BYTES_MAX 4096

/* Borrowed until the next call of guarded(). */
static inline struct view hex(const char *text)
{
    uint8_t bytes[HEX_BYTES_MAX];
    size_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p == ' ') continue;
        char pair[3] = {p[0], p[1], '\0'};
        assert_true(n < sizeof bytes && p[1] != '\0');
        bytes[n++] = (uint8_t)strtoul(pair, NULL, 16);
        p++;
    }
    return view_of(guarded(bytes, n), n);
}

static inline void assert_bytes_are(const void *bytes, size_t len, const char *text)
{
    struct view want = hex(text);
    assert_int_equal(len, want.len);
    assert_memory_equal(bytes, want.ptr, len);
}

#endif
