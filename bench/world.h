/* world.h - the torrents and peers a load is made of; all computed from numbers, hardly any stored.
 *
 * Peer k, for any k, is always the same: torrent, address, port, id. The live peers are k in
 * [first, first + peers); churn moves `first`. The first `torrents` peers have a torrent each, so
 * that every torrent exists once the world is filled; the others follow the popularity. Picking a
 * peer uniformly therefore picks torrents by their popularity, as re-announces of real peers do. */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "bench/zipf.h"
#include "proto/types.h"

struct world_opts {
    uint64_t torrents, peers;
    double zipf_s;                     /* 0: uniform */
    uint32_t seeders_pct;              /* peers with left = 0 */
    uint32_t sources;                  /* source addresses: peer k comes from number k % sources */
    uint32_t source_first, source_gap; /* they begin later, and leave so many out between two */
    enum family family;
    uint64_t seed;
};

struct world_size {
    uint32_t peers, seeders; /* seeders included */
};

struct world {
    struct world_opts opts;
    uint64_t first;           /* the oldest live peer */
    uint32_t *torrent_of;     /* by k % peers; NULL when uniform: then it is computed */
    struct world_size *sizes; /* by torrent, of the peers at the beginning; NULL: not counted */
};

struct world_peer {
    uint64_t torrent;
    uint32_t source;
    uint16_t port;
    bool is_seeder;
};

/* False when there is no memory: 4 bytes a peer unless popularity is uniform. */
bool world_init(struct world *w, const struct world_opts *opts);
void world_fini(struct world *w);

struct world_peer world_peer(const struct world *w, uint64_t k);
void world_peer_id(const struct world *w, uint64_t k, struct peer_id *out);
void world_info_hash(const struct world *w, uint64_t torrent, struct info_hash *out);

/* Source address number `source`: 127.1.0.0 upward, see source_first; the one ::1 for IPv6. */
struct address world_source(const struct world *w, uint32_t source);

/* Count the peers of each torrent as a fill announces them: from then on `sizes` is there. False when
 * there is no memory: 8 bytes a torrent. Cost: 20 to 100 ns a peer. */
bool world_count(struct world *w);

/* Can this endpoint have been announced for this torrent: by this run, or by another one of the same
 * world that is further on? With `any_address`, the port alone tells.
 * `ip` in network order, of the bytes that the family has. */
bool world_has(const struct world *w, uint64_t torrent, enum family family, const uint8_t *ip,
               uint16_t port, bool any_address);

/* Can two of the peers have the same endpoint? They can when there are more than ports. */
bool world_is_crowded(const struct world *w);

/* A torrent, by popularity; the same for the same state of `rng`, whatever churn did. */
uint64_t world_torrent(const struct world *w, struct rng *rng);

/* The last of the source addresses, as an offset into 127.0.0.0/8. */
static inline uint64_t world_last_source(const struct world_opts *o)
{
    return 0x10000u + ((uint64_t)o->source_first + o->sources - 1) * (o->source_gap + 1);
}

/* One of the live peers; with `source` >= 0, one of those from that address. */
uint64_t world_pick(const struct world *w, struct rng *rng, int64_t source);

#endif
