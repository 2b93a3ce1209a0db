/* peer.h - how a peer lies in memory, and the one who asks.
 *
 *   IPv4   | ip 4  | port_be 2 | tag 2 | bits 2 | [id 20]      10 or 30 bytes
 *   IPv6   | ip 16 | port_be 2 | tag 2 | bits 2 | [id 20]      22 or 42 bytes
 *
 *   bits   15 seeder | 14 partial seed | 13 counted | 12 crowded | 11..0 when last heard of
 *
 * ip and port_be together are a compact record (BEP 23, BEP 7): handing a peer out is a copy.
 * `tag` is a keyed 16-bit hash of the peer id: it tells a restart, a moved port and the two families
 * of one client. `crowded` peers sit in a bucket by IP and port (table.c). The id is there only with
 * store_peer_ids. A run is an array of peers of one family, without padding. */
#ifndef SWARM_PEER_H
#define SWARM_PEER_H

#include "proto/types.h"

#define PEER_SEEDER    0x8000u
#define PEER_PARTIAL   0x4000u
#define PEER_COUNTED   0x2000u
#define PEER_CROWDED   0x1000u
#define PEER_AGE_MASK  0x0fffu
#define PEER_AGE_AHEAD 64u /* units that another thread's clock may be ahead of ours */
#define PEER_STATE     (PEER_SEEDER | PEER_PARTIAL)

#define PEER4_BYTES    10u
#define PEER6_BYTES    22u
#define PEER_BYTES_MAX (PEER6_BYTES + PEER_ID_BYTES)

_Static_assert(PEER4_BYTES == 4 + 2 + 2 + 2, "docs/ARCHITECTURE.md budgets 10 bytes per IPv4 peer");
_Static_assert(PEER6_BYTES == 16 + 2 + 2 + 2,
               "docs/ARCHITECTURE.md budgets 22 bytes per IPv6 peer");

/* Time as peers store it: units of unit_s seconds, 12 bits, wrapping. */
struct ages {
    uint16_t now;      /* 0..4095 */
    uint16_t lifetime; /* in units */
};

/* Nobody is too old. */
#define AGES_ANY ((struct ages){.lifetime = PEER_AGE_MASK})

static inline uint16_t peer_u16(const uint8_t *peer, unsigned at)
{
    uint16_t v;
    memcpy(&v, peer + at, sizeof v);
    return v;
}

static inline uint16_t peer_tag(const uint8_t *peer, enum family f)
{
    return peer_u16(peer, ADDRESS_BYTES(f) + 2);
}

static inline uint16_t peer_bits(const uint8_t *peer, enum family f)
{
    return peer_u16(peer, ADDRESS_BYTES(f) + 4);
}

static inline void peer_bits_set(uint8_t *peer, enum family f, uint16_t bits)
{
    memcpy(peer + ADDRESS_BYTES(f) + 4, &bits, sizeof bits);
}

static inline uint8_t *peer_id_at(uint8_t *peer, enum family f)
{
    return peer + ADDRESS_BYTES(f) + 6;
}

/* A peer from the future is not an old one: threads read the clock once per turn, so that the one
 * who looks may be a little behind the one who wrote. */
static inline bool bits_are_expired(uint16_t bits, struct ages ages)
{
    uint16_t age = (uint16_t)((ages.now - bits) & PEER_AGE_MASK);
    return age > ages.lifetime && age <= PEER_AGE_MASK - PEER_AGE_AHEAD;
}

/* Units since it was heard of; 0 for one from the future. */
static inline uint32_t bits_age(uint16_t bits, struct ages ages)
{
    uint32_t age = (uint32_t)(ages.now - bits) & PEER_AGE_MASK;
    return age <= PEER_AGE_MASK - PEER_AGE_AHEAD ? age : 0;
}

/* Does it only upload? Then only downloaders get it, and it gets only downloaders (M31, E4). */
static inline bool bits_only_upload(uint16_t bits)
{
    return (bits & PEER_STATE) != 0;
}

/* The announcing peer, made ready once per announce. */
struct asker {
    uint8_t peer[PEER_BYTES_MAX]; /* the peer as it would be stored; age and state included */
    enum family family;
    uint16_t tag;
    bool is_global; /* may not be given non-global peers (V30) */
    bool is_loopback;
    bool only_uploads; /* a seeder or partial seed */
};

/* Compared with constant sizes: two words instead of a call. */
static inline bool peer_same_endpoint(const uint8_t *peer, const struct asker *a)
{
    return a->family == FAMILY_V4 ? memcmp(peer, a->peer, COMPACT_BYTES(FAMILY_V4)) == 0
                                  : memcmp(peer, a->peer, COMPACT_BYTES(FAMILY_V6)) == 0;
}

/* The same host as far as limits go. */
static inline bool peer_same_prefix(const uint8_t *peer, const struct asker *a)
{
    return a->family == FAMILY_V4 ? memcmp(peer, a->peer, HOST_BYTES(FAMILY_V4)) == 0
                                  : memcmp(peer, a->peer, HOST_BYTES(FAMILY_V6)) == 0;
}

static inline bool peer_same_ip(const uint8_t *peer, const struct asker *a)
{
    return memcmp(peer, a->peer, ADDRESS_BYTES(a->family)) == 0;
}

#endif
