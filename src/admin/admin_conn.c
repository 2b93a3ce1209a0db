/* admin_conn.c - a connection of the operators' door: read, answer, wait, close.
 *
 * Turn      send what is left of an answer, serve what has come, receive once, serve that, wait.
 *           A large body leaves in pieces, and requests that came together are served, a few a
 *           turn, so that no client holds the housekeeping thread; a client that does not take its
 *           answer is not read from.
 * Closing   as the workers' door closes (front/http_conn.c): after the last answer the connection
 *           lingers until the client's end, so that no reset overtakes the answer.
 * Slow      the time for sending is moved on by what the client takes, at the slowest rate that is
 *           served: who takes a large file at his line's speed has it whole, who takes a byte now
 *           and then is behind, and leaves at the deadline or for a newcomer (admin_room.c).
 * Deadlines at most 256 connections are looked at every 100 ms; no queues are needed for that. */
#include "admin/admin_door.h"

#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECES_PER_TURN   8
#define REQUESTS_PER_TURN 4
#define TAKEN_PER_MS      8 /* bytes: the slowest client that is not behind */

/* What the kernel holds for a client (it doubles this). Its own choice grows to megabytes: hundreds of
 * answers made for one who pipelines requests and reads none. */
#define SEND_BUFFER_BYTES 65536

/* ---- bodies ---- */

static void body_free(struct admin_conn *c)
{
    struct admin_body *b = &c->body;
    c->admin->unsent_bytes -= b->owned_bytes;
    free(b->owned);
    if (b->fd > 0) close(b->fd);
    *b = (struct admin_body){0};
}

static bool body_is_sent(const struct admin_conn *c)
{
    return c->body.rest.len == 0 && c->body.file_left == 0;
}

/* Take what the answer's body is made of; true when it will be sent. */
static void body_take(struct admin_conn *c, const struct admin_response *a, bool is_wanted)
{
    struct admin_body *b = &c->body;
    *b = (struct admin_body){.owned = a->take_body, .fd = a->take_file_fd};
    if (!is_wanted) {
        body_free(c);
        return;
    }
    if (a->take_file_fd > 0) b->file_left = a->body_bytes;
    else if (!a->take_body) b->rest = a->constant_body;
    else {
        b->rest = view_of(a->take_body, a->body_bytes);
        b->owned_bytes = a->body_bytes;
        c->admin->unsent_bytes += a->body_bytes;
    }
}

/* Append the next piece; false when a file has become shorter than was promised. */
static bool body_piece(struct admin_conn *c, struct writer *out)
{
    struct admin_body *b = &c->body;
    size_t len = b->rest.len + b->file_left;
    if (len > ADMIN_PIECE_BYTES) len = ADMIN_PIECE_BYTES;
    if (b->fd <= 0) {
        writer_put(out, b->rest.ptr, len);
        b->rest = view_from(b->rest, len);
        return true;
    }
    ssize_t got = pread(b->fd, writer_take(out, len), len, (off_t)b->file_at);
    b->file_at += len;
    b->file_left -= len;
    return got == (ssize_t)len;
}

/* The client has taken what came before these bytes: that much he is not behind. */
static void sent_count(struct admin_conn *c, size_t bytes)
{
    uint64_t now_ms = c->admin->env.loop->now_ms;
    c->since_ms += bytes / TAKEN_PER_MS;
    if (c->since_ms > now_ms) c->since_ms = now_ms;
}

/* Send `out`, then pieces of the body. AGAIN: there is more. */
static enum stream_io body_send(struct admin_conn *c, struct writer *out)
{
    struct stream_pool *pool = &c->admin->pool;
    for (int left = PIECES_PER_TURN;; left--) {
        if (!body_is_sent(c) && !body_piece(c, out)) return STREAM_GONE;
        sent_count(c, writer_used(out));
        enum stream_io io = stream_send(pool, &c->stream, view_of(out->start, writer_used(out)));
        if (body_is_sent(c)) body_free(c);
        if (io != STREAM_OK || body_is_sent(c)) return io;
        if (left == 0) return STREAM_AGAIN;
        *out = writer_of(c->admin->out, sizeof c->admin->out);
    }
}

/* ---- closing ---- */

/* The place is free again; its fd is closed or somebody else's. */
static void conn_forget(struct admin_conn *c)
{
    struct admin *a = c->admin;
    assert(a->open > 0);
    a->open--;
    if (c->origin == ORIGIN_MAIN_PORT) metrics_inc(METRIC_TCP_CLOSES); /* a worker counted it */
}

void admin_conn_close(struct admin_conn *c, bool abort)
{
    body_free(c);
    stream_close(&c->admin->pool, &c->stream, abort);
    conn_forget(c);
}

