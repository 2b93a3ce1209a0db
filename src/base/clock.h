/* clock.h - the monotonic clock, read once per loop turn by net/loop and app/, passed on as a
 * number by everyone else. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds / microseconds since an arbitrary start; never goes back. */
static inline uint64_t clock_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static inline uint64_t clock_now_ms(void)
{
    return clock_now_us() / 1000u;
}

#endif
