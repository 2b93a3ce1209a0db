/* bench_pace.c - the load generator's clock and counts: what was due counts, whatever became of it. */
#include "unit.h"

#include "bench/bench.h"

#define MS     NS_PER_MS
#define RATE   1000u /* one a millisecond */
#define RUN_MS 100u

static struct bench_opts opts;
static struct bench bench;

static struct bench *begin(uint64_t rate, uint64_t requests_max)
{
    static const struct mix MIX = {.weight = {[ASK_ANNOUNCE] = 1}};
    opts = (struct bench_opts){.world = {.torrents = 1, .peers = 10, .sources = 1},
                               .rate = rate,
                               .requests_max = requests_max,
                               .timeout_ms = 20};
    plan_fini(&bench.plan);
    bench = (struct bench){.opts = &opts};
    assert_true(world_init(&bench.world, &opts.world));
    assert_true(plan_init(&bench.plan, &bench.world, &MIX, 8, 1));
    bench_phase(&bench, PHASE_LOAD, RUN_MS);
    return &bench;
}

/* Requests 0 .. count-1 begin and are answered at once. */
static void answer(struct bench *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct answer a = {.kind = ASK_ANNOUNCE};
        a.due_ns = bench_begin(b, ASK_ANNOUNCE, b->start_ns + i * MS);
        bench_answered(b, &a, b->start_ns + i * MS);
    }
}

static void requests_become_due_at_the_rate(void **state)
{
    (void)state;
    struct bench *b = begin(RATE, 0);
    assert_int_equal(bench_due(b, b->start_ns), 1);
    assert_int_equal(bench_due(b, b->start_ns + 10 * MS), 11);
    uint64_t due_ns = bench_begin(b, ASK_ANNOUNCE, b->start_ns + 10 * MS);
    assert_int_equal(due_ns, b->start_ns);
    assert_int_equal(bench_due(b, b->start_ns + 10 * MS), 10);
    assert_int_equal(b->tally.late_starts, 1);
}

static void what_was_due_may_begin_after_the_end(void **state)
{
    (void)state;
    struct bench *b = begin(RATE, 0);
    uint64_t end_ns = b->start_ns + RUN_MS * MS;
    answer(b, 40);
    bench_stop_clock(b, end_ns);
    assert_true(bench_has_backlog(b, end_ns));
    assert_int_equal(bench_due(b, end_ns + 19 * MS), 60);
    assert_false(bench_has_backlog(b, end_ns + 20 * MS));
}

static void what_never_began_counts_with_its_wait(void **state)
{
    (void)state;
    struct bench *b = begin(RATE, 0);
    uint64_t end_ns = b->start_ns + RUN_MS * MS;
    answer(b, 40);
    bench_stop_clock(b, end_ns);
    bench_end(b, end_ns + 20 * MS);
    assert_int_equal(b->tally.due, 100);
    assert_int_equal(b->tally.never_sent, 60);
    assert_int_equal(b->tally.latency.count, 100);
    assert_true(tally_loss_percent(&b->tally) == 60);
    assert_int_equal(b->tally.latency.max, 80 * MS); /* due at 40 ms */
    assert_int_equal(b->tally.latency.bound_min, 21 * MS);
    uint64_t p99 = histogram_percentile(&b->tally.latency, 99);
    assert_true(p99 >= 79 * MS && histogram_is_bound(&b->tally.latency, p99));
    assert_false(
        histogram_is_bound(&b->tally.latency, histogram_percentile(&b->tally.latency, 40)));
}

static void millions_that_never_began_are_counted(void **state)
{
    (void)state;
    struct bench *b = begin(100000000, 0);
    uint64_t end_ns = b->start_ns + RUN_MS * MS;
    bench_stop_clock(b, end_ns);
    bench_end(b, end_ns);
    assert_int_equal(b->tally.never_sent, 10000000);
    assert_int_equal(b->tally.latency.count, 10000000);
    assert_true(histogram_percentile(&b->tally.latency, 50) >= 49 * MS);
    assert_true(b->tally.latency.max <= RUN_MS * MS);
}

static void lost_ones_wait_for_the_timeout_at_least(void **state)
{
    (void)state;
    struct bench *b = begin(RATE, 1);
    struct request r = {ASK_ANNOUNCE, 0};
    uint64_t due_ns = bench_begin(b, ASK_ANNOUNCE, b->start_ns);
    bench_failed(b, 24);
    bench_failed(b, 24);
    bench_failed(b, 1);
    bench_lost(b, &r);
    bench_unanswered(b, due_ns, b->start_ns);
    bench_stop_clock(b, b->start_ns + MS);
    bench_end(b, b->start_ns + MS);
    assert_int_equal(b->tally.due, 1);
    assert_int_equal(b->tally.latency.bound_min, 20 * MS);
    assert_int_equal(b->tally.send_failures, 3);
    assert_int_equal(b->tally.errnos[0].number, 24);
    assert_int_equal(b->tally.errnos[0].count, 2);
    assert_int_equal(b->tally.errnos[1].number, 1);
}

static void late_answers_count_with_their_latency(void **state)
{
    (void)state;
    struct bench *b = begin(RATE, 1);
    struct request r = {ASK_ANNOUNCE, 0};
    struct answer a = {.kind = ASK_ANNOUNCE};
    a.due_ns = bench_begin(b, ASK_ANNOUNCE, b->start_ns);
    bench_lost(b, &r);
    bench_answered_late(b, &a, b->start_ns + 50 * MS);
    assert_int_equal(b->tally.late, 1);
    assert_int_equal(b->tally.latency.max, 50 * MS);
    assert_false(histogram_is_bound(&b->tally.latency, b->tally.latency.max));
}

static void a_closed_loop_owes_nothing(void **state)
{
    (void)state;
    struct bench *b = begin(0, 0);
    assert_int_equal(bench_due(b, b->start_ns), UINT32_MAX);
    answer(b, 5);
    bench_stop_clock(b, b->end_ns);
    assert_false(bench_has_backlog(b, b->end_ns));
    bench_end(b, b->end_ns);
    assert_int_equal(b->tally.due, 5);
    assert_int_equal(b->tally.never_sent, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_become_due_at_the_rate),
        cmocka_unit_test(what_was_due_may_begin_after_the_end),
        cmocka_unit_test(what_never_began_counts_with_its_wait),
        cmocka_unit_test(millions_that_never_began_are_counted),
        cmocka_unit_test(lost_ones_wait_for_the_timeout_at_least),
        cmocka_unit_test(late_answers_count_with_their_latency),
        cmocka_unit_test(a_closed_loop_owes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
