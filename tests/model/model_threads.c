/* model_threads.c - several workers and a sweep at once; afterwards the store must hold exactly what
 * the workers know they left in it. Made for ThreadSanitizer.
 *
 * usage      model_threads [OPERATIONS of each worker]
 * Idea       every worker owns the hosts whose number is its own modulo WORKERS, and never shares one:
 *            what becomes of its peers is known without a look at the others. All use the same few
 *            torrents, so that they meet in every lock. Clocks differ by a second or two, as they do
 *            when each thread reads its own once per turn; nobody is silent for a lifetime:
 *            a whole run takes 40 seconds, of a lifetime of 1000.
 * Dumps      follow each other meanwhile; residents, who came before and go after, must be in every
 *            one, whatever the others do to their torrents. */
#include "../store_kit.h"
#include "swarm/dump.h"

#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>

#define WORKERS  4
#define TORRENTS 40
#define HOSTS    120 /* per worker */

#define RESIDENTS      8 /* of every second torrent */
#define RESIDENT_FIRST 1000000u

enum state { ABSENT, LEECHING, SEEDING };

struct worker {
    struct swarm *swarm;
    unsigned number;
    uint32_t operations;
    uint8_t states[TORRENTS][HOSTS]; /* enum state; even hosts are on IPv4, odd ones on IPv6 */
    uint64_t completed[TORRENTS];
    pthread_t thread;
};

static _Atomic uint32_t now_s = 1000;
static _Atomic bool is_over;

static void require(bool ok, const char *what, uint64_t got, uint64_t expected)
{
    if (ok) return;
    fprintf(stderr, "model_threads: %s: %llu, expected %llu\n", what, (unsigned long long)got,
            (unsigned long long)expected);
    exit(1);
}

static struct swarm_time worker_time(const struct worker *w)
{
    return (struct swarm_time){.now_s = atomic_load(&now_s) - w->number % 3, .lifetime_s = 1000};
}

/* ---- workers ---- */

static enum family family_of(uint32_t host)
{
    return host % 2 ? FAMILY_V6 : FAMILY_V4;
}

static void announce(struct worker *w, struct rng *rng, uint32_t torrent, uint32_t host,
                     enum event event, enum state to)
{
    uint8_t compact[FAMILY_COUNT][50 * COMPACT_BYTES(FAMILY_V6)];
    uint32_t client = host * WORKERS + w->number;
    struct announce a = kit_peer(family_of(host), client, 6881, client, to != SEEDING, event);
    a.info_hash = kit_torrent(torrent);
    struct swarm_answer out = {
        .peers = {.compact = {compact[0], compact[1]}, .max = {50, 50}, .max_total = 50}};
    uint64_t hash = swarm_hash(w->swarm, &a.info_hash);
    swarm_prefetch(w->swarm, hash, 0);
    swarm_prefetch(w->swarm, hash, 1);
    swarm_announce(w->swarm, hash, &a, worker_time(w), rng, &out);

    uint8_t *state = &w->states[torrent][host];
    enum swarm_verdict expected = *state == ABSENT ? SWARM_ADDED : SWARM_REFRESHED;
    if (to == ABSENT) expected = *state == ABSENT ? SWARM_UNKNOWN : SWARM_REMOVED;
    require(out.verdict == expected, "verdict", out.verdict, expected);
    w->completed[torrent] += out.completed_now;
    *state = (uint8_t)to;
}