static void conn_wait(struct admin_conn *c, enum admin_wait wait)
{
    struct admin *a = c->admin;
    uint32_t events = wait == ADMIN_WAIT_SEND ? EPOLLOUT : EPOLLIN;
    if (stream_keep(&a->pool, &c->stream) != ERR_OK ||
        stream_watch(&a->pool, &c->stream, events) != ERR_OK) {
        admin_conn_close(c, true);
        return;
    }
    if (c->wait != wait) c->since_ms = a->env.loop->now_ms;
    c->wait = wait;
}

static void conn_finish(struct admin_conn *c)
{
    if (c->eof || shutdown(c->stream.source.fd, SHUT_WR) != 0) {
        admin_conn_close(c, false);
        return;
    }
    stream_consume(&c->admin->pool, &c->stream, stream_input(&c->stream).len);
    conn_wait(c, ADMIN_WAIT_LINGER);
}

static void conn_discard(struct admin_conn *c)
{
    struct stream_pool *pool = &c->admin->pool;
    enum stream_io io = stream_receive(pool, &c->stream, STREAM_SCRATCH_BYTES);
    if (io == STREAM_AGAIN) return;
    if (io == STREAM_OK) stream_consume(pool, &c->stream, stream_input(&c->stream).len);
    else admin_conn_close(c, false);
}

/* ---- serving ---- */

/* Give the connection away, as the answer that was sent promises. */
static enum stream_io conn_upgrade(struct admin_conn *c, const struct admin_request *r,
                                   const struct admin_response *a, struct view unread)
{
    struct stream_pool *pool = &c->admin->pool;
    a->upgrade(a->upgrade_ctx, stream_release(pool, &c->stream), r, unread);
    stream_close(pool, &c->stream, false); /* gives the bytes back */
    conn_forget(c);
    return STREAM_OK;
}

/* Too much is unsent already: another answer takes the place of this one. */
static void answer_limit(const struct admin *a, struct admin_response *out)
{
    if (!out->take_body || a->unsent_bytes + out->body_bytes <= ADMIN_UNSENT_MAX) return;
    metrics_inc(METRIC_ADMIN_UNSENT_FULL);
    free(out->take_body);
    *out = (struct admin_response){.status = 503, .headers = "Retry-After: 5\r\n"};
}

static void status_count(const struct admin_conn *c, int status)
{
    if (c->origin != ORIGIN_MAIN_PORT) return;
    metrics_http_status(status);
    if (status < 400) metrics_inc_by(METRIC_HTTP4_PAGES, c->client.family);
}

/* Write head and body; `r` is NULL for a request that could not be read. */
static enum stream_io answer_send(struct admin_conn *c, const struct http_request *r,
                                  struct admin_response *a)
{
    answer_limit(c->admin, a);
    status_count(c, a->status);
    struct writer out = writer_of(c->admin->out, sizeof c->admin->out);
    admin_head_write(c, r, a, &out);
    body_take(c, a, (!r || r->method != HTTP_HEAD) && a->status != 304);
    return body_send(c, &out);
}

static enum stream_io conn_error(struct admin_conn *c, int status)
{
    struct admin_response a = {0};
    if (status == 413) metrics_inc(METRIC_ADMIN_BODIES_LARGE);
    if (status == 405) a.headers = "Allow: GET, HEAD, POST\r\n";
    c->closing = true;
    c->is_later = false;
    admin_respond_status(&a, status);
    return answer_send(c, NULL, &a);
}

/* Nobody's, should the kernel not tell: never root's by mistake. */
static uint32_t peer_uid(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.uid : UINT32_MAX;
}

static enum stream_io request_answer(struct admin_conn *c, const struct http_request *head,
                                     struct view body, struct view unread)
{
    struct admin_response a = {.status = 200};
    struct admin_request r = {.method = head->method,
                              .path = head->path,
                              .query = head->query,
                              .body = body,
                              .head = head,
                              .origin = c->origin};
    if (c->origin == ORIGIN_UNIX) r.uid = peer_uid(c->stream.source.fd);
    assert(!c->admin->serving); /* its input lies in the pool's scratch */
    c->admin->serving = c;
    admin_answer(c, &r, &a);
    c->admin->serving = NULL;
    c->is_later = a.is_later;
    if (a.is_later) return STREAM_AGAIN;
    c->closing = c->origin == ORIGIN_MAIN_PORT || !head->keep_alive || c->admin->draining;
    enum stream_io io = answer_send(c, head, &a);
    if (a.status != 101 || !a.upgrade) return io;
    return io == STREAM_OK ? conn_upgrade(c, &r, &a, unread) : STREAM_GONE;
}

