/* http_load.c - see http_load.h.
 *
 * Connections  Each is bound to one of the source addresses; peers are picked to match. Kept ones
 *              stay; with --close each comes from the address of the peer it asks for, so that no
 *              address runs out of ports.
 * Calls        connect() on loopback is done when it returns, so the request is sent at once and
 *              epoll is told about reading only; EPOLLOUT is for what the kernel did not take.
 * Ends         A server may close after an answer that says so. What was pipelined behind it is
 *              sent again on a new connection and keeps its due time. An end without any answer
 *              is a flaw, and its request is lost. */
#include "bench/http_load.h"

#include "bench/http_text.h"
#include "net/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IN_BYTES_MAX 65536u
#define EVENTS_MAX   512
#define SLEEP_MS_MAX 10

struct asked {
    uint64_t due_ns, sent_ns;
    struct request request;
};

struct conn {
    int fd; /* -1: closed */
    uint32_t source;
    uint32_t first, count; /* in the ring of what was asked and is not answered */
    struct asked *ring;    /* opts->pipeline of them */
    uint64_t answers;      /* on this connection */
    uint8_t *in;
    uint32_t in_bytes;
    uint8_t *unsent; /* NULL: all was taken */
    size_t unsent_from, unsent_to;
    bool ready; /* in the queue of those with room */
};

struct http_load {
    struct bench *bench;
    int epoll_fd;
    uint32_t count;
    struct conn *conns;
    struct asked *rings;
    uint8_t *in;
    uint32_t *ready, ready_first, ready_count; /* a ring of conns with room for a request */
    uint32_t busy;                             /* requests under way */
    struct sockaddr_storage target;
    socklen_t target_bytes;
    uint8_t out[BENCH_PIPELINE_MAX * HTTP_REQUEST_BYTES_MAX];
};

/* ---- rings ---- */

static struct asked *asked_at(const struct http_load *l, const struct conn *c, uint32_t i)
{
    return &c->ring[(c->first + i) % l->bench->opts->pipeline];
}

static void ready_push(struct http_load *l, struct conn *c)
{
    if (c->ready) return;
    c->ready = true;
    l->ready[(l->ready_first + l->ready_count++) % l->count] = (uint32_t)(c - l->conns);
}

static struct conn *ready_pop(struct http_load *l)
{
    struct conn *c = &l->conns[l->ready[l->ready_first]];
    l->ready_first = (l->ready_first + 1) % l->count;
    l->ready_count--;
    c->ready = false;
    return c;
}

/* ---- connections ---- */

static void conn_close(struct conn *c)
{
    if (c->fd >= 0) close(c->fd);
    free(c->unsent);
    c->unsent = NULL;
    c->fd = -1;
    c->in_bytes = 0;
    c->answers = 0;
}

static void asked_lose(struct http_load *l, const struct asked *a, uint64_t now_ns)
{
    bench_lost(l->bench, &a->request);
    bench_unanswered(l->bench, a->due_ns, now_ns);
}

/* All that was asked is lost. */
static void conn_fail(struct http_load *l, struct conn *c, uint64_t now_ns)
{
    for (uint32_t i = 0; i < c->count; i++)
        asked_lose(l, asked_at(l, c, i), now_ns);
    l->busy -= c->count;
    c->count = 0;
    conn_close(c);
    ready_push(l, c);
}

static bool conn_open(struct http_load *l, struct conn *c)
{
    const struct bench_opts *o = l->bench->opts;
    struct sockaddr_storage local;
    struct address source = world_source(&l->bench->world, c->source);
    int on = 1;
    c->fd = socket(l->target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (o->world.sources > 1) {
        setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(c->fd, (struct sockaddr *)&local, sockaddr_write(&local, &source, 0)) != 0)
            return false;
    }
    if (connect(c->fd, (struct sockaddr *)&l->target, l->target_bytes) != 0 && errno != EINPROGRESS)
        return false;
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)(c - l->conns)};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static bool conn_watch(const struct http_load *l, const struct conn *c, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)(c - l->conns)};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, c->fd, &e) == 0;
}

/* ---- sending ---- */

/* Keep what the kernel did not take. */
static bool conn_keep(struct http_load *l, struct conn *c, const uint8_t *bytes, size_t len)
{
    c->unsent = malloc(len);
    if (!c->unsent) return false;
    memcpy(c->unsent, bytes, len);
    c->unsent_from = 0;
    c->unsent_to = len;
    return conn_watch(l, c, EPOLLIN | EPOLLOUT);
}

