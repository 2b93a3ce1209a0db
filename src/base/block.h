/* block.h - looking at 16 bytes at once: where is the first that ...?
 *
 * Compilers make one instruction of each comparison of blocks (SSE2 is part of every x86-64, NEON of
 * every AArch64). Text in requests comes in runs of 2 to 50 bytes: too short for memchr(), whose call
 * costs more than its search, and too long for a loop over bytes. */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK_BYTES 16

typedef uint8_t block __attribute__((vector_size(BLOCK_BYTES)));

/* Reads BLOCK_BYTES, aligned or not. */
static inline block block_load(const uint8_t *p)
{
    block b;
    memcpy(&b, p, sizeof b);
    return b;
}

static inline block block_of(uint8_t c)
{
    return (block){c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c};
}

/* Comparisons yield blocks of 0 and 255. */
static inline block block_is(block b, uint8_t c)
{
    return (block)(b == block_of(c));
}

static inline block block_within(block b, uint8_t first, uint8_t last)
{
    return (block)(b - block_of(first) <= block_of(last - first));
}

/* Keeps one bit of each byte, each another one, and sums them up in the top byte. */
static inline unsigned block_mask_portable(block hits)
{
    uint64_t half[2];
    memcpy(half, &hits, sizeof half);
    for (int i = 0; i < 2; i++)
        half[i] = (le64toh(half[i]) & 0x8040201008040201) * 0x0101010101010101 >> 56;
    return (unsigned)(half[0] | half[1] << 8);
}

/* A bit for each byte, the first one lowest: set where it is not 0 but 255. */
static inline unsigned block_mask(block hits)
{
#ifdef __SSE2__
    return (unsigned)_mm_movemask_epi8((__m128i)hits);
#else
    return block_mask_portable(hits);
#endif
}

/* Where the first byte is that is not 0 but 255; BLOCK_BYTES when there is none. */
static inline unsigned block_first(block hits)
{
    return (unsigned)__builtin_ctz(block_mask(hits) | 1u << BLOCK_BYTES);
}

/* Where the first `a` or `b` is; `end` when there is none. */
static inline const uint8_t *find_either(const uint8_t *at, const uint8_t *end, uint8_t a,
                                         uint8_t b)
{
    for (size_t blocks = (size_t)(end - at) / BLOCK_BYTES; blocks; blocks--) {
        block bytes = block_load(at);
        unsigned found = block_mask(block_is(bytes, a) | block_is(bytes, b));
        if (found) return at + __builtin_ctz(found);
        at += BLOCK_BYTES;
    }
    while (at < end && *at != a && *at != b)
        at++;
    return at;
}

static inline const uint8_t *find_byte(const uint8_t *at, const uint8_t *end, uint8_t c)
{
    return find_either(at, end, c, c);
}

#endif
