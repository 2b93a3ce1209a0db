/* top_layout.c - which parts stand where.
 *
 * Overview   swarms and addresses are what people look for: where all figures would leave them fewer
 *            than ROOM_MIN lines, the figures are folded into a few.
 * Others     a page about one thing, drawn as long as it is; what is above the window is cut off. */
#include "app/top_parts.h"

#include "app/control_client.h"

#include <string.h>

#define HEAD_LINES       3  /* the last one empty */
#define ROOM_MIN         20 /* for the tables, below all figures */
#define FEW              3  /* rows of what is looked for less */
#define ERRORS_BESIDE    6
#define ERRORS_IN_DIGEST 2
#define LINES_ALL        TOP_HEIGHT_MAX

/* At the right end of the line, over the end of a long path. */
static void draw_topics(struct top_page *p, const struct top_view *v, uint32_t from)
{
    static const char *const NAMES[] = {"overview", "swarms", "addresses", "clients", "figures"};
    uint32_t width = 0;
    if (!v->has_keys) return;
    for (size_t i = 0; i < TOP_TOPIC_COUNT; i++)
        width += (uint32_t)strlen(NAMES[i]) + 2;
    uint32_t x = p->width > width ? p->width - width : 0;
    for (; from > x && from > 0; from--)
        top_put(p, from - 1, 1, TOP_PLAIN, " ");
    for (size_t i = 0; i < TOP_TOPIC_COUNT; i++)
        x = top_put(p, x, 1, i == v->topic ? TOP_HEAD : TOP_DIM, " %s ", NAMES[i]);
}

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
    else draw_topics(p, v, top_put(p, 0, 1, TOP_DIM, "%s", v->path));
}

static uint32_t less(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* a - b, not below 0 */
static uint32_t without(uint32_t a, uint32_t b)
{
    return a > b ? a - b : 0;
}

/* ---- overview ---- */

/* Below all figures. */
static void draw_tables(struct top_page *p, const struct top_view *v, uint32_t y)
{
    uint32_t room = without(p->height, y), limited = less(top_limited_count(v), FEW);
    if (p->width >= 2 * TOP_TABLE_WIDTH) {
        uint32_t rows = room / 3 > 3 ? room / 3 - 2 : 1, x = TOP_TABLE_WIDTH;
        top_draw_swarms(p, v, 0, y, room);
        y = top_draw_talkers(p, v, x, y, rows) + 1;
        y = top_draw_limited(p, v, x, y, rows) + 1;
        top_draw_clients(p, v, x, y, rows);
        return;
    }
    uint32_t rows = without(room, 7 + limited + FEW) / 2;
    y = top_draw_swarms(p, v, 0, y, rows) + 1;
    y = top_draw_talkers(p, v, 0, y, rows) + 1;
    y = top_draw_limited(p, v, 0, y, limited) + 1;
    top_draw_clients(p, v, 0, y, FEW);
}

/* Swarms and addresses share what the errors leave, beside each other where they can. */
static void draw_folded(struct top_page *p, const struct top_view *v)
{
    uint32_t y = top_draw_digest(p, v, HEAD_LINES - 1) + 1, room = without(p->height, y);
    uint32_t errors = less(top_errors_count(v), ERRORS_IN_DIGEST);
    if (p->width >= 2 * TOP_TABLE_WIDTH) {
        top_draw_swarms(p, v, 0, y, without(room, 1));
        y = top_draw_talkers(p, v, TOP_TABLE_WIDTH, y, without(room, errors + 3));
        top_draw_errors(p, v, TOP_TABLE_WIDTH, y + 1, errors);
        return;
    }
    uint32_t rows = without(room, errors + 5);
    y = top_draw_swarms(p, v, 0, y, rows - rows / 2) + 1;
    y = top_draw_talkers(p, v, 0, y, rows / 2) + 1;
    top_draw_errors(p, v, 0, y, errors);
}

static void draw_overview(struct top_page *p, const struct top_view *v)
{
    uint32_t y = top_draw_figures(p, v, HEAD_LINES, ERRORS_BESIDE);
    if (y + ROOM_MIN <= p->height) {
        draw_tables(p, v, y);
        return;
    }
    top_page_clear(p, p->width, p->height);
    draw_head(p, v);
    draw_folded(p, v);
}

/* ---- a page about one thing ---- */

static uint32_t draw_topic(struct top_page *p, const struct top_view *v)
{
    uint32_t y = HEAD_LINES, below;
    switch (v->topic) {
    case TOP_SWARMS: return top_draw_swarms(p, v, 0, y, LINES_ALL);
    case TOP_ADDRESSES:
        below = top_draw_talkers(p, v, 0, y, LINES_ALL);
        if (p->width < 2 * TOP_TABLE_WIDTH) return top_draw_limited(p, v, 0, below + 1, LINES_ALL);
        y = top_draw_limited(p, v, TOP_TABLE_WIDTH, y, LINES_ALL);
        return y > below ? y : below;
    case TOP_CLIENTS: return top_draw_clients(p, v, 0, y, LINES_ALL);
    default: return top_draw_figures(p, v, y, LINES_ALL) - 1;
    }
}

/* The lines that are above the window go; those below it were never in it. */
static uint32_t draw_scrolled(struct top_page *p, const struct top_view *v)
{
    uint32_t height = p->height;
    p->height = LINES_ALL;
    uint32_t end = less(draw_topic(p, v), LINES_ALL), most = without(end, height);
    uint32_t scroll = less(v->scroll, most), kept = LINES_ALL - HEAD_LINES - scroll;
    memmove(p->text[HEAD_LINES], p->text[HEAD_LINES + scroll], kept * sizeof *p->text);
    memmove(p->style[HEAD_LINES], p->style[HEAD_LINES + scroll], kept * sizeof *p->style);
    p->height = height;
    return most;
}

static void draw_help(struct top_page *p, uint32_t y)
{
    static const char *const LINES[] = {
        "Tab      the next page: overview, swarms, addresses, clients, figures",
        "arrows   left and right: the page before, the next; up and down: scroll",
        "s        sort the swarms by peers, seeders, leechers, completed",
        "t        sort the addresses by requests, by their growth, by address",
        "p space  pause, and go on",
        "h ?      this help, and back",
        "q        quit",
    };
    top_put(p, 0, y++, TOP_TITLE, "keys");
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++)
        top_put(p, 0, y++, TOP_PLAIN, "%s", LINES[i]);
}

uint32_t top_draw(struct top_page *p, const struct top_view *v)
{
    draw_head(p, v);
    if (v->help) draw_help(p, HEAD_LINES);
    else if (v->now && v->topic != TOP_OVERVIEW) return draw_scrolled(p, v);
    else if (v->now) draw_overview(p, v);
    return 0;
}