/* Torrents grow for a while, then shrink: small ones become large and small again. */
static void *worker_run(void *arg)
{
    struct worker *w = arg;
    struct rng rng;
    rng_init(&rng, w->number + 1);
    metrics_thread_init();
    for (uint32_t i = 0; i < w->operations; i++) {
        if (w->number == 0 && i % (w->operations / 40 + 1) == 0) atomic_fetch_add(&now_s, 1);
        uint32_t torrent = rng_below(&rng, TORRENTS), host = rng_below(&rng, HOSTS);
        bool is_shrinking = (i / 4000 + torrent) % 2;
        uint32_t dice = rng_below(&rng, 100);
        if (dice < 5) {
            struct info_hash h = kit_torrent(torrent);
            struct swarm_numbers n;
            swarm_scrape(w->swarm, swarm_hash(w->swarm, &h), &h, worker_time(w), &n);
            require(n.complete + n.incomplete <= WORKERS * HOSTS + RESIDENTS, "scraped",
                    n.complete + n.incomplete, WORKERS * HOSTS + RESIDENTS);
        } else if (dice < (is_shrinking ? 80 : 10)) {
            announce(w, &rng, torrent, host, EVENT_STOPPED, ABSENT);
        } else if (dice < 85) {
            announce(w, &rng, torrent, host, EVENT_NONE, LEECHING);
        } else {
            announce(w, &rng, torrent, host, EVENT_COMPLETED, SEEDING);
        }
    }
    return NULL;
}

/* ---- housekeeping ---- */

static void count_torrent(void *ctx, const struct info_hash *h, const struct swarm_numbers *n)
{
    struct swarm_numbers *sum = ctx;
    (void)h;
    sum->complete += n->complete;
    sum->incomplete += n->incomplete;
    sum->downloaded += n->downloaded;
}

static void *keep_house(void *arg)
{
    struct swarm *s = arg;
    uint32_t all = swarm_shard_count(s), step = 1024;
    metrics_thread_init();
    for (uint32_t from = 0; !atomic_load(&is_over); from = (from + step) % all) {
        struct swarm_time time = {.now_s = atomic_load(&now_s), .lifetime_s = 1000};
        struct sweep_report report = {0};
        swarm_sweep(s, time, from, step, &report);
        require(report.peers_removed == 0, "peers that expired", report.peers_removed, 0);
        struct swarm_numbers sum = {0};
        for (uint32_t i = 0; i < 64; i++)
            swarm_visit(s, from + i, time, count_torrent, &sum);
        struct swarm_counts counts;
        swarm_counts(s, &counts);
        require(counts.torrents <= TORRENTS, "torrents", counts.torrents, TORRENTS);
    }
    return NULL;
}

/* ---- dumps ---- */

static void residents_announce(struct swarm *s, enum event event)
{
    struct rng rng;
    rng_init(&rng, 99);
    struct swarm_time time = {.now_s = atomic_load(&now_s), .lifetime_s = 1000};
    for (uint32_t i = 0; i < TORRENTS * RESIDENTS; i++) {
        struct swarm_answer out = {.peers = {.max_total = 0}};
        uint32_t torrent = i / RESIDENTS, client = RESIDENT_FIRST + i;
        if (torrent % 2) continue;
        struct announce a = kit_peer(family_of(i), client, 6881, client, 1, event);
        a.info_hash = kit_torrent(torrent);
        swarm_announce(s, swarm_hash(s, &a.info_hash), &a, time, &rng, &out);
    }
}

static void mark_residents(void *ctx, const struct stored_torrent *t)
{
    uint8_t *times = ctx;
    for (uint32_t i = 0; i < t->count; i++) {
        const uint8_t *ip = t->peers[i].address.ip;
        bool v4 = t->peers[i].address.family == FAMILY_V4;
        uint32_t host = load_u32be(ip + (v4 ? 0 : 4)) & (v4 ? 0xffffffu : UINT32_MAX);
        if (host >= RESIDENT_FIRST) times[host - RESIDENT_FIRST]++;
    }
}

static void *keep_dumping(void *arg)
{
    struct swarm *s = arg;
    metrics_thread_init();
    while (!atomic_load(&is_over)) {
        uint8_t times[TORRENTS * RESIDENTS] = {0};
        struct swarm_dump_at at = {0};
        struct swarm_time time;
        do
            time = (struct swarm_time){.now_s = atomic_load(&now_s), .lifetime_s = 1000};
        while (swarm_dump(s, time, &at, mark_residents, times));
        for (uint32_t i = 0; i < TORRENTS * RESIDENTS; i++)
            require((times[i] != 0) == (i / RESIDENTS % 2 == 0), "a resident in a dump", times[i],
                    i);
    }
    return NULL;
}

