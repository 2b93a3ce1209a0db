/* stats_gather.c - from the running program to struct stats, and the points of the history. Serving
 * them: stats_pages.c. */
#include "app/stats_gather.h"

#include "app/server.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/os_linux.h"

#include <langinfo.h>
#include <locale.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---- start ---- */

/* What the locale puts between thousands; `name` "" is the environment's. No setlocale(): whoever
 * prints or reads a number elsewhere must not notice. */
static void separator_find(const char *name, char out[TEXT_SEPARATOR_BYTES_MAX + 1])
{
    out[0] = '\0';
    locale_t locale = newlocale(LC_NUMERIC_MASK, name, (locale_t)0);
    if (!locale) {
        log_line(LOG_WARN, "locale: this system does not know %s: numbers stay plain",
                 name[0] ? name : "the environment's");
        return;
    }
    const char *found = nl_langinfo_l(THOUSEP, locale);
    if (strlen(found) <= TEXT_SEPARATOR_BYTES_MAX) memcpy(out, found, strlen(found) + 1);
    freelocale(locale);
}

/* The log is ASCII: a no-break space, narrow or not, becomes a plain one there; of what else is none
 * the line has nothing. */
static void log_separator_make(const char *separator, char out[TEXT_SEPARATOR_BYTES_MAX + 1])
{
    static const char *const NO_BREAK_SPACES[] = {"\xc2\xa0", "\xe2\x80\xaf", "\xa0"};
    bool is_ascii = strlen(separator) == 1 && separator[0] >= ' ' && separator[0] <= '~';
    snprintf(out, TEXT_SEPARATOR_BYTES_MAX + 1, "%s", is_ascii ? separator : "");
    for (size_t i = 0; i < sizeof NO_BREAK_SPACES / sizeof *NO_BREAK_SPACES; i++)
        if (strcmp(separator, NO_BREAK_SPACES[i]) == 0) memcpy(out, " ", 2);
}

void stats_init(struct server *s)
{
    struct stats_state *t = &s->stats;
    const struct app_opts *a = &s->live->settings.config.app;
    t->start_unix_s = (uint64_t)time(NULL);
    t->start_ms = t->history_ms = clock_now_ms();
    separator_find(a->locale, t->separator);
    if (a->locale[0]) log_separator_make(t->separator, t->log_separator);
    snprintf(t->text_type, sizeof t->text_type, "text/plain%s%s", a->charset[0] ? "; charset=" : "",
             a->charset);
}

/* ---- now ---- */

static uint64_t uptime_ms(const struct server *s)
{
    return clock_now_ms() - s->stats.start_ms;
}

static void gather_process(const struct server *s, struct stats *out)
{
    const struct app_opts *a = &s->live->settings.config.app;
    struct rusage usage;
    struct rlimit files;
    out->version = MUSTER_VERSION;
    out->mode = s->live->tracker.mode == MODE_INFO ? "info" : "tracker";
    out->is_minimal = a->stats == STATS_MINIMAL;
    out->uptime_s = uptime_ms(s) / 1000;
    out->start_unix_s = s->stats.start_unix_s;
    out->now_unix_s = (uint64_t)time(NULL);
    out->restarts = a->failed;
    out->pid = (uint32_t)getpid();
    out->workers = s->worker_count;
    out->rss_bytes = os_rss_bytes();
    if (getrusage(RUSAGE_SELF, &usage) == 0) out->rss_bytes_max = (uint64_t)usage.ru_maxrss << 10;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    out->nofile_soft = files.rlim_cur;
    out->nofile_hard = files.rlim_max;
}

static void gather_load(const struct server *s, struct stats *out)
{
    const struct interval_opts *o = &s->live->tracker.interval;
    const struct interval *i = &s->tracker.interval;
    out->interval.now_s = i->now_s;
    out->interval.previous_s = i->previous_s;
    out->interval.wanted_s = i->wanted_s;
    out->interval.min_s = o->min_s;
    out->interval.max_s = o->max_s;
    memcpy(out->load, s->periodic.busy.load, sizeof out->load);
    out->load_max = interval_load_max(o, s->machine.cores);
    out->cpu = s->periodic.rate.cpu;
    memcpy(out->rates, s->periodic.rate.rate, sizeof out->rates);
}

static void gather_store(const struct server *s, struct stats *out)
{
    swarm_counts(s->swarm, &out->store);
    out->store_bytes_max = s->live->swarm.memory_bytes_max;
    out->sweep = s->periodic.sweep.done;
    out->connections_open = atomic_load_explicit(&s->http_shared.connections, memory_order_relaxed);
    out->connections_max = s->live->http.connections_max;
    out->sockets = s->periodic.sockets;
    out->socket_count = s->periodic.socket_count;
}

static void gather_state(const struct server *s, struct stats *out)
{
    struct state_status v;
    state_status(s->state, &v);
    out->state.saved_unix_s = v.saved_unix_s;
    out->state.bytes = v.saved.bytes;
    out->state.us = v.saved.us;
    out->state.step_us_max = v.saved.hold_us_max;
}

static void gather_lists(const struct server *s, struct stats *out)
{
    const struct access *x = s->lists.current;
    if (x) memcpy(out->access_entries, x->entries, sizeof out->access_entries);
    out->access_loaded_unix_s = s->lists.loaded_unix_s;
    out->access_sets = s->lists.sets;
    out->access_bytes = s->lists.bytes;
}

