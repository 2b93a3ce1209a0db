/* websocket.c - connections of websocket.h.
 *
 * Idea      all viewers are told the same, so a message becomes a frame once and its bytes go to
 *           each: one send() a peer, no copy unless the peer is behind. wslay keeps a context per
 *           peer for what that one says and for the control frames it is owed; whole frames of
 *           either kind go out one after the other, so they never mix.
 * Bounded   nothing is read from a peer that has not taken what it was sent, so neither pongs nor
 *           messages pile up: at most one batch waits, besides the socket's small buffer.
 * End       after the closing handshake the side that said "close" without being asked keeps
 *           reading for a moment: bytes on their way would reset the connection, and the peer might
 *           never see why. */
#include "admin/websocket.h"

#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define CONTROL_BYTES 16384 /* control frames written in one go */
#define LINGER_MS     2000

struct websocket {
    struct stream stream; /* first: a ready source is its connection */
    struct list link;     /* in websockets.all */
    struct websockets *set;
    void *user;
    wslay_event_context_ptr frames;
    struct view input;     /* not yet taken by wslay; during a turn only */
    struct writer *output; /* during a turn only */
    uint64_t heard_ms;
    uint64_t behind_ms; /* since when something is unsent; 0: nothing is */
    uint64_t linger_ms; /* all is said, wait for the peer's end until then; 0: not yet */
    bool pinged;        /* since it was heard */
    bool over;          /* the next tick closes it */
};

_Static_assert(offsetof(struct websocket, stream) == 0, "socket_ready() casts back");

/* ---- what wslay asks for ---- */

static ssize_t take_input(wslay_event_context_ptr frames, uint8_t *to, size_t len, int flags,
                          void *arg)
{
    struct websocket *w = arg;
    (void)flags;
    if (w->input.len == 0) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (len > w->input.len) len = w->input.len;
    memcpy(to, w->input.ptr, len);
    w->input = view_from(w->input, len);
    return (ssize_t)len;
}

