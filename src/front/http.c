/* http.c - the HTTP door: listening sockets, room for connections, deadlines, the end.
 *
 *   http_conn.c     a connection's life
 *   http_answer.c   one request to one answer
 *   full_scrape.c   the one answer that is streamed
 *
 * Idea      A connection is served the moment it is accepted: the kernel hands it over together with
 *           its first bytes (TCP_DEFER_ACCEPT), so one request on one connection costs accept, recv,
 *           send, close and never meets epoll. Only what has to wait is registered.
 * Full      At max_connections the connection that has waited longest for its client makes room for
 *           the new one, whether it is idle or in the middle of a request: else clients that never
 *           finish theirs would lock everybody out. One that is being sent an answer does only when
 *           its client took nothing for a second. A worker that has no such connection leaves the
 *           new one in the kernel's queue for up to a second, in which the others close some of
 *           theirs.
 * Rejected  Accepting in one thread and handing over: each worker has its own listening socket. */
#include "front/http.h"

#include "base/log.h"
#include "base/metrics.h"
#include "front/http_door.h"
#include "net/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN      64
#define ROOM_WANTED           16   /* connections that other workers are asked to close at a time */
#define ROOM_TICKS            2    /* in which everybody else has had one */
#define ROOM_ASKS_MAX         5    /* in a row, without any room */
#define SEND_SPARED_MS        1000 /* of a connection whose client takes nothing */
#define DRAIN_ACCEPTS_MAX     8192 /* twice the usual backlog; more is not ours to serve any more */
#define TIMEOUTS_PER_TICK_MAX 4096

/* ---- accepting ---- */

static struct http_conn *conn_new(struct http_door *d)
{
    if (list_is_empty(&d->free)) {
        struct http_conn_chunk *chunk = calloc(1, sizeof *chunk);
        if (!chunk) return NULL;
        chunk->next = d->chunks;
        d->chunks = chunk;
        for (int i = 0; i < HTTP_CONN_CHUNK; i++) {
            chunk->conns[i].stream.source.fd = -1;
            list_append(&d->free, &chunk->conns[i].stream.waiting);
        }
    }
    struct http_conn *c = (struct http_conn *)stream_first(&d->free);
    list_remove(&c->stream.waiting);
    return c;
}

/* The connection that has waited longest for bytes of its client, or NULL. */
static struct stream *longest_waiting(const struct http_door *d)
{
    static const enum http_wait FOR_CLIENT[] = {WAIT_IDLE, WAIT_FRESH, WAIT_HEAD, WAIT_PROXY,
                                                WAIT_SEND};
    struct stream *longest = NULL;
    uint64_t longest_since_ms = 0;
    for (size_t i = 0; i < sizeof FOR_CLIENT / sizeof *FOR_CLIENT; i++) {
        struct stream *s = stream_first(&d->waits[FOR_CLIENT[i]]);
        if (!s) continue;
        uint64_t wait_ms = http_wait_ms(d, FOR_CLIENT[i]); /* a reload may have made it longer */
        uint64_t since_ms = s->deadline_ms > wait_ms ? s->deadline_ms - wait_ms : 0;
        if (longest && since_ms >= longest_since_ms) continue;
        if (FOR_CLIENT[i] == WAIT_SEND && since_ms + SEND_SPARED_MS > d->env.loop->now_ms) continue;
        longest = s;
        longest_since_ms = since_ms;
    }
    return longest;
}

/* Who makes room: a lingering connection has had its answer. NULL: all have something to do. */
static struct http_conn *door_victim(const struct http_door *d)
{
    struct stream *victim = stream_first(&d->waits[WAIT_LINGER]);
    return (struct http_conn *)(victim ? victim : longest_waiting(d));
}

static bool door_make_room(struct http_door *d)
{
    struct http_conn *victim = door_victim(d);
    if (!victim) return false;
    metrics_inc(METRIC_TCP_EVICTIONS);
    http_conn_close(victim, victim->wait == WAIT_SEND);
    return true;
}

static bool door_is_full(const struct http_door *d)
{
    return atomic_load_explicit(&d->env.shared->connections, memory_order_relaxed) >=
           http_door_opts(d)->connections_max;
}

/* Count one in; false when it is one too many. */
static bool connection_reserve(struct http_door *d)
{
    return atomic_fetch_add_explicit(&d->env.shared->connections, 1, memory_order_relaxed) <
           http_door_opts(d)->connections_max;
}

static void connection_release(struct http_door *d)
{
    atomic_fetch_sub_explicit(&d->env.shared->connections, 1, memory_order_relaxed);
}

