/* fuzz_websocket.c - any bytes as a handshake, and as what a peer says behind one. */
#include "admin/websocket.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_handshake(struct view bytes)
{
    static const char *const PROTOCOLS[] = {"muster.map.v1", "chat", NULL};
    struct http_request r;
    struct websocket_handshake h;
    char lines[WEBSOCKET_LINES_BYTES_MAX];
    if (http1_parse(bytes, 0, &r) <= 0 || websocket_check(&r, PROTOCOLS, &h) != 101) return;
    websocket_lines(&h, PROTOCOLS, lines);
    assert(strlen(h.accept) == WEBSOCKET_ACCEPT_BYTES - 1);
    assert(strlen(lines) < sizeof lines - 1);
}

static void note_closed(void *user, struct websocket *w)
{
    (void)w;
    *(bool *)user = true;
}

/* The first byte says how many of the others come with the handshake. */
static void hear(struct view bytes)
{
    static const struct websocket_opts OPTS = {
        .message_bytes_max = 1024, .quiet_ms = 1000, .stall_ms = 1000, .send_buffer_bytes = 4096};
    struct loop loop;
    struct websockets set;
    struct websocket *w;
    bool closed = false;
    int fds[2];
    size_t early = bytes.ptr[0] < bytes.len - 1 ? bytes.ptr[0] : bytes.len - 1;
    if (loop_open(&loop) != ERR_OK || websockets_open(&set, &loop, &OPTS, note_closed) != ERR_OK)
        abort();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0) abort();
    enum err err = websocket_open(&w, &set, fds[0], view_of(bytes.ptr + 1, early), &closed);
    ssize_t sent = send(fds[1], bytes.ptr + 1 + early, bytes.len - 1 - early, MSG_NOSIGNAL);
    for (int i = 0; err == ERR_OK && sent >= 0 && i < TURNS_MAX && !closed; i++)
        loop_turn(&loop, 0);
    websockets_close(&set);
    assert(closed || err != ERR_OK);
    loop_close(&loop);
    close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_handshake(view_of(bytes, len));
    if (len) hear(view_of(bytes, len));
    return 0;
}
