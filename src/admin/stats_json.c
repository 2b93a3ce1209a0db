/* stats_json.c - /stats.json: trakx's and bittracker's counters under their names, etracker's table,
 * and everything else. What muster does not have is null, or -1 where trakx itself says -1:
 *
 *   uploaded, downloaded    bittracker adds up what the peers it knows report; muster keeps no
 *                           bytes per peer, so that a peer takes 10 bytes
 *   paused                  partial seeds are counted per swarm, not over all
 *   trakx.database.ips      as trakx built with `fast`; connections, udpconnections: connection ids
 *                           need no table
 *   trakx.pools             there are none
 *   trakx.performance.qlen  0: who reads a request answers it, nothing queues between
 *   tracker.performance     requests are counted when they are answered with what they asked for, and
 *                           errors by what was wrong: announces and announcesok are the same */
#include "admin/json_out.h"
#include "admin/stats.h"

#include <inttypes.h>

#define CLIENTS_SHOWN 20
#define DAY_S         86400

/* ---- names of other trackers ---- */

static void bittracker(struct json_out *j, const struct stats *s)
{
    json_u64(j, "peers", stats_peers(s));
    json_u64(j, "swarms", s->store.torrents);
    json_u64(j, "seeders", stats_seeders(s));
    json_u64(j, "leechers", stats_peers(s) - stats_seeders(s));
    json_nothing(j, "paused");
    json_nothing(j, "uploaded");
    json_nothing(j, "downloaded");
}

static uint64_t server_errors(const struct stats *s)
{
    const uint64_t *count = s->metrics.count;
    return count[METRIC_HTTP_500] + count[METRIC_HTTP_503] + count[METRIC_UDP_RECV_FAILURES] +
           count[METRIC_UDP_SEND_FAILURES] + count[METRIC_TCP_ACCEPT_FAILURES];
}

static uint64_t client_errors(const struct stats *s)
{
    return stats_errors(&s->metrics, METRIC_HTTP_500);
}

static void trakx_pools(struct json_out *j)
{
    static const char *const POOLS[] = {"dictionaries", "peers", "peerlists4", "peerlists6"};
    json_open(j, "pools", '{');
    for (int i = 0; i < 4; i++)
        json_i64(j, POOLS[i], -1);
    json_close(j, '}');
}

/* trakx's requests are those of its last interval, by default a second. */
static void trakx(struct json_out *j, const struct stats *s)
{
    json_open(j, "trakx", '{');
    json_open(j, "requests", '{');
    json_u64(j, "hits", s->rates[RATE_TOTAL].now);
    json_u64(j, "connects", s->rates[RATE_CONNECTS].now);
    json_u64(j, "announces", s->rates[RATE_ANNOUNCES].now);
    json_u64(j, "scrapes", s->rates[RATE_SCRAPES].now);
    json_close(j, '}');
    json_open(j, "database", '{');
    json_u64(j, "seeds", stats_seeders(s));
    json_u64(j, "leeches", stats_peers(s) - stats_seeders(s));
    json_u64(j, "peers", stats_peers(s));
    json_i64(j, "ips", -1);
    json_u64(j, "hashes", s->store.torrents);
    json_i64(j, "udpconnections", -1);
    json_i64(j, "connections", -1);
    json_u64(j, "uptime", s->uptime_s);
    json_close(j, '}');
    json_open(j, "errors", '{');
    json_u64(j, "server", server_errors(s));
    json_u64(j, "client", client_errors(s));
    json_close(j, '}');
    trakx_pools(j);
    json_open(j, "internal", '{');
    json_u64(j, "goroutines", s->workers + 1);
    json_u64(j, "uptime", s->uptime_s);
    json_close(j, '}');
    json_open(j, "performance", '{');
    json_u64(j, "goroutines", s->workers + 1);
    json_u64(j, "qlen", 0);
    json_close(j, '}');
    json_close(j, '}');
}

