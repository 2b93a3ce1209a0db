/* select.c - which peers to hand out: uniformly random among the eligible, in random order.
 *
 * Idea       small swarms: list the eligible, draw without replacement. Large ones: draw a random
 *            bucket and a random position, again when nobody is there or the peer is not eligible or
 *            drawn before; each draw is as likely to hit any peer of the table, so the answer is a
 *            uniform sample in O(answer). When nearly everybody is wanted, list them all instead.
 * Order      the asker's family first, the other fills what is left (BEP 7; protocol.md V11).
 * Bound      draws are limited, and given up early where hardly anybody is eligible (private
 *            addresses, mass expiry, a crowd that uses the asker's peer id on its other family); then
 *            a walk over the buckets from a random one on finds who there is. It is limited too, so a
 *            swarm that somebody made barren costs about as much as its largest answer, under the
 *            lock; of more than 5000 peers some that are eligible may be missed then.
 * Rejected   a contiguous window: cheaper, but neighbours would always be handed out together. */
#include "swarm/store.h"

#define LIST_MAX         (2 * SWARM_PICKS_MAX)
#define SEEN_SLOTS       4096
#define DRAWS_MIN        256
#define DRAWS_PER_PICK   4
#define DRAWS_TRIED      64 /* then 1 of BARREN_DRAWS must have been worth it */
#define BARREN_DRAWS     16
#define WALK_BUCKETS_MAX 256 /* about 5000 peers */

_Static_assert((SEEN_SLOTS & (SEEN_SLOTS - 1)) == 0 && SEEN_SLOTS >= 4 * SWARM_PICKS_MAX,
               "pick_by_drawing() masks its hashes and leaves 3 of 4 slots free");

static bool is_eligible(const uint8_t *peer, enum family f, const struct asker *a, struct ages ages)
{
    uint16_t bits = peer_bits(peer, f);
    if (bits_are_expired(bits, ages) || !select_is_for(peer, bits, f, a)) return false;
    return f == a->family ? !peer_same_endpoint(peer, a) : peer_tag(peer, f) != a->tag;
}

/* ---- the answer being filled ---- */

static unsigned room_left(const struct peer_list *out, enum family f)
{
    unsigned total = (unsigned)out->count[FAMILY_V4] + out->count[FAMILY_V6];
    unsigned in_all = total < out->max_total ? out->max_total - total : 0;
    unsigned in_family = (unsigned)out->max[f] - out->count[f];
    return in_all < in_family ? in_all : in_family;
}

static void hand_out(const struct swarm *s, const uint8_t *peer, enum family f,
                     struct peer_list *out)
{
    unsigned i = out->count[f]++;
    if (f == FAMILY_V4) memcpy(out->compact[f] + i * COMPACT_BYTES(FAMILY_V4), peer, 6);
    else memcpy(out->compact[f] + i * COMPACT_BYTES(FAMILY_V6), peer, 18);
    if (s->peer_ids && out->peer_ids[f])
        memcpy(out->peer_ids[f] + i * PEER_ID_BYTES, peer + ADDRESS_BYTES(f) + 6, PEER_ID_BYTES);
}

/* Draw `want` of the listed without replacement and hand them out. */
static void draw_list(const struct swarm *s, const uint8_t **list, unsigned count, unsigned want,
                      enum family f, struct rng *rng, struct peer_list *out)
{
    if (want > count) want = count;
    for (unsigned i = 0; i < want; i++) {
        unsigned j = i + rng_below(rng, count - i);
        const uint8_t *peer = list[j];
        list[j] = list[i];
        hand_out(s, peer, f, out);
    }
}

static void families_in_order(const struct asker *a, enum family order[FAMILY_COUNT])
{
    order[0] = a->family;
    order[1] = family_other(a->family);
}

/* Draw from the peers of the mask; one random number serves two draws of so few. */
static void draw_mask(const struct swarm *s, const uint8_t *run, uint32_t mask, enum family f,
                      struct rng *rng, struct peer_list *out)
{
    uint8_t list[SMALL_PEERS_MAX];
    unsigned count = 0, want = room_left(out, f);
    for (; mask; mask &= mask - 1)
        list[count++] = (uint8_t)__builtin_ctz(mask);
    if (want > count) want = count;
    uint64_t random = 0;
    for (unsigned i = 0; i < want; i++, random >>= 32) {
        if (i % 2 == 0) random = rng_u64(rng);
        unsigned j = i + hash_range((uint32_t)random, count - i);
        uint8_t drawn = list[j];
        list[j] = list[i];
        hand_out(s, run + drawn * (size_t)s->stride[f], f, out);
    }
}

void select_small(const struct swarm *s, struct record *r, const struct asker *a,
                  const struct look *look, struct rng *rng, struct peer_list *out)
{
    enum family order[FAMILY_COUNT];
    families_in_order(a, order);
    for (int i = 0; i < FAMILY_COUNT; i++)
        if (look->eligible[order[i]])
            draw_mask(s, small_run(s, r, order[i]), look->eligible[order[i]], order[i], rng, out);
}

/* ---- large swarms ---- */

struct draw {
    const struct swarm *s;
    const struct large *l;
    const struct asker *a;
    struct ages ages;
    struct rng *rng;
    enum family f;
    int groups; /* 1: downloaders only; 2: everybody */
    uint32_t total;
};

