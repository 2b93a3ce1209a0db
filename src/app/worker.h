/* worker.h - one thread that serves: a loop, its doors, its random numbers.
 *
 * Threads   all functions belong to the main thread; those from worker_stop() on may be called while
 *           the worker runs. */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "admin/map.h"
#include "app/confine.h"
#include "app/sockets.h"
#include "base/rng.h"
#include "front/http.h"
#include "front/udp.h"

#include <pthread.h>

/* What all workers share; outlives them. */
struct worker_env {
    struct tracker *tracker;
    struct http_shared *http_shared;
    struct hash_key udp_id_key;
    _Atomic(const struct udp_opts *) udp_opts;
    _Atomic(const struct http_opts *) http_opts;
    bool peer_ids;
    const struct confine *confine; /* how each worker locks itself in */
    struct map *map;               /* whose taps show announces */
    struct http_pages *pages;      /* where connections go that ask for a page */
    _Atomic uint32_t drain_ms;     /* how long a stopping worker waits for requests in hand */
    struct loop *done_loop;        /* woken when a worker is done */
    struct http_heir *heir;        /* who gets the connections of workers that leave */
};

enum worker_wish {
    WORKER_RUN,
    WORKER_PAUSE, /* do nothing at all */
    WORKER_STOP,  /* answer what is in hand, and end */
    WORKER_LEAVE, /* give everything to env->heir, and end */
};

struct worker_handed;

struct worker {
    /* constant after open */
    struct worker_env *env;
    uint32_t index;
    pthread_t thread;
    bool is_started;
    /* atomic */
    _Atomic uint32_t wish; /* enum worker_wish; a futex */
    _Atomic bool paused, done;
    _Atomic(struct worker_handed *) handed; /* connections to be adopted, the last one first */
    _Atomic uint32_t turns; /* written by its own thread; the watchdog looks at it */
    /* owner thread only */
    struct loop loop;
    struct rng rng;
    struct http_door *http; /* either is NULL where it has no sockets */
    struct udp_door *udp;
};

/* Make the doors on `count` sockets; takes their fds (each becomes -1 in the array). */
enum err worker_open(struct worker *w, struct worker_env *env, uint32_t index,
                     struct door_socket *take_sockets, uint32_t count) MUST_CHECK;
/* Its thread; ERR_OS, logged. It locks itself in and stands still, until worker_resume(). */
enum err worker_start(struct worker *w) MUST_CHECK;

/* Accept nothing new, answer what is in hand, then end. */
void worker_stop(struct worker *w);
bool worker_is_done(const struct worker *w);

/* Stand still at the end of the turn, until worker_resume() or worker_leave(). */
void worker_pause(struct worker *w);
/* Wait until it does. False: not by then, or it has ended, as it could not lock itself in. */
bool worker_wait_paused(const struct worker *w, uint64_t until_ms);
void worker_resume(struct worker *w);

/* Answer nothing any more: another process has the same sockets. Open connections go to env->heir, at
 * once or when what is unsent has been sent; then end. */
void worker_leave(struct worker *w);

/* Serve a connection of a worker that left, in another process; takes the fd and copies the input. */
void worker_adopt(struct worker *w, const struct http_handed *c);

/* Wait for the thread, if it runs, and free all. */
void worker_close(struct worker *w);

#endif
