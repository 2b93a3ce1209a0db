/* top_panels.c - the panels of figures: rows of a label and a path into /stats.json.
 *
 * Layout     two columns where the page is wide, one where it is not. What does not fit is cut, never
 *            wrapped.
 * Rates      the server's own where it has one; of other counters the difference of two answers. */
#include "app/top_parts.h"

#include "app/control_client.h"

#include <string.h>

#define COLUMN_WIDTH 46
#define VALUE_WIDTH  14
#define LABEL_WIDTH  16

struct rate_row {
    const char *label, *path;
};

static const struct rate_row RATES[] = {
    {"all requests", "rates.total"}, {"announces", "rates.announces"},
    {"UDP, IPv4", "rates.udp4"},     {"UDP, IPv6", "rates.udp6"},
    {"HTTP, IPv4", "rates.http4"},   {"HTTP, IPv6", "rates.http6"},
};

static uint32_t draw_rates(struct top_page *p, const struct top_view *v, uint32_t y)
{
    top_put(p, 0, y++, TOP_TITLE, "%-*s%*s%*s", LABEL_WIDTH, "requests", VALUE_WIDTH, "a second",
            VALUE_WIDTH, "at most");
    for (size_t i = 0; i < sizeof RATES / sizeof *RATES; i++) {
        char now[TOP_NUMBER_BYTES], max[TOP_NUMBER_BYTES];
        const json_t *rate = control_member(v->now, RATES[i].path);
        if (!rate) continue;
        top_put(p, 0, y++, TOP_PLAIN, "%-*s%*s%*s", LABEL_WIDTH, RATES[i].label, VALUE_WIDTH,
                top_number(control_number(rate, "now"), now), VALUE_WIDTH,
                top_number(control_number(rate, "max"), max));
    }
    return y;
}

enum figure_kind { FIGURE_NUMBER, FIGURE_BYTES, FIGURE_SECONDS, FIGURE_FRACTION };

struct figure {
    const char *label, *path;
    enum figure_kind kind;
    const char *beside_label, *beside_path; /* a second one in the line */
    bool alarms;                            /* when it has grown since the answer before */
};

static const struct figure STORE[] = {
    {"peers", "peers", FIGURE_NUMBER, NULL, NULL, false},
    {"seeders", "seeders", FIGURE_NUMBER, "leechers", "leechers", false},
    {"IPv4", "peers_by.ipv4", FIGURE_NUMBER, "IPv6", "peers_by.ipv6", false},
    {"torrents", "torrents.total", FIGURE_NUMBER, "largest", "torrents.peers_max", false},
    {"store", "memory.store_bytes", FIGURE_BYTES, "of", "memory.store_max_bytes", false},
    {"resident", "memory.rss_bytes", FIGURE_BYTES, NULL, NULL, false},
};

static const struct figure HEALTH[] = {
    {"interval", "interval.now_s", FIGURE_SECONDS, "wanted", "interval.wanted_s", false},
    {"load", NULL, FIGURE_FRACTION, "at most", "load.max", false},
    {"kernel drops", "drops.kernel", FIGURE_NUMBER, NULL, NULL, true},
    {"connections", "connections.open", FIGURE_NUMBER, "of", "connections.max", false},
    {"refused", "connections.refused", FIGURE_NUMBER, "timeouts", "connections.timeouts", true},
    {"expired peers", "sweep.peers_removed", FIGURE_NUMBER, NULL, NULL, false},
};

static const char *figure_text(const json_t *stats, const char *path, enum figure_kind kind,
                               char out[TOP_NUMBER_BYTES])
{
    double value = control_number(stats, path);
    if (kind == FIGURE_BYTES) return top_bytes(value, out);
    if (kind == FIGURE_NUMBER) return top_number(value, out);
    snprintf(out, TOP_NUMBER_BYTES, kind == FIGURE_SECONDS ? "%.0f s" : "%.2f", value);
    return out;
}

static const char *load_text(const json_t *stats, char out[TOP_NUMBER_BYTES])
{
    const json_t *load = control_member(stats, "load.average");
    snprintf(out, TOP_NUMBER_BYTES, "%.2f %.2f %.2f", json_number_value(json_array_get(load, 0)),
             json_number_value(json_array_get(load, 1)),
             json_number_value(json_array_get(load, 2)));
    return out;
}

static bool has_grown(const struct top_view *v, const struct figure *f)
{
    return f->alarms && v->before &&
           control_number(v->now, f->path) > control_number(v->before, f->path);
}

static void draw_figure(struct top_page *p, const struct top_view *v, const struct figure *f,
                        uint32_t x, uint32_t y)
{
    char text[TOP_NUMBER_BYTES], beside[TOP_NUMBER_BYTES];
    enum top_style style = has_grown(v, f) ? TOP_ALARM : TOP_PLAIN;
    const char *value =
        f->path ? figure_text(v->now, f->path, f->kind, text) : load_text(v->now, text);
    uint32_t end = top_put(p, x, y, style, "%-*s%*s", LABEL_WIDTH, f->label, VALUE_WIDTH, value);
    if (f->beside_label)
        top_put(p, end, y, TOP_DIM, "  %s %s", f->beside_label,
                figure_text(v->now, f->beside_path, f->kind, beside));
}

static uint32_t draw_figures(struct top_page *p, const struct top_view *v, const char *title,
                             const struct figure *figures, size_t count, uint32_t x, uint32_t y)
{
    top_put(p, x, y++, TOP_TITLE, "%s", title);
    for (size_t i = 0; i < count; i++)
        draw_figure(p, v, &figures[i], x, y++);
    return y;
}

