/* bench.c - see bench.h.
 *
 * Open loop   request n is due at start + n / rate. A stalled server makes requests leave late or
 *             find no free slot, but their latency still counts from when they were due, so that a
 *             stall is seen by every request it would have hit, not by one (no coordinated
 *             omission). What was due and found no room may begin after the end, for a timeout's
 *             length; what has not begun even then counts with the time it waited, and so does what
 *             was sent and not answered: a bound, and every figure it is part of is told as one.
 * Closed loop a request is due when it is sent: the figures are those of a full window, and of a
 *             server that is never asked more than it can answer. */
#include "bench/bench.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define TICK_NS       (10 * NS_PER_MS)
#define PROGRESS_NS   (500 * NS_PER_MS)
#define LATE_NS       NS_PER_MS
#define SPELL_NS      (100 * NS_PER_MS)
#define FILL_PATIENCE 5    /* timeouts without any answer, and a fill is given up */
#define WAITS_MAX     4096 /* steps in which the waits of those that never began are counted */

static const char *const PHASE_NAMES[] = {"connect", "fill", "load"};

uint64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void bench_signals_hold(struct bench *b)
{
    sigemptyset(&b->stop_signals);
    sigaddset(&b->stop_signals, SIGINT);
    sigaddset(&b->stop_signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &b->stop_signals, NULL);
}

static bool signal_take(const struct bench *b)
{
    return sigtimedwait(&b->stop_signals, NULL, &(struct timespec){0}) > 0;
}

void bench_signals_release(struct bench *b)
{
    while (signal_take(b)) /* they asked for the end of a phase, and got it */
        ;
    sigprocmask(SIG_UNBLOCK, &b->stop_signals, NULL);
}

static bool cost_read(struct bench *b, struct server_cost *out)
{
    if (!b->opts->pid_count) return false;
    int gone = server_cost_read(b->opts->pids, b->opts->pid_count, out);
    if (gone) b->tally.gone_pid = gone;
    return gone == 0;
}

void bench_phase(struct bench *b, enum phase phase, uint64_t duration_ms)
{
    plan_start(&b->plan, phase);
    b->tally = (struct tally){0};
    b->rate = phase == PHASE_LOAD ? b->opts->rate : 0;
    b->requests_max = phase == PHASE_LOAD ? b->opts->requests_max : 0;
    b->started = b->answers = b->progress_answers = 0;
    b->is_waiting = false;
    b->tally.has_cost = cost_read(b, &b->tally.before);
    b->start_ns = b->tick_ns = b->progress_ns = b->tally.start_ns = bench_now_ns();
    b->heard_ns = b->start_ns;
    b->end_ns = duration_ms ? b->start_ns + duration_ms * NS_PER_MS : 0;
}

void bench_stop_clock(struct bench *b, uint64_t now_ns)
{
    b->tally.end_ns = now_ns;
    b->tally.in_time = b->answers;
    b->is_waiting = true;
    if (!cost_read(b, &b->tally.after)) b->tally.has_cost = false;
}

/* A fill goes on until all is answered, but not with a server that is gone. */
static bool is_hopeless(const struct bench *b, uint64_t now_ns)
{
    uint64_t patience_ns = FILL_PATIENCE * b->opts->timeout_ms * NS_PER_MS;
    return b->plan.phase == PHASE_FILL && now_ns > b->heard_ns + patience_ns;
}

bool bench_is_over(const struct bench *b, uint64_t now_ns)
{
    return b->interrupted || is_hopeless(b, now_ns) || (b->end_ns && now_ns >= b->end_ns) ||
           (b->requests_max && b->started >= b->requests_max);
}

/* Open loop: how many requests were due by then, and before the end. */
static uint64_t due_by(const struct bench *b, uint64_t then_ns)
{
    if (b->end_ns && then_ns >= b->end_ns) then_ns = b->end_ns - 1;
    uint64_t due = (uint64_t)((__uint128_t)(then_ns - b->start_ns) * b->rate / NS_PER_S) + 1;
    return b->requests_max && due > b->requests_max ? b->requests_max : due;
}

static uint64_t since(uint64_t due_ns, uint64_t now_ns)
{
    return now_ns > due_ns ? now_ns - due_ns : 0;
}

/* The first moment at which due_by() counts request n, or just before it. */
static uint64_t due_at(const struct bench *b, uint64_t n)
{
    return b->start_ns + (uint64_t)((__uint128_t)n * NS_PER_S / b->rate);
}

uint32_t bench_due(const struct bench *b, uint64_t now_ns)
{
    uint64_t due = UINT32_MAX, timeout_ns = b->opts->timeout_ms * NS_PER_MS;
    if (b->interrupted) return 0;
    if (b->rate) {
        uint64_t by_now = due_by(b, now_ns);
        if (b->end_ns && now_ns >= b->end_ns + timeout_ns) return 0;
        due = by_now > b->started ? by_now - b->started : 0;
    } else {
        if (bench_is_over(b, now_ns)) return 0;
        if (b->requests_max) due = b->requests_max - b->started;
    }
    return due > UINT32_MAX ? UINT32_MAX : (uint32_t)due;
}

