/* admin.c - the operators' door: listeners, room for connections, deadlines, the end.
 *
 *   admin_room.c     who gets a place
 *   admin_conn.c     a connection's life
 *   admin_answer.c   one request to one answer
 *   handoff.c        connections that workers hand over
 *
 * Idea      a few hundred connections at most, on a thread that has other work: what is simplest is
 *           fast enough, so connections are an array and deadlines are found by looking at all.
 * Rejected  pages on the workers (docs/decisions/0008-operator-pages.md). */
#include "admin/admin.h"

#include "admin/admin_door.h"
#include "base/metrics.h"
#include "net/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_PER_TURN  16
#define REQUEST_WITHIN_MS 10000
#define LATER_MS          150000 /* an answer that is not known yet: long lists are being read */
#define IDLE_MS           60000
#define SEND_MS           30000
#define LINGER_MS         2000

/* ---- accepting ---- */

static void listener_pause(struct admin_listener *l, bool paused)
{
    if (l->paused == paused) return;
    l->paused = paused;
    loop_modify(l->admin->env.loop, &l->source, paused ? 0 : EPOLLIN);
}

static void client_of(const struct sockaddr_storage *peer, struct address *client)
{
    uint16_t port;
    if (!sockaddr_read(peer, client, &port)) *client = (struct address){.family = FAMILY_V4};
}

/* No place: say so, as far as the socket takes it at once. What the client has sent is read first,
 * or the close would reset the connection and the answer be lost. */
