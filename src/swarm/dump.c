/* dump.c - the store's content, a hold of one lock at a time, while announces go on.
 *
 * Small      torrents are dumped by their place in the order of keyed hashes, some 60 a hold. That
 *            place stays when the index grows, shrinks or is rebuilt between two holds: what is there
 *            all the while is met once.
 * Large      torrents are noted, and walked afterwards, found again by info hash in every hold. Their
 *            tables are walked in the order of reversed hashes (table_walk), downloaders first: a
 *            peer that completes meanwhile is met twice rather than never, and restore.c takes the
 *            newer of the two. One that turns from seeder to downloader in these milliseconds may
 *            be missed; it has just announced, and will again.
 * Stuck      who holds a shard for half a second will not let it go soon: it is skipped, and noted, for
 *            the caller to find what it held elsewhere.
 * Rejected   copying a whole shard under its lock: its torrents are bounded by nothing but luck;
 *            fork(): doubles the page tables and, under load, the memory. */
#include "swarm/dump.h"

#include "swarm/store.h"

#include <assert.h>

#define GROUPS_PER_HOLD  8
#define PEERS_PER_HOLD   512
#define BUCKETS_PER_HOLD 32
#define EMPTY_PER_CALL   1024 /* shards */
#define SHARD_WAIT_MS    500

_Static_assert(sizeof((struct swarm_dump_at){0}).skips * 8 >= SHARD_COUNT, "a bit each");

struct dump {
    const struct swarm *s;
    struct swarm_time time;
    uint32_t begun_s; /* ages are as of then */
    struct ages ages;
    swarm_dump_fn *fn;
    void *ctx;
    uint32_t peers; /* in this hold */
};

static uint32_t shard_index(const struct swarm *s, const struct shard *shard)
{
    return (uint32_t)(shard - s->shards);
}

/* Nothing more of it in this dump. */
static void shard_skip(struct swarm_dump_at *at, uint32_t shard)
{
    at->skips[shard / 64] |= UINT64_C(1) << shard % 64;
    at->skipped++;
    at->large_count = at->table = 0;
    at->bucket = 0;
    if (at->shard != shard) return; /* only its large torrents were left */
    at->position = 0;
    at->shard++;
}

/* What has passed since the dump began does not count. */
static uint32_t age_then(const struct dump *d, uint32_t age_s)
{
    uint32_t passed_s = d->time.now_s - d->begun_s;
    return age_s > passed_s ? age_s - passed_s : 0;
}

static void peer_store(const struct dump *d, const uint8_t *peer, enum family f,
                       struct stored_peer *out)
{
    const struct swarm *s = d->s;
    uint16_t bits = peer_bits(peer, f);
    out->address.family = f;
    memset(out->address.ip, 0, sizeof out->address.ip);
    memcpy(out->address.ip, peer, ADDRESS_BYTES(f));
    out->port = load_u16be(peer + ADDRESS_BYTES(f));
    out->tag = peer_tag(peer, f);
    out->age_s = age_then(d, bits_age(bits, d->ages) * s->age_unit_s);
    out->is_seeder = bits & PEER_SEEDER;
    out->is_partial = bits & PEER_PARTIAL;
    out->has_counted = bits & PEER_COUNTED;
    out->has_id = s->peer_ids;
    memset(&out->peer_id, 0, sizeof out->peer_id);
    if (s->peer_ids) memcpy(&out->peer_id, peer + ADDRESS_BYTES(f) + 6, sizeof out->peer_id);
}

static void dump_small(struct dump *d, struct record *r)
{
    struct stored_peer peers[SMALL_PEERS_MAX];
    struct stored_torrent t = {
        .info_hash = r->info_hash, .completed = r->completed, .peers = peers};
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const uint8_t *peer = small_run(d->s, r, f);
        for (unsigned i = 0; i < r->count[f]; i++, peer += d->s->stride[f])
            peer_store(d, peer, f, &peers[t.count++]);
    }
    if (t.count == 0) {
        int32_t empty_s = (int32_t)(d->time.now_s - small_empty_since_s(r));
        t.empty_s = empty_s > 0 ? age_then(d, (uint32_t)empty_s) : 0;
    }
    d->peers += t.count;
    d->fn(d->ctx, &t);
}

/* ---- large torrents ---- */

static void dump_bucket(struct dump *d, const struct large *l, enum family f, enum group g,
                        uint32_t b)
{
    struct stored_peer peers[STORED_PEERS_MAX];
    struct stored_torrent t = {.info_hash = l->info_hash,
                               .completed = l->completed,
                               .pairs_complete = l->pairs_complete,
                               .pairs_incomplete = l->pairs_incomplete,
                               .peers = peers};
    const struct bucket *e = table_bucket(d->s, &l->tables[f][g], b);
    const uint8_t *peer = slab_at(&d->s->slab, e->run);
    for (uint32_t i = 0; i < e->count; i++, peer += d->s->stride[f]) {
        peer_store(d, peer, f, &peers[t.count++]);
        if (t.count < STORED_PEERS_MAX && i + 1u < e->count) continue;
        d->fn(d->ctx, &t);
        d->peers += t.count;
        t.count = 0;
    }
}

