/* metrics.h - what a thread counts: one block per thread, summed on read.
 *
 *   counters     rows of metrics.def, some with labels
 *   errors       by door and enum err; failed system calls by errno
 *   histograms   latency by door, re-announce delay (buckets.h)
 *   clients      announces by the client software that a peer id names
 *   talkers      sketches of who asks most and who is refused most for it (talkers.h)
 *
 * Threads   everything that adds touches only the calling thread's block; sums may be taken on any
 *           thread at any time. Blocks are registered once per thread and never freed while the
 *           process lives, so a sum never loses what a finished thread counted.
 * Cost      an add is one load and one store, no locked instruction.
 * Latency   is measured without a clock call per request. The loop reads the clock once per turn,
 *           when the kernel says that something has come; one batch of datagrams in
 *           LATENCY_SAMPLE, and one HTTP turn in as many, reads it again when its answers have been
 *           handed to the kernel. The difference is counted once for every request of that batch:
 *           what the last of them waited, so never too little. Time that a datagram spends in the
 *           socket's buffer before the turn is not in it; drops tell of that. */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/err.h"
#include "base/buckets.h"
#include "base/talkers.h"

enum metric {
#define METRIC(id, name, unit, help)                                id,
#define METRIC_BY(id, name, unit, help, door, family, action, kind) id,
#define METRIC_TOO(id, door, family, action, kind)                  id,
#include "base/metrics.def"
#undef METRIC
#undef METRIC_BY
#undef METRIC_TOO
    METRIC_COUNT
};

enum metric_unit { METRIC_UNIT_NONE, METRIC_UNIT_BYTES };

enum metric_label { LABEL_DOOR, LABEL_FAMILY, LABEL_ACTION, LABEL_KIND, LABEL_COUNT };

struct metric_row {
    const char *name, *help; /* NULL in the table for METRIC_TOO; metric_row() fills them in */
    enum metric_unit unit;
    const char *labels[LABEL_COUNT]; /* "" or NULL: has none */
};

/* The row of a metric. */
struct metric_row metric_row(enum metric id);

/* The name of a label: "door". */
const char *metric_label_name(enum metric_label label);

/* name{door="udp",...}, or the name alone; returns what snprintf() does. */
#define METRIC_TEXT_BYTES_MAX 128
int metric_print(enum metric id, char out[METRIC_TEXT_BYTES_MAX]);

enum metric_door { METRIC_DOOR_UDP, METRIC_DOOR_HTTP, METRIC_DOORS };

/* System calls whose failures are counted by errno. */
enum metric_call {
    CALL_CLOSE,
    CALL_SEND,
    CALL_RECV,
    CALL_ACCEPT,
    CALL_SEND_UDP,
    CALL_RECV_UDP,
    CALL_COUNT
};
#define METRIC_ERRNOS 256

/* "close", "send_udp". */
const char *metric_call_name(enum metric_call call);

/* "udp", "http". */
const char *metric_door_name(enum metric_door door);

/* "EPIPE", or the number where the system has no name for it. */
#define METRIC_ERRNO_BYTES_MAX 24
void metric_errno_name(int error, char out[METRIC_ERRNO_BYTES_MAX]);

/* Two characters '0'..'z' name a client's software: -qB4500-, and one letter where the second is
 * CLIENT_SHADOW: S58B-----. */
#define CLIENT_CHARS  75u
#define CLIENT_SHADOW CLIENT_CHARS
#define CLIENT_ROW    (CLIENT_CHARS + 1)
#define CLIENT_CODES  (CLIENT_CHARS * CLIENT_ROW)
/* Counts by client have one more: all whose peer id is in neither form. */
#define CLIENT_UNNAMED CLIENT_CODES
#define CLIENT_SLOTS   (CLIENT_CODES + 1)

enum metric_client {
    CLIENT_ANNOUNCES,
    CLIENT_PEERS_ADDED, /* of these, the first of a peer in a swarm */
    METRIC_CLIENTS
};

#define LATENCY_SAMPLE     8
#define REANNOUNCE_MINUTES 60 /* buckets of one minute; one more for what is above */

struct metrics {
    _Alignas(64) _Atomic uint64_t count[METRIC_COUNT];
    struct buckets reannounce;
    struct buckets latency[METRIC_DOORS];
    _Atomic uint64_t errors[METRIC_DOORS][ERR_COUNT];
    struct talkers talkers, limited;
    _Atomic uint64_t errnos[CALL_COUNT][METRIC_ERRNOS]; /* the last: all above */
    _Atomic uint64_t clients[METRIC_CLIENTS][CLIENT_SLOTS];
};

