/* base_metrics.c - counters of many threads add up, also after the threads are gone. */
#include "unit.h"

#include "base/metrics.h"

#include <pthread.h>

#define THREADS 8
#define TURNS   20000

static void *count(void *unused)
{
    (void)unused;
    metrics_thread_init();
    metrics_thread_init(); /* a second call keeps the block */
    for (int i = 0; i < TURNS; i++) {
        metrics_inc(METRIC_UDP_CONNECTS);
        metrics_add(METRIC_UDP_SENT_BYTES, 3);
    }
    return NULL;
}

static void every_thread_counts(void **state)
{
    (void)state;
    uint64_t before = metrics_sum(METRIC_UDP_CONNECTS), last = before;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < 1000; i++) { /* sums never go back while the others count */
        uint64_t sum = metrics_sum(METRIC_UDP_CONNECTS);
        assert_true(sum >= last);
        last = sum;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metrics_sum(METRIC_UDP_CONNECTS), before + THREADS * TURNS);
    assert_int_equal(metrics_sum(METRIC_UDP_SENT_BYTES), 3 * THREADS * TURNS);
    assert_int_equal(metrics_sum(METRIC_UDP_SCRAPES), 0);
}

static void a_thread_without_a_block_counts_too(void **state)
{
    (void)state;
    metrics_inc(METRIC_TCP_ACCEPTS);
    metrics_thread_init();
    metrics_inc(METRIC_TCP_ACCEPTS);
    assert_int_equal(metrics_sum(METRIC_TCP_ACCEPTS), 2);
}

static void rows_are_complete_and_distinct(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = metric_row((enum metric)i);
        assert_non_null(row->name);
        assert_true(strlen(row->help) > 10);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                         strlen(row->name));
        assert_string_equal(row->name + strlen(row->name) - 6, "_total");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(row->name, metric_row((enum metric)j)->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_counts),
        cmocka_unit_test(a_thread_without_a_block_counts_too),
        cmocka_unit_test(rows_are_complete_and_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
