/* admin.c - the operators' door: listeners, room for connections, deadlines, the end.
 *
 *   admin_conn.c     a connection's life
 *   admin_answer.c   one request to one answer
 *   handoff.c        connections that workers hand over
 *
 * Idea      a few hundred connections at most, on a thread that has other work: what is simplest is
 *           fast enough, so connections are an array and deadlines are found by looking at all.
 * Full      who lingers after his answer makes room first, then who has waited longest with nothing
 *           in hand. Visitors of the main port have places of their own to fill, so that a crowd
 *           there never keeps the operator out.
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
#define IDLE_MS           60000
#define SEND_MS           30000
#define LINGER_MS         2000

/* ---- room ---- */

static bool is_free(const struct admin_conn *c)
{
    return c->stream.source.fd < 0;
}

/* Lower goes first; 3: never. */
static int eviction_rank(const struct admin_conn *c)
{
    switch (c->wait) {
    case ADMIN_WAIT_LINGER: return 0;
    case ADMIN_WAIT_REQUEST:
    case ADMIN_WAIT_REST: return 1;
    default: return 3;
    }
}

/* Close one connection that waits for its client. */
static bool make_room(struct admin *a, bool among_handed)
{
    struct admin_conn *victim = NULL;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        struct admin_conn *c = &a->conns[i];
        if (is_free(c) || c == a->serving || eviction_rank(c) == 3) continue;
        if (among_handed && c->origin != ORIGIN_MAIN_PORT) continue;
        int before = victim ? eviction_rank(victim) - eviction_rank(c) : 1;
        if (before > 0 || (before == 0 && c->since_ms < victim->since_ms)) victim = c;
    }
    if (!victim) return false;
    metrics_inc(METRIC_ADMIN_EVICTIONS);
    admin_conn_close(victim, false);
    return true;
}

struct admin_conn *admin_room(struct admin *a, enum admin_origin origin)
{
    bool is_handed = origin == ORIGIN_MAIN_PORT;
    bool is_full = is_handed ? a->handed >= ADMIN_HANDED_MAX : a->open >= ADMIN_CONNECTIONS_MAX;
    if (is_full && !make_room(a, is_handed)) goto full;
    if (a->open >= ADMIN_CONNECTIONS_MAX && !make_room(a, is_handed)) goto full;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        if (is_free(&a->conns[i])) return &a->conns[i];
full:
    metrics_inc(METRIC_ADMIN_REFUSED);
    return NULL;
}

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
    struct admin_conn *c = admin_room(l->admin, l->origin);
    if (!c) {
        close(fd);
        return true;
    }
    client_of(&peer, &client);
    admin_conn_open(c, l->admin, fd, l->origin, &client);
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

static void handed_over(void *ctx, int take_fd, const struct address *client, struct view bytes)
{
    struct admin *a = ctx;
    struct admin_conn *c = admin_room(a, ORIGIN_MAIN_PORT);
    if (!c) {
        close(take_fd);
        metrics_inc(METRIC_TCP_CLOSES);
        return;
    }
    admin_conn_open(c, a, take_fd, ORIGIN_MAIN_PORT, client);
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

static uint64_t wait_ms(enum admin_wait wait)
{
    switch (wait) {
    case ADMIN_WAIT_REQUEST: return IDLE_MS;
    case ADMIN_WAIT_REST: return REQUEST_WITHIN_MS;
    case ADMIN_WAIT_SEND: return SEND_MS;
    default: return LINGER_MS;
    }
}

void admin_tick(struct admin *a)
{
    uint64_t now_ms = a->env.loop->now_ms;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        struct admin_conn *c = &a->conns[i];
        if (is_free(c)) continue;
        if (now_ms >= c->since_ms + wait_ms(c->wait)) admin_conn_timeout(c);
        else if (c->is_later) admin_conn_turn(c);
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
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        struct admin_conn *c = &a->conns[i];
        if (!is_free(c) && c != a->serving && c->wait == ADMIN_WAIT_REQUEST) admin_conn_turn(c);
    }
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
        if (!is_free(&a->conns[i])) admin_conn_close(&a->conns[i], false);
    assert(a->open == 0 && a->handed == 0 && a->unsent_bytes == 0);
    stream_pool_close(&a->pool);
    free(a);
}
