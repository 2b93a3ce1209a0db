/* tracker_rate.c - budgets are apart, addresses and prefixes have theirs, the exempt none. */
#include "unit.h"

#include "base/metrics.h"
#include "tracker/overload.h"
#include "tracker/rate.h"

#include <stdio.h>

#define NOW_US 1000000000u

static struct rate *rate;
static struct rate_opts opts;

static int setup(void **state)
{
    (void)state;
    rate_free(rate);
    opts = (struct rate_opts){.burst_s = 1, .prefix_times = 4};
    for (int b = 0; b < RATE_BUDGETS; b++)
        opts.per_s[b] = 10;
    rate_opts_resolve(&opts);
    return rate_new(&rate) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    rate_free(rate);
    rate = NULL;
    return 0;
}

static struct address of(const char *text)
{
    struct address a;
    enum err err = address_parse(view_of_text(text), &a);
    assert_int_equal(err, ERR_OK);
    return a;
}

static unsigned take_many(enum rate_budget budget, const char *client, unsigned tries)
{
    struct address a = of(client);
    unsigned taken = 0;
    while (tries--)
        taken += rate_take(rate, &opts, budget, 1, &a, NOW_US);
    return taken;
}

static void each_budget_is_its_own(void **state)
{
    (void)state;
    for (int b = 0; b < RATE_BUDGETS; b++)
        assert_int_equal(take_many((enum rate_budget)b, "192.0.2.1", 20), 10);
}

static void a_prefix_has_a_limit_too(void **state)
{
    (void)state;
    unsigned taken = 0;
    char text[ADDRESS_TEXT_BYTES_MAX];
    for (int i = 1; i < 200; i++) {
        snprintf(text, sizeof text, "192.0.2.%d", i);
        taken += take_many(RATE_ANNOUNCE, text, 2);
    }
    assert_int_equal(taken, 40);
    assert_int_equal(take_many(RATE_ANNOUNCE, "192.0.3.1", 20), 10);
}

static void an_ipv6_address_is_its_64_and_its_prefix_the_56(void **state)
{
    (void)state;
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8::1", 20), 10);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8::ffff:2", 20), 0);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8:0:1::1", 20), 10);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8:0:ff::1", 20), 10);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8:0:fe::1", 20), 10);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8:0:fd::1", 20), 0);
    assert_int_equal(take_many(RATE_ANNOUNCE, "2001:db8:0:100::1", 20), 10);
}

static void the_exempt_are_never_refused_and_not_counted(void **state)
{
    (void)state;
    struct prefix exempt[2];
    assert_int_equal(prefix_parse(VIEW("127.0.0.0/8"), &exempt[0]), ERR_OK);
    assert_int_equal(prefix_parse(VIEW("::1"), &exempt[1]), ERR_OK);
    opts.exempt = exempt;
    opts.exempt_count = 2;
    uint64_t before = metrics_sum(METRIC_RATE_ANNOUNCE);
    assert_int_equal(take_many(RATE_ANNOUNCE, "127.0.0.1", 1000), 1000);
    assert_int_equal(take_many(RATE_ANNOUNCE, "::1", 1000), 1000);
    assert_int_equal(metrics_sum(METRIC_RATE_ANNOUNCE), before);
}

static void refusals_are_counted_and_noted(void **state)
{
    (void)state;
    struct talker noted[100];
    uint64_t before = metrics_sum(METRIC_RATE_SCRAPE);
    take_many(RATE_SCRAPE, "198.51.100.7", 25);
    assert_int_equal(metrics_sum(METRIC_RATE_SCRAPE), before + 15);
    unsigned count = metrics_limited(NOW_US / 1000000, noted, 100);
    struct talker_key key = talker_key_of((const uint8_t *)"\xc6\x33\x64\x07", false);
    uint64_t samples = 0;
    for (unsigned i = 0; i < count; i++)
        if (memcmp(&noted[i].key, &key, sizeof key) == 0) samples = noted[i].samples;
    assert_int_equal(samples, 15);
}

