/* model_swarm.c - thousands of random announces per seed, the store against naive.c after each.
 *
 * usage      model_swarm [FIRST_SEED [SEEDS [OPERATIONS]]]
 * Exact      verdicts; whole-store counts; peer lists (who, how many, no one twice, never the asker);
 *            downloaded; complete and incomplete of small swarms, and of large ones on one family.
 * Tolerance  a large swarm with clients on both families estimates who is there twice, in sweeps:
 *            between sweeps between all endpoints and all less those of the rarer family; just after
 *            one within 1 + n4 * n6 / 65536 of what a count of equal ids says (the store subtracts
 *            that many chance meetings of 16-bit tags; the ids used here have none).
 * Limits     the sweep comes before stored ages wrap (some 2000 units of time), as it does live. */
#include "naive.h"

#include "../store_dump.h"
#include "../store_kit.h"
#include "proto/snapshot.h"
#include "swarm/store.h"

#define CLIENTS    400
#define IDS        1600
#define WRAP_UNITS 1500

struct client {
    struct naive_peer at[FAMILY_COUNT]; /* its two endpoints */
    uint32_t id;
};

struct model {
    struct kit *kit;
    struct naive naive;
    struct rng rng;
    struct client clients[CLIENTS];
    uint32_t ids[IDS];              /* numbers whose tags differ from each other */
    uint8_t growth[NAIVE_TORRENTS]; /* percent of announces that stop */
    uint32_t swept_units;           /* when all was swept last */
    uint64_t seed;
    uint32_t operation;
};

#define CHECK(m, ok, ...)                                                                          \
    do {                                                                                           \
        if (!(ok)) fail(m, #ok, __VA_ARGS__);                                                      \
    } while (0)

static _Noreturn void fail(const struct model *m, const char *what, const char *name, uint64_t got,
                           uint64_t expected)
{
    fprintf(stderr, "model_swarm: seed %llu, operation %u: %s: %llu, expected %llu (%s)\n",
            (unsigned long long)m->seed, m->operation, name, (unsigned long long)got,
            (unsigned long long)expected, what);
    exit(1);
}

static bool chance(struct model *m, uint32_t percent)
{
    return rng_below(&m->rng, 100) < percent;
}

/* ---- setting up ---- */

static uint16_t tag_in_store(struct kit *k, uint32_t id)
{
    struct announce a = kit_peer(FAMILY_V4, 1, 1, id, 1, EVENT_STARTED);
    uint64_t hash = swarm_hash(k->swarm, &a.info_hash);
    kit_announce(k, &a);
    struct slot slot = shard_find(k->swarm, shard_of(k->swarm, hash), hash, &a.info_hash);
    uint16_t tag =
        peer_tag(small_run(k->swarm, record_at(k->swarm, *slot.ref), FAMILY_V4), FAMILY_V4);
    a.event = EVENT_STOPPED;
    kit_announce(k, &a);
    return tag;
}

/* Accidental twins would be right by design and wrong by the naive store. */
static void ids_init(struct model *m)
{
    static bool is_taken[65536];
    memset(is_taken, 0, sizeof is_taken);
    is_taken[0] = true;
    for (uint32_t count = 0, id = 1; count < IDS; id++) {
        uint16_t tag = tag_in_store(m->kit, id);
        if (is_taken[tag]) continue;
        is_taken[tag] = true;
        m->ids[count++] = id;
    }
}

/* Some hosts are private, some loopback, many have several clients behind them. */
static void clients_init(struct model *m)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        struct client *c = &m->clients[i];
        uint32_t host = chance(m, 70) ? i : i % 20;
        c->id = m->ids[i];
        for (int f = 0; f < FAMILY_COUNT; f++) {
            c->at[f].address = kit_address(f, host);
            c->at[f].port = (uint16_t)(1 + rng_below(&m->rng, 3));
        }
        if (host % 10 == 3) c->at[FAMILY_V4].address.ip[0] = 10;
        if (host % 20 == 7) c->at[FAMILY_V4].address.ip[0] = 127;
        if (host % 10 == 4) c->at[FAMILY_V6].address.ip[0] = 0xfd;
        c->at[FAMILY_V6].address.ip[14] = (uint8_t)rng_below(&m->rng, 3); /* within its /64 */
    }
}

