/* net_stream.c - bytes arrive and leave whole whatever the socket takes, and buffers go back. */
#include "unit.h"

#include "net/stream.h"

#include <sys/socket.h>
#include <unistd.h>

struct pair {
    struct loop loop;
    struct stream_pool pool;
    struct stream stream;
    int peer;
};

static void ready_never(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
}

static void pair_open(struct pair *p)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(loop_open(&p->loop), ERR_OK);
    assert_int_equal(stream_pool_open(&p->pool, &p->loop), ERR_OK);
    stream_open(&p->stream, fds[0], ready_never);
    p->peer = fds[1];
}

static void pair_close(struct pair *p)
{
    stream_close(&p->pool, &p->stream, false);
    stream_pool_close(&p->pool);
    loop_close(&p->loop);
    close(p->peer);
}

static void a_stream_that_waits_borrows_nothing(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 1000), STREAM_AGAIN);
    assert_int_equal(send(p.peer, "hello", 5, 0), 5);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 1000), STREAM_OK);
    assert_true(p.stream.drained);
    assert_true(view_equal(stream_input(&p.stream), VIEW("hello")));
    stream_consume(&p.pool, &p.stream, 5);
    assert_int_equal(stream_keep(&p.pool, &p.stream), ERR_OK);
    assert_int_equal(p.pool.lent_bytes, 0);
    pair_close(&p);
}

static void what_is_kept_grows_byte_by_byte(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    const size_t total = 5000;
    for (size_t i = 0; i < total; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(send(p.peer, &byte, 1, 0), 1);
        assert_int_equal(stream_receive(&p.pool, &p.stream, total), STREAM_OK);
        assert_int_equal(stream_keep(&p.pool, &p.stream), ERR_OK);
    }
    struct view in = stream_input(&p.stream);
    assert_int_equal(in.len, total);
    for (size_t i = 0; i < total; i++)
        assert_int_equal(in.ptr[i], (uint8_t)(i * 7));
    assert_int_equal(p.pool.lent_bytes, 16384);
    stream_consume(&p.pool, &p.stream, total);
    assert_int_equal(p.pool.lent_bytes, 0);
    pair_close(&p);
}

static void a_kept_rest_moves_to_the_front_for_more(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    uint8_t bytes[1024];
    memset(bytes, 'a', sizeof bytes);
    bytes[1000] = 'b';
    assert_int_equal(send(p.peer, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 1024), STREAM_OK);
    assert_int_equal(stream_keep(&p.pool, &p.stream), ERR_OK);
    stream_consume(&p.pool, &p.stream, 1000);
    assert_int_equal(send(p.peer, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 1024), STREAM_OK);
    struct view in = stream_input(&p.stream);
    assert_int_equal(in.len, 1024);
    assert_int_equal(in.ptr[0], 'b');
    assert_false(p.stream.drained);
    assert_int_equal(p.pool.lent_bytes, 1024);
    pair_close(&p);
}

static void who_keeps_too_much_already_is_closed(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    uint8_t bytes[2000] = {0};
    assert_int_equal(send(p.peer, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 4096), STREAM_OK);
    assert_int_equal(stream_keep(&p.pool, &p.stream), ERR_OK);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 1024), STREAM_GONE); /* a lower limit now */
    pair_close(&p);
}

static void what_the_peer_does_not_take_is_sent_later(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    int small = 4096;
    setsockopt(p.stream.source.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    static uint8_t out[200000], in[200000];
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i % 251);
    assert_int_equal(stream_send(&p.pool, &p.stream, view_of(out, sizeof out)), STREAM_AGAIN);
    assert_true(stream_has_unsent(&p.stream));
    size_t have = 0;
    while (have < sizeof in) {
        ssize_t got = recv(p.peer, in + have, sizeof in - have, 0);
        if (got > 0) have += (size_t)got;
        if (stream_has_unsent(&p.stream))
            assert_int_not_equal(stream_flush(&p.pool, &p.stream), STREAM_GONE);
    }
    assert_memory_equal(in, out, sizeof in);
    assert_false(stream_has_unsent(&p.stream));
    assert_int_equal(p.pool.lent_bytes, 0);
    pair_close(&p);
}

static void a_released_connection_lives_on_with_its_bytes(void **state)
{
    (void)state;
    struct pair p;
    char got[8];
    pair_open(&p);
    assert_int_equal(stream_preload(&p.pool, &p.stream, VIEW("hello")), ERR_OK);
    assert_int_equal(stream_watch(&p.pool, &p.stream, EPOLLIN), ERR_OK);
    int fd = stream_release(&p.pool, &p.stream);
    assert_true(view_equal(stream_input(&p.stream), VIEW("hello")));
    stream_close(&p.pool, &p.stream, false);
    assert_int_equal(p.pool.lent_bytes, 0);
    assert_int_equal(send(p.peer, "abc", 3, 0), 3);
    assert_int_equal(recv(fd, got, sizeof got, 0), 3);
    close(fd);
    stream_pool_close(&p.pool);
    loop_close(&p.loop);
    close(p.peer);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    assert_int_equal(shutdown(p.peer, SHUT_WR), 0);
    assert_int_equal(stream_receive(&p.pool, &p.stream, 100), STREAM_EOF);
    assert_int_equal(stream_send(&p.pool, &p.stream, VIEW("still read")), STREAM_OK);
    close(p.peer);
    assert_int_equal(stream_send(&p.pool, &p.stream, VIEW("nobody")), STREAM_GONE);
    p.peer = dup(0);
    pair_close(&p);
}

static void fail_when_ready(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
    fail_msg("an event for a closed connection");
}

/* As a child process has it, from its fork until its exec. */
static void what_somebody_else_still_has_open_tells_nothing_more(void **state)
{
    (void)state;
    struct pair p;
    pair_open(&p);
    p.stream.source.ready = fail_when_ready;
    assert_int_equal(stream_watch(&p.pool, &p.stream, EPOLLIN), ERR_OK);
    int elsewhere = dup(p.stream.source.fd);
    stream_close(&p.pool, &p.stream, false);
    assert_int_equal(send(p.peer, "hello", 5, 0), 5);
    loop_turn(&p.loop, 0);
    close(elsewhere);
    pair_close(&p);
}

static void queues_keep_the_order_of_deadlines(void **state)
{
    (void)state;
    struct list queue;
    struct stream a, b;
    list_init(&queue);
    stream_open(&a, -1, ready_never);
    stream_open(&b, -1, ready_never);
    assert_null(stream_first(&queue));
    stream_wait(&a, &queue, 100);
    stream_wait(&b, &queue, 101);
    assert_ptr_equal(stream_first(&queue), &a);
    stream_wait(&a, &queue, 102);
    assert_ptr_equal(stream_first(&queue), &b);
    assert_int_equal(stream_first(&queue)->deadline_ms, 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_waits_borrows_nothing),
        cmocka_unit_test(what_is_kept_grows_byte_by_byte),
        cmocka_unit_test(a_kept_rest_moves_to_the_front_for_more),
        cmocka_unit_test(who_keeps_too_much_already_is_closed),
        cmocka_unit_test(what_the_peer_does_not_take_is_sent_later),
        cmocka_unit_test(a_released_connection_lives_on_with_its_bytes),
        cmocka_unit_test(what_somebody_else_still_has_open_tells_nothing_more),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(queues_keep_the_order_of_deadlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
