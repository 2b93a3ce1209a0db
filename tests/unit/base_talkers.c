/* base_talkers.c - the heaviest of a crowd are found, nobody is told too much of, old windows go; a
 * reader beside the writer sees whole numbers. */
#include "unit.h"

#include "base/talkers.h"

#include <pthread.h>
#include <stdlib.h>

#define OUT_MAX 300

struct seen {
    struct talker all[OUT_MAX];
    unsigned count;
};

static struct talkers *fresh(void)
{
    static struct talkers t;
    memset((void *)&t, 0, sizeof t);
    return &t;
}

static struct talker_key host(uint32_t n)
{
    uint8_t ip[4] = {10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    return talker_key_of(ip, false);
}

static const struct seen *read_at(const struct talkers *t, uint32_t now_s)
{
    static struct seen seen;
    seen.count = 0;
    talkers_read(t, now_s, seen.all, &seen.count, OUT_MAX);
    talkers_sort(seen.all, seen.count);
    return &seen;
}

static uint64_t samples_of(const struct seen *seen, struct talker_key key)
{
    for (unsigned i = 0; i < seen->count; i++)
        if (memcmp(&seen->all[i].key, &key, sizeof key) == 0) return seen->all[i].samples;
    return 0;
}

static void the_heavy_are_found_in_a_crowd(void **state)
{
    (void)state;
    struct talkers *t = fresh();
    for (uint32_t i = 0; i < 100000; i++) {
        talkers_note(t, host(1000 + i % 20000), 1000);
        if (i % 10 == 0) talkers_note(t, host(1), 1000);
        if (i % 20 == 0) talkers_note(t, host(2), 1000);
    }
    const struct seen *seen = read_at(t, 1000);
    assert_in_range(samples_of(seen, host(1)), 8000, 10000);
    assert_in_range(samples_of(seen, host(2)), 3000, 5000);
    struct talker_key heaviest = host(1);
    assert_memory_equal(&seen->all[0].key, &heaviest, sizeof heaviest);
    for (unsigned i = 2; i < seen->count; i++) /* the crowd asks five times each */
        assert_true(seen->all[i].samples <= 5);
}

static void what_is_kept_is_counted_exactly(void **state)
{
    (void)state;
    struct talkers *t = fresh();
    for (uint32_t n = 0; n < TALKERS_KEPT; n++)
        for (uint32_t i = 0; i <= n; i++)
            talkers_note(t, host(n), 1000);
    const struct seen *seen = read_at(t, 1000);
    assert_int_equal(seen->count, TALKERS_KEPT);
    for (uint32_t n = 0; n < TALKERS_KEPT; n++)
        assert_int_equal(samples_of(seen, host(n)), n + 1);
}

/* Whoever reads first, as the first of many threads is. */
static void of_a_full_table_the_lightest_goes(void **state)
{
    (void)state;
    enum { ROOM = 8 };
    struct talker out[ROOM];
    unsigned count = 0;
    struct talkers *first = fresh();
    for (uint32_t n = 0; n < ROOM; n++)
        for (uint32_t i = 0; i < 3 + n; i++)
            talkers_note(first, host(n), 1000);
    talkers_read(first, 1000, out, &count, ROOM);
    assert_int_equal(count, ROOM);
    struct talkers *second = fresh();
    talkers_note(second, host(101), 1000);
    for (int i = 0; i < 50; i++)
        talkers_note(second, host(100), 1000);
    talkers_note(second, host(ROOM - 1), 1000);
    talkers_read(second, 1000, out, &count, ROOM);
    assert_int_equal(count, ROOM);
    struct seen seen = {.count = count};
    memcpy(seen.all, out, sizeof out);
    assert_int_equal(samples_of(&seen, host(100)), 50);
    assert_int_equal(samples_of(&seen, host(ROOM - 1)), 3 + ROOM);
    assert_int_equal(samples_of(&seen, host(0)), 0);
    assert_int_equal(samples_of(&seen, host(1)), 4);
    assert_int_equal(samples_of(&seen, host(101)), 0);
}

static void windows_pass(void **state)
{
    (void)state;
    struct talkers *t = fresh();
    uint32_t w = TALKERS_WINDOW_S;
    talkers_note(t, host(1), 10 * w);
    talkers_note(t, host(1), 11 * w);
    assert_int_equal(samples_of(read_at(t, 11 * w), host(1)), 2);
    assert_int_equal(samples_of(read_at(t, 12 * w), host(1)), 1); /* nobody noted since */
    assert_int_equal(read_at(t, 13 * w)->count, 0);
    talkers_note(t, host(2), 12 * w);
    assert_int_equal(samples_of(read_at(t, 12 * w), host(1)), 1);
    talkers_note(t, host(2), 20 * w);
    assert_int_equal(read_at(t, 20 * w)->count, 1);
}

static void families_are_apart(void **state)
{
    (void)state;
    static const uint8_t MAPPED[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1}, OTHER[16] = {10, 0, 0, 1};
    struct talker_key v4 = host(1), mapped = talker_key_of(MAPPED, true);
    struct talker_key other = talker_key_of(OTHER, true);
    assert_memory_equal(&v4, &mapped, sizeof v4);
    assert_memory_not_equal(&v4, &other, sizeof v4);
}

/* Every step is within its bounds, whatever the sizes of the batches. */
static void one_request_in_so_many_is_sampled(void **state)
{
    (void)state;
    struct talker_sampler s = {0};
    uint64_t requests = 0, last = 0, samples = 0;
    srand(1);
    while (requests < 1000000) {
        unsigned count = 1 + (unsigned)rand() % TALKERS_STEP_MIN;
        int at = talker_sample(&s, count);
        if (at >= 0) {
            assert_true((unsigned)at < count);
            uint64_t now = requests + (unsigned)at;
            if (samples++) assert_in_range(now - last, TALKERS_STEP_MIN, TALKERS_STEP_MAX);
            last = now;
            talker_sample_next(&s, (uint32_t)rand() % TALKERS_STEPS);
        }
        requests += count;
    }
    assert_in_range(samples, requests / TALKERS_SAMPLE * 9 / 10,
                    requests / TALKERS_SAMPLE * 11 / 10);
}

static _Atomic int stop;

static void *note(void *arg)
{
    for (uint32_t i = 0; !atomic_load(&stop); i++)
        talkers_note(arg, host(i % 200), 1000 + i / 50000);
    return NULL;
}

static void a_reader_beside_the_writer_sees_whole_addresses(void **state)
{
    (void)state;
    struct talkers *t = fresh();
    pthread_t thread;
    atomic_store(&stop, 0);
    assert_int_equal(pthread_create(&thread, NULL, note, t), 0);
    for (int i = 0; i < 2000; i++) {
        const struct seen *seen = read_at(t, 1000);
        for (unsigned k = 0; k < seen->count; k++) {
            struct talker_key any = host(0);
            assert_int_equal(seen->all[k].key.word[0], any.word[0]);
            const uint8_t *bytes = (const uint8_t *)&seen->all[k].key;
            assert_int_equal(bytes[12], 10);
            assert_true(bytes[15] < 200);
        }
    }
    atomic_store(&stop, 1);
    pthread_join(thread, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heavy_are_found_in_a_crowd),
        cmocka_unit_test(what_is_kept_is_counted_exactly),
        cmocka_unit_test(of_a_full_table_the_lightest_goes),
        cmocka_unit_test(windows_pass),
        cmocka_unit_test(families_are_apart),
        cmocka_unit_test(one_request_in_so_many_is_sampled),
        cmocka_unit_test(a_reader_beside_the_writer_sees_whole_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
