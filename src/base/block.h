/* block.h - looking at 16 bytes at once: where is the first that ...?
 *
 * Compilers make one instruction of each comparison of blocks (SSE2 is part of every x86-64, NEON of
 * every AArch64). Text in requests comes in runs of 2 to 50 bytes: too short for memchr(), whose call
 * costs more than its search, and too long for a loop over bytes. */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

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

/* Where the first byte is that is not 0 but 255; BLOCK_BYTES when there is none. */
static inline unsigned block_first(block hits)
{
#ifdef __SSE2__
    unsigned bits = (unsigned)_mm_movemask_epi8((__m128i)hits);
    return (unsigned)__builtin_ctz(bits | 1u << BLOCK_BYTES);
#else
    uint64_t half[2];
    memcpy(half, &hits, sizeof half);
    if (half[0]) return (unsigned)__builtin_ctzll(half[0]) / 8;
    return half[1] ? 8 + (unsigned)__builtin_ctzll(half[1]) / 8 : BLOCK_BYTES;
#endif
}

#endif
