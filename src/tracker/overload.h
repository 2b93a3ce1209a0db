/* overload.h - what is left undone while more comes in than can be answered.
 *
 * The sign of it is the kernel dropping datagrams because a socket was full: it is late, but it is never
 * wrong, on no machine and in no container. One step further with every second in which that happens,
 * one back after some seconds without.
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

#define OVERLOAD_CALM_S 5 /* without drops, until one step back */

struct overload {
    _Atomic uint32_t level; /* enum shed */
    /* housekeeping only */
    uint32_t calm_s;
};

/* A second has passed, in which the kernel dropped so many datagrams. True when the level changed. */
bool overload_turn(struct overload *o, uint64_t drops);

static inline bool overload_sheds(const struct overload *o, enum shed what)
{
    return atomic_load_explicit(&o->level, memory_order_relaxed) >= (uint32_t)what;
}

/* "nothing", "errors and full scrapes": for the log. */
const char *overload_name(enum shed level);

#endif