/* Another worker is full and has none to close. */
static void door_make_room_for_others(struct http_door *d)
{
    _Atomic uint32_t *wanted = &d->env.shared->room_wanted;
    if (!atomic_load_explicit(wanted, memory_order_relaxed)) return;
    uint32_t left = atomic_exchange(wanted, 0);
    while (left && door_is_full(d) && door_make_room(d))
        left--;
    if (left && door_is_full(d)) atomic_fetch_add(wanted, left); /* the next one's turn */
}

/* May the listener's peer be here at all? A proxy's connections are its clients'. */
static bool conn_is_wanted(const struct http_listener *l, const struct address *client)
{
    struct http_door *d = l->door;
    const struct http_opts *o = http_door_opts(d);
    if (!l->proxy)
        return http_speaks_for_others(o, client) ||
               tracker_allows(d->env.tracker, RATE_CONNECTION, client, d->env.loop->now_us);
    if (prefixes_contain(o->trusted, o->trusted_count, client)) return true;
    metrics_inc(METRIC_TCP_PROXY_ERRORS);
    log_limited(LOG_WARN, "connection to a PROXY listener from an address that is not in "
                          "trusted_proxies: closed");
    return false;
}

/* A place for a connection that has been counted in, made by another when it is one too many. NULL:
 * there is none, and it is counted out again. */
static struct http_conn *conn_admit(struct http_door *d, bool fits)
{
    struct http_conn *c = NULL;
    if (!fits)
        log_limited(LOG_WARN, "max_connections (%u) reached", http_door_opts(d)->connections_max);
    if (fits || door_make_room(d)) c = conn_new(d);
    else metrics_inc(METRIC_TCP_REFUSED);
    if (!c) connection_release(d);
    return c;
}

static void conn_accept(struct http_listener *l, int fd, const struct sockaddr_storage *peer,
                        bool fits)
{
    struct http_door *d = l->door;
    struct address client;
    uint16_t port;
    metrics_inc(METRIC_TCP_ACCEPTS);
    struct http_conn *c = NULL;
    if (sockaddr_read(peer, &client, &port) && conn_is_wanted(l, &client)) c = conn_admit(d, fits);
    else connection_release(d);
    if (c) {
        http_conn_open(c, d, fd, &client, l->proxy);
        return;
    }
    close(fd);
    metrics_inc(METRIC_TCP_CLOSES);
}

static void listener_pause(struct http_listener *l, uint8_t ticks)
{
    l->pause_ticks = ticks;
    loop_modify(l->door->env.loop, &l->source, 0);
}

static void listener_tick(struct http_listener *l)
{
    if (l->pause_ticks == 0 || --l->pause_ticks > 0) return;
    loop_modify(l->door->env.loop, &l->source, EPOLLIN);
}

/* accept() failed: true when the next one may still succeed. Errors of the connection that was to be
 * accepted are its own; a want of fds or memory would make a level-triggered loop spin, so the
 * listener is left alone until the next tick (T24). */
static bool accept_goes_on(struct http_listener *l, int error)
{
    switch (error) {
    case EAGAIN: return false;
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH: return true;
    default:
        metrics_inc(METRIC_TCP_ACCEPT_FAILURES);
        log_limited(LOG_WARN, "accept: errno %d; waiting a moment", error);
        door_make_room(l->door);
        listener_pause(l, 1);
        return false;
    }
}

/* Nobody makes room here for a connection that does not fit: ask the other workers. When they have
 * made none for a second (false), it is accepted to be refused. */
static bool listener_asks(struct http_listener *l)
{
    atomic_store(&l->door->env.shared->room_wanted, ROOM_WANTED);
    if (l->room_asks == ROOM_ASKS_MAX) return false;
    l->room_asks++;
    listener_pause(l, ROOM_TICKS);
    return true;
}

/* A connection is counted in before it is accepted: what another worker accepts at that moment must
 * not take its place. */
static bool listener_accept(struct http_listener *l)
{
    struct http_door *d = l->door;
    bool fits = connection_reserve(d);
    if (fits || door_victim(d)) {
        l->room_asks = 0;
    } else if (!d->draining && listener_asks(l)) {
        connection_release(d);
        return false;
    }
    struct sockaddr_storage peer;
    socklen_t len = sizeof peer;
    int fd = accept4(l->source.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int error = errno;
        connection_release(d);
        if (error != EAGAIN) metrics_errno(CALL_ACCEPT, error);
        return accept_goes_on(l, error);
    }
    conn_accept(l, fd, &peer, fits);
    return true;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct http_listener *l = LIST_ENTRY(source, struct http_listener, source);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++)
        if (!listener_accept(l)) return;
}

/* ---- the door ---- */

