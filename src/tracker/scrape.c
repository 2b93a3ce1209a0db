/* scrape.c - the second verb: numbers, and nothing changes (BEP 48). */
#include "tracker/tracker.h"

#include "tracker/rules.h"

enum err tracker_check(const struct tracker *t, const struct announce *a, struct view passkey)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    struct request request = {.announce = a, .passkey = passkey};
    return rules_check(o, &request);
}

void tracker_scrape(const struct tracker *t, const struct info_hash *h, uint64_t hash,
                    uint32_t now_s, struct swarm_numbers *out)
{
    struct swarm_time time = {now_s, interval_lifetime_s(&t->interval)};
    swarm_scrape(t->swarm, hash, h, time, out);
}
