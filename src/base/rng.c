/* rng.c - seeding. */
#include "base/rng.h"

#include <sodium.h>

/* splitmix64 spreads one word over the state, as the authors of xoshiro recommend. */
void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9e3779b97f4a7c15u;
        uint64_t z = seed;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        r->s[i] = z ^ (z >> 31);
    }
}

void rng_init_secure(struct rng *r)
{
    uint64_t seed;
    randombytes_buf(&seed, sizeof seed);
    rng_init(r, seed);
}
