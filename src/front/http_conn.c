/* http_conn.c - a connection's life: read, answer, wait, close. Requests: http_answer.c.
 *
 * Turn      flush what is unsent, serve what was kept, receive once, serve that, then settle: close,
 *           or wait in one queue for one thing. One recv() per turn keeps turns short, and a client
 *           that does not take its answers is not read from, so it cannot fill our memory.
 * Closing   close() with unread input, or input that arrives later, makes the kernel send a reset
 *           that may overtake the answer (protocol.md T22). So the last answer is followed by
 *           shutdown() and the connection lingers until the client's end. Two cases need no wait
 *           and take half of the calls: the client has ended already; or it said itself that this
 *           is its last request (Connection: close, HTTP/1.0) and the socket was empty after it.
 * Deadlines A queue per kind of wait (net/stream.h). A request's clock starts with its first byte
 *           and is not wound again by further bytes, so a trickler is cut.
 * Rejected  Reading until EAGAIN: one more call per request to learn that nothing came. */
#include "front/http_door.h"

#include "base/metrics.h"
#include "proto/proxy_header.h"

#include <assert.h>
#include <sys/socket.h>

#define PROXY_HEADER_WITHIN_MS 3000 /* T76 */
#define LINGER_MS              2000

/* ---- closing ---- */

/* Closed, or somebody else's now. */
static void conn_forget(struct http_conn *c, bool abort)
{
    struct http_door *d = c->door;
    stream_close(&d->pool, &c->stream, abort);
    list_prepend(&d->free, &c->stream.waiting); /* to be used next, while it is in the cache */
    assert(d->open > 0);
    d->open--;
    atomic_fetch_sub_explicit(&d->env.shared->connections, 1, memory_order_relaxed);
}

void http_conn_close(struct http_conn *c, bool abort)
{
    if (c->scrape) full_scrape_free(c->scrape);
    c->scrape = NULL;
    conn_forget(c, abort);
    metrics_inc(METRIC_TCP_CLOSES);
}

uint64_t http_wait_ms(const struct http_door *d, enum http_wait wait)
{
    switch (wait) {
    case WAIT_PROXY: return PROXY_HEADER_WITHIN_MS;
    case WAIT_IDLE: return http_door_opts(d)->idle_timeout_ms;
    case WAIT_LINGER: return LINGER_MS;
    default: return http_door_opts(d)->timeout_ms;
    }
}

/* Wait for one thing; the clock of a wait that goes on is wound again only with `anew`. */
static void conn_wait(struct http_conn *c, enum http_wait wait, bool anew)
{
    struct http_door *d = c->door;
    uint32_t events = wait == WAIT_SEND ? EPOLLOUT : EPOLLIN;
    if (stream_watch(&d->pool, &c->stream, events) != ERR_OK) {
        http_conn_close(c, true);
        return;
    }
    if (c->wait == wait && !anew) return;
    c->wait = (uint8_t)wait;
    stream_wait(&c->stream, &d->waits[wait], d->env.loop->now_ms + http_wait_ms(d, wait));
}

/* Everything is answered and sent: end the connection without harming the answer in flight. */
static void conn_finish(struct http_conn *c)
{
    struct view input = stream_input(&c->stream);
    bool is_silent =
        c->dropped || c->eof || (c->client_closes && c->stream.drained && input.len == 0);
    if (is_silent || shutdown(c->stream.source.fd, SHUT_WR) != 0) {
        http_conn_close(c, false);
        return;
    }
    stream_consume(&c->door->pool, &c->stream, input.len);
    conn_wait(c, WAIT_LINGER, true);
}

static void conn_discard(struct http_conn *c)
{
    struct stream_pool *pool = &c->door->pool;
    enum stream_io io = stream_receive(pool, &c->stream, STREAM_SCRATCH_BYTES);
    if (io == STREAM_AGAIN) return;
    if (io == STREAM_OK) stream_consume(pool, &c->stream, stream_input(&c->stream).len);
    else http_conn_close(c, false);
}

/* ---- serving ---- */

