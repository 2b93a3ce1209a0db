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
    sigset_t stop_signals; /* blocked while phases run; asked for at every tick */
    bool interrupted;      /* a first signal: nothing new begins */
    bool hurried;          /* a signal while answers are waited for: no more of that */
    bool is_waiting;       /* the clock is stopped */
    bool is_filled;        /* every peer was announced by us, from filled_ns on */
    uint64_t filled_ns;
    uint32_t interval_s; /* the shortest that an answer named; UINT32_MAX: none yet */
    /* the pace of this phase */
    uint64_t start_ns, end_ns; /* end_ns 0: until the plan has no more */
    uint64_t started;          /* requests begun */
    uint64_t requests_max;     /* 0: no bound */
    uint64_t rate;             /* requests a second; 0: closed loop */
    uint64_t tick_ns, progress_ns;
    uint64_t answers;          /* so far */
    uint64_t heard_ns;         /* when the last one came */
    uint64_t progress_answers; /* when the progress line was last written */
};

uint64_t bench_now_ns(void);

/* Hold SIGINT and SIGTERM back for the phases, and let them do what they usually do again. */
void bench_signals_hold(struct bench *b);
void bench_signals_release(struct bench *b);

/* A phase begins: counts and pace anew. duration_ms 0: until the plan has no more. */
void bench_phase(struct bench *b, enum phase phase, uint64_t duration_ms);

/* How many requests may begin now; 0 when the time or the number is over. UINT32_MAX: any.
 * In an open loop what was due before the end may still begin for a timeout's length after it. */
uint32_t bench_due(const struct bench *b, uint64_t now_ns);

/* Open loop, after the end: is there something that was due and has not begun? */
bool bench_has_backlog(const struct bench *b, uint64_t now_ns);

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

/* A wrong answer that belongs to no request. */
void bench_flaw(struct bench *b, enum flaw flaw);

/* No answer came in time; a request of the plan's first phases is asked again. One of the two below
 * follows, once it is known how long it waited. */
void bench_lost(struct bench *b, const struct request *r);

/* A lost one was answered after all: its latency is known. `a` as for bench_answered(). */
void bench_answered_late(struct bench *b, const struct answer *a, uint64_t now_ns);

/* A lost one was not: its latency is at least what it has waited, and the timeout, which it would
 * have waited in vain had it not failed at once. */
void bench_unanswered(struct bench *b, uint64_t due_ns, uint64_t now_ns);

/* A system call failed that a request needed. */
void bench_failed(struct bench *b, int error);

/* Every 10 ms or so: the progress line, and SIGINT. True when it was time (for the caller's
 * ticks). */
bool bench_tick(struct bench *b, uint64_t now_ns);

/* The question behind a request. */
struct question bench_question(const struct bench *b, const struct request *r);

/* The end of the measured time: what follows is waiting for stragglers. */
void bench_stop_clock(struct bench *b, uint64_t now_ns);

/* The end of that, too: what was due and never began is counted. */
void bench_end(struct bench *b, uint64_t now_ns);

#endif