/* The next buckets of the large torrent; false when it has been seen whole. */
static bool walk_on(struct dump *d, struct swarm_dump_at *at, struct record *r)
{
    if (!record_is_large(r)) { /* it shrank */
        dump_small(d, r);
        return false;
    }
    const struct large *l = large_of(r);
    for (uint32_t n = 0; n < BUCKETS_PER_HOLD && d->peers < PEERS_PER_HOLD; n++) {
        /* order of tables: both families' downloaders, then the uploaders */
        enum family f = at->table % FAMILY_COUNT;
        enum group g = at->table / FAMILY_COUNT ? GROUP_UPLOAD : GROUP_DOWNLOAD;
        uint32_t buckets[2];
        unsigned count = table_walk(&l->tables[f][g], &at->bucket, buckets);
        for (unsigned i = 0; i < count; i++)
            dump_bucket(d, l, f, g, buckets[i]);
        if (at->bucket < TABLE_WALKED) continue;
        at->bucket = 0;
        if (++at->table == FAMILY_COUNT * GROUP_COUNT) return false;
    }
    return true;
}

static void large_next(struct swarm_dump_at *at)
{
    at->large_count--;
    at->table = 0;
    at->bucket = 0;
}

static void dump_large(struct dump *d, struct swarm_dump_at *at)
{
    const struct info_hash *h = &at->large[at->large_count - 1];
    uint64_t hash = swarm_hash(d->s, h);
    struct shard *shard = shard_of(d->s, hash);
    if (!lock_take_within(&shard->lock, SHARD_WAIT_MS)) {
        shard_skip(at, shard_index(d->s, shard));
        return;
    }
    struct slot slot = shard_find(d->s, shard, hash, h);
    bool goes_on = slot.ref && walk_on(d, at, record_at(d->s, *slot.ref));
    lock_release_to_waiter(&shard->lock);
    if (!goes_on) large_next(at);
}

/* ---- the index ---- */

/* The records from at->position on, at most SWARM_DUMP_TORRENTS_MAX; at->position moves on. */
static uint32_t take_range(const struct swarm *s, const struct shard *shard,
                           struct swarm_dump_at *at, slab_ref *refs)
{
    uint64_t end = shard_range_end(shard, at->position, GROUPS_PER_HOLD);
    for (;; end = at->position + (end - at->position) / 2) {
        uint32_t count = shard_range(s, shard, at->position, end, refs, SWARM_DUMP_TORRENTS_MAX);
        if (count > SWARM_DUMP_TORRENTS_MAX && end > at->position + 1) continue;
        at->position = end;
        return count < SWARM_DUMP_TORRENTS_MAX ? count : SWARM_DUMP_TORRENTS_MAX;
    }
}

static void dump_range(struct dump *d, struct swarm_dump_at *at)
{
    slab_ref refs[SWARM_DUMP_TORRENTS_MAX];
    struct shard *shard = &d->s->shards[at->shard];
    if (!lock_take_within(&shard->lock, SHARD_WAIT_MS)) {
        shard_skip(at, at->shard);
        return;
    }
    uint32_t count = shard->groups ? take_range(d->s, shard, at, refs) : 0;
    if (!shard->groups) at->position = SHARD_POSITIONS;
    for (uint32_t i = 0; i < count; i++) {
        struct record *r = record_at(d->s, refs[i]);
        if (record_is_large(r)) at->large[at->large_count++] = r->info_hash;
        else dump_small(d, r);
    }
    lock_release_to_waiter(&shard->lock);
    if (at->position < SHARD_POSITIONS) return;
    at->position = 0;
    at->shard++;
}

bool swarm_dump(const struct swarm *s, struct swarm_time time, struct swarm_dump_at *at,
                swarm_dump_fn *fn, void *ctx)
{
    if (!at->has_begun) at->begun_s = time.now_s;
    at->has_begun = true;
    struct dump d = {.s = s,
                     .time = time,
                     .begun_s = at->begun_s,
                     .ages = swarm_ages(s, time),
                     .fn = fn,
                     .ctx = ctx};
    for (uint32_t n = 0; at->shard < SHARD_COUNT && !at->large_count && n < EMPTY_PER_CALL; n++) {
        if (atomic_load_explicit(&s->shards[at->shard].groups, memory_order_relaxed)) break;
        at->shard++;
        at->position = 0;
    }
    if (at->large_count) dump_large(&d, at);
    else if (at->shard < SHARD_COUNT) dump_range(&d, at);
    return at->large_count || at->shard < SHARD_COUNT;
}

bool swarm_dump_skipped(const struct swarm *s, const struct swarm_dump_at *at,
                        const struct info_hash *h)
{
    uint32_t shard = shard_index(s, shard_of(s, swarm_hash(s, h)));
    return at->skips[shard / 64] >> shard % 64 & 1;
}

void swarm_traits(const struct swarm *s, struct swarm_traits *out)
{
    *out = (struct swarm_traits){.age_unit_s = s->age_unit_s,
                                 .store_peer_ids = s->peer_ids,
                                 .tag_check = hash64(&s->key, s->mix_key, sizeof s->mix_key)};
}