static enum stream_io conn_send(struct http_conn *c, struct writer *out)
{
    struct view bytes = view_of(out->start, writer_used(out));
    *out = writer_of(out->start, HTTP_OUT_BYTES);
    c->stream.last = c->closing && !c->scrape;
    return stream_send(&c->door->pool, &c->stream, bytes);
}

/* Take the PROXY header off the input. OK when it is gone, AGAIN for more, GONE for no header. */
static enum stream_io conn_proxy_header(struct http_conn *c)
{
    struct proxy_header header;
    struct view input = stream_input(&c->stream);
    int used = input.len ? proxy_header_parse(input, false, &header) : 0;
    if (used < 0 || (used == 0 && input.len >= PROXY_HEADER_BYTES_MAX)) {
        metrics_inc(METRIC_TCP_PROXY_ERRORS);
        return STREAM_GONE;
    }
    if (used == 0) return STREAM_AGAIN;
    stream_consume(&c->door->pool, &c->stream, (size_t)used);
    c->proxy_expected = false;
    c->is_proxy_itself = header.is_local;
    if (header.is_local) return STREAM_OK;
    c->client = header.source;
    return tracker_allows(c->door->env.tracker, RATE_CONNECTION, &c->client,
                          c->door->env.loop->now_us)
               ? STREAM_OK
               : STREAM_GONE;
}

/* The status for a head that is larger than `limit`. */
static int oversize_status(struct view head, size_t limit)
{
    return memchr(head.ptr, '\n', limit) ? 431 : 414;
}

/* Parse the request at the start of the input, which must be within the limit too.
 * As http1_parse(); *wrapped tells of a base64 request, whose views lie in the door's scratch. */
static int request_parse(struct http_conn *c, struct view input, struct http_request *r,
                         bool *wrapped)
{
    struct http_door *d = c->door;
    size_t limit = http_door_opts(d)->request_bytes_max, len = 0;
    r->body_bytes = 0;
    r->flaw = "not the base64 of a request";
    *wrapped = http1_is_base64(input);
    int used = *wrapped ? http1_unwrap_base64(input, d->unwrapped, sizeof d->unwrapped, &len)
                        : http1_parse(input, c->seen_bytes, r);
    if (*wrapped && used > 0) {
        int inner = http1_parse(view_of(d->unwrapped, len), 0, r);
        if (inner <= 0) used = inner ? inner : -400;
    }
    if (used == -400 && r->body_bytes > limit) used = -413;
    bool is_over = used > 0 ? (size_t)used > limit : used == 0 && input.len >= limit;
    return is_over ? -oversize_status(input, limit) : used;
}

/* Answer the request at the start of the input, which is not empty; false when it is not whole. */
static bool conn_request(struct http_conn *c, struct writer *out)
{
    struct view input = stream_input(&c->stream);
    struct http_request r;
    bool wrapped;
    int used = request_parse(c, input, &r, &wrapped);
    c->seen_bytes = used ? 0 : (uint32_t)input.len;
    if (used == 0) return false;
    metrics_inc(c->client.family == FAMILY_V4 ? METRIC_HTTP4_REQUESTS : METRIC_HTTP6_REQUESTS);
    if (used < 0) {
        http_answer_error(c, -used, r.flaw, out);
        return true;
    }
    if (wrapped) r.keep_alive = false;
    c->wrapped = wrapped;
    http_answer(c, &r, out);
    if (c->leaving) return false;          /* with all its bytes */
    if (wrapped) c->client_closes = false; /* more of the wrapping may follow */
    stream_consume(&c->door->pool, &c->stream, (size_t)used);
    return true;
}

/* Send the next piece of a full scrape. */
static enum stream_io conn_stream(struct http_conn *c)
{
    struct http_door *d = c->door;
    struct writer out = writer_of(d->out, sizeof d->out);
    enum full_scrape_step step = full_scrape_piece(c->scrape, loop_now_s(d->env.loop), &out);
    if (step == FULL_SCRAPE_SLOW) metrics_inc(METRIC_HTTP_FULL_SCRAPES_SLOW);
    if (step == FULL_SCRAPE_FAILED || step == FULL_SCRAPE_SLOW) return STREAM_GONE;
    if (step == FULL_SCRAPE_END) {
        full_scrape_free(c->scrape);
        c->scrape = NULL;
    }
    metrics_add(METRIC_HTTP_FULL_SCRAPE_BYTES, writer_used(&out));
    return conn_send(c, &out);
}

