/* base_token_sketch.c - a bucket gives its burst, then its rate; buckets of others stay full;
 * limits may change. */
#include "unit.h"

#include "base/hash.h"
#include "base/token_sketch.h"

#define START_US 7000000
#define S_US     UINT64_C(1000000)

static struct token_sketch *sketch;

static int setup(void **state)
{
    (void)state;
    token_sketch_free(sketch);
    return token_sketch_new(&sketch) == ERR_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    token_sketch_free(sketch);
    sketch = NULL;
    return 0;
}

static bool take(uint64_t who, struct token_rule rule, uint64_t now)
{
    static const struct hash_key KEY = {.bytes = {1}};
    struct token_look look;
    if (!token_look(sketch, hash64(&KEY, &who, sizeof who), rule, 1, now, &look)) return false;
    token_take(&look, now);
    return true;
}

static unsigned take_many(uint64_t who, struct token_rule rule, uint64_t now, unsigned tries)
{
    unsigned taken = 0;
    while (tries--)
        taken += take(who, rule, now);
    return taken;
}

static void a_full_bucket_gives_its_burst(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(20, 5);
    assert_int_equal(take_many(1, rule, START_US, 1000), 100);
}

static void then_it_gives_its_rate_however_often_it_is_asked(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(20, 1);
    unsigned taken = 0;
    take_many(1, rule, START_US, 1000);
    for (uint32_t ms = 1; ms <= 10000; ms++)
        taken += take_many(1, rule, START_US + ms * UINT64_C(1000), 3);
    assert_in_range(taken, 195, 200);
}

static void a_quiet_time_fills_it_but_no_more_than_full(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(10, 2);
    take_many(1, rule, START_US, 1000);
    assert_int_equal(take_many(1, rule, START_US + 3600 * S_US, 1000), 20);
}

static void slow_rates_have_one_token_at_least(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(0.1, 1);
    assert_int_equal(take_many(1, rule, START_US, 10), 1);
    assert_int_equal(take_many(1, rule, START_US + 9 * S_US, 10), 0);
    assert_int_equal(take_many(1, rule, START_US + 10 * S_US, 10), 1);
}

static void no_rate_is_no_limit(void **state)
{
    (void)state;
    assert_int_equal(take_many(1, token_rule_of(0, 10), START_US, 100000), 100000);
}

static void a_smaller_limit_holds_at_once(void **state)
{
    (void)state;
    take_many(1, token_rule_of(100, 10), START_US, 500);
    assert_in_range(take_many(1, token_rule_of(1, 10), START_US, 100), 0, 10);
}

/* The 50 that spend all they have are the issue's; of 20 000 keys one may share both cells. */
static void others_have_their_tokens(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(10, 10);
    unsigned refused = 0;
    for (uint64_t abuser = 0; abuser < 50; abuser++)
        take_many(abuser, rule, START_US, 1000);
    for (uint64_t honest = 1000; honest < 21000; honest++)
        refused += !take(honest, rule, START_US);
    assert_in_range(refused, 0, 5);
}

static void a_busy_trackers_crowd_is_not_refused(void **state)
{
    (void)state;
    struct token_rule rule = token_rule_of(200, 10);
    unsigned refused = 0;
    for (uint32_t i = 0; i < 2000000; i++) /* 200 000 a second, each of another address */
        refused += !take(1000 + i, rule, START_US + i * S_US / 200000);
    assert_int_equal(refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_full_bucket_gives_its_burst, setup),
        cmocka_unit_test_setup(then_it_gives_its_rate_however_often_it_is_asked, setup),
        cmocka_unit_test_setup(a_quiet_time_fills_it_but_no_more_than_full, setup),
        cmocka_unit_test_setup(slow_rates_have_one_token_at_least, setup),
        cmocka_unit_test_setup(no_rate_is_no_limit, setup),
        cmocka_unit_test_setup(a_smaller_limit_holds_at_once, setup),
        cmocka_unit_test_setup(others_have_their_tokens, setup),
        cmocka_unit_test_setup_teardown(a_busy_trackers_crowd_is_not_refused, setup, teardown),
    };
    return cmocka_run_group_tests_name("base_token_sketch", tests, NULL, NULL);
}
