/* types.h - what a tracker talks about: torrents, peers, announces, scrapes. Plain data only. */
#ifndef PROTO_TYPES_H
#define PROTO_TYPES_H

#include "base/bytes.h"

#define INFO_HASH_BYTES 20
#define PEER_ID_BYTES   20

/* v1: SHA-1 of the info dictionary; v2: SHA-256, cut to 20 bytes (BEP 52). */
struct info_hash {
    uint8_t bytes[INFO_HASH_BYTES];
};

struct peer_id {
    uint8_t bytes[PEER_ID_BYTES];
};

enum family { FAMILY_V4, FAMILY_V6, FAMILY_COUNT };

static inline enum family family_other(enum family f)
{
    return f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;
}

/* An address in network order; IPv4 uses the first 4 bytes, the rest is zero.
 * Never an IPv4-mapped IPv6 address: address_normalize() made it IPv4 (protocol.md V2). */
struct address {
    enum family family;
    uint8_t ip[16];
};

/* Bytes of an address / of a compact peer record (BEP 23, BEP 7) by family. */
#define ADDRESS_BYTES(family) ((family) == FAMILY_V4 ? 4u : 16u)
#define COMPACT_BYTES(family) (ADDRESS_BYTES(family) + 2u)

/* Leading bytes that tell one host from another as far as limits go: the IPv4 address, or the /64
 * that one IPv6 customer has. */
#define HOST_BYTES(family) ((family) == FAMILY_V4 ? 4u : 8u)

enum event {
    EVENT_NONE = 0, /* BEP 15's numbers */
    EVENT_COMPLETED = 1,
    EVENT_STARTED = 2,
    EVENT_STOPPED = 3,
    EVENT_PAUSED = 4, /* a partial seed (BEP 21); unofficial but real over UDP */
};

#define NUMWANT_UNSET (-1) /* the client left it to us, or said something negative */
#define LEFT_UNKNOWN  UINT64_MAX

/* One announce, decoded. Views point into the request and live as long as it does. */
struct announce {
    struct info_hash info_hash;
    struct peer_id peer_id;
    struct address address; /* the peer's: source address, or what a trusted proxy said */
    uint16_t port;          /* the peer's listen port, host order */
    enum event event;
    int32_t numwant;                     /* as asked; NUMWANT_UNSET, or 0..INT32_MAX */
    uint64_t left, uploaded, downloaded; /* bytes; left is LEFT_UNKNOWN when not said */
    uint32_t key;                        /* identity hint; 0 when absent */
    bool compact;                        /* HTTP: compact=0 asks for the dictionary form */
    bool no_peer_id;                     /* HTTP, dictionary form only */
    bool address_is_proxy; /* PROXY LOCAL / UNKNOWN: the address is the proxy's own (T75) */
    struct view passkey;   /* from the path, the query or BEP 41 URLData; empty when absent */
};

/* Peers handed out, in wire form: compact records, ready to be copied into an answer.
 * The caller sets room and limits; the store fills the counts. */
struct peer_list {
    uint8_t *compact[FAMILY_COUNT];  /* room for max[f] records of COMPACT_BYTES(f); may be NULL */
    uint8_t *peer_ids[FAMILY_COUNT]; /* room for max[f] ids, or NULL; needs store_peer_ids */
    uint16_t max[FAMILY_COUNT];      /* at most this many of each family */
    uint16_t max_total;              /* and together */
    uint16_t count[FAMILY_COUNT];
};

/* The numbers of one swarm. */
struct swarm_numbers {
    uint32_t complete;    /* seeders */
    uint32_t incomplete;  /* everybody else, partial seeds included */
    uint32_t downloaders; /* incomplete without partial seeds (BEP 21) */
    uint32_t downloaded;  /* completed downloads ever counted */
};

/* A peer as the store keeps it, in a form that outlives the process (proto/snapshot.h). */
struct stored_peer {
    struct address address;
    uint16_t port; /* host order */
    uint16_t tag;  /* keyed hash of the peer id; under another key it is a number without meaning */
    uint32_t age_s; /* since it was heard of, in the store's unit of time */
    bool is_seeder, is_partial, has_counted;
    bool has_id; /* else peer_id is zero and `tag` is all that is known of it */
    struct peer_id peer_id;
};

#define STORED_PEERS_MAX 64 /* in one stored_torrent */

/* A torrent, or a part of one that has more peers: parts of a torrent follow each other. */
struct stored_torrent {
    struct info_hash info_hash;
    uint32_t completed;                        /* downloads ever counted */
    uint32_t empty_s;                          /* without peers: for how long */
    uint32_t pairs_complete, pairs_incomplete; /* clients on both families, where estimated */
    uint32_t count;
    const struct stored_peer *peers;
};

/* Make an IPv4-mapped IPv6 address (::ffff:a.b.c.d) the IPv4 address it is. */
static inline void address_normalize(struct address *a)
{
    static const uint8_t MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a->family != FAMILY_V6 || memcmp(a->ip, MAPPED, sizeof MAPPED) != 0) return;
    memmove(a->ip, a->ip + 12, 4);
    memset(a->ip + 4, 0, 12);
    a->family = FAMILY_V4;
}

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, ADDRESS_BYTES(a->family)) == 0;
}

static inline bool address4_is_global(const uint8_t *ip)
{
    switch (ip[0]) {
    case 0:
    case 10:
    case 127: return false;
    case 100: return (ip[1] & 0xc0) != 64;
    case 169: return ip[1] != 254;
    case 172: return (ip[1] & 0xf0) != 16;
    case 192: return ip[1] != 168;
    default: return ip[0] < 224;
    }
}

bool address6_is_global(const uint8_t *ip);

static inline bool address4_is_possible(const uint8_t *ip)
{
    bool is_usual = (uint8_t)(ip[0] - 1) < 223;
    return is_usual || (ip[0] >= 240 && load_u32be(ip) != UINT32_MAX);
}

bool address6_is_possible(const uint8_t *ip);

/* Could a door have heard of this peer? Not on port 0 (A31), and not from where the kernel lets nobody
 * speak: the unspecified address and its /8, multicast, broadcast; nor is an IPv4-mapped address left
 * as it is (V2). Private and loopback addresses are fine: trackers of a LAN have no others. */
static inline bool endpoint_is_possible(const struct address *a, uint16_t port)
{
    if (port == 0) return false;
    return a->family == FAMILY_V4 ? address4_is_possible(a->ip) : address6_is_possible(a->ip);
}

/* Globally reachable? False for private, loopback, link-local, CGNAT, multicast, reserved and
 * unspecified addresses (protocol.md V30). */
static inline bool address_is_global(enum family family, const uint8_t *ip)
{
    return family == FAMILY_V4 ? address4_is_global(ip) : address6_is_global(ip);
}

#endif
