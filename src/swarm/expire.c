/* expire.c - forgetting peers that went silent, a shard at a time.
 *
 * Idea       a cycle visits every shard; a visit scans the small torrents of the shard (a few
 *            hundred) and notes the large ones. Those are visited afterwards, a few buckets per hold
 *            of the lock, found again by info hash each time: nothing is remembered across holds but
 *            a hash and two numbers, so that anything may change in between.
 * Holds      end after so many records or buckets, and earlier where many peers go at once: removing
 *            costs several times what looking does, and after an outage everybody is silent. A shard
 *            that grows between two holds keeps the order of its entries, none is passed by.
 * Stuck      a worker that is may hold a shard: after SHARD_WAIT_MS the sweep goes on without it, or
 *            housekeeping would be stuck, too, and could save nothing.
 * Pairs      clients on both families of a large torrent are estimated in a second walk: tags of IPv4
 *            peers are counted, then IPv6 peers look theirs up; chance meetings (1 in 65536) are taken
 *            off. Not in the first walk: buckets that it merges would be counted twice.
 * Rejected   a heap or a timer per peer: bytes and a touch per announce for what a scan of packed
 *            peers does at memory speed. */
#include "swarm/store.h"

#include "base/metrics.h"

#include <assert.h>

#define SHARD_WAIT_MS     50
#define LARGE_NOTED_MAX   64 /* large torrents of a shard visited per round */
#define RECORDS_PER_HOLD  128
#define BUCKETS_PER_HOLD  64
#define REMOVALS_PER_HOLD 128
#define RECORDS_AHEAD     8
#define PAGES_TRIMMED     4 /* at most, per shard visited: 2 GiB a cycle */

struct sweep {
    struct swarm *s;
    struct ages ages;
    uint32_t now_s;
    bool drop_empty; /* limits are near: completed counts of empty torrents go first */
    struct sweep_report *report;
    uint64_t held_since_ns, removed_before_hold;
};

/* False when somebody, who must be stuck, keeps the shard: what is left of it is passed over. */
static bool hold(struct sweep *w, struct shard *shard)
{
    if (!lock_take_within(&shard->lock, SHARD_WAIT_MS)) return false;
    w->removed_before_hold = w->report->peers_removed;
    if (w->report->clock_ns) w->held_since_ns = w->report->clock_ns();
    return true;
}

static void release(struct sweep *w, struct shard *shard)
{
    uint64_t ns = w->report->clock_ns ? w->report->clock_ns() - w->held_since_ns : 0;
    lock_release_to_waiter(&shard->lock);
    if (ns > w->report->hold_ns_max) w->report->hold_ns_max = ns;
}

/* Has this hold removed enough? */
static bool is_worn(const struct sweep *w)
{
    return w->report->peers_removed - w->removed_before_hold >= REMOVALS_PER_HOLD;
}

static void max_raise(uint32_t *max, uint32_t value)
{
    if (value > *max) *max = value;
}

/* May a torrent of so many peers be among the largest? */
static bool may_be_top(const struct sweep *w, uint32_t peers)
{
    for (int i = 0; i < 2; i++)
        if (w->report->top[i] && peers > w->report->top[i]->least) return true;
    return false;
}

static void top_note(struct sweep *w, const struct info_hash *h, const struct swarm_numbers *n)
{
    for (int i = 0; i < 2; i++)
        if (w->report->top[i]) swarm_top_add(w->report->top[i], h, n);
}

/* ---- small torrents ---- */

static bool is_forgettable(const struct sweep *w, const struct record *r)
{
    if (small_count(r)) return false;
    /* by a worker's clock, which may be ahead; before its start, where it was restored */
    int64_t empty_s = (int32_t)(w->now_s - small_empty_since_s(r));
    return !r->completed || w->drop_empty || empty_s > w->s->completed_ttl_s;
}

static void sweep_small(struct sweep *w, struct shard *shard, uint32_t i, slab_ref *ref)
{
    struct swarm *s = w->s;
    w->report->peers_removed += small_expire(s, ref, w->ages, w->now_s);
    struct record *r = record_at(s, *ref);
    max_raise(&w->report->torrent_peers_max, small_count(r));
    max_raise(&w->report->bucket_peers_max, small_count(r));
    if (may_be_top(w, small_count(r))) {
        struct swarm_numbers n;
        small_numbers(s, r, w->ages, &n);
        top_note(w, &r->info_hash, &n);
    }
    if (!is_forgettable(w, r)) {
        *ref = slab_compact(&s->slab, *ref);
        return;
    }
    small_free(s, *ref);
    shard_remove(s, shard, shard_slot(s, shard, i));
    count_move(&s->torrents, -1);
    w->report->torrents_removed++;
}

/* ---- large torrents ---- */

struct large_visit {
    struct shard *shard;
    struct info_hash info_hash;
    uint64_t hash;
    bool counts_pairs;
    double pairs_complete, pairs_incomplete;
};

