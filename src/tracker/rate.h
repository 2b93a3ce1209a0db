/* rate.h - how much one address, and the network it is in, may ask for: a budget of its own for each
 * thing that costs, the same for every door.
 *
 *   address   an IPv4 address, an IPv6 /64
 *   prefix    the /24 or /56 around it, which may `prefix_times` as much
 *
 * Threads   any worker may take; the opts are of the configuration's generation (tracker.h).
 * Cost      two cache lines and about 110 instructions where nobody is refused; only a refusal looks
 *           whether the address is exempt, and is counted.
 * Fairness  only what is refused is not charged, so who keeps asking gets his rate, not nothing. */
#ifndef TRACKER_RATE_H
#define TRACKER_RATE_H

#include "base/token_sketch.h"
#include "proto/address_text.h"

enum rate_budget {
    RATE_CONNECT, /* UDP: what costs no proof of the address */
    RATE_ANNOUNCE,
    RATE_SCRAPE,
    RATE_CONNECTION, /* TCP */
    RATE_ERROR,      /* being told what was wrong */
    RATE_BUDGETS
};

#define RATE_PER_S_MAX 50000

enum rate_level { RATE_ADDRESS, RATE_PREFIX, RATE_LEVELS };

struct rate_opts {
    double per_s[RATE_BUDGETS]; /* of an address; 0: no limit */
    uint32_t burst_s;           /* what may come at once, as the time in which it comes back */
    uint32_t prefix_times;      /* 0: prefixes have no limit */
    const struct prefix *exempt;
    uint32_t exempt_count;
    /* made of these by rate_opts_resolve() */
    bool shares[RATE_BUDGETS]; /* large enough to charge one request in RATE_SHARE for all */
    struct token_rule rules[RATE_BUDGETS][RATE_LEVELS];
};

/* Where nobody is over a limit, one announce in so many is charged, for as many; see rate.c. */
#define RATE_SHARE            4
#define RATE_SHARE_TOKENS_MIN 256
#define RATE_EXACT_US         1000000 /* after a refusal every one is charged for itself */

void rate_opts_resolve(struct rate_opts *o);

struct rate {
    /* constant after new */
    uint64_t mix, keys[RATE_BUDGETS];
    struct token_sketch *sketches[RATE_LEVELS];
};

/* ERR_NO_MEMORY */
enum err rate_new(struct rate **out) MUST_CHECK;
void rate_free(struct rate *r);

/* Over the budget: true where the address is exempt, else it is counted and noted. */
bool rate_spares(const struct rate_opts *o, enum rate_budget budget, enum rate_level level,
                 const struct address *client, uint64_t now_us);

/* Seconds until an address that has spent its budget has a token again, rounded up. */
uint32_t rate_retry_s(const struct rate_opts *o, enum rate_budget budget);

__extension__ typedef unsigned __int128 rate_product;

/* A folded product with secret factors: nobody outside can tell which addresses share cells. */
static inline uint64_t rate_hash(const struct rate *r, enum rate_budget budget, uint64_t who)
{
    rate_product p = (rate_product)(who ^ r->mix) * r->keys[budget];
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static inline uint64_t rate_host(const struct address *client)
{
    return client->family == FAMILY_V4 ? load_u32be(client->ip) : load_u64be(client->ip);
}

/* Bring what rate_take() reads into the cache. `r` may be NULL. */
static inline void rate_prefetch(const struct rate *r, enum rate_budget budget,
                                 const struct address *client)
{
    if (!r) return;
    uint64_t host = rate_host(client);
    token_prefetch(r->sketches[RATE_ADDRESS], rate_hash(r, budget, host));
    token_prefetch(r->sketches[RATE_PREFIX], rate_hash(r, budget, host >> 8));
}

/* Take `tokens` of `client`'s budget; false: it is spent, refuse. `r` may be NULL: no limits.
 *   now_us   monotonic */
static inline bool rate_take(struct rate *r, const struct rate_opts *o, enum rate_budget budget,
                             uint32_t tokens, const struct address *client, uint64_t now_us)
{
    if (!r) return true;
    const struct token_rule *rules = o->rules[budget];
    uint64_t host = rate_host(client);
    struct token_look address, prefix;
    if (__builtin_expect(!token_look(r->sketches[RATE_ADDRESS], rate_hash(r, budget, host),
                                     rules[RATE_ADDRESS], tokens, now_us, &address),
                         false))
        return rate_spares(o, budget, RATE_ADDRESS, client, now_us);
    if (__builtin_expect(!token_look(r->sketches[RATE_PREFIX], rate_hash(r, budget, host >> 8),
                                     rules[RATE_PREFIX], tokens, now_us, &prefix),
                         false))
        return rate_spares(o, budget, RATE_PREFIX, client, now_us);
    token_take(&address, now_us);
    token_take(&prefix, now_us);
    return true;
}

#endif
