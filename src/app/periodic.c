/* periodic.c - the rows of housekeeping.
 *
 * Sweep     each tick visits the shards that the time since the cycle's start asks for, so a cycle
 *           takes sweep_period whatever the store's size and however late a tick comes; what was
 *           missed is caught up in bounded slices.
 * Reload    signals only ask for it: a storm of them becomes a few a second, so that generations that
 *           wait for their grace period to pass are bounded, and the loop goes on.
 * Log line  etracker's, once a cycle but at most once a minute; its counts add up in between. */
#include "app/periodic.h"

#include "app/notify.h"
#include "app/report.h"
#include "app/server.h"
#include "app/stats_gather.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"
#include "proto/address_text.h"

#include <inttypes.h>
#include <stdlib.h>

#define SWEEP_TICK_MS      50
#define SECOND_MS          1000
#define SLOW_MS            100
#define RELOAD_TICK_MS     250
#define STATUS_TICK_MS     10000
#define PAGES_TICK_MS      100
#define STATE_TICK_MS      50
#define LISTS_TICK_MS      100
#define LINE_PERIOD_MS     60000
#define SWEEP_PARTS        16 /* of a peer's lifetime: a cycle, where sweep_period is 0 */
#define SWEEP_PERIOD_MAX_S 60
#define SWEEP_PARTS_MIN    8 /* whatever sweep_period says: numbers of large swarms follow the sweep */

/* ---- jobs ---- */

static uint64_t clock_ns(void)
{
    return clock_now_us() * 1000;
}

static uint64_t sweep_period_ms(const struct server *s)
{
    uint64_t lifetime_s = interval_lifetime_s(&s->tracker.interval);
    uint64_t period_s = s->live->settings.config.app.sweep_period_s;
    uint64_t max_s = lifetime_s / SWEEP_PARTS_MIN;
    if (!period_s) {
        period_s = lifetime_s / SWEEP_PARTS;
        max_s = SWEEP_PERIOD_MAX_S;
    }
    if (period_s > max_s) period_s = max_s;
    return period_s ? period_s * 1000 : 1000;
}

static void sweep_report_reset(struct sweep_state *w)
{
    w->report =
        (struct sweep_report){.clock_ns = clock_ns, .top = {&w->finding[0], &w->finding[1]}};
    w->us = 0;
}

/* A cycle is over: what it found becomes what is shown. */
static void sweep_publish(struct server *s)
{
    struct sweep_state *w = &s->periodic.sweep;
    const struct sweep_report *r = &w->report;
    uint64_t hold_ns_max = w->done.hold_ns_max;
    w->done = (struct stats_sweep){
        .period_s = sweep_period_ms(s) / 1000,
        .peers_removed = r->peers_removed - w->peers_before,
        .torrents_removed = r->torrents_removed - w->torrents_before,
        .us = w->us - w->us_before,
        .hold_ns_max = r->hold_ns_max > hold_ns_max ? r->hold_ns_max : hold_ns_max,
        .torrents_large = r->torrents_large,
        .torrent_peers_max = r->torrent_peers_max,
    };
    memcpy(w->top, w->finding, sizeof w->top);
}

static void sweep_cycle_begin(struct sweep_state *w)
{
    w->finding[0] = (struct swarm_top){.by_seeders = false};
    w->finding[1] = (struct swarm_top){.by_seeders = true};
    w->peers_before = w->report.peers_removed;
    w->torrents_before = w->report.torrents_removed;
    w->us_before = w->us;
}

/* What is in the store is counted anew by each cycle; what was removed adds up until it is told. */
static void sweep_cycle_end(struct server *s, uint64_t now_ms)
{
    struct sweep_state *w = &s->periodic.sweep;
    w->shard = 0;
    w->cycle_at_ms = now_ms;
    sweep_publish(s);
    if (now_ms >= w->line_at_ms) {
        report_line(s);
        w->line_at_ms = now_ms + LINE_PERIOD_MS;
        sweep_report_reset(w);
    }
    w->report.torrents_large = 0;
    w->report.torrent_peers_max = w->report.bucket_peers_max = w->report.shard_torrents_max = 0;
    sweep_cycle_begin(w);
}

