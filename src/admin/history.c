/* history.c - a ring of points in chunks of an hour.
 *
 * Idea      values are kept as 32-bit fixed point, each series in its own unit: what a chart can
 *           show needs no more, and printing integers by hand makes the longest answer, 130 000
 *           numbers, a matter of milliseconds on the thread that has other work to do. */
#include "admin/history.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdlib.h>

#define CHUNK_BYTES  (HISTORY_CHUNK_POINTS * HISTORY_SERIES * sizeof(uint32_t))
#define NUMBER_BYTES 24
#define BUFFER_BYTES 4096

/* What is kept is value * parts / unit; it is printed with as many decimals as `parts` has zeros. */
struct series_row {
    const char *name;
    uint32_t unit, parts;
};

static const struct series_row SERIES[HISTORY_SERIES] = {
    [HISTORY_UDP4] = {"udp4", 1, 100},
    [HISTORY_UDP6] = {"udp6", 1, 100},
    [HISTORY_HTTP4] = {"http4", 1, 100},
    [HISTORY_HTTP6] = {"http6", 1, 100},
    [HISTORY_ANNOUNCES] = {"announces", 1, 100},
    [HISTORY_ERRORS] = {"errors", 1, 100},
    [HISTORY_DROPS] = {"drops", 1, 100},
    [HISTORY_PEERS] = {"peers", 1, 1},
    [HISTORY_SEEDERS] = {"seeders", 1, 1},
    [HISTORY_TORRENTS] = {"torrents", 1, 1},
    [HISTORY_INTERVAL_S] = {"interval_s", 1, 1},
    [HISTORY_LOAD1] = {"load1", 1, 100},
    [HISTORY_RSS_BYTES] = {"rss_bytes", 4096, 1},
    [HISTORY_CONNECTIONS] = {"connections", 1, 1},
    [HISTORY_LATENCY_UDP_P99_US] = {"latency_udp_p99_us", 1, 1},
};

const char *history_series_name(enum history_series series)
{
    return SERIES[series].name;
}

void history_fini(struct history *h)
{
    for (int i = 0; i < HISTORY_CHUNKS; i++)
        free(h->chunks[i]);
    *h = (struct history){0};
}

/* Where point number `n` is; NULL: nowhere. */
static uint32_t *point(const struct history *h, uint64_t n)
{
    uint32_t at = (uint32_t)(n % HISTORY_POINTS);
    uint32_t *chunk = h->chunks[at / HISTORY_CHUNK_POINTS];
    return chunk ? chunk + (size_t)(at % HISTORY_CHUNK_POINTS) * HISTORY_SERIES : NULL;
}

static uint32_t pack(const struct series_row *row, double value)
{
    double kept = value * row->parts / row->unit + 0.5;
    if (!(kept > 0)) return 0;
    return kept < UINT32_MAX ? (uint32_t)kept : UINT32_MAX;
}

static void append(struct history *h, const double values[HISTORY_SERIES])
{
    uint32_t chunk = (uint32_t)(h->added % HISTORY_POINTS / HISTORY_CHUNK_POINTS);
    if (!h->chunks[chunk]) h->chunks[chunk] = calloc(1, CHUNK_BYTES);
    uint32_t *p = point(h, h->added++);
    for (int i = 0; p && i < HISTORY_SERIES; i++)
        p[i] = pack(&SERIES[i], values[i]);
}

void history_add(struct history *h, uint64_t unix_s, const double values[HISTORY_SERIES])
{
    uint64_t steps = 1;
    if (h->added && unix_s > h->end_unix_s)
        steps = (unix_s - h->end_unix_s + HISTORY_STEP_S / 2) / HISTORY_STEP_S;
    if (steps == 0) steps = 1;
    if (steps > HISTORY_POINTS) steps = HISTORY_POINTS;
    for (uint64_t i = 0; i < steps; i++)
        append(h, values);
    h->end_unix_s = unix_s;
}

/* ---- printing ---- */

static void number(struct writer *w, const struct series_row *row, uint32_t kept)
{
    writer_decimal(w, (uint64_t)kept / row->parts * row->unit);
    uint32_t rest = kept % row->parts;
    if (!rest) return;
    uint8_t digits[2];
    decimal_store(digits, sizeof digits, rest);
    writer_u8(w, '.');
    writer_put(w, digits, digits[1] == '0' ? 1 : 2);
}

static void series(FILE *out, const struct history *h, int which, uint64_t from)
{
    uint8_t buffer[BUFFER_BYTES];
    struct writer w = writer_of(buffer, sizeof buffer);
    for (uint64_t n = from; n < h->added; n++) {
        const uint32_t *p = point(h, n);
        if (n != from) writer_u8(&w, ',');
        number(&w, &SERIES[which], p ? p[which] : 0);
        if (writer_left(&w) >= NUMBER_BYTES) continue;
        fwrite(buffer, 1, writer_used(&w), out);
        w = writer_of(buffer, sizeof buffer);
    }
    fwrite(buffer, 1, writer_used(&w), out);
}

uint64_t history_since_shared(uint64_t since_unix_s, uint64_t now_unix_s)
{
    uint64_t since = since_unix_s < now_unix_s ? since_unix_s : now_unix_s;
    uint64_t age_s = now_unix_s - since;
    if (age_s > 3600) return 0;
    return since - since % (age_s > 60 ? 3600 : HISTORY_STEP_S);
}

/* How many points are kept and later than `since_unix_s`. */
static uint64_t newer(const struct history *h, uint64_t since_unix_s)
{
    uint64_t kept = h->added < HISTORY_POINTS ? h->added : HISTORY_POINTS;
    if (since_unix_s >= h->end_unix_s) return 0;
    uint64_t later = (h->end_unix_s - since_unix_s + HISTORY_STEP_S - 1) / HISTORY_STEP_S;
    return later < kept ? later : kept;
}

void history_print(FILE *out, const struct history *h, uint64_t since_unix_s)
{
    uint64_t count = newer(h, since_unix_s);
    fprintf(out, "{\"step_s\":%d,\"end_unix_s\":%" PRIu64 ",\"count\":%" PRIu64 ",\"series\":{",
            HISTORY_STEP_S, h->end_unix_s, count);
    for (int i = 0; i < HISTORY_SERIES; i++) {
        fprintf(out, "%s\"%s\":[", i ? "," : "", SERIES[i].name);
        series(out, h, i, h->added - count);
        fputc(']', out);
    }
    fputs("}}\n", out);
}
