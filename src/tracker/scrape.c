/* scrape.c - the second verb: numbers, and nothing changes (BEP 48). */
#include "tracker/tracker.h"

void tracker_scrape(const struct tracker *t, const struct info_hash *h, uint64_t hash,
                    uint32_t now_s, struct swarm_numbers *out)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    bool is_refused = o->access && access_refuses_torrent(o->access, h, hash);
    if (o->mode == MODE_INFO || is_refused) {
        *out = (struct swarm_numbers){0};
        return;
    }
    struct swarm_time time = {now_s, interval_lifetime_s(&t->interval)};
    swarm_scrape(t->swarm, hash, h, time, out);
}
