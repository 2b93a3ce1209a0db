/* unit.h - cmocka, and input placed against a guard page so that an over-read crashes. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <sys/mman.h>

#define GUARDED_BYTES_MAX 65536u

/* A copy of `len` bytes whose last byte is followed by an unreadable page. One live copy at a time. */
static inline uint8_t *guarded(const void *bytes, size_t len)
{
    static uint8_t *area;
    if (!area) {
        area = mmap(NULL, GUARDED_BYTES_MAX + 4096, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(area, MAP_FAILED);
        assert_int_equal(mprotect(area + GUARDED_BYTES_MAX, 4096, PROT_NONE), 0);
    }
    assert_true(len <= GUARDED_BYTES_MAX);
    uint8_t *at = area + GUARDED_BYTES_MAX - len;
    if (len) memcpy(at, bytes, len);
    return at;
}

#endif
