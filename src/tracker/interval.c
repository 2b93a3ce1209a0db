/* interval.c - see interval.h.
 *
 * Rule       etracker's: when all three load averages are below the limit, the wanted interval falls
 *            by 60 s, when all are above, it rises by 60 s, otherwise it stays; it is decided once per
 *            interval, every 10 s while the announced one still drifts. The announced interval follows
 *            by one second every max(round(previous / 60), 1) seconds, so that a step of 60 s is
 *            spread over about one old interval and clients do not come back in a wave.
 * Lifetime   two intervals. When the interval falls, peers that were told the longer one keep their
 *            longer life until it has passed. */
#include "tracker/interval.h"

#include <stdbool.h>

#define STEP_S        60
#define DRIFT_CHECK_S 10

static uint32_t clamp(uint32_t v, const struct interval_opts *o)
{
    if (v < o->min_s) return o->min_s;
    return v > o->max_s ? o->max_s : v;
}

static uint32_t step_every_s(uint32_t previous_s)
{
    uint32_t every_s = (previous_s + 30) / 60;
    return every_s ? every_s : 1;
}

static void lifetime_follow(struct interval *i, uint32_t now_s)
{
    uint32_t wanted_s = i->now_s * INTERVAL_LIFETIME_TIMES;
    bool has_passed = (int32_t)(now_s - i->lifetime_until_s) >= 0;
    if (wanted_s < i->lifetime_s && !has_passed) return;
    i->lifetime_s = wanted_s;
    i->lifetime_until_s = now_s + wanted_s;
}

void interval_init(struct interval *i, const struct interval_opts *opts, uint32_t now_s)
{
    uint32_t start_s = clamp(opts->start_s, opts);
    *i = (struct interval){.previous_s = start_s};
    atomic_init(&i->now_s, start_s);
    atomic_init(&i->wanted_s, start_s);
    atomic_init(&i->lifetime_s, start_s * INTERVAL_LIFETIME_TIMES);
    i->decide_at_s = now_s; /* the first decision is made at start */
    i->step_at_s = now_s + step_every_s(start_s);
    i->lifetime_until_s = now_s + start_s * INTERVAL_LIFETIME_TIMES;
}

void interval_lifetime_keep(struct interval *i, const struct interval_opts *opts,
                            uint32_t lifetime_s, uint32_t now_s)
{
    uint32_t most_s = opts->max_s * INTERVAL_LIFETIME_TIMES;
    if (lifetime_s > most_s) lifetime_s = most_s;
    if (lifetime_s <= i->lifetime_s) return;
    i->lifetime_s = lifetime_s;
    i->lifetime_until_s = now_s + lifetime_s;
}

double interval_load_max(const struct interval_opts *opts, unsigned cores)
{
    return opts->load_max > 0 ? opts->load_max : cores - 0.5;
}

static void decide(struct interval *i, const struct interval_opts *opts,
                   const struct interval_load *load, uint32_t now_s)
{
    double max = interval_load_max(opts, load->cores);
    int below = 0, above = 0;
    for (int n = 0; n < 3; n++) {
        below += load->load[n] < max;
        above += load->load[n] > max;
    }
    uint32_t wanted_s = i->wanted_s;
    i->previous_s = wanted_s;
    if (below == 3) wanted_s = wanted_s > STEP_S ? wanted_s - STEP_S : 0;
    if (above == 3) wanted_s += STEP_S;
    i->wanted_s = clamp(wanted_s, opts);
    uint32_t next_s = i->previous_s > i->wanted_s ? i->previous_s : i->wanted_s;
    i->decide_at_s = now_s + next_s;
}

void interval_turn(struct interval *i, const struct interval_opts *opts,
                   const struct interval_load *load, uint32_t now_s)
{
    i->wanted_s = clamp(i->wanted_s, opts);
    if ((int32_t)(now_s - i->decide_at_s) >= 0) {
        if (i->now_s == i->wanted_s) decide(i, opts, load, now_s);
        else i->decide_at_s = now_s + DRIFT_CHECK_S;
    }
    if ((int32_t)(now_s - i->step_at_s) >= 0) {
        if (i->now_s < i->wanted_s) i->now_s++;
        if (i->now_s > i->wanted_s) i->now_s--;
        i->step_at_s = now_s + step_every_s(i->previous_s);
    }
    if (i->now_s < opts->min_s || i->now_s > opts->max_s) i->now_s = clamp(i->now_s, opts);
    lifetime_follow(i, now_s);
}

void interval_set(struct interval *i, const struct interval_opts *opts, uint32_t interval_s,
                  uint32_t now_s)
{
    interval_s = clamp(interval_s, opts);
    i->now_s = i->wanted_s = i->previous_s = interval_s;
    i->decide_at_s = now_s + interval_s;
    lifetime_follow(i, now_s);
}

uint32_t interval_answer_s(const struct interval *i, const struct interval_opts *opts,
                           struct rng *rng)
{
    uint32_t now_s = atomic_load_explicit(&i->now_s, memory_order_relaxed);
    uint32_t spread_s = (uint32_t)((uint64_t)now_s * opts->jitter_pct / 100);
    return spread_s ? now_s + rng_below(rng, spread_s + 1) : now_s;
}

uint32_t interval_min_s(const struct interval *i, const struct interval_opts *opts)
{
    uint32_t now_s = atomic_load_explicit(&i->now_s, memory_order_relaxed);
    return (uint32_t)((uint64_t)now_s * opts->min_pct / 100);
}
