/* token_sketch.h - a token bucket for each of any number of keys, in constant memory.
 *
 * A key leads to two cells of one cache line, and its bucket is as full as the fuller cell: somebody
 * else must share both to take of its tokens, which of 50 that use all of theirs happens to one key in
 * 10 000. Nobody is let through who would not be by a bucket of his own; the sketch errs towards
 * refusing, and that seldom.
 *
 * Memory    2 MiB, whatever is asked of it; pages are touched as they are used.
 * Threads   any number take at once. Two that meet in one cell may spend one token for two requests.
 * Time      microseconds of a clock that does not go back, handed in.
 * Cost      about 20 instructions and one cache line. */
#ifndef BASE_TOKEN_SKETCH_H
#define BASE_TOKEN_SKETCH_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TOKEN_SKETCH_LINES 32768 /* a power of two */
#define TOKEN_LINE_CELLS   8
#define TOKEN_BURST_US_MAX (UINT64_C(86400) * 1000000)

/* What a bucket holds and what a token costs, both as the time that refills it: the form in which
 * nothing has to be refilled (GCRA, ITU-T I.371). */
struct token_rule {
    uint64_t cost_us;  /* 0: no limit */
    uint64_t burst_us; /* of a full bucket; at least the cost. Without limit whatever others have
                        * taken of the same cells is too little */
};

/* `per_s` tokens a second, and as many at once as come in `burst_s`, but at least one. 0: no limit;
 * so is more than a million. */
struct token_rule token_rule_of(double per_s, uint32_t burst_s);

struct token_sketch {
    /* When the cell's buckets are full again; past: they are. */
    _Alignas(64) _Atomic uint64_t cells[TOKEN_SKETCH_LINES][TOKEN_LINE_CELLS];
};

/* ERR_NO_MEMORY */
enum err token_sketch_new(struct token_sketch **out) MUST_CHECK;
void token_sketch_free(struct token_sketch *s);

/* One bucket, looked at. */
struct token_look {
    _Atomic uint64_t *a, *b;
    uint64_t used_a, used_b; /* us until they are full */
    uint64_t after;          /* ... once the tokens are taken */
};

static inline uint64_t token_used_us(const _Atomic uint64_t *cell, uint64_t now_us)
{
    uint64_t full_us = atomic_load_explicit(cell, memory_order_relaxed);
    return full_us > now_us ? full_us - now_us : 0;
}

/* Bring what the next look at a key reads into the cache. */
static inline void token_prefetch(const struct token_sketch *s, uint64_t hash)
{
    __builtin_prefetch(s->cells[hash >> 32 & (TOKEN_SKETCH_LINES - 1)], 1);
}

/* Look at the bucket of a key, of which `hash` is a keyed hash; false: it has not so many tokens. */
static inline bool token_look(struct token_sketch *s, uint64_t hash, struct token_rule rule,
                              uint64_t tokens, uint64_t now_us, struct token_look *out)
{
    _Atomic uint64_t *line = s->cells[hash >> 32 & (TOKEN_SKETCH_LINES - 1)];
    out->a = &line[hash & 3];
    out->b = &line[4 + (hash >> 2 & 3)];
    out->used_a = token_used_us(out->a, now_us);
    out->used_b = token_used_us(out->b, now_us);
    out->after = (out->used_a < out->used_b ? out->used_a : out->used_b) + rule.cost_us * tokens;
    return out->after <= rule.burst_us;
}

/* Take them of a bucket that has them. */
static inline void token_take(const struct token_look *l, uint64_t now_us)
{
    if (l->used_a < l->after) atomic_store_explicit(l->a, now_us + l->after, memory_order_relaxed);
    if (l->used_b < l->after) atomic_store_explicit(l->b, now_us + l->after, memory_order_relaxed);
}

#endif
