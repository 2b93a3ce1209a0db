/* metrics.h - counters: one block per thread, summed on read.
 *
 * Threads   metrics_add() touches only the calling thread's block; metrics_sum() may run on any
 *           thread at any time. Blocks are registered once per thread and never freed while the
 *           process lives, so a sum never loses what a finished thread counted.
 * Cost      an add is one load and one store, no locked instruction. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

enum metric {
#define METRIC(id, name, unit, help) id,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_unit { METRIC_UNIT_NONE, METRIC_UNIT_BYTES };

struct metric_row {
    const char *name, *help;
    enum metric_unit unit;
};

/* The row of a metric: name, unit, help. */
const struct metric_row *metric_row(enum metric id);

struct metrics {
    _Alignas(64) _Atomic uint64_t count[METRIC_COUNT];
};

extern _Thread_local struct metrics *metrics_mine;

/* Give the calling thread a block of its own; at most METRICS_THREADS_MAX threads do.
 * A thread that never calls it counts into a shared spare block whose numbers may lose updates. */
#define METRICS_THREADS_MAX 512
void metrics_thread_init(void);

/* The sum over all threads. */
uint64_t metrics_sum(enum metric id);

static inline void metrics_add(enum metric id, uint64_t n)
{
    _Atomic uint64_t *c = &metrics_mine->count[id];
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void metrics_inc(enum metric id)
{
    metrics_add(id, 1);
}

#endif
