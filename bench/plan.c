/* plan.c - see plan.h. */
#include "bench/plan.h"

#include <assert.h>
#include <stdlib.h>

const char *const ASK_NAMES[ASK_COUNT] = {
    [ASK_CONNECT] = "connect", [ASK_ANNOUNCE] = "announce",   [ASK_STARTED] = "started",
    [ASK_STOPPED] = "stopped", [ASK_COMPLETED] = "completed", [ASK_SCRAPE] = "scrape",
    [ASK_CHURN] = "churn",     [ASK_BAD_ID] = "bad_id",
};

/* A table of kinds, in proportion to their weights. */
static void draws_fill(struct plan *p, const struct mix *mix)
{
    uint64_t total = 0, sum = 0;
    for (int i = 0; i < ASK_COUNT; i++)
        total += mix->weight[i];
    assert(total > 0);
    uint32_t at = 0;
    for (int i = 0; i < ASK_COUNT; i++) {
        sum += mix->weight[i];
        for (uint32_t end = (uint32_t)(sum * PLAN_DRAWS / total); at < end; at++)
            p->draws[at] = (uint8_t)i;
    }
}

bool plan_init(struct plan *p, struct world *w, const struct mix *mix, uint64_t retry_max,
               uint64_t seed)
{
    *p = (struct plan){.world = w, .retry_max = retry_max};
    rng_init(&p->rng, seed);
    draws_fill(p, mix);
    p->retries = malloc(retry_max * sizeof *p->retries);
    return p->retries != NULL;
}

void plan_fini(struct plan *p)
{
    free(p->retries);
    p->retries = NULL;
}

void plan_start(struct plan *p, enum phase phase)
{
    p->phase = phase;
    p->next = p->retry_count = 0;
    p->end = phase == PHASE_CONNECT ? p->world->opts.sources : p->world->opts.peers;
}

static bool next_in_turn(struct plan *p, struct request *out)
{
    out->kind = p->phase == PHASE_CONNECT ? ASK_CONNECT : ASK_STARTED;
    if (p->retry_count) out->item = p->retries[--p->retry_count];
    else if (p->next < p->end) out->item = p->next++;
    else return false;
    return true;
}

/* The oldest peer leaves, then another takes its place. Where the address is given, any of its
 * peers leaves, or comes back. */
static void next_churn(struct plan *p, int64_t source, struct request *out)
{
    struct world *w = p->world;
    if (source >= 0)
        *out = (struct request){p->churn_starts ? ASK_STARTED : ASK_STOPPED,
                                world_pick(w, &p->rng, source)};
    else if (p->churn_starts) *out = (struct request){ASK_STARTED, w->first + w->opts.peers - 1};
    else *out = (struct request){ASK_STOPPED, w->first++};
    p->churn_starts = !p->churn_starts;
}

bool plan_next(struct plan *p, int64_t source, struct request *out)
{
    if (p->phase != PHASE_LOAD) return next_in_turn(p, out);
    out->kind = (enum ask)p->draws[rng_u64(&p->rng) % PLAN_DRAWS];
    switch (out->kind) {
    case ASK_CHURN: next_churn(p, source, out); break;
    case ASK_CONNECT: out->item = rng_below(&p->rng, p->world->opts.sources); break;
    case ASK_SCRAPE: out->item = rng_u64(&p->rng); break;
    default: out->item = world_pick(p->world, &p->rng, source); break;
    }
    return true;
}

void plan_lost(struct plan *p, const struct request *r)
{
    if (p->phase != PHASE_LOAD && p->retry_count < p->retry_max)
        p->retries[p->retry_count++] = r->item;
}

uint64_t plan_scrape_torrent(const struct plan *p, const struct request *r, uint32_t i)
{
    struct rng rng;
    rng_init(&rng, r->item + i);
    return world_torrent(p->world, &rng);
}

bool mix_is_steady(const struct mix *mix)
{
    return !mix->weight[ASK_STOPPED] && !mix->weight[ASK_COMPLETED] && !mix->weight[ASK_CHURN];
}
