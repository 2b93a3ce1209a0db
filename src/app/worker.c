/* worker.c - a worker's life: open (main thread), run, drain, close.
 *
 * The doors are opened by the main thread, so that a failure is one exit code and not a race; they
 * are first used by the worker's own thread. */
#include "app/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_POLL_US 50

#define TICK_MS 100  /* how exact deadlines of connections are */
#define IDLE_MS 500  /* a worker without connections comes round all the same, to be seen alive */
#define LATE_MS 1000 /* so late, we did not get to run: clients were not slow, we were */

/* A connection on its way to the worker. */
struct worker_handed {
    struct worker_handed *next;
    struct http_handed conn;
    uint8_t input[];
};

static enum err open_udp_door(struct worker *w, uint32_t sockets_max)
{
    struct udp_door_env env = {
        .loop = &w->loop,
        .tracker = w->env->tracker,
        .rng = &w->rng,
        .id_key = &w->env->udp_id_key,
        .opts = &w->env->udp_opts,
        .tap = map_tap(w->env->map, w->index),
    };
    return udp_door_open(&w->udp, &env, sockets_max);
}

static enum err open_udp(struct worker *w, struct door_socket *socket, uint32_t sockets_max)
{
    enum err err = w->udp ? ERR_OK : open_udp_door(w, sockets_max);
    if (err != ERR_OK) return err;
    int fd = socket->fd;
    socket->fd = -1;
    return udp_door_listen(w->udp, fd, socket->family, socket->proxy);
}

static enum err open_http(struct worker *w, uint32_t sockets_max)
{
    struct http_door_env env = {
        .loop = &w->loop,
        .tracker = w->env->tracker,
        .rng = &w->rng,
        .shared = w->env->http_shared,
        .opts = &w->env->http_opts,
        .pages = w->env->pages,
        .tap = map_tap(w->env->map, w->index),
        .peer_ids = w->env->peer_ids,
    };
    return http_door_open(&w->http, &env, sockets_max);
}

static enum err open_tcp(struct worker *w, struct door_socket *socket, uint32_t sockets_max)
{
    enum err err = w->http ? ERR_OK : open_http(w, sockets_max);
    if (err != ERR_OK) return err;
    int fd = socket->fd;
    socket->fd = -1;
    return http_door_listen(w->http, fd, socket->proxy);
}

enum err worker_open(struct worker *w, struct worker_env *env, uint32_t index,
                     struct door_socket *take_sockets, uint32_t count)
{
    *w = (struct worker){.env = env, .index = index};
    rng_init_secure(&w->rng);
    enum err err = loop_open(&w->loop);
    if (err != ERR_OK) return err;
    for (uint32_t i = 0; err == ERR_OK && i < count; i++)
        err = take_sockets[i].is_tcp ? open_tcp(w, &take_sockets[i], count)
                                     : open_udp(w, &take_sockets[i], count);
    if (err != ERR_OK) worker_close(w);
    return err;
}

/* ---- the thread ---- */

static void close_udp(struct worker *w)
{
    if (w->udp) udp_door_close(w->udp);
    w->udp = NULL;
}

static void handed_free(struct worker_handed *h)
{
    while (h) {
        struct worker_handed *next = h->next;
        close(h->conn.fd);
        free(h);
        h = next;
    }
}

static void adopt_all(struct worker *w)
{
    struct worker_handed *h = atomic_exchange(&w->handed, NULL);
    while (h && w->http) {
        struct worker_handed *next = h->next;
        http_door_adopt(w->http, &h->conn);
        free(h);
        h = next;
    }
    handed_free(h);
}

static void turn(struct worker *w, uint64_t *tick_at_ms)
{
    uint32_t turns = atomic_load_explicit(&w->turns, memory_order_relaxed);
    atomic_store_explicit(&w->turns, turns + 1, memory_order_release); /* see retire.c */
    loop_turn(&w->loop, w->http ? TICK_MS : IDLE_MS);
    if (atomic_load_explicit(&w->handed, memory_order_relaxed)) adopt_all(w);
    uint64_t now_ms = w->loop.now_ms;
    if (!w->http || now_ms < *tick_at_ms) return;
    bool is_late = now_ms >= *tick_at_ms + LATE_MS; /* what waits in sockets is read first */
    *tick_at_ms = now_ms + TICK_MS;
    if (!is_late) http_door_tick(w->http);
}

