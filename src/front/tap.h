/* tap.h - announces, as they come, for whoever watches: one ring per worker.
 *
 * Threads   one worker puts in, one watcher takes out; no locks.
 * Cost      while nobody watches: one relaxed load per batch of datagrams or per HTTP announce.
 * Bounded   TAP_LIGHTS_MAX wait at most; what finds no room is counted and left out. The watcher says
 *           how many announces there are to a light, so that rings stay far from full.
 * Privacy   addresses stay inside the process: the watcher turns them into places. */
#ifndef FRONT_TAP_H
#define FRONT_TAP_H

#include "base/rng.h"
#include "proto/types.h"

#include <stdatomic.h>

#define TAP_LIGHTS_MAX 1024u /* a power of two */

enum tap_door { TAP_HTTP = 0, TAP_UDP = 1 }; /* etracker's numbers */

struct tap_light {
    uint8_t ip[16]; /* as in struct address */
    uint8_t family, door;
};

struct tap {
    /* atomic; the watcher's */
    _Atomic uint32_t every; /* 0: nobody watches; n: put in about one announce of n */
    /* the worker's */
    _Alignas(64) _Atomic uint32_t head;
    _Atomic uint64_t seen, lost; /* announces while somebody watched; of the chosen, without room */
    uint32_t skip;
    /* the watcher's */
    _Alignas(64) _Atomic uint32_t tail;
    struct tap_light lights[TAP_LIGHTS_MAX];
};

/* NULL: no memory. The lights' pages are not touched before somebody watches. */
struct tap *tap_new(void);
void tap_free(struct tap *t);

/* How many announces there are to a light now; 0: do not offer any. `t` may be NULL. */
static inline uint32_t tap_every(const struct tap *t)
{
    return t ? atomic_load_explicit(&t->every, memory_order_relaxed) : 0;
}

/* Offer one announce; `every` is not 0. Which are chosen is random. */
void tap_offer(struct tap *t, struct rng *rng, uint32_t every, enum tap_door door,
               const struct address *a);

/* Take the oldest light out; false when there is none. */
bool tap_take(struct tap *t, struct tap_light *out);

#endif
