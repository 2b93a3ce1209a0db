/* report.c - see report.h. */
#include "app/report.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"
#include "base/text.h"
#include "proto/address_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_COUNTS         9   /* of the log line's columns: plain counts, TP to us */
#define COUNTERS_LINE_BYTES 800 /* of what a log line may hold */
#define COUNTER_BYTES       (METRIC_TEXT_BYTES_MAX + 24)

static const char *source_text(const struct settings *s, size_t row, char *out, size_t size)
{
    const struct option_origin *o = &s->origin[row];
    if (o->source == SOURCE_ENVIRONMENT) return "environment";
    if (o->source == SOURCE_COMMAND_LINE) return "command line";
    assert(o->source == SOURCE_FILE);
    snprintf(out, size, "%s:%u", s->config.app.config_file, o->line);
    return out;
}

static void report_options(const struct settings *s)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (s->origin[i].source == SOURCE_DEFAULT) continue;
        char value[OPTION_VALUE_BYTES_MAX], source[CONFIG_PATH_BYTES_MAX + 16];
        option_print(&s->config, &OPTIONS[i], value);
        if (strcmp(value, OPTIONS[i].dflt) == 0) continue;
        log_line(LOG_INFO, "option %s = %s (%s)", OPTIONS[i].name,
                 OPTIONS[i].secret ? "(not shown)" : value,
                 source_text(s, i, source, sizeof source));
    }
}

static void report_unknown_variables(const struct option_sources *sources)
{
    size_t at = 0;
    for (;;) {
        const char *entry = settings_unknown_variable(sources->environment, &at);
        if (!entry) return;
        log_line(LOG_WARN, "environment: %.*s is no option of muster", (int)strcspn(entry, "="),
                 entry);
    }
}

void report_start(const struct settings *s, const struct option_sources *sources,
                  const struct machine *machine, uint32_t workers)
{
    char memory[TEXT_NUMBER_BYTES_MAX];
    const struct app_opts *a = &s->config.app;
    log_line(LOG_INFO, "muster " MUSTER_VERSION " starts, process %d", (int)getpid());
    if (a->failed) log_line(LOG_WARN, "started again by its run loop, %u times so far", a->failed);
    report_options(s);
    report_unknown_variables(sources);
    text_print_bytes(memory, machine->memory_bytes >> 20 << 20);
    log_line(LOG_INFO, "%u CPUs of %u may be used, %u workers, %s of memory in the machine",
             machine->cores, os_cpu_count(), workers, memory);
}

static void report_url(const struct listen_address *l, const char *scheme)
{
    char at[ENDPOINT_TEXT_BYTES_MAX];
    log_line(LOG_INFO, "listening on %s://%s/announce%s", scheme,
             endpoint_print(&l->address, l->port, at), l->proxy ? " (behind a proxy)" : "");
}

void report_listening(const struct server *s)
{
    char memory[TEXT_NUMBER_BYTES_MAX];
    for (uint32_t i = 0; i < s->sockets.address_count; i++) {
        const struct listen_address *l = &s->sockets.addresses[i];
        if (l->udp) report_url(l, "udp");
        if (l->tcp) report_url(l, "http");
    }
    text_print_bytes(memory, s->live->swarm.memory_bytes_max >> 20 << 20);
    log_line(LOG_INFO, "ready: at most %s for torrents and peers, %" PRIu64 "K resident now",
             memory, os_rss_bytes() >> 10);
}

/* Counters that are not zero, in as many lines as they need. */
static void report_counters(void)
{
    char line[COUNTERS_LINE_BYTES];
    size_t n = 0;
    if (!log_is_enabled(LOG_DEBUG)) return;
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        char name[METRIC_TEXT_BYTES_MAX], item[COUNTER_BYTES];
        uint64_t sum = metrics_sum(m);
        if (sum == 0) continue;
        metric_print(m, name);
        size_t length = (size_t)snprintf(item, sizeof item, " %s=%" PRIu64, name, sum);
        assert(length < sizeof item);
        if (n + length >= sizeof line) {
            log_line(LOG_DEBUG, "counters:%s", line);
            n = 0;
        }
        memcpy(line + n, item, length + 1);
        n += length;
    }
    if (n) log_line(LOG_DEBUG, "counters:%s", line);
}

void report_line(const struct server *s)
{
    const struct periodic *p = &s->periodic;
    const struct sweep_report *r = &p->sweep.report;
    const struct interval *i = &s->tracker.interval;
    const struct stats_rate *rate = p->rate.rate; /* HTTP and UDP over IPv4, then over IPv6 */
    double load_max = interval_load_max(&s->live->tracker.interval, s->periodic.load.cores);
    struct swarm_counts counts;
    swarm_counts(s->swarm, &counts);
    const uint64_t columns[LINE_COUNTS] = {counts.peers[FAMILY_V4] + counts.peers[FAMILY_V6],
                                           counts.torrents,
                                           r->torrents_large,
                                           r->torrent_peers_max,
                                           r->bucket_peers_max,
                                           r->shard_torrents_max,
                                           r->peers_removed,
                                           r->torrents_removed,
                                           p->sweep.us};
    char c[LINE_COUNTS][TEXT_GROUPED_BYTES_MAX];
    for (int k = 0; k < LINE_COUNTS; k++)
        text_print_grouped(c[k], columns[k], s->stats.log_separator);
    log_line(LOG_INFO,
             "TP: %s TT: %s TL: %s MPT: %s MPL: %s MTL: %s RP: %s RT: %s us: %s"
             " LA: %.2f %.2f %.2f ML: %.2f I: %u (%u->%u)"
             " RPS: %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64,
             c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], p->busy.load[0], p->busy.load[1],
             p->busy.load[2], load_max, i->now_s, i->previous_s, i->wanted_s, rate[0].now,
             rate[1].now, rate[2].now, rate[3].now);
    log_line(LOG_DEBUG,
             "store: %" PRIu64 "K, resident %" PRIu64 "K, longest lock hold %" PRIu64 " us",
             counts.memory_bytes >> 10, os_rss_bytes() >> 10, r->hold_ns_max / 1000);
    report_counters();
}

void report_end(const struct server *s)
{
    const struct stats_rate *rate = s->periodic.rate.rate;
    log_line(LOG_INFO,
             "answered %" PRIu64 " UDP and %" PRIu64 " HTTP announces; most requests in a "
             "second: %" PRIu64 "/%" PRIu64 "/%" PRIu64 "/%" PRIu64,
             metrics_sum(METRIC_UDP4_ANNOUNCES) + metrics_sum(METRIC_UDP6_ANNOUNCES),
             metrics_sum(METRIC_HTTP4_ANNOUNCES) + metrics_sum(METRIC_HTTP6_ANNOUNCES), rate[0].max,
             rate[1].max, rate[2].max, rate[3].max);
    report_counters();
}
