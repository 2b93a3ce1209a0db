/* bench_world.c - peers and torrents of the load generator: every torrent exists, endpoints differ,
 * churn keeps the sizes, it is known who belongs where. */
#include "unit.h"

#include "bench/plan.h"

static struct world world_of(uint64_t torrents, uint64_t peers, double zipf_s)
{
    struct world w;
    struct world_opts o = {.torrents = torrents,
                           .peers = peers,
                           .zipf_s = zipf_s,
                           .seeders_pct = 30,
                           .sources = 16,
                           .family = FAMILY_V4,
                           .seed = 3};
    assert_true(world_init(&w, &o));
    return w;
}

static void every_torrent_has_a_peer(void **state)
{
    (void)state;
    static const double EXPONENTS[] = {0, 1};
    for (int i = 0; i < 2; i++) {
        uint8_t seen[100] = {0};
        struct world w = world_of(100, 1000, EXPONENTS[i]);
        for (uint64_t k = 0; k < 1000; k++) {
            struct world_peer p = world_peer(&w, k), successor = world_peer(&w, k + 1000);
            assert_true(p.torrent < 100 && p.source < 16 && p.port >= 1024);
            assert_int_equal(p.torrent, successor.torrent);
            seen[p.torrent] = 1;
        }
        assert_null(memchr(seen, 0, sizeof seen));
        world_fini(&w);
    }
}

static void endpoints_differ(void **state)
{
    (void)state;
    struct world w = world_of(1, 5000, 0);
    static uint8_t seen[16][65536];
    for (uint64_t k = 0; k < 10000; k++) {
        struct world_peer p = world_peer(&w, k);
        assert_false(seen[p.source][p.port]++);
    }
}

static void picks_are_live_and_from_the_source(void **state)
{
    (void)state;
    struct world w = world_of(10, 100, 0);
    struct rng rng;
    rng_init(&rng, 1);
    w.first = 1000;
    for (int i = 0; i < 1000; i++) {
        uint64_t k = world_pick(&w, &rng, -1);
        assert_true(k >= 1000 && k < 1100);
        k = world_pick(&w, &rng, 5);
        assert_int_equal(world_peer(&w, k).source, 5);
    }
}

static void churn_moves_the_window(void **state)
{
    (void)state;
    struct world w = world_of(10, 100, 0);
    struct plan p;
    struct mix mix = {.weight = {[ASK_CHURN] = 1}};
    assert_true(plan_init(&p, &w, &mix, 8, 1));
    plan_start(&p, PHASE_LOAD);
    for (uint64_t i = 0; i < 50; i++) {
        struct request stop, start;
        assert_true(plan_next(&p, -1, &stop) && plan_next(&p, -1, &start));
        assert_int_equal(stop.kind, ASK_STOPPED);
        assert_int_equal(stop.item, i);
        assert_int_equal(start.kind, ASK_STARTED);
        assert_int_equal(start.item, i + 100);
    }
    plan_fini(&p);
}

static void endpoints_belong_to_their_torrent(void **state)
{
    (void)state;
    struct world w = world_of(50, 500, 1);
    for (uint64_t k = 0; k < 500; k++) {
        struct world_peer p = world_peer(&w, k);
        struct address a = world_source(&w, p.source);
        assert_true(world_has(&w, p.torrent, FAMILY_V4, a.ip, p.port, false));
        assert_false(world_has(&w, p.torrent, FAMILY_V6, a.ip, p.port, false));
        assert_false(world_has(&w, (p.torrent + 1) % 50, FAMILY_V4, a.ip, p.port, false));
        assert_false(world_has(&w, p.torrent, FAMILY_V4, a.ip, 80, false));
        a.ip[0] = 10;
        assert_false(world_has(&w, p.torrent, FAMILY_V4, a.ip, p.port, false));
    }
    struct world_peer successor = world_peer(&w, 7 + 500);
    struct address a = world_source(&w, successor.source);
    assert_true(world_has(&w, successor.torrent, FAMILY_V4, a.ip, successor.port, false));
    world_fini(&w);
}

static void addresses_between_the_sources_belong_to_nobody(void **state)
{
    (void)state;
    struct world w = world_of(1, 100, 0);
    w.opts.source_gap = 3;
    w.opts.source_first = 5;
    uint16_t port = world_peer(&w, 2).port;
    struct address a = world_source(&w, 2);
    assert_true(world_has(&w, 0, FAMILY_V4, a.ip, port, false));
    a.ip[3]++;
    assert_false(world_has(&w, 0, FAMILY_V4, a.ip, port, false));
    assert_true(world_has(&w, 0, FAMILY_V4, a.ip, port, true));
    a = world_source(&w, 16);
    assert_false(world_has(&w, 0, FAMILY_V4, a.ip, port, false));
    world_fini(&w);
}

static void sizes_are_counted(void **state)
{
    (void)state;
    struct world w = world_of(20, 1000, 1);
    uint32_t peers[20] = {0}, seeders[20] = {0};
    assert_true(world_count(&w));
    for (uint64_t k = 0; k < 1000; k++) {
        struct world_peer p = world_peer(&w, k);
        peers[p.torrent]++;
        seeders[p.torrent] += p.is_seeder;
    }
    for (int i = 0; i < 20; i++) {
        assert_int_equal(w.sizes[i].peers, peers[i]);
        assert_int_equal(w.sizes[i].seeders, seeders[i]);
    }
    world_fini(&w);
}

static void scrapes_stay_the_same_through_churn(void **state)
{
    (void)state;
    struct world w = world_of(10, 100, 0);
    struct plan p;
    struct mix mix = {.weight = {[ASK_SCRAPE] = 1}};
    struct request r;
    uint64_t torrents[20];
    assert_true(plan_init(&p, &w, &mix, 8, 1));
    plan_start(&p, PHASE_LOAD);
    assert_true(plan_next(&p, -1, &r));
    for (uint32_t i = 0; i < 20; i++)
        torrents[i] = plan_scrape_torrent(&p, &r, i);
    w.first += 33;
    for (uint32_t i = 0; i < 20; i++)
        assert_int_equal(plan_scrape_torrent(&p, &r, i), torrents[i]);
    plan_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_torrent_has_a_peer),
        cmocka_unit_test(endpoints_differ),
        cmocka_unit_test(picks_are_live_and_from_the_source),
        cmocka_unit_test(churn_moves_the_window),
        cmocka_unit_test(endpoints_belong_to_their_torrent),
        cmocka_unit_test(addresses_between_the_sources_belong_to_nobody),
        cmocka_unit_test(sizes_are_counted),
        cmocka_unit_test(scrapes_stay_the_same_through_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
