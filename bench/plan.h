/* plan.h - which request comes next. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "bench/world.h"

enum ask {
    ASK_CONNECT, /* UDP only */
    ASK_ANNOUNCE,
    ASK_STARTED,
    ASK_STOPPED,
    ASK_COMPLETED,
    ASK_SCRAPE,
    ASK_CHURN,  /* drawn only: becomes a stop of the oldest peer, or the start of a new one */
    ASK_BAD_ID, /* UDP only: an announce with a connection id that was never issued */
    ASK_COUNT,
};

extern const char *const ASK_NAMES[ASK_COUNT]; /* as the --mix option spells them */

/* Weights of the kinds. */
struct mix {
    uint32_t weight[ASK_COUNT];
};

#define PLAN_DRAWS 4096 /* weights are rounded to this many parts */

enum phase { PHASE_CONNECT, PHASE_FILL, PHASE_LOAD };

struct request {
    enum ask kind;
    uint64_t item; /* a peer; ASK_CONNECT: a source; ASK_SCRAPE: what to draw the hashes from */
};

struct plan {
    struct world *world;
    struct rng rng;
    enum phase phase;
    uint64_t next, end; /* PHASE_CONNECT: sources; PHASE_FILL: peers */
    bool churn_starts;  /* the next half of a churn */
    uint8_t draws[PLAN_DRAWS];
    uint64_t retry_count, retry_max;
    uint64_t *retries; /* items of PHASE_CONNECT and PHASE_FILL that were lost */
};

/* False when there is no memory. `retry_max`: requests that can be outstanding. */
bool plan_init(struct plan *p, struct world *w, const struct mix *mix, uint64_t retry_max,
               uint64_t seed);
void plan_fini(struct plan *p);

void plan_start(struct plan *p, enum phase phase);

/* The next request; false when the phase has no more (PHASE_LOAD always has).
 * `source`: the address it must come from; -1: any. */
bool plan_next(struct plan *p, int64_t source, struct request *out);

/* Will plan_next() have one? */
static inline bool plan_has_more(const struct plan *p)
{
    return p->phase == PHASE_LOAD || p->retry_count || p->next < p->end;
}

/* This one got no answer: in PHASE_CONNECT and PHASE_FILL it will come again. */
void plan_lost(struct plan *p, const struct request *r);

/* Torrent number i of a scrape, always the same for one request. */
uint64_t plan_scrape_torrent(const struct plan *p, const struct request *r, uint32_t i);

/* Does this mix leave every torrent as the fill made it? */
bool mix_is_steady(const struct mix *mix);

#endif