static void limits_init(struct model *m)
{
    struct swarm_opts *o = &m->naive.limits;
    o->peers_max = o->torrents_max = o->torrent_peers_max = o->ip_peers_max = 0;
    if (chance(m, 15)) o->peers_max = 20 + rng_below(&m->rng, 1000);
    if (chance(m, 15)) o->torrents_max = 1 + rng_below(&m->rng, NAIVE_TORRENTS);
    if (chance(m, 15)) o->torrent_peers_max = 1 + rng_below(&m->rng, 200);
    if (chance(m, 25)) o->ip_peers_max = 1 + rng_below(&m->rng, 8);
    o->ip_limit_loopback = chance(m, 50);
}

static void model_open(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->seed = seed;
    rng_init(&m->rng, seed);
    struct swarm_opts opts = kit_opts(seed);
    opts.lifetime_s_max = chance(m, 50) ? 100 : 7000; /* units of 1 and of 4 seconds */
    opts.store_peer_ids = chance(m, 25);
    opts.completed_ttl_s = 300;
    m->kit = kit_open(&opts, seed);
    m->naive.unit_s = m->kit->swarm->age_unit_s;
    m->swept_units = m->kit->time.now_s / m->naive.unit_s;
    ids_init(m);
    clients_init(m);
    m->naive.limits = opts;
    limits_init(m);
    swarm_limits_set(m->kit->swarm, &m->naive.limits);
}

/* ---- checks ---- */

static void check_counts(struct model *m)
{
    struct swarm_counts got = kit_counts(m->kit), expected = {0};
    for (int i = 0; i < NAIVE_TORRENTS; i++) {
        const struct naive_torrent *t = &m->naive.torrents[i];
        expected.torrents += t->exists;
        for (uint32_t p = 0; p < t->count; p++) {
            enum family f = t->peers[p].address.family;
            expected.peers[f]++;
            expected.seeders[f] += t->peers[p].is_seeder;
        }
    }
    CHECK(m, got.torrents == expected.torrents, "torrents", got.torrents, expected.torrents);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        CHECK(m, got.peers[f] == expected.peers[f], "peers", got.peers[f], expected.peers[f]);
        CHECK(m, got.seeders[f] == expected.seeders[f], "seeders", got.seeders[f],
              expected.seeders[f]);
    }
}

static void check_near(struct model *m, const char *name, uint32_t got, uint32_t expected,
                       uint32_t by)
{
    CHECK(m, got + by >= expected && got <= expected + by, name, got, expected);
}

static void check_numbers(struct model *m, const struct naive_torrent *t,
                          const struct swarm_numbers *got, bool was_just_swept)
{
    struct swarm_numbers expected = naive_numbers(&m->naive, t, m->kit->time);
    uint32_t by_family[FAMILY_COUNT] = {0}, tolerance = 0;
    for (uint32_t i = 0; t->exists && i < t->count; i++)
        by_family[t->peers[i].address.family]++;
    if (t->is_large && by_family[0] && by_family[1]) {
        tolerance = 1 + by_family[0] * by_family[1] / 65536;
        if (!was_just_swept) tolerance += by_family[0] < by_family[1] ? by_family[0] : by_family[1];
    }
    CHECK(m, got->downloaded == expected.downloaded, "downloaded", got->downloaded,
          expected.downloaded);
    check_near(m, "complete", got->complete, expected.complete, tolerance);
    check_near(m, "incomplete", got->incomplete, expected.incomplete, tolerance);
    check_near(m, "downloaders", got->downloaders, expected.downloaders, tolerance);
}

static void check_scrape(struct model *m, uint32_t torrent, bool was_just_swept)
{
    struct swarm_numbers got = kit_scrape(m->kit, torrent);
    check_numbers(m, &m->naive.torrents[torrent], &got, was_just_swept);
}

