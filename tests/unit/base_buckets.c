/* base_buckets.c - values fall into the bucket whose end they do not exceed; quantiles. */
#include "unit.h"

#include "base/buckets.h"

static const struct buckets_scale SCALE = {.count = 3, .le = {10, 20, 50}};

static void a_value_counts_in_the_first_bucket_that_holds_it(void **state)
{
    (void)state;
    static struct buckets h;
    struct buckets_total t = {.count = 0};
    buckets_add(&h, &SCALE, 0, 1);
    buckets_add(&h, &SCALE, 10, 2);
    buckets_add(&h, &SCALE, 11, 1);
    buckets_add(&h, &SCALE, 50, 4);
    buckets_add(&h, &SCALE, 51, 8);
    buckets_read(&h, &t);
    assert_int_equal(t.in[0], 3);
    assert_int_equal(t.in[1], 1);
    assert_int_equal(t.in[2], 4);
    assert_int_equal(t.in[3], 8);
    assert_int_equal(t.count, 16);
    assert_int_equal(t.sum, 2 * 10 + 11 + 4 * 50 + 8 * 51);
    buckets_read(&h, &t); /* adds */
    assert_int_equal(t.count, 32);
}

static void quantiles_are_the_ends_of_buckets(void **state)
{
    (void)state;
    struct buckets_total t = {.in = {90, 9, 0, 1}, .count = 100};
    assert_int_equal(buckets_quantile(&t, &SCALE, 0), 10);
    assert_int_equal(buckets_quantile(&t, &SCALE, 0.9), 10);
    assert_int_equal(buckets_quantile(&t, &SCALE, 0.99), 20);
    assert_int_equal(buckets_quantile(&t, &SCALE, 1), 50); /* above all ends: the highest */
    struct buckets_total none = {.count = 0};
    assert_int_equal(buckets_quantile(&none, &SCALE, 0.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_counts_in_the_first_bucket_that_holds_it),
        cmocka_unit_test(quantiles_are_the_ends_of_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
