/* restore.c - what dump.c gave out, back into the store.
 *
 * Idea       nearly all torrents are small, come in one piece, and are unknown: their record is made in
 *            its final size, in one go. Everything else is merged a peer at a time.
 * Same end   the result is what announces would have made of it, limits included, but for the last
 *            completions that a large torrent remembers by tag: they matter for seconds. */
#include "swarm/dump.h"

#include "swarm/store.h"

#include <assert.h>

struct restore {
    struct swarm *s;
    struct swarm_time time;
    struct ages ages;
    struct restore_report *report;
};

static bool is_wanted(struct restore *w, const struct stored_peer *p, uint32_t age)
{
    bool is_possible = endpoint_is_possible(&p->address, p->port);
    bool is_old = age > w->ages.lifetime || age > PEER_AGE_MASK - PEER_AGE_AHEAD;
    if (is_possible && !is_old) return true;
    if (is_possible) w->report->peers_expired++;
    else w->report->peers_impossible++;
    return false;
}

/* The peer as it would lie in memory; false, and counted, when it stays out. */
static bool asker_of(struct restore *w, const struct stored_peer *p, struct asker *out)
{
    enum family f = p->address.family;
    uint32_t age = p->age_s / w->s->age_unit_s;
    if (!is_wanted(w, p, age)) return false;
    uint16_t tag = p->has_id ? swarm_tag(w->s, &p->peer_id) : p->tag;
    unsigned bits = (w->ages.now - age) & PEER_AGE_MASK;
    if (p->is_seeder) bits |= PEER_SEEDER;
    else if (p->is_partial) bits |= PEER_PARTIAL;
    if (p->has_counted) bits |= PEER_COUNTED;
    out->family = f;
    memcpy(out->peer, p->address.ip, ADDRESS_BYTES(f));
    store_u16be(out->peer + ADDRESS_BYTES(f), p->port);
    memcpy(out->peer + ADDRESS_BYTES(f) + 2, &tag, sizeof tag);
    peer_bits_set(out->peer, f, (uint16_t)bits);
    if (w->s->peer_ids) memcpy(peer_id_at(out->peer, f), &p->peer_id, PEER_ID_BYTES);
    swarm_asker_place(out);
    return true;
}

static void note(struct restore *w, enum swarm_verdict verdict)
{
    if (verdict == SWARM_ADDED) w->report->peers++;
    else if (swarm_is_full(verdict)) w->report->peers_refused++;
    else w->report->peers_known++;
}

/* ---- into a torrent that is there ---- */

static enum swarm_verdict small_restore(struct restore *w, slab_ref *ref, const struct asker *a)
{
    struct swarm *s = w->s;
    struct record *r = record_at(s, *ref);
    unsigned same_prefix = 0;
    uint8_t *peer = small_run(s, r, a->family);
    for (unsigned i = 0; i < r->count[a->family]; i++, peer += s->stride[a->family]) {
        same_prefix += peer_same_prefix(peer, a);
        if (!peer_same_endpoint(peer, a)) continue;
        uint16_t before = peer_bits(peer, a->family), now = peer_bits(a->peer, a->family);
        if (bits_age(before, w->ages) <= bits_age(now, w->ages)) {
            peer_bits_set(peer, a->family, before | (now & PEER_COUNTED));
            return SWARM_UNKNOWN;
        }
        small_replace(s, peer, a, 0);
        return SWARM_REFRESHED;
    }
    enum swarm_verdict verdict = swarm_admit(s, a, small_count(r), same_prefix);
    if (verdict != SWARM_ADDED) return verdict;
    return small_append(s, ref, a, 0) ? SWARM_ADDED : SWARM_FULL_MEMORY;
}

static enum swarm_verdict peer_restore(struct restore *w, slab_ref *ref, const struct asker *a)
{
    struct swarm *s = w->s;
    struct record *r = record_at(s, *ref);
    if (!record_is_large(r) && small_count(r) >= SMALL_PEERS_MAX && !large_from_small(s, ref))
        return SWARM_FULL_MEMORY;
    r = record_at(s, *ref);
    if (record_is_large(r)) return large_restore(s, large_of(r), a, w->ages);
    return small_restore(w, ref, a);
}

static void merge(struct restore *w, slab_ref *ref, const struct stored_torrent *t)
{
    struct asker a;
    for (uint32_t i = 0; i < t->count; i++)
        if (asker_of(w, &t->peers[i], &a)) note(w, peer_restore(w, ref, &a));
    struct record *r = record_at(w->s, *ref);
    if (r->completed < t->completed) r->completed = t->completed;
    if (!record_is_large(r)) return;
    large_of(r)->pairs_complete = t->pairs_complete;
    large_of(r)->pairs_incomplete = t->pairs_incomplete;
}

