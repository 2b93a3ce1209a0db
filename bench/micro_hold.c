/* micro_hold.c - how long a save holds a shard's lock: what of it is work, and what the clock says.
 *
 * usage      micro_hold TORRENTS PEERS [SLICE_US [REST_US]]
 *            SLICE_US: ask for slices of so many us of the processor for the saver alone, not for those who
 *            announce; 0: the kernel's default. REST_US: sleep before a hold when so much passed since the
 *            last time. Both are remedies on trial; muster has neither.
 *            One JSON object on standard output; times are in microseconds.
 * Step       one swarm_dump(): waiting for a lock, one hold of it, and its release. Between two steps
 *            happens what snapshot_save() does: full blocks are written, here to memory, and then it
 *            sleeps a little. So a step's CPU time is at most a little more than its hold's.
 * Work       the store is saved again and again with nobody about. It is the same then, hence so are the
 *            steps, and each counts at its least CPU time: what an interrupt, or the owner of a virtual
 *            machine, took out of one try is not in all of them.
 * Clock      what announces that need this lock can feel: a hold lasts while the kernel runs somebody
 *            else on the holder's processor. Saved with nobody about; while two threads announce as workers
 *            do at 10 000 a second each, asleep in between; and while they have always more to do.
 * Waits      announces in which their thread slept: for a lock, there is nothing else. */
#include "base/metrics.h"
#include "bench/histogram.h"
#include "bench/world.h"
#include "proto/snapshot.h"
#include "swarm/dump.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GOAL_NS       100000u
#define NS_PER_S      1000000000u
#define PAUSE_NS      200000 /* as snapshot_save() pauses */
#define REPEATS       5
#define ANNOUNCERS    2
#define PEERS_ASKED   50
#define SOURCES       4096
#define LIFETIME_S    3600
#define NOW_S         100
#define PACED_BATCH   10
#define PACED_NS      1000000
#define REST_SLEEP_NS 50000
#define WAIT_NS_LEAST 5000 /* nothing shorter can have slept */

static const struct swarm_time NOW = {.now_s = NOW_S, .lifetime_s = LIFETIME_S};

struct store {
    struct world world;
    struct swarm *swarm;
    uint8_t *block;                        /* room for SNAPSHOT_BLOCK_BYTES_MAX */
    int fd;                                /* memory that blocks are written to */
    uint64_t slice_ns, rest_ns, rested_ns; /* remedies, and when it slept last */
};

