/* metrics.c - registry of the per-thread counter blocks.
 *
 * Idea      a thread adds to its own cache lines with plain relaxed stores; readers sum. Nothing is
 *           shared while counting, so counting costs the same with one worker or sixty-four.
 * Memory    a block is pages of its own, untouched until something is counted there: the tables by
 *           errno and client are large and mostly empty.
 * Rejected  atomic increments on shared counters: a locked instruction and a bouncing line each. */
#include "base/metrics.h"

#include "base/os_linux.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct metric_row ROWS[METRIC_COUNT] = {
#define METRIC_BY(id, name_, unit_, help_, door, family, action, kind)                             \
    [id] = {.name = name_,                                                                         \
            .help = help_,                                                                         \
            .unit = METRIC_UNIT_##unit_,                                                           \
            .labels = {door, family, action, kind}},
#define METRIC(id, name, unit, help)               METRIC_BY(id, name, unit, help, "", "", "", "")
#define METRIC_TOO(id, door, family, action, kind) [id] = {.labels = {door, family, action, kind}},
#include "base/metrics.def"
#undef METRIC
#undef METRIC_BY
#undef METRIC_TOO
};

const struct buckets_scale LATENCY_US = {
    .count = 32,
    .le = {5,    7,     10,    15,    20,    30,    40,    50,     70,     100,    150,
           200,  300,   400,   500,   700,   1000,  1500,  2000,   3000,   4000,   5000,
           7000, 10000, 15000, 20000, 30000, 50000, 70000, 100000, 300000, 1000000}};

#define MINUTES_10(n)                                                                              \
    60 * (n + 1), 60 * (n + 2), 60 * (n + 3), 60 * (n + 4), 60 * (n + 5), 60 * (n + 6),            \
        60 * (n + 7), 60 * (n + 8), 60 * (n + 9), 60 * (n + 10)
const struct buckets_scale REANNOUNCE_S = {.count = REANNOUNCE_MINUTES,
                                           .le = {MINUTES_10(0), MINUTES_10(10), MINUTES_10(20),
                                                  MINUTES_10(30), MINUTES_10(40), MINUTES_10(50)}};

static struct metrics spare;
_Thread_local struct metrics *metrics_mine = &spare;

static _Atomic(struct metrics *) blocks[METRICS_THREADS_MAX];
static _Atomic uint32_t block_count;

/* ---- rows ---- */

struct metric_row metric_row(enum metric id)
{
    assert((unsigned)id < METRIC_COUNT);
    struct metric_row row = ROWS[id];
    unsigned head = id;
    while (!ROWS[head].name)
        head--;
    row.name = ROWS[head].name;
    row.help = ROWS[head].help;
    row.unit = ROWS[head].unit;
    return row;
}

const char *metric_label_name(enum metric_label label)
{
    static const char *const NAMES[] = {"door", "family", "action", "kind"};
    return NAMES[label];
}

const char *metric_call_name(enum metric_call call)
{
    static const char *const NAMES[] = {"close", "send", "recv", "accept", "send_udp", "recv_udp"};
    return NAMES[call];
}

const char *metric_door_name(enum metric_door door)
{
    return door == METRIC_DOOR_UDP ? "udp" : "http";
}

void metric_errno_name(int error, char out[METRIC_ERRNO_BYTES_MAX])
{
    const char *name = strerrorname_np(error);
    if (name) snprintf(out, METRIC_ERRNO_BYTES_MAX, "%s", name);
    else snprintf(out, METRIC_ERRNO_BYTES_MAX, "%d", error);
}

int metric_print(enum metric id, char out[METRIC_TEXT_BYTES_MAX])
{
    struct metric_row row = metric_row(id);
    int n = snprintf(out, METRIC_TEXT_BYTES_MAX, "%s", row.name);
    const char *before = "{";
    for (int i = 0; i < LABEL_COUNT; i++) {
        if (!row.labels[i][0]) continue;
        n += snprintf(out + n, METRIC_TEXT_BYTES_MAX - (size_t)n, "%s%s=\"%s\"", before,
                      metric_label_name((enum metric_label)i), row.labels[i]);
        before = ",";
    }
    if (*before == ',') n += snprintf(out + n, METRIC_TEXT_BYTES_MAX - (size_t)n, "}");
    assert(n < METRIC_TEXT_BYTES_MAX);
    return n;
}

void metrics_http_status(int status)
{
    char text[12];
    snprintf(text, sizeof text, "%d", status);
    enum metric id = METRIC_HTTP_101;
    while (id < METRIC_HTTP_OTHER && strcmp(ROWS[id].labels[LABEL_KIND], text) != 0)
        id++;
    metrics_inc(id);
}

