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

struct world {
    struct world_opts opts;
    uint64_t first;       /* the oldest live peer */
    uint32_t *torrent_of; /* by k % peers; NULL when uniform: then it is computed */
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

/* One of the live peers; with `source` >= 0, one of those from that address. */
uint64_t world_pick(const struct world *w, struct rng *rng, int64_t source);

#endif