static void pair(struct json_out *j, const char *name, const char *ok_name, uint64_t value)
{
    json_u64(j, name, value);
    json_u64(j, ok_name, value);
}

/* The other half of the names that trakx had until 2019. */
static void trakx_tracker(struct json_out *j, const struct stats *s)
{
    json_open(j, "tracker", '{');
    json_open(j, "stats", '{');
    json_i64(j, "ips", -1);
    json_u64(j, "hashes", s->store.torrents);
    json_u64(j, "peers", stats_peers(s));
    json_u64(j, "seeds", stats_seeders(s));
    json_u64(j, "leeches", stats_peers(s) - stats_seeders(s));
    json_close(j, '}');
    json_open(j, "performance", '{');
    pair(j, "announces", "announcesok", s->rates[RATE_ANNOUNCES].now);
    json_u64(j, "errors", server_errors(s));
    json_u64(j, "errorssec", s->rates[RATE_SERVER_ERRORS].now);
    json_u64(j, "clienterrs", client_errors(s));
    pair(j, "scrapes", "scrapesok", s->rates[RATE_SCRAPES].now);
    pair(j, "connects", "connectsok", s->rates[RATE_CONNECTS].now);
    json_close(j, '}');
    json_close(j, '}');
}

static void etracker_rates(struct json_out *j, const char *family, const struct stats_rate *tcp,
                           const struct stats_rate *udp)
{
    json_open(j, family, '{');
    json_u64(j, "TCP", tcp->now);
    json_u64(j, "TCP_MAX", tcp->max);
    json_u64(j, "UDP", udp->now);
    json_u64(j, "UDP_MAX", udp->max);
    json_close(j, '}');
}

static void etracker(struct json_out *j, const struct stats *s)
{
    json_open(j, "etracker", '{');
    json_u64(j, "start_time", s->start_unix_s);
    json_u64(j, "days_up", s->uptime_s / DAY_S);
    json_u64(j, "failed", s->restarts);
    json_u64(j, "thread_number", 0);
    json_open(j, "load_avg", '[');
    for (int i = 0; i < 3; i++)
        json_double(j, NULL, s->load[i]);
    json_close(j, ']');
    json_u64(j, "interval", s->interval.now_s);
    json_u64(j, "interval_previous", s->interval.previous_s);
    json_u64(j, "interval_required", s->interval.wanted_s);
    json_u64(j, "active_sockets", s->connections_open);
    json_u64(j, "rlimit_soft", s->nofile_soft);
    json_u64(j, "rlimit_hard", s->nofile_hard);
    json_open(j, "requests_per_second", '{');
    etracker_rates(j, "IPv4", &s->rates[RATE_HTTP4], &s->rates[RATE_UDP4]);
    etracker_rates(j, "IPv6", &s->rates[RATE_HTTP6], &s->rates[RATE_UDP6]);
    json_close(j, '}');
    for (size_t i = 0; i < STATS_NAME_COUNT; i++)
        json_u64(j, STATS_NAMES[i].name, STATS_NAMES[i].value(s));
    json_close(j, '}');
}

/* ---- the process and its load ---- */

static void process(struct json_out *j, const struct stats *s)
{
    json_text(j, "version", s->version);
    json_text(j, "name", "muster");
    json_u64(j, "start_unix_s", s->start_unix_s);
    json_u64(j, "now_unix_s", s->now_unix_s);
    json_u64(j, "uptime_s", s->uptime_s);
    json_u64(j, "restarts", s->restarts);
    json_u64(j, "pid", s->pid);
    json_u64(j, "workers", s->workers);
    json_text(j, "mode", s->mode);
    json_text(j, "stats", s->is_minimal ? "minimal" : "full");
}

