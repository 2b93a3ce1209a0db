/* stats_opentracker.c - /stats?mode=..., in the forms that opentracker answers them (compared with
 * Debian's package, 0.0~git20210823): programs that read those read these. Rates are what they are
 * there: averages since the start. Where muster counts something otherwise:
 *
 *   udp4, tcp4   IPv4 and IPv6 together, as an opentracker built for both does
 *   top10        of the last sweep; empty where top_swarms is not for the asker
 *   renew        minutes since the same peer's last announce, 0 to 44
 *   syncs        0: there is no live sync
 *   version      one line */
#include "admin/stats.h"

#include <inttypes.h>

#define RENEW_MINUTES 45

static uint64_t both(const struct stats *s, enum metric v4)
{
    return s->metrics.count[v4] + s->metrics.count[v4 + 1];
}

static uint64_t a_second(const struct stats *s, uint64_t events)
{
    return events / (s->uptime_s ? s->uptime_s : 1);
}

static uint64_t udp_answered(const struct stats *s)
{
    return both(s, METRIC_UDP4_CONNECTS) + both(s, METRIC_UDP4_ANNOUNCES);
}

/* Four lines: two numbers, the uptime, a sentence without an end of line. */
static void four_lines(FILE *out, const struct stats *s, uint64_t first, uint64_t second)
{
    fprintf(out, "%" PRIu64 "\n%" PRIu64 "\n%" PRIu64 " seconds (%" PRIu64 " hours)\n", first,
            second, s->uptime_s, s->uptime_s / 3600);
}

static void conns(FILE *out, const struct stats *s, const char *what, uint64_t first,
                  uint64_t second)
{
    four_lines(out, s, first, second);
    fprintf(out, "opentracker %s, %" PRIu64 " conns/s :: %" PRIu64 " success/s.", what,
            a_second(s, first), a_second(s, second));
}

static void mode_peer(FILE *out, const struct stats *s)
{
    fprintf(out, "%" PRIu64 "\n%" PRIu64 "\nopentracker serving %" PRIu64 " torrents\nopentracker",
            stats_peers(s), stats_seeders(s), s->store.torrents);
}

static void mode_torr(FILE *out, const struct stats *s)
{
    fprintf(out, "%" PRIu64 "\n0\nopentracker serving %" PRIu64 " torrents\nopentracker",
            s->store.torrents, s->store.torrents);
}

static void mode_conn(FILE *out, const struct stats *s)
{
    conns(out, s, "connections",
          s->metrics.count[METRIC_TCP_ACCEPTS] + both(s, METRIC_UDP4_REQUESTS),
          both(s, METRIC_HTTP4_ANNOUNCES) + udp_answered(s));
}

static void mode_udp4(FILE *out, const struct stats *s)
{
    conns(out, s, "udp4 stats", both(s, METRIC_UDP4_REQUESTS), udp_answered(s));
}

static void mode_tcp4(FILE *out, const struct stats *s)
{
    conns(out, s, "tcp4 stats", s->metrics.count[METRIC_TCP_ACCEPTS],
          both(s, METRIC_HTTP4_ANNOUNCES));
}

static void mode_scrp(FILE *out, const struct stats *s)
{
    uint64_t tcp = both(s, METRIC_HTTP4_SCRAPES), udp = both(s, METRIC_UDP4_SCRAPES);
    four_lines(out, s, tcp, udp);
    fprintf(out, "opentracker scrape stats, %" PRIu64 " scrape/s (tcp and udp)",
            a_second(s, tcp + udp));
}

static void mode_fscr(FILE *out, const struct stats *s)
{
    uint64_t count = both(s, METRIC_HTTP4_FULL_SCRAPES);
    uint64_t bytes = s->metrics.count[METRIC_HTTP_FULL_SCRAPE_BYTES];
    four_lines(out, s, count, bytes);
    fprintf(out, "opentracker full scrape stats, %" PRIu64 " conns/s :: %" PRIu64 " bytes/s.",
            a_second(s, count), a_second(s, bytes));
}

static void mode_syncs(FILE *out, const struct stats *s)
{
    four_lines(out, s, 0, 0);
    fputs("opentracker connections, 0 conns/s :: 0 success/s.", out);
}

static void mode_completed(FILE *out, const struct stats *s)
{
    uint64_t count = s->metrics.count[METRIC_COMPLETIONS];
    four_lines(out, s, count, 0);
    fprintf(out, "opentracker, %" PRIu64 " completed/h.", a_second(s, count * 3600));
}

