/* rate.c - see rate.h. The sketches do the work (base/token_sketch.c); here is what is rare.
 *
 * Exempt    addresses take tokens like all others and are looked up only when theirs are gone: the
 *           list costs nobody anything, however long it is. Their cells stay full, which is what two
 *           busy addresses would cost the sketch anyway.
 * Share     of announces over UDP, which are all that counts, one in four is charged, chosen by
 *           chance, for four: a quarter of the cost, and a bucket of 256 tokens or more cannot tell.
 *           From the first refusal on, until there was none for a second, each is charged for
 *           itself, since then each one over the limit must be found to be refused.
 * Noted     every refused request, not a sample: a refusal is cheap enough with it, and the first one
 *           of somebody who is refused seldom is what an operator looks for. */
#include "tracker/rate.h"

#include "base/metrics.h"

#include <sodium.h>
#include <stdlib.h>

void rate_opts_resolve(struct rate_opts *o)
{
    for (int b = 0; b < RATE_BUDGETS; b++) {
        o->rules[b][RATE_ADDRESS] = token_rule_of(o->per_s[b], o->burst_s);
        o->rules[b][RATE_PREFIX] = token_rule_of(o->per_s[b] * o->prefix_times, o->burst_s);
        o->shares[b] = o->per_s[b] * o->burst_s >= RATE_SHARE_TOKENS_MIN;
    }
}

enum err rate_new(struct rate **out)
{
    struct rate *r = calloc(1, sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    randombytes_buf(&r->mix, sizeof r->mix);
    randombytes_buf(r->keys, sizeof r->keys);
    enum err err = ERR_OK;
    for (int b = 0; b < RATE_BUDGETS; b++)
        r->keys[b] |= 1;
    for (int level = 0; err == ERR_OK && level < RATE_LEVELS; level++)
        err = token_sketch_new(&r->sketches[level]);
    if (err != ERR_OK) {
        rate_free(r);
        return err;
    }
    *out = r;
    return ERR_OK;
}

void rate_free(struct rate *r)
{
    if (!r) return;
    for (int level = 0; level < RATE_LEVELS; level++)
        token_sketch_free(r->sketches[level]);
    free(r);
}

static const enum metric LIMITED[RATE_BUDGETS] = {
    [RATE_CONNECT] = METRIC_RATE_CONNECT, [RATE_ANNOUNCE] = METRIC_RATE_ANNOUNCE,
    [RATE_SCRAPE] = METRIC_RATE_SCRAPE,   [RATE_CONNECTION] = METRIC_RATE_CONNECTION,
    [RATE_ERROR] = METRIC_RATE_ERROR,
};

__attribute__((noinline)) bool rate_spares(const struct rate_opts *o, enum rate_budget budget,
                                           enum rate_level level, const struct address *client,
                                           uint64_t now_us)
{
    if (prefixes_contain(o->exempt, o->exempt_count, client)) return true;
    metrics_add(LIMITED[budget] + (enum metric)level, 1);
    struct talker_key key = talker_key_of(client->ip, client->family == FAMILY_V6);
    talkers_note(&metrics_mine->limited, key, (uint32_t)(now_us / 1000000));
    return false;
}

uint32_t rate_retry_s(const struct rate_opts *o, enum rate_budget budget)
{
    return (uint32_t)(o->rules[budget][RATE_ADDRESS].cost_us / 1000000) + 1;
}
