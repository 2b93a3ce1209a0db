/* bench.c - see bench.h.
 *
 * Open loop   request n is due at start + n / rate. A stalled server makes requests leave late or
 *             find no free slot, but their latency still counts from when they were due, so that a
 *             stall is seen by every request it would have hit, not by one (no coordinated
 *             omission).
 * Closed loop a request is due when it is sent: the figures are those of a full window, and of a
 *             server that is never asked more than it can answer. */
#include "bench/bench.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS     (10 * NS_PER_MS)
#define PROGRESS_NS (500 * NS_PER_MS)
#define LATE_NS     NS_PER_MS
#define SPELL_NS    (100 * NS_PER_MS)

static const char *const PHASE_NAMES[] = {"connect", "fill", "load"};

uint64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool cost_read(const struct bench *b, struct server_cost *out)
{
    return b->opts->pid_count && server_cost_read(b->opts->pids, b->opts->pid_count, out);
}

void bench_phase(struct bench *b, enum phase phase, uint64_t duration_ms)
{
    plan_start(&b->plan, phase);
    b->tally = (struct tally){0};
    b->rate = phase == PHASE_LOAD ? b->opts->rate : 0;
    b->requests_max = phase == PHASE_LOAD ? b->opts->requests_max : 0;
    b->started = b->answers = b->progress_answers = 0;
    b->tally.has_cost = cost_read(b, &b->tally.before);
    b->start_ns = b->tick_ns = b->progress_ns = b->tally.start_ns = bench_now_ns();
    b->end_ns = duration_ms ? b->start_ns + duration_ms * NS_PER_MS : 0;
}

void bench_stop_clock(struct bench *b, uint64_t now_ns)
{
    b->tally.end_ns = now_ns;
    b->tally.in_time = b->answers;
    if (!cost_read(b, &b->tally.after)) b->tally.has_cost = false;
}

bool bench_is_over(const struct bench *b, uint64_t now_ns)
{
    return b->interrupted || (b->end_ns && now_ns >= b->end_ns) ||
           (b->requests_max && b->started >= b->requests_max);
}

uint32_t bench_due(const struct bench *b, uint64_t now_ns)
{
    if (bench_is_over(b, now_ns)) return 0;
    uint64_t due = UINT32_MAX;
    if (b->rate) {
        uint64_t by_now = (uint64_t)((__uint128_t)(now_ns - b->start_ns) * b->rate / NS_PER_S) + 1;
        due = by_now > b->started ? by_now - b->started : 0;
    }
    if (b->requests_max && due > b->requests_max - b->started) due = b->requests_max - b->started;
    return due > UINT32_MAX ? UINT32_MAX : (uint32_t)due;
}

uint64_t bench_begin(struct bench *b, enum ask kind, uint64_t now_ns)
{
    uint64_t n = b->started++;
    b->tally.sent[kind]++;
    if (!b->rate) return now_ns;
    uint64_t due_ns = b->start_ns + (uint64_t)((__uint128_t)n * NS_PER_S / b->rate);
    uint64_t late_ns = now_ns > due_ns ? now_ns - due_ns : 0;
    if (late_ns > LATE_NS) b->tally.late_starts++;
    if (late_ns > b->tally.late_max_ns) b->tally.late_max_ns = late_ns;
    return due_ns;
}

static bool is_announce(enum ask kind)
{
    return kind == ASK_ANNOUNCE || kind == ASK_STARTED || kind == ASK_COMPLETED;
}

/* One stall makes thousands of answers slow: they are one spell, as long as none is SPELL_NS behind
 * the one before. */
static void slow_note(struct tally *t, uint64_t now_ns)
{
    if (!t->slow++ || now_ns - t->slow_last_ns > SPELL_NS) t->slow_spells++;
    t->slow_last_ns = now_ns;
}

void bench_answered(struct bench *b, const struct answer *a, uint64_t now_ns)
{
    struct tally *t = &b->tally;
    b->answers++;
    t->answered[a->kind]++;
    t->flaws[a->flaw]++;
    uint64_t latency_ns = now_ns > a->due_ns ? now_ns - a->due_ns : 0;
    histogram_add(&t->latency, latency_ns);
    if (latency_ns > SLOW_NS) slow_note(t, now_ns);
    if (a->flaw != FLAW_NONE || !is_announce(a->kind)) return;
    t->announces++;
    t->peers += a->finding.peers;
    t->announce_bytes += a->bytes;
}

void bench_lost(struct bench *b, const struct request *r)
{
    b->tally.lost[r->kind]++;
    plan_lost(&b->plan, r);
}

struct question bench_question(const struct bench *b, const struct request *r)
{
    const struct bench_opts *o = b->opts;
    struct question q = {.kind = r->kind,
                         .family = o->world.family,
                         .numwant = o->numwant,
                         .hashes = o->scrape_hashes,
                         .deep = o->deep_every && b->answers % o->deep_every == 0};
    if (!q.deep || r->kind == ASK_CONNECT || r->kind == ASK_SCRAPE) return q;
    struct world_peer peer = world_peer(&b->world, r->item);
    q.asker = world_source(&b->world, peer.source);
    q.asker_port = peer.port;
    return q;
}

static void progress_write(struct bench *b, uint64_t now_ns)
{
    double seconds = (double)(now_ns - b->progress_ns) / (double)NS_PER_S;
    double rate = (double)(b->answers - b->progress_answers) / seconds;
    const struct tally *t = &b->tally;
    fprintf(stderr, "\r%-8s %6.1f s  %10.0f answers/s  lost %llu  wrong %llu  p99 %.3f ms   ",
            PHASE_NAMES[b->plan.phase], (double)(now_ns - b->start_ns) / (double)NS_PER_S, rate,
            (unsigned long long)tally_sum(t->lost), (unsigned long long)tally_flaws(t),
            (double)histogram_percentile(&t->latency, 99) / (double)NS_PER_MS);
    b->progress_answers = b->answers;
    b->progress_ns = now_ns;
}

bool bench_tick(struct bench *b, uint64_t now_ns)
{
    if (now_ns - b->tick_ns < TICK_NS) return false;
    b->tick_ns = now_ns;
    if (sigtimedwait(&b->stop_signals, NULL, &(struct timespec){0}) > 0) b->interrupted = true;
    if (!b->opts->quiet && now_ns - b->progress_ns >= PROGRESS_NS) progress_write(b, now_ns);
    return true;
}
