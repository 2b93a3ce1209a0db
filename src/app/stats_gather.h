/* stats_gather.h - the numbers of the running program, collected and served: /stats, /stats.json,
 * /metrics, /api/history.json.
 *
 * Threads   main thread only.
 * Cost      for the main port a page is made at most once a second; those who come in between get
 *           a copy. */
#ifndef APP_STATS_GATHER_H
#define APP_STATS_GATHER_H

#include "admin/admin.h"
#include "admin/history.h"
#include "admin/stats.h"
#include "base/text.h"

struct server;

#define STATS_CACHE_PAGES     40 /* more than there are names, modes, formats, starts of a history */
#define STATS_CACHE_KEY_BYTES 48
#define STATS_CACHE_MS        1000

struct stats_page {
    char key[STATS_CACHE_KEY_BYTES]; /* what was asked */
    uint64_t made_ms;
    char *body;
    size_t bytes;
};

struct stats_state {
    uint64_t start_unix_s, start_ms;
    struct history history;
    uint64_t history_total[HISTORY_SERIES];           /* of counters, at the last point */
    struct buckets_total history_latency;             /* the same */
    uint64_t history_ms;                              /* when that was */
    char separator[TEXT_SEPARATOR_BYTES_MAX + 1];     /* of thousands, on /stats */
    char log_separator[TEXT_SEPARATOR_BYTES_MAX + 1]; /* in the log line */
    char text_type[96];                               /* Content-Type of /stats */
    struct stats_page pages[STATS_CACHE_PAGES];
};

void stats_init(struct server *s);
void stats_fini(struct server *s);

/* Go on where another process stopped: its start, and the counters as they are by now. */
void stats_resume(struct server *s, uint64_t start_unix_s, uint64_t start_ms);

/* Everything, for somebody who comes by `origin`. */
void stats_gather(struct server *s, enum admin_origin origin, struct stats *out);

/* A point of the history; every HISTORY_STEP_S. */
void stats_history_add(struct server *s);

/* Handlers; ctx is the server. */
admin_handler_fn stats_page_text, stats_page_json, stats_page_metrics, stats_page_history;

#endif
