/* top_panels.c - the panels: rows of a label and a path into /stats.json.
 *
 * Layout     two columns of figures, then tables: side by side where the page is wide, one below the
 *            other where it is not. What does not fit is cut, never wrapped.
 * Rates      the server's own where it has one; of other counters the difference of two answers. */
#include "app/top_page.h"

#include "app/control_client.h"

#include <stdlib.h>
#include <string.h>

#define COLUMN_WIDTH   46
#define VALUE_WIDTH    14
#define LABEL_WIDTH    16
#define TABLE_WIDTH    60
#define TABLE_ROWS_MAX 64
#define HASH_SHOWN     40
#define WIDE           (2 * TABLE_WIDTH)

/* ---- head ---- */

static void draw_head(struct top_page *p, const struct top_view *v)
{
    char uptime[CONTROL_UPTIME_BYTES];
    control_uptime_text(control_number(v->now, "uptime_s"), uptime);
    for (uint32_t x = 0; x < p->width; x++)
        p->style[0][x] = TOP_HEAD;
    uint32_t x = top_put(p, 0, 0, TOP_HEAD, "muster %s", control_text(v->now, "version"));
    if (v->now)
        x = top_put(p, x, 0, TOP_HEAD, "  process %.0f, up %s, %.0f restarts, %.0f workers",
                    control_number(v->now, "pid"), uptime, control_number(v->now, "restarts"),
                    control_number(v->now, "workers"));
    if (v->paused) top_put(p, x, 0, TOP_HEAD, "  PAUSED");
    if (v->error) top_put(p, 0, 1, TOP_ALARM, "%s", v->error);
    else top_put(p, 0, 1, TOP_DIM, "%s", v->path);
}

/* ---- figures ---- */

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

static uint32_t draw_errors(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y)
{
    const json_t *error;
    size_t i;
    top_put(p, x, y++, TOP_TITLE, "%-*s%*s%*s", LABEL_WIDTH + 4, "errors", VALUE_WIDTH - 2,
            "so far", VALUE_WIDTH - 2, "a second");
    uint32_t last = y + 6;
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

/* ---- tables ---- */

static double swarm_key(const json_t *swarm, enum top_sort sort)
{
    double seeders = control_number(swarm, "seeders"), leechers = control_number(swarm, "leechers");
    if (sort == TOP_BY_SEEDERS) return seeders;
    if (sort == TOP_BY_LEECHERS) return leechers;
    return sort == TOP_BY_COMPLETED ? control_number(swarm, "completed") : seeders + leechers;
}

struct ranked {
    const json_t *row;
    double key;
};

static int by_key(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->key, y = ((const struct ranked *)b)->key;
    return x < y ? 1 : x > y ? -1 : 0;
}

static uint32_t draw_swarms(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                            uint32_t rows)
{
    static const char *const SORTS[] = {"peers", "seeders", "leechers", "completed"};
    struct ranked ranked[TABLE_ROWS_MAX];
    const json_t *list = json_object_get(v->now, "top_swarms"), *row;
    size_t i, count = 0;
    json_array_foreach(list, i, row) if (count < TABLE_ROWS_MAX) ranked[count++] =
        (struct ranked){row, swarm_key(row, v->sort)};
    qsort(ranked, count, sizeof *ranked, by_key);
    top_put(p, x, y++, TOP_TITLE, "%-*s%7s%7s", HASH_SHOWN, "largest swarms", "seed", "leech");
    top_put(p, x + 16, y - 1, TOP_DIM, "by %s (s)", SORTS[v->sort]);
    if (!list) top_put(p, x, y++, TOP_DIM, "not told: top_swarms = off");
    for (i = 0; i < count && i < rows; i++) {
        char seeders[TOP_NUMBER_BYTES], leechers[TOP_NUMBER_BYTES];
        top_put(p, x, y++, TOP_PLAIN, "%-*.*s%7s%7s", HASH_SHOWN, HASH_SHOWN,
                control_text(ranked[i].row, "info_hash"),
                top_number(control_number(ranked[i].row, "seeders"), seeders),
                top_number(control_number(ranked[i].row, "leechers"), leechers));
    }
    return y;
}

struct table {
    const char *member, *title, *name, *count, *unit;
};

static const struct table TALKERS = {"top_talkers", "busiest addresses", "address", "requests",
                                     "requests"};
static const struct table LIMITED = {"top_limited", "over a rate limit", "address", "requests",
                                     "refused"};
static const struct table CLIENTS = {"clients", "client software", "name", "announces",
                                     "announces"};

static uint32_t draw_table(struct top_page *p, const struct top_view *v, const struct table *t,
                           uint32_t x, uint32_t y, uint32_t rows)
{
    const json_t *row;
    size_t i;
    top_put(p, x, y++, TOP_TITLE, "%-*s%*s", HASH_SHOWN, t->title, VALUE_WIDTH, t->unit);
    json_array_foreach(json_object_get(v->now, t->member), i, row)
    {
        char number[TOP_NUMBER_BYTES];
        if (i >= rows) break;
        top_put(p, x, y++, TOP_PLAIN, "%-*.*s%*s", HASH_SHOWN, HASH_SHOWN - 1,
                control_text(row, t->name), VALUE_WIDTH,
                top_number(control_number(row, t->count), number));
    }
    return y;
}

static void draw_tables(struct top_page *p, const struct top_view *v, uint32_t y)
{
    uint32_t room = p->height > y ? p->height - y : 0;
    bool wide = p->width >= WIDE;
    uint32_t tables_deep = wide ? 3 : 4;
    uint32_t rows = room / tables_deep > 3 ? room / tables_deep - 2 : 1;
    uint32_t below = draw_swarms(p, v, 0, y, wide ? room : rows) + 1;
    uint32_t x = wide ? TABLE_WIDTH : 0;
    if (wide) below = y;
    below = draw_table(p, v, &TALKERS, x, below, rows) + 1;
    below = draw_table(p, v, &LIMITED, x, below, rows) + 1;
    draw_table(p, v, &CLIENTS, x, below, rows);
}

static void draw_help(struct top_page *p, uint32_t y)
{
    static const char *const LINES[] = {
        "h ?      this help, and back",
        "s        sort the swarms by peers, seeders, leechers, completed",
        "p space  pause, and go on",
        "q        quit",
    };
    top_put(p, 0, y++, TOP_TITLE, "keys");
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        top_put(p, 0, y++, TOP_PLAIN, "%s", LINES[i]);
}

void top_draw(struct top_page *p, const struct top_view *v)
{
    draw_head(p, v);
    if (v->help) {
        draw_help(p, 3);
        return;
    }
    if (!v->now) return;
    bool wide = p->width >= 2 * COLUMN_WIDTH;
    uint32_t x = wide ? COLUMN_WIDTH : 0, y = 3;
    uint32_t left = draw_rates(p, v, y) + 1;
    uint32_t right =
        draw_figures(p, v, "peers", STORE, sizeof STORE / sizeof *STORE, x, wide ? y : left) + 1;
    y = wide && left > right ? left : right;
    left = draw_figures(p, v, "health", HEALTH, sizeof HEALTH / sizeof *HEALTH, 0, y) + 1;
    right = draw_errors(p, v, x, wide ? y : left) + 1;
    y = wide && left > right ? left : right;
    draw_tables(p, v, y);
}
