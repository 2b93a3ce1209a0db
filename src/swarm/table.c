/* table.c - many peers of one family, found by IP in O(1), in little more than their own bytes.
 *
 * Idea       linear hashing over buckets that are runs of exactly as many peers as they hold: no load
 *            factor to pay for, and growing splits one bucket at a time, never the table. A bucket
 *            has 20 peers on average; its directory entry is 8 bytes.
 * By IP      a peer's bucket is chosen by its IP (IPv6: /64), so that one look finds the endpoint, the
 *            same client on another port, and how many peers that host has already.
 * Crowds     a host with more than CROWD_MAX peers (a bench, a huge NAT) would make its bucket long:
 *            its further peers go to the bucket of their endpoint and carry PEER_CROWDED; the home
 *            bucket remembers that it sent some away.
 * Picking    a random bucket and a random position below bucket_max, again if nobody is there: every
 *            peer is as likely as any other (select.c).
 * Directory  one array up to SEGMENT buckets, then an array of such arrays.
 * Rejected   one open-addressing array per swarm: growing it stops the shard for milliseconds;
 *            a dense array with an index beside it: 4 to 5 bytes more per peer. */
#include "swarm/store.h"

#include <assert.h>

#define BUCKET_PEERS_MEAN 20
#define CROWD_MAX         SWARM_IP_PEERS_MAX /* up to here a host's peers can be counted */
#define SEGMENT_BITS      9
#define SEGMENT           (1u << SEGMENT_BITS)
#define DIR_ENTRY_BYTES   ((uint32_t)sizeof(struct bucket))
#define TOP_ENTRY_BYTES   ((uint32_t)sizeof(slab_ref))

/* ---- directory ---- */

static bool dir_is_flat(uint32_t buckets)
{
    return buckets <= SEGMENT;
}

struct bucket *table_bucket(const struct swarm *s, const struct table *t, uint32_t b)
{
    if (dir_is_flat(t->buckets)) return (struct bucket *)slab_at(&s->slab, t->dir) + b;
    const slab_ref *top = slab_at(&s->slab, t->dir);
    return (struct bucket *)slab_at(&s->slab, top[b >> SEGMENT_BITS]) + (b & (SEGMENT - 1));
}

/* Entries the last segment holds when there are `buckets`. */
static uint32_t segment_entries(uint32_t buckets)
{
    return (buckets - 1) % SEGMENT + 1;
}

/* Make room for one more, empty bucket; false when there is no memory. */
static bool dir_push(struct swarm *s, struct table *t)
{
    struct slab *slab = &s->slab;
    uint32_t n = t->buckets;
    if (n < SEGMENT) {
        slab_ref dir = slab_resize(slab, t->dir, n * DIR_ENTRY_BYTES, (n + 1) * DIR_ENTRY_BYTES);
        if (!dir) return false;
        t->dir = dir;
    } else if (n % SEGMENT) {
        slab_ref *last = (slab_ref *)slab_at(slab, t->dir) + (n >> SEGMENT_BITS);
        uint32_t entries = segment_entries(n);
        slab_ref moved =
            slab_resize(slab, *last, entries * DIR_ENTRY_BYTES, (entries + 1) * DIR_ENTRY_BYTES);
        if (!moved) return false;
        *last = moved;
    } else {
        uint32_t segments = n >> SEGMENT_BITS;
        slab_ref fresh = slab_alloc(slab, DIR_ENTRY_BYTES);
        slab_ref top = n == SEGMENT ? slab_alloc(slab, 2 * TOP_ENTRY_BYTES)
                                    : slab_resize(slab, t->dir, segments * TOP_ENTRY_BYTES,
                                                  (segments + 1) * TOP_ENTRY_BYTES);
        if (!fresh || !top) {
            slab_free(slab, fresh);
            if (n == SEGMENT) slab_free(slab, top);
            else if (top) t->dir = top;
            return false;
        }
        if (n == SEGMENT) *(slab_ref *)slab_at(slab, top) = t->dir;
        ((slab_ref *)slab_at(slab, top))[segments] = fresh;
        t->dir = top;
    }
    t->buckets = n + 1;
    *table_bucket(s, t, n) = (struct bucket){0};
    return true;
}

/* Drop the last bucket, which must be empty. Shrinking a slab object never fails. */
static void dir_pop(struct swarm *s, struct table *t)
{
    struct slab *slab = &s->slab;
    uint32_t n = t->buckets - 1;
    assert(table_bucket(s, t, n)->count == 0);
    if (n == 0) {
        slab_free(slab, t->dir);
        t->dir = 0;
    } else if (n < SEGMENT) {
        t->dir = slab_resize(slab, t->dir, n * DIR_ENTRY_BYTES, n * DIR_ENTRY_BYTES);
    } else if (n % SEGMENT) {
        slab_ref *last = (slab_ref *)slab_at(slab, t->dir) + (n >> SEGMENT_BITS);
        uint32_t bytes = segment_entries(n) * DIR_ENTRY_BYTES;
        *last = slab_resize(slab, *last, bytes, bytes);
    } else {
        slab_ref *top = slab_at(slab, t->dir), first = top[0];
        uint32_t segments = n >> SEGMENT_BITS;
        slab_free(slab, top[segments]);
        if (n == SEGMENT) {
            slab_free(slab, t->dir);
            t->dir = first;
        } else {
            t->dir =
                slab_resize(slab, t->dir, segments * TOP_ENTRY_BYTES, segments * TOP_ENTRY_BYTES);
        }
    }
    t->buckets = n;
}

