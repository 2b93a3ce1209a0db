/* report.c - see report.h. Both forms come from one table of figures. */
#include "bench/report.h"

#include <inttypes.h>
#include <string.h>

enum when { ALWAYS, AT_LEAST /* always, and the value is a bound */, WITH_COST, WITH_FILL };

struct figure {
    const char *key, *label, *unit;
    double value;
    int decimals;
    enum when when;
};

static double seconds(uint64_t ns)
{
    return (double)ns / (double)NS_PER_S;
}

static double us(uint64_t ns)
{
    return (double)ns / 1000.0;
}

/* A row of the table for a percentile. */
static struct figure latency(const struct histogram *h, const char *key, const char *label,
                             double percent)
{
    uint64_t ns = histogram_percentile(h, percent);
    return (struct figure){key,    label, "us",
                           us(ns), 1,     histogram_is_bound(h, ns) ? AT_LEAST : ALWAYS};
}

static double per(double sum, uint64_t count)
{
    return count ? sum / (double)count : 0;
}

#define FIGURES_MAX 32

/* Long because it is the table of what is reported. */
static unsigned figures_fill(const struct report *r, struct figure *out)
{
    const struct tally *t = r->load;
    const struct histogram *h = &t->latency;
    uint64_t time_ns = t->end_ns - t->start_ns;
    double cpu_us = us(t->after.cpu_ns - t->before.cpu_ns);
    double user_us = (double)(t->after.user_us - t->before.user_us);
    double sys_us = (double)(t->after.sys_us - t->before.sys_us);
    const struct figure figures[] = {
        {"duration_s", "measured for", "s", seconds(time_ns), 2, ALWAYS},
        {"due", "due", "", (double)t->due, 0, ALWAYS},
        {"sent", "sent", "", (double)tally_sum(t->sent), 0, ALWAYS},
        {"never_sent", "due, never sent", "", (double)t->never_sent, 0, ALWAYS},
        {"answered", "answered", "", (double)tally_sum(t->answered), 0, ALWAYS},
        {"lost", "lost", "", (double)tally_sum(t->lost), 0, ALWAYS},
        {"late", "        answered later", "", (double)t->late, 0, ALWAYS},
        {"loss_percent", "lost or never sent", "%", tally_loss_percent(t), 2, ALWAYS},
        {"ignored", "bad ids ignored", "", (double)t->ignored, 0, ALWAYS},
        {"wrong", "wrong answers", "", (double)tally_flaws(t), 0, ALWAYS},
        {"strays", "repeated, too late, strangers'", "", (double)t->strays, 0, ALWAYS},
        {"send_failures", "failed to send", "", (double)t->send_failures, 0, ALWAYS},
        {"late_starts", "sent late", "", (double)t->late_starts, 0, ALWAYS},
        {"late_start_max_us", "        the latest", "us", us(t->late_max_ns), 1, ALWAYS},
        {"answers_per_s", "answers", "/s", per((double)t->in_time, 1) / seconds(time_ns), 0,
         ALWAYS},
        {"latency_mean_us", "latency mean", "us", histogram_mean(h) / 1000, 1,
         h->bounds ? AT_LEAST : ALWAYS},
        latency(h, "latency_p50_us", "        p50", 50),
        latency(h, "latency_p90_us", "        p90", 90),
        latency(h, "latency_p99_us", "        p99", 99),
        latency(h, "latency_p999_us", "        p99.9", 99.9),
        latency(h, "latency_max_us", "        max", 100),
        {"slow_answers", "        above 50 ms", "", (double)t->slow, 0, ALWAYS},
        {"slow_spells", "        ... spells", "", (double)t->slow_spells, 0, ALWAYS},
        {"peers_per_answer", "peers per answer", "", per((double)t->peers, t->announces), 2,
         ALWAYS},
        {"answer_bytes", "bytes per answer", "", per((double)t->announce_bytes, t->announces), 1,
         ALWAYS},
        {"cpu_us_per_request", "server CPU per request", "us", per(cpu_us, t->in_time), 3,
         WITH_COST},
        {"cpu_user_share", "        in the program", "",
         user_us + sys_us > 0 ? user_us / (user_us + sys_us) : 0, 3, WITH_COST},
        {"cpu_busy", "server CPU in use", "", cpu_us / us(time_ns), 3, WITH_COST},
        {"rss_bytes", "server RSS", "B", (double)t->after.rss_bytes, 0, WITH_COST},
        {"rss_before_fill_bytes", "        before the fill", "B", (double)r->rss_before_bytes, 0,
         WITH_COST},
        {"filled_peers", "peers announced before", "", (double)r->filled, 0, WITH_FILL},
        {"fill_s", "        in", "s", seconds(r->fill_ns), 2, WITH_FILL},
    };
    unsigned count = 0;
    _Static_assert(sizeof figures / sizeof *figures <= FIGURES_MAX, "room for all");
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (figures[i].when == WITH_COST && !t->has_cost) continue;
        if (figures[i].when == WITH_FILL && !r->filled) continue;
        out[count++] = figures[i];
    }
    return count;
}