static ssize_t give_output(wslay_event_context_ptr frames, const uint8_t *bytes, size_t len,
                           int flags, void *arg)
{
    struct websocket *w = arg;
    (void)flags;
    if (writer_left(w->output) < len) {
        wslay_event_set_error(frames, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    writer_put(w->output, bytes, len);
    return (ssize_t)len;
}

static const struct wslay_event_callbacks CALLBACKS = {.recv_callback = take_input,
                                                       .send_callback = give_output};

/* ---- life ---- */

static uint64_t now_ms(const struct websockets *s)
{
    return s->pool.loop->now_ms;
}

static void socket_free(struct websocket *w, bool abort)
{
    struct websockets *s = w->set;
    list_remove(&w->link);
    s->count--;
    if (s->closed) s->closed(w->user, w);
    stream_close(&s->pool, &w->stream, abort);
    wslay_event_context_free(w->frames);
    free(w);
}

/* The peer is too slow, silent, or gone. */
static void socket_drop(struct websocket *w)
{
    metrics_inc(METRIC_WEBSOCKET_DROPS);
    socket_free(w, true);
}

static void note_sent(struct websocket *w, enum stream_io io)
{
    if (io == STREAM_GONE) w->over = true;
    if (!stream_has_unsent(&w->stream)) w->behind_ms = 0;
    else if (!w->behind_ms) w->behind_ms = now_ms(w->set);
}

/* Send the control frames that are due, as far as the peer takes them. */
static void respond(struct websocket *w)
{
    uint8_t bytes[CONTROL_BYTES];
    while (!w->over && !stream_has_unsent(&w->stream) && wslay_event_want_write(w->frames)) {
        struct writer out = writer_of(bytes, sizeof bytes);
        w->output = &out;
        if (wslay_event_send(w->frames) != 0) w->over = true;
        w->output = NULL;
        note_sent(w, stream_send(&w->set->pool, &w->stream, view_of(bytes, writer_used(&out))));
    }
}

static void linger(struct websocket *w)
{
    if (wslay_event_get_close_received(w->frames)) {
        w->over = true; /* both have said it */
        return;
    }
    shutdown(w->stream.source.fd, SHUT_WR);
    w->linger_ms = now_ms(w->set) + LINGER_MS;
}

/* After anything happened: answer, and see whether that was all. */
static void settle(struct websocket *w)
{
    respond(w);
    if (w->over) return;
    bool said_all = !wslay_event_want_write(w->frames) && !stream_has_unsent(&w->stream);
    if (said_all && !wslay_event_get_write_enabled(w->frames) && !w->linger_ms) linger(w);
    uint32_t events = stream_has_unsent(&w->stream) ? EPOLLOUT : EPOLLIN;
    if (!w->over && stream_watch(&w->set->pool, &w->stream, events) != ERR_OK) w->over = true;
}

/* Hand bytes to wslay. What it wants no more of (after a close) is dropped. */
static void hear(struct websocket *w, struct view bytes)
{
    w->heard_ms = now_ms(w->set);
    w->pinged = false;
    if (!wslay_event_want_read(w->frames)) return;
    w->input = bytes;
    int failed = wslay_event_recv(w->frames);
    if (failed && failed != WSLAY_ERR_CALLBACK_FAILURE) w->over = true; /* that is a bad frame */
    w->input = view_of(NULL, 0);
    if (!wslay_event_want_read(w->frames) && !wslay_event_get_close_received(w->frames))
        metrics_inc(METRIC_WEBSOCKET_ERRORS);
}

static void receive(struct websocket *w)
{
    struct stream_pool *pool = &w->set->pool;
    switch (stream_receive(pool, &w->stream, STREAM_SCRATCH_BYTES)) {
    case STREAM_OK: {
        struct view bytes = stream_input(&w->stream);
        hear(w, bytes);
        stream_consume(pool, &w->stream, bytes.len);
        break;
    }
    case STREAM_AGAIN: break;
    case STREAM_EOF:
    case STREAM_GONE: w->over = true; break;
    }
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
    struct websocket *w = (struct websocket *)source;
    (void)events;
    if (stream_has_unsent(&w->stream)) note_sent(w, stream_flush(&w->set->pool, &w->stream));
    if (!w->over && !stream_has_unsent(&w->stream)) receive(w);
    if (!w->over) settle(w);
    if (w->over) socket_free(w, false);
}

enum err websocket_open(struct websocket **out, struct websockets *s, int take_fd,
                        struct view unread, void *user)
{
    struct websocket *w = calloc(1, sizeof *w);
    if (!w || wslay_event_context_server_init(&w->frames, &CALLBACKS, w) != 0) {
        free(w);
        close(take_fd);
        return ERR_NO_MEMORY;
    }
    setsockopt(take_fd, SOL_SOCKET, SO_SNDBUF, &s->opts.send_buffer_bytes,
               sizeof s->opts.send_buffer_bytes);
    wslay_event_config_set_max_recv_msg_length(w->frames, s->opts.message_bytes_max);
    w->set = s;
    w->user = user;
    stream_open(&w->stream, take_fd, socket_ready);
    list_append(&s->all, &w->link);
    s->count++;
    metrics_inc(METRIC_WEBSOCKET_ACCEPTS);
    hear(w, unread);
    settle(w);
    *out = w;
    return ERR_OK;
}

/* ---- messages out ---- */

static ssize_t give_frame(const uint8_t *bytes, size_t len, int flags, void *arg)
{
    struct websockets *s = arg;
    (void)flags;
    writer_put(s->encoding, bytes, len);
    return (ssize_t)len;
}

void websocket_frame(struct websockets *s, struct writer *out, enum websocket_type type,
                     struct view body)
{
    struct wslay_frame_iocb frame = {
        .fin = 1,
        .opcode = type == WEBSOCKET_TEXT ? WSLAY_TEXT_FRAME : WSLAY_BINARY_FRAME,
        .payload_length = body.len,
        .data = body.ptr,
        .data_length = body.len,
    };
    if (writer_left(out) < body.len + WEBSOCKET_FRAME_HEAD_BYTES) {
        out->overflow = true;
        return;
    }
    s->encoding = out;
    ssize_t sent = wslay_frame_send(s->encoder, &frame);
    s->encoding = NULL;
    assert(sent == (ssize_t)body.len);
}

bool websocket_send(struct websocket *w, struct view frames)
{
    respond(w);
    if (w->over || stream_has_unsent(&w->stream) || !wslay_event_get_write_enabled(w->frames))
        return false;
    note_sent(w, stream_send(&w->set->pool, &w->stream, frames));
    settle(w);
    return !w->over;
}

/* ---- the set ---- */

enum err websockets_open(struct websockets *s, struct loop *loop, const struct websocket_opts *opts,
                         websocket_closed_fn *closed)
{
    static const struct wslay_frame_callbacks ENCODER = {.send_callback = give_frame};
    *s = (struct websockets){.opts = *opts, .closed = closed};
    list_init(&s->all);
    if (wslay_frame_context_init(&s->encoder, &ENCODER, s) != 0) return ERR_NO_MEMORY;
    enum err err = stream_pool_open(&s->pool, loop);
    if (err != ERR_OK) wslay_frame_context_free(s->encoder);
    return err;
}

static void tick_one(struct websocket *w)
{
    const struct websockets *s = w->set;
    const struct websocket_opts *o = &s->opts;
    uint64_t now = now_ms(s);
    if (w->over || (w->linger_ms && now >= w->linger_ms)) {
        socket_free(w, false);
    } else if (w->behind_ms ? now - w->behind_ms >= o->stall_ms
                            : now - w->heard_ms >= 2ull * o->quiet_ms) {
        socket_drop(w);
    } else if (now - w->heard_ms >= o->quiet_ms && !w->pinged && !w->linger_ms) {
        struct wslay_event_msg ping = {.opcode = WSLAY_PING};
        if (wslay_event_queue_msg(w->frames, &ping) != 0) w->over = true;
        w->pinged = true;
        if (!w->over) settle(w);
    }
}

void websockets_tick(struct websockets *s)
{
    for (struct list *at = s->all.next, *next; at != &s->all; at = next) {
        next = at->next;
        tick_one(LIST_ENTRY(at, struct websocket, link));
    }
}

void websockets_dismiss(struct websockets *s)
{
    for (struct list *at = s->all.next; at != &s->all; at = at->next) {
        struct websocket *w = LIST_ENTRY(at, struct websocket, link);
        if (wslay_event_queue_close(w->frames, WSLAY_CODE_GOING_AWAY, NULL, 0) != 0) w->over = true;
        else settle(w);
    }
}

void websockets_close(struct websockets *s)
{
    for (struct list *at = s->all.next, *next; at != &s->all; at = next) {
        struct websocket *w = LIST_ENTRY(at, struct websocket, link);
        next = at->next;
        if (wslay_event_queue_close(w->frames, WSLAY_CODE_GOING_AWAY, NULL, 0) == 0) respond(w);
        socket_free(w, false);
    }
    stream_pool_close(&s->pool);
    wslay_frame_context_free(s->encoder);
}
