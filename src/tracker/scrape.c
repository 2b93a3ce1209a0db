/* scrape.c - the second verb: numbers, and nothing changes (BEP 48). */
#include "tracker/tracker.h"

void tracker_scrape(const struct tracker *t, const struct info_hash *h, uint64_t hash,
                    uint32_t now_s, struct swarm_numbers *out)
{
    if (tracker_is_info(t)) {
        *out = (struct swarm_numbers){0};
        return;
    }
    struct swarm_time time = {now_s, interval_lifetime_s(&t->interval)};
    swarm_scrape(t->swarm, hash, h, time, out);
}