/* Answer the request at the start of the input; AGAIN when it is not whole, or the answer not sent. */
static enum stream_io conn_request(struct admin_conn *c)
{
    struct view input = stream_input(&c->stream);
    struct http_request head;
    int used = input.len ? http1_parse_post(input, c->seen_bytes, &head) : 0;
    c->seen_bytes = used == 0 ? (uint32_t)input.len : 0;
    if (used == 0 && input.len >= ADMIN_REQUEST_BYTES_MAX) used = -431;
    if (used > 0 && head.body_bytes > ADMIN_POST_BYTES_MAX) used = -413;
    if (used < 0) return conn_error(c, -used);
    if (used == 0 || input.len - (size_t)used < head.body_bytes) return STREAM_AGAIN;
    size_t len = (size_t)used + head.body_bytes;
    struct view body = view_of(input.ptr + used, head.body_bytes);
    enum stream_io io = request_answer(c, &head, body, view_from(input, len));
    if (io != STREAM_GONE && c->stream.source.fd >= 0 && !c->is_later) {
        if (c->wait != ADMIN_WAIT_SEND) c->since_ms = c->admin->env.loop->now_ms;
        stream_consume(&c->admin->pool, &c->stream, len);
    }
    return io;
}

static enum stream_io conn_serve(struct admin_conn *c)
{
    enum stream_io io = STREAM_OK;
    int left = REQUESTS_PER_TURN;
    while (io == STREAM_OK && c->stream.source.fd >= 0 && !c->closing && left-- > 0)
        io = conn_request(c);
    c->has_more = left < 0;
    return io == STREAM_AGAIN ? STREAM_OK : io;
}

static bool has_unsent(const struct admin_conn *c)
{
    return stream_has_unsent(&c->stream) || !body_is_sent(c);
}

static enum stream_io conn_read(struct admin_conn *c)
{
    if (c->stream.source.fd < 0 || c->closing || c->eof || has_unsent(c) || c->has_more)
        return STREAM_OK;
    enum stream_io io =
        stream_receive(&c->admin->pool, &c->stream, ADMIN_REQUEST_BYTES_MAX + ADMIN_POST_BYTES_MAX);
    if (io == STREAM_OK) return conn_serve(c);
    if (io == STREAM_EOF) c->eof = true;
    return io == STREAM_GONE ? STREAM_GONE : STREAM_OK;
}

static void conn_settle(struct admin_conn *c)
{
    if (has_unsent(c) || c->has_more) conn_wait(c, ADMIN_WAIT_SEND);
    else if (c->closing || c->eof) conn_finish(c);
    else if (stream_input(&c->stream).len) conn_wait(c, ADMIN_WAIT_REST);
    else if (c->admin->draining) admin_conn_close(c, false);
    else conn_wait(c, ADMIN_WAIT_REQUEST);
}

void admin_conn_turn(struct admin_conn *c)
{
    struct writer out = writer_of(c->admin->out, sizeof c->admin->out);
    enum stream_io io = stream_flush(&c->admin->pool, &c->stream);
    if (io == STREAM_OK && !body_is_sent(c)) io = body_send(c, &out);
    if (io == STREAM_OK) io = conn_serve(c);
    if (io == STREAM_OK) io = conn_read(c);
    if (c->stream.source.fd < 0) return;
    if (io == STREAM_GONE) admin_conn_close(c, false);
    else conn_settle(c);
}

static void conn_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct admin_conn *c = (struct admin_conn *)source;
    if (c->wait == ADMIN_WAIT_LINGER) conn_discard(c);
    else admin_conn_turn(c);
}

_Static_assert(offsetof(struct admin_conn, stream.source) == 0, "a source is its connection");

void admin_conn_timeout(struct admin_conn *c)
{
    if (c->wait != ADMIN_WAIT_LINGER) metrics_inc(METRIC_ADMIN_TIMEOUTS);
    if (c->wait != ADMIN_WAIT_REST) {
        admin_conn_close(c, c->wait == ADMIN_WAIT_SEND);
        return;
    }
    if (conn_error(c, 408) == STREAM_GONE) admin_conn_close(c, false);
    else conn_settle(c);
}

void admin_conn_open(struct admin_conn *c, struct admin *a, int take_fd, enum admin_origin origin,
                     const struct address *client, const struct address *host)
{
    *c = (struct admin_conn){.admin = a,
                             .client = *client,
                             .host = *host,
                             .origin = origin,
                             .wait = ADMIN_WAIT_REQUEST,
                             .since_ms = a->env.loop->now_ms};
    static const int BYTES = SEND_BUFFER_BYTES;
    setsockopt(take_fd, SOL_SOCKET, SO_SNDBUF, &BYTES, sizeof BYTES);
    stream_open(&c->stream, take_fd, conn_ready);
    a->open++;
}