void table_compact(struct swarm *s, struct table *t)
{
    if (!t->dir) return;
    t->dir = slab_compact(&s->slab, t->dir);
    if (dir_is_flat(t->buckets)) return;
    slab_ref *top = slab_at(&s->slab, t->dir);
    for (uint32_t i = 0; i <= (t->buckets - 1) >> SEGMENT_BITS; i++)
        top[i] = slab_compact(&s->slab, top[i]);
}

/* ---- buckets ---- */

static uint32_t half_of(uint32_t buckets)
{
    return 1u << (31 - __builtin_clz(buckets));
}

/* Linear hashing: buckets beyond the last power of two are the upper halves of the first ones. */
static uint32_t bucket_index(const struct table *t, uint32_t hash)
{
    uint32_t half = half_of(t->buckets), b = hash & (2 * half - 1);
    return b < t->buckets ? b : b - half;
}

static uint32_t bits_reversed(uint32_t v)
{
    v = (v & 0x55555555u) << 1 | (v >> 1 & 0x55555555u);
    v = (v & 0x33333333u) << 2 | (v >> 2 & 0x33333333u);
    v = (v & 0x0f0f0f0fu) << 4 | (v >> 4 & 0x0f0f0f0fu);
    return __builtin_bswap32(v);
}

/* A bucket holds the hashes that end in its number. Taken by their last bit first, then the one
 * before, and so on, these are a range: `*at` goes through all hashes in that order, and what lies
 * before it was seen, however many buckets there were then. */
unsigned table_walk(const struct table *t, uint64_t *at, uint32_t out[2])
{
    if (!t->buckets) *at = TABLE_WALKED;
    if (*at == TABLE_WALKED) return 0;
    uint32_t half = half_of(t->buckets);
    unsigned count = 1;
    out[0] = bits_reversed((uint32_t)*at) & (half - 1);
    if (out[0] + half < t->buckets) out[count++] = out[0] + half;
    uint64_t step = TABLE_WALKED / half;
    *at = (*at / step + 1) * step;
    return count;
}

static uint32_t peer_hash(const struct swarm *s, enum family f, const uint8_t *peer)
{
    return peer_bits(peer, f) & PEER_CROWDED ? swarm_endpoint_hash(s, f, peer)
                                             : swarm_ip_hash(s, f, peer);
}

static void bucket_max_raise(struct table *t, uint16_t count)
{
    if (count > t->bucket_max) t->bucket_max = count;
    if (count > t->pass_max) t->pass_max = count;
}

static bool bucket_append(struct swarm *s, struct table *t, enum family f, uint32_t b,
                          const uint8_t *peer)
{
    struct bucket *e = table_bucket(s, t, b);
    uint32_t stride = s->stride[f];
    if (e->count == UINT16_MAX) return false;
    slab_ref run = slab_resize(&s->slab, e->run, e->count * stride, (e->count + 1u) * stride);
    if (!run) return false;
    memcpy((uint8_t *)slab_at(&s->slab, run) + e->count * stride, peer, stride);
    e->run = run;
    e->count++;
    bucket_max_raise(t, e->count);
    return true;
}

static void bucket_fit(struct swarm *s, struct bucket *e, uint32_t stride)
{
    if (e->count == 0) {
        slab_free(&s->slab, e->run);
        e->run = 0;
    } else {
        e->run = slab_resize(&s->slab, e->run, e->count * stride, e->count * stride);
    }
}

/* Add one bucket: the upper half of an existing one. Without memory the table stays as it is, only
 * its buckets get longer. */
static void table_split(struct swarm *s, struct table *t, enum family f)
{
    uint32_t stride = s->stride[f], to = t->buckets, from = to - half_of(to);
    if (!dir_push(s, t)) return;
    struct bucket *source = table_bucket(s, t, from);
    uint8_t *run = slab_at(&s->slab, source->run);
    table_bucket(s, t, to)->crowded = source->crowded;
    uint16_t kept = 0;
    for (uint16_t i = 0; i < source->count; i++) {
        uint8_t *peer = run + i * stride;
        if (bucket_index(t, peer_hash(s, f, peer)) == to) {
            if (bucket_append(s, t, f, to, peer)) continue;
            /* Out of memory half-way: put everything back where it was found before. */
            struct bucket *fresh = table_bucket(s, t, to);
            memmove(run + kept * stride, peer, (size_t)(source->count - i) * stride);
            uint16_t rest = (uint16_t)(kept + source->count - i);
            memcpy(run + rest * stride, slab_at(&s->slab, fresh->run), fresh->count * stride);
            fresh->count = 0;
            slab_free(&s->slab, fresh->run);
            fresh->run = 0;
            dir_pop(s, t);
            return;
        }
        if (kept != i) memcpy(run + kept * stride, peer, stride);
        kept++;
    }
    source->count = kept;
    bucket_fit(s, source, stride);
}

