/* admin_history.c - points come out as they went in: the newest, those since a time, a full day. */
#include "unit.h"

#include "admin/history.h"

#include <stdio.h>
#include <stdlib.h>

#define START_S 1700000000u

static struct history h;

static int fini(void **state)
{
    (void)state;
    history_fini(&h);
    return 0;
}

static void add(uint64_t unix_s, double udp4, double rss_bytes)
{
    double values[HISTORY_SERIES] = {[HISTORY_UDP4] = udp4, [HISTORY_RSS_BYTES] = rss_bytes};
    history_add(&h, unix_s, values);
}

static const char *printed(uint64_t since_unix_s)
{
    static char *text;
    size_t bytes;
    free(text);
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    history_print(out, &h, since_unix_s);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part)) fail_msg("there is no: %s", part);
}

static unsigned commas(const char *text, const char *series)
{
    unsigned n = 0;
    for (const char *c = strstr(text, series); *c != ']'; c++)
        n += *c == ',';
    return n;
}

static void an_empty_history_is_valid(void **state)
{
    (void)state;
    assert_has(printed(0), "{\"step_s\":10,\"end_unix_s\":0,\"count\":0,\"series\":{\"udp4\":[],");
}

static void values_keep_their_decimals(void **state)
{
    (void)state;
    add(START_S, 1234.5, 409600);
    add(START_S + 10, 0.25, 20e9);
    add(START_S + 20, 7, -3);
    const char *text = printed(0);
    assert_has(text, "\"end_unix_s\":1700000020,\"count\":3,");
    assert_has(text, "\"udp4\":[1234.5,0.25,7]");
    assert_has(text, "\"rss_bytes\":[409600,20000002048,0]"); /* in pages */
    assert_has(text, "\"latency_udp_p99_us\":[0,0,0]}}\n");
}

static void only_newer_points_are_told(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        add(START_S + 10 * i, i, 0);
    assert_has(printed(START_S + 30), "\"udp4\":[4,5]");
    assert_has(printed(START_S + 35), "\"udp4\":[4,5]"); /* not later than a step */
    assert_has(printed(START_S + 50), "\"count\":0,");
    assert_has(printed(START_S + 5000), "\"count\":0,");
    assert_has(printed(UINT64_MAX), "\"count\":0,");
}

static void missed_steps_are_filled(void **state)
{
    (void)state;
    add(START_S, 1, 0);
    add(START_S + 41, 2, 0);
    add(START_S + 41, 3, 0); /* a clock that stands still is still a step */
    assert_has(printed(0), "\"udp4\":[1,2,2,2,2,3]");
}

static void the_oldest_give_way_after_a_day(void **state)
{
    (void)state;
    uint32_t points = HISTORY_POINTS + 500;
    for (uint32_t i = 0; i < points; i++)
        add(START_S + 10 * i, i, 0);
    const char *text = printed(0);
    assert_has(text, "\"count\":8640,");
    assert_has(text, "\"udp4\":[500,501,");
    assert_has(text, ",9138,9139],\"udp6\"");
    assert_int_equal(commas(text, "\"udp4\":["), HISTORY_POINTS - 1);
}

static void starts_are_shared_and_leave_nothing_out(void **state)
{
    (void)state;
    enum { BACK_S = 100000, AHEAD_S = 1000, SHARED_MAX = 10 };
    uint64_t now = START_S + 1234, last = UINT64_MAX;
    int shared = 0;
    for (uint64_t since = now - BACK_S; since < now + AHEAD_S; since++) {
        uint64_t got = history_since_shared(since, now);
        assert_true(got <= since && got <= now);
        if (since + 60 >= now && since <= now) assert_in_range(got, since - 10, since);
        if (got != last) shared++;
        last = got;
    }
    assert_in_range(shared, 2, SHARED_MAX);
    assert_int_equal(history_since_shared(0, now), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(an_empty_history_is_valid, fini),
        cmocka_unit_test_teardown(values_keep_their_decimals, fini),
        cmocka_unit_test_teardown(only_newer_points_are_told, fini),
        cmocka_unit_test_teardown(missed_steps_are_filled, fini),
        cmocka_unit_test(starts_are_shared_and_leave_nothing_out),
        cmocka_unit_test_teardown(the_oldest_give_way_after_a_day, fini),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
