/* lock.h - a mutex of four bytes: thousands of shards need one each.
 *
 * States    0 free, 1 held, 2 held and somebody may sleep.
 * Cost      uncontended: one compare-exchange to take, one exchange to release.
 * Waiting   a short spin (holders keep it for tens of nanoseconds), then a futex sleep. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
    _Atomic uint32_t state;
};

/* The slow halves of those below; nobody else calls them. */
void lock_wait(struct lock *l);
bool lock_wait_for(struct lock *l, uint32_t ms);
void lock_wake(struct lock *l);

static inline void lock_take(struct lock *l)
{
    uint32_t free_state = 0;
    if (!atomic_compare_exchange_strong_explicit(&l->state, &free_state, 1, memory_order_acquire,
                                                 memory_order_relaxed))
        lock_wait(l);
}

/* Take it, unless somebody keeps it for all of `ms`: then false. */
static inline bool lock_take_within(struct lock *l, uint32_t ms)
{
    uint32_t free_state = 0;
    return atomic_compare_exchange_strong_explicit(&l->state, &free_state, 1, memory_order_acquire,
                                                   memory_order_relaxed) ||
           lock_wait_for(l, ms);
}

/* Release, and if somebody slept for it, let him have it first: for whoever takes the lock again at
 * once, in a loop. Without this the sleeper wakes to find it taken, every time. Waits at most as
 * long as a wake-up takes, some 50 us. */
void lock_release_to_waiter(struct lock *l);

static inline bool lock_is_held(struct lock *l)
{
    return atomic_load_explicit(&l->state, memory_order_relaxed) != 0;
}

static inline void lock_release(struct lock *l)
{
    if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2) lock_wake(l);
}

#endif
