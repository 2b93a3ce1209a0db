/* tracker.c - what both verbs share: the start, and whether somebody may ask at all. */
#include "tracker/tracker.h"

#include "tracker/rules.h"

void tracker_init(struct tracker *t, struct swarm *swarm, const struct tracker_opts *opts,
                  uint32_t now_s)
{
    *t = (struct tracker){.swarm = swarm};
    atomic_init(&t->opts, opts);
    interval_init(&t->interval, &opts->interval, now_s);
}

enum err tracker_check(const struct tracker *t, const struct announce *a, struct view passkey)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    struct request request = {.announce = a, .passkey = passkey};
    return rules_check(o, &request);
}

uint32_t tracker_retry_min(const struct tracker *t, enum rate_budget budget)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    return (rate_retry_s(&o->rate, budget) + 59) / 60;
}