enum err http_shared_init(struct http_shared *s)
{
    *s = (struct http_shared){.gate = NULL};
    atomic_init(&s->buffers.bytes_max, STREAM_LENT_BYTES_MAX);
    return full_scrape_gate_new(&s->gate);
}

void http_shared_fini(struct http_shared *s)
{
    full_scrape_gate_free(s->gate);
    s->gate = NULL;
}

enum err http_door_open(struct http_door **out, const struct http_door_env *env,
                        uint32_t listeners_max)
{
    struct http_door *d = malloc(sizeof *d); /* its scratch is touched only as far as it is used */
    if (!d) return ERR_NO_MEMORY;
    memset(d, 0, offsetof(struct http_door, out));
    d->env = *env;
    d->listeners_max = listeners_max;
    d->listeners = calloc(listeners_max, sizeof *d->listeners);
    enum err err = d->listeners ? stream_pool_open(&d->pool, env->loop) : ERR_NO_MEMORY;
    d->pool.budget = &env->shared->buffers;
    if (err != ERR_OK) {
        free(d->listeners);
        free(d);
        return err;
    }
    for (int i = 0; i < WAIT_COUNT; i++)
        list_init(&d->waits[i]);
    list_init(&d->free);
    *out = d;
    return ERR_OK;
}

enum err http_door_listen(struct http_door *d, int take_fd, bool proxy)
{
    struct http_listener *l = &d->listeners[d->listener_count];
    assert(d->listener_count < d->listeners_max);
    *l = (struct http_listener){
        .source = {.fd = take_fd, .ready = listener_ready}, .door = d, .proxy = proxy};
    enum err err = loop_add(d->env.loop, &l->source, EPOLLIN);
    if (err == ERR_OK) d->listener_count++;
    else close(take_fd);
    return err;
}

void http_door_tick(struct http_door *d)
{
    int left = TIMEOUTS_PER_TICK_MAX;
    door_make_room_for_others(d);
    for (int i = 0; i < WAIT_COUNT; i++)
        for (; left > 0; left--) {
            struct stream *s = stream_first(&d->waits[i]);
            if (!s || s->deadline_ms > d->env.loop->now_ms) break;
            http_conn_timeout((struct http_conn *)s);
        }
    for (uint32_t i = 0; i < d->listener_count; i++)
        listener_tick(&d->listeners[i]);
}

static void listeners_close(struct http_door *d)
{
    for (uint32_t i = 0; i < d->listener_count; i++) {
        loop_remove(d->env.loop, &d->listeners[i].source);
        close(d->listeners[i].source.fd);
    }
    d->listener_count = 0;
}

/* A connection that is not in the middle of anything gets one more turn: what has arrived by now is
 * answered, then it closes. */
void http_door_drain(struct http_door *d)
{
    if (d->draining) return;
    d->draining = true;
    for (uint32_t i = 0; i < d->listener_count; i++)
        for (int left = DRAIN_ACCEPTS_MAX; left > 0 && listener_accept(&d->listeners[i]); left--)
            ;
    listeners_close(d);
    struct stream *s;
    while ((s = stream_first(&d->waits[WAIT_FRESH])) || (s = stream_first(&d->waits[WAIT_IDLE])))
        http_conn_turn((struct http_conn *)s);
}

void http_door_leave(struct http_door *d, struct http_heir *heir)
{
    d->draining = true;
    d->heir = heir;
    listeners_close(d);
    for (struct http_conn_chunk *chunk = d->chunks; chunk; chunk = chunk->next)
        for (int i = 0; i < HTTP_CONN_CHUNK; i++) {
            struct http_conn *c = &chunk->conns[i];
            if (c->stream.source.fd >= 0 && c->wait != WAIT_LINGER) http_conn_turn(c);
        }
}

void http_door_adopt(struct http_door *d, const struct http_handed *handed)
{
    struct http_conn *c = conn_admit(d, connection_reserve(d));
    if (c) {
        http_conn_adopt(c, d, handed);
        return;
    }
    close(handed->fd);
    metrics_inc(METRIC_TCP_CLOSES);
}

bool http_door_is_idle(const struct http_door *d)
{
    return d->open == 0;
}

void http_door_close(struct http_door *d)
{
    listeners_close(d);
    for (struct http_conn_chunk *chunk = d->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        for (int i = 0; i < HTTP_CONN_CHUNK; i++)
            if (chunk->conns[i].stream.source.fd >= 0) http_conn_close(&chunk->conns[i], false);
    }
    assert(d->open == 0);
    list_init(&d->free);
    while (d->chunks) {
        struct http_conn_chunk *chunk = d->chunks;
        d->chunks = chunk->next;
        free(chunk);
    }
    stream_pool_close(&d->pool);
    free(d->listeners);
    free(d);
}