static bool conn_flush(struct http_load *l, struct conn *c)
{
    if (!c->unsent) return true;
    ssize_t n =
        send(c->fd, c->unsent + c->unsent_from, c->unsent_to - c->unsent_from, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    c->unsent_from += (size_t)n;
    if (c->unsent_from < c->unsent_to) return true;
    free(c->unsent);
    c->unsent = NULL;
    return conn_watch(l, c, EPOLLIN);
}

static bool conn_send(struct http_load *l, struct conn *c, const struct writer *w)
{
    ssize_t n = send(c->fd, w->start, writer_used(w), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return false;
    size_t sent = n < 0 ? 0 : (size_t)n;
    return sent == writer_used(w) || conn_keep(l, c, w->start + sent, writer_used(w) - sent);
}

/* Send the questions from number `from` on, on a new connection where there is none. */
static void conn_ask(struct http_load *l, struct conn *c, uint32_t from, uint64_t now_ns)
{
    struct writer w = writer_of(l->out, sizeof l->out);
    for (uint32_t i = from; i < c->count; i++)
        http_text_request(l->bench, &asked_at(l, c, i)->request, &w);
    if ((c->fd >= 0 || conn_open(l, c)) && conn_send(l, c, &w)) return;
    bench_failed(l->bench, errno);
    conn_fail(l, c, now_ns);
}

/* Begin as many of `due` requests as the connection has room for; returns how many. */
static uint32_t conn_begin(struct http_load *l, struct conn *c, uint32_t due, uint64_t now_ns)
{
    struct bench *b = l->bench;
    uint32_t from = c->count;
    bool is_fresh = b->opts->close; /* its address follows from its one request */
    while (c->count < b->opts->pipeline && c->count - from < due) {
        struct asked *a = asked_at(l, c, c->count);
        if (!plan_next(&b->plan, is_fresh ? -1 : (int64_t)c->source, &a->request)) break;
        if (is_fresh) c->source = (uint32_t)(a->request.item % b->opts->world.sources);
        a->sent_ns = now_ns;
        a->due_ns = bench_begin(b, a->request.kind, now_ns);
        c->count++;
        l->busy++;
    }
    uint32_t begun = c->count - from;
    if (begun) conn_ask(l, c, from, now_ns);
    return begun;
}

static void begin_due(struct http_load *l, uint64_t now_ns)
{
    uint32_t due = bench_due(l->bench, now_ns);
    for (uint32_t turns = l->ready_count; due && turns && l->ready_count; turns--) {
        struct conn *c = ready_pop(l);
        if (c->unsent) continue; /* comes back with its next answer */
        due -= conn_begin(l, c, due, now_ns);
        if (c->count < l->bench->opts->pipeline) ready_push(l, c);
    }
}

/* ---- receiving ---- */

static void question_close(struct http_load *l, struct conn *c)
{
    c->first = (c->first + 1) % l->bench->opts->pipeline;
    c->count--;
    l->busy--;
    ready_push(l, c);
}

static enum flaw answer_check(const struct http_load *l, const struct asked *asked,
                              const struct http_head *head, struct view body, struct finding *out)
{
    if (head->status != 200) return FLAW_STATUS;
    if (head->is_encoded) return FLAW_ENCODING;
    struct question q = bench_question(l->bench, &asked->request);
    return check_http_body(body, &q, out);
}

enum step { STEP_MORE, STEP_ANSWER, STEP_LAST, STEP_BROKEN };

/* Take one answer from the front of `in`; *used grows by its bytes. */
static enum step answer_take(struct http_load *l, struct conn *c, bool eof, size_t *used,
                             uint64_t now_ns)
{
    struct http_head head;
    struct view in = view_of(c->in + *used, c->in_bytes - *used);
    int head_bytes = in.len ? http_text_head(in, &head) : 0;
    struct asked *asked = asked_at(l, c, 0);
    struct answer a = {.kind = asked->request.kind, .due_ns = asked->due_ns, .flaw = FLAW_HEAD};
    if (head_bytes == 0 && c->in_bytes < IN_BYTES_MAX) return STEP_MORE;
    if (head_bytes > 0 && head.is_framed) {
        a.flaw = FLAW_ENCODING;
    } else if (head_bytes > 0) {
        size_t there = in.len - (size_t)head_bytes;
        if (head.has_length ? there < head.body_bytes : !eof)
            if (c->in_bytes < IN_BYTES_MAX || *used) return STEP_MORE;
        a.bytes = head.has_length && head.body_bytes < there ? head.body_bytes : there;
        a.flaw = answer_check(l, asked, &head, view_of(in.ptr + head_bytes, a.bytes), &a.finding);
        *used += (size_t)head_bytes + a.bytes;
    }
    bench_answered(l->bench, &a, now_ns);
    c->answers++;
    question_close(l, c);
    if (a.flaw == FLAW_HEAD || head.is_framed) return STEP_BROKEN;
    return head.closes || !head.has_length || l->bench->opts->close ? STEP_LAST : STEP_ANSWER;
}

/* The connection is over; what it did not answer is asked again, unless it answered nothing. */
static void conn_ended(struct http_load *l, struct conn *c, bool is_fine, uint64_t now_ns)
{
    bool again = is_fine || c->answers;
    if (c->count && !again) {
        bench_flaw(l->bench, FLAW_CLOSED);
        asked_lose(l, asked_at(l, c, 0), now_ns);
        question_close(l, c);
    }
    conn_close(c);
    if (c->count) conn_ask(l, c, 0, now_ns);
    else ready_push(l, c);
}

static void conn_serve(struct http_load *l, struct conn *c, bool eof, uint64_t now_ns)
{
    enum step step = STEP_MORE;
    size_t used = 0;
    while (c->count) {
        step = answer_take(l, c, eof, &used, now_ns);
        if (step != STEP_ANSWER) break;
    }
    if (eof || step == STEP_LAST || step == STEP_BROKEN) {
        conn_ended(l, c, step == STEP_LAST, now_ns);
        return;
    }
    c->in_bytes -= (uint32_t)used;
    if (used && c->in_bytes) memmove(c->in, c->in + used, c->in_bytes);
}

static void conn_event(struct http_load *l, struct conn *c, uint64_t now_ns)
{
    if (c->fd < 0) return; /* closed earlier in this turn */
    if (!conn_flush(l, c)) {
        bench_failed(l->bench, errno);
        conn_fail(l, c, now_ns);
        return;
    }
    ssize_t n = recv(c->fd, c->in + c->in_bytes, IN_BYTES_MAX - c->in_bytes, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0 && errno != ECONNRESET) { /* there was no connection */
        bench_failed(l->bench, errno);
        conn_fail(l, c, now_ns);
        return;
    }
    if (n > 0) c->in_bytes += (uint32_t)n;
    conn_serve(l, c, n <= 0, now_ns);
}

static void conns_expire(struct http_load *l, uint64_t now_ns)
{
    uint64_t timeout_ns = l->bench->opts->timeout_ms * NS_PER_MS;
    for (uint32_t i = 0; i < l->count; i++) {
        struct conn *c = &l->conns[i];
        if (c->count && now_ns > asked_at(l, c, 0)->sent_ns + timeout_ns) conn_fail(l, c, now_ns);
    }
}

/* ---- running ---- */

static void turn(struct http_load *l, uint64_t now_ns)
{
    struct epoll_event events[EVENTS_MAX];
    const struct bench_opts *o = l->bench->opts;
    int wait_ms = !o->sleep ? 0 : o->rate ? 1 : SLEEP_MS_MAX;
    int count = epoll_wait(l->epoll_fd, events, EVENTS_MAX, wait_ms);
    uint64_t then_ns = count > 0 ? bench_now_ns() : now_ns;
    for (int i = 0; i < count; i++)
        conn_event(l, &l->conns[events[i].data.u32], then_ns);
    if (bench_tick(l->bench, now_ns)) conns_expire(l, now_ns);
}

void http_load_run(struct http_load *l, uint64_t duration_ms)
{
    struct bench *b = l->bench;
    uint64_t now_ns;
    bench_phase(b, PHASE_LOAD, duration_ms);
    do {
        now_ns = bench_now_ns();
        begin_due(l, now_ns);
        turn(l, now_ns);
    } while (!bench_is_over(b, now_ns));
    bench_stop_clock(b, now_ns);
    while (!b->hurried && (l->busy || bench_has_backlog(b, now_ns))) {
        now_ns = bench_now_ns();
        if (bench_has_backlog(b, now_ns)) begin_due(l, now_ns);
        turn(l, now_ns);
    }
    for (uint32_t i = 0; i < l->count; i++)
        if (l->conns[i].count) conn_fail(l, &l->conns[i], now_ns);
    bench_end(b, now_ns);
}

struct http_load *http_load_new(struct bench *b)
{
    const struct bench_opts *o = b->opts;
    struct http_load *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->bench = b;
    l->count = o->connections;
    l->target_bytes = sockaddr_write(&l->target, &o->target, o->port);
    l->conns = calloc(l->count, sizeof *l->conns);
    l->rings = calloc((size_t)l->count * o->pipeline, sizeof *l->rings);
    l->in = calloc(l->count, IN_BYTES_MAX); /* touched only as far as it is used */
    l->ready = calloc(l->count, sizeof *l->ready);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!l->conns || !l->rings || !l->in || !l->ready || l->epoll_fd < 0) {
        perror("muster-bench: connections");
        http_load_free(l);
        return NULL;
    }
    for (uint32_t i = 0; i < l->count; i++) {
        l->conns[i] = (struct conn){.fd = -1,
                                    .source = i % o->world.sources,
                                    .ring = l->rings + (size_t)i * o->pipeline,
                                    .in = l->in + (size_t)i * IN_BYTES_MAX};
        ready_push(l, &l->conns[i]);
    }
    return l;
}

void http_load_free(struct http_load *l)
{
    for (uint32_t i = 0; l->conns && i < l->count; i++)
        conn_close(&l->conns[i]);
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    free(l->conns);
    free(l->rings);
    free(l->in);
    free(l->ready);
    free(l);
}
