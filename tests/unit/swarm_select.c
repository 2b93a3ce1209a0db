/* swarm_select.c - every eligible peer is as likely to be handed out as any other, in any place.
 *
 * Test       chi-square over how often each of `eligible` peers came in `draws` answers of `want`.
 *            An answer draws without replacement, so that a peer's count has the variance of
 *            draws x q x (1 - q) with q = want / eligible: divided by (1 - q), and by the slight
 *            dependence of the last degree of freedom, the sum is chi-square with eligible - 1.
 * Threshold  p = 1e-6 by Wilson and Hilferty's normal approximation of chi-square (z = 4.753). Seeds
 *            are fixed: a failure is never bad luck twice. */
#include "unit.h"

#include "../store_kit.h"
#include "swarm/store.h"

#include <math.h>

#define LEECHING 1000u
#define PORTS    16384u
#define ASKER_ID 70000u

static struct kit *k;
static uint32_t seen[FAMILY_COUNT][PORTS]; /* by port: every peer here has one of its own */

static int open_store(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    k = kit_open(&opts, 1);
    memset(seen, 0, sizeof seen);
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    kit_close(k);
    return 0;
}

/* ---- swarms ---- */

/* Peers of ports from..to-1; `hosts` of them share one address. The numbers in the tests are chosen
 * so that no two peers of an address have the same 16-bit tag: they would be one that moved. */
static void join(enum family f, uint32_t from, uint32_t to, uint32_t hosts, uint64_t left)
{
    uint16_t want_total = k->want_total;
    k->want_total = 0;
    for (uint32_t i = from; i < to; i++) {
        struct announce a = kit_peer(f, i / hosts, (uint16_t)i, i, left, EVENT_STARTED);
        assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
    }
    k->want_total = want_total;
}

static void leave(enum family f, uint32_t from, uint32_t to, uint64_t left)
{
    for (uint32_t i = from; i < to; i++) {
        struct announce a = kit_peer(f, i, (uint16_t)i, i, left, EVENT_STOPPED);
        assert_int_equal(kit_announce(k, &a), SWARM_REMOVED);
    }
}

static void ask(enum family f, uint64_t left)
{
    struct announce a = kit_peer(f, 9999999, 9999, ASKER_ID, left, EVENT_NONE);
    kit_announce(k, &a);
}

/* ---- statistics ---- */

/* The value that chance passes once in a million times: upwards for z > 0, downwards for z < 0. */
#define MILLIONTH 4.753

static double chi_square_limit(double freedom, double z)
{
    double by = 2 / (9 * freedom), root = 1 - by + z * sqrt(by);
    return freedom * root * root * root;
}

static void count_listed(enum family f, unsigned expected)
{
    assert_int_equal(k->out.peers.count[f], expected);
    for (unsigned i = 0; i < expected; i++)
        seen[f][load_u16be(kit_listed(k, f, i) + ADDRESS_BYTES(f))]++;
}

/* Ports from..to-1 must have come equally often, all others never. */
static void assert_uniform(enum family f, uint32_t from, uint32_t to, unsigned draws, unsigned want)
{
    double eligible = to - from, q = want / eligible, mean = draws * q, chi = 0;
    for (uint32_t i = 0; i < PORTS; i++) {
        if (i >= from && i < to) chi += (seen[f][i] - mean) * (seen[f][i] - mean) / mean;
        else assert_int_equal(seen[f][i], 0);
    }
    chi = chi / (1 - q) * (eligible - 1) / eligible;
    double limit = chi_square_limit(eligible - 1, MILLIONTH);
    if (chi > limit) fail_msg("chi-square is %.0f, at most %.0f is chance", chi, limit);
    assert_true(chi >
                chi_square_limit(eligible - 1, -MILLIONTH)); /* nor a wheel that turns: too even */
}

/* Ask for `want` of one family again and again. */
static void assert_asker_gets(enum family f, uint64_t left, uint32_t from, uint32_t to,
                              unsigned want)
{
    unsigned draws = (to - from) * 60 / want;
    if (draws < 2000) draws = 2000;
    k->want[FAMILY_V4] = k->want[FAMILY_V6] = 0;
    k->want[f] = k->want_total = (uint16_t)want;
    for (unsigned i = 0; i < draws; i++) {
        ask(f, left);
        count_listed(f, want);
    }
    assert_uniform(f, from, to, draws, want);
}

/* ---- tests ---- */

static void a_small_swarm_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 31, 1, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 31, 10);
}

static void a_large_swarm_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 1001, 1, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 1001, 50);
}

static void a_large_ipv6_swarm_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V6, 1, 1001, 1, LEECHING);
    assert_asker_gets(FAMILY_V6, LEECHING, 1, 1001, 50);
}

