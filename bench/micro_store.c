/* micro_store.c - fill a store and weigh it.
 *
 * usage      micro_store [--check] [--json FILE] [--curve | TORRENTS PEERS [v6] [zipf]]
 *            Without numbers: the four workloads of the memory goals, IPv4 and IPv6. --check exits
 *            with 1 when a goal is missed. --curve: two peers a torrent, 10^4 to 10^8 of them (the last
 *            one takes some minutes and 5 GB).
 * Process    every workload runs in a process of its own, so that its resident set is its own.
 * Peers      the first TORRENTS peers open a torrent each, the others join one at random: uniformly,
 *            or the one of rank r with a chance in proportion to 1 / r (zipf). Half of them seed.
 *            Addresses and ids are random; an announce asks for 50 peers, as most clients do.
 * Columns    MB (10^6 bytes) by which the resident set grew beyond an empty store that was swept once:
 *            the most while filling, and after two sweeps, which move what lies in half-empty pages
 *            together. Bytes per torrent and per peer: the latter MB over each count (not a sum).
 *            ns per announce: filling, and when known peers announce again after the sweeps, both in
 *            batches of 64 that are fetched into the cache first, as a worker does. Longest
 *            lock hold of a sweep in us: while nobody expires, and while everybody does.
 * Time       is CPU time, so that a busy machine does not count as a slow store. */
#include "base/os_linux.h"
#include "base/rng.h"
#include "swarm/swarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PEERS_ASKED   50
#define BATCH         64
#define LIFETIME_S    3600
#define SAMPLE_EVERY  65536u
#define REFRESHES_MAX 2000000u

struct workload {
    const char *name;
    uint32_t torrents, peers;
    enum family family;
    bool is_zipf;
    double goal_mb; /* 0: none */
};

struct result {
    double peak_mb, mb, fill_ns, refresh_ns, sweep_ms, hold_us, expiry_hold_us, left_mb;
    uint64_t torrents, peers;
};

static const struct workload WORKLOADS[] = {
    {"1 M torrents, 1 M peers", 1000000, 1000000, FAMILY_V4, false, 48},
    {"2 M torrents, 7 M peers", 2000000, 7000000, FAMILY_V4, false, 160},
    {"one swarm of 1 M", 1, 1000000, FAMILY_V4, false, 12},
    {"100 k torrents, 2 M peers, Zipf", 100000, 2000000, FAMILY_V4, true, 32},
    {"1 M torrents, 1 M peers", 1000000, 1000000, FAMILY_V6, false, 0},
    {"2 M torrents, 7 M peers", 2000000, 7000000, FAMILY_V6, false, 0},
    {"one swarm of 1 M", 1, 1000000, FAMILY_V6, false, 0},
    {"100 k torrents, 2 M peers, Zipf", 100000, 2000000, FAMILY_V6, true, 0},
};
#define WORKLOAD_COUNT (sizeof WORKLOADS / sizeof *WORKLOADS)

static const struct workload CURVE[] = {
    {"10 k peers", 5000, 10000, FAMILY_V4, false, 0},
    {"30 k peers", 15000, 30000, FAMILY_V4, false, 0},
    {"100 k peers", 50000, 100000, FAMILY_V4, false, 0},
    {"300 k peers", 150000, 300000, FAMILY_V4, false, 0},
    {"1 M peers", 500000, 1000000, FAMILY_V4, false, 0},
    {"3 M peers", 1500000, 3000000, FAMILY_V4, false, 0},
    {"10 M peers", 5000000, 10000000, FAMILY_V4, false, 0},
    {"30 M peers", 15000000, 30000000, FAMILY_V4, false, 0},
    {"100 M peers", 50000000, 100000000, FAMILY_V4, false, 0},
};
#define CURVE_COUNT (sizeof CURVE / sizeof *CURVE)

/* ---- peers: number i is always the same one ---- */