static slab_ref *find_large(const struct swarm *s, const struct large_visit *v)
{
    struct slot slot = shard_find(s, v->shard, v->hash, &v->info_hash);
    return slot.ref && record_is_large(record_at(s, *slot.ref)) ? slot.ref : NULL;
}

/* What a walk does to a bucket. */
typedef void bucket_fn(struct sweep *w, struct large_visit *v, struct large *l, enum family f,
                       enum group g, uint32_t b);

static void tag_count(struct sweep *w, struct large_visit *v, const uint8_t *peer, enum family f)
{
    uint16_t tag = peer_tag(peer, f), *seeders = w->s->tag_counts[0], *others = w->s->tag_counts[1];
    bool is_seeder = peer_bits(peer, f) & PEER_SEEDER;
    if (f == FAMILY_V4) {
        uint16_t *count = is_seeder ? &seeders[tag] : &others[tag];
        *count = (uint16_t)(*count + (*count < UINT16_MAX));
    } else if (is_seeder) {
        v->pairs_complete += seeders[tag];
        v->pairs_incomplete += others[tag];
    } else {
        v->pairs_incomplete += seeders[tag] + others[tag];
    }
}

static void tag_bucket(struct sweep *w, struct large_visit *v, struct large *l, enum family f,
                       enum group g, uint32_t b)
{
    const struct bucket *e = table_bucket(w->s, &l->tables[f][g], b);
    const uint8_t *peer = slab_at(&w->s->slab, e->run);
    for (uint32_t i = 0; i < e->count; i++, peer += w->s->stride[f])
        tag_count(w, v, peer, f);
}

/* Drop the silent of one bucket and keep its run in a dense page. */
static void sweep_bucket(struct sweep *w, struct large_visit *v, struct large *l, enum family f,
                         enum group g, uint32_t b)
{
    struct table *t = &l->tables[f][g];
    for (uint32_t i = table_bucket(w->s, t, b)->count; i-- > 0;) {
        uint8_t *peer =
            (uint8_t *)slab_at(&w->s->slab, table_bucket(w->s, t, b)->run) + i * w->s->stride[f];
        if (!bits_are_expired(peer_bits(peer, f), w->ages)) continue;
        large_drop(w->s, l, f, g, (struct place){peer, b, (uint16_t)i});
        w->report->peers_removed++;
        if (b >= t->buckets) return; /* merged into a lower one, which is still to come */
    }
    struct bucket *e = table_bucket(w->s, t, b);
    if (e->run) e->run = slab_compact(&w->s->slab, e->run);
    max_raise(&w->report->bucket_peers_max, e->count);
    (void)v;
}

static void pass_bucket(struct sweep *w, struct large_visit *v, struct large *l, enum family f,
                        enum group g, uint32_t b, bucket_fn *fn)
{
    struct table *t = &l->tables[f][g];
    if (b >= t->buckets) return;
    fn(w, v, l, f, g, b);
    if (b >= t->buckets) return;
    uint16_t count = table_bucket(w->s, t, b)->count;
    if (count > t->pass_max) t->pass_max = count;
}

/* One table, a few buckets per hold, from the last to the first: a bucket that is merged away goes
 * into a lower one. False when the torrent is no longer a large one, or
 * cannot be reached. */
static bool walk_table(struct sweep *w, struct large_visit *v, enum family f, enum group g,
                       bucket_fn *fn)
{
    for (uint32_t b = UINT32_MAX;;) {
        if (!hold(w, v->shard)) return false;
        slab_ref *ref = find_large(w->s, v);
        struct large *l = ref ? large_of(record_at(w->s, *ref)) : NULL;
        if (!l) {
            release(w, v->shard);
            return false;
        }
        struct table *t = &l->tables[f][g];
        if (b == UINT32_MAX) t->pass_max = 0;
        if (b > t->buckets) b = t->buckets;
        for (uint32_t n = 0; n < BUCKETS_PER_HOLD && b > 0 && !is_worn(w); n++)
            pass_bucket(w, v, l, f, g, --b, fn);
        if (b == 0 && t->buckets) t->bucket_max = t->pass_max ? t->pass_max : 1;
        release(w, v->shard);
        if (b == 0) return true;
    }
}

static uint32_t pairs_of(double met, uint32_t v4, uint32_t v6)
{
    double pairs = met - (double)v4 * v6 / TAG_VALUES;
    return pairs > 0 ? (uint32_t)(pairs + 0.5) : 0;
}

static void pairs_store(struct large *l, const struct large_visit *v)
{
    uint32_t seeders[FAMILY_COUNT], others[FAMILY_COUNT];
    for (int f = 0; f < FAMILY_COUNT; f++) {
        seeders[f] = l->tables[f][GROUP_UPLOAD].count - l->partials[f];
        others[f] = l->tables[f][GROUP_DOWNLOAD].count + l->partials[f];
    }
    l->pairs_complete = pairs_of(v->pairs_complete, seeders[0], seeders[1]);
    double chance =
        (double)seeders[0] * others[1] / TAG_VALUES + (double)others[0] * seeders[1] / TAG_VALUES;
    l->pairs_incomplete = pairs_of(v->pairs_incomplete - chance, others[0], others[1]);
}

