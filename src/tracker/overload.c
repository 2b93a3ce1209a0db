/* overload.c - see overload.h.
 *
 * Why so    what is dropped in the kernel is dropped without a look at what it is: announces as likely
 *           as the scrapes of a site that shows numbers. So what can best be done without goes first.
 * Rejected  the load average (high on a machine that does other work well); the latency of answers
 *           (short for those that get one); a share of all requests by chance (announces with it). */
#include "tracker/overload.h"

bool overload_turn(struct overload *o, bool is_overload)
{
    uint32_t level = atomic_load_explicit(&o->level, memory_order_relaxed), next = level;
    o->calm_s = is_overload ? 0 : o->calm_s + 1;
    if (is_overload && level < SHED_MAX) next = level + 1;
    if (o->calm_s >= OVERLOAD_CALM_S && level > SHED_NOTHING) {
        next = level - 1;
        o->calm_s = 0;
    }
    atomic_store_explicit(&o->level, next, memory_order_relaxed);
    return next != level;
}

const char *overload_name(enum shed level)
{
    static const char *const NAMES[] = {
        [SHED_NOTHING] = "nothing",
        [SHED_EXTRAS] = "errors and full scrapes",
        [SHED_SCRAPES] = "errors and scrapes",
    };
    return NAMES[level];
}