static void interval(struct json_out *j, const struct stats *s)
{
    json_open(j, "interval", '{');
    json_u64(j, "now_s", s->interval.now_s);
    json_u64(j, "previous_s", s->interval.previous_s);
    json_u64(j, "wanted_s", s->interval.wanted_s);
    json_u64(j, "min_s", s->interval.min_s);
    json_u64(j, "max_s", s->interval.max_s);
    json_close(j, '}');
    json_open(j, "load", '{');
    json_open(j, "average", '[');
    for (int i = 0; i < 3; i++)
        json_double(j, NULL, s->load[i]);
    json_close(j, ']');
    json_double(j, "max", s->load_max);
    json_double(j, "cpu", s->cpu);
    json_close(j, '}');
}

static void memory(struct json_out *j, const struct stats *s)
{
    json_open(j, "memory", '{');
    json_u64(j, "rss_bytes", s->rss_bytes);
    json_u64(j, "store_bytes", s->store.memory_bytes);
    json_u64(j, "store_max_bytes", s->store_bytes_max);
    if (stats_peers(s))
        json_double(j, "bytes_per_peer", (double)s->store.memory_bytes / (double)stats_peers(s));
    else json_nothing(j, "bytes_per_peer");
    json_close(j, '}');
    json_open(j, "sweep", '{');
    json_u64(j, "period_s", s->sweep.period_s);
    json_u64(j, "peers_removed", s->sweep.peers_removed);
    json_u64(j, "torrents_removed", s->sweep.torrents_removed);
    json_u64(j, "us", s->sweep.us);
    json_u64(j, "hold_ns_max", s->sweep.hold_ns_max);
    json_close(j, '}');
}

static void connections(struct json_out *j, const struct stats *s)
{
    const uint64_t *count = s->metrics.count;
    json_open(j, "connections", '{');
    json_u64(j, "open", s->connections_open);
    json_u64(j, "max", s->connections_max);
    json_u64(j, "accepted", count[METRIC_TCP_ACCEPTS]);
    json_u64(j, "closed", count[METRIC_TCP_CLOSES]);
    json_u64(j, "timeouts", count[METRIC_TCP_TIMEOUTS]);
    json_u64(j, "refused", count[METRIC_TCP_REFUSED]);
    json_u64(j, "evicted", count[METRIC_TCP_EVICTIONS]);
    json_u64(j, "handed_over", count[METRIC_PAGES_HANDED_OVER]);
    json_close(j, '}');
    json_open(j, "bytes", '{');
    json_u64(j, "udp_received", count[METRIC_UDP_RECV_BYTES]);
    json_u64(j, "udp_sent", count[METRIC_UDP_SENT_BYTES]);
    json_u64(j, "tcp_received", count[METRIC_HTTP_RECV_BYTES]);
    json_u64(j, "tcp_sent", count[METRIC_HTTP_SENT_BYTES]);
    json_close(j, '}');
}

/* ---- the store ---- */

static void store(struct json_out *j, const struct stats *s)
{
    json_open(j, "peers_by", '{');
    json_u64(j, "ipv4", s->store.peers[FAMILY_V4]);
    json_u64(j, "ipv6", s->store.peers[FAMILY_V6]);
    json_u64(j, "seeders_ipv4", s->store.seeders[FAMILY_V4]);
    json_u64(j, "seeders_ipv6", s->store.seeders[FAMILY_V6]);
    json_close(j, '}');
    json_open(j, "torrents", '{');
    json_u64(j, "total", s->store.torrents);
    json_u64(j, "large", s->sweep.torrents_large);
    json_u64(j, "peers_max", s->sweep.torrent_peers_max);
    json_u64(j, "completed_total", s->metrics.count[METRIC_COMPLETIONS]);
    json_close(j, '}');
}