/* The steps of some saves. */
struct steps {
    struct histogram wall, cpu;
    uint64_t wall_long, cpu_long; /* how many took longer than the goal */
    uint64_t longest_cpu_ns;      /* CPU time of the longest by the clock */
    uint64_t us_max;              /* the longest save */
    uint64_t at, count, room;     /* of least_ns: this save's next, of the first, for so many */
    uint32_t *least_ns;           /* CPU time of each, the least of all saves */
    bool is_uneven;               /* saves had not the same number of steps */
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void *must(void *memory)
{
    if (memory) return memory;
    perror("micro_hold");
    exit(1);
}

/* ---- the store ---- */

static void announce(struct store *st, uint64_t k, struct rng *rng)
{
    uint8_t compact[PEERS_ASKED * COMPACT_BYTES(FAMILY_V6)];
    struct swarm_answer out = {.peers = {.compact = {compact, compact}, .max_total = PEERS_ASKED}};
    struct world_peer peer = world_peer(&st->world, k);
    struct announce a = {.address = world_source(&st->world, peer.source),
                         .port = peer.port,
                         .left = !peer.is_seeder,
                         .event = EVENT_NONE};
    out.peers.max[FAMILY_V4] = PEERS_ASKED;
    world_info_hash(&st->world, peer.torrent, &a.info_hash);
    world_peer_id(&st->world, k, &a.peer_id);
    swarm_announce(st->swarm, swarm_hash(st->swarm, &a.info_hash), &a, NOW, rng, &out);
}

static void store_open(struct store *st, uint64_t torrents, uint64_t peers)
{
    struct swarm_opts opts = {.memory_bytes_max = SWARM_MEMORY_BYTES_MAX,
                              .lifetime_s_max = LIFETIME_S,
                              .completed_ttl_s = 60};
    struct world_opts of = {.torrents = torrents,
                            .peers = peers,
                            .seeders_pct = 50,
                            .sources = SOURCES,
                            .family = FAMILY_V4,
                            .seed = 1};
    struct rng rng;
    rng_init(&rng, 1);
    *st = (struct store){.block = must(malloc(SNAPSHOT_BLOCK_BYTES_MAX)),
                         .fd = memfd_create("blocks", MFD_CLOEXEC)};
    if (st->fd < 0 || !world_init(&st->world, &of) || swarm_new(&st->swarm, &opts) != ERR_OK)
        must(NULL);
    for (uint64_t k = 0; k < peers; k++)
        announce(st, k, &rng);
}

static void store_close(struct store *st)
{
    swarm_free(st->swarm);
    world_fini(&st->world);
    free(st->block);
    close(st->fd);
}

/* ---- a save ---- */

static void least_note(struct steps *s, uint64_t cpu_ns)
{
    if (s->at == s->room) {
        s->room = s->room ? 2 * s->room : 4096;
        s->least_ns = must(realloc(s->least_ns, s->room * sizeof *s->least_ns));
    }
    uint32_t ns = cpu_ns < UINT32_MAX ? (uint32_t)cpu_ns : UINT32_MAX;
    uint32_t *least = &s->least_ns[s->at++];
    if (s->count < s->at || ns < *least) *least = ns;
}

static void step_note(struct steps *s, uint64_t wall_ns, uint64_t cpu_ns)
{
    if (wall_ns > s->wall.max) s->longest_cpu_ns = cpu_ns;
    s->wall_long += wall_ns > GOAL_NS;
    s->cpu_long += cpu_ns > GOAL_NS;
    histogram_add(&s->wall, wall_ns);
    histogram_add(&s->cpu, cpu_ns);
    least_note(s, cpu_ns);
}

static void put_part(void *ctx, const struct stored_torrent *t)
{
    snapshot_put(ctx, t);
}

/* How the kernel is told of slices (Linux 6.12); its libc has no call for it yet. */
struct slice_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* 0: the default again. */
static void slice_set(uint64_t ns)
{
    struct slice_attr a = {
        .size = sizeof a, .nice = getpriority(PRIO_PROCESS, 0), .runtime_ns = ns};
    if (syscall(SYS_sched_setattr, 0, &a, 0) != 0) must(NULL);
}

static void rest(struct store *st)
{
    static const struct timespec SHORT = {.tv_nsec = REST_SLEEP_NS};
    if (!st->rest_ns || clock_ns(CLOCK_MONOTONIC) - st->rested_ns < st->rest_ns) return;
    nanosleep(&SHORT, NULL);
    st->rested_ns = clock_ns(CLOCK_MONOTONIC);
}

/* Steps until a block is full; false when that was the last. */
static bool block_fill(struct store *st, struct snapshot_writer *w, struct swarm_dump_at *at,
                       struct steps *s)
{
    bool more = true;
    while (more && !snapshot_block_is_full(w)) {
        rest(st);
        uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        more = swarm_dump(st->swarm, NOW, at, put_part, w);
        cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
        step_note(s, clock_ns(CLOCK_MONOTONIC) - wall_ns, cpu_ns);
    }
    return more;
}

static void save(struct store *st, struct steps *s)
{
    static const struct timespec PAUSE = {.tv_nsec = PAUSE_NS};
    struct snapshot_header h = {.lifetime_s = LIFETIME_S};
    struct snapshot_writer w;
    struct swarm_traits traits;
    struct swarm_dump_at at = {0};
    swarm_traits(st->swarm, &traits);
    h.age_unit_s = traits.age_unit_s;
    snapshot_writer_init(&w, &h, st->block);
    uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
    s->at = 0;
    for (bool more = true; more;) {
        more = block_fill(st, &w, &at, s);
        struct view block = snapshot_block_finish(&w);
        if (pwrite(st->fd, block.ptr, block.len, 0) != (ssize_t)block.len) must(NULL);
        nanosleep(&PAUSE, NULL);
    }
    uint64_t us = (clock_ns(CLOCK_MONOTONIC) - start_ns) / 1000;
    if (us > s->us_max) s->us_max = us;
    if (s->count && s->at != s->count) s->is_uneven = true;
    if (!s->count) s->count = s->at;
}

/* ---- announcing meanwhile ---- */

struct announcer {
    pthread_t thread;
    struct store *store;
    struct rng rng;
    bool is_paced;
    _Atomic bool *stop;
    uint64_t announces, waits, wait_ns_max;
};

static long slept_times(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return u.ru_nvcsw;
}

static void batch_announce(struct announcer *a)
{
    long slept = slept_times();
    for (int i = 0; i < PACED_BATCH; i++) {
        uint64_t k = world_pick(&a->store->world, &a->rng, -1);
        uint64_t ns = clock_ns(CLOCK_MONOTONIC);
        announce(a->store, k, &a->rng);
        ns = clock_ns(CLOCK_MONOTONIC) - ns;
        a->announces++;
        long now = ns < WAIT_NS_LEAST ? slept : slept_times();
        if (now == slept) continue;
        slept = now;
        a->waits++;
        if (ns > a->wait_ns_max) a->wait_ns_max = ns;
    }
}

static void *announcer_main(void *ctx)
{
    static const struct timespec PACE = {.tv_nsec = PACED_NS};
    struct announcer *a = ctx;
    metrics_thread_init();
    while (!atomic_load(a->stop)) {
        batch_announce(a);
        if (a->is_paced) nanosleep(&PACE, NULL);
    }
    return NULL;
}

/* ---- reports ---- */

static double us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static void times_print(const char *name, const struct histogram *h, uint64_t count_long)
{
    printf("\"%s\": {\"p50\": %.1f, \"p999\": %.1f, \"max\": %.1f, \"above_goal\": %" PRIu64 "}",
           name, us(histogram_percentile(h, 50)), us(histogram_percentile(h, 99.9)), us(h->max),
           count_long);
}

/* The work of the steps, each at its least. */
static void work_print(const struct steps *s)
{
    struct histogram *work = must(calloc(1, sizeof *work));
    uint64_t count_long = 0;
    for (uint64_t i = 0; i < s->count; i++) {
        histogram_add(work, s->least_ns[i]);
        count_long += s->least_ns[i] > GOAL_NS;
    }
    times_print("work", work, count_long);
    printf(", \"is_uneven\": %s", s->is_uneven ? "true" : "false");
    free(work);
}

static void saves_print(const char *name, const struct steps *s, const struct announcer *of)
{
    uint64_t announces = 0, waits = 0, wait_ns_max = 0;
    for (int i = 0; i < ANNOUNCERS; i++) {
        announces += of[i].announces;
        waits += of[i].waits;
        if (of[i].wait_ns_max > wait_ns_max) wait_ns_max = of[i].wait_ns_max;
    }
    printf("{\"name\": \"%s\", \"steps\": %" PRIu64 ", \"save_ms_max\": %.1f, ", name,
           s->wall.count, (double)s->us_max / 1e3);
    times_print("wall", &s->wall, s->wall_long);
    printf(", ");
    times_print("cpu", &s->cpu, s->cpu_long);
    printf(", \"cpu_of_longest\": %.1f, \"announces\": %" PRIu64 ", \"waits\": %" PRIu64
           ", \"wait_max\": %.1f",
           us(s->longest_cpu_ns), announces, waits, us(wait_ns_max));
}

/* ---- running ---- */

enum mode { ALONE, PACED, SPINNING };

static void measure(struct store *st, enum mode mode, const char *name)
{
    struct steps *s = must(calloc(1, sizeof *s));
    struct announcer of[ANNOUNCERS] = {0};
    _Atomic bool stop = false;
    for (int i = 0; i < ANNOUNCERS && mode != ALONE; i++) {
        of[i] = (struct announcer){.store = st, .is_paced = mode == PACED, .stop = &stop};
        rng_init(&of[i].rng, (uint64_t)i + 2);
        if (pthread_create(&of[i].thread, NULL, announcer_main, &of[i]) != 0) must(NULL);
    }
    if (st->slice_ns) slice_set(st->slice_ns); /* threads begun later would inherit it */
    for (int i = 0; i < REPEATS; i++)
        save(st, s);
    if (st->slice_ns) slice_set(0);
    atomic_store(&stop, true);
    for (int i = 0; i < ANNOUNCERS && mode != ALONE; i++)
        pthread_join(of[i].thread, NULL);
    saves_print(name, s, of);
    if (mode == ALONE) {
        printf(", ");
        work_print(s);
    }
    printf("}");
    free(s->least_ns);
    free(s);
}

int main(int argc, char **argv)
{
    struct store st;
    uint64_t numbers[4] = {0}; /* torrents, peers, slice, rest */
    for (int i = 1; i < argc && i <= 4; i++)
        numbers[i - 1] = strtoull(argv[i], NULL, 10);
    if (!numbers[0] || !numbers[1] || argc > 5) {
        fprintf(stderr, "usage: micro_hold TORRENTS PEERS [SLICE_US [REST_US]]\n");
        return 2;
    }
    store_open(&st, numbers[0], numbers[1]);
    st.slice_ns = numbers[2] * 1000;
    st.rest_ns = numbers[3] * 1000;
    printf("{\"goal\": %.0f, \"repeats\": %d, \"saves\": [\n", us(GOAL_NS), REPEATS);
    measure(&st, ALONE, "nobody about");
    printf(",\n");
    measure(&st, PACED, "20 000 announces a second");
    printf(",\n");
    measure(&st, SPINNING, "two threads that announce all the time");
    printf("]}\n");
    store_close(&st);
    return 0;
}
