/* stats_prometheus.c - /metrics, text format 0.0.4: the counters of metrics.def, the gauges of
 * gauges.def, and what has more dimensions than a row: errors by kind, failed calls by errno,
 * clients, drops by socket, histograms.
 *
 * Units are base units, names begin with muster_, HELP and TYPE come once per family, samples of a
 * family stand together. Errors of all kinds are there from the start, as 0: a rate needs a value
 * before the first error. */
#include "admin/stats.h"

#include <inttypes.h>

struct page { /* being printed */
    FILE *out;
    const char *name;
};

/* HELP and TYPE, once. Help texts here are ours: no backslash, no line end. */
static void begin(struct page *f, const char *name, const char *type, const char *help)
{
    if (f->name && strcmp(f->name, name) == 0) return;
    f->name = name;
    fprintf(f->out, "# HELP muster_%s %s\n# TYPE muster_%s %s\n", name, help, name, type);
}

/* ---- counters ---- */

static void counters(struct page *f, const struct stats *s)
{
    for (enum metric m = 0; m < METRIC_COUNT; m++) {
        char text[METRIC_TEXT_BYTES_MAX];
        struct metric_row row = metric_row(m);
        begin(f, row.name, "counter", row.help);
        metric_print(m, text);
        fprintf(f->out, "muster_%s %" PRIu64 "\n", text, s->metrics.count[m]);
    }
}

/* Errors that a client can be told of stand before those of the configuration. */
static void errors(struct page *f, const struct stats *s)
{
    for (int door = 0; door < METRIC_DOORS; door++)
        for (enum err e = ERR_OK + 1; e < ERR_NOT_A_NUMBER; e++) {
            char kind[ERR_NAME_BYTES_MAX];
            err_name(e, kind);
            begin(f, STATS_ERRORS.name, "counter", STATS_ERRORS.help);
            fprintf(f->out, "muster_%s{door=\"%s\",kind=\"%s\"} %" PRIu64 "\n", f->name,
                    metric_door_name((enum metric_door)door), kind, s->metrics.errors[door][e]);
        }
}

static void errnos(struct page *f, const struct stats *s)
{
    begin(f, STATS_ERRNOS.name, "counter", STATS_ERRNOS.help);
    for (int call = 0; call < CALL_COUNT; call++)
        for (int i = 0; i < METRIC_ERRNOS; i++) {
            char name[METRIC_ERRNO_BYTES_MAX];
            if (!s->metrics.errnos[call][i]) continue;
            metric_errno_name(i, name);
            fprintf(f->out, "muster_%s{call=\"%s\",errno=\"%s\"} %" PRIu64 "\n", f->name,
                    metric_call_name((enum metric_call)call), name, s->metrics.errnos[call][i]);
        }
}

static void clients(struct page *f, const struct stats *s)
{
    begin(f, STATS_CLIENTS.name, "counter", STATS_CLIENTS.help);
    for (uint32_t i = 0; i < s->client_count; i++)
        fprintf(f->out, "muster_%s{code=\"%s\",client=\"%s\"} %" PRIu64 "\n", f->name,
                s->clients[i].code, s->clients[i].name, s->clients[i].announces);
    begin(f, STATS_CLIENTS_ADDED.name, "counter", STATS_CLIENTS_ADDED.help);
    for (uint32_t i = 0; i < s->client_count; i++)
        fprintf(f->out, "muster_%s{code=\"%s\",client=\"%s\"} %" PRIu64 "\n", f->name,
                s->clients[i].code, s->clients[i].name, s->clients[i].peers_added);
}

static void sockets(struct page *f, const struct stats *s)
{
    begin(f, STATS_DROPS.name, "counter", STATS_DROPS.help);
    for (uint32_t i = 0; i < s->socket_count; i++)
        fprintf(f->out, "muster_%s{address=\"%s\",worker=\"%u\"} %" PRIu64 "\n", f->name,
                s->sockets[i].address, s->sockets[i].worker, s->sockets[i].drops);
}

/* ---- histograms ---- */

static void histogram(const struct page *f, const char *label, const struct buckets_total *h,
                      const struct buckets_scale *scale, double unit)
{
    uint64_t below = 0;
    const char *comma = label[0] ? "," : "", *open = label[0] ? "{" : "",
               *close = label[0] ? "}" : "";
    for (unsigned i = 0; i < scale->count; i++) {
        below += h->in[i];
        fprintf(f->out, "muster_%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", f->name, label, comma,
                scale->le[i] * unit, below);
    }
    fprintf(f->out, "muster_%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", f->name, label, comma,
            h->count);
    fprintf(f->out, "muster_%s_sum%s%s%s %.9g\n", f->name, open, label, close,
            (double)h->sum * unit);
    fprintf(f->out, "muster_%s_count%s%s%s %" PRIu64 "\n", f->name, open, label, close, h->count);
}

static void histograms(struct page *f, const struct stats *s)
{
    static const char *const DOORS[METRIC_DOORS] = {"door=\"udp\"", "door=\"http\""};
    begin(f, STATS_LATENCY.name, "histogram", STATS_LATENCY.help);
    for (int door = 0; door < METRIC_DOORS; door++)
        histogram(f, DOORS[door], &s->metrics.latency[door], &LATENCY_US, 1e-6);
    begin(f, STATS_REANNOUNCE.name, "histogram", STATS_REANNOUNCE.help);
    histogram(f, "", &s->metrics.reannounce, &REANNOUNCE_S, 1);
}

/* ---- gauges ---- */

static void gauge(struct page *f, const char *name, const char *labels, const char *help,
                  double value)
{
    begin(f, name, "gauge", help);
    fprintf(f->out, labels[0] ? "muster_%s{%s} %.15g\n" : "muster_%s%s %.15g\n", name, labels,
            value);
}

static void gauges(struct page *f, const struct stats *s)
{
#define GAUGE(name, labels, help, value) gauge(f, name, labels, help, (double)(value));
#include "admin/gauges.def"
#undef GAUGE
    begin(f, STATS_BUILD.name, "gauge", STATS_BUILD.help);
    fprintf(f->out, "muster_%s{version=\"%s\"} 1\n", f->name, s->version);
}

void stats_print_prometheus(FILE *out, const struct stats *s)
{
    struct page f = {.out = out};
    counters(&f, s);
    errors(&f, s);
    errnos(&f, s);
    clients(&f, s);
    sockets(&f, s);
    gauges(&f, s);
    histograms(&f, s);
}