extern _Thread_local struct metrics *metrics_mine;

/* Give the calling thread a block of its own; at most METRICS_THREADS_MAX threads do.
 * A thread that never calls it counts into a shared spare block whose numbers may lose updates. */
#define METRICS_THREADS_MAX 512
void metrics_thread_init(void);

/* The sum over all threads. */
uint64_t metrics_sum(enum metric id);

/* Everything but clients and talkers, summed. About 20 KB. */
struct metrics_total {
    uint64_t count[METRIC_COUNT];
    uint64_t errors[METRIC_DOORS][ERR_COUNT];
    uint64_t errnos[CALL_COUNT][METRIC_ERRNOS];
    struct buckets_total latency[METRIC_DOORS], reannounce;
};
void metrics_total(struct metrics_total *out);

/* Go on counting where another process stopped: the calling thread's block becomes what that process
 * had, clients as from metrics_clients(), one after the other. Call while no other thread has counted
 * anything. */
void metrics_resume(const struct metrics_total *total,
                    uint64_t clients[METRIC_CLIENTS][CLIENT_SLOTS]);

/* Counts by client, summed. */
void metrics_clients(enum metric_client which, uint64_t out[CLIENT_SLOTS]);

/* The heaviest addresses of all threads, most first; returns how many of `max` there are. */
unsigned metrics_talkers(uint32_t now_s, struct talker *out, unsigned max);
/* ... and those who were refused most requests for their number. */
unsigned metrics_limited(uint32_t now_s, struct talker *out, unsigned max);

extern const struct buckets_scale LATENCY_US, REANNOUNCE_S;

/* ---- counting ---- */

static inline void metrics_raise(_Atomic uint64_t *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline void metrics_add(enum metric id, uint64_t n)
{
    metrics_raise(&metrics_mine->count[id], n);
}

static inline void metrics_inc(enum metric id)
{
    metrics_add(id, 1);
}

/* `v4` is the row of IPv4, whose follower is IPv6's; `is_v6` is 0 or 1 (enum family). */
static inline void metrics_inc_by(enum metric v4, unsigned is_v6)
{
    metrics_raise(&metrics_mine->count[(unsigned)v4 + is_v6], 1);
}

/* A client was told of an error. */
static inline void metrics_error(enum metric_door door, enum err err)
{
    metrics_raise(&metrics_mine->errors[door][err], 1);
}

/* A system call failed. */
static inline void metrics_errno(enum metric_call call, int error)
{
    unsigned at = (unsigned)error < METRIC_ERRNOS ? (unsigned)error : METRIC_ERRNOS - 1;
    metrics_raise(&metrics_mine->errnos[call][at], 1);
}

/* An HTTP answer with this status. */
void metrics_http_status(int status);

/* The slot of a 20-byte peer id; the other is for ids that are not -XX....-. */
unsigned metrics_client_slot_rare(const uint8_t *peer_id);
static inline unsigned metrics_client_slot(const uint8_t *peer_id)
{
    unsigned first = peer_id[1] - (unsigned)'0', second = peer_id[2] - (unsigned)'0';
    if (peer_id[0] == '-' && first < CLIENT_CHARS && second < CLIENT_CHARS)
        return first * CLIENT_ROW + second;
    return metrics_client_slot_rare(peer_id);
}

/* An announce of the peer with this 20-byte id. `is_added`: it joined the swarm by it. */
static inline void metrics_client(const uint8_t *peer_id, bool is_added)
{
    unsigned slot = metrics_client_slot(peer_id);
    metrics_raise(&metrics_mine->clients[CLIENT_ANNOUNCES][slot], 1);
    if (is_added) metrics_raise(&metrics_mine->clients[CLIENT_PEERS_ADDED][slot], 1);
}

/* A peer announced itself again after so many seconds. */
static inline void metrics_reannounce(uint32_t delay_s)
{
    unsigned minute = (delay_s - (delay_s != 0)) / 60; /* its bucket ends with the minute */
    if (minute > REANNOUNCE_MINUTES) minute = REANNOUNCE_MINUTES;
    buckets_add_at(&metrics_mine->reannounce, minute, delay_s, 1);
}

#endif