/* Everybody listed is eligible and listed once. */
static void check_listed(struct model *m, const struct naive_torrent *t,
                         const struct naive_announce *a, enum family f, uint32_t *eligible)
{
    uint8_t times[NAIVE_PEERS] = {0};
    *eligible = 0;
    for (uint32_t i = 0; i < t->count; i++)
        *eligible += t->peers[i].address.family == f &&
                     naive_is_eligible(&m->naive, &t->peers[i], a, m->kit->time);
    for (uint32_t n = 0; n < m->kit->out.peers.count[f]; n++) {
        const uint8_t *compact = kit_listed(m->kit, f, n);
        uint32_t i = 0;
        while (i < t->count && (t->peers[i].address.family != f ||
                                memcmp(t->peers[i].address.ip, compact, ADDRESS_BYTES(f)) != 0 ||
                                t->peers[i].port != load_u16be(compact + ADDRESS_BYTES(f))))
            i++;
        CHECK(m, i < t->count, "a peer nobody knows is listed, position", n, 0);
        CHECK(m, times[i]++ == 0, "a peer is listed twice, position", n, 0);
        CHECK(m, naive_is_eligible(&m->naive, &t->peers[i], a, m->kit->time),
              "a peer is listed that should not, position", n, 0);
    }
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static void check_list(struct model *m, const struct naive_torrent *t,
                       const struct naive_announce *a)
{
    const struct kit *k = m->kit;
    enum family mine = a->peer.address.family, other = family_other(mine);
    uint32_t eligible[FAMILY_COUNT] = {0}, expected[FAMILY_COUNT];
    if (t && a->event != EVENT_STOPPED)
        for (int f = 0; f < FAMILY_COUNT; f++)
            check_listed(m, t, a, f, &eligible[f]);
    expected[mine] = least(eligible[mine], least(k->want[mine], k->want_total));
    expected[other] = least(eligible[other], least(k->want[other], k->want_total - expected[mine]));
    for (int f = 0; f < FAMILY_COUNT; f++)
        CHECK(m, k->out.peers.count[f] == expected[f],
              f == FAMILY_V4 ? "IPv4 listed" : "IPv6 listed", k->out.peers.count[f], expected[f]);
}

/* ---- operations ---- */

static uint16_t random_want(struct model *m)
{
    static const uint16_t WANTS[] = {0, 1, 5, 50, 50, 50, 200, KIT_PEERS_MAX};
    return WANTS[rng_below(&m->rng, sizeof WANTS / sizeof *WANTS)];
}

static enum event random_event(struct model *m, uint32_t torrent)
{
    static const enum event EVENTS[] = {EVENT_NONE,    EVENT_NONE,      EVENT_STARTED,
                                        EVENT_STARTED, EVENT_COMPLETED, EVENT_PAUSED};
    if (chance(m, m->growth[torrent])) return EVENT_STOPPED;
    return EVENTS[rng_below(&m->rng, sizeof EVENTS / sizeof *EVENTS)];
}

static uint64_t random_left(struct model *m)
{
    uint32_t dice = rng_below(&m->rng, 10);
    return dice < 4 ? 0 : dice < 9 ? 1 + rng_below(&m->rng, 1000) : LEFT_UNKNOWN;
}

/* Who announces: somebody stored already, now and then, or anybody; sometimes on a new port, with a
 * new id, or with the id of somebody else. */
static void random_asker(struct model *m, const struct naive_torrent *t, struct naive_announce *a)
{
    if (t->exists && t->count && chance(m, a->event == EVENT_STOPPED ? 90 : 40)) {
        a->peer = t->peers[rng_below(&m->rng, t->count)];
        a->id = a->peer.id;
    } else {
        const struct client *c = &m->clients[rng_below(&m->rng, CLIENTS)];
        a->peer = c->at[rng_below(&m->rng, FAMILY_COUNT)];
        a->id = c->id;
    }
    if (chance(m, 5)) a->peer.port = (uint16_t)(1 + rng_below(&m->rng, 6));
    if (chance(m, 3)) a->id = m->ids[rng_below(&m->rng, IDS)];
    if (chance(m, 1)) a->id = m->clients[rng_below(&m->rng, CLIENTS)].id;
}

static void operate_announce(struct model *m)
{
    struct kit *k = m->kit;
    uint32_t torrent = chance(m, 80) ? rng_below(&m->rng, 3) : rng_below(&m->rng, NAIVE_TORRENTS);
    if (rng_below(&m->rng, 700) == 0) m->growth[torrent] = chance(m, 50) ? 10 : 85;
    struct naive_announce a = {.torrent = torrent, .event = random_event(m, torrent)};
    random_asker(m, &m->naive.torrents[torrent], &a);
    uint64_t left = random_left(m);
    a.peer.id = a.id;
    a.peer.is_seeder = left == 0 || (left == LEFT_UNKNOWN && a.event == EVENT_COMPLETED);
    a.peer.is_partial = !a.peer.is_seeder && a.event == EVENT_PAUSED;
    a.peer.has_counted = false;
    a.peer.heard = k->time.now_s / m->naive.unit_s;
    struct announce real = {.info_hash = kit_torrent(torrent),
                            .peer_id = kit_peer_id(a.id),
                            .address = a.peer.address,
                            .port = a.peer.port,
                            .left = left,
                            .event = a.event};
    k->want[FAMILY_V4] = random_want(m);
    k->want[FAMILY_V6] = random_want(m);
    k->want_total = random_want(m);
    struct naive_answer expected;
    naive_announce(&m->naive, &a, k->time, &expected);
    kit_announce(k, &real);
    naive_completion_settle(&expected, a.peer.address.family, a.id, k->out.completed_now);
    CHECK(m, k->out.verdict == expected.verdict, "verdict", k->out.verdict, expected.verdict);
    CHECK(m, k->out.completed_now == expected.completed_now, "completed_now", k->out.completed_now,
          expected.completed_now);
    if (expected.torrent) check_numbers(m, expected.torrent, &k->out.numbers, false);
    check_list(m, expected.torrent, &a);
    if (expected.torrent) naive_drop_empty(&m->naive, expected.torrent);
}

static bool limits_are_near(const struct model *m)
{
    uint64_t max = m->naive.limits.torrents_max, torrents = 0;
    for (int i = 0; i < NAIVE_TORRENTS; i++)
        torrents += m->naive.torrents[i].exists;
    return max && torrents >= max - max / 16;
}

/* Sweep all, or a slice of the shards. */
static void operate_sweep(struct model *m, bool whole)
{
    struct kit *k = m->kit;
    uint32_t all = swarm_shard_count(k->swarm), count = whole ? all : rng_below(&m->rng, all);
    uint32_t from = whole ? 0 : rng_below(&m->rng, all - count);
    bool drops_counts = limits_are_near(m);
    for (uint32_t i = 0; i < NAIVE_TORRENTS; i++) {
        struct info_hash h = kit_torrent(i);
        uint32_t shard =
            (uint32_t)(shard_of(k->swarm, swarm_hash(k->swarm, &h)) - k->swarm->shards);
        if (shard >= from && shard < from + count)
            naive_sweep(&m->naive, &m->naive.torrents[i], k->time, drops_counts);
    }
    struct sweep_report report = {0};
    swarm_sweep(k->swarm, k->time, from, count, &report);
    if (!whole) return;
    m->swept_units = k->time.now_s / m->naive.unit_s;
    for (uint32_t i = 0; i < NAIVE_TORRENTS; i++)
        check_scrape(m, i, true);
}

static void operate_time(struct model *m)
{
    struct swarm_time *t = &m->kit->time;
    uint32_t lifetime_s = t->lifetime_s;
    t->now_s += chance(m, 98) ? rng_below(&m->rng, 3) : rng_below(&m->rng, lifetime_s * 2);
    if (chance(m, 5)) t->lifetime_s = 20 + rng_below(&m->rng, 80);
    if (t->now_s / m->naive.unit_s - m->swept_units > WRAP_UNITS) operate_sweep(m, true);
}

/* ---- a snapshot: what it restores is what was there ---- */

struct saving {
    struct snapshot_writer writer;
    struct swarm *to;
    struct swarm_time time;
    struct snapshot_header header;
    struct restore_report report;
};

static void save_part(void *ctx, const struct stored_torrent *t)
{
    snapshot_put(ctx, t);
}

static void load_block(struct model *m, struct saving *v)
{
    struct view block = snapshot_block_finish(&v->writer);
    struct snapshot_reader r;
    const struct stored_torrent *t;
    snapshot_reader_init(&r, &v->header, view_from(block, SNAPSHOT_HEAD_BYTES));
    for (;;) {
        enum err err = snapshot_next(&r, &t);
        CHECK(m, err == ERR_OK, "a block is read", err, ERR_OK);
        if (!t) return;
        swarm_restore(v->to, t, v->time, &v->report);
    }
}

/* The silent, and torrents of which nothing is left, stay out. */
static void drop_silent(struct model *m, struct dumped *d)
{
    uint32_t unit_s = m->naive.unit_s, kept = 0, lifetime = m->kit->time.lifetime_s / unit_s;
    for (size_t i = 0; i < d->peer_count; i++)
        if (d->peers[i].peer.age_s / unit_s <= lifetime) d->peers[kept++] = d->peers[i];
    d->peer_count = kept;
    kept = 0;
    for (size_t i = 0; i < d->torrent_count; i++) {
        struct dumped_torrent *t = &d->torrents[i];
        t->peers = 0;
        for (size_t p = 0; p < d->peer_count; p++)
            t->peers += memcmp(&d->peers[p].info_hash, &t->info_hash, sizeof t->info_hash) == 0;
        if (t->peers || t->completed) d->torrents[kept++] = *t;
    }
    d->torrent_count = kept;
    dumped_sort(d);
}

/* Numbers agree, too, where the silent are not counted, and where no large torrent came back as a
 * small one: it counts who is on both families, the large one estimates. */
static void check_restored(struct model *m, const struct saving *v)
{
    struct dumped all = dumped_of(m->kit->swarm, m->kit->time);
    size_t before = all.peer_count;
    drop_silent(m, &all);
    bool has_silent = all.peer_count < before;
    struct dumped got = dumped_of(v->to, v->time);
    CHECK(m, got.peer_count == all.peer_count, "peers restored", got.peer_count, all.peer_count);
    CHECK(m, got.torrent_count == all.torrent_count, "torrents restored", got.torrent_count,
          all.torrent_count);
    CHECK(m, dumped_equal(&got, &all), "what was restored differs", 0, 0);
    for (uint32_t i = 0; i < NAIVE_TORRENTS && !has_silent; i++) {
        struct info_hash h = kit_torrent(i);
        struct swarm_numbers n, was = kit_scrape(m->kit, i);
        swarm_scrape(v->to, swarm_hash(v->to, &h), &h, v->time, &n);
        const struct naive_torrent *t = &m->naive.torrents[i];
        if (!t->exists || (t->is_large && t->count <= SMALL_PEERS_MAX)) continue;
        CHECK(m, memcmp(&n, &was, sizeof n) == 0, "numbers restored", n.complete, was.complete);
    }
    dumped_free(&all);
    dumped_free(&got);
}

static void operate_snapshot(struct model *m)
{
    static uint8_t buffer[SNAPSHOT_BLOCK_BYTES_MAX];
    struct swarm_opts opts = m->naive.limits;
    struct swarm_traits traits;
    struct swarm_dump_at at = {0};
    struct saving v = {.time = m->kit->time};
    opts.peers_max = opts.torrents_max = opts.torrent_peers_max = opts.ip_peers_max = 0;
    swarm_traits(m->kit->swarm, &traits);
    v.header = (struct snapshot_header){.age_unit_s = traits.age_unit_s,
                                        .has_peer_ids = traits.store_peer_ids};
    v.time.now_s = m->kit->time.now_s + traits.age_unit_s * rng_below(&m->rng, 5000);
    if (swarm_new(&v.to, &opts) != ERR_OK) abort();
    snapshot_writer_init(&v.writer, &v.header, buffer);
    for (bool more = true; more;) {
        more = swarm_dump(m->kit->swarm, m->kit->time, &at, save_part, &v.writer);
        if (snapshot_block_is_full(&v.writer) || !more || chance(m, 2)) load_block(m, &v);
    }
    check_restored(m, &v);
    swarm_free(v.to);
}

static void operate(struct model *m)
{
    uint32_t dice = rng_below(&m->rng, 1000);
    if (dice < 960) operate_announce(m);
    else if (dice < 985) operate_time(m);
    else if (dice < 990) check_scrape(m, rng_below(&m->rng, NAIVE_TORRENTS), false);
    else if (dice < 994) operate_sweep(m, false);
    else if (dice < 998) operate_sweep(m, true);
    else if (dice < 999) operate_snapshot(m);
    else {
        limits_init(m);
        swarm_limits_set(m->kit->swarm, &m->naive.limits);
    }
    check_counts(m);
}

/* Everybody falls silent: nothing may be left. */
static void run_out(struct model *m)
{
    for (int i = 0; i < 3; i++) {
        m->kit->time.now_s += 400;
        operate_sweep(m, true);
        check_counts(m);
    }
    struct swarm_counts n = kit_counts(m->kit);
    CHECK(m, n.torrents == 0, "torrents at the end", n.torrents, 0);
    CHECK(m, n.memory_bytes == 0, "bytes at the end", n.memory_bytes, 0);
}

static uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
    return argc > i ? strtoull(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static struct model m;
    uint64_t first = argument(argc, argv, 1, 1), seeds = argument(argc, argv, 2, 20);
    uint64_t operations = argument(argc, argv, 3, 5000);
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        model_open(&m, seed);
        for (m.operation = 1; m.operation <= operations; m.operation++)
            operate(&m);
        run_out(&m);
        kit_close(m.kit);
    }
    return 0;
}