bool bench_has_backlog(const struct bench *b, uint64_t now_ns)
{
    return b->rate && b->is_waiting && bench_due(b, now_ns);
}

/* Requests from number `from` to `to` never began. In few steps, each with its shortest wait. */
static void never_began(struct bench *b, uint64_t from, uint64_t to, uint64_t now_ns)
{
    uint64_t step = (to - from) / WAITS_MAX + 1;
    b->tally.never_sent = to - from;
    for (; from < to; from += step) {
        uint64_t end = from + step < to ? from + step : to, due_ns = due_at(b, end - 1);
        histogram_add_bounds(&b->tally.latency, since(due_ns, now_ns), end - from);
    }
}

/* Who interrupts is not told of what was due since the last turn. */
void bench_end(struct bench *b, uint64_t now_ns)
{
    uint64_t due = b->started, then_ns = b->tally.end_ns;
    if (b->interrupted) then_ns -= then_ns - b->start_ns > TICK_NS ? TICK_NS : 0;
    if (b->rate && due_by(b, then_ns) > due) due = due_by(b, then_ns);
    b->tally.due = due;
    if (due > b->started) never_began(b, b->started, due, now_ns);
}

uint64_t bench_begin(struct bench *b, enum ask kind, uint64_t now_ns)
{
    uint64_t n = b->started++;
    b->tally.sent[kind]++;
    if (!b->rate) return now_ns;
    uint64_t due_ns = due_at(b, n), late_ns = since(due_ns, now_ns);
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
    b->heard_ns = now_ns;
    t->answered[a->kind]++;
    t->flaws[a->flaw]++;
    uint64_t latency_ns = since(a->due_ns, now_ns);
    histogram_add(&t->latency, latency_ns);
    if (latency_ns > SLOW_NS) slow_note(t, now_ns);
    if (a->flaw != FLAW_NONE || !is_announce(a->kind)) return;
    if (a->finding.interval_s < b->interval_s) b->interval_s = a->finding.interval_s;
    t->announces++;
    t->peers += a->finding.peers;
    t->announce_bytes += a->bytes;
}

void bench_lost(struct bench *b, const struct request *r)
{
    b->tally.lost[r->kind]++;
    plan_lost(&b->plan, r);
}

void bench_flaw(struct bench *b, enum flaw flaw)
{
    b->tally.flaws[flaw]++;
}

void bench_answered_late(struct bench *b, const struct answer *a, uint64_t now_ns)
{
    b->tally.late++;
    b->tally.flaws[a->flaw]++;
    histogram_add(&b->tally.latency, since(a->due_ns, now_ns));
}

void bench_unanswered(struct bench *b, uint64_t due_ns, uint64_t now_ns)
{
    uint64_t waited_ns = since(due_ns, now_ns), timeout_ns = b->opts->timeout_ms * NS_PER_MS;
    if (waited_ns < timeout_ns && !b->hurried) waited_ns = timeout_ns;
    histogram_add_bounds(&b->tally.latency, waited_ns, 1);
}

void bench_failed(struct bench *b, int error)
{
    b->tally.send_failures++;
    for (int i = 0; i < TALLY_ERRNOS_MAX; i++) {
        if (b->tally.errnos[i].number && b->tally.errnos[i].number != error) continue;
        b->tally.errnos[i].number = error;
        b->tally.errnos[i].count++;
        return;
    }
}

struct question bench_question(const struct bench *b, const struct request *r)
{
    const struct bench_opts *o = b->opts;
    struct question q = {.kind = r->kind,
                         .family = o->world.family,
                         .numwant = o->numwant,
                         .hashes = o->scrape_hashes,
                         .deep = o->deep_every && b->answers % o->deep_every == 0};
    if (!q.deep) return q;
    q.plan = &b->plan;
    q.request = r;
    q.any_address = o->is_remote;
    q.is_ours = b->is_filled && b->world.sizes;
    q.must_hold = q.is_ours && (b->tick_ns - b->filled_ns) / NS_PER_S < b->interval_s;
    if (r->kind == ASK_CONNECT || r->kind == ASK_SCRAPE) return q;
    struct world_peer peer = world_peer(&b->world, r->item);
    q.torrent = peer.torrent;
    q.asker_is_seeder = peer.is_seeder || r->kind == ASK_COMPLETED;
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
    if (signal_take(b)) {
        b->hurried = b->interrupted || b->is_waiting;
        b->interrupted = true;
    }
    if (!b->opts->quiet && now_ns - b->progress_ns >= PROGRESS_NS) progress_write(b, now_ns);
    return true;
}
