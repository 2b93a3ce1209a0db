/* metrics.c - registry of the per-thread counter blocks.
 *
 * Idea      a thread adds to its own cache lines with plain relaxed stores; readers sum. Nothing is
 *           shared while counting, so counting costs the same with one worker or sixty-four.
 * Rejected  atomic increments on shared counters: a locked instruction and a bouncing line each. */
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>

static const struct metric_row ROWS[METRIC_COUNT] = {
#define METRIC(id, name_, unit_, help_)                                                            \
    [id] = {.name = name_, .help = help_, .unit = METRIC_UNIT_##unit_},
#include "base/metrics.def"
#undef METRIC
};

static struct metrics spare;
_Thread_local struct metrics *metrics_mine = &spare;

static _Atomic(struct metrics *) blocks[METRICS_THREADS_MAX];
static _Atomic uint32_t block_count;

const struct metric_row *metric_row(enum metric id)
{
    assert((unsigned)id < METRIC_COUNT);
    return &ROWS[id];
}

void metrics_thread_init(void)
{
    if (metrics_mine != &spare) return;
    struct metrics *m = aligned_alloc(64, sizeof *m);
    if (!m) return;
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        atomic_init(&m->count[i], 0);
    uint32_t slot = atomic_fetch_add(&block_count, 1);
    assert(slot < METRICS_THREADS_MAX);
    atomic_store(&blocks[slot], m);
    metrics_mine = m;
}

uint64_t metrics_sum(enum metric id)
{
    uint64_t sum = atomic_load_explicit(&spare.count[id], memory_order_relaxed);
    uint32_t n = atomic_load(&block_count);
    for (uint32_t i = 0; i < n && i < METRICS_THREADS_MAX; i++) {
        struct metrics *m = atomic_load(&blocks[i]);
        if (m) sum += atomic_load_explicit(&m->count[id], memory_order_relaxed);
    }
    return sum;
}