/* ---- lists ---- */

struct http_error {
    const char *short_name, *long_name; /* in `herr`, in `everything` */
    uint64_t count;
};

#define HTTP_ERRORS 9

static void http_errors(const struct stats *s, struct http_error out[HTTP_ERRORS])
{
    const uint64_t *n = s->metrics.count;
    const struct http_error all[HTTP_ERRORS] = {
        {"302 RED", "302 Redirect", 0},
        {"400 ...", "400 Parse Error",
         n[METRIC_HTTP_400] + n[METRIC_HTTP_405] + n[METRIC_HTTP_413] + n[METRIC_HTTP_414] +
             n[METRIC_HTTP_431] + n[METRIC_HTTP_505]},
        {"400 PAR", "400 Invalid Parameter", n[METRIC_HTTP_FAILURES]},
        {"400 COM", "400 Invalid Parameter (compact=0)", 0},
        {NULL, "400 Not Modest", 0},
        {NULL, "402 Payment Required", 0},
        {"403 IP ", "403 Access Denied", n[METRIC_HTTP_403]},
        {"404 INV", "404 Not found", n[METRIC_HTTP_404]},
        {"500 SRV", "500 Internal Server Error", n[METRIC_HTTP_500] + n[METRIC_HTTP_503]}};
    memcpy(out, all, sizeof all);
}

static void mode_herr(FILE *out, const struct stats *s)
{
    struct http_error all[HTTP_ERRORS];
    http_errors(s, all);
    for (int i = 0; i < HTTP_ERRORS; i++)
        if (all[i].short_name) fprintf(out, "%s %" PRIu64 "\n", all[i].short_name, all[i].count);
}

static void mode_renew(FILE *out, const struct stats *s)
{
    for (int i = 0; i < RENEW_MINUTES; i++)
        fprintf(out, "%02d %" PRIu64 "\n", i, s->metrics.reannounce.in[i]);
}

static void top_rows(FILE *out, const struct swarm_top *top, uint32_t max)
{
    for (uint32_t i = 0; top && i < top->count && i < max; i++) {
        const struct swarm_numbers *n = &top->rows[i].numbers;
        fprintf(out, "\t%u\t", top->by_seeders ? n->complete : n->complete + n->incomplete);
        for (int k = 0; k < INFO_HASH_BYTES; k++)
            fprintf(out, "%02X", top->rows[i].info_hash.bytes[k]);
        fputc('\n', out);
    }
}

static void top(FILE *out, const struct stats *s, uint32_t max)
{
    fprintf(out, "Top %u torrents by peers:\n", max);
    top_rows(out, s->by_peers, max);
    fprintf(out, "Top %u torrents by seeds:\n", max);
    top_rows(out, s->by_seeders, max);
}

static void mode_top10(FILE *out, const struct stats *s)
{
    top(out, s, 10);
}

static void mode_top100(FILE *out, const struct stats *s)
{
    top(out, s, 100);
}

static void mode_version(FILE *out, const struct stats *s)
{
    fprintf(out, "muster %s\n", s->version);
}

/* ---- everything ---- */

static void element(FILE *out, int depth, const char *name, uint64_t value)
{
    fprintf(out, "%*s<%s>%" PRIu64 "</%s>\n", 2 * depth, "", name, value, name);
}

static void counted(FILE *out, const char *name, const char *inner, uint64_t value)
{
    fprintf(out, "  <%s>\n", name);
    element(out, 2, inner, value);
    fprintf(out, "  </%s>\n", name);
}

static void everything_connections(FILE *out, const struct stats *s)
{
    fputs("  <connections>\n    <tcp>\n", out);
    element(out, 3, "accept", s->metrics.count[METRIC_TCP_ACCEPTS]);
    element(out, 3, "announce", both(s, METRIC_HTTP4_ANNOUNCES));
    element(out, 3, "scrape", both(s, METRIC_HTTP4_SCRAPES));
    fputs("    </tcp>\n    <udp>\n", out);
    element(out, 3, "overall", both(s, METRIC_UDP4_REQUESTS));
    element(out, 3, "connect", both(s, METRIC_UDP4_CONNECTS));
    element(out, 3, "announce", both(s, METRIC_UDP4_ANNOUNCES));
    element(out, 3, "scrape", both(s, METRIC_UDP4_SCRAPES));
    element(out, 3, "missmatch", s->metrics.count[METRIC_UDP_BAD_IDS]); /* their spelling */
    fputs("    </udp>\n    <livesync>\n", out);
    element(out, 3, "count", 0);
    fputs("    </livesync>\n  </connections>\n", out);
}