static void only_large_budgets_are_shared(void **state)
{
    (void)state;
    opts.burst_s = 10;
    opts.per_s[RATE_ANNOUNCE] = RATE_SHARE_TOKENS_MIN / 10.0;
    opts.per_s[RATE_SCRAPE] = 0;
    rate_opts_resolve(&opts);
    assert_true(opts.shares[RATE_ANNOUNCE]);
    assert_false(opts.shares[RATE_CONNECT] || opts.shares[RATE_SCRAPE]);
}

/* Other budgets lie in the same cells; so does what was taken before a reload lifted the limit. */
static void no_limit_is_none_whatever_was_taken(void **state)
{
    (void)state;
    assert_int_equal(take_many(RATE_SCRAPE, "192.0.2.1", 20), 10);
    opts.per_s[RATE_SCRAPE] = 0;
    rate_opts_resolve(&opts);
    assert_int_equal(take_many(RATE_SCRAPE, "192.0.2.1", 20), 20);
    opts.per_s[RATE_SCRAPE] = 10;
    opts.prefix_times = 0;
    rate_opts_resolve(&opts);
    assert_int_equal(take_many(RATE_SCRAPE, "192.0.2.2", 20), 10);
}

static void zeros_are_no_limits(void **state)
{
    (void)state;
    opts.per_s[RATE_CONNECT] = 0;
    opts.prefix_times = 0;
    rate_opts_resolve(&opts);
    assert_int_equal(take_many(RATE_CONNECT, "192.0.2.1", 1000), 1000);
    unsigned taken = 0;
    char text[ADDRESS_TEXT_BYTES_MAX];
    for (int i = 1; i < 200; i++) {
        snprintf(text, sizeof text, "192.0.2.%d", i);
        taken += take_many(RATE_ANNOUNCE, text, 2);
    }
    assert_int_equal(taken, 2 * 199);
}

static void overload_goes_up_by_the_second_and_down_slowly(void **state)
{
    (void)state;
    struct overload o = {0};
    assert_false(overload_turn(&o, false));
    assert_true(overload_turn(&o, true));
    assert_true(overload_sheds(&o, SHED_EXTRAS) && !overload_sheds(&o, SHED_SCRAPES));
    assert_true(overload_turn(&o, true));
    assert_true(overload_sheds(&o, SHED_SCRAPES));
    assert_false(overload_turn(&o, true));
    for (int level = SHED_SCRAPES; level > SHED_NOTHING; level--) {
        for (int s = 1; s < OVERLOAD_CALM_S; s++)
            assert_false(overload_turn(&o, false));
        assert_true(overload_turn(&o, false));
        assert_int_equal(atomic_load(&o.level), level - 1);
    }
}

static void a_lost_datagram_among_many_is_no_overload(void **state)
{
    (void)state;
    assert_false(overload_is(0, 0));
    assert_false(overload_is(1, 99));
    assert_false(overload_is(1000, 100000));
    assert_true(overload_is(1, 0));
    assert_true(overload_is(2, 99));
    assert_true(overload_is(5000, 100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_datagram_among_many_is_no_overload),
        cmocka_unit_test_setup(each_budget_is_its_own, setup),
        cmocka_unit_test_setup(a_prefix_has_a_limit_too, setup),
        cmocka_unit_test_setup(an_ipv6_address_is_its_64_and_its_prefix_the_56, setup),
        cmocka_unit_test_setup(the_exempt_are_never_refused_and_not_counted, setup),
        cmocka_unit_test_setup(refusals_are_counted_and_noted, setup),
        cmocka_unit_test_setup(only_large_budgets_are_shared, setup),
        cmocka_unit_test_setup_teardown(zeros_are_no_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(no_limit_is_none_whatever_was_taken, setup, teardown),
        cmocka_unit_test(overload_goes_up_by_the_second_and_down_slowly),
    };
    metrics_thread_init();
    return cmocka_run_group_tests_name("tracker_rate", tests, NULL, NULL);
}
