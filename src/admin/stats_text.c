/* stats_text.c - the plain statistics page, laid out as sc6 and etracker did: groups of `name = value`
 * with the values under one another, then the errno histograms. */
#include "admin/stats.h"

#include "base/text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define VALUE_COLUMNS 12
#define DAY_S         86400

struct page {
    FILE *out;
    const char *separator;
};

/* Right-aligned in VALUE_COLUMNS; a separator that takes several bytes counts as one column. */
static void number(const struct page *p, uint64_t value, int columns)
{
    char text[TEXT_GROUPED_BYTES_MAX];
    int shown = (int)text_print_grouped(text, value, p->separator);
    fprintf(p->out, "%*s%s", columns > shown ? columns - shown : 0, "", text);
}

static void line(const struct page *p, const char *name, int columns, uint64_t value,
                 const char *remark)
{
    fprintf(p->out, "%-*s = ", columns, name);
    number(p, value, VALUE_COLUMNS);
    if (remark) fprintf(p->out, " (%s)", remark);
    fputc('\n', p->out);
}

/* ---- the head ---- */

static void head_times(const struct page *p, const struct stats *s)
{
    char text[40] = "";
    time_t start = (time_t)s->start_unix_s;
    struct tm tm;
    if (localtime_r(&start, &tm)) strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm);
    fprintf(p->out, "muster %s\n\nstart_time = %s (%" PRIu64 "d) (%uf)\nthread_number = 0\n\n",
            s->version, text, s->uptime_s / DAY_S, s->restarts);
}

static void head_load(const struct page *p, const struct stats *s)
{
    fprintf(p->out, "load_avg = %.2f %.2f %.2f\n", s->load[0], s->load[1], s->load[2]);
    fprintf(p->out, "interval = %u (%u->%u)\nactive_sockets = ", s->interval.now_s,
            s->interval.previous_s, s->interval.wanted_s);
    number(p, s->connections_open, 0);
    fputs(" (rlimit ", p->out);
    number(p, s->nofile_soft, 0);
    fputc('/', p->out);
    number(p, s->nofile_hard, 0);
    fputs(")\n\n", p->out);
}

static void rate(const struct page *p, const char *name, const struct stats_rate *r)
{
    fprintf(p->out, "%s: %" PRIu64 " (max %" PRIu64 ")", name, r->now, r->max);
}

static void head_rates(const struct page *p, const struct stats *s)
{
    const struct stats_rate *r = s->rates;
    fprintf(p->out, "requests_per_second = tcp: %" PRIu64 ".00, udp: %" PRIu64 ".00\n",
            r[RATE_HTTP4].now + r[RATE_HTTP6].now, r[RATE_UDP4].now + r[RATE_UDP6].now);
    fputs("requests_per_second_ipv4 = ", p->out);
    rate(p, "tcp", &r[RATE_HTTP4]);
    rate(p, ", udp", &r[RATE_UDP4]);
    fputs("\nrequests_per_second_ipv6 = ", p->out);
    rate(p, "tcp", &r[RATE_HTTP6]);
    rate(p, ", udp", &r[RATE_UDP6]);
    fputs("\n\n", p->out);
}

/* ---- the table ---- */

static int group_columns(size_t from)
{
    size_t columns = 0;
    for (size_t i = from; i < STATS_NAME_COUNT; i++) {
        size_t length = strlen(STATS_NAMES[i].name);
        if (length > columns) columns = length;
        if (STATS_NAMES[i].ends_group) break;
    }
    return (int)columns;
}

static void table(const struct page *p, const struct stats *s)
{
    int columns = group_columns(0);
    for (size_t i = 0; i < STATS_NAME_COUNT; i++) {
        const struct stats_name *n = &STATS_NAMES[i];
        line(p, n->name, columns, n->value(s), n->remark);
        if (!n->ends_group) continue;
        fputc('\n', p->out);
        columns = group_columns(i + 1);
    }
}

/* ---- what muster knows besides ---- */

static void store(const struct page *p, const struct stats *s)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"torrents", s->store.torrents},
                {"peers", stats_peers(s)},
                {"seeders", stats_seeders(s)},
                {"leechers", stats_peers(s) - stats_seeders(s)},
                {"peers_ipv4", s->store.peers[FAMILY_V4]},
                {"peers_ipv6", s->store.peers[FAMILY_V6]},
                {"completed", s->metrics.count[METRIC_COMPLETIONS]},
                {"store_bytes", s->store.memory_bytes},
                {"resident_bytes", s->rss_bytes},
                {"kernel_drops", s->metrics.count[METRIC_UDP_KERNEL_DROPS]}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        line(p, rows[i].name, (int)strlen("resident_bytes"), rows[i].value, NULL);
}

static const char *errno_words(int error)
{
    const char *words = strerrordesc_np(error);
    return words ? words : "?";
}

static void errnos(const struct page *p, const struct stats *s)
{
    static const char *const NAMES[CALL_COUNT] = {"close_errno",    "send_errno",
                                                  "recv_errno",     "accept_errno",
                                                  "send_errno_udp", "recv_errno_udp"};
    for (int call = 0; call < CALL_COUNT; call++) {
        fprintf(p->out, "\n%s\n", NAMES[call]);
        for (int i = 0; i < METRIC_ERRNOS; i++) {
            if (!s->metrics.errnos[call][i]) continue;
            fprintf(p->out, "%5d ", i);
            number(p, s->metrics.errnos[call][i], VALUE_COLUMNS);
            fprintf(p->out, " %s\n", errno_words(i));
        }
    }
}

void stats_print_text(FILE *out, const struct stats *s, const char *separator)
{
    const struct page p = {out, separator};
    head_times(&p, s);
    head_load(&p, s);
    head_rates(&p, s);
    table(&p, s);
    store(&p, s);
    errnos(&p, s);
}