static void job_sweep(struct server *s, uint64_t now_ms)
{
    struct sweep_state *w = &s->periodic.sweep;
    uint32_t shards = swarm_shard_count(s->swarm), slice_max = shards / SWEEP_PARTS + 1;
    uint64_t period_ms = sweep_period_ms(s), passed_ms = now_ms - w->cycle_at_ms;
    uint64_t until = passed_ms >= period_ms ? shards : shards * passed_ms / period_ms;
    if (until <= w->shard) return;
    uint32_t slice = (uint32_t)until - w->shard;
    if (slice > slice_max) slice = slice_max;
    struct swarm_time time = {
        .now_s = loop_now_s(&s->loop),
        .lifetime_s = interval_lifetime_s(&s->tracker.interval),
    };
    uint64_t start_us = clock_now_us();
    swarm_sweep(s->swarm, time, w->shard, slice, &w->report);
    w->us += clock_now_us() - start_us;
    w->shard += slice;
    if (w->shard >= shards) sweep_cycle_end(s, now_ms);
}

#define RATE_METRICS_MAX 6

struct rate_row {
    unsigned count;
    enum metric metrics[RATE_METRICS_MAX];
};

static const struct rate_row RATES[RATE_COUNT] = {
    [RATE_HTTP4] = {1, {METRIC_HTTP4_REQUESTS}},
    [RATE_UDP4] = {1, {METRIC_UDP4_REQUESTS}},
    [RATE_HTTP6] = {1, {METRIC_HTTP6_REQUESTS}},
    [RATE_UDP6] = {1, {METRIC_UDP6_REQUESTS}},
    [RATE_TOTAL] = {4,
                    {METRIC_HTTP4_REQUESTS, METRIC_UDP4_REQUESTS, METRIC_HTTP6_REQUESTS,
                     METRIC_UDP6_REQUESTS}},
    [RATE_ANNOUNCES] = {4,
                        {METRIC_UDP4_ANNOUNCES, METRIC_UDP6_ANNOUNCES, METRIC_HTTP4_ANNOUNCES,
                         METRIC_HTTP6_ANNOUNCES}},
    [RATE_CONNECTS] = {2, {METRIC_UDP4_CONNECTS, METRIC_UDP6_CONNECTS}},
    [RATE_SCRAPES] = {6,
                      {METRIC_UDP4_SCRAPES, METRIC_UDP6_SCRAPES, METRIC_HTTP4_SCRAPES,
                       METRIC_HTTP6_SCRAPES, METRIC_HTTP4_FULL_SCRAPES, METRIC_HTTP6_FULL_SCRAPES}},
    [RATE_SERVER_ERRORS] = {5,
                            {METRIC_HTTP_500, METRIC_HTTP_503, METRIC_UDP_RECV_FAILURES,
                             METRIC_UDP_SEND_FAILURES, METRIC_TCP_ACCEPT_FAILURES}},
};

static uint64_t rate_total(const struct rate_row *row)
{
    uint64_t total = 0;
    for (unsigned k = 0; k < row->count; k++)
        total += metrics_sum(row->metrics[k]);
    return total;
}

static void job_rates(struct server *s, uint64_t now_ms)
{
    struct rate_state *r = &s->periodic.rate;
    uint64_t elapsed_ms = now_ms - r->at_ms, cpu_us = os_cpu_time_us();
    if (elapsed_ms == 0) return;
    for (int i = 0; i < RATE_COUNT; i++) {
        uint64_t total = rate_total(&RATES[i]);
        struct stats_rate *rate = &r->rate[i];
        rate->now = ((total - r->total[i]) * 1000 + elapsed_ms / 2) / elapsed_ms;
        if (rate->now > rate->max) rate->max = rate->now;
        r->total[i] = total;
    }
    r->cpu = (double)(cpu_us - r->cpu_us) / 1000.0 / (double)elapsed_ms;
    r->cpu_us = cpu_us;
    r->at_ms = now_ms;
}

/* The kernel's counters are per socket and wrap; the metric is their sum. */
static uint64_t dropped_since(struct server *s)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->udp_fd_count; i++) {
        struct socket_seen *seen = &s->periodic.seen[i];
        uint32_t total = os_socket_drops(s->udp_fds[i]);
        uint32_t since = total - seen->drops;
        s->periodic.sockets[seen->row].drops += since;
        sum += since;
        seen->drops = total;
    }
    metrics_add(METRIC_UDP_KERNEL_DROPS, sum);
    return sum;
}

