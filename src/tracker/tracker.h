/* tracker.h - what a request means: rules, interval, limits; the same for every door.
 *
 * Threads   any worker may call; all shared state is read-only or atomic.
 * Time      `now_s` is handed in: seconds of the monotonic clock. */
#ifndef TRACKER_TRACKER_H
#define TRACKER_TRACKER_H

#include "base/err.h"
#include "base/rng.h"
#include "swarm/swarm.h"
#include "tracker/access.h"
#include "tracker/interval.h"
#include "tracker/overload.h"
#include "tracker/rate.h"

#define NUMWANT_PEERS_MAX SWARM_PICKS_MAX /* in one answer, whatever the options say */
#define PASSKEY_BYTES_MAX 64

/* MODE_INFO: nobody is recorded or told of others; clients are asked to come back in a day. */
enum tracker_mode { MODE_TRACKER, MODE_INFO };

/* All live (atomic reload by the owner of the struct). */
struct tracker_opts {
    enum tracker_mode mode;
    uint32_t numwant_default;            /* when the client says nothing, or something negative */
    uint32_t numwant_max;                /* max_peers_per_response */
    char passkey[PASSKEY_BYTES_MAX + 1]; /* not empty: announces and scrapes must carry it */
    struct interval_opts interval;
    struct rate_opts rate;
    const struct access *access; /* NULL: no list is in force */
};

struct tracker {
    /* constant after init */
    struct swarm *swarm;
    bool stats_minimal; /* count no latency, clients, talkers, re-announce delays */
    struct rate *rate;  /* NULL: nobody is limited */
    /* atomic: replaced whole at reload; the old one is freed a grace period later */
    _Atomic(const struct tracker_opts *) opts;
    struct interval interval;
    struct overload overload;
};

void tracker_init(struct tracker *t, struct swarm *swarm, const struct tracker_opts *opts,
                  uint32_t now_s);

/* A decided announce: what the door encodes. */
struct announce_answer {
    uint32_t interval_s, min_interval_s;
    struct swarm_answer swarm; /* .peers: room set by the caller */
};

/* Check the rules, then record the announce and fill the answer.
 *   a        decoded by the door; info hash etc. are well-formed
 *   hash     swarm_hash() of a->info_hash
 *   out      out->swarm.peers.{compact,peer_ids,max} set by the door: the room it has; max_total
 *            is set here to what the client asked for (numwant) and may have (numwant_max)
 *   returns  ERR_OK, or the refusal to tell the client (nothing was recorded) */
enum err tracker_announce(struct tracker *t, const struct announce *a, uint64_t hash,
                          uint32_t now_s, struct rng *rng, struct announce_answer *out) MUST_CHECK;

/* May this client ask at all? For scrapes, and for announces that could not be decoded: who may not
 * ask is told so before what was wrong (A29).
 *   a        NULL for a scrape
 *   passkey  as in struct announce
 *   client   may be NULL where tracker_wants_address() says no */
enum err tracker_check(const struct tracker *t, const struct announce *a, struct view passkey,
                       const struct address *client) MUST_CHECK;

/* Is there a list of addresses, so that scrapes must say who asks? */
bool tracker_wants_address(const struct tracker *t);

/* What to tell a client whose request was refused: the text of the error, or the reason of the entry
 * of an access list. `a` is NULL for a scrape, of which `client` is known.
 *   returns  borrowed, perhaps from `room`; valid for as long as the turn of the loop */
#define TRACKER_REFUSAL_BYTES 224
struct view tracker_refusal(const struct tracker *t, enum err refusal, const struct announce *a,
                            const struct address *client, char room[TRACKER_REFUSAL_BYTES]);

/* Bring into the cache what the rules will read. */
static inline void tracker_prefetch(const struct tracker *t, uint64_t hash)
{
    const struct access *x = atomic_load_explicit(&t->opts, memory_order_acquire)->access;
    if (x) access_prefetch(x, hash);
}

/* May `client` have this now? Takes of its budget (rate.h). */
static inline bool tracker_allows(const struct tracker *t, enum rate_budget budget,
                                  const struct address *client, uint64_t now_us)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    return rate_take(t->rate, &o->rate, budget, 1, client, now_us);
}

/* Minutes until who has spent a budget may ask again, for `retry in`. */
uint32_t tracker_retry_min(const struct tracker *t, enum rate_budget budget);

static inline bool tracker_is_info(const struct tracker *t)
{
    return atomic_load_explicit(&t->opts, memory_order_acquire)->mode == MODE_INFO;
}

/* The numbers of one torrent (zeros when unknown or refused by a list, and in MODE_INFO). */
void tracker_scrape(const struct tracker *t, const struct info_hash *h, uint64_t hash,
                    uint32_t now_s, struct swarm_numbers *out);

/* What a passkey is made of: A-Z a-z 0-9 _ -, in a path as in the option. */
bool tracker_passkey_may_hold(char c);

/* Where a path leads. HTTP and BEP 41 URLData share this (protocol.md T50..T53, S20, U87).
 *   path      undecoded, starts with '/'
 *   passkey   filled with the path's key, or empty; borrowed from path */
enum route { ROUTE_NONE, ROUTE_ANNOUNCE, ROUTE_SCRAPE, ROUTE_HEARTBEAT, ROUTE_ROOT };
enum route tracker_route(struct view path, struct view *passkey);

#endif
