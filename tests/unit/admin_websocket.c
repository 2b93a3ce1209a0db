/* admin_websocket.c - the handshake's check, and what becomes of peers in time. */
#include "unit.h"

#include "admin/websocket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const PROTOCOLS[] = {"one", "two", NULL};

static int check(const char *lines, struct websocket_handshake *out)
{
    char text[2048];
    struct http_request r;
    int len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", lines);
    assert_int_equal(http1_parse(view_of(text, (size_t)len), 0, &r), len);
    return websocket_check(&r, PROTOCOLS, out);
}

#define UPGRADE                                                                                    \
    "Host: a\r\nUpgrade: h2c, WebSocket\r\nConnection: keep-alive\r\nconnection: upgrade\r\n"
#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"

static void the_standards_example(void **state)
{
    (void)state;
    struct websocket_handshake h;
    char lines[WEBSOCKET_LINES_BYTES_MAX];
    assert_int_equal(check(UPGRADE KEY VERSION, &h), 101);
    assert_string_equal(h.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_int_equal(h.protocol, -1);
    websocket_lines(&h, PROTOCOLS, lines);
    assert_null(strstr(lines, "Protocol"));
}

static void our_order_of_protocols_counts(void **state)
{
    (void)state;
    struct websocket_handshake h;
    char lines[WEBSOCKET_LINES_BYTES_MAX];
    assert_int_equal(check(UPGRADE KEY VERSION "Sec-WebSocket-Protocol: three\r\n"
                                               "Sec-WebSocket-Protocol: ,two ,one\r\n",
                           &h),
                     101);
    assert_int_equal(h.protocol, 0);
    websocket_lines(&h, PROTOCOLS, lines);
    assert_non_null(strstr(lines, "Sec-WebSocket-Protocol: one\r\n"));
}

static void refusals(void **state)
{
    (void)state;
    struct websocket_handshake h;
    assert_int_equal(check(KEY VERSION, &h), 426);
    assert_int_equal(check(UPGRADE KEY, &h), 426);
    assert_int_equal(check(UPGRADE VERSION, &h), 400);
    assert_int_equal(check(UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n", &h),
                     400);
    assert_int_equal(check(UPGRADE KEY VERSION "Origin: http://b\r\n", &h), 403);
    assert_int_equal(check(UPGRADE KEY VERSION "Origin: http://A:80\r\n", &h), 101);
}

/* ---- in time ---- */

struct peer {
    struct loop loop;
    struct websockets set;
    struct websocket *socket;
    int fd;
    int closed;
};

static void note_closed(void *user, struct websocket *w)
{
    struct peer *p = user;
    assert_ptr_equal(w, p->socket);
    p->closed++;
}

static void peer_open(struct peer *p)
{
    static const struct websocket_opts OPTS = {
        .message_bytes_max = 100, .quiet_ms = 1000, .stall_ms = 500, .send_buffer_bytes = 4096};
    int fds[2];
    *p = (struct peer){0};
    assert_int_equal(loop_open(&p->loop), ERR_OK);
    assert_int_equal(websockets_open(&p->set, &p->loop, &OPTS, note_closed), ERR_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    p->fd = fds[1];
    assert_int_equal(websocket_open(&p->socket, &p->set, fds[0], view_of(NULL, 0), p), ERR_OK);
}

static void peer_close(struct peer *p)
{
    websockets_close(&p->set);
    assert_int_equal(p->closed, 1);
    loop_close(&p->loop);
    close(p->fd);
}

static void pass(struct peer *p, uint64_t ms)
{
    p->loop.now_ms += ms;
    websockets_tick(&p->set);
}

static void a_quiet_peer_is_pinged_then_dropped(void **state)
{
    (void)state;
    struct peer p;
    uint8_t bytes[16];
    peer_open(&p);
    pass(&p, 999);
    assert_int_equal(read(p.fd, bytes, sizeof bytes), -1);
    pass(&p, 1);
    assert_int_equal(read(p.fd, bytes, sizeof bytes), 2);
    assert_memory_equal(bytes, "\x89\x00", 2);
    pass(&p, 999);
    assert_int_equal(read(p.fd, bytes, sizeof bytes), -1);
    assert_int_equal(p.closed, 0);
    pass(&p, 1);
    assert_int_equal(p.closed, 1);
    peer_close(&p);
}

static void a_peer_that_does_not_read_is_dropped(void **state)
{
    (void)state;
    static uint8_t body[60000], frame[60010];
    struct peer p;
    peer_open(&p);
    struct writer w = writer_of(frame, sizeof frame);
    websocket_frame(&p.set, &w, WEBSOCKET_BINARY, view_of(body, sizeof body));
    struct view frames = view_of(frame, writer_used(&w));
    assert_true(websocket_send(p.socket, frames));
    pass(&p, 10);
    assert_false(websocket_send(p.socket, frames));
    pass(&p, 400);
    assert_int_equal(p.closed, 0);
    pass(&p, 200);
    assert_int_equal(p.closed, 1);
    peer_close(&p);
}

static void frames_of_all_lengths(void **state)
{
    (void)state;
    static uint8_t body[70000], frame[70010];
    struct peer p;
    peer_open(&p);
    struct writer w = writer_of(frame, sizeof frame);
    websocket_frame(&p.set, &w, WEBSOCKET_BINARY, view_of(body, 9));
    assert_int_equal(writer_used(&w), 11);
    assert_memory_equal(frame, "\x82\x09", 2);
    w = writer_of(frame, sizeof frame);
    websocket_frame(&p.set, &w, WEBSOCKET_TEXT, view_of(body, 126));
    assert_memory_equal(frame, "\x81\x7e\x00\x7e", 4);
    w = writer_of(frame, sizeof frame);
    websocket_frame(&p.set, &w, WEBSOCKET_TEXT, view_of(body, 70000));
    assert_int_equal(writer_used(&w), 70010);
    w = writer_of(frame, 10);
    websocket_frame(&p.set, &w, WEBSOCKET_TEXT, view_of(body, 9));
    assert_true(w.overflow);
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_example),
        cmocka_unit_test(our_order_of_protocols_counts),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_quiet_peer_is_pinged_then_dropped),
        cmocka_unit_test(a_peer_that_does_not_read_is_dropped),
        cmocka_unit_test(frames_of_all_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
