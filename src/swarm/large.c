/* large.c - a torrent of many peers: four tables, by family and by whether a peer only uploads.
 *
 * Idea       seeders are never handed to seeders, so that downloaders and uploaders lie in tables of
 *            their own: a pick never has to search for an eligible peer, however lopsided the swarm.
 * Counts     follow every change; only how many clients are on both families is an estimate, made
 *            anew by each sweep (expire.c).
 * Twins      cannot be looked up by tag here; the last few completions are remembered by tag, because
 *            both families of one client report a completion within seconds (protocol.md V16). */
#include "swarm/store.h"

#include <assert.h>

static enum group group_of(uint16_t bits)
{
    return bits_only_upload(bits) ? GROUP_UPLOAD : GROUP_DOWNLOAD;
}

/* Keep the counters when a peer's bits change; 0 stands for a peer that is not there. */
static void state_move(struct swarm *s, struct large *l, enum family f, uint16_t before,
                       uint16_t after)
{
    count_move(&s->seeders[f], ((after & PEER_SEEDER) != 0) - ((before & PEER_SEEDER) != 0));
    l->partials[f] += ((after & PEER_STATE) == PEER_PARTIAL);
    l->partials[f] -= ((before & PEER_STATE) == PEER_PARTIAL);
}

static void completion_note(struct large *l, enum family f, uint16_t tag)
{
    l->completions[f][l->completion_next[f]++ % COMPLETIONS_MAX] = tag;
}

/* ---- small and large ---- */

static bool tables_fill(struct swarm *s, struct large *l, struct record *r)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const uint8_t *peer = small_run(s, r, f);
        for (unsigned i = 0; i < r->count[f]; i++, peer += s->stride[f]) {
            uint16_t bits = peer_bits(peer, f);
            if (!table_insert(s, &l->tables[f][group_of(bits)], f, peer)) return false;
            l->partials[f] += (bits & PEER_STATE) == PEER_PARTIAL;
            if (bits & PEER_COUNTED) completion_note(l, f, peer_tag(peer, f));
        }
    }
    return true;
}

static void tables_clear(struct swarm *s, struct large *l)
{
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (int g = 0; g < GROUP_COUNT; g++)
            table_clear(s, &l->tables[f][g], f);
}

bool large_from_small(struct swarm *s, slab_ref *ref)
{
    slab_ref fresh = slab_alloc(&s->slab, sizeof(struct large));
    if (!fresh) return false;
    struct large *l = slab_at(&s->slab, fresh);
    struct record *r = record_at(s, *ref);
    *l = (struct large){.info_hash = r->info_hash, .completed = r->completed, .mark = RECORD_LARGE};
    if (!tables_fill(s, l, r)) {
        tables_clear(s, l);
        slab_free(&s->slab, fresh);
        return false;
    }
    /* All that is counted so far is exact: who counts once now is a pair. */
    struct swarm_numbers exact, all;
    small_numbers(s, r, AGES_ANY, &exact);
    large_numbers(l, &all);
    l->pairs_complete = all.complete > exact.complete ? all.complete - exact.complete : 0;
    l->pairs_incomplete = all.incomplete > exact.incomplete ? all.incomplete - exact.incomplete : 0;
    small_free(s, *ref);
    *ref = fresh;
    return true;
}

/* Append all peers of a table to the record; returns where the next ones go. */
static uint8_t *table_copy(const struct swarm *s, const struct table *t, enum family f,
                           struct record *r, uint8_t *at)
{
    for (uint32_t b = 0; b < t->buckets; b++) {
        const struct bucket *e = table_bucket(s, t, b);
        const uint8_t *peer = e->count ? slab_at(&s->slab, e->run) : NULL;
        for (unsigned i = 0; i < e->count; i++, peer += s->stride[f], at += s->stride[f]) {
            memcpy(at, peer, s->stride[f]);
            peer_bits_set(at, f, peer_bits(at, f) & (uint16_t)~PEER_CROWDED);
            r->count[f]++;
        }
    }
    return at;
}

void large_to_small(struct swarm *s, slab_ref *ref, uint32_t now_s)
{
    struct large *l = large_of(record_at(s, *ref));
    if (large_count(l) > LARGE_PEERS_MIN) return;
    uint32_t bytes = RECORD_HEAD_BYTES + LARGE_PEERS_MIN * (uint32_t)PEER_BYTES_MAX;
    slab_ref fresh = slab_alloc(&s->slab, bytes);
    if (!fresh) return;
    struct record *r = record_at(s, fresh);
    *r = (struct record){.info_hash = l->info_hash, .completed = l->completed};
    uint8_t *at = r->peers;
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (int g = 0; g < GROUP_COUNT; g++)
            at = table_copy(s, &l->tables[f][g], f, r, at);
    if (small_count(r) == 0) memcpy(r->peers, &now_s, sizeof now_s);
    large_free(s, *ref);
    *ref = slab_resize(&s->slab, fresh, small_bytes(s, r), small_bytes(s, r));
}

