/* dump.h - the store's content out and in again, for snapshots: swarm_dump(), swarm_restore().
 *
 * Threads   any; announces go on meanwhile. One dump has one swarm_dump_at, for one thread.
 * Content   what was there all the time of a dump is in it; what came, went or changed meanwhile is
 *           in it as it was at some moment of it, or not. */
#ifndef SWARM_DUMP_H
#define SWARM_DUMP_H

#include "swarm/swarm.h"

#define SWARM_DUMP_TORRENTS_MAX 128 /* a call */
#define SWARM_SHARDS_MAX        (1u << 14)

/* How far a dump has come; zero at first. */
struct swarm_dump_at {
    uint32_t shard;   /* of swarm_shard_count() */
    uint32_t skipped; /* shards, see swarm_dump() */
    /* private */
    bool has_begun;
    uint32_t begun_s;
    uint64_t position;
    uint32_t large_count, table;
    uint64_t bucket;
    struct info_hash large[SWARM_DUMP_TORRENTS_MAX];
    uint64_t skips[SWARM_SHARDS_MAX / 64]; /* a bit each */
};

/* Called under a shard's lock: must be short, and make no system call. Parts of a large torrent
 * follow each other. */
typedef void swarm_dump_fn(void *ctx, const struct stored_torrent *t);

/* Pass some more on, one hold of a lock (at most about 100 us; some 500 peers or 100 torrents, and
 * never more than 65535 + 512 peers). False when that was all. A shard that somebody, who must be
 * stuck, keeps for half a second is skipped from there on.
 *   time      now; ages are told as of the first call */
bool swarm_dump(const struct swarm *s, struct swarm_time time, struct swarm_dump_at *at,
                swarm_dump_fn *fn, void *ctx);

/* Would the torrent have been in one of the shards that were skipped? */
bool swarm_dump_skipped(const struct swarm *s, const struct swarm_dump_at *at,
                        const struct info_hash *h);

/* What became of what was restored. */
struct restore_report {        /* added to */
    uint64_t torrents, peers;  /* new here */
    uint64_t peers_known;      /* were here; the newer state stays */
    uint64_t peers_expired;    /* not heard of for a lifetime */
    uint64_t peers_impossible; /* no door would have let them in: endpoint_is_possible() */
    uint64_t peers_refused, torrents_refused; /* a limit, or memory */
};

/* Put a torrent, or a part of one, into the store as if its peers had announced t->age_s ago: limits
 * hold, the newer of two of the same endpoint stays, the higher completed count, too. Takes a peer's
 * tag from its id where there is one. Who cannot be is left out: checksums keep out what disks do, not
 * who writes the file. Counts nothing in metrics. */
void swarm_restore(struct swarm *s, const struct stored_torrent *t, struct swarm_time time,
                   struct restore_report *report);

/* What a snapshot must say of the store it is of. */
struct swarm_traits {
    uint32_t age_unit_s;
    bool store_peer_ids;
    uint64_t tag_check; /* differs where tags do, because the key is another */
};
void swarm_traits(const struct swarm *s, struct swarm_traits *out);

#endif