struct filler {
    const struct workload *w;
    struct swarm *swarm;
    double *rank_sums; /* zipf: 1 + 1/2 + ... + 1/r */
    struct rng rng;
};

static double *rank_sums_new(uint32_t torrents)
{
    double *sums = malloc(torrents * sizeof *sums), sum = 0;
    if (!sums) abort();
    for (uint32_t r = 0; r < torrents; r++)
        sums[r] = sum += 1.0 / (r + 1);
    return sums;
}

static uint32_t torrent_of(const struct filler *f, uint32_t i, struct rng *rng)
{
    uint32_t torrents = f->w->torrents;
    if (i < torrents) return i;
    if (!f->w->is_zipf) return rng_below(rng, torrents);
    double at = (double)(rng_u64(rng) >> 11) * 0x1p-53 * f->rank_sums[torrents - 1];
    uint32_t low = 0, high = torrents - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (f->rank_sums[middle] > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

static struct announce peer_of(const struct filler *f, uint32_t i)
{
    struct rng rng;
    rng_init(&rng, i);
    struct announce a = {.event = EVENT_NONE};
    uint32_t torrent = torrent_of(f, i, &rng);
    memcpy(a.info_hash.bytes, &torrent, sizeof torrent);
    uint64_t id = rng_u64(&rng), low = rng_u64(&rng), high = rng_u64(&rng);
    memcpy(a.peer_id.bytes, &id, sizeof id);
    a.address.family = f->w->family;
    memcpy(a.address.ip, &high, ADDRESS_BYTES(f->w->family) == 4 ? 4 : 8);
    a.address.ip[0] = f->w->family == FAMILY_V4 ? (uint8_t)(20 + a.address.ip[0] % 50) : 0x2a;
    if (f->w->family == FAMILY_V6) memcpy(a.address.ip + 8, &low, 8);
    a.port = (uint16_t)(1 + low % 65535);
    a.left = id & 1;
    return a;
}

static void announce_one(struct filler *f, const struct announce *a, uint64_t hash, uint32_t now_s)
{
    uint8_t compact[PEERS_ASKED * COMPACT_BYTES(FAMILY_V6)];
    struct swarm_answer out = {.peers = {.compact = {compact, compact}, .max_total = PEERS_ASKED}};
    out.peers.max[a->address.family] = PEERS_ASKED;
    swarm_announce(f->swarm, hash, a, (struct swarm_time){now_s, LIFETIME_S}, &f->rng, &out);
}

/* Of the known peers, number `i` in an order that jumps about. */
static uint32_t shuffled(const struct filler *f, uint32_t i)
{
    return (uint32_t)((uint64_t)i * 2654435761u % f->w->peers);
}

/* Announce the peers [from, from + count), or as many shuffled ones; count is at most BATCH. */
static void announce_batch(struct filler *f, uint32_t from, uint32_t count, bool is_shuffled,
                           uint32_t now_s)
{
    struct announce batch[BATCH];
    uint64_t hashes[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        batch[i] = peer_of(f, is_shuffled ? shuffled(f, from + i) : from + i);
        hashes[i] = swarm_hash(f->swarm, &batch[i].info_hash);
        swarm_prefetch(f->swarm, hashes[i], 0);
    }
    for (int stage = 1; stage <= 2; stage++)
        for (uint32_t i = 0; i < count; i++)
            swarm_prefetch(f->swarm, hashes[i], stage);
    for (uint32_t i = 0; i < count; i++)
        announce_one(f, &batch[i], hashes[i], now_s);
}

/* ---- one workload ---- */

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double mb_since(uint64_t rss_bytes)
{
    uint64_t now = os_rss_bytes();
    return now > rss_bytes ? (double)(now - rss_bytes) / 1e6 : 0;
}

/* What peer_of() costs is not the store's. */
static double generator_ns(const struct filler *f, uint32_t count)
{
    uint64_t sum = 0, from_ns = cpu_ns();
    for (uint32_t i = 0; i < count; i++) {
        struct announce a = peer_of(f, i);
        sum += a.port;
    }
    uint64_t ns = cpu_ns() - from_ns;
    return sum ? (double)ns / count : 0;
}

static double sweep(struct filler *f, uint32_t now_s, double *hold_us)
{
    struct sweep_report report = {.clock_ns = cpu_ns};
    uint64_t from_ns = cpu_ns();
    for (uint32_t shard = 0; shard < swarm_shard_count(f->swarm); shard += 64)
        swarm_sweep(f->swarm, (struct swarm_time){now_s, LIFETIME_S}, shard, 64, &report);
    *hold_us = (double)report.hold_ns_max / 1e3;
    return (double)(cpu_ns() - from_ns) / 1e6;
}

static uint32_t batch_at(uint32_t total, uint32_t at)
{
    return total - at < BATCH ? total - at : BATCH;
}

static struct result measure(const struct workload *w)
{
    struct result r = {0};
    struct filler f = {.w = w};
    struct swarm_opts opts = {.memory_bytes_max = SWARM_MEMORY_BYTES_MAX,
                              .lifetime_s_max = LIFETIME_S,
                              .completed_ttl_s = 60};
    if (w->is_zipf) f.rank_sums = rank_sums_new(w->torrents);
    rng_init(&f.rng, 1);
    double generator = generator_ns(&f, w->peers < 500000 ? w->peers : 500000);
    if (swarm_new(&f.swarm, &opts) != ERR_OK) abort();
    sweep(&f, 100, &r.hold_us);
    uint64_t before = os_rss_bytes(), from_ns = cpu_ns();
    for (uint32_t i = 0; i < w->peers; i += BATCH) {
        announce_batch(&f, i, batch_at(w->peers, i), false, 100);
        if (i % SAMPLE_EVERY == 0 && mb_since(before) > r.peak_mb) r.peak_mb = mb_since(before);
    }
    r.fill_ns = (double)(cpu_ns() - from_ns) / w->peers - generator;
    if (mb_since(before) > r.peak_mb) r.peak_mb = mb_since(before);
    sweep(&f, 101, &r.hold_us);
    r.sweep_ms = sweep(&f, 102, &r.hold_us);
    r.mb = mb_since(before);

    uint32_t refreshes = w->peers < REFRESHES_MAX ? w->peers : REFRESHES_MAX;
    from_ns = cpu_ns();
    for (uint32_t i = 0; i < refreshes; i += BATCH)
        announce_batch(&f, i, batch_at(refreshes, i), true, 103);
    r.refresh_ns = (double)(cpu_ns() - from_ns) / refreshes - generator;

    struct swarm_counts counts;
    swarm_counts(f.swarm, &counts);
    r.torrents = counts.torrents;
    r.peers = counts.peers[FAMILY_V4] + counts.peers[FAMILY_V6];
    double second_hold_us;
    sweep(&f, 103 + LIFETIME_S + 10, &r.expiry_hold_us);
    sweep(&f, 103 + LIFETIME_S + 11, &second_hold_us);
    r.left_mb = mb_since(before);
    swarm_free(f.swarm);
    free(f.rank_sums);
    return r;
}

/* Measure in a child; false when it failed. */
static bool measure_apart(const struct workload *w, struct result *out)
{
    int ends[2], status;
    if (pipe(ends) != 0) return false;
    pid_t child = fork();
    if (child < 0) return false;
    if (child == 0) {
        struct result r = measure(w);
        _exit(write(ends[1], &r, sizeof r) == sizeof r ? 0 : 1);
    }
    close(ends[1]);
    bool is_whole = read(ends[0], out, sizeof *out) == sizeof *out;
    close(ends[0]);
    return waitpid(child, &status, 0) == child && status == 0 && is_whole;
}

/* ---- reports ---- */

static bool is_missed(const struct workload *w, const struct result *r)
{
    return w->goal_mb > 0 && r->mb > w->goal_mb;
}

static const char *family_name(const struct workload *w)
{
    return w->family == FAMILY_V4 ? "IPv4" : "IPv6";
}

static void print_head(void)
{
    printf(
        "| workload | | MB at most | MB swept | goal | B/torrent | B/peer | fill ns | refresh ns | "
        "sweep ms | hold us | expiry hold us | MB left |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
}

static void print_row(const struct workload *w, const struct result *r)
{
    char goal[16] = "";
    if (w->goal_mb > 0)
        snprintf(goal, sizeof goal, "%.0f%s", w->goal_mb, is_missed(w, r) ? " missed" : "");
    printf(
        "| %s | %s | %.1f | %.1f | %s | %.1f | %.1f | %.0f | %.0f | %.1f | %.0f | %.0f | %.1f |\n",
        w->name, family_name(w), r->peak_mb, r->mb, goal, r->mb * 1e6 / (double)r->torrents,
        r->mb * 1e6 / (double)r->peers, r->fill_ns, r->refresh_ns, r->sweep_ms, r->hold_us,
        r->expiry_hold_us, r->left_mb);
    fflush(stdout);
}

static void json_row(FILE *json, const struct workload *w, const struct result *r, bool is_first)
{
    fprintf(
        json,
        "%s\n  {\"workload\": \"%s\", \"family\": \"%s\", \"torrents\": %llu, \"peers\": %llu,\n"
        "   \"peak_mb\": %.2f, \"mb\": %.2f, \"goal_mb\": %.0f, \"fill_ns\": %.0f, "
        "\"refresh_ns\": %.0f,\n   \"sweep_ms\": %.2f, \"hold_us\": %.1f, "
        "\"expiry_hold_us\": %.1f, \"left_mb\": %.2f}",
        is_first ? "[" : ",", w->name, family_name(w), (unsigned long long)r->torrents,
        (unsigned long long)r->peers, r->peak_mb, r->mb, w->goal_mb, r->fill_ns, r->refresh_ns,
        r->sweep_ms, r->hold_us, r->expiry_hold_us, r->left_mb);
}

static int usage(void)
{
    fprintf(stderr, "usage: micro_store [--check] [--json FILE] "
                    "[--curve | TORRENTS PEERS [v6] [zipf]]\n");
    return 2;
}

/* Run `count` workloads; 1 when one failed, or missed its goal and `checks` is set. */
static int run(const struct workload *workloads, size_t count, bool checks, FILE *json)
{
    int code = 0;
    print_head();
    for (size_t i = 0; i < count; i++) {
        struct result r;
        if (!measure_apart(&workloads[i], &r)) {
            fprintf(stderr, "micro_store: %s failed\n", workloads[i].name);
            return 1;
        }
        print_row(&workloads[i], &r);
        if (json) json_row(json, &workloads[i], &r, i == 0);
        if (checks && is_missed(&workloads[i], &r)) code = 1;
    }
    if (json) fprintf(json, "\n]\n");
    return code;
}

int main(int argc, char **argv)
{
    struct workload own = {.name = "own"};
    bool checks = false, curve = false;
    FILE *json = NULL;
    int numbers = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--check") == 0) checks = true;
        else if (strcmp(argv[i], "--curve") == 0) curve = true;
        else if (strcmp(argv[i], "v6") == 0) own.family = FAMILY_V6;
        else if (strcmp(argv[i], "zipf") == 0) own.is_zipf = true;
        else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
            json = fopen(argv[++i], "we");
            if (!json) return usage();
        } else {
            uint32_t value = (uint32_t)strtoul(argv[i], NULL, 10);
            if (!value || numbers == 2) return usage();
            if (numbers++ == 0) own.torrents = value;
            else own.peers = value;
        }
    }
    if (numbers == 1) return usage();
    int code = numbers ? run(&own, 1, checks, json)
               : curve ? run(CURVE, CURVE_COUNT, checks, json)
                       : run(WORKLOADS, WORKLOAD_COUNT, checks, json);
    if (json) fclose(json);
    return code;
}
