/* admin_handoff.c - the queue between workers and the operators' door: order, room, the end. */
#include "unit.h"

#include "admin/handoff.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

struct taken {
    int fds[4 * HANDOFF_MAX];
    int count;
    char last[32];
};

static void take(void *ctx, int take_fd, const struct address *client, struct view bytes)
{
    struct taken *t = ctx;
    assert_int_equal(client->ip[3], 7);
    t->fds[t->count++] = take_fd;
    snprintf(t->last, sizeof t->last, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
}

static const struct address CLIENT = {.family = FAMILY_V4, .ip = {192, 0, 2, 7}};

static void what_is_put_is_taken_in_order(void **state)
{
    (void)state;
    struct loop loop;
    struct handoff *h;
    struct taken t = {.count = 0};
    assert_int_equal(loop_open(&loop), ERR_OK);
    assert_int_equal(handoff_open(&h, &loop, take, &t), ERR_OK);
    for (int i = 0; i < HANDOFF_MAX; i++)
        assert_true(handoff_put(h, 1000 + i, &CLIENT, VIEW("GET / HTTP/1.1")));
    assert_false(handoff_put(h, 1, &CLIENT, VIEW("too many")));
    assert_false(handoff_is_empty(h));
    while (!handoff_is_empty(h))
        loop_turn(&loop, 100);
    assert_int_equal(t.count, HANDOFF_MAX);
    for (int i = 0; i < HANDOFF_MAX; i++)
        assert_int_equal(t.fds[i], 1000 + i);
    assert_string_equal(t.last, "GET / HTTP/1.1");
    assert_true(handoff_put(h, 1, &CLIENT, VIEW("again")));
    loop_turn(&loop, 100);
    assert_string_equal(t.last, "again");
    handoff_close(h);
    loop_close(&loop);
}

static void what_nobody_took_is_closed(void **state)
{
    (void)state;
    struct loop loop;
    struct handoff *h;
    struct taken t = {.count = 0};
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(loop_open(&loop), ERR_OK);
    assert_int_equal(handoff_open(&h, &loop, take, &t), ERR_OK);
    assert_true(handoff_put(h, pipe_fds[1], &CLIENT, VIEW("x")));
    handoff_close(h);
    char byte;
    assert_int_equal(read(pipe_fds[0], &byte, 1), 0);
    close(pipe_fds[0]);
    loop_close(&loop);
}

enum { THREADS = 3, EACH = 100 };

static void *put_many(void *arg)
{
    for (int left = EACH; left > 0;)
        if (handoff_put(arg, 5, &CLIENT, VIEW("y"))) left--;
    return NULL;
}

static void threads_put_side_by_side(void **state)
{
    (void)state;
    struct loop loop;
    struct handoff *h;
    struct taken t = {.count = 0};
    pthread_t threads[THREADS];
    assert_int_equal(loop_open(&loop), ERR_OK);
    assert_int_equal(handoff_open(&h, &loop, take, &t), ERR_OK);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, h), 0);
    while (t.count < THREADS * EACH)
        loop_turn(&loop, 100);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_true(handoff_is_empty(h));
    handoff_close(h);
    loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_taken_in_order),
        cmocka_unit_test(what_nobody_took_is_closed),
        cmocka_unit_test(threads_put_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