/* Info hashes and addresses are not for everybody. */
static void gather_private(const struct server *s, enum admin_origin origin, struct stats *out)
{
    bool is_local = origin != ORIGIN_MAIN_PORT;
    enum audience who = s->live->settings.config.app.top_swarms;
    if (who == AUDIENCE_PUBLIC || (who == AUDIENCE_LOCAL && is_local)) {
        out->by_peers = &s->periodic.sweep.top[0];
        out->by_seeders = &s->periodic.sweep.top[1];
    }
    if (!is_local) return;
    struct talker all[512];
    unsigned count = metrics_talkers(loop_now_s(&s->loop), all, sizeof all / sizeof *all);
    out->shows_talkers = true;
    out->talker_count = count < STATS_TALKERS_MAX ? count : STATS_TALKERS_MAX;
    memcpy(out->talkers, all, out->talker_count * sizeof all[0]);
    count = metrics_limited(loop_now_s(&s->loop), all, sizeof all / sizeof *all);
    out->limited_count = count < STATS_TALKERS_MAX ? count : STATS_TALKERS_MAX;
    memcpy(out->limited, all, out->limited_count * sizeof all[0]);
}

void stats_gather(struct server *s, enum admin_origin origin, struct stats *out)
{
    *out = (struct stats){0};
    metrics_total(&out->metrics);
    stats_clients(out);
    gather_process(s, out);
    gather_load(s, out);
    gather_store(s, out);
    gather_state(s, out);
    gather_lists(s, out);
    gather_private(s, origin, out);
}

/* ---- history ---- */

static void history_flows(struct stats_state *t, const struct metrics_total *m, double elapsed_s,
                          double out[HISTORY_SERIES])
{
    const uint64_t *n = m->count;
    const uint64_t total[] = {
        [HISTORY_UDP4] = n[METRIC_UDP4_REQUESTS],
        [HISTORY_UDP6] = n[METRIC_UDP6_REQUESTS],
        [HISTORY_HTTP4] = n[METRIC_HTTP4_REQUESTS],
        [HISTORY_HTTP6] = n[METRIC_HTTP6_REQUESTS],
        [HISTORY_ANNOUNCES] = n[METRIC_UDP4_ANNOUNCES] + n[METRIC_UDP6_ANNOUNCES] +
                              n[METRIC_HTTP4_ANNOUNCES] + n[METRIC_HTTP6_ANNOUNCES],
        [HISTORY_ERRORS] = stats_errors(m, METRIC_HTTP_OTHER + 1),
        [HISTORY_DROPS] = n[METRIC_UDP_KERNEL_DROPS],
    };
    for (size_t i = 0; i < sizeof total / sizeof *total; i++) {
        out[i] = elapsed_s > 0 ? (double)(total[i] - t->history_total[i]) / elapsed_s : 0;
        t->history_total[i] = total[i];
    }
}

/* Of the time since the last point. */
static double history_p99(struct stats_state *t, const struct buckets_total *now)
{
    struct buckets_total since = {.count = now->count - t->history_latency.count};
    for (int i = 0; i < BUCKETS_MAX; i++)
        since.in[i] = now->in[i] - t->history_latency.in[i];
    t->history_latency = *now;
    return buckets_quantile(&since, &LATENCY_US, 0.99);
}

void stats_resume(struct server *s, uint64_t start_unix_s, uint64_t start_ms)
{
    struct stats_state *t = &s->stats;
    double unused[HISTORY_SERIES];
    struct metrics_total m;
    metrics_total(&m);
    history_flows(t, &m, 0, unused);
    t->history_latency = m.latency[METRIC_DOOR_UDP];
    t->start_unix_s = start_unix_s;
    t->start_ms = start_ms;
}

void stats_history_add(struct server *s)
{
    struct stats_state *t = &s->stats;
    if (s->tracker.stats_minimal) return;
    double values[HISTORY_SERIES];
    struct metrics_total m;
    struct swarm_counts store;
    uint64_t now_ms = clock_now_ms();
    metrics_total(&m);
    swarm_counts(s->swarm, &store);
    history_flows(t, &m, (double)(now_ms - t->history_ms) / 1000.0, values);
    t->history_ms = now_ms;
    values[HISTORY_PEERS] = (double)(store.peers[FAMILY_V4] + store.peers[FAMILY_V6]);
    values[HISTORY_SEEDERS] = (double)(store.seeders[FAMILY_V4] + store.seeders[FAMILY_V6]);
    values[HISTORY_TORRENTS] = (double)store.torrents;
    values[HISTORY_INTERVAL_S] = s->tracker.interval.now_s;
    values[HISTORY_LOAD1] = s->periodic.busy.load[0];
    values[HISTORY_RSS_BYTES] = (double)os_rss_bytes();
    values[HISTORY_CONNECTIONS] = s->http_shared.connections;
    values[HISTORY_LATENCY_UDP_P99_US] = history_p99(t, &m.latency[METRIC_DOOR_UDP]);
    history_add(&t->history, t->start_unix_s + uptime_ms(s) / 1000, values);
}
