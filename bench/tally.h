/* tally.h - what was counted in one phase of a load. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include "bench/check.h"
#include "bench/histogram.h"
#include "bench/server_cost.h"

#define SLOW_NS          50000000u
#define TALLY_ERRNOS_MAX 8

struct tally {
    uint64_t start_ns, end_ns;
    uint64_t sent[ASK_COUNT], answered[ASK_COUNT], lost[ASK_COUNT];
    uint64_t due;        /* open loop: requests whose time had come; closed loop: all that began */
    uint64_t never_sent; /* of these: found no room until the run was over */
    uint64_t late;       /* of those lost: answered after all, later than the timeout */
    uint64_t in_time;    /* answers that came before end_ns: throughput and cost count these */
    uint64_t ignored;    /* bad connection ids that got no answer, which is right, too */
    uint64_t strays; /* came twice, or too late, or from a stranger and to nothing that was sent */
    uint64_t flaws[FLAW_COUNT];
    uint64_t send_failures; /* the kernel did not take a datagram, or refused a connection */
    struct {
        int number; /* errno; 0: the row is free */
        uint64_t count;
    } errnos[TALLY_ERRNOS_MAX]; /* of them; what finds no row is in the sum only */
    uint64_t late_starts; /* open loop: requests that left more than 1 ms after they were due */
    uint64_t late_max_ns; /* the latest of them: what the generator itself has to answer for */
    uint64_t peers, announces;  /* peers in how many announce answers */
    uint64_t announce_bytes;    /* of their payload or body */
    struct histogram latency;   /* ns */
    uint64_t slow, slow_spells; /* answers after SLOW_NS, and how many times they began to be */
    uint64_t slow_last_ns;      /* when the last of them came */
    int gone_pid;               /* of the watched processes, one that ended; 0: none */
    bool has_cost;
    struct server_cost before, after;
};

static inline uint64_t tally_sum(const uint64_t *counts)
{
    uint64_t sum = 0;
    for (int i = 0; i < ASK_COUNT; i++)
        sum += counts[i];
    return sum;
}

/* Due, and not answered in time, whatever became of it. */
static inline uint64_t tally_missing(const struct tally *t)
{
    return tally_sum(t->lost) + t->never_sent;
}

static inline double tally_loss_percent(const struct tally *t)
{
    return t->due ? 100.0 * (double)tally_missing(t) / (double)t->due : 0;
}

static inline uint64_t tally_flaws(const struct tally *t)
{
    uint64_t sum = 0;
    for (int i = FLAW_NONE + 1; i < FLAW_COUNT; i++)
        sum += t->flaws[i];
    return sum;
}

#endif
