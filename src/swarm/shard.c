/* shard.c - the index of one shard: info hash -> record.
 *
 * Idea       open addressing over groups of 8 slots. A slot is one mark byte (7 bits of hash) and one
 *            4-byte reference; a group's 8 marks are compared in one 64-bit word, so that a lookup
 *            touches one line of marks, one line of references and the record itself. 5 bytes a slot.
 * Growth     by a quarter, when 7 of 8 slots are taken. Shards are so many that a rebuild moves a few
 *            hundred references; records are prefetched ahead, because their hashes must be
 *            computed again (keeping them would cost 4 bytes a torrent).
 * Rejected   records inside the table: every size of swarm would pay for the largest inline one;
 *            chains: a pointer a torrent. */
#include "swarm/store.h"

#include <assert.h>

#define MARK_EMPTY    0x00u
#define MARK_TOMB     0x01u
#define MARK_FULL     0x80u
#define LOWS          0x0101010101010101u
#define HIGHS         0x8080808080808080u
#define REBUILD_AHEAD 8
#define RANGE_AHEAD   16

static uint32_t index_bytes(uint32_t groups)
{
    return groups * 8 * 5;
}

static uint8_t mark_of(uint64_t hash)
{
    return (uint8_t)(MARK_FULL | (hash & 0x7f));
}

static uint32_t home_group(uint64_t hash, uint32_t groups)
{
    return hash_range(shard_position(hash), groups);
}

/* Bytes of `word` that equal `byte`, as the high bit of each; may also flag the byte above a hit. */
static uint64_t bytes_equal(uint64_t word, uint8_t byte)
{
    uint64_t x = word ^ (LOWS * byte);
    return (x - LOWS) & ~x & HIGHS;
}

static slab_ref *refs_of(uint8_t *index, uint32_t groups)
{
    return (slab_ref *)(void *)(index + (size_t)groups * 8);
}

struct slot shard_find(const struct swarm *s, const struct shard *shard, uint64_t hash,
                       const struct info_hash *h)
{
    uint32_t groups = shard->groups;
    if (!groups) return (struct slot){0};
    uint8_t *index = slab_at(&s->slab, shard->index);
    slab_ref *refs = refs_of(index, groups);
    uint32_t group = home_group(hash, groups);
    for (uint32_t probes = 0; probes < groups; probes++) {
        uint64_t word;
        memcpy(&word, index + group * 8, sizeof word);
        for (uint64_t hits = bytes_equal(word, mark_of(hash)); hits; hits &= hits - 1) {
            uint32_t i = group * 8 + (uint32_t)__builtin_ctzll(hits) / 8;
            if (!(index[i] & MARK_FULL)) continue;
            if (memcmp(record_at(s, refs[i]), h, sizeof *h) == 0)
                return (struct slot){.ref = &refs[i], .mark = &index[i]};
        }
        if (bytes_equal(word, MARK_EMPTY)) break;
        if (++group == groups) group = 0;
    }
    return (struct slot){0};
}

static bool index_put(uint8_t *index, uint32_t groups, uint64_t hash, slab_ref ref)
{
    uint32_t group = home_group(hash, groups);
    for (;;) {
        uint64_t word;
        memcpy(&word, index + group * 8, sizeof word);
        uint64_t room = ~word & HIGHS; /* empty or tomb: not full */
        if (room) {
            uint32_t i = group * 8 + (uint32_t)__builtin_ctzll(room) / 8;
            bool was_tomb = index[i] == MARK_TOMB;
            index[i] = mark_of(hash);
            refs_of(index, groups)[i] = ref;
            return was_tomb;
        }
        if (++group == groups) group = 0;
    }
}

static bool shard_rebuild(struct swarm *s, struct shard *shard, uint32_t groups)
{
    slab_ref fresh = slab_alloc(&s->slab, index_bytes(groups));
    if (!fresh) return false;
    uint8_t *index = slab_at(&s->slab, fresh);
    memset(index, MARK_EMPTY, (size_t)groups * 8);
    uint32_t slots = shard_slots(shard);
    for (uint32_t i = 0; i < slots + REBUILD_AHEAD; i++) {
        shard_prefetch_record(s, shard, i);
        slab_ref *now = i >= REBUILD_AHEAD ? shard_entry(s, shard, i - REBUILD_AHEAD) : NULL;
        if (now) index_put(index, groups, swarm_hash(s, &record_at(s, *now)->info_hash), *now);
    }
    slab_free(&s->slab, shard->index);
    shard->index = fresh;
    shard->groups = groups;
    shard->tombs = 0;
    shard->rebuilds++;
    return true;
}

/* Groups that hold `count` torrents at no more than 7/8, with a little room. */
static uint32_t groups_for(uint32_t count)
{
    return count / 7 + 1;
}

bool shard_insert(struct swarm *s, struct shard *shard, uint64_t hash, slab_ref record)
{
    uint32_t groups = shard->groups;
    if ((shard->used + shard->tombs + 1) > groups * 7) {
        uint32_t wanted = groups_for(shard->used + 1 + shard->used / 4);
        if (!shard_rebuild(s, shard, wanted) && shard->used + 1 >= groups * 8) return false;
    }
    if (index_put(slab_at(&s->slab, shard->index), shard->groups, hash, record)) shard->tombs--;
    shard->used++;
    return true;
}

