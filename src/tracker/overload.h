/* overload.h - what is left undone while more comes in than can be answered.
 *
 * The sign of it is the kernel dropping datagrams because a socket was full: it is late, but it is never
 * wrong, on no machine and in no container. One step further with every second in which more than one in
 * OVERLOAD_ONE_IN was dropped, one back after some seconds without: a burst of a moment, of which a
 * thousandth is lost, is no overload, and whoever sends one now and then shall not stop all scrapes.
 *
 *   SHED_EXTRAS    errors are not told, full scrapes are put off
 *   SHED_SCRAPES   scrapes are put off, too; announces are answered
 *
 * The interval, which grows with the same drops (tracker/interval.h), is what makes it end.
 *
 * Threads   overload_turn() from housekeeping; overload_sheds() from anywhere. */
#ifndef TRACKER_OVERLOAD_H
#define TRACKER_OVERLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum shed { SHED_NOTHING, SHED_EXTRAS, SHED_SCRAPES, SHED_MAX = SHED_SCRAPES };

#define OVERLOAD_CALM_S 5   /* without, until one step back */
#define OVERLOAD_ONE_IN 100 /* fewer lost datagrams than that are none */

struct overload {
    _Atomic uint32_t level; /* enum shed */
    /* housekeeping only */
    uint32_t calm_s;
};

/* Is it overload that of the datagrams of a second these were dropped and those received? */
static inline bool overload_is(uint64_t drops, uint64_t received)
{
    return drops * OVERLOAD_ONE_IN > drops + received;
}

/* A second has passed, with overload or without. True when the level changed. */
bool overload_turn(struct overload *o, bool is_overload);

static inline bool overload_sheds(const struct overload *o, enum shed what)
{
    return atomic_load_explicit(&o->level, memory_order_relaxed) >= (uint32_t)what;
}

/* "nothing", "errors and full scrapes": for the log. */
const char *overload_name(enum shed level);

#endif
