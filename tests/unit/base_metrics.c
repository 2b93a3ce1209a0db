/* base_metrics.c - counters of many threads add up, also after the threads are gone; errors, clients
 * and delays are counted where they belong. */
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
        metrics_inc(METRIC_UDP4_CONNECTS);
        metrics_add(METRIC_UDP_SENT_BYTES, 3);
    }
    return NULL;
}

static void every_thread_counts(void **state)
{
    (void)state;
    uint64_t before = metrics_sum(METRIC_UDP4_CONNECTS), last = before;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
    for (int i = 0; i < 1000; i++) { /* sums never go back while the others count */
        uint64_t sum = metrics_sum(METRIC_UDP4_CONNECTS);
        assert_true(sum >= last);
        last = sum;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metrics_sum(METRIC_UDP4_CONNECTS), before + THREADS * TURNS);
    assert_int_equal(metrics_sum(METRIC_UDP_SENT_BYTES), 3 * THREADS * TURNS);
    assert_int_equal(metrics_sum(METRIC_UDP4_SCRAPES), 0);
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
    char text[METRIC_TEXT_BYTES_MAX], other[METRIC_TEXT_BYTES_MAX];
    for (int i = 0; i < METRIC_COUNT; i++) {
        struct metric_row row = metric_row((enum metric)i);
        assert_non_null(row.name);
        assert_true(strlen(row.help) > 10);
        assert_int_equal(strspn(row.name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                         strlen(row.name));
        assert_string_equal(row.name + strlen(row.name) - 6, "_total");
        metric_print((enum metric)i, text);
        for (int j = 0; j < i; j++) {
            metric_print((enum metric)j, other);
            assert_string_not_equal(text, other);
        }
    }
}

/* Prometheus wants a family's samples together. */
static void a_family_is_in_one_place(void **state)
{
    (void)state;
    for (int i = 1; i < METRIC_COUNT; i++) {
        struct metric_row before = metric_row((enum metric)i - 1), row = metric_row((enum metric)i);
        for (int j = 0; j < i && strcmp(row.name, before.name) != 0; j++)
            assert_string_not_equal(metric_row((enum metric)j).name, row.name);
    }
}

static void labels_are_printed_as_prometheus_does(void **state)
{
    (void)state;
    char text[METRIC_TEXT_BYTES_MAX];
    int length = metric_print(METRIC_UDP6_ANNOUNCES, text);
    assert_int_equal(length, strlen(text));
    assert_string_equal(text, "requests_total{door=\"udp\",family=\"ipv6\",action=\"announce\"}");
    metric_print(METRIC_HTTP_404, text);
    assert_string_equal(text, "http_answers_total{door=\"http\",kind=\"404\"}");
    metric_print(METRIC_TCP_CLOSES, text);
    assert_string_equal(text, "tcp_closes_total");
}

/* metrics_inc_by() steps from IPv4 to IPv6. */
static void ipv6_follows_ipv4(void **state)
{
    (void)state;
    for (int i = 0; i < METRIC_COUNT; i++) {
        struct metric_row row = metric_row((enum metric)i);
        if (strcmp(row.labels[LABEL_FAMILY], "ipv4") != 0) continue;
        struct metric_row next = metric_row((enum metric)i + 1);
        assert_string_equal(next.name, row.name);
        assert_string_equal(next.labels[LABEL_FAMILY], "ipv6");
        assert_string_equal(next.labels[LABEL_DOOR], row.labels[LABEL_DOOR]);
        assert_string_equal(next.labels[LABEL_ACTION], row.labels[LABEL_ACTION]);
    }
}

static struct metrics_total total(void)
{
    static struct metrics_total out;
    metrics_total(&out);
    return out;
}

static void errors_and_failed_calls_have_a_place_each(void **state)
{
    (void)state;
    metrics_error(METRIC_DOOR_HTTP, ERR_INVALID_PORT);
    metrics_errno(CALL_SEND, 32);
    metrics_errno(CALL_SEND, 32);
    metrics_errno(CALL_RECV_UDP, 4711);
    metrics_http_status(404);
    metrics_http_status(418);
    struct metrics_total t = total();
    assert_int_equal(t.errors[METRIC_DOOR_HTTP][ERR_INVALID_PORT], 1);
    assert_int_equal(t.errors[METRIC_DOOR_UDP][ERR_INVALID_PORT], 0);
    assert_int_equal(t.errnos[CALL_SEND][32], 2);
    assert_int_equal(t.errnos[CALL_RECV_UDP][METRIC_ERRNOS - 1], 1);
    assert_int_equal(t.count[METRIC_HTTP_404], 1);
    assert_int_equal(t.count[METRIC_HTTP_OTHER], 1);
}

static uint64_t client_count(enum metric_client which, unsigned slot)
{
    static uint64_t counts[CLIENT_SLOTS];
    metrics_clients(which, counts);
    return counts[slot];
}

static unsigned slot_of(char first, unsigned second)
{
    return ((unsigned)first - '0') * CLIENT_ROW + second;
}

static void clients_are_told_by_their_peer_ids(void **state)
{
    (void)state;
    static const char *const UNNAMED[] = {"\x01q4500-xxxxxxxxxxxxx", "-{B4500-xxxxxxxxxxxx",
                                          "-q{4500-xxxxxxxxxxxx", "S58Bxxxxxxxxxxxxxxxx",
                                          "--q4500-xxxxxxxxxxxx"};
    metrics_client((const uint8_t *)"-qB4500-xxxxxxxxxxxx", true);
    metrics_client((const uint8_t *)"-qB4600-xxxxxxxxxxxx", false);
    metrics_client((const uint8_t *)"S58B-----xxxxxxxxxxx", true);
    metrics_client((const uint8_t *)"-zz0000-xxxxxxxxxxxx", false);
    for (size_t i = 0; i < sizeof UNNAMED / sizeof *UNNAMED; i++)
        metrics_client((const uint8_t *)UNNAMED[i], i == 0);
    assert_int_equal(client_count(CLIENT_ANNOUNCES, slot_of('q', 'B' - '0')), 2);
    assert_int_equal(client_count(CLIENT_PEERS_ADDED, slot_of('q', 'B' - '0')), 1);
    assert_int_equal(client_count(CLIENT_ANNOUNCES, slot_of('S', CLIENT_SHADOW)), 1);
    assert_int_equal(client_count(CLIENT_PEERS_ADDED, slot_of('S', CLIENT_SHADOW)), 1);
    assert_int_equal(client_count(CLIENT_ANNOUNCES, slot_of('z', 'z' - '0')), 1);
    assert_int_equal(client_count(CLIENT_PEERS_ADDED, slot_of('z', 'z' - '0')), 0);
    assert_int_equal(client_count(CLIENT_ANNOUNCES, CLIENT_UNNAMED),
                     sizeof UNNAMED / sizeof *UNNAMED);
    assert_int_equal(client_count(CLIENT_PEERS_ADDED, CLIENT_UNNAMED), 1);
}

static void a_delay_ends_its_bucket_with_the_minute(void **state)
{
    (void)state;
    static const uint32_t DELAYS_S[] = {0, 60, 61, 1800, 3600, 3601, 100000};
    for (size_t i = 0; i < sizeof DELAYS_S / sizeof *DELAYS_S; i++)
        metrics_reannounce(DELAYS_S[i]);
    struct metrics_total t = total();
    assert_int_equal(t.reannounce.count, 7);
    assert_int_equal(t.reannounce.sum, 60 + 61 + 1800 + 3600 + 3601 + 100000);
    assert_int_equal(t.reannounce.in[0], 2);
    assert_int_equal(t.reannounce.in[1], 1);
    assert_int_equal(t.reannounce.in[29], 1);
    assert_int_equal(t.reannounce.in[59], 1);
    assert_int_equal(t.reannounce.in[60], 2);
    assert_int_equal(REANNOUNCE_S.le[29], 1800);
    assert_int_equal(REANNOUNCE_S.le[REANNOUNCE_S.count - 1], 3600);
}

/* Each thread has a busy one of its own, and one that all know. */
static void *talk(void *number)
{
    const uint8_t all[4] = {10, 0, 0, 1}, own[4] = {10, 0, 1, *(const uint8_t *)number};
    metrics_thread_init();
    for (uint32_t i = 0; i < 100; i++) {
        if (i < 30) talkers_note(&metrics_mine->talkers, talker_key_of(all, false), 1000);
        talkers_note(&metrics_mine->talkers, talker_key_of(own, false), 1000);
    }
    return NULL;
}

static void talkers_of_all_threads_are_merged(void **state)
{
    (void)state;
    static const uint8_t NUMBERS[THREADS] = {1, 2, 3, 4, 5, 6, 7, 8}, ALL[4] = {10, 0, 0, 1};
    struct talker_key all = talker_key_of(ALL, false);
    struct talker found[THREADS + 1];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, talk, (void *)(uintptr_t)&NUMBERS[i]),
                         0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metrics_talkers(1000, found, THREADS + 1), THREADS + 1);
    assert_memory_equal(&found[0].key, &all, sizeof all);
    assert_int_equal(found[0].samples, THREADS * 30);
    for (int i = 1; i <= THREADS; i++)
        assert_int_equal(found[i].samples, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_counts),
        cmocka_unit_test(a_thread_without_a_block_counts_too),
        cmocka_unit_test(rows_are_complete_and_distinct),
        cmocka_unit_test(a_family_is_in_one_place),
        cmocka_unit_test(labels_are_printed_as_prometheus_does),
        cmocka_unit_test(ipv6_follows_ipv4),
        cmocka_unit_test(errors_and_failed_calls_have_a_place_each),
        cmocka_unit_test(clients_are_told_by_their_peer_ids),
        cmocka_unit_test(talkers_of_all_threads_are_merged),
        cmocka_unit_test(a_delay_ends_its_bucket_with_the_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
