/* stats.h - every number of the program at one moment, and its printers. Plain values: who prints
 * needs neither the server nor the configuration; app/stats_gather.c fills it.
 *
 *   stats_json.c          /stats.json
 *   stats_prometheus.c    /metrics
 *   stats_text.c          /stats, with etracker's and sc6's names
 *   stats_etracker.c      those names
 *   stats_opentracker.c   /stats?mode=..., as opentracker answers it
 *
 * Threads   none: values of the caller's. Every printer writes to a FILE and never fails itself; the
 *           caller looks at ferror(). Numbers are printed without the locale, but for the thousands
 *           of stats_text.c. */
#ifndef ADMIN_STATS_H
#define ADMIN_STATS_H

#include "base/metrics.h"
#include "proto/address_text.h"
#include "swarm/swarm.h"
#include "tracker/access.h"

#include <stdio.h>

enum stats_rate_id { /* requests, or errors, a second */
                     RATE_HTTP4,
                     RATE_UDP4,
                     RATE_HTTP6,
                     RATE_UDP6,
                     RATE_TOTAL,
                     RATE_ANNOUNCES,
                     RATE_CONNECTS,
                     RATE_SCRAPES,
                     RATE_SERVER_ERRORS,
                     RATE_COUNT
};

struct stats_rate {
    uint64_t now, max; /* the last full second; the most of all seconds */
};

/* What the last complete cycle of the sweep found. */
struct stats_sweep {
    uint64_t period_s, peers_removed, torrents_removed, us;
    uint64_t hold_ns_max; /* since the start */
    uint64_t torrents_large;
    uint32_t torrent_peers_max;
};

struct stats_socket {
    char address[ENDPOINT_TEXT_BYTES_MAX];
    uint32_t worker;
    uint64_t drops;
};

#define STATS_CLIENTS_MAX 256
struct stats_client {
    char code[3]; /* one or two letters; empty: all that are not named here */
    const char *name;
    uint64_t announces, peers_added;
};

#define STATS_TALKERS_MAX 20

struct stats {
    const char *version, *mode; /* "tracker" */
    bool is_minimal;            /* --stats=minimal: latency, clients, talkers, delays are empty */
    uint64_t start_unix_s, now_unix_s, uptime_s;
    uint32_t restarts, pid, workers;
    struct metrics_total metrics;
    struct swarm_counts store;
    uint64_t store_bytes_max;
    struct stats_sweep sweep;
    struct {
        uint32_t now_s, previous_s, wanted_s, min_s, max_s;
    } interval;
    double load[3], load_max, cpu; /* cpu: CPUs used by this process in the last second */
    struct stats_rate rates[RATE_COUNT];
    const struct stats_socket *sockets; /* UDP; borrowed */
    uint32_t socket_count;
    uint32_t connections_open, connections_max;
    struct {
        uint64_t saved_unix_s, bytes, us, step_us_max;
    } state; /* of the last snapshot */
    uint64_t rss_bytes, rss_bytes_max;
    uint64_t nofile_soft, nofile_hard;
    uint64_t access_entries[ACCESS_LISTS], access_loaded_unix_s; /* 0: never */
    uint64_t access_sets, access_bytes;
    struct stats_client clients[STATS_CLIENTS_MAX]; /* most announces first, the unnamed last */
    uint32_t client_count;
    const struct swarm_top *by_peers, *by_seeders; /* borrowed; NULL: not for the asker */
    bool shows_talkers;
    struct talker talkers[STATS_TALKERS_MAX], limited[STATS_TALKERS_MAX];
    uint32_t talker_count, limited_count;
};

void stats_talker_address(const struct talker *t, char out[ADDRESS_TEXT_BYTES_MAX]);

/* Fill stats->clients from the counts of all threads. */
void stats_clients(struct stats *s);

static inline uint64_t stats_peers(const struct stats *s)
{
    return s->store.peers[FAMILY_V4] + s->store.peers[FAMILY_V6];
}

static inline uint64_t stats_seeders(const struct stats *s)
{
    return s->store.seeders[FAMILY_V4] + s->store.seeders[FAMILY_V6];
}

/* Requests answered with an error or dropped, of HTTP those from METRIC_HTTP_400 to before `end`. */
uint64_t stats_errors(const struct metrics_total *m, enum metric end);

/* ---- etracker's table: name, value, and a remark in its text page; in its order ---- */

struct stats_name {
    const char *name;   /* "stats.http_403" */
    const char *remark; /* "Full Scrape"; or NULL */
    uint64_t (*value)(const struct stats *s);
    bool ends_group; /* an empty line follows in the text */
};
extern const struct stats_name STATS_NAMES[];
extern const size_t STATS_NAME_COUNT;

/* ---- what /metrics has besides the counters ---- */

struct stats_family {
    const char *name, *help, *labels;
};
extern const struct stats_family STATS_ERRORS, STATS_ERRNOS, STATS_CLIENTS, STATS_CLIENTS_ADDED,
    STATS_DROPS, STATS_LATENCY, STATS_REANNOUNCE, STATS_BUILD;

/* Their part of the reference, a table of Markdown. */
void stats_print_reference(FILE *out);

/* ---- printers ---- */

void stats_print_json(FILE *out, const struct stats *s);
void stats_print_prometheus(FILE *out, const struct stats *s);

/* `separator` stands between thousands: "" or what a locale says. */
void stats_print_text(FILE *out, const struct stats *s, const char *separator);

/* False: there is no such mode. */
bool stats_mode_exists(struct view mode);
bool stats_print_opentracker(FILE *out, const struct stats *s, struct view mode);

/* opentracker's list of all torrents (mode=tpbs): one of them. `format` is its parameter of that
 * name: txt, txtp (with completed), url, bin; false: there is no such format. */
enum stats_dump { DUMP_TXT, DUMP_TXTP, DUMP_URL, DUMP_BIN };
bool stats_dump_format(struct view name, enum stats_dump *out);
void stats_print_dump(FILE *out, enum stats_dump format, const struct info_hash *h,
                      const struct swarm_numbers *n);

#endif