static void refuse(struct admin *a, int take_fd)
{
    static const char FULL[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 20\r\n"
                               "Connection: close\r\n\r\nService Unavailable\n";
    ssize_t got = recv(take_fd, a->out, sizeof a->out, MSG_DONTWAIT);
    ssize_t sent = send(take_fd, FULL, sizeof FULL - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)got;
    (void)sent;
    shutdown(take_fd, SHUT_WR);
    close(take_fd);
}

/* False when there is nothing more to accept now. */
static bool listener_accept(struct admin_listener *l)
{
    struct sockaddr_storage peer = {0};
    struct address client;
    socklen_t len = sizeof peer;
    int fd = accept4(l->source.fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        int why = errno;
        if (why != EAGAIN) metrics_errno(CALL_ACCEPT, why);
        if (why == EMFILE || why == ENFILE || why == ENOBUFS || why == ENOMEM) {
            metrics_inc(METRIC_TCP_ACCEPT_FAILURES);
            listener_pause(l, true); /* else a level-triggered loop would spin */
        }
        return why == EINTR || why == ECONNABORTED;
    }
    metrics_inc(METRIC_ADMIN_ACCEPTS);
    client_of(&peer, &client);
    struct admin_conn *c = admin_room(l->admin, l->origin, &client);
    if (!c) {
        refuse(l->admin, fd);
        return true;
    }
    admin_conn_open(c, l->admin, fd, l->origin, &client, &client);
    admin_conn_turn(c);
    return true;
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct admin_listener *l = (struct admin_listener *)source;
    for (int i = 0; i < ACCEPTS_PER_TURN && l->source.fd >= 0; i++)
        if (!listener_accept(l)) return;
}

_Static_assert(offsetof(struct admin_listener, source) == 0, "a source is its listener");

enum err admin_listen(struct admin *a, int take_fd, enum admin_origin origin)
{
    enum err err = ERR_FULL;
    if (a->listener_count == ADMIN_LISTENERS_MAX) goto fail;
    struct admin_listener *l = &a->listeners[a->listener_count];
    *l = (struct admin_listener){
        .source = {.fd = take_fd, .ready = listener_ready}, .admin = a, .origin = origin};
    err = loop_add(a->env.loop, &l->source, EPOLLIN);
    if (err != ERR_OK) goto fail;
    a->listener_count++;
    return ERR_OK;
fail:
    close(take_fd);
    return err;
}

/* ---- connections of the main port ---- */

static bool pages_is_page(const struct http_pages *p, const struct http_request *r)
{
    const struct admin_env *env = &((const struct admin *)p)->env;
    return env->is_page && env->is_page(env->ctx, r);
}

static bool pages_take(struct http_pages *p, int fd, const struct address *client,
                       struct view bytes)
{
    return handoff_put(((struct admin *)p)->handoff, fd, client, bytes);
}

_Static_assert(offsetof(struct admin, pages) == 0, "a worker's pages are the door");

/* Whom the connection's request is for; the worker has seen that it is whole. */
static struct address visitor_of(const struct admin *a, const struct address *client,
                                 struct view bytes)
{
    struct http_request head;
    struct address visitor = *client;
    if (http1_parse(bytes, 0, &head) > 0) admin_client_find(a, &head, client, &visitor);
    return visitor;
}

static void handed_over(void *ctx, int take_fd, const struct address *client, struct view bytes)
{
    struct admin *a = ctx;
    struct address visitor = visitor_of(a, client, bytes);
    struct admin_conn *c = admin_room(a, ORIGIN_MAIN_PORT, &visitor);
    if (!c) {
        refuse(a, take_fd);
        metrics_inc(METRIC_PAGES_REFUSED);
        metrics_http_status(503);
        metrics_inc(METRIC_TCP_CLOSES);
        return;
    }
    admin_conn_open(c, a, take_fd, ORIGIN_MAIN_PORT, client, &visitor);
    if (stream_preload(&a->pool, &c->stream, bytes) == ERR_OK) admin_conn_turn(c);
    else admin_conn_close(c, false);
}

struct http_pages *admin_handoff(struct admin *a)
{
    return &a->pages;
}

/* ---- the door ---- */

enum err admin_open(struct admin **out, const struct admin_env *env)
{
    struct admin *a = calloc(1, sizeof *a);
    if (!a) return ERR_NO_MEMORY;
    admin_json_init();
    a->env = *env;
    a->pages = (struct http_pages){.is_page = pages_is_page, .take = pages_take};
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        a->conns[i].stream.source.fd = -1;
    enum err err = stream_pool_open(&a->pool, env->loop);
    if (err != ERR_OK) goto fail;
    err = handoff_open(&a->handoff, env->loop, handed_over, a);
    if (err != ERR_OK) goto fail_pool;
    *out = a;
    return ERR_OK;
fail_pool:
    stream_pool_close(&a->pool);
fail:
    free(a);
    return err;
}

static uint64_t wait_ms(const struct admin_conn *c)
{
    if (c->is_later) return LATER_MS;
    switch (c->wait) {
    case ADMIN_WAIT_REQUEST: return IDLE_MS;
    case ADMIN_WAIT_REST: return REQUEST_WITHIN_MS;
    case ADMIN_WAIT_SEND: return SEND_MS;
    default: return LINGER_MS;
    }
}

/* Has it something to do that no event tells? */
static bool wants_turn(const struct admin_conn *c)
{
    return c->is_later || (c->admin->draining && c->wait == ADMIN_WAIT_REQUEST);
}

void admin_tick(struct admin *a)
{
    uint64_t now_ms = a->env.loop->now_ms;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        struct admin_conn *c = &a->conns[i];
        if (admin_conn_is_free(c)) continue;
        if (now_ms >= c->since_ms + wait_ms(c)) admin_conn_timeout(c);
        else if (wants_turn(c)) admin_conn_turn(c);
    }
    for (uint32_t i = 0; i < a->listener_count; i++)
        listener_pause(&a->listeners[i], false);
}

static void listeners_close(struct admin *a)
{
    for (uint32_t i = 0; i < a->listener_count; i++) {
        struct admin_listener *l = &a->listeners[i];
        loop_remove(a->env.loop, &l->source);
        close(l->source.fd);
        l->source.fd = -1;
    }
    a->listener_count = 0;
}

void admin_drain(struct admin *a)
{
    if (a->draining) return;
    a->draining = true;
    listeners_close(a);
}

bool admin_is_idle(const struct admin *a)
{
    return a->open == 0 && handoff_is_empty(a->handoff);
}

void admin_close(struct admin *a)
{
    if (!a) return;
    listeners_close(a);
    handoff_close(a->handoff);
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        if (!admin_conn_is_free(&a->conns[i])) admin_conn_close(&a->conns[i], false);
    assert(a->open == 0 && a->unsent_bytes == 0);
    stream_pool_close(&a->pool);
    free(a);
}
