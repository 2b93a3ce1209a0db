/* naive.h - the store as one would write it in an afternoon: arrays that are searched from end to
 * end. It knows when the real one is lazy (large swarms drop the silent in sweeps only), nothing of
 * how it stores. One call is one rule of swarm.h. */
#ifndef TESTS_MODEL_NAIVE_H
#define TESTS_MODEL_NAIVE_H

#include "swarm/swarm.h"

#define NAIVE_TORRENTS 24
#define NAIVE_PEERS    1200
#define NAIVE_RING     8 /* completions a large swarm remembers, per family */

struct naive_peer {
    struct address address;
    uint16_t port;
    uint32_t id; /* a number for the 20 bytes */
    bool is_seeder, is_partial, has_counted;
    uint32_t heard; /* units of time */
};

struct naive_torrent {
    bool exists, is_large;
    uint32_t completed, empty_since_s;
    uint32_t count;
    struct naive_peer peers[NAIVE_PEERS];
    /* large only: who completed last, and whom the ring may have had from before it was large */
    uint32_t ring[FAMILY_COUNT][NAIVE_RING], ring_count[FAMILY_COUNT];
    uint32_t maybe[64], maybe_count;
};

struct naive {
    struct naive_torrent torrents[NAIVE_TORRENTS];
    struct swarm_opts limits;
    uint32_t unit_s;
};

struct naive_announce {
    uint32_t torrent, id;
    struct naive_peer peer; /* the asker as it would be stored */
    enum event event;
};

struct naive_answer {
    enum swarm_verdict verdict;
    bool completed_now;
    bool completion_is_open;       /* the real store decides, see naive_completion_settle() */
    struct naive_torrent *torrent; /* NULL: nothing to answer with */
};

void naive_announce(struct naive *n, const struct naive_announce *a, struct swarm_time time,
                    struct naive_answer *out);
/* Take over what the real store made of a completion that may or may not be remembered. */
void naive_completion_settle(struct naive_answer *out, enum family f, uint32_t id,
                             bool completed_now);
/* Torrents that are empty go after the announce was answered. */
void naive_drop_empty(struct naive *n, struct naive_torrent *t);
/* One visit of the sweep. `drops_counts`: a limit is near. */
void naive_sweep(struct naive *n, struct naive_torrent *t, struct swarm_time time,
                 bool drops_counts);

bool naive_is_expired(const struct naive *n, const struct naive_peer *p, struct swarm_time time);
bool naive_is_eligible(const struct naive *n, const struct naive_peer *p,
                       const struct naive_announce *asker, struct swarm_time time);
/* Small: exact, the silent left out. Large: what it counts right after a sweep, when clients on both
 * families were just looked for. */
struct swarm_numbers naive_numbers(const struct naive *n, const struct naive_torrent *t,
                                   struct swarm_time time);

#endif