void large_free(struct swarm *s, slab_ref ref)
{
    tables_clear(s, large_of(record_at(s, ref)));
    slab_free(&s->slab, ref);
}

/* ---- announces ---- */

/* Did the other family of this client complete a moment ago? */
static bool completed_lately(const struct large *l, const struct asker *a)
{
    enum family other = family_other(a->family);
    for (int i = 0; i < COMPLETIONS_MAX; i++)
        if (l->completions[other][i] == a->tag) return a->tag != 0;
    return false;
}

struct known {
    struct place place; /* .peer NULL: a newcomer */
    enum group group;
    bool is_exact;
    unsigned same_prefix;
};

/* Find the asker: its endpoint, or else the peer it was on another port. *left_behind: that other
 * port when both are there. */
static struct known find_known(const struct swarm *s, const struct large *l, const struct asker *a,
                               struct known *left_behind)
{
    struct known exact = {0}, moved = {0};
    unsigned same_prefix = 0, same_ip = 0;
    for (int g = 0; g < GROUP_COUNT; g++) {
        struct table_hit hit;
        table_find(s, &l->tables[a->family][g], a, &hit);
        if (hit.exact.peer)
            exact = (struct known){.place = hit.exact, .group = g, .is_exact = true};
        if (hit.moved.peer) moved = (struct known){.place = hit.moved, .group = g};
        same_prefix += hit.same_prefix;
        same_ip += hit.same_ip;
    }
    if (same_ip > MOVED_IP_PEERS_MAX) moved = (struct known){0};
    *left_behind = exact.place.peer ? moved : (struct known){0};
    struct known out = exact.place.peer ? exact : moved;
    out.same_prefix = same_prefix;
    return out;
}

/* The peer stays in its table: same host, same group. A crowded peer that moves port changes its
 * bucket, so it is stored anew. */
static bool can_stay(const struct known *k, const struct asker *a, enum group to)
{
    bool is_crowded = peer_bits(k->place.peer, a->family) & PEER_CROWDED;
    return k->group == to && (k->is_exact || !is_crowded);
}

static bool update_known(struct swarm *s, struct large *l, const struct asker *a, struct known *k,
                         const uint8_t *peer)
{
    enum family f = a->family;
    uint16_t before = peer_bits(k->place.peer, f), after = peer_bits(peer, f);
    enum group to = group_of(after);
    if (can_stay(k, a, to)) {
        memcpy(k->place.peer, peer, s->stride[f]);
        peer_bits_set(k->place.peer, f, after | (before & PEER_CROWDED));
        state_move(s, l, f, before, after);
        return true;
    }
    if (k->group == to) large_drop(s, l, f, k->group, k->place);
    if (!table_insert(s, &l->tables[f][to], f, peer)) {
        if (k->group != to) /* it lives on as it was */
            peer_bits_set(k->place.peer, f,
                          (before & (uint16_t)~PEER_AGE_MASK) | (after & PEER_AGE_MASK));
        return false;
    }
    if (k->group != to) large_drop(s, l, f, k->group, k->place);
    count_move(&s->peers[f], 1);
    state_move(s, l, f, 0, after);
    return true;
}

/* Store a newcomer if limits and memory allow. */
static enum swarm_verdict add_new(struct swarm *s, struct large *l, const struct asker *a,
                                  unsigned same_prefix, const uint8_t *peer)
{
    enum family f = a->family;
    enum swarm_verdict verdict = swarm_admit(s, a, large_count(l), same_prefix);
    if (verdict != SWARM_ADDED) return verdict;
    uint16_t bits = peer_bits(peer, f);
    if (!table_insert(s, &l->tables[f][group_of(bits)], f, peer)) return SWARM_FULL_MEMORY;
    count_move(&s->peers[f], 1);
    state_move(s, l, f, 0, bits);
    return SWARM_ADDED;
}