void shard_remove(struct swarm *s, struct shard *shard, struct slot slot)
{
    assert(shard->used > 0);
    uint8_t *index = slab_at(&s->slab, shard->index);
    uint64_t word;
    memcpy(&word, index + ((size_t)(slot.mark - index) & ~(size_t)7), sizeof word);
    bool group_has_room = bytes_equal(word, MARK_EMPTY) != 0; /* then no probe goes past it */
    *slot.mark = (uint8_t)(group_has_room ? MARK_EMPTY : MARK_TOMB);
    if (!group_has_room) shard->tombs++;
    shard->used--;
}

void shard_shrink(struct swarm *s, struct shard *shard)
{
    if (shard->used == 0) {
        slab_free(&s->slab, shard->index);
        shard->index = 0;
        shard->groups = shard->tombs = 0;
        return;
    }
    uint32_t wanted = groups_for(shard->used + shard->used / 4);
    if (wanted + wanted / 4 + 1 < shard->groups && shard_rebuild(s, shard, wanted)) return;
    shard->index = slab_compact(&s->slab, shard->index);
}

slab_ref *shard_entry(const struct swarm *s, const struct shard *shard, uint32_t i)
{
    uint8_t *index = slab_at(&s->slab, shard->index);
    return index[i] & MARK_FULL ? &refs_of(index, shard->groups)[i] : NULL;
}

void shard_prefetch_record(const struct swarm *s, const struct shard *shard, uint32_t i)
{
    const slab_ref *ref = i < shard_slots(shard) ? shard_entry(s, shard, i) : NULL;
    if (ref) __builtin_prefetch(record_at(s, *ref));
}

struct slot shard_slot(const struct swarm *s, const struct shard *shard, uint32_t i)
{
    uint8_t *index = slab_at(&s->slab, shard->index);
    return (struct slot){.ref = &refs_of(index, shard->groups)[i], .mark = &index[i]};
}

/* An entry that is not in its home group stands behind it, with no empty slot in between. Past the
 * last group they go on at the first. */
uint32_t shard_range(const struct swarm *s, const struct shard *shard, uint64_t from, uint64_t to,
                     slab_ref *out, uint32_t max)
{
    uint32_t groups = shard->groups, count = 0;
    if (!groups) return 0;
    const uint8_t *index = slab_at(&s->slab, shard->index);
    uint32_t group = hash_range((uint32_t)from, groups);
    uint32_t last = hash_range((uint32_t)(to - 1), groups);
    bool is_behind = false;
    for (uint32_t visited = 0; visited < groups; visited++) {
        for (uint32_t i = group * 8; i < group * 8 + 8; i++) {
            shard_prefetch_record(s, shard, i + RANGE_AHEAD);
            const slab_ref *ref = shard_entry(s, shard, i);
            if (!ref) continue;
            uint32_t at = shard_position(swarm_hash(s, &record_at(s, *ref)->info_hash));
            if (at < from || at >= to) continue;
            if (count < max) out[count] = *ref;
            count++;
        }
        uint64_t word;
        memcpy(&word, index + group * 8, sizeof word);
        is_behind |= group == last;
        if (is_behind && bytes_equal(word, MARK_EMPTY)) break;
        if (++group == groups) group = 0;
    }
    return count;
}

uint64_t shard_range_end(const struct shard *shard, uint64_t from, uint32_t groups)
{
    uint64_t all = shard->groups, end = hash_range((uint32_t)from, (uint32_t)all) + groups;
    return end >= all ? SHARD_POSITIONS : ((end << 32) + all - 1) / all;
}

void shard_prefetch(const struct swarm *s, const struct shard *shard, uint64_t hash)
{
    uint32_t groups = atomic_load_explicit(&shard->groups, memory_order_relaxed);
    if (!groups) return;
    const uint8_t *index =
        slab_at(&s->slab, atomic_load_explicit(&shard->index, memory_order_relaxed));
    uint32_t group = home_group(hash, groups);
    __builtin_prefetch(index + group * 8);
    __builtin_prefetch(index + (size_t)groups * 8 + group * 8 * sizeof(slab_ref));
}

/* Without the lock another thread may be writing what is read here, or have moved the index: then a
 * useless line is fetched. What must not happen is a read outside of committed memory, and the
 * index and its size may be of different moments: slab_holds() looks at both. */
__attribute__((no_sanitize("thread"))) void shard_prefetch_found(const struct swarm *s,
                                                                 const struct shard *shard,
                                                                 uint64_t hash)
{
    uint32_t groups = atomic_load_explicit(&shard->groups, memory_order_relaxed);
    slab_ref ref = atomic_load_explicit(&shard->index, memory_order_relaxed);
    if (!groups || !slab_holds(&s->slab, ref, index_bytes(groups))) return;
    uint8_t *index = slab_at(&s->slab, ref);
    uint32_t group = home_group(hash, groups);
    uint64_t word;
    memcpy(&word, index + group * 8, sizeof word);
    uint64_t hits = bytes_equal(word, mark_of(hash));
    if (!hits) return;
    uint32_t i = group * 8 + (uint32_t)__builtin_ctzll(hits) / 8;
    const uint8_t *record = slab_at(&s->slab, refs_of(index, groups)[i]);
    __builtin_prefetch(record);
    __builtin_prefetch(record + 64);
}
