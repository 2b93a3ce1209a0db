/* stats_pages.c - /stats, /stats.json, /metrics, /api/history.json.
 *
 * Cache     what the main port is told is made at most once a second: a crowd of dashboards costs a
 *           copy each, and all that they can ask for has a place, so that nobody who asks for many
 *           things makes them anew. Operators' own ways in always get it fresh, and may be shown
 *           more.
 * Listing   opentracker's mode=tpbs tells all torrents, as a full scrape does, so it needs
 *           full_scrape on the main port. It is made in one go on a thread that has other work:
 *           LISTED_TORRENTS_MAX take some milliseconds, a larger store answers 503; /scrape has no
 *           such bound. */
#include "app/stats_gather.h"

#include "app/server.h"
#include "base/clock.h"
#include "base/memory_file.h"

#include <stdlib.h>
#include <time.h>

#define LISTED_TORRENTS_MAX 20000

static const char NO_STORE[] = "Cache-Control: no-store\r\n";

void stats_fini(struct server *s)
{
    history_fini(&s->stats.history);
    for (int i = 0; i < STATS_CACHE_PAGES; i++)
        free(s->stats.pages[i].body);
}

struct asked {
    struct server *server;
    const struct admin_request *request;
    struct view mode, format;
    uint64_t since_unix_s;
};

typedef bool print_fn(FILE *out, const struct asked *a);

/* A page as malloc'ed bytes; false when there is no memory, or nothing to print. */
static bool print_whole(print_fn *print, const struct asked *a, char **body, size_t *bytes)
{
    struct memory_file memory;
    *body = NULL;
    FILE *out = memory_file_open(&memory);
    if (!out) return false;
    bool is_good = print(out, a);
    if (memory_file_close(out, &memory, body, bytes) && is_good) return true;
    free(*body);
    *body = NULL;
    return false;
}

/* ---- the cache ---- */

/* The page's name and the main parts of its query; empty when that is too long to keep. */
static void key_make(char key[STATS_CACHE_KEY_BYTES], const char *name, const struct asked *a)
{
    struct writer w = writer_of(key, STATS_CACHE_KEY_BYTES - 1);
    writer_view(&w, view_of_text(name));
    writer_u8(&w, ' ');
    writer_view(&w, a->mode);
    writer_u8(&w, ' ');
    writer_view(&w, a->format);
    writer_u8(&w, ' ');
    writer_decimal(&w, a->since_unix_s);
    key[w.overflow ? 0 : writer_used(&w)] = '\0';
}

/* The page, or the place for it: the oldest. */
static struct stats_page *page_find(struct stats_state *t, const char *key)
{
    struct stats_page *oldest = &t->pages[0];
    for (int i = 0; i < STATS_CACHE_PAGES; i++) {
        struct stats_page *p = &t->pages[i];
        if (p->body && strcmp(p->key, key) == 0) return p;
        if (p->made_ms < oldest->made_ms) oldest = p;
    }
    return oldest;
}

/* A copy of the page, made first where it is older than a second. */
static bool page_copy(const char *key, print_fn *print, const struct asked *a, char **body,
                      size_t *bytes)
{
    struct stats_page *p = page_find(&a->server->stats, key);
    uint64_t now_ms = clock_now_ms();
    bool is_fresh = p->body && strcmp(p->key, key) == 0 && now_ms - p->made_ms < STATS_CACHE_MS;
    if (!is_fresh) {
        free(p->body);
        memcpy(p->key, key, sizeof p->key);
        p->made_ms = now_ms;
        if (!print_whole(print, a, &p->body, &p->bytes)) return false;
    }
    *body = malloc(p->bytes + 1);
    if (!*body) return false;
    memcpy(*body, p->body, p->bytes);
    *bytes = p->bytes;
    return true;
}

static bool page_answer(const struct asked *a, const char *name, print_fn *print,
                        struct admin_response *out)
{
    char key[STATS_CACHE_KEY_BYTES] = "", *body;
    size_t bytes;
    if (a->request->origin == ORIGIN_MAIN_PORT) key_make(key, name, a);
    bool is_made =
        key[0] ? page_copy(key, print, a, &body, &bytes) : print_whole(print, a, &body, &bytes);
    if (!is_made) return false;
    out->take_body = body;
    out->body_bytes = bytes;
    out->headers = NO_STORE;
    return true;
}