static bool conn_may_ask(const struct http_conn *c)
{
    return !c->scrape && !c->closing && !c->leaving && stream_input(&c->stream).len;
}

/* Answer all whole requests of the input, as far as the client takes the answers. */
static enum stream_io conn_serve(struct http_conn *c)
{
    if (c->proxy_expected) {
        enum stream_io io = conn_proxy_header(c);
        if (io != STREAM_OK) return io == STREAM_AGAIN ? STREAM_OK : io;
    }
    if (c->scrape) {
        enum stream_io io = conn_stream(c);
        if (io != STREAM_OK) return io;
    }
    struct writer out = writer_of(c->door->out, sizeof c->door->out);
    while (conn_may_ask(c) && conn_request(c, &out)) {
        if (writer_left(&out) >= HTTP_ANSWER_BYTES_MAX) continue;
        enum stream_io io = conn_send(c, &out);
        if (io != STREAM_OK) return io;
    }
    return conn_send(c, &out);
}

/* How much of a request may be kept while the rest is awaited. */
static size_t conn_keep_max(const struct http_conn *c)
{
    return c->proxy_expected ? PROXY_HEADER_BYTES_MAX : http_door_opts(c->door)->request_bytes_max;
}

static enum stream_io conn_read(struct http_conn *c)
{
    if (c->scrape || c->closing || c->eof || c->leaving) return STREAM_OK;
    const struct tracker *t = c->door->env.tracker;
    rate_prefetch(t->rate, RATE_ANNOUNCE, &c->client); /* it will be asked for */
    enum stream_io io = stream_receive(&c->door->pool, &c->stream, conn_keep_max(c));
    if (io == STREAM_OK) return conn_serve(c);
    if (io == STREAM_EOF) c->eof = true;
    return io == STREAM_GONE ? STREAM_GONE : STREAM_OK;
}

/* After a turn: close, or wait. `progress`: a request was answered, or a piece of one. */
static void conn_settle(struct http_conn *c, bool progress)
{
    if (stream_has_unsent(&c->stream) || c->scrape) {
        if (stream_keep(&c->door->pool, &c->stream) != ERR_OK) http_conn_close(c, true);
        else conn_wait(c, WAIT_SEND, progress);
        return;
    }
    bool is_empty = stream_input(&c->stream).len == 0;
    if (c->closing || c->eof) conn_finish(c);
    else if (is_empty && c->door->draining) http_conn_close(c, false);
    else if (stream_keep(&c->door->pool, &c->stream) != ERR_OK) http_conn_close(c, true);
    else if (c->proxy_expected) conn_wait(c, WAIT_PROXY, false);
    else if (!is_empty) conn_wait(c, WAIT_HEAD, progress);
    else conn_wait(c, c->requests ? WAIT_IDLE : WAIT_FRESH, progress);
}

/* A turn answered `count` requests. See base/metrics.h for what is measured. */
static void time_turn(struct http_conn *c, uint32_t count)
{
    struct http_door *d = c->door;
    if (count == 0 || d->env.tracker->stats_minimal) return;
    if (d->turns++ % LATENCY_SAMPLE == 0)
        buckets_add(&metrics_mine->latency[METRIC_DOOR_HTTP], &LATENCY_US,
                    loop_elapsed_us(d->env.loop), count);
}

/* All answers before it are sent: give the connection to the operators' door. */
static void conn_hand_over(struct http_conn *c)
{
    struct http_door *d = c->door;
    struct http_pages *pages = d->env.pages;
    struct view input = stream_input(&c->stream);
    int fd = stream_release(&d->pool, &c->stream);
    if (pages->take(pages, fd, &c->client, input)) {
        metrics_inc(METRIC_PAGES_HANDED_OVER);
        conn_forget(c, false);
        return;
    }
    metrics_inc(METRIC_PAGES_REFUSED);
    c->leaving = false;
    c->stream.source.fd = fd;
    struct writer out = writer_of(d->out, sizeof d->out);
    http_answer_error(c, 503, NULL, &out);
    if (conn_send(c, &out) == STREAM_GONE) http_conn_close(c, false);
    else conn_settle(c, true);
}

