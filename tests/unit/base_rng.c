/* base_rng.c - the same seed, the same numbers; below a bound, all of them alike. */
#include "unit.h"

#include "base/rng.h"

#include <stdbool.h>

static void a_seed_fixes_the_numbers(void **state)
{
    (void)state;
    struct rng a, b, c;
    rng_init(&a, 7);
    rng_init(&b, 7);
    rng_init(&c, 8);
    bool differs = false;
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_u64(&a);
        assert_int_equal(x, rng_u64(&b));
        differs |= x != rng_u64(&c);
    }
    assert_true(differs);
}

static void secure_seeds_differ(void **state)
{
    (void)state;
    struct rng a, b;
    rng_init_secure(&a);
    rng_init_secure(&b);
    assert_memory_not_equal(&a, &b, sizeof a);
}

/* xoshiro256** from the state 1, 2, 3, 4: its authors' first numbers. */
static void the_generator_is_xoshiro(void **state)
{
    (void)state;
    struct rng r = {{1, 2, 3, 4}};
    assert_int_equal(rng_u64(&r), 11520);
    assert_int_equal(rng_u64(&r), 0);
    assert_int_equal(rng_u64(&r), 1509978240);
    assert_int_equal(rng_u64(&r), 1215971899390074240);
}

/* Chi-square: with d degrees of freedom it stays below d + 5 sqrt(2 d) but once in a million. */
static void below_a_bound_all_are_alike(void **state)
{
    (void)state;
    struct rng r;
    rng_init(&r, 1);
    enum { BOUND = 37, DRAWS = 370000 };
    uint32_t seen[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t x = rng_below(&r, BOUND);
        assert_in_range(x, 0, BOUND - 1);
        seen[x]++;
    }
    double chi = 0, mean = (double)DRAWS / BOUND;
    for (int i = 0; i < BOUND; i++)
        chi += (seen[i] - mean) * (seen[i] - mean) / mean;
    assert_true(chi < 36 + 5 * 8.49);
    assert_int_equal(rng_below(&r, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_fixes_the_numbers),
        cmocka_unit_test(secure_seeds_differ),
        cmocka_unit_test(the_generator_is_xoshiro),
        cmocka_unit_test(below_a_bound_all_are_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
