/* swarm.h - who shares what: info hash -> peers. Knows no sockets, files, config or wall clock.
 *
 * Threads   any thread may call any function, but only one at a time sweeps; a call holds the lock
 *           of one shard at a time.
 * Memory    everything comes from one budget of slabs; no malloc after swarm_new().
 * Identity  a peer is its endpoint (torrent, family, IP, port). The same IP with the same peer id
 *           and another port is the same peer that moved. One client on both families counts once.
 * Sources   BEP 3 (semantics), BEP 7 (IPv6), BEP 21 (partial seeds), BEP 48 (counts). */
#ifndef SWARM_SWARM_H
#define SWARM_SWARM_H

#include "base/err.h"
#include "base/rng.h"
#include "proto/types.h"

#define SWARM_KEY_BYTES        48
#define SWARM_MEMORY_BYTES_MAX (1ull << 34) /* 16 GiB; more is not used */
#define SWARM_IP_PEERS_MAX     64           /* the highest ip_peers_max that is enforced */
#define SWARM_PICKS_MAX        1000 /* peers of one family in one answer, whatever room it has */

struct swarm_opts {
    uint64_t memory_bytes_max;  /* slabs; fixed at start (address space is reserved) */
    uint64_t torrents_max;      /* 0 = no limit; live */
    uint64_t peers_max;         /* 0 = no limit; live */
    uint32_t torrent_peers_max; /* in one swarm, both families; 0 = no limit; live */
    uint32_t ip_peers_max;      /* in one swarm, per IPv4 address or IPv6 /64; 0 = no limit; above
                                   SWARM_IP_PEERS_MAX it means that; live */
    bool ip_limit_loopback;     /* ip_peers_max holds for loopback addresses too; live */
    uint32_t completed_ttl_s;   /* how long an empty swarm's completed count is kept; live */
    uint32_t lifetime_s_max;    /* longest peer lifetime that will be asked for; fixed at start */
    const uint8_t *key;  /* SWARM_KEY_BYTES for the keyed hashes; NULL: random (tests fix it) */
    bool store_peer_ids; /* keep the 20 bytes for dictionary answers; fixed at start */
};

struct swarm; /* opaque: layout lives in swarm/ */

/* The moment of a call. `now_s` counts from any start and must not go backwards; threads may differ
 * by some seconds (up to 64). A peer that was not heard of for more than `lifetime_s` is gone, give
 * or take the store's unit of time: lifetime_s_max / 2048 + 1 seconds. */
struct swarm_time {
    uint32_t now_s;
    uint32_t lifetime_s;
};

/* What became of the announcing peer. */
enum swarm_verdict {
    SWARM_ADDED,
    SWARM_REFRESHED,     /* known endpoint; its state follows this announce */
    SWARM_MOVED,         /* same IP and peer id, new port: replaced */
    SWARM_REMOVED,       /* stopped */
    SWARM_UNKNOWN,       /* stopped, but nobody by that endpoint and id was there */
    SWARM_FULL_PEERS,    /* answered, not stored: peers_max */
    SWARM_FULL_TORRENTS, /* ... torrents_max */
    SWARM_FULL_TORRENT,  /* ... torrent_peers_max */
    SWARM_FULL_IP,       /* ... ip_peers_max */
    SWARM_FULL_MEMORY,   /* ... memory_bytes_max */
};

/* Answered, but not stored: a limit was reached. */
static inline bool swarm_is_full(enum swarm_verdict v)
{
    return v >= SWARM_FULL_PEERS;
}

#define SWARM_NEVER_HEARD UINT32_MAX

struct swarm_answer {
    enum swarm_verdict verdict;
    bool completed_now; /* this announce counted a completed download */
    uint32_t silent_s;  /* since the same client announced before, in the store's unit of time;
                          SWARM_NEVER_HEARD for everybody else */
    struct swarm_numbers numbers; /* after this announce */
    struct peer_list peers;       /* caller's room; never with the asker */
};

