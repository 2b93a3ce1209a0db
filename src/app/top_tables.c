/* top_tables.c - the tables: the largest swarms, the busiest addresses, client software. */
#include "app/top_parts.h"

#include "app/control_client.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_WIDTH    14
#define TABLE_ROWS_MAX 64
#define NAME_WIDTH     40

struct ranked {
    const json_t *row;
    double key;
};

static int by_key(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->key, y = ((const struct ranked *)b)->key;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* ---- swarms ---- */

static double swarm_key(const json_t *swarm, enum top_sort sort)
{
    double seeders = control_number(swarm, "seeders"), leechers = control_number(swarm, "leechers");
    if (sort == TOP_BY_SEEDERS) return seeders;
    if (sort == TOP_BY_LEECHERS) return leechers;
    return sort == TOP_BY_COMPLETED ? control_number(swarm, "completed") : seeders + leechers;
}

static size_t swarms_rank(const struct top_view *v, struct ranked out[TABLE_ROWS_MAX])
{
    const json_t *row;
    size_t i, count = 0;
    json_array_foreach(json_object_get(v->now, "top_swarms"), i, row) if (count < TABLE_ROWS_MAX)
        out[count++] = (struct ranked){row, swarm_key(row, v->sort)};
    qsort(out, count, sizeof *out, by_key);
    return count;
}

uint32_t top_draw_swarms(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                         uint32_t rows)
{
    static const char *const SORTS[] = {"peers", "seeders", "leechers", "completed"};
    struct ranked ranked[TABLE_ROWS_MAX];
    size_t count = swarms_rank(v, ranked);
    bool has_room = v->topic == TOP_SWARMS || p->width < 2 * TOP_TABLE_WIDTH;
    top_put(p, x, y++, TOP_TITLE, "%-*s%7s%7s%s", NAME_WIDTH, "largest swarms", "seed", "leech",
            has_room ? "  completed" : "");
    top_put(p, x + 16, y - 1, TOP_DIM, "by %s (s)", SORTS[v->sort]);
    if (!json_object_get(v->now, "top_swarms"))
        top_put(p, x, y++, TOP_DIM, "not told: top_swarms = off");
    for (size_t i = 0; i < count && i < rows; i++, y++) {
        char seeders[TOP_NUMBER_BYTES], leechers[TOP_NUMBER_BYTES], completed[TOP_NUMBER_BYTES];
        uint32_t end = top_put(p, x, y, TOP_PLAIN, "%-*.*s%7s%7s", NAME_WIDTH, NAME_WIDTH,
                               control_text(ranked[i].row, "info_hash"),
                               top_number(control_number(ranked[i].row, "seeders"), seeders),
                               top_number(control_number(ranked[i].row, "leechers"), leechers));
        if (has_room)
            top_put(p, end, y, TOP_PLAIN, "%11s",
                    top_number(control_number(ranked[i].row, "completed"), completed));
    }
    return y;
}

/* ---- addresses, clients ---- */

struct table {
    const char *member, *title, *name, *count, *unit;
};

static const struct table TALKERS = {"top_talkers", "busiest addresses", "address", "requests",
                                     "requests"};
static const struct table LIMITED = {"top_limited", "over a rate limit", "address", "requests",
                                     "refused"};
static const struct table CLIENTS = {"clients", "client software", "name", "announces",
                                     "announces"};

static const json_t *row_named(const json_t *stats, const struct table *t, const char *name)
{
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(stats, t->member), i,
                       row) if (strcmp(control_text(row, t->name), name) == 0) return row;
    return NULL;
}

/* How much more than in the answer before; one that is new there counts from zero. */
static double growth(const struct top_view *v, const struct table *t, const json_t *row)
{
    const json_t *was = row_named(v->before, t, control_text(row, t->name));
    return control_number(row, t->count) - control_number(was, t->count);
}

static int by_address(const void *a, const void *b)
{
    return strcmp(control_text(((const struct ranked *)a)->row, "address"),
                  control_text(((const struct ranked *)b)->row, "address"));
}

static size_t table_rank(const struct top_view *v, const struct table *t,
                         struct ranked out[TABLE_ROWS_MAX])
{
    const json_t *row;
    size_t i, count = 0;
    enum top_talker_sort sort = t == &CLIENTS ? TOP_BY_REQUESTS : v->talker_sort;
    json_array_foreach(json_object_get(v->now, t->member), i, row) if (count < TABLE_ROWS_MAX)
        out[count++] = (struct ranked){row, sort == TOP_BY_GROWTH ? growth(v, t, row)
                                                                  : control_number(row, t->count)};
    if (t != &CLIENTS) qsort(out, count, sizeof *out, sort == TOP_BY_ADDRESS ? by_address : by_key);
    return count;
}

static uint32_t draw_table(struct top_page *p, const struct top_view *v, const struct table *t,
                           uint32_t x, uint32_t y, uint32_t rows)
{
    struct ranked ranked[TABLE_ROWS_MAX];
    size_t count = table_rank(v, t, ranked);
    top_put(p, x, y++, TOP_TITLE, "%-*s%*s", NAME_WIDTH, t->title, COUNT_WIDTH, t->unit);
    for (size_t i = 0; i < count && i < rows; i++) {
        char number[TOP_NUMBER_BYTES];
        top_put(p, x, y++, TOP_PLAIN, "%-*.*s%*s", NAME_WIDTH, NAME_WIDTH - 1,
                control_text(ranked[i].row, t->name), COUNT_WIDTH,
                top_number(control_number(ranked[i].row, t->count), number));
    }
    return y;
}

uint32_t top_draw_talkers(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows)
{
    static const char *const SORTS[] = {"requests", "growth", "address"};
    uint32_t below = draw_table(p, v, &TALKERS, x, y, rows);
    top_put(p, x + 19, y, TOP_DIM, "by %s (t)", SORTS[v->talker_sort]);
    return below;
}

uint32_t top_draw_limited(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows)
{
    return draw_table(p, v, &LIMITED, x, y, rows);
}

uint32_t top_draw_clients(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows)
{
    return draw_table(p, v, &CLIENTS, x, y, rows);
}

uint32_t top_limited_count(const struct top_view *v)
{
    return (uint32_t)json_array_size(json_object_get(v->now, LIMITED.member));
}