static void answer(const struct asked *a, const char *name, const char *type, print_fn *print,
                   struct admin_response *out)
{
    out->type = type;
    if (!page_answer(a, name, print, out)) admin_respond_status(out, 503);
}

/* ---- pages ---- */

static bool print_json(FILE *out, const struct asked *a)
{
    struct stats s;
    stats_gather(a->server, a->request->origin, &s);
    stats_print_json(out, &s);
    return true;
}

static bool print_metrics(FILE *out, const struct asked *a)
{
    struct stats s;
    stats_gather(a->server, a->request->origin, &s);
    stats_print_prometheus(out, &s);
    return true;
}

static bool print_text(FILE *out, const struct asked *a)
{
    struct stats s;
    stats_gather(a->server, a->request->origin, &s);
    stats_print_text(out, &s, a->server->stats.separator);
    return true;
}

static bool print_mode(FILE *out, const struct asked *a)
{
    struct stats s;
    stats_gather(a->server, a->request->origin, &s);
    return stats_print_opentracker(out, &s, a->mode);
}

static bool print_history(FILE *out, const struct asked *a)
{
    history_print(out, &a->server->stats.history, a->since_unix_s);
    return true;
}

void stats_page_json(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct asked a = {.server = ctx, .request = r};
    answer(&a, "json", "application/json", print_json, out);
}

void stats_page_metrics(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct asked a = {.server = ctx, .request = r};
    answer(&a, "metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics, out);
}

void stats_page_history(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct asked a = {.server = ctx, .request = r};
    struct view since;
    if (admin_query(r, "since", &since) && text_u64(since, &a.since_unix_s) != ERR_OK) {
        admin_respond_status(out, 400);
        return;
    }
    if (r->origin == ORIGIN_MAIN_PORT)
        a.since_unix_s = history_since_shared(a.since_unix_s, (uint64_t)time(NULL));
    answer(&a, "history", "application/json", print_history, out);
}

/* ---- opentracker's list of all torrents ---- */

struct listing {
    FILE *out;
    enum stats_dump format;
};

static void list_one(void *ctx, const struct info_hash *h, const struct swarm_numbers *n)
{
    const struct listing *l = ctx;
    stats_print_dump(l->out, l->format, h, n);
}

static bool print_listing(FILE *out, const struct asked *a)
{
    const struct server *s = a->server;
    struct listing l = {.out = out};
    struct swarm_counts counts;
    swarm_counts(s->swarm, &counts);
    if (counts.torrents > LISTED_TORRENTS_MAX) return false;
    if (!stats_dump_format(a->format, &l.format)) l.format = DUMP_TXT;
    struct swarm_time time = {loop_now_s(&s->loop), interval_lifetime_s(&s->tracker.interval)};
    for (uint32_t i = 0; i < swarm_shard_count(s->swarm); i++)
        swarm_visit(s->swarm, i, time, list_one, &l);
    return true;
}

static void answer_listing(struct asked *a, struct admin_response *out)
{
    bool is_allowed = a->request->origin != ORIGIN_MAIN_PORT || a->server->live->http.full_scrape;
    if (is_allowed) answer(a, "list", "text/plain", print_listing, out);
    else admin_respond_status(out, 403);
}

void stats_page_text(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct asked a = {.server = ctx, .request = r};
    enum stats_dump format;
    if (!admin_query(r, "mode", &a.mode)) {
        answer(&a, "text", a.server->stats.text_type, print_text, out);
        return;
    }
    bool has_format = admin_query(r, "format", &a.format);
    if (has_format && !stats_dump_format(a.format, &format)) a.format.len = 0;
    if (view_equal(a.mode, VIEW("tpbs"))) {
        answer_listing(&a, out);
        return;
    }
    a.format.len = 0;
    out->type = "text/plain";
    if (!stats_mode_exists(a.mode)) admin_respond_status(out, 400);
    else if (!page_answer(&a, "mode", print_mode, out)) admin_respond_status(out, 503);
}
