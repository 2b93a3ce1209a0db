/* swarm_top.c - the largest swarms: sorted, bounded, each once; found by the sweep, small and large. */
#include "unit.h"

#include "../store_kit.h"

#define LEECHING 1000u

static struct swarm_top top(bool by_seeders)
{
    return (struct swarm_top){.by_seeders = by_seeders};
}

static void add(struct swarm_top *t, uint32_t torrent, uint32_t seeders, uint32_t leechers)
{
    struct info_hash h = kit_torrent(torrent);
    struct swarm_numbers n = {.complete = seeders, .incomplete = leechers};
    swarm_top_add(t, &h, &n);
}

static bool is_torrent(const struct swarm_top *t, uint32_t i, uint32_t torrent)
{
    struct info_hash h = kit_torrent(torrent);
    return memcmp(&t->rows[i].info_hash, &h, sizeof h) == 0;
}

static void the_largest_come_first_and_others_fall_out(void **state)
{
    (void)state;
    struct swarm_top peers = top(false), seeders = top(true);
    for (uint32_t i = 1; i <= 100; i++) {
        uint32_t size = i * 37 % 101;            /* 1..100, each once */
        add(&peers, size, 100 - size, 2 * size); /* 100 + size peers */
        add(&seeders, size, 100 - size, size);
    }
    assert_int_equal(peers.count, SWARM_TOP_MAX);
    for (uint32_t i = 0; i < SWARM_TOP_MAX; i++) {
        assert_true(is_torrent(&peers, i, 100 - i));
        assert_true(is_torrent(&seeders, i, 1 + i));
    }
}

static void a_torrent_stands_once_and_an_empty_one_nowhere(void **state)
{
    (void)state;
    struct swarm_top t = top(false), s = top(true);
    add(&t, 1, 5, 5);
    add(&t, 2, 7, 0);
    add(&t, 1, 1, 2);
    add(&t, 3, 0, 0);
    assert_int_equal(t.count, 2);
    assert_true(is_torrent(&t, 0, 2) && is_torrent(&t, 1, 1));
    add(&s, 1, 0, 9);
    assert_int_equal(s.count, 0);
}

static void the_sweep_finds_them(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    struct kit *k = kit_open(&opts, 1);
    struct swarm_top by[2] = {top(false), top(true)};
    for (uint32_t torrent = 1; torrent <= 30; torrent++)
        for (uint32_t i = 0; i < torrent * 3; i++) { /* from 11 on a table */
            uint64_t left = i % 3 && torrent != 30 ? LEECHING : 0;
            struct announce a = kit_peer(FAMILY_V4, i, 6881, i, left, EVENT_STARTED);
            a.info_hash = kit_torrent(torrent);
            kit_announce(k, &a);
        }
    struct sweep_report report = {.top = {&by[0], &by[1]}};
    swarm_sweep(k->swarm, k->time, 0, swarm_shard_count(k->swarm), &report);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(by[i].count, SWARM_TOP_MAX);
        for (uint32_t n = 0; n < SWARM_TOP_MAX; n++)
            assert_true(is_torrent(&by[i], n, 30 - n));
    }
    assert_int_equal(by[0].rows[1].numbers.complete, 29);
    assert_int_equal(by[0].rows[1].numbers.incomplete, 58);
    kit_close(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_come_first_and_others_fall_out),
        cmocka_unit_test(a_torrent_stands_once_and_an_empty_one_nowhere),
        cmocka_unit_test(the_sweep_finds_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
