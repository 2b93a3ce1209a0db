/* bench.h - one run: the world, the plan, the clock, the counts; what both kinds of load share. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "bench/options.h"
#include "bench/tally.h"

#include <signal.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

struct bench {
    const struct bench_opts *opts;
    struct world world;
    struct plan plan;
    struct tally tally;
    sigset_t stop_signals; /* blocked; asked for at every tick */
    bool interrupted;
    /* the pace of this phase */
    uint64_t start_ns, end_ns; /* end_ns 0: until the plan has no more */
    uint64_t started;          /* requests begun */
    uint64_t requests_max;     /* 0: no bound */
    uint64_t rate;             /* requests a second; 0: closed loop */
    uint64_t tick_ns, progress_ns;
    uint64_t answers;          /* so far */
    uint64_t progress_answers; /* when the progress line was last written */
};

uint64_t bench_now_ns(void);

/* A phase begins: counts and pace anew. duration_ms 0: until the plan has no more. */
void bench_phase(struct bench *b, enum phase phase, uint64_t duration_ms);

/* How many requests may begin now; 0 when the time or the number is over. UINT32_MAX: any. */
uint32_t bench_due(const struct bench *b, uint64_t now_ns);

/* Has this phase nothing more to begin, ever? */
bool bench_is_over(const struct bench *b, uint64_t now_ns);

/* A request begins: returns the moment it was due, from which its latency counts. */
uint64_t bench_begin(struct bench *b, enum ask kind, uint64_t now_ns);

/* Its answer came, and was looked at. */
struct answer {
    enum ask kind;
    enum flaw flaw;
    struct finding finding;
    size_t bytes;
    uint64_t due_ns;
};
void bench_answered(struct bench *b, const struct answer *a, uint64_t now_ns);

/* It will not come; a request of the plan's first phases is asked again. */
void bench_lost(struct bench *b, const struct request *r);

/* Every 10 ms or so: the progress line, and SIGINT. True when it was time (for the caller's
 * ticks). */
bool bench_tick(struct bench *b, uint64_t now_ns);

/* The question behind a request. */
struct question bench_question(const struct bench *b, const struct request *r);

/* The end of the measured time: what follows is waiting for stragglers. */
void bench_stop_clock(struct bench *b, uint64_t now_ns);

#endif
