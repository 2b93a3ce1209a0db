/* swarm_memory.c - a store whose memory is spent: it answers, keeps who is there, and recovers. */
#include "unit.h"

#include "../store_kit.h"

#define LEECHING 1000u

static struct kit *k;

static int open_store(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    opts.memory_bytes_max = 1u << 20; /* 31 pages */
    k = kit_open(&opts, 1);
    k->want[FAMILY_V4] = k->want[FAMILY_V6] = k->want_total = 50;
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    kit_close(k);
    return 0;
}

static enum swarm_verdict announce(uint32_t torrent, uint32_t host, uint64_t left, enum event event)
{
    struct announce a = kit_peer(host % 2 ? FAMILY_V4 : FAMILY_V6, host, 6881, host, left, event);
    a.info_hash = kit_torrent(torrent);
    return kit_announce(k, &a);
}

static uint64_t stored(void)
{
    struct swarm_counts n = kit_counts(k);
    return n.peers[FAMILY_V4] + n.peers[FAMILY_V6];
}

static void assert_recovers(void)
{
    for (int i = 0; i < 3; i++) {
        k->time.now_s += 2000;
        kit_sweep(k);
    }
    struct swarm_counts n = kit_counts(k);
    assert_int_equal(n.torrents, 0);
    assert_int_equal(stored(), 0);
    assert_int_equal(n.seeders[FAMILY_V4] + n.seeders[FAMILY_V6], 0);
    assert_int_equal(n.memory_bytes, 0);
    assert_int_equal(announce(1, 1, LEECHING, EVENT_STARTED), SWARM_ADDED);
}

static void torrents_fill_it_and_leave_again(void **state)
{
    (void)state;
    uint32_t torrents = 0;
    while (announce(torrents, 1, LEECHING, EVENT_STARTED) == SWARM_ADDED)
        torrents++;
    assert_int_equal(k->out.verdict, SWARM_FULL_MEMORY);
    assert_int_equal(kit_counts(k).torrents, torrents);
    for (uint32_t t = 0; t < torrents; t++) {
        assert_int_equal(announce(t, 1, 0, EVENT_COMPLETED), SWARM_REFRESHED);
        assert_int_equal(k->out.numbers.downloaded, 1);
    }
    for (uint32_t t = 0; t < torrents; t += 2)
        assert_int_equal(announce(t, 1, 0, EVENT_STOPPED), SWARM_REMOVED);
    assert_recovers();
}

static void one_swarm_fills_it_and_leaves_again(void **state)
{
    (void)state;
    uint32_t hosts = 0, refused = 0;
    for (; refused < 100 && hosts < 100000; hosts++)
        refused += announce(1, hosts, LEECHING, EVENT_STARTED) == SWARM_FULL_MEMORY;
    assert_int_equal(refused, 100);
    assert_int_equal(stored(), hosts - 100);
    assert_int_not_equal(k->out.peers.count[FAMILY_V4] + k->out.peers.count[FAMILY_V6], 0);
    k->time.now_s += 60;
    for (uint32_t h = 0; h < 1000; h++) /* known peers live on */
        assert_int_equal(announce(1, h, LEECHING, EVENT_NONE), SWARM_REFRESHED);
    k->time.now_s += 60;
    uint64_t removed = kit_sweep(k).peers_removed;
    assert_int_equal(removed, hosts - 100 - 1000);
    assert_recovers();
}

/* A swarm of 32 that finds no room to become large keeps its 32. */
static void a_small_swarm_without_room_keeps_its_peers(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 32; h++)
        assert_int_equal(announce(0, h, LEECHING, EVENT_STARTED), SWARM_ADDED);
    for (uint32_t t = 1; t < 12000; t++) /* spend what is left in every class */
        for (uint32_t n = 0; n <= t % 8; n++)
            announce(t, 100 + n, LEECHING, EVENT_STARTED);
    assert_int_equal(k->out.verdict, SWARM_FULL_MEMORY);
    for (uint32_t h = 0; h < 32; h++)
        assert_int_equal(announce(0, h, LEECHING, EVENT_NONE), SWARM_REFRESHED);
    assert_int_equal(k->out.numbers.incomplete, 32);
    assert_recovers();
}

/* Anything goes, for long, at the edge; whoever is stored is counted. */
static void counts_stay_right_at_the_edge(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 3);
    int64_t peers = 0;
    bool was_full = false;
    for (uint32_t i = 0; i < 60000; i++) {
        uint32_t torrent = rng_below(&rng, 2) ? rng_below(&rng, 3) : 3 + rng_below(&rng, 3000);
        uint32_t host = rng_below(&rng, torrent < 3 ? 20000 : 40), dice = rng_below(&rng, 100);
        uint64_t before = stored();
        bool is_draining = i / 10000 % 2;
        enum event event = dice < (is_draining ? 70 : 10) ? EVENT_STOPPED : EVENT_NONE;
        enum swarm_verdict v = announce(torrent, host, dice % 3 ? LEECHING : 0, event);
        was_full |= v == SWARM_FULL_MEMORY;
        peers += (v == SWARM_ADDED) - (v == SWARM_REMOVED);
        if (event == EVENT_STOPPED) assert_true(v == SWARM_REMOVED || v == SWARM_UNKNOWN);
        assert_int_equal(stored() - before, (v == SWARM_ADDED) - (v == SWARM_REMOVED));
        if (i % 5000 == 0) kit_sweep(k);
    }
    assert_true(was_full);
    assert_int_equal(stored(), peers);
    assert_recovers();
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(torrents_fill_it_and_leave_again),
        IN_STORE(one_swarm_fills_it_and_leaves_again),
        IN_STORE(a_small_swarm_without_room_keeps_its_peers),
        IN_STORE(counts_stay_right_at_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
