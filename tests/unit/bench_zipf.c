/* bench_zipf.c - drawn ranks come as often as 1 / rank^s says. */
#include "unit.h"

#include "bench/zipf.h"

#include <math.h>

#define DRAWS   200000
#define RANKS   1000
#define CLASSES 12 /* ranks 1, 2-3, 4-7, ... */

static unsigned class_of(uint64_t rank)
{
    unsigned c = 63u - (unsigned)__builtin_clzll(rank + 1);
    return c < CLASSES ? c : CLASSES - 1;
}

/* Within five standard deviations in every class. */
static void distribution_is_right(double s, uint64_t n)
{
    struct zipf z;
    struct rng rng;
    double want[CLASSES] = {0}, total = 0;
    uint64_t got[CLASSES] = {0};
    rng_init(&rng, 42);
    zipf_init(&z, n, s);
    for (uint64_t k = 0; k < n; k++) {
        want[class_of(k)] += pow((double)(k + 1), -s);
        total += pow((double)(k + 1), -s);
    }
    for (int i = 0; i < DRAWS; i++) {
        uint64_t k = zipf_draw(&z, &rng);
        assert_true(k < n);
        got[class_of(k)]++;
    }
    for (int c = 0; c < CLASSES; c++) {
        double p = want[c] / total, deviation = sqrt(DRAWS * p * (1 - p)) + 1;
        if (fabs((double)got[c] - DRAWS * p) > 5 * deviation)
            fail_msg("s=%g n=%llu class %d: %llu, not %.0f", s, (unsigned long long)n, c,
                     (unsigned long long)got[c], DRAWS * p);
    }
}

static void exponents_below_at_and_above_one(void **state)
{
    (void)state;
    static const double EXPONENTS[] = {0, 0.3, 0.9, 0.999999999, 1, 1.000000001, 1.2, 2, 5};
    for (size_t i = 0; i < sizeof EXPONENTS / sizeof *EXPONENTS; i++)
        distribution_is_right(EXPONENTS[i], RANKS);
}

static void few_and_many(void **state)
{
    (void)state;
    distribution_is_right(1, 1);
    distribution_is_right(1, 2);
    distribution_is_right(0.5, 3);
    distribution_is_right(1, 1000000);
}

static void largest_n_stays_in_range(void **state)
{
    (void)state;
    struct zipf z;
    struct rng rng;
    rng_init(&rng, 1);
    zipf_init(&z, 1ull << 32, 0.1);
    for (int i = 0; i < 10000; i++)
        assert_true(zipf_draw(&z, &rng) < 1ull << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponents_below_at_and_above_one),
        cmocka_unit_test(few_and_many),
        cmocka_unit_test(largest_n_stays_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