static void a_leecher_gets_seeders_and_leechers_alike(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 151, 1, LEECHING);
    join(FAMILY_V4, 151, 1201, 1, 0);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 1201, 40);
}

static void a_seeder_gets_leechers_alike(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 301, 1, LEECHING);
    join(FAMILY_V4, 301, 1201, 1, 0);
    assert_asker_gets(FAMILY_V4, 0, 1, 301, 20);
}

/* More than half of all are wanted: they are listed, not drawn. */
static void most_of_a_swarm_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 101, 1, LEECHING);
    join(FAMILY_V4, 101, 151, 1, 0);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 151, 100);
}

/* Nearly half: the draws meet many they had before. */
static void nearly_half_of_a_swarm_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 212, 1, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 212, 100);
}

static void both_families_are_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 401, 1, LEECHING);
    join(FAMILY_V6, 401, 701, 1, 0);
    const unsigned draws = 2000;
    k->want[FAMILY_V4] = 20, k->want[FAMILY_V6] = 100, k->want_total = 50;
    for (unsigned i = 0; i < draws; i++) {
        ask(FAMILY_V4, LEECHING);
        count_listed(FAMILY_V4, 20);
        count_listed(FAMILY_V6, 30);
    }
    assert_uniform(FAMILY_V4, 1, 401, draws, 20);
    assert_uniform(FAMILY_V6, 401, 701, draws, 30);
}

/* One host with 400 peers, most of them in the buckets of their endpoints, among 600 hosts. */
static void a_crowded_address_is_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1000, 1400, 10000, LEECHING); /* all are host 0 */
    join(FAMILY_V4, 1400, 2000, 1, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1000, 2000, 50);
}

static void many_crowded_addresses_are_fair(void **state)
{
    (void)state;
    join(FAMILY_V6, 2800, 4200, 70, 0); /* 20 networks of 70 */
    assert_asker_gets(FAMILY_V6, LEECHING, 2800, 4200, 50);
}

static void growth_and_decline_keep_it_fair(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 4001, 1, LEECHING);
    leave(FAMILY_V4, 701, 4001, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 701, 30);
    memset(seen, 0, sizeof seen);
    kit_sweep(k); /* now the longest bucket is known anew */
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 701, 30);
    memset(seen, 0, sizeof seen);
    join(FAMILY_V4, 701, 1401, 1, LEECHING);
    assert_asker_gets(FAMILY_V4, LEECHING, 1, 1401, 30);
}

static void the_order_within_an_answer_is_random(enum family f, uint32_t peers, unsigned want)
{
    static uint32_t places[100][PORTS];
    memset(places, 0, sizeof places);
    unsigned draws = 40000;
    k->want[FAMILY_V4] = k->want[FAMILY_V6] = 0;
    k->want[f] = k->want_total = (uint16_t)want;
    for (unsigned i = 0; i < draws; i++) {
        ask(f, LEECHING);
        assert_int_equal(k->out.peers.count[f], want);
        for (unsigned n = 0; n < want; n++)
            places[n][load_u16be(kit_listed(k, f, n) + ADDRESS_BYTES(f))]++;
    }
    for (unsigned n = 0; n < want; n += want / 2 ? want / 2 : 1) { /* first, middle, last */
        memcpy(seen[f], places[n], sizeof seen[f]);
        assert_uniform(f, 1, peers + 1, draws, 1);
    }
}

static void the_order_is_random_in_a_small_swarm(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 21, 1, LEECHING);
    the_order_within_an_answer_is_random(FAMILY_V4, 20, 20);
}

static void the_order_is_random_when_listed(void **state)
{
    (void)state;
    join(FAMILY_V4, 1, 51, 1, LEECHING);
    the_order_within_an_answer_is_random(FAMILY_V4, 50, 41);
}

static void the_order_is_random_when_drawn(void **state)
{
    (void)state;
    join(FAMILY_V6, 1, 201, 1, LEECHING);
    the_order_within_an_answer_is_random(FAMILY_V6, 200, 21);
}

#define IN_STORE(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_STORE(a_small_swarm_is_fair),
        IN_STORE(a_large_swarm_is_fair),
        IN_STORE(a_large_ipv6_swarm_is_fair),
        IN_STORE(a_leecher_gets_seeders_and_leechers_alike),
        IN_STORE(a_seeder_gets_leechers_alike),
        IN_STORE(most_of_a_swarm_is_fair),
        IN_STORE(nearly_half_of_a_swarm_is_fair),
        IN_STORE(both_families_are_fair),
        IN_STORE(a_crowded_address_is_fair),
        IN_STORE(many_crowded_addresses_are_fair),
        IN_STORE(growth_and_decline_keep_it_fair),
        IN_STORE(the_order_is_random_in_a_small_swarm),
        IN_STORE(the_order_is_random_when_listed),
        IN_STORE(the_order_is_random_when_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
