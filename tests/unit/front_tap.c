/* front_tap.c - a watcher gets what the worker offers: whole, in order, and of many a fair part. */
#include "unit.h"

#include "front/tap.h"

static void offer(struct tap *t, struct rng *rng, uint32_t every, uint32_t number)
{
    struct address a = {.family = FAMILY_V4};
    store_u32be(a.ip, number);
    tap_offer(t, rng, every, TAP_UDP, &a);
}

static void nobody_watches_at_first(void **state)
{
    (void)state;
    struct tap *t = tap_new();
    struct tap_light light;
    assert_int_equal(tap_every(NULL), 0);
    assert_int_equal(tap_every(t), 0);
    assert_false(tap_take(t, &light));
    tap_free(t);
}

static void in_order_and_no_more_than_fit(void **state)
{
    (void)state;
    struct tap *t = tap_new();
    struct rng rng;
    struct tap_light light;
    rng_init(&rng, 1);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < TAP_LIGHTS_MAX + 10; i++)
            offer(t, &rng, 1, i);
        for (uint32_t i = 0; i < TAP_LIGHTS_MAX; i++) {
            assert_true(tap_take(t, &light));
            assert_int_equal(load_u32be(light.ip), i);
            assert_int_equal(light.door, TAP_UDP);
        }
        assert_false(tap_take(t, &light));
    }
    assert_int_equal(atomic_load(&t->lost), 30);
    assert_int_equal(atomic_load(&t->seen), 3 * (TAP_LIGHTS_MAX + 10));
    tap_free(t);
}

/* One of n is chosen on average, whatever the pattern: here every second announce is odd. */
static void one_of_n(void **state)
{
    (void)state;
    enum { EVERY = 10, OFFERS = 200000 };
    struct tap *t = tap_new();
    struct rng rng;
    struct tap_light light;
    uint32_t taken = 0, odd = 0;
    rng_init(&rng, 7);
    for (uint32_t i = 0; i < OFFERS; i++) {
        offer(t, &rng, EVERY, i);
        if (!tap_take(t, &light)) continue;
        taken++;
        odd += load_u32be(light.ip) & 1;
    }
    assert_in_range(taken, OFFERS / EVERY * 95 / 100, OFFERS / EVERY * 105 / 100);
    assert_in_range(odd, taken * 47 / 100, taken * 53 / 100);
    tap_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_watches_at_first),
        cmocka_unit_test(in_order_and_no_more_than_fit),
        cmocka_unit_test(one_of_n),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
