/* tracker_interval.c - etracker's rule, step by step, with hand-made loads. */
#include "unit.h"

#include "tracker/interval.h"

static const struct interval_opts OPTS = {
    .start_s = 600, .min_s = 300, .max_s = 1799, .jitter_pct = 0, .min_pct = 50, .load_max = 1.5};
static const struct interval_load IDLE = {.load = {0.1, 0.1, 0.1}, .cores = 2};
static const struct interval_load BUSY = {.load = {9, 9, 9}, .cores = 2};
static const struct interval_load MIXED = {.load = {9, 0.1, 9}, .cores = 2};

static struct interval at_start(uint32_t start_s)
{
    struct interval_opts o = OPTS;
    struct interval i;
    o.start_s = start_s;
    interval_init(&i, &o, 0);
    return i;
}

/* Turn once a second up to and including `until_s`. */
static void turn_until(struct interval *i, const struct interval_opts *o,
                       const struct interval_load *load, uint32_t *now_s, uint32_t until_s)
{
    for (; *now_s <= until_s; ++*now_s)
        interval_turn(i, o, load, *now_s);
}

static void start_is_clamped(void **state)
{
    (void)state;
    struct interval low = at_start(5), high = at_start(99999), between = at_start(700);
    assert_int_equal(low.now_s, 300);
    assert_int_equal(high.now_s, 1799);
    assert_int_equal(between.lifetime_s, 1400);
}

static void idle_lowers_by_sixty_a_second_at_a_time(void **state)
{
    (void)state;
    struct interval i = at_start(600);
    uint32_t now_s = 0;
    turn_until(&i, &OPTS, &IDLE, &now_s, 0);
    assert_int_equal(i.wanted_s, 540);
    assert_int_equal(i.now_s, 600);
    turn_until(&i, &OPTS, &IDLE, &now_s, 9); /* a second every round(600 / 60) seconds */
    assert_int_equal(i.now_s, 600);
    turn_until(&i, &OPTS, &IDLE, &now_s, 10);
    assert_int_equal(i.now_s, 599);
    turn_until(&i, &OPTS, &IDLE, &now_s, 600);
    assert_int_equal(i.now_s, 540);
}

static void busy_raises_and_mixed_stays(void **state)
{
    (void)state;
    struct interval i = at_start(600);
    uint32_t now_s = 0;
    turn_until(&i, &OPTS, &BUSY, &now_s, 0);
    assert_int_equal(i.wanted_s, 660);
    i = at_start(600);
    now_s = 0;
    turn_until(&i, &OPTS, &MIXED, &now_s, 2000);
    assert_int_equal(i.wanted_s, 600);
    assert_int_equal(i.now_s, 600);
}

static void limits_hold_in_both_directions(void **state)
{
    (void)state;
    struct interval i = at_start(330);
    uint32_t now_s = 0;
    turn_until(&i, &OPTS, &IDLE, &now_s, 5000);
    assert_int_equal(i.now_s, 300);
    i = at_start(1790);
    now_s = 0;
    turn_until(&i, &OPTS, &BUSY, &now_s, 20000);
    assert_int_equal(i.now_s, 1799);
}

static void no_decision_while_it_still_drifts(void **state)
{
    (void)state;
    struct interval i = at_start(600);
    uint32_t now_s = 0;
    turn_until(&i, &OPTS, &IDLE, &now_s, 599);
    assert_int_equal(i.wanted_s, 540);
    turn_until(&i, &OPTS, &IDLE, &now_s, 610);
    assert_int_equal(i.wanted_s, 480);
}

static void default_limit_is_cores_less_a_half(void **state)
{
    (void)state;
    struct interval_opts o = OPTS;
    o.load_max = 0;
    const struct interval_load just_below = {.load = {1.4, 1.4, 1.4}, .cores = 2};
    const struct interval_load just_above = {.load = {1.6, 1.6, 1.6}, .cores = 2};
    struct interval i = at_start(600);
    interval_turn(&i, &o, &just_below, 0);
    assert_int_equal(i.wanted_s, 540);
    i = at_start(600);
    interval_turn(&i, &o, &just_above, 0);
    assert_int_equal(i.wanted_s, 660);
}

static void a_longer_interval_lengthens_life_at_once_a_shorter_one_later(void **state)
{
    (void)state;
    struct interval i = at_start(600);
    interval_set(&i, &OPTS, 1000, 10);
    assert_int_equal(interval_lifetime_s(&i), 2000);
    interval_set(&i, &OPTS, 300, 20);
    assert_int_equal(interval_lifetime_s(&i), 2000);
    uint32_t now_s = 20;
    turn_until(&i, &OPTS, &MIXED, &now_s, 2009);
    assert_int_equal(interval_lifetime_s(&i), 2000);
    turn_until(&i, &OPTS, &MIXED, &now_s, 2010);
    assert_int_equal(interval_lifetime_s(&i), 600);
}

static void a_longer_life_is_kept_after_a_restart(void **state)
{
    (void)state;
    struct interval i = at_start(600);
    interval_lifetime_keep(&i, &OPTS, 900, 10);
    assert_int_equal(interval_lifetime_s(&i), 1200); /* it is longer already */
    interval_lifetime_keep(&i, &OPTS, 1500, 10);
    assert_int_equal(interval_lifetime_s(&i), 1500);
    uint32_t now_s = 10;
    turn_until(&i, &OPTS, &MIXED, &now_s, 1509);
    assert_int_equal(interval_lifetime_s(&i), 1500);
    turn_until(&i, &OPTS, &MIXED, &now_s, 1511);
    assert_int_equal(interval_lifetime_s(&i), 1200);
    interval_lifetime_keep(&i, &OPTS, UINT32_MAX, now_s);
    assert_int_equal(interval_lifetime_s(&i), 2 * OPTS.max_s);
}

static void jitter_stays_within_its_share_and_min_interval_follows(void **state)
{
    (void)state;
    struct interval_opts o = OPTS;
    struct interval i = at_start(600);
    struct rng rng;
    rng_init(&rng, 7);
    assert_int_equal(interval_answer_s(&i, &o, &rng), 600);
    assert_int_equal(interval_min_s(&i, &o), 300);
    o.jitter_pct = 10;
    uint32_t least = UINT32_MAX, most = 0;
    for (int n = 0; n < 2000; n++) {
        uint32_t s = interval_answer_s(&i, &o, &rng);
        least = s < least ? s : least;
        most = s > most ? s : most;
    }
    assert_int_equal(least, 600);
    assert_int_equal(most, 660);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_clamped),
        cmocka_unit_test(idle_lowers_by_sixty_a_second_at_a_time),
        cmocka_unit_test(busy_raises_and_mixed_stays),
        cmocka_unit_test(limits_hold_in_both_directions),
        cmocka_unit_test(no_decision_while_it_still_drifts),
        cmocka_unit_test(default_limit_is_cores_less_a_half),
        cmocka_unit_test(a_longer_interval_lengthens_life_at_once_a_shorter_one_later),
        cmocka_unit_test(a_longer_life_is_kept_after_a_restart),
        cmocka_unit_test(jitter_stays_within_its_share_and_min_interval_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
