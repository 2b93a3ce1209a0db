/* loop.h - one epoll loop per worker: readiness callbacks and one tick.
 *
 * Threads   everything but loop_wake() belongs to the thread that runs the loop.
 * Time      now_ms is read once per turn; callbacks use it and never ask the clock. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/err.h"

#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_source;

/* `events` are EPOLL bits. The callback may remove or free any source, its own included. */
typedef void loop_ready_fn(struct loop_source *source, uint32_t events);

struct loop_source {
    int fd;
    loop_ready_fn *ready;
};

#define LOOP_EVENTS_MAX 256

struct loop {
    int epoll_fd;
    uint64_t now_ms, now_us; /* monotonic, at the start of this turn */
    /* private */
    struct loop_source wake;
    struct epoll_event events[LOOP_EVENTS_MAX];
    int event_at, event_count;
};

enum err loop_open(struct loop *l) MUST_CHECK;
void loop_close(struct loop *l);

enum err loop_add(struct loop *l, struct loop_source *s, uint32_t events) MUST_CHECK;
void loop_modify(struct loop *l, struct loop_source *s, uint32_t events);
/* Forget the source, also in events already fetched this turn. Does not close its fd; to close it does
 * not do instead: epoll keeps what another process still has open, as a child has until its exec. */
void loop_remove(struct loop *l, struct loop_source *s);

/* Wait at most timeout_ms (-1: until something happens), then run the callbacks. */
void loop_turn(struct loop *l, int timeout_ms);

/* From any thread: make a waiting loop_turn() return. */
void loop_wake(struct loop *l);

/* Microseconds since this turn began: a clock call, so not for every request. */
uint64_t loop_elapsed_us(const struct loop *l);

/* Seconds for the store and the rules. */
static inline uint32_t loop_now_s(const struct loop *l)
{
    return (uint32_t)(l->now_ms / 1000);
}

#endif
