/* hash.h - keyed hashes, so that nobody outside can choose what collides.
 *
 * hash64() is SipHash-2-4 from libsodium: strong, about 20 ns for 20 bytes. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hash_key {
    uint8_t bytes[crypto_shorthash_KEYBYTES]; /* 16 */
};

static inline uint64_t hash64(const struct hash_key *key, const void *bytes, size_t len)
{
    uint8_t out[crypto_shorthash_BYTES];
    crypto_shorthash(out, bytes, len, key->bytes);
    uint64_t v;
    memcpy(&v, out, sizeof v);
    return v;
}

/* Map a 32-bit hash to [0, bound) without a division. */
static inline uint32_t hash_range(uint32_t hash, uint32_t bound)
{
    return (uint32_t)(((uint64_t)hash * bound) >> 32);
}

#endif
