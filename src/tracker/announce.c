/* announce.c - the first verb: rules, then the store, then when to come back. */
#include "tracker/tracker.h"

#include "base/metrics.h"
#include "tracker/rules.h"

#define INFO_INTERVAL_S 86400

/* How many peers the client may have: what it asked for, within what we give (A9, U8). */
static uint16_t peers_wanted(const struct tracker_opts *o, const struct announce *a)
{
    if (a->event == EVENT_STOPPED) return 0;
    uint32_t wanted = a->numwant < 0 ? o->numwant_default : (uint32_t)a->numwant;
    return (uint16_t)(wanted < o->numwant_max ? wanted : o->numwant_max);
}

/* Nothing is recorded and nobody named. The spread keeps tomorrow's crowd apart, too; it goes down, as
 * clients and `muster probe` doubt an interval of more than a day. */
static enum err answer_info(const struct tracker_opts *o, struct rng *rng,
                            struct announce_answer *out)
{
    uint32_t spread_s = INFO_INTERVAL_S * o->interval.jitter_pct / 100;
    out->interval_s = INFO_INTERVAL_S - rng_below(rng, spread_s + 1);
    out->min_interval_s = out->interval_s * o->interval.min_pct / 100;
    out->swarm.numbers = (struct swarm_numbers){0};
    out->swarm.verdict = SWARM_UNKNOWN;
    memset(out->swarm.peers.count, 0, sizeof out->swarm.peers.count);
    return ERR_OK;
}

enum err tracker_announce(struct tracker *t, const struct announce *a, uint64_t hash,
                          uint32_t now_s, struct rng *rng, struct announce_answer *out)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    struct request request = {.announce = a,
                              .client = &a->address,
                              .passkey = a->passkey,
                              .is_whole = true,
                              .hash = hash};
    enum err err = rules_check(o, &request);
    if (err != ERR_OK) return err;
    if (o->mode == MODE_INFO) return answer_info(o, rng, out);
    out->interval_s = interval_answer_s(&t->interval, &o->interval, rng);
    out->min_interval_s = interval_min_s(&t->interval, &o->interval);
    struct peer_list *peers = &out->swarm.peers;
    peers->max_total = peers_wanted(o, a);
    struct swarm_time time = {now_s, interval_lifetime_s(&t->interval)};
    swarm_announce(t->swarm, hash, a, time, rng, &out->swarm);
    if (t->stats_minimal) return ERR_OK;
    if (out->swarm.silent_s != SWARM_NEVER_HEARD) metrics_reannounce(out->swarm.silent_s);
    metrics_client(a->peer_id.bytes, out->swarm.verdict == SWARM_ADDED);
    return ERR_OK;
}