static void info_hash(struct json_out *j, const struct info_hash *h)
{
    char text[2 * INFO_HASH_BYTES + 1];
    for (int i = 0; i < INFO_HASH_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", h->bytes[i]);
    json_text(j, "info_hash", text);
}

static void top_swarms(struct json_out *j, const struct swarm_top *top)
{
    json_open(j, "top_swarms", '[');
    for (uint32_t i = 0; i < top->count; i++) {
        const struct swarm_numbers *n = &top->rows[i].numbers;
        json_open(j, NULL, '{');
        info_hash(j, &top->rows[i].info_hash);
        json_u64(j, "seeders", n->complete);
        json_u64(j, "leechers", n->incomplete);
        json_u64(j, "completed", n->downloaded);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* ---- requests, errors ---- */

static void rates(struct json_out *j, const struct stats *s)
{
    static const struct {
        const char *name;
        enum stats_rate_id id;
    } SHOWN[] = {{"udp4", RATE_UDP4},   {"udp6", RATE_UDP6},           {"http4", RATE_HTTP4},
                 {"http6", RATE_HTTP6}, {"announces", RATE_ANNOUNCES}, {"total", RATE_TOTAL}};
    json_open(j, "rates", '{');
    for (size_t i = 0; i < sizeof SHOWN / sizeof *SHOWN; i++) {
        json_open(j, SHOWN[i].name, '{');
        json_u64(j, "now", s->rates[SHOWN[i].id].now);
        json_u64(j, "max", s->rates[SHOWN[i].id].max);
        json_close(j, '}');
    }
    json_close(j, '}');
}

static void requests(struct json_out *j, const struct stats *s)
{
    json_open(j, "requests", '[');
    for (enum metric m = METRIC_UDP4_CONNECTS; m <= METRIC_HTTP6_PAGES; m++) {
        struct metric_row row = metric_row(m);
        json_open(j, NULL, '{');
        json_text(j, "door", row.labels[LABEL_DOOR]);
        json_text(j, "family", row.labels[LABEL_FAMILY]);
        json_text(j, "action", row.labels[LABEL_ACTION]);
        json_u64(j, "count", s->metrics.count[m]);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void error(struct json_out *j, const char *door, const char *before, const char *kind,
                  uint64_t count)
{
    char text[80];
    if (!count) return;
    snprintf(text, sizeof text, "%s%s", before, kind);
    json_open(j, NULL, '{');
    json_text(j, "door", door);
    json_text(j, "kind", text);
    json_u64(j, "count", count);
    json_close(j, '}');
}

static void errors(struct json_out *j, const struct stats *s)
{
    json_open(j, "errors", '[');
    for (int door = 0; door < METRIC_DOORS; door++)
        for (int i = 0; i < ERR_COUNT; i++) {
            char kind[ERR_NAME_BYTES_MAX];
            err_name((enum err)i, kind);
            error(j, metric_door_name((enum metric_door)door), "", kind,
                  s->metrics.errors[door][i]);
        }
    error(j, "udp", "", "not_a_request", s->metrics.count[METRIC_UDP_DROPS]);
    for (enum metric m = METRIC_HTTP_400; m <= METRIC_HTTP_OTHER; m++)
        error(j, "http", "status_", metric_row(m).labels[LABEL_KIND], s->metrics.count[m]);
    json_close(j, ']');
}

static void drops(struct json_out *j, const struct stats *s)
{
    json_open(j, "drops", '{');
    json_u64(j, "kernel", s->metrics.count[METRIC_UDP_KERNEL_DROPS]);
    json_open(j, "sockets", '[');
    for (uint32_t i = 0; i < s->socket_count; i++) {
        json_open(j, NULL, '{');
        json_text(j, "address", s->sockets[i].address);
        json_u64(j, "worker", s->sockets[i].worker);
        json_u64(j, "drops", s->sockets[i].drops);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

static void errnos(struct json_out *j, const struct stats *s)
{
    json_open(j, "errno", '{');
    for (int call = 0; call < CALL_COUNT; call++) {
        json_open(j, metric_call_name((enum metric_call)call), '{');
        for (int i = 0; i < METRIC_ERRNOS; i++) {
            char name[METRIC_ERRNO_BYTES_MAX];
            if (!s->metrics.errnos[call][i]) continue;
            metric_errno_name(i, name);
            json_u64(j, name, s->metrics.errnos[call][i]);
        }
        json_close(j, '}');
    }
    json_close(j, '}');
}

/* ---- histograms, clients, talkers ---- */

/* Counts of the buckets, not added up; the last is of all above the last end. */
static void histogram(struct json_out *j, const char *key, const struct buckets_total *h,
                      const struct buckets_scale *scale)
{
    json_open(j, key, '{');
    json_open(j, "le", '[');
    for (unsigned i = 0; i < scale->count; i++)
        json_u64(j, NULL, scale->le[i]);
    json_close(j, ']');
    json_open(j, "count", '[');
    for (unsigned i = 0; i <= scale->count; i++)
        json_u64(j, NULL, h->in[i]);
    json_close(j, ']');
    json_u64(j, "sum", h->sum);
    json_close(j, '}');
}

static void histograms(struct json_out *j, const struct stats *s)
{
    json_open(j, "latency_us", '{');
    for (int door = 0; door < METRIC_DOORS; door++)
        histogram(j, metric_door_name((enum metric_door)door), &s->metrics.latency[door],
                  &LATENCY_US);
    json_close(j, '}');
    histogram(j, "reannounce_s", &s->metrics.reannounce, &REANNOUNCE_S);
}

static void client(struct json_out *j, const struct stats_client *c)
{
    json_open(j, NULL, '{');
    json_text(j, "code", c->code);
    json_text(j, "name", c->name);
    json_u64(j, "announces", c->announces);
    json_u64(j, "peers_added", c->peers_added);
    json_close(j, '}');
}

/* The most common, then all others. */
static void clients(struct json_out *j, const struct stats *s)
{
    struct stats_client others = {.name = "other"};
    uint32_t named = s->client_count ? s->client_count - 1 : 0;
    json_open(j, "clients", '[');
    for (uint32_t i = 0; i < s->client_count; i++) {
        const struct stats_client *c = &s->clients[i];
        if (i < named && i < CLIENTS_SHOWN) {
            client(j, c);
        } else {
            others.announces += c->announces;
            others.peers_added += c->peers_added;
        }
    }
    if (others.announces) client(j, &others);
    json_close(j, ']');
}

static void talkers(struct json_out *j, const char *name, const struct talker *all, uint32_t count,
                    uint32_t requests_per_sample)
{
    json_open(j, name, '[');
    for (uint32_t i = 0; i < count; i++) {
        char address[ADDRESS_TEXT_BYTES_MAX];
        stats_talker_address(&all[i], address);
        json_open(j, NULL, '{');
        json_text(j, "address", address);
        json_u64(j, "requests", all[i].samples * requests_per_sample);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void addresses(struct json_out *j, const struct stats *s)
{
    talkers(j, "top_talkers", s->talkers, s->talker_count, TALKERS_SAMPLE);
    talkers(j, "top_limited", s->limited, s->limited_count, 1);
}

static void counters(struct json_out *j, const struct stats *s)
{
    json_open(j, "metrics", '{');
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        char name[METRIC_TEXT_BYTES_MAX];
        metric_print(m, name);
        json_u64(j, name, s->metrics.count[m]);
    }
    json_close(j, '}');
}

void stats_print_json(FILE *out, const struct stats *s)
{
    struct json_out j = {.out = out};
    json_open(&j, NULL, '{');
    bittracker(&j, s);
    process(&j, s);
    store(&j, s);
    interval(&j, s);
    rates(&j, s);
    requests(&j, s);
    errors(&j, s);
    drops(&j, s);
    connections(&j, s);
    memory(&j, s);
    histograms(&j, s);
    clients(&j, s);
    if (s->by_peers) top_swarms(&j, s->by_peers);
    if (s->shows_talkers) addresses(&j, s);
    errnos(&j, s);
    trakx(&j, s);
    trakx_tracker(&j, s);
    etracker(&j, s);
    counters(&j, s);
    json_close(&j, '}');
    fputc('\n', out);
}
