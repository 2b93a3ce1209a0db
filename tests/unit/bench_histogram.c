/* bench_histogram.c - the load generator's latency table against a sorted array. */
#include "unit.h"

#include "base/rng.h"
#include "bench/histogram.h"

#include <stdlib.h>

#define COUNT 20000

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void percentiles_are_within_two_percent(void **state)
{
    (void)state;
    static struct histogram h;
    static uint64_t values[COUNT];
    static const double PERCENTS[] = {0.1, 1, 10, 50, 90, 99, 99.9, 99.99, 100};
    struct rng rng;
    rng_init(&rng, 7);
    for (int i = 0; i < COUNT; i++) { /* spread over all powers of two up to 2^39 */
        values[i] = rng_u64(&rng) >> (25 + rng_below(&rng, 38));
        histogram_add(&h, values[i]);
    }
    qsort(values, COUNT, sizeof *values, by_value);
    for (size_t i = 0; i < sizeof PERCENTS / sizeof *PERCENTS; i++) {
        double rank = PERCENTS[i] * COUNT / 100;
        uint64_t want = values[(size_t)(rank < 1 ? 0 : rank - 0.5)];
        uint64_t got = histogram_percentile(&h, PERCENTS[i]);
        assert_true(got >= want);
        assert_true((double)got <= (double)want * 1.016 + 1);
    }
    assert_int_equal(histogram_percentile(&h, 100), values[COUNT - 1]);
    assert_int_equal(h.count, COUNT);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    static struct histogram h;
    for (uint64_t v = 1; v <= 100; v++)
        histogram_add(&h, v);
    for (int percent = 1; percent <= 100; percent++)
        assert_int_equal(histogram_percentile(&h, percent), percent);
    assert_true(histogram_mean(&h) == 50.5);
}

static void nothing_and_too_much(void **state)
{
    (void)state;
    static struct histogram h;
    assert_int_equal(histogram_percentile(&h, 50), 0);
    assert_true(histogram_mean(&h) == 0);
    histogram_add(&h, UINT64_MAX);
    assert_int_equal(histogram_percentile(&h, 50), HISTOGRAM_VALUE_MAX);
    histogram_add(&h, 0);
    assert_int_equal(histogram_percentile(&h, 50), 0);
}

static void bounds_of_every_power_of_two(void **state)
{
    (void)state;
    for (int bit = 0; bit < 40; bit++) {
        for (int step = -1; step <= 1; step++) {
            static struct histogram h;
            uint64_t v = (1ull << bit) + (uint64_t)(int64_t)step;
            memset(&h, 0, sizeof h);
            histogram_add(&h, v);
            assert_int_equal(histogram_percentile(&h, 50), v); /* capped at the maximum */
        }
    }
}

static void bounds_mark_what_they_are_part_of(void **state)
{
    (void)state;
    static struct histogram h;
    memset(&h, 0, sizeof h);
    for (uint64_t v = 1; v <= 90; v++)
        histogram_add(&h, v);
    assert_false(histogram_is_bound(&h, histogram_percentile(&h, 100)));
    histogram_add_bounds(&h, 5000, 10);
    histogram_add_bounds(&h, 1, 0);
    assert_int_equal(h.count, 100);
    assert_int_equal(histogram_percentile(&h, 90), 90);
    assert_false(histogram_is_bound(&h, histogram_percentile(&h, 90)));
    assert_int_equal(histogram_percentile(&h, 91), 5000);
    assert_true(histogram_is_bound(&h, histogram_percentile(&h, 91)));
    histogram_add_bounds(&h, 50, 1);
    assert_true(histogram_is_bound(&h, histogram_percentile(&h, 90)));
    assert_false(histogram_is_bound(&h, histogram_percentile(&h, 40)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_within_two_percent),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(nothing_and_too_much),
        cmocka_unit_test(bounds_of_every_power_of_two),
        cmocka_unit_test(bounds_mark_what_they_are_part_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
