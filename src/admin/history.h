/* history.h - how the numbers were: a point every ten seconds, for a day.
 *
 * Memory    an hour's chunk is allocated when its first point comes: 21 KB, 520 KB after a day. A
 *           point for which there is no memory is lost; it reads as zeros.
 * Threads   none: one thread owns it.
 * Cost      printing all of it takes a few milliseconds. */
#ifndef ADMIN_HISTORY_H
#define ADMIN_HISTORY_H

#include <stdint.h>
#include <stdio.h>

#define HISTORY_STEP_S       10
#define HISTORY_CHUNK_POINTS 360
#define HISTORY_CHUNKS       24
#define HISTORY_POINTS       (HISTORY_CHUNK_POINTS * HISTORY_CHUNKS)

enum history_series {
    HISTORY_UDP4, /* per second, and so on until HISTORY_DROPS */
    HISTORY_UDP6,
    HISTORY_HTTP4,
    HISTORY_HTTP6,
    HISTORY_ANNOUNCES,
    HISTORY_ERRORS,
    HISTORY_DROPS,
    HISTORY_PEERS,
    HISTORY_SEEDERS,
    HISTORY_TORRENTS,
    HISTORY_INTERVAL_S,
    HISTORY_LOAD1,
    HISTORY_RSS_BYTES,
    HISTORY_CONNECTIONS,
    HISTORY_LATENCY_UDP_P99_US,
    HISTORY_SERIES
};

struct history {
    /* private */
    uint32_t *chunks[HISTORY_CHUNKS];
    uint64_t added;      /* points ever */
    uint64_t end_unix_s; /* of the last one */
};

void history_fini(struct history *h);

/* As it is called in what history_print() writes: "udp4". */
const char *history_series_name(enum history_series series);

/* A point. Steps that were missed since the last one get the same values. */
void history_add(struct history *h, uint64_t unix_s, const double values[HISTORY_SERIES]);

/* /api/history.json: the points later than `since_unix_s`, oldest first. */
void history_print(FILE *out, const struct history *h, uint64_t since_unix_s);

/* A start not later than the one asked for, of a few that there are at any moment: dashboards that
 * ask for slightly different ones can share an answer. */
uint64_t history_since_shared(uint64_t since_unix_s, uint64_t now_unix_s);

#endif