/* Whole-store counts. Peers count endpoints, not clients. */
struct swarm_counts {
    uint64_t torrents, peers[FAMILY_COUNT], seeders[FAMILY_COUNT];
    uint64_t memory_bytes; /* committed by slabs */
};

/* Create a store. ERR_NO_MEMORY when the address space cannot be reserved; ERR_OS when libsodium
 * does not start. */
enum err swarm_new(struct swarm **out, const struct swarm_opts *opts) MUST_CHECK;
void swarm_free(struct swarm *s);

/* The key in use, for a store that is to have the same. A secret. */
void swarm_key_copy(const struct swarm *s, uint8_t out[SWARM_KEY_BYTES]);

/* Change the live limits. */
void swarm_limits_set(struct swarm *s, const struct swarm_opts *opts);

/* The keyed hash of an info hash: compute once, use for prefetch and the call. */
uint64_t swarm_hash(const struct swarm *s, const struct info_hash *h);

/* Bring the lines that the next call on this hash reads into the cache. Stage 0 fetches the shard,
 * stage 1 its index, stage 2 the torrent's record; call each over a whole batch before the next. */
void swarm_prefetch(const struct swarm *s, uint64_t hash, int stage);

/* Record one announce and pick peers for the answer.
 *   a         event, left, address, port, peer_id count; numwant does not (out->peers has limits)
 *   out       out->peers: room and limits set by the caller, filled here
 *   cost      O(answer); one lock, no system call
 * A limit that is reached is a verdict, not an error: the answer still has peers and numbers. */
void swarm_announce(struct swarm *s, uint64_t hash, const struct announce *a,
                    struct swarm_time time, struct rng *rng, struct swarm_answer *out);

/* The numbers of one torrent; zeros and false when it is unknown. Changes nothing. */
bool swarm_scrape(const struct swarm *s, uint64_t hash, const struct info_hash *h,
                  struct swarm_time time, struct swarm_numbers *out);

/* The largest swarms, largest first; ties in the order they were met. */
#define SWARM_TOP_MAX 20
struct swarm_top_row {
    struct info_hash info_hash;
    struct swarm_numbers numbers;
};
struct swarm_top {
    bool by_seeders;       /* else by seeders and leechers */
    uint32_t count, least; /* a swarm that is no larger does not get in */
    struct swarm_top_row rows[SWARM_TOP_MAX];
};
void swarm_top_add(struct swarm_top *t, const struct info_hash *h, const struct swarm_numbers *n);

/* Forget silent peers in `shards` shards starting at `shard_from`; call with all of them in turn,
 * from one thread at a time.
 * No lock is held for longer than about 100 us, however large a swarm is. */
struct sweep_report { /* added to, so that one report can cover a whole cycle */
    uint64_t peers_removed, torrents_removed;
    uint64_t torrents_large; /* torrents kept as tables rather than as one run of peers */
    uint32_t torrent_peers_max, bucket_peers_max, shard_torrents_max;
    struct swarm_top *top[2];   /* NULL, or where to note the largest swarms; see swarm_top_add */
    uint64_t hold_ns_max;       /* longest lock hold, by clock_ns */
    uint64_t (*clock_ns)(void); /* NULL: holds are not measured */
};
uint32_t swarm_shard_count(const struct swarm *s);
void swarm_sweep(struct swarm *s, struct swarm_time time, uint32_t shard_from, uint32_t shards,
                 struct sweep_report *report);

void swarm_counts(const struct swarm *s, struct swarm_counts *out);

/* Every torrent of one shard, for full scrapes: 256 at a time under its lock, so `fn` must be short.
 * One may come twice when the shard grows meanwhile. */
typedef void swarm_visit_fn(void *ctx, const struct info_hash *h, const struct swarm_numbers *n);
void swarm_visit(const struct swarm *s, uint32_t shard, struct swarm_time time, swarm_visit_fn *fn,
                 void *ctx);

#endif
