/* lock.c - the slow half of the four-byte mutex: spin a little, then sleep on the futex. */
#include "base/lock.h"

#include "base/clock.h"
#include "base/os_linux.h"

#define SPINS_MAX  64
#define YIELDS_MAX 64

static bool spin(struct lock *l)
{
    for (int i = 0; i < SPINS_MAX; i++) {
        uint32_t free_state = 0;
        if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak_explicit(&l->state, &free_state, 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return true;
        os_cpu_relax();
    }
    return false;
}

void lock_wait(struct lock *l)
{
    if (spin(l)) return;
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0)
        os_futex_wait(&l->state, 2);
}

/* Who gives up leaves the lock marked as slept for: that costs its holder a wake-up of nobody. */
bool lock_wait_for(struct lock *l, uint32_t ms)
{
    if (spin(l)) return true;
    uint64_t now_ms, until_ms = clock_now_ms() + ms;
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0) {
        if ((now_ms = clock_now_ms()) >= until_ms) return false;
        os_futex_wait_for(&l->state, 2, (uint32_t)(until_ms - now_ms));
    }
    return true;
}

void lock_wake(struct lock *l)
{
    os_futex_wake(&l->state, 1);
}

void lock_release_to_waiter(struct lock *l)
{
    if (atomic_exchange_explicit(&l->state, 0, memory_order_release) != 2) return;
    lock_wake(l);
    for (int i = 0; i < YIELDS_MAX && !lock_is_held(l); i++)
        os_yield();
}
