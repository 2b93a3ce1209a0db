/* app_load.c - what counts as load: the system's averages, own use under a limit, drops. */
#include "unit.h"

#include "app/load.h"
#include "base/clock.h"

#include <stdlib.h>

#define SECOND_US 1000000u

static void without_limit_and_drops_it_is_the_systems(void **state)
{
    (void)state;
    struct load l;
    struct interval_load out;
    uint64_t now_us = clock_now_us();
    load_init(&l, now_us);
    l.cpu_limit = 0;
    load_measure(&l, now_us + SECOND_US, false, &out);
    double expected[3];
    assert_int_equal(getloadavg(expected, 3), 3);
    assert_int_equal(out.cores, l.cores);
    for (int i = 0; i < 3; i++)
        assert_true(out.load[i] >= expected[i] - 1 && out.load[i] <= expected[i] + 1);
}

static void seconds_of_drops_raise_the_averages_one_after_another(void **state)
{
    (void)state;
    struct load l;
    struct interval_load out;
    load_init(&l, 0);
    l.cores = 1000; /* more than the system's load can be */
    uint64_t now_us = 0;
    for (int s = 0; s < 120; s++)
        load_measure(&l, now_us += SECOND_US, true, &out);
    assert_true(out.load[0] > 800 && out.load[1] < 500 && out.load[2] < 200);
    for (int s = 0; s < 3 * 3600; s++)
        load_measure(&l, now_us += SECOND_US, true, &out);
    for (int i = 0; i < 3; i++)
        assert_true(out.load[i] > l.cores - 0.5);
    for (int s = 0; s < 6 * 3600; s++)
        load_measure(&l, now_us += SECOND_US, false, &out);
    for (int i = 0; i < 3; i++)
        assert_true(l.dropping[i] < 1);
}

/* Half a second of CPU time, in a second of which a limit of half a CPU allows no more. */
static void using_up_the_limit_is_full_load(void **state)
{
    (void)state;
    struct load l;
    struct interval_load out;
    uint64_t now_us = 0;
    load_init(&l, now_us);
    l.cpu_limit = 0.5;
    l.cores = 1;
    for (int s = 0; s < 3600; s++) {
        l.cpu_us -= SECOND_US / 2;
        load_measure(&l, now_us += SECOND_US, false, &out);
    }
    for (int i = 0; i < 3; i++)
        assert_true(out.load[i] > 0.95 && out.load[i] < 1.1);
    for (int s = 0; s < 3600; s++)
        load_measure(&l, now_us += SECOND_US, false, &out);
    for (int i = 0; i < 3; i++)
        assert_true(out.load[i] < 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_limit_and_drops_it_is_the_systems),
        cmocka_unit_test(seconds_of_drops_raise_the_averages_one_after_another),
        cmocka_unit_test(using_up_the_limit_is_full_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