static unsigned list_bucket(const struct draw *d, const struct table *t, uint32_t b,
                            const uint8_t **list, unsigned max)
{
    const struct bucket *e = table_bucket(d->s, t, b);
    unsigned count = 0;
    if (!e->count) return 0;
    const uint8_t *peer = slab_at(&d->s->slab, e->run);
    for (unsigned i = 0; i < e->count && count < max; i++, peer += d->s->stride[d->f])
        if (is_eligible(peer, d->f, d->a, d->ages)) list[count++] = peer;
    return count;
}

static void pick_by_listing(const struct draw *d, unsigned want, struct peer_list *out)
{
    const uint8_t *list[LIST_MAX];
    unsigned count = 0;
    for (int g = 0; g < d->groups; g++) {
        const struct table *t = &d->l->tables[d->f][g];
        for (uint32_t b = 0; b < t->buckets; b++)
            count += list_bucket(d, t, b, list + count, LIST_MAX - count);
    }
    draw_list(d->s, list, count, want, d->f, d->rng, out);
}

/* One uniformly random peer of the tables. */
static const uint8_t *draw_peer(const struct draw *d)
{
    const struct table *t = d->l->tables[d->f];
    if (d->total > t->count && rng_below(d->rng, d->total) >= t->count) t++;
    for (;;) {
        uint64_t random = rng_u64(d->rng); /* one half chooses the bucket, the other the place */
        uint32_t b = hash_range((uint32_t)(random >> 32), t->buckets);
        const struct bucket *e = table_bucket(d->s, t, b);
        uint32_t i = hash_range((uint32_t)random, t->bucket_max);
        if (i >= e->count) continue;
        const uint8_t *peer =
            (const uint8_t *)slab_at(&d->s->slab, e->run) + i * (size_t)d->s->stride[d->f];
        __builtin_prefetch(peer);
        return peer;
    }
}

/* Remember what was drawn; false when it was drawn before. */
static bool seen_add(uint32_t *seen, uint32_t mask, const struct swarm *s, const uint8_t *peer)
{
    uint32_t code = (uint32_t)((uint64_t)(peer - s->slab.base) / 2) | 1u << 31;
    for (uint32_t i = code * 0x9e3779b1u >> 7;; i++) {
        uint32_t *slot = &seen[i & mask];
        if (*slot == code) return false;
        if (*slot) continue;
        *slot = code;
        return true;
    }
}

/* Take what is eligible and new from a random bucket onwards until the answer is full. */
static void pick_by_walking(const struct draw *d, uint32_t *seen, uint32_t mask,
                            struct peer_list *out)
{
    const uint8_t *list[LIST_MAX];
    for (int g = 0; g < d->groups; g++) {
        const struct table *t = &d->l->tables[d->f][g];
        if (!t->buckets) continue;
        uint32_t from = rng_below(d->rng, t->buckets), steps = t->buckets;
        if (steps > WALK_BUCKETS_MAX) steps = WALK_BUCKETS_MAX;
        for (uint32_t n = 0; n < steps; n++) {
            uint32_t b = from + n < t->buckets ? from + n : from + n - t->buckets;
            unsigned count = list_bucket(d, t, b, list, LIST_MAX);
            for (unsigned i = 0; i < count && room_left(out, d->f); i++)
                if (seen_add(seen, mask, d->s, list[i])) hand_out(d->s, list[i], d->f, out);
            if (!room_left(out, d->f)) return;
        }
    }
}

#define DRAWS_AHEAD 32

static bool is_barren(unsigned picked, uint32_t drawn)
{
    return drawn >= DRAWS_TRIED && picked * BARREN_DRAWS < drawn;
}

static void pick_by_drawing(const struct draw *d, unsigned want, struct peer_list *out)
{
    uint32_t seen[SEEN_SLOTS], mask = 63;
    while (mask + 1 < 4 * want)
        mask = mask * 2 + 1;
    memset(seen, 0, (mask + 1) * sizeof *seen);
    uint32_t draws_max = DRAWS_MIN + want * DRAWS_PER_PICK;
    for (uint32_t draws = draws_max; draws > 0 && room_left(out, d->f);) {
        if (is_barren(want - room_left(out, d->f), draws_max - draws)) break;
        const uint8_t *ahead[DRAWS_AHEAD]; /* drawn first, read later: the misses overlap */
        unsigned n = room_left(out, d->f), count = 0;
        if (n > DRAWS_AHEAD) n = DRAWS_AHEAD;
        for (; count < n && draws > 0; count++, draws--)
            ahead[count] = draw_peer(d);
        for (unsigned i = 0; i < count; i++)
            if (is_eligible(ahead[i], d->f, d->a, d->ages) && seen_add(seen, mask, d->s, ahead[i]))
                hand_out(d->s, ahead[i], d->f, out);
    }
    if (room_left(out, d->f)) pick_by_walking(d, seen, mask, out);
}

void select_large(const struct swarm *s, const struct large *l, const struct asker *a,
                  struct ages ages, struct rng *rng, struct peer_list *out)
{
    enum family order[FAMILY_COUNT];
    families_in_order(a, order);
    int groups = a->only_uploads ? 1 : GROUP_COUNT;
    for (int i = 0; i < FAMILY_COUNT; i++) {
        struct draw d = {s, l, a, ages, rng, order[i], groups, 0};
        unsigned want = room_left(out, d.f);
        if (want > SWARM_PICKS_MAX) want = SWARM_PICKS_MAX;
        for (int g = 0; g < groups; g++)
            d.total += l->tables[d.f][g].count;
        if (!want || !d.total) continue;
        if (d.total <= 2 * want) pick_by_listing(&d, want, out);
        else pick_by_drawing(&d, want, out);
    }
}
