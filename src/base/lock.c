/* lock.c - the slow half of the four-byte mutex: spin a little, then sleep on the futex. */
#include "base/lock.h"

#include "base/os_linux.h"

#define SPINS_MAX  64
#define YIELDS_MAX 64

void lock_wait(struct lock *l)
{
    for (int i = 0; i < SPINS_MAX; i++) {
        uint32_t free_state = 0;
        if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_weak_explicit(&l->state, &free_state, 1, memory_order_acquire,
                                                  memory_order_relaxed))
            return;
        os_cpu_relax();
    }
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0)
        os_futex_wait(&l->state, 2);
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
