/* small.c - a torrent of few peers: its record is a head, a run of IPv4 peers, a run of IPv6 peers.
 *
 * Idea       most torrents have one or two peers, nearly all fewer than 32. They are scanned, which
 *            costs less than any index, and their record has exactly the size they need: one slab
 *            class per peer or so.
 * Expired peers leave in the announce that meets them, so that numbers are exact without waiting for
 * the sweep (protocol.md M41). */
#include "swarm/store.h"

#include <assert.h>

static uint32_t bytes_for(const struct swarm *s, unsigned n4, unsigned n6)
{
    if (n4 + n6 == 0) return RECORD_HEAD_BYTES + sizeof(uint32_t); /* the time it became empty */
    return RECORD_HEAD_BYTES + n4 * s->stride[FAMILY_V4] + n6 * s->stride[FAMILY_V6];
}

uint32_t small_bytes(const struct swarm *s, const struct record *r)
{
    return bytes_for(s, r->count[FAMILY_V4], r->count[FAMILY_V6]);
}

slab_ref small_new(struct swarm *s, const struct info_hash *h)
{
    slab_ref ref = slab_alloc(&s->slab, bytes_for(s, 0, 0));
    if (!ref) return 0;
    struct record *r = record_at(s, ref);
    memset(r, 0, bytes_for(s, 0, 0));
    r->info_hash = *h;
    return ref;
}

void small_free(struct swarm *s, slab_ref ref)
{
    slab_free(&s->slab, ref);
}

uint32_t small_empty_since_s(const struct record *r)
{
    uint32_t since_s;
    memcpy(&since_s, r->peers, sizeof since_s);
    return since_s;
}

/* ---- changing the runs ---- */

static void seeders_move(struct swarm *s, enum family f, uint16_t before, uint16_t after)
{
    count_move(&s->seeders[f], ((after & PEER_SEEDER) != 0) - ((before & PEER_SEEDER) != 0));
}

static bool run_append(struct swarm *s, slab_ref *ref, const struct asker *a, uint16_t keep)
{
    struct record *r = record_at(s, *ref);
    unsigned n4 = r->count[FAMILY_V4], n6 = r->count[FAMILY_V6];
    bool is_v4 = a->family == FAMILY_V4;
    uint32_t stride = s->stride[a->family];
    slab_ref moved =
        slab_resize(&s->slab, *ref, small_bytes(s, r), bytes_for(s, n4 + is_v4, n6 + !is_v4));
    if (!moved) return false;
    *ref = moved;
    r = record_at(s, moved);
    uint8_t *v6 = small_run(s, r, FAMILY_V6);
    if (is_v4) memmove(v6 + stride, v6, n6 * s->stride[FAMILY_V6]);
    uint8_t *peer = is_v4 ? v6 : v6 + n6 * stride;
    memcpy(peer, a->peer, stride);
    peer_bits_set(peer, a->family, peer_bits(peer, a->family) | keep);
    r->count[a->family]++;
    count_move(&s->peers[a->family], 1);
    seeders_move(s, a->family, 0, peer_bits(a->peer, a->family));
    return true;
}

/* Take peer i out: the last of its run fills the gap, the runs stay packed. */
static void run_remove(struct swarm *s, slab_ref *ref, enum family f, unsigned i, uint32_t now_s)
{
    struct record *r = record_at(s, *ref);
    uint32_t stride = s->stride[f];
    uint8_t *run = small_run(s, r, f), *last = run + (r->count[f] - 1u) * stride;
    seeders_move(s, f, peer_bits(run + i * stride, f), 0);
    count_move(&s->peers[f], -1);
    memmove(run + i * stride, last, stride);
    if (f == FAMILY_V4)
        memmove(last, last + stride, r->count[FAMILY_V6] * (size_t)s->stride[FAMILY_V6]);
    r->count[f]--;
    if (small_count(r) == 0) memcpy(r->peers, &now_s, sizeof now_s);
    *ref = slab_resize(&s->slab, *ref, small_bytes(s, r), small_bytes(s, r));
}

unsigned small_expire(struct swarm *s, slab_ref *ref, struct ages ages, uint32_t now_s)
{
    unsigned gone = 0;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        for (unsigned i = record_at(s, *ref)->count[f]; i-- > 0;) {
            const uint8_t *peer = small_run(s, record_at(s, *ref), f) + i * s->stride[f];
            if (!bits_are_expired(peer_bits(peer, f), ages)) continue;
            run_remove(s, ref, f, i, now_s);
            gone++;
        }
    }
    return gone;
}

/* ---- announces ---- */

struct scan {
    int exact, moved; /* index in the asker's family; -1: none */
    unsigned same_prefix;
};

static struct scan scan_run(const struct swarm *s, struct record *r, const struct asker *a)
{
    struct scan out = {.exact = -1, .moved = -1};
    unsigned same_ip = 0;
    const uint8_t *peer = small_run(s, r, a->family);
    for (int i = 0; i < r->count[a->family]; i++, peer += s->stride[a->family]) {
        if (!peer_same_prefix(peer, a)) continue;
        out.same_prefix++;
        if (!peer_same_ip(peer, a)) continue;
        same_ip++;
        if (peer_same_endpoint(peer, a)) out.exact = i;
        else if (peer_tag(peer, a->family) == a->tag) out.moved = i;
    }
    if (same_ip > MOVED_IP_PEERS_MAX) out.moved = -1;
    return out;
}