enum swarm_verdict large_restore(struct swarm *s, struct large *l, const struct asker *a,
                                 struct ages ages)
{
    struct known left_behind, k = find_known(s, l, a, &left_behind);
    if (!k.is_exact) return add_new(s, l, a, k.same_prefix, a->peer);
    uint16_t before = peer_bits(k.place.peer, a->family), now = peer_bits(a->peer, a->family);
    if (bits_age(before, ages) <= bits_age(now, ages)) {
        peer_bits_set(k.place.peer, a->family, before | (now & PEER_COUNTED));
        return SWARM_UNKNOWN;
    }
    return update_known(s, l, a, &k, a->peer) ? SWARM_REFRESHED : SWARM_FULL_MEMORY;
}

void large_record(struct swarm *s, struct large *l, const struct asker *a, enum event event,
                  struct ages ages, struct swarm_answer *out)
{
    enum family f = a->family;
    uint8_t peer[PEER_BYTES_MAX];
    memcpy(peer, a->peer, s->stride[f]);
    struct known left_behind, k = find_known(s, l, a, &left_behind);
    while (left_behind.place.peer) { /* it moved onto a port that somebody had left */
        large_drop(s, l, f, left_behind.group, left_behind.place);
        k = find_known(s, l, a, &left_behind);
    }
    bool is_restart = k.place.peer && peer_tag(k.place.peer, f) != a->tag;
    uint16_t before = k.place.peer && !is_restart ? peer_bits(k.place.peer, f) : 0;
    if (k.place.peer && !is_restart) out->silent_s = bits_age(before, ages);
    uint16_t bits = peer_bits(peer, f) | (before & PEER_COUNTED);
    bool completes = event == EVENT_COMPLETED && bits & PEER_SEEDER;
    out->completed_now =
        completes && !(before & (PEER_SEEDER | PEER_COUNTED)) && !completed_lately(l, a);
    peer_bits_set(peer, f, completes ? bits | PEER_COUNTED : bits);
    if (k.place.peer) {
        out->verdict = k.is_exact ? SWARM_REFRESHED : SWARM_MOVED;
        if (!update_known(s, l, a, &k, peer)) out->verdict = SWARM_FULL_MEMORY;
    } else {
        out->verdict = add_new(s, l, a, k.same_prefix, peer);
    }
    out->completed_now = out->completed_now && out->verdict <= SWARM_MOVED;
    if (!out->completed_now) return;
    l->completed++;
    completion_note(l, f, a->tag);
}

void large_drop(struct swarm *s, struct large *l, enum family f, enum group g, struct place p)
{
    assert(p.peer);
    state_move(s, l, f, peer_bits(p.peer, f), 0);
    count_move(&s->peers[f], -1);
    table_remove(s, &l->tables[f][g], f, p);
}

void large_remove(struct swarm *s, struct large *l, const struct asker *a, struct swarm_answer *out)
{
    struct known left_behind, k = find_known(s, l, a, &left_behind);
    out->verdict = SWARM_UNKNOWN;
    if (!k.place.peer || peer_tag(k.place.peer, a->family) != a->tag) return;
    large_drop(s, l, a->family, k.group, k.place);
    out->verdict = SWARM_REMOVED;
}

/* ---- numbers ---- */

/* `all` endpoints less those that are a client's second. `pairs` may be as old as the last sweep:
 * there are never more than `all`, nor than peers of the rarer family. */
static uint32_t minus_pairs(uint32_t all, uint32_t rarer, uint32_t pairs)
{
    uint32_t most = all < rarer ? all : rarer;
    return all - (pairs < most ? pairs : most);
}

void large_numbers(const struct large *l, struct swarm_numbers *out)
{
    uint32_t leechers[FAMILY_COUNT], uploaders[FAMILY_COUNT];
    for (int f = 0; f < FAMILY_COUNT; f++) {
        leechers[f] = l->tables[f][GROUP_DOWNLOAD].count;
        uploaders[f] = l->tables[f][GROUP_UPLOAD].count;
    }
    uint32_t n4 = leechers[FAMILY_V4] + uploaders[FAMILY_V4];
    uint32_t n6 = leechers[FAMILY_V6] + uploaders[FAMILY_V6], rarer = n4 < n6 ? n4 : n6;
    uint32_t partials = l->partials[FAMILY_V4] + l->partials[FAMILY_V6];
    uint32_t seeders = uploaders[FAMILY_V4] + uploaders[FAMILY_V6] - partials;
    out->complete = minus_pairs(seeders, rarer, l->pairs_complete);
    out->incomplete = minus_pairs(leechers[FAMILY_V4] + leechers[FAMILY_V6] + partials, rarer,
                                  l->pairs_incomplete);
    out->downloaders = out->incomplete > partials ? out->incomplete - partials : 0;
    out->downloaded = l->completed;
}