/* Until no connection is open, or the time is over. */
static void drain(struct worker *w, uint64_t *tick_at_ms)
{
    uint64_t until_ms = clock_now_ms() + atomic_load(&w->env->drain_ms);
    while (!http_door_is_idle(w->http) && w->loop.now_ms < until_ms)
        turn(w, tick_at_ms);
    if (!http_door_is_idle(w->http))
        log_line(LOG_WARN, "worker %u: drain_timeout passed, closing what is open", w->index);
}

static void stop(struct worker *w, uint64_t *tick_at_ms)
{
    close_udp(w);
    if (!w->http) return;
    http_door_drain(w->http);
    drain(w, tick_at_ms);
}

static void leave(struct worker *w, uint64_t *tick_at_ms)
{
    if (w->udp) udp_door_leave(w->udp);
    w->udp = NULL;
    if (!w->http) return;
    http_door_leave(w->http, w->env->heir);
    drain(w, tick_at_ms);
}

static uint32_t wish_of(const struct worker *w)
{
    return atomic_load_explicit(&w->wish, memory_order_acquire);
}

static void stand_still(struct worker *w)
{
    atomic_store(&w->paused, true);
    while (wish_of(w) == WORKER_PAUSE)
        os_futex_wait(&w->wish, WORKER_PAUSE);
    atomic_store(&w->paused, false);
}

/* Turn after turn; returns the wish that ends it. */
static uint32_t serve(struct worker *w, uint64_t *tick_at_ms)
{
    for (uint32_t wish; (wish = wish_of(w)) == WORKER_RUN || wish == WORKER_PAUSE;) {
        if (wish == WORKER_RUN) turn(w, tick_at_ms);
        else stand_still(w);
    }
    return wish_of(w);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    char name[16];
    uint64_t tick_at_ms = 0;
    snprintf(name, sizeof name, "worker %u", w->index);
    os_thread_name(name);
    metrics_thread_init();
    bool is_confined = confine_worker(w->env->confine); /* nobody may be served without */
    if (is_confined && serve(w, &tick_at_ms) == WORKER_LEAVE) leave(w, &tick_at_ms);
    else if (is_confined) stop(w, &tick_at_ms);
    atomic_store(&w->done, true);
    loop_wake(w->env->done_loop);
    return NULL;
}

enum err worker_start(struct worker *w)
{
    atomic_store(&w->wish, WORKER_PAUSE);
    int why = pthread_create(&w->thread, NULL, worker_main, w);
    w->is_started = why == 0;
    if (why == 0) return ERR_OK;
    log_line(LOG_ERROR, "cannot start worker %u: %s", w->index, strerror(why));
    return ERR_OS;
}

static void wish_set(struct worker *w, enum worker_wish wish)
{
    atomic_store(&w->wish, wish);
    os_futex_wake(&w->wish, 1);
    loop_wake(&w->loop);
}

void worker_stop(struct worker *w)
{
    wish_set(w, WORKER_STOP);
}

void worker_pause(struct worker *w)
{
    wish_set(w, WORKER_PAUSE);
}

bool worker_wait_paused(const struct worker *w, uint64_t until_ms)
{
    while (!atomic_load(&w->paused)) {
        if (atomic_load(&w->done) || clock_now_ms() > until_ms) return false;
        usleep(PAUSE_POLL_US);
    }
    return true;
}

void worker_resume(struct worker *w)
{
    wish_set(w, WORKER_RUN);
}

void worker_leave(struct worker *w)
{
    wish_set(w, WORKER_LEAVE);
}

void worker_adopt(struct worker *w, const struct http_handed *c)
{
    struct worker_handed *h = malloc(sizeof *h + c->input.len);
    if (!h) {
        close(c->fd);
        return;
    }
    *h = (struct worker_handed){.conn = *c};
    if (c->input.len) memcpy(h->input, c->input.ptr, c->input.len);
    h->conn.input.ptr = h->input;
    h->next = atomic_load(&w->handed);
    while (!atomic_compare_exchange_weak(&w->handed, &h->next, h))
        ;
    loop_wake(&w->loop);
}

bool worker_is_done(const struct worker *w)
{
    return !w->is_started || atomic_load(&w->done);
}

void worker_close(struct worker *w)
{
    if (!w->env) return;
    if (w->is_started) pthread_join(w->thread, NULL);
    handed_free(atomic_exchange(&w->handed, NULL));
    close_udp(w);
    if (w->http) http_door_close(w->http);
    loop_close(&w->loop);
    *w = (struct worker){0};
}