static uint64_t received_since(struct server *s)
{
    uint64_t total = metrics_sum(METRIC_UDP4_REQUESTS) + metrics_sum(METRIC_UDP6_REQUESTS);
    uint64_t since = total - s->periodic.datagrams;
    s->periodic.datagrams = total;
    return since;
}

static void job_interval(struct server *s, uint64_t now_ms)
{
    struct periodic *p = &s->periodic;
    uint64_t drops = dropped_since(s), received = received_since(s);
    bool is_overload = overload_is(drops, received);
    load_measure(&p->load, clock_now_us(), is_overload, &p->busy);
    if (overload_turn(&s->tracker.overload, is_overload))
        log_line(is_overload ? LOG_WARN : LOG_INFO,
                 "datagrams dropped by the kernel in the last second: %" PRIu64 "; left undone: %s",
                 drops, overload_name(atomic_load(&s->tracker.overload.level)));
    interval_turn(&s->tracker.interval, &s->live->tracker.interval, &p->busy,
                  (uint32_t)(now_ms / 1000));
}

static void job_history(struct server *s, uint64_t now_ms)
{
    (void)now_ms;
    stats_history_add(s);
}

static void job_reload(struct server *s, uint64_t now_ms)
{
    (void)now_ms;
    if (!s->reload_wanted) return;
    struct reload_report report;
    if (!s->reload_told) notify_reloading();
    s->reload_told = s->reload_wanted = server_reload(s, "a signal", &report) == RELOAD_LATER;
    if (!s->reload_wanted) notify_ready();
}

static void job_lists(struct server *s, uint64_t now_ms)
{
    bool changed = access_loader_turn(&s->lists, now_ms);
    if (changed || s->lists_waiting) server_take_lists(s);
}

static void job_retired(struct server *s, uint64_t now_ms)
{
    server_retire_turn(s, now_ms);
}

static void job_pages(struct server *s, uint64_t now_ms)
{
    admin_tick(s->admin);
    auth_tick(s->auth, now_ms);
}

static void job_map(struct server *s, uint64_t now_ms)
{
    (void)now_ms;
    map_tick(s->map);
}

static void job_state(struct server *s, uint64_t now_ms)
{
    uint64_t interval_ms = s->live->settings.config.app.save_interval_s * 1000ull;
    if (!upgrade_is_sending(s->upgrade)) state_tick(s->state, &s->tracker, interval_ms, now_ms);
    upgrade_tick(s->upgrade);
}

static void job_watchdog(struct server *s, uint64_t now_ms)
{
    watchdog_turn(&s->watchdog, s, now_ms);
}

static void job_status(struct server *s, uint64_t now_ms)
{
    struct swarm_counts counts;
    (void)now_ms;
    swarm_counts(s->swarm, &counts);
    notify_status("%llu torrents, %llu peers, %llu requests/s%s",
                  (unsigned long long)counts.torrents,
                  (unsigned long long)counts.peers[FAMILY_V4] + counts.peers[FAMILY_V6],
                  (unsigned long long)s->periodic.rate.rate[RATE_TOTAL].now,
                  s->watchdog.stuck ? "; a worker is stuck" : "");
}

struct job {
    const char *name;
    void (*run)(struct server *s, uint64_t now_ms);
    uint32_t period_ms;
    const char *help;
};

static const struct job JOBS[] = {
    {"rates", job_rates, SECOND_MS, "requests of the last second, by door and family"},
    {"interval", job_interval, SECOND_MS, "measure the load, let the interval follow it"},
    {"history", job_history, HISTORY_STEP_S *SECOND_MS, "a point of the charts"},
    {"sweep", job_sweep, SWEEP_TICK_MS, "forget silent peers, write the log line"},
    {"reload", job_reload, RELOAD_TICK_MS,
     "read the configuration again when a signal asked for it"},
    {"lists", job_lists, LISTS_TICK_MS, "put in force what was read of access lists"},
    {"map", job_map, MAP_TICK_MS, "send the viewers of the map what has come"},
    {"pages", job_pages, PAGES_TICK_MS,
     "close connections of operators, drop verdicts on passwords that are over their time"},
    {"state", job_state, STATE_TICK_MS, "save a snapshot when it is time or was asked for"},
    {"watchdog", job_watchdog, SECOND_MS, "see that every worker comes round"},
    {"status", job_status, STATUS_TICK_MS, "a line for the service manager"},
    {"retired", job_retired, SECOND_MS, "free configurations that nobody reads any more"},
};