/* ---- a torrent nobody knows ---- */

/* Peers that will be stored, ready to be copied. */
struct accepted {
    uint8_t peers[FAMILY_COUNT][SMALL_PEERS_MAX][PEER_BYTES_MAX];
    unsigned count[FAMILY_COUNT];
};

/* Is the endpoint there already? Counts those of its host on the way. */
static bool is_accepted(const struct accepted *all, const struct asker *a, unsigned *same_prefix)
{
    for (unsigned i = 0; i < all->count[a->family]; i++) {
        const uint8_t *peer = all->peers[a->family][i];
        *same_prefix += peer_same_prefix(peer, a);
        if (peer_same_endpoint(peer, a)) return true;
    }
    return false;
}

static void accept_peer(struct restore *w, const struct asker *a, struct accepted *all)
{
    struct swarm *s = w->s;
    enum family f = a->family;
    unsigned same_prefix = 0;
    enum swarm_verdict verdict = SWARM_UNKNOWN;
    if (!is_accepted(all, a, &same_prefix))
        verdict = swarm_admit(s, a, all->count[0] + all->count[1], same_prefix);
    note(w, verdict);
    if (verdict != SWARM_ADDED) return;
    memcpy(all->peers[f][all->count[f]++], a->peer, s->stride[f]);
    count_move(&s->peers[f], 1);
    count_move(&s->seeders[f], (peer_bits(a->peer, f) & PEER_SEEDER) != 0);
}

static void accept_all(struct restore *w, const struct stored_torrent *t, struct accepted *all)
{
    struct asker a;
    all->count[0] = all->count[1] = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (asker_of(w, &t->peers[i], &a)) accept_peer(w, &a, all);
}

/* No room for the torrent after all. */
static void give_back(struct restore *w, const struct accepted *all)
{
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (unsigned i = 0; i < all->count[f]; i++) {
            count_move(&w->s->peers[f], -1);
            count_move(&w->s->seeders[f], -((peer_bits(all->peers[f][i], f) & PEER_SEEDER) != 0));
            w->report->peers--;
            w->report->peers_refused++;
        }
    w->report->torrents_refused++;
}

static void record_write(const struct swarm *s, struct record *r, const struct stored_torrent *t,
                         const struct accepted *all, uint32_t empty_since_s)
{
    uint8_t *at = r->peers;
    r->completed = t->completed;
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (unsigned i = 0; i < all->count[f]; i++, at += s->stride[f])
            memcpy(at, all->peers[f][i], s->stride[f]);
    r->count[FAMILY_V4] = (uint8_t)all->count[FAMILY_V4];
    r->count[FAMILY_V6] = (uint8_t)all->count[FAMILY_V6];
    if (at == r->peers) memcpy(at, &empty_since_s, sizeof empty_since_s);
}

/* Nobody is left, and there is nothing to remember, or not any more. */
static bool is_forgotten(const struct restore *w, const struct stored_torrent *t,
                         const struct accepted *all)
{
    if (all->count[0] + all->count[1]) return false;
    return !t->completed || t->empty_s > w->s->completed_ttl_s;
}

static void make_small(struct restore *w, struct shard *shard, uint64_t hash,
                       const struct stored_torrent *t)
{
    struct swarm *s = w->s;
    struct accepted all;
    accept_all(w, t, &all);
    if (is_forgotten(w, t, &all)) return;
    uint64_t max = s->torrents_max;
    slab_ref ref = max && s->torrents >= max
                       ? 0
                       : small_new_room(s, &t->info_hash, all.count[0], all.count[1]);
    if (ref) record_write(s, record_at(s, ref), t, &all, w->time.now_s - t->empty_s);
    if (ref && swarm_insert(s, shard, hash, ref)) w->report->torrents++;
    else give_back(w, &all);
}

static void restore_part(struct restore *w, const struct stored_torrent *part)
{
    uint64_t hash = swarm_hash(w->s, &part->info_hash);
    struct shard *shard = shard_of(w->s, hash);
    lock_take(&shard->lock);
    struct slot slot = shard_find(w->s, shard, hash, &part->info_hash);
    if (slot.ref) merge(w, slot.ref, part);
    else make_small(w, shard, hash, part);
    lock_release(&shard->lock);
}

void swarm_restore(struct swarm *s, const struct stored_torrent *t, struct swarm_time time,
                   struct restore_report *report)
{
    struct restore w = {.s = s, .time = time, .ages = swarm_ages(s, time), .report = report};
    struct stored_torrent part = *t;
    for (uint32_t left = t->count;; left -= part.count) {
        part.count = left < SMALL_PEERS_MAX ? left : SMALL_PEERS_MAX;
        restore_part(&w, &part);
        part.peers += part.count;
        if (left == part.count) return;
    }
}
