/* interval.h - how often clients come back: etracker's adaptive rule, jitter, peer lifetime.
 *
 * The announced interval rises when the machine is loaded and falls when it is not, one second at a
 * time, between min_s and max_s. A peer lives two intervals (protocol.md M40), and never less than
 * two of the intervals that were announced while it could have been told (M44).
 *
 * Threads   interval_turn() from housekeeping; the getters from anywhere. */
#ifndef TRACKER_INTERVAL_H
#define TRACKER_INTERVAL_H

#include "base/rng.h"

#include <stdatomic.h>
#include <stdint.h>

#define INTERVAL_LIFETIME_TIMES 2 /* a peer lives so many intervals */

struct interval_opts {
    uint32_t start_s; /* announced at start; clamped into [min_s, max_s] */
    uint32_t min_s, max_s;
    uint32_t jitter_pct; /* an answer adds a random part of up to this share of the interval */
    uint32_t min_pct; /* "min interval" in answers, as a share of the interval; 0 leaves it out */
    double load_max;  /* 0 = cores - 0.5 */
};

/* What housekeeping measured. */
struct interval_load {
    double load[3]; /* 1, 5, 15 minutes */
    unsigned cores; /* for load_max = 0 */
};

struct interval {
    _Atomic uint32_t now_s;      /* announced */
    _Atomic uint32_t wanted_s;   /* where it drifts to */
    _Atomic uint32_t lifetime_s; /* of a peer */
    /* housekeeping only */
    uint32_t previous_s;
    uint32_t decide_at_s, step_at_s, lifetime_until_s;
};

void interval_init(struct interval *i, const struct interval_opts *opts, uint32_t now_s);

/* Drift one step and, when it is time, decide anew where to. Call about once a second. */
void interval_turn(struct interval *i, const struct interval_opts *opts,
                   const struct interval_load *load, uint32_t now_s);

/* Set the interval at once, for a reload that changed it; clamped into [min_s, max_s]. */
void interval_set(struct interval *i, const struct interval_opts *opts, uint32_t interval_s,
                  uint32_t now_s);

/* The load above which the interval grows: load_max, or `cores` - 0.5 where that is 0. */
double interval_load_max(const struct interval_opts *opts, unsigned cores);

/* Let peers live `lifetime_s`, where that is longer, until those that were told an interval of half of
 * it have come back: after a restart. At most what max_s leads to. */
void interval_lifetime_keep(struct interval *i, const struct interval_opts *opts,
                            uint32_t lifetime_s, uint32_t now_s);

static inline uint32_t interval_lifetime_s(const struct interval *i)
{
    return atomic_load_explicit(&i->lifetime_s, memory_order_relaxed);
}

/* The interval for one answer, jitter included. */
uint32_t interval_answer_s(const struct interval *i, const struct interval_opts *opts,
                           struct rng *rng);

/* The `min interval` of an answer; 0: leave it out. */
uint32_t interval_min_s(const struct interval *i, const struct interval_opts *opts);

#endif