#define JOB_COUNT (sizeof JOBS / sizeof *JOBS)
_Static_assert(JOB_COUNT <= PERIODIC_JOBS_MAX, "struct periodic has one due time a job");

/* ---- running them ---- */

/* What the UDP sockets are called. A worker has several of an address, one after the other, where a process
 * with more workers left them. */
static void sockets_name(struct server *s)
{
    const struct sockets *all = &s->sockets;
    struct periodic *p = &s->periodic;
    const struct door_socket *last = NULL;
    struct socket_seen *seen = p->seen;
    for (const struct door_socket *d = all->all; d < all->all + all->count; d++) {
        const struct listen_address *l = &all->addresses[d->address];
        if (d->is_tcp || (all->are_given && d->worker)) continue;
        if (!last || d->worker != last->worker || d->address != last->address) {
            struct stats_socket *row = &p->sockets[p->socket_count++];
            endpoint_print(&l->address, l->port, row->address);
            row->worker = d->worker;
        }
        seen++->row = p->socket_count - 1;
        last = d;
    }
}

/* What was counted before this process began. */
static void counters_note(struct server *s)
{
    struct periodic *p = &s->periodic;
    for (int i = 0; i < RATE_COUNT; i++)
        p->rate.total[i] = rate_total(&RATES[i]);
    for (uint32_t i = 0; i < s->udp_fd_count; i++)
        p->seen[i].drops = os_socket_drops(s->udp_fds[i]);
    (void)received_since(s);
}

void periodic_resume(struct server *s, const struct stats_rate rates[RATE_COUNT],
                     const struct load *load)
{
    struct periodic *p = &s->periodic;
    for (int i = 0; i < RATE_COUNT; i++)
        p->rate.rate[i].max = rates[i].max;
    memcpy(p->load.own, load->own, sizeof p->load.own);
    memcpy(p->load.dropping, load->dropping, sizeof p->load.dropping);
    counters_note(s);
}

enum err periodic_init(struct periodic *p, struct server *s, uint64_t now_ms)
{
    *p = (struct periodic){0};
    p->seen = calloc(s->udp_fd_count + 1, sizeof *p->seen);
    p->sockets = calloc(s->udp_fd_count + 1, sizeof *p->sockets);
    if (!p->seen || !p->sockets) return ERR_NO_MEMORY;
    sockets_name(s);
    counters_note(s);
    sweep_report_reset(&p->sweep);
    sweep_cycle_begin(&p->sweep);
    p->sweep.cycle_at_ms = p->rate.at_ms = now_ms;
    load_init(&p->load, clock_now_us());
    for (size_t i = 0; i < JOB_COUNT; i++)
        p->due_ms[i] = now_ms + JOBS[i].period_ms;
    return ERR_OK;
}

void periodic_fini(struct periodic *p)
{
    free(p->seen);
    free(p->sockets);
    p->seen = NULL;
    p->sockets = NULL;
}

static void run_timed(struct server *s, const struct job *job, uint64_t now_ms)
{
    uint64_t start_ms = clock_now_ms();
    job->run(s, now_ms);
    uint64_t took_ms = clock_now_ms() - start_ms;
    if (took_ms >= SLOW_MS)
        log_limited(LOG_DEBUG, "housekeeping: %s (%s) took %u ms", job->name, job->help,
                    (unsigned)took_ms);
}

int periodic_run(struct server *s, uint64_t now_ms)
{
    uint64_t next_ms = UINT64_MAX;
    for (size_t i = 0; i < JOB_COUNT; i++) {
        uint64_t *due_ms = &s->periodic.due_ms[i];
        if (now_ms >= *due_ms) {
            run_timed(s, &JOBS[i], now_ms);
            *due_ms += JOBS[i].period_ms;
            if (*due_ms <= now_ms) *due_ms = now_ms + JOBS[i].period_ms;
        }
        if (*due_ms < next_ms) next_ms = *due_ms;
    }
    return (int)(next_ms - now_ms);
}