/* The bits of every live peer with this tag in that family, or'ed; *any tells whether there is one. */
static uint16_t twin_bits(const struct swarm *s, struct record *r, enum family f, uint16_t tag,
                          struct ages ages, bool *any)
{
    uint16_t all = 0;
    const uint8_t *peer = small_run(s, r, f);
    for (unsigned i = 0; i < r->count[f]; i++, peer += s->stride[f]) {
        if (peer_tag(peer, f) != tag || bits_are_expired(peer_bits(peer, f), ages)) continue;
        all |= peer_bits(peer, f);
        *any = true;
    }
    return all;
}

/* Does this announce count a completed download? `before` are the peer's bits, 0 when it is new. The
 * other family of the same client may have counted it already (M20..M22, V16). */
static bool counts_completion(const struct swarm *s, struct record *r, const struct asker *a,
                              enum event event, uint16_t before)
{
    if (event != EVENT_COMPLETED || !(peer_bits(a->peer, a->family) & PEER_SEEDER)) return false;
    if (before & (PEER_SEEDER | PEER_COUNTED)) return false;
    enum family other = a->family == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;
    bool has_twin = false;
    return !(twin_bits(s, r, other, a->tag, AGES_ANY, &has_twin) & PEER_COUNTED);
}

/* Write the asker over the peer it was, keeping what it had counted. */
static void run_replace(struct swarm *s, uint8_t *peer, const struct asker *a, uint16_t keep)
{
    uint16_t before = peer_bits(peer, a->family), after = peer_bits(a->peer, a->family);
    memcpy(peer, a->peer, s->stride[a->family]);
    peer_bits_set(peer, a->family, after | keep);
    seeders_move(s, a->family, before, after);
}

void small_record(struct swarm *s, slab_ref *ref, const struct asker *a, enum event event,
                  struct swarm_answer *out)
{
    struct record *r = record_at(s, *ref);
    struct scan scan = scan_run(s, r, a);
    uint32_t stride = s->stride[a->family];
    if (scan.exact >= 0 && scan.moved >= 0) { /* it moved onto a port that somebody had left */
        run_remove(s, ref, a->family, (unsigned)scan.moved, 0);
        r = record_at(s, *ref);
        scan = scan_run(s, r, a);
    }
    int known = scan.exact >= 0 ? scan.exact : scan.moved;
    uint8_t *peer = known < 0 ? NULL : small_run(s, r, a->family) + (unsigned)known * stride;
    bool is_restart = peer && peer_tag(peer, a->family) != a->tag;
    uint16_t before = peer && !is_restart ? peer_bits(peer, a->family) : 0;
    uint16_t keep = before & PEER_COUNTED;
    out->completed_now = counts_completion(s, r, a, event, before);
    if (event == EVENT_COMPLETED && peer_bits(a->peer, a->family) & PEER_SEEDER)
        keep |= PEER_COUNTED;
    if (peer) {
        out->verdict = scan.exact >= 0 ? SWARM_REFRESHED : SWARM_MOVED;
        run_replace(s, peer, a, keep);
    } else {
        out->verdict = swarm_admit(s, a, small_count(r), scan.same_prefix);
        bool is_full = small_count(r) >= SMALL_PEERS_MAX; /* it could not become large */
        if (out->verdict == SWARM_ADDED && (is_full || !run_append(s, ref, a, keep)))
            out->verdict = SWARM_FULL_MEMORY;
    }
    out->completed_now = out->completed_now && out->verdict <= SWARM_MOVED;
    if (out->completed_now) record_at(s, *ref)->completed++;
}

void small_remove(struct swarm *s, slab_ref *ref, const struct asker *a, uint32_t now_s,
                  struct swarm_answer *out)
{
    struct record *r = record_at(s, *ref);
    struct scan scan = scan_run(s, r, a);
    int i = scan.exact >= 0 ? scan.exact : scan.moved;
    out->verdict = SWARM_UNKNOWN;
    if (i < 0) return;
    const uint8_t *peer = small_run(s, r, a->family) + (unsigned)i * s->stride[a->family];
    if (peer_tag(peer, a->family) != a->tag) return; /* the stop of an earlier session (M11) */
    run_remove(s, ref, a->family, (unsigned)i, now_s);
    out->verdict = SWARM_REMOVED;
}

/* ---- numbers ---- */

struct tally {
    uint32_t seeders, partials, leechers;
};

static void tally_add(struct tally *t, uint16_t bits)
{
    if (bits & PEER_SEEDER) t->seeders++;
    else if (bits & PEER_PARTIAL) t->partials++;
    else t->leechers++;
}

/* A client on both families counts once: with its IPv4 peers, as a seeder if any endpoint is one. */
static void tally_run(const struct swarm *s, struct record *r, enum family f, struct ages ages,
                      struct tally *t)
{
    enum family other = f == FAMILY_V4 ? FAMILY_V6 : FAMILY_V4;
    const uint8_t *peer = small_run(s, r, f);
    for (unsigned i = 0; i < r->count[f]; i++, peer += s->stride[f]) {
        uint16_t bits = peer_bits(peer, f);
        if (bits_are_expired(bits, ages)) continue;
        bool has_twin = false;
        if (r->count[other])
            bits |= twin_bits(s, r, other, peer_tag(peer, f), ages, &has_twin) & PEER_SEEDER;
        if (f == FAMILY_V4 || !has_twin) tally_add(t, bits);
    }
}

void small_numbers(const struct swarm *s, struct record *r, struct ages ages,
                   struct swarm_numbers *out)
{
    struct tally t = {0};
    tally_run(s, r, FAMILY_V4, ages, &t);
    tally_run(s, r, FAMILY_V6, ages, &t);
    *out = (struct swarm_numbers){.complete = t.seeders,
                                  .incomplete = t.leechers + t.partials,
                                  .downloaders = t.leechers,
                                  .downloaded = r->completed};
}