/* ---- afterwards ---- */

static void check_counts(const struct swarm *s, const struct worker *workers)
{
    struct swarm_counts got;
    uint64_t peers[FAMILY_COUNT] = {0}, seeders[FAMILY_COUNT] = {0};
    for (int w = 0; w < WORKERS; w++)
        for (int t = 0; t < TORRENTS; t++)
            for (uint32_t h = 0; h < HOSTS; h++) {
                peers[family_of(h)] += workers[w].states[t][h] != ABSENT;
                seeders[family_of(h)] += workers[w].states[t][h] == SEEDING;
            }
    swarm_counts(s, &got);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        require(got.peers[f] == peers[f], "peers", got.peers[f], peers[f]);
        require(got.seeders[f] == seeders[f], "seeders", got.seeders[f], seeders[f]);
    }
}

/* Nobody is on both families here: after the sweep every number is exact, give or take the chance
 * meetings that are taken off (60 x 60 x 16 / 65536 of them, times two halves). */
static void check_visits(struct swarm *s, const struct worker *workers)
{
    struct swarm_time time = {.now_s = atomic_load(&now_s), .lifetime_s = 1000};
    struct swarm_numbers sum = {0};
    uint64_t completed = 0, peers = 0;
    for (uint32_t i = 0; i < swarm_shard_count(s); i++)
        swarm_visit(s, i, time, count_torrent, &sum);
    for (int w = 0; w < WORKERS; w++)
        for (int t = 0; t < TORRENTS; t++) {
            completed += workers[w].completed[t];
            for (uint32_t h = 0; h < HOSTS; h++)
                peers += workers[w].states[t][h] != ABSENT;
        }
    require(sum.downloaded == completed, "downloaded", sum.downloaded, completed);
    uint64_t visited = (uint64_t)sum.complete + sum.incomplete;
    require(visited <= peers && visited + 4 * TORRENTS >= peers, "peers visited", visited, peers);
}

static void check_empty_after_a_lifetime(struct swarm *s)
{
    struct swarm_counts n;
    for (uint32_t i = 1; i <= 2; i++) {
        struct swarm_time time = {.now_s = atomic_load(&now_s) + 3000 * i, .lifetime_s = 1000};
        struct sweep_report report = {0};
        swarm_sweep(s, time, 0, swarm_shard_count(s), &report);
    }
    swarm_counts(s, &n);
    require(n.torrents == 0, "torrents at the end", n.torrents, 0);
    require(n.peers[0] + n.peers[1] == 0, "peers at the end", n.peers[0] + n.peers[1], 0);
    require(n.memory_bytes == 0, "bytes at the end", n.memory_bytes, 0);
}

int main(int argc, char **argv)
{
    static struct worker workers[WORKERS];
    uint32_t operations = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 15000;
    struct swarm_opts opts = kit_opts(1);
    opts.lifetime_s_max = 1000;
    struct swarm *s;
    if (swarm_new(&s, &opts) != ERR_OK) return 1;
    pthread_t house, saver;
    residents_announce(s, EVENT_STARTED);
    for (unsigned i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.swarm = s, .number = i, .operations = operations};
        if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]) != 0) return 1;
    }
    if (pthread_create(&house, NULL, keep_house, s) != 0) return 1;
    if (pthread_create(&saver, NULL, keep_dumping, s) != 0) return 1;
    for (int i = 0; i < WORKERS; i++)
        pthread_join(workers[i].thread, NULL);
    atomic_store(&is_over, true);
    pthread_join(house, NULL);
    pthread_join(saver, NULL);
    residents_announce(s, EVENT_STOPPED);
    check_counts(s, workers);
    struct swarm_time time = {.now_s = atomic_load(&now_s), .lifetime_s = 1000};
    struct sweep_report report = {0};
    swarm_sweep(s, time, 0, swarm_shard_count(s), &report);
    check_visits(s, workers);
    check_empty_after_a_lifetime(s);
    swarm_free(s);
    return 0;
}
