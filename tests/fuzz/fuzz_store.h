/* fuzz_store.h - one store that all inputs of a fuzz target share. Making one, dumping and sweeping its
 * 16384 shards takes a hundred times as long as most inputs, all the more as the searcher is told of
 * every comparison. So only the shards that have something in them are looked at, and swept empty
 * before the next input. */
#ifndef TESTS_FUZZ_STORE_H
#define TESTS_FUZZ_STORE_H

#include "swarm/dump.h"
#include "swarm/store.h"

#include <assert.h>
#include <stdlib.h>

static const struct swarm_time FUZZ_NOW = {.now_s = 100000, .lifetime_s = 3600};

/* The store that keeps peer ids, or the one that does not. */
static inline struct swarm *fuzz_store(bool peer_ids)
{
    static const uint8_t KEY[SWARM_KEY_BYTES] = {1, 2, 3};
    static struct swarm *stores[2];
    const struct swarm_opts opts = {.memory_bytes_max = 8u << 20,
                                    .completed_ttl_s = 3600,
                                    .lifetime_s_max = FUZZ_NOW.lifetime_s,
                                    .ip_peers_max = 20,
                                    .key = KEY,
                                    .store_peer_ids = peer_ids};
    if (!stores[peer_ids] && swarm_new(&stores[peer_ids], &opts) != ERR_OK) abort();
    return stores[peer_ids];
}

struct fuzz_shards {
    uint64_t used[SHARD_COUNT / 64];
};

/* The shards that hold torrents; nothing for the searcher to learn. */
#ifdef __clang__
__attribute__((no_sanitize("coverage", "address")))
#endif
static inline void
fuzz_shards_find(const struct swarm *s, struct fuzz_shards *out)
{
    for (uint32_t word = 0; word < SHARD_COUNT / 64; word++) {
        uint64_t bits = 0;
        for (uint32_t i = 0; i < 64; i++)
            bits |= (uint64_t)(s->shards[word * 64 + i].groups != 0) << i;
        out->used[word] = bits;
    }
}

/* The next of them from `i` on; SHARD_COUNT at the end. */
static inline uint32_t fuzz_shards_next(const struct fuzz_shards *f, uint32_t i)
{
    for (; i < SHARD_COUNT; i = (i / 64 + 1) * 64) {
        uint64_t left = f->used[i / 64] >> i % 64;
        if (left) return i + (uint32_t)__builtin_ctzll(left);
    }
    return SHARD_COUNT;
}

/* As swarm_dump() passes on a store in which nothing else is. */
static inline void fuzz_store_dump(const struct swarm *s, swarm_dump_fn *fn, void *ctx)
{
    struct fuzz_shards f;
    fuzz_shards_find(s, &f);
    for (uint32_t i = 0; (i = fuzz_shards_next(&f, i)) < SHARD_COUNT; i++) {
        struct swarm_dump_at at = {.shard = i};
        while ((at.shard == i || at.large_count) && swarm_dump(s, FUZZ_NOW, &at, fn, ctx))
            ;
    }
}

/* So many sweeps, `step_s` after each other, must forget everybody and every torrent. */
static inline void fuzz_store_empty(struct swarm *s, uint32_t step_s, unsigned sweeps)
{
    struct swarm_time later = FUZZ_NOW;
    struct sweep_report swept = {0};
    struct swarm_counts n;
    struct fuzz_shards f;
    fuzz_shards_find(s, &f);
    for (; sweeps; sweeps--) {
        later.now_s += step_s;
        for (uint32_t i = 0; (i = fuzz_shards_next(&f, i)) < SHARD_COUNT; i++)
            swarm_sweep(s, later, i, 1, &swept);
    }
    swarm_counts(s, &n);
    assert(n.peers[FAMILY_V4] + n.peers[FAMILY_V6] == 0 && n.torrents == 0);
}

#endif