/* Take the last bucket away; its peers go back to the bucket it was split from. */
static void table_merge(struct swarm *s, struct table *t, enum family f)
{
    uint32_t stride = s->stride[f], last = t->buckets - 1;
    struct bucket *source = table_bucket(s, t, last);
    struct bucket *target = table_bucket(s, t, last - half_of(last));
    uint32_t together = (uint32_t)source->count + target->count;
    if (together > UINT16_MAX) return;
    if (source->count) {
        slab_ref run =
            slab_resize(&s->slab, target->run, target->count * stride, together * stride);
        if (!run) return;
        memcpy((uint8_t *)slab_at(&s->slab, run) + target->count * stride,
               slab_at(&s->slab, source->run), source->count * stride);
        target->run = run;
        target->count = (uint16_t)together;
        bucket_max_raise(t, target->count);
    }
    target->crowded |= source->crowded;
    source->count = 0;
    bucket_fit(s, source, stride);
    dir_pop(s, t);
}

/* ---- the face ---- */

static void scan_bucket(const struct swarm *s, const struct table *t, uint32_t b,
                        const struct asker *a, struct table_hit *hit)
{
    const struct bucket *e = table_bucket(s, t, b);
    if (!e->count) return;
    uint8_t *peer = slab_at(&s->slab, e->run);
    for (uint16_t i = 0; i < e->count; i++, peer += s->stride[a->family]) {
        if (!peer_same_prefix(peer, a)) continue;
        hit->same_prefix++;
        if (!peer_same_ip(peer, a)) continue;
        hit->same_ip++;
        if (peer_same_endpoint(peer, a)) hit->exact = (struct place){peer, b, i};
        else if (peer_tag(peer, a->family) == a->tag) hit->moved = (struct place){peer, b, i};
    }
}

void table_find(const struct swarm *s, const struct table *t, const struct asker *a,
                struct table_hit *hit)
{
    *hit = (struct table_hit){0};
    if (!t->buckets) return;
    uint32_t home = bucket_index(t, swarm_ip_hash(s, a->family, a->peer));
    scan_bucket(s, t, home, a, hit);
    if (hit->exact.peer || !table_bucket(s, t, home)->crowded) return;
    uint32_t other = bucket_index(t, swarm_endpoint_hash(s, a->family, a->peer));
    if (other != home) scan_bucket(s, t, other, a, hit);
}

static unsigned count_host(const struct swarm *s, const struct table *t, enum family f, uint32_t b,
                           const uint8_t *like)
{
    const struct bucket *e = table_bucket(s, t, b);
    const uint8_t *peer = slab_at(&s->slab, e->run);
    unsigned same = 0;
    for (uint16_t i = 0; i < e->count; i++, peer += s->stride[f])
        same += memcmp(peer, like, HOST_BYTES(f)) == 0;
    return same;
}

bool table_insert(struct swarm *s, struct table *t, enum family f, const uint8_t *peer)
{
    if (!t->buckets && !dir_push(s, t)) return false;
    uint8_t copy[PEER_BYTES_MAX];
    memcpy(copy, peer, s->stride[f]);
    uint16_t bits = peer_bits(copy, f) & (uint16_t)~PEER_CROWDED;
    uint32_t b = bucket_index(t, swarm_ip_hash(s, f, copy));
    if (table_bucket(s, t, b)->count >= CROWD_MAX && count_host(s, t, f, b, copy) >= CROWD_MAX) {
        table_bucket(s, t, b)->crowded = 1;
        bits |= PEER_CROWDED;
        b = bucket_index(t, swarm_endpoint_hash(s, f, copy));
    }
    peer_bits_set(copy, f, bits);
    if (!bucket_append(s, t, f, b, copy)) return false;
    t->count++;
    if (t->count > t->buckets * BUCKET_PEERS_MEAN) table_split(s, t, f);
    return true;
}

void table_remove(struct swarm *s, struct table *t, enum family f, struct place place)
{
    uint32_t stride = s->stride[f];
    struct bucket *e = table_bucket(s, t, place.bucket);
    assert(place.at < e->count);
    e->count--;
    uint8_t *run = slab_at(&s->slab, e->run);
    memmove(run + place.at * stride, run + e->count * stride, stride);
    bucket_fit(s, e, stride);
    t->count--;
    if (t->buckets > 1 && t->count < (t->buckets - 1) * (BUCKET_PEERS_MEAN * 3 / 4))
        table_merge(s, t, f);
    if (t->count == 0) table_clear(s, t, f);
}

void table_clear(struct swarm *s, struct table *t, enum family f)
{
    while (t->buckets) {
        struct bucket *e = table_bucket(s, t, t->buckets - 1);
        e->count = 0;
        bucket_fit(s, e, s->stride[f]);
        dir_pop(s, t);
    }
    *t = (struct table){0};
}