static void everything_debug(FILE *out, const struct stats *s)
{
    struct http_error all[HTTP_ERRORS];
    http_errors(s, all);
    fputs("  <debug>\n    <renew>\n", out);
    for (int i = 0; i < RENEW_MINUTES; i++)
        fprintf(out, "      <count interval=\"%02d\">%" PRIu64 "</count>\n", i,
                s->metrics.reannounce.in[i]);
    fputs("    </renew>\n    <http_error>\n", out);
    for (int i = 0; i < HTTP_ERRORS; i++)
        fprintf(out, "      <count code=\"%s\">%" PRIu64 "</count>\n", all[i].long_name,
                all[i].count);
    fputs("    </http_error>\n    <mutex_stall>\n", out);
    element(out, 3, "count", 0);
    fputs("    </mutex_stall>\n  </debug>\n", out);
}

static void mode_everything(FILE *out, const struct stats *s)
{
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stats>\n", out);
    element(out, 1, "tracker_id", s->pid);
    fprintf(out, "  <version>\nmuster %s\n  </version>\n", s->version);
    element(out, 1, "uptime", s->uptime_s);
    fputs("  <torrents>\n", out);
    element(out, 2, "count_mutex", s->store.torrents);
    element(out, 2, "count_iterator", s->store.torrents);
    fputs("  </torrents>\n", out);
    counted(out, "peers", "count", stats_peers(s));
    counted(out, "seeds", "count", stats_seeders(s));
    counted(out, "completed", "count", s->metrics.count[METRIC_COMPLETIONS]);
    everything_connections(out, s);
    everything_debug(out, s);
    fputs("</stats>\n", out);
}

/* ---- the table ---- */

struct mode {
    const char *name;
    void (*print)(FILE *out, const struct stats *s);
};

static const struct mode MODES[] = {
    {"peer", mode_peer},           {"torr", mode_torr},       {"conn", mode_conn},
    {"scrp", mode_scrp},           {"udp4", mode_udp4},       {"tcp4", mode_tcp4},
    {"fscr", mode_fscr},           {"herr", mode_herr},       {"top10", mode_top10},
    {"top100", mode_top100},       {"renew", mode_renew},     {"syncs", mode_syncs},
    {"completed", mode_completed}, {"version", mode_version}, {"everything", mode_everything},
};

static const struct mode *mode_find(struct view name)
{
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++)
        if (view_equal(name, view_of_text(MODES[i].name))) return &MODES[i];
    return NULL;
}

bool stats_mode_exists(struct view mode)
{
    return mode_find(mode) != NULL;
}

bool stats_print_opentracker(FILE *out, const struct stats *s, struct view mode)
{
    const struct mode *m = mode_find(mode);
    if (m) m->print(out, s);
    return m != NULL;
}

/* ---- the list of all torrents ---- */

static void hex(FILE *out, const char *format, const struct info_hash *h)
{
    for (int i = 0; i < INFO_HASH_BYTES; i++)
        fprintf(out, format, h->bytes[i]);
}

bool stats_dump_format(struct view name, enum stats_dump *out)
{
    static const char *const NAMES[] = {"txt", "txtp", "url", "bin"};
    for (int i = 0; i < 4; i++) {
        *out = (enum stats_dump)i;
        if (view_equal(name, view_of_text(NAMES[i]))) return true;
    }
    return false;
}

void stats_print_dump(FILE *out, enum stats_dump format, const struct info_hash *h,
                      const struct swarm_numbers *n)
{
    uint8_t big_endian[8];
    switch (format) {
    case DUMP_TXT:
    case DUMP_TXTP: hex(out, "%02X", h); break;
    case DUMP_URL: hex(out, "%%%02X", h); break;
    case DUMP_BIN:
        store_u32be(big_endian, n->complete);
        store_u32be(big_endian + 4, n->incomplete);
        fwrite(h->bytes, INFO_HASH_BYTES, 1, out);
        fwrite(big_endian, sizeof big_endian, 1, out);
        return;
    }
    fprintf(out, ":%u:%u", n->complete, n->incomplete);
    if (format == DUMP_TXTP) fprintf(out, ":%u", n->downloaded);
    fputc('\n', out);
}