unsigned metrics_client_slot_rare(const uint8_t *peer_id)
{
    unsigned first = peer_id[0] - (unsigned)'0';
    bool is_shadow = first < CLIENT_CHARS && peer_id[6] == '-' && peer_id[7] == '-';
    return is_shadow ? first * CLIENT_ROW + CLIENT_SHADOW : CLIENT_UNNAMED;
}

/* ---- blocks ---- */

void metrics_thread_init(void)
{
    if (metrics_mine != &spare) return;
    struct metrics *m = os_reserve(sizeof *m);
    if (!m || !os_commit(m, sizeof *m)) return;
    uint32_t slot = atomic_fetch_add(&block_count, 1);
    assert(slot < METRICS_THREADS_MAX);
    atomic_store(&blocks[slot], m);
    metrics_mine = m;
}

/* The block after number *at, which starts at 0; NULL: there are no more. */
static const struct metrics *next_block(uint32_t *at)
{
    if (*at == 0) {
        ++*at;
        return &spare;
    }
    uint32_t count = atomic_load(&block_count);
    while (*at <= count && *at <= METRICS_THREADS_MAX) {
        const struct metrics *m = atomic_load(&blocks[(*at)++ - 1]);
        if (m) return m; /* else a thread that is just starting */
    }
    return NULL;
}

static uint64_t read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

uint64_t metrics_sum(enum metric id)
{
    uint64_t sum = 0;
    const struct metrics *m;
    for (uint32_t at = 0; (m = next_block(&at));)
        sum += read(&m->count[id]);
    return sum;
}

static void total_add(struct metrics_total *out, const struct metrics *m)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        out->count[i] += read(&m->count[i]);
    for (int door = 0; door < METRIC_DOORS; door++) {
        for (int i = 0; i < ERR_COUNT; i++)
            out->errors[door][i] += read(&m->errors[door][i]);
        buckets_read(&m->latency[door], &out->latency[door]);
    }
    for (int call = 0; call < CALL_COUNT; call++)
        for (int i = 0; i < METRIC_ERRNOS; i++)
            out->errnos[call][i] += read(&m->errnos[call][i]);
    buckets_read(&m->reannounce, &out->reannounce);
}

void metrics_total(struct metrics_total *out)
{
    const struct metrics *m;
    *out = (struct metrics_total){0};
    for (uint32_t at = 0; (m = next_block(&at));)
        total_add(out, m);
}

static void put(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void buckets_put(struct buckets *h, const struct buckets_total *from)
{
    for (unsigned i = 0; i < BUCKETS_MAX; i++)
        put(&h->in[i], from->in[i]);
    put(&h->sum, from->sum);
}

void metrics_resume(const struct metrics_total *total,
                    uint64_t clients[METRIC_CLIENTS][CLIENT_SLOTS])
{
    struct metrics *m = metrics_mine;
    for (int i = 0; i < METRIC_COUNT; i++)
        put(&m->count[i], total->count[i]);
    for (int door = 0; door < METRIC_DOORS; door++) {
        for (int i = 0; i < ERR_COUNT; i++)
            put(&m->errors[door][i], total->errors[door][i]);
        buckets_put(&m->latency[door], &total->latency[door]);
    }
    for (int call = 0; call < CALL_COUNT; call++)
        for (int i = 0; i < METRIC_ERRNOS; i++)
            put(&m->errnos[call][i], total->errnos[call][i]);
    buckets_put(&m->reannounce, &total->reannounce);
    for (int which = 0; which < METRIC_CLIENTS; which++)
        for (unsigned slot = 0; slot < CLIENT_SLOTS; slot++)
            if (clients[which][slot]) put(&m->clients[which][slot], clients[which][slot]);
}

void metrics_clients(enum metric_client which, uint64_t out[CLIENT_SLOTS])
{
    const struct metrics *m;
    memset(out, 0, CLIENT_SLOTS * sizeof *out);
    for (uint32_t at = 0; (m = next_block(&at));)
        for (unsigned slot = 0; slot < CLIENT_SLOTS; slot++)
            out[slot] += read(&m->clients[which][slot]);
}

/* Of all threads. */
static unsigned talkers_all(bool limited, uint32_t now_s, struct talker *out, unsigned max)
{
    const struct metrics *m;
    unsigned count = 0;
    for (uint32_t at = 0; (m = next_block(&at));)
        talkers_read(limited ? &m->limited : &m->talkers, now_s, out, &count, max);
    talkers_sort(out, count);
    return count;
}

unsigned metrics_talkers(uint32_t now_s, struct talker *out, unsigned max)
{
    return talkers_all(false, now_s, out, max);
}

unsigned metrics_limited(uint32_t now_s, struct talker *out, unsigned max)
{
    return talkers_all(true, now_s, out, max);
}