/* The last hold: store what was estimated, become small again if few are left. */
static void finish_large(struct sweep *w, struct large_visit *v)
{
    if (!hold(w, v->shard)) return;
    slab_ref *ref = find_large(w->s, v);
    if (ref) {
        struct large *l = large_of(record_at(w->s, *ref));
        if (v->counts_pairs) pairs_store(l, v);
        else l->pairs_complete = l->pairs_incomplete = 0;
        max_raise(&w->report->torrent_peers_max, large_count(l));
        if (may_be_top(w, large_count(l))) {
            struct swarm_numbers n;
            large_numbers(l, &n);
            top_note(w, &l->info_hash, &n);
        }
        for (int f = 0; f < FAMILY_COUNT; f++)
            for (int g = 0; g < GROUP_COUNT; g++)
                table_compact(w->s, &l->tables[f][g]);
        large_to_small(w->s, ref, w->now_s);
        *ref = slab_compact(&w->s->slab, *ref);
    }
    release(w, v->shard);
    w->report->torrents_large++;
}

static bool is_on_both_families(const struct large *l)
{
    return (l->tables[0][0].count || l->tables[0][1].count) &&
           (l->tables[1][0].count || l->tables[1][1].count);
}

static bool walk_tables(struct sweep *w, struct large_visit *v, bucket_fn *fn)
{
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (int g = 0; g < GROUP_COUNT; g++)
            if (!walk_table(w, v, f, g, fn)) return false;
    return true;
}

static void sweep_large(struct sweep *w, struct large_visit *v)
{
    if (!walk_tables(w, v, sweep_bucket)) return;
    if (v->counts_pairs) {
        for (int i = 0; i < 2; i++)
            memset(w->s->tag_counts[i], 0, TAG_VALUES * sizeof *w->s->tag_counts[i]);
        if (!walk_tables(w, v, tag_bucket)) return;
    }
    finish_large(w, v);
}

/* ---- shards ---- */

/* One hold: sweep a shard's small torrents and note its large ones from index position *at on. */
static unsigned sweep_index(struct sweep *w, struct shard *shard, uint32_t *at,
                            struct large_visit *noted)
{
    struct swarm *s = w->s;
    unsigned count = 0, visited = 0;
    if (!hold(w, shard)) {
        *at = UINT32_MAX;
        return 0;
    }
    if (*at == 0) max_raise(&w->report->shard_torrents_max, shard->used);
    for (; *at < shard_slots(shard) && count < LARGE_NOTED_MAX; ++*at) {
        if (visited == RECORDS_PER_HOLD || is_worn(w)) break;
        shard_prefetch_record(s, shard, *at + RECORDS_AHEAD);
        slab_ref *ref = shard_entry(s, shard, *at);
        if (!ref) continue;
        visited++;
        struct record *r = record_at(s, *ref);
        if (!record_is_large(r)) {
            sweep_small(w, shard, *at, ref);
            continue;
        }
        noted[count++] = (struct large_visit){.shard = shard,
                                              .info_hash = r->info_hash,
                                              .hash = swarm_hash(s, &r->info_hash),
                                              .counts_pairs = is_on_both_families(large_of(r))};
    }
    if (*at >= shard_slots(shard)) *at = UINT32_MAX;
    release(w, shard);
    return count;
}

static void shrink_index(struct sweep *w, struct shard *shard)
{
    if (!hold(w, shard)) return;
    shard_shrink(w->s, shard);
    release(w, shard);
}

static bool limits_are_near(const struct swarm *s)
{
    uint64_t max = s->torrents_max;
    uint64_t budget = (uint64_t)s->slab.page_count_max * SLAB_PAGE_BYTES;
    return (max && s->torrents >= max - max / 16) ||
           slab_used_bytes(&s->slab) >= budget - budget / 16;
}

void swarm_sweep(struct swarm *s, struct swarm_time time, uint32_t shard_from, uint32_t shards,
                 struct sweep_report *report)
{
    struct sweep w = {.s = s,
                      .ages = swarm_ages(s, time),
                      .now_s = time.now_s,
                      .drop_empty = limits_are_near(s),
                      .report = report};
    struct large_visit noted[LARGE_NOTED_MAX];
    uint64_t peers_before = report->peers_removed, torrents_before = report->torrents_removed;
    for (uint32_t i = 0; i < shards; i++) {
        struct shard *shard = &s->shards[(shard_from + i) % SHARD_COUNT];
        for (uint32_t at = 0; at != UINT32_MAX;) {
            unsigned count = sweep_index(&w, shard, &at, noted);
            for (unsigned n = 0; n < count; n++)
                sweep_large(&w, &noted[n]);
        }
        shrink_index(&w, shard);
    }
    metrics_add(METRIC_PEERS_EXPIRED, report->peers_removed - peers_before);
    metrics_add(METRIC_TORRENTS_EXPIRED, report->torrents_removed - torrents_before);
    slab_trim(&s->slab, shards * PAGES_TRIMMED);
}