/* Give the connection, and what has come of its next request, to who takes over. */
static void conn_give(struct http_conn *c)
{
    struct stream_pool *pool = &c->door->pool;
    struct http_handed handed = {
        .fd = stream_release(pool, &c->stream),
        .client = c->client,
        .proxy_expected = c->proxy_expected,
        .is_proxy_itself = c->is_proxy_itself,
        .requests = c->requests,
        .input = stream_input(&c->stream),
    };
    if (!c->door->heir->take(c->door->heir, &handed)) metrics_inc(METRIC_TCP_CLOSES);
    c->stream.source.fd = handed.fd;
    conn_forget(c, false);
}

/* A turn of a door that is left: what is answered is sent, nothing more is read. */
static void conn_leave(struct http_conn *c)
{
    enum stream_io io = stream_flush(&c->door->pool, &c->stream);
    if (io == STREAM_OK && c->scrape) io = conn_stream(c);
    if (io == STREAM_GONE) http_conn_close(c, false);
    else if (stream_has_unsent(&c->stream) || c->scrape) conn_wait(c, WAIT_SEND, io == STREAM_OK);
    else if (c->closing || c->eof) conn_finish(c);
    else conn_give(c);
}

void http_conn_turn(struct http_conn *c)
{
    if (c->door->heir) {
        conn_leave(c);
        return;
    }
    uint32_t requests = c->requests;
    enum stream_io io = stream_flush(&c->door->pool, &c->stream);
    bool progress = io == STREAM_OK && c->scrape;
    bool has_kept = c->scrape || stream_input(&c->stream).len;
    if (io == STREAM_OK && has_kept) io = conn_serve(c);
    if (io == STREAM_OK) io = conn_read(c);
    time_turn(c, c->requests - requests);
    if (io == STREAM_GONE) http_conn_close(c, false);
    else if (c->leaving && !stream_has_unsent(&c->stream)) conn_hand_over(c);
    else conn_settle(c, progress || c->requests != requests);
}

static void conn_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct http_conn *c = (struct http_conn *)source;
    if (c->wait == WAIT_LINGER) conn_discard(c);
    else http_conn_turn(c);
}

_Static_assert(offsetof(struct http_conn, stream.source) == 0, "a source is its connection");

void http_conn_timeout(struct http_conn *c)
{
    if (c->wait != WAIT_LINGER) metrics_inc(METRIC_TCP_TIMEOUTS);
    if (c->wait != WAIT_HEAD) {
        http_conn_close(c, c->wait == WAIT_SEND);
        return;
    }
    struct writer out = writer_of(c->door->out, sizeof c->door->out);
    http_answer_error(c, 408, NULL, &out);
    if (conn_send(c, &out) == STREAM_GONE) http_conn_close(c, false);
    else conn_settle(c, true);
}

void http_conn_open(struct http_conn *c, struct http_door *d, int take_fd,
                    const struct address *client, bool proxy)
{
    *c = (struct http_conn){
        .door = d, .client = *client, .proxy_expected = proxy, .wait = WAIT_COUNT};
    stream_open(&c->stream, take_fd, conn_ready);
    d->open++;
    http_conn_turn(c);
}

void http_conn_adopt(struct http_conn *c, struct http_door *d, const struct http_handed *handed)
{
    struct stream_pool *pool = &d->pool;
    *c = (struct http_conn){.door = d,
                            .client = handed->client,
                            .proxy_expected = handed->proxy_expected,
                            .is_proxy_itself = handed->is_proxy_itself,
                            .requests = handed->requests,
                            .wait = WAIT_COUNT};
    stream_open(&c->stream, handed->fd, conn_ready);
    d->open++;
    metrics_inc(METRIC_TCP_ADOPTED);
    if (handed->input.len && stream_preload(pool, &c->stream, handed->input) != ERR_OK)
        http_conn_close(c, true);
    else http_conn_turn(c);
}