/* The kinds that have grown since the answer before, with their rate; the largest counts otherwise. */
static double error_before(const struct top_view *v, const json_t *error)
{
    const json_t *other;
    size_t i;
    json_array_foreach(
        json_object_get(v->before, "errors"), i,
        other) if (strcmp(control_text(other, "door"), control_text(error, "door")) == 0 &&
                   strcmp(control_text(other, "kind"), control_text(error, "kind")) ==
                       0) return control_number(other, "count");
    return control_number(error, "count");
}

uint32_t top_draw_errors(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                         uint32_t rows)
{
    const json_t *error;
    size_t i;
    top_put(p, x, y++, TOP_TITLE, "%-*s%*s%*s", LABEL_WIDTH + 4, "errors", VALUE_WIDTH - 2,
            "so far", VALUE_WIDTH - 2, "a second");
    uint32_t last = y + rows;
    json_array_foreach(json_object_get(v->now, "errors"), i, error)
    {
        char count[TOP_NUMBER_BYTES], rate[TOP_NUMBER_BYTES], name[LABEL_WIDTH + 4];
        double now = control_number(error, "count"), before = error_before(v, error);
        if (now <= 0 || y >= last) continue;
        snprintf(name, sizeof name, "%s %s", control_text(error, "door"),
                 control_text(error, "kind"));
        double per_s = v->elapsed_s > 0 ? (now - before) / v->elapsed_s : 0;
        top_put(p, x, y++, per_s > 0 ? TOP_ALARM : TOP_PLAIN, "%-*s%*s%*s", LABEL_WIDTH + 4, name,
                VALUE_WIDTH - 2, top_number(now, count), VALUE_WIDTH - 2, top_number(per_s, rate));
    }
    return y;
}

uint32_t top_errors_count(const struct top_view *v)
{
    const json_t *error;
    size_t i;
    uint32_t count = 0;
    json_array_foreach(json_object_get(v->now, "errors"), i, error) count +=
        control_number(error, "count") > 0;
    return count;
}

uint32_t top_draw_figures(struct top_page *p, const struct top_view *v, uint32_t y,
                          uint32_t error_rows)
{
    bool wide = p->width >= 2 * COLUMN_WIDTH;
    uint32_t x = wide ? COLUMN_WIDTH : 0;
    uint32_t left = draw_rates(p, v, y) + 1;
    uint32_t right =
        draw_figures(p, v, "peers", STORE, sizeof STORE / sizeof *STORE, x, wide ? y : left) + 1;
    y = wide && left > right ? left : right;
    left = draw_figures(p, v, "health", HEALTH, sizeof HEALTH / sizeof *HEALTH, 0, y) + 1;
    right = top_draw_errors(p, v, x, wide ? y : left, error_rows) + 1;
    return wide && left > right ? left : right;
}

/* ---- in a few lines ---- */

struct digest_word {
    const char *before, *path;
    enum figure_kind kind;
    const char *after;
    bool alarms;
};

#define DIGEST_WORDS_MAX 5

struct digest_line {
    const char *label;
    struct digest_word words[DIGEST_WORDS_MAX];
};

static const struct digest_line DIGEST[] = {
    {"requests",
     {{"", "rates.total.now", FIGURE_NUMBER, " a second", false},
      {", at most ", "rates.total.max", FIGURE_NUMBER, "", false},
      {"; announces ", "rates.announces.now", FIGURE_NUMBER, "", false}}},
    {"peers",
     {{"", "peers", FIGURE_NUMBER, "", false},
      {": ", "seeders", FIGURE_NUMBER, " seeders", false},
      {", ", "leechers", FIGURE_NUMBER, " leechers", false},
      {"; ", "torrents.total", FIGURE_NUMBER, " torrents", false}}},
    {"memory",
     {{"", "memory.store_bytes", FIGURE_BYTES, "", false},
      {" of ", "memory.store_max_bytes", FIGURE_BYTES, "", false},
      {"; resident ", "memory.rss_bytes", FIGURE_BYTES, "", false},
      {"; interval ", "interval.now_s", FIGURE_SECONDS, "", false}}},
    {"health",
     {{"load ", NULL, FIGURE_FRACTION, "", false},
      {"; dropped ", "drops.kernel", FIGURE_NUMBER, "", true},
      {"; connections ", "connections.open", FIGURE_NUMBER, "", false},
      {", refused ", "connections.refused", FIGURE_NUMBER, "", true}}},
};

static bool word_alarms(const struct top_view *v, const struct digest_word *w)
{
    return w->alarms && v->before &&
           control_number(v->now, w->path) > control_number(v->before, w->path);
}

uint32_t top_draw_digest(struct top_page *p, const struct top_view *v, uint32_t y)
{
    for (size_t i = 0; i < sizeof DIGEST / sizeof *DIGEST; i++, y++) {
        const struct digest_line *line = &DIGEST[i];
        uint32_t x = top_put(p, 0, y, TOP_TITLE, "%-10s", line->label);
        for (size_t k = 0; k < DIGEST_WORDS_MAX && line->words[k].before; k++) {
            const struct digest_word *w = &line->words[k];
            char text[TOP_NUMBER_BYTES];
            const char *value =
                w->path ? figure_text(v->now, w->path, w->kind, text) : load_text(v->now, text);
            x = top_put(p, x, y, word_alarms(v, w) ? TOP_ALARM : TOP_PLAIN, "%s%s%s", w->before,
                        value, w->after);
        }
    }
    return y;
}
