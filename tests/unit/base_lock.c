/* base_lock.c - one at a time, also when there are more threads than cores, and nobody sleeps on. */
#include "unit.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/os_linux.h"

#include <pthread.h>

#define THREADS 8
#define ROUNDS  20000

static struct lock lock;
static uint64_t counter; /* plain: only the lock keeps it right */

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3) lock_take(&lock);
        else
            while (!lock_take_within(&lock, 1))
                continue;
        counter++;
        if (i % 512 == 0) os_yield(); /* let the others run into a held lock, and sleep */
        if (i % 2) lock_release(&lock);
        else lock_release_to_waiter(&lock);
    }
    return unused;
}

static void one_thread_at_a_time(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(counter, (uint64_t)THREADS * ROUNDS);
    assert_false(lock_is_held(&lock));
}

static void held_is_told(void **state)
{
    (void)state;
    assert_false(lock_is_held(&lock));
    lock_take(&lock);
    assert_true(lock_is_held(&lock));
    lock_release(&lock);
    assert_false(lock_is_held(&lock));
}

static void a_wait_has_an_end(void **state)
{
    (void)state;
    assert_true(lock_take_within(&lock, 0));
    uint64_t start_ms = clock_now_ms();
    assert_false(lock_take_within(&lock, 0));
    assert_false(lock_take_within(&lock, 30));
    assert_true(clock_now_ms() >= start_ms + 30);
    lock_release(&lock);
    assert_true(lock_take_within(&lock, 30));
    lock_release(&lock);
    assert_false(lock_is_held(&lock));
}

/* ---- the one who takes it again and again ---- */

static _Atomic bool has_started, is_done;

static void *take_once(void *unused)
{
    atomic_store(&has_started, true);
    lock_take(&lock);
    atomic_store(&is_done, true);
    lock_release(&lock);
    return unused;
}

/* Holds of 100 us, back to back: the sleeper must get in after a few of them, not at the end. */
static void a_waiter_gets_in_between_holds(void **state)
{
    (void)state;
    pthread_t thread;
    lock_take(&lock);
    assert_int_equal(pthread_create(&thread, NULL, take_once, NULL), 0);
    while (!atomic_load(&has_started))
        os_yield();
    int holds = 0;
    for (; holds < 100000 && !atomic_load(&is_done); holds++) {
        uint64_t until_us = clock_now_us() + 100;
        while (clock_now_us() < until_us)
            os_cpu_relax();
        lock_release_to_waiter(&lock);
        lock_take(&lock);
    }
    lock_release(&lock);
    pthread_join(thread, NULL);
    assert_in_range(holds, 0, 5000); /* half a second, should a loaded machine not run the thread */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_is_told),
        cmocka_unit_test(one_thread_at_a_time),
        cmocka_unit_test(a_wait_has_an_end),
        cmocka_unit_test(a_waiter_gets_in_between_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