static const char *errno_name(int number)
{
    const char *name = strerrorname_np(number);
    return name ? name : "?";
}

void report_text(FILE *out, const struct report *r)
{
    struct figure figures[FIGURES_MAX];
    unsigned count = figures_fill(r, figures);
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "%-24s %14.*f %s%s\n", figures[i].label, figures[i].decimals, figures[i].value,
                figures[i].unit, figures[i].when == AT_LEAST ? ", at least" : "");
    for (int i = FLAW_NONE + 1; i < FLAW_COUNT; i++)
        if (r->load->flaws[i])
            fprintf(out, "  wrong: %-15s %14" PRIu64 " %s\n", FLAW_NAMES[i], r->load->flaws[i],
                    FLAW_HELP[i]);
    for (int i = 0; i < TALLY_ERRNOS_MAX && r->load->errnos[i].number; i++)
        fprintf(out, "  failed: %-14s %14" PRIu64 " %s\n", errno_name(r->load->errnos[i].number),
                r->load->errnos[i].count, strerror(r->load->errnos[i].number));
}

/* {"announce": 12, ...} of the kinds or flaws that occurred. */
static void counts_json(FILE *out, const char *key, const char *const *names,
                        const uint64_t *counts, int from, int to)
{
    const char *comma = "";
    fprintf(out, "  \"%s\": {", key);
    for (int i = from; i < to; i++) {
        if (!counts[i]) continue;
        fprintf(out, "%s\"%s\": %" PRIu64, comma, names[i], counts[i]);
        comma = ", ";
    }
    fprintf(out, "}");
}

static void errnos_json(FILE *out, const struct tally *t)
{
    const char *comma = "";
    fprintf(out, "  \"send_failures_by_errno\": {");
    for (int i = 0; i < TALLY_ERRNOS_MAX && t->errnos[i].number; i++) {
        fprintf(out, "%s\"%s\": %" PRIu64, comma, errno_name(t->errnos[i].number),
                t->errnos[i].count);
        comma = ", ";
    }
    fprintf(out, "},\n");
}

/* The keys of those figures of which only "at least so much" is known. */
static void bounds_json(FILE *out, const struct figure *figures, unsigned count)
{
    const char *comma = "";
    fprintf(out, "  \"at_least\": [");
    for (unsigned i = 0; i < count; i++) {
        if (figures[i].when != AT_LEAST) continue;
        fprintf(out, "%s\"%s\"", comma, figures[i].key);
        comma = ", ";
    }
    fprintf(out, "],\n");
}

void report_json(FILE *out, const struct report *r)
{
    struct figure figures[FIGURES_MAX];
    unsigned count = figures_fill(r, figures);
    fprintf(out, "{\n");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "  \"%s\": %.*f,\n", figures[i].key, figures[i].decimals, figures[i].value);
    bounds_json(out, figures, count);
    errnos_json(out, r->load);
    if (r->load->gone_pid) fprintf(out, "  \"gone_pid\": %d,\n", r->load->gone_pid);
    counts_json(out, "sent_by_kind", ASK_NAMES, r->load->sent, 0, ASK_COUNT);
    fprintf(out, ",\n");
    counts_json(out, "wrong_by_kind", FLAW_NAMES, r->load->flaws, FLAW_NONE + 1, FLAW_COUNT);
    fprintf(out, "\n}\n");
}
