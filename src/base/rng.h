/* rng.h - per-thread random numbers for choices that must be fair but need not be secret
 * (which peers, how much jitter). Keys and ids come from libsodium, never from here.
 *
 * xoshiro256** by Blackman and Vigna: 4 words of state, about a nanosecond a number. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* Seed from one number (tests) or from secure random bytes (workers). */
void rng_init(struct rng *r, uint64_t seed);
void rng_init_secure(struct rng *r);

static inline uint64_t rng_rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t out = rng_rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotl(s[3], 45);
    return out;
}

/* Uniform in [0, bound); bound >= 1. The bias of the multiply is below 2^-32 for bounds of 32 bits. */
static inline uint32_t rng_below(struct rng *r, uint32_t bound)
{
    return (uint32_t)(((__uint128_t)rng_u64(r) * bound) >> 64);
}

#endif
