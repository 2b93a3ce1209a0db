/* small.c - a torrent of few peers: its record is a head, a run of IPv4 peers, a run of IPv6 peers.
 *
 * Idea       most torrents have one or two peers, nearly all fewer than 32. They are scanned, which
 *            costs less than any index, and their record has exactly the size they need: one slab
 *            class per peer or so.
 * Expired peers leave in the announce that meets them, so that numbers are exact without waiting for
 * the sweep (protocol.md M41). */
#include "swarm/store.h"

#include "base/metrics.h"

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

slab_ref small_new_room(struct swarm *s, const struct info_hash *h, unsigned n4, unsigned n6)
{
    slab_ref ref = slab_alloc(&s->slab, bytes_for(s, n4, n6));
    if (ref) *record_at(s, ref) = (struct record){.info_hash = *h};
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

bool small_append(struct swarm *s, slab_ref *ref, const struct asker *a, uint16_t keep)
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
    assert(i < r->count[f]);
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

/* ---- one look at everybody ---- */

static void tally_add(struct tally *t, uint16_t bits, uint32_t by)
{
    if (bits & PEER_SEEDER) t->seeders += by;
    else if (bits & PEER_PARTIAL) t->partials += by;
    else t->leechers += by;
}

/* The asker's family. Called with constants, so that addresses are compared as words. */
static inline __attribute__((always_inline)) void look_own(const uint8_t *peer, unsigned count,
                                                           const struct asker *a, struct ages ages,
                                                           enum family f, uint32_t stride,
                                                           struct look *out)
{
    unsigned same_ip = 0;
    uint32_t eligible = 0;
    for (unsigned i = 0; i < count; i++, peer += stride) {
        uint16_t bits = peer_bits(peer, f);
        if (bits_are_expired(bits, ages)) out->has_expired = true;
        tally_add(&out->tally, bits, 1);
        if (select_is_for(peer, bits, f, a)) eligible |= 1u << i;
        if (memcmp(peer, a->peer, HOST_BYTES(f)) != 0) continue;
        out->same_prefix++;
        if (memcmp(peer, a->peer, ADDRESS_BYTES(f)) != 0) continue;
        same_ip++;
        if (memcmp(peer, a->peer, COMPACT_BYTES(f)) == 0) out->exact = (int)i;
        else if (peer_tag(peer, f) == a->tag) out->moved = (int)i;
    }
    if (same_ip > MOVED_IP_PEERS_MAX) out->moved = -1;
    if (out->exact >= 0) eligible &= ~(1u << out->exact);
    out->eligible[f] = eligible;
}

static void look_other(const struct swarm *s, struct record *r, const struct asker *a,
                       struct ages ages, struct look *out)
{
    enum family f = family_other(a->family);
    const uint8_t *peer = small_run(s, r, f);
    for (unsigned i = 0; i < r->count[f]; i++, peer += s->stride[f]) {
        uint16_t bits = peer_bits(peer, f);
        if (bits_are_expired(bits, ages)) out->has_expired = true;
        if (select_is_for(peer, bits, f, a) && peer_tag(peer, f) != a->tag)
            out->eligible[f] |= 1u << i;
    }
}

static void look_once(const struct swarm *s, struct record *r, const struct asker *a,
                      struct ages ages, struct look *out)
{
    enum family f = a->family;
    const uint8_t *run = small_run(s, r, f);
    *out = (struct look){.exact = -1, .moved = -1};
    if (s->peer_ids) look_own(run, r->count[f], a, ages, f, s->stride[f], out);
    else if (f == FAMILY_V4) look_own(run, r->count[f], a, ages, FAMILY_V4, PEER4_BYTES, out);
    else look_own(run, r->count[f], a, ages, FAMILY_V6, PEER6_BYTES, out);
    look_other(s, r, a, ages, out);
}

void small_look(struct swarm *s, slab_ref *ref, const struct asker *a, struct ages ages,
                uint32_t now_s, struct look *out)
{
    look_once(s, record_at(s, *ref), a, ages, out);
    if (!out->has_expired) return;
    metrics_add(METRIC_PEERS_EXPIRED, small_expire(s, ref, ages, now_s));
    look_once(s, record_at(s, *ref), a, ages, out);
}

/* ---- announces ---- */

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
    enum family other = family_other(a->family);
    bool has_twin = false;
    return !(twin_bits(s, r, other, a->tag, AGES_ANY, &has_twin) & PEER_COUNTED);
}

/* Write the asker over the peer it was, keeping what it had counted. */
void small_replace(struct swarm *s, uint8_t *peer, const struct asker *a, uint16_t keep)
{
    uint16_t before = peer_bits(peer, a->family), after = peer_bits(a->peer, a->family);
    memcpy(peer, a->peer, s->stride[a->family]);
    peer_bits_set(peer, a->family, after | keep);
    seeders_move(s, a->family, before, after);
}

/* The known peer is the asker from now on. */
static void record_known(struct swarm *s, struct record *r, const struct asker *a, int known,
                         uint16_t keep, struct look *look)
{
    enum family f = a->family;
    uint8_t *peer = small_run(s, r, f) + (unsigned)known * s->stride[f];
    tally_add(&look->tally, peer_bits(peer, f), UINT32_MAX);
    tally_add(&look->tally, peer_bits(a->peer, f), 1);
    look->eligible[f] &= ~(1u << known);
    small_replace(s, peer, a, keep);
}

static void record_new(struct swarm *s, slab_ref *ref, const struct asker *a, uint16_t keep,
                       struct look *look, struct swarm_answer *out)
{
    unsigned count = small_count(record_at(s, *ref));
    out->verdict = swarm_admit(s, a, count, look->same_prefix);
    if (out->verdict != SWARM_ADDED) return;
    if (count >= SMALL_PEERS_MAX || !small_append(s, ref, a, keep)) /* it could not become large */
        out->verdict = SWARM_FULL_MEMORY;
    else tally_add(&look->tally, peer_bits(a->peer, a->family), 1);
}

void small_record(struct swarm *s, slab_ref *ref, const struct asker *a, enum event event,
                  struct ages ages, struct look *look, struct swarm_answer *out)
{
    enum family f = a->family;
    if (look->exact >= 0 && look->moved >= 0) { /* it moved onto a port that somebody had left */
        run_remove(s, ref, f, (unsigned)look->moved, 0);
        look_once(s, record_at(s, *ref), a, ages, look);
    }
    struct record *r = record_at(s, *ref);
    int known = look->exact >= 0 ? look->exact : look->moved;
    const uint8_t *peer = known < 0 ? NULL : small_run(s, r, f) + (unsigned)known * s->stride[f];
    bool is_restart = peer && peer_tag(peer, f) != a->tag;
    uint16_t before = peer && !is_restart ? peer_bits(peer, f) : 0;
    uint16_t keep = before & PEER_COUNTED;
    if (peer && !is_restart) out->silent_s = bits_age(before, ages);
    out->completed_now = counts_completion(s, r, a, event, before);
    if (event == EVENT_COMPLETED && peer_bits(a->peer, f) & PEER_SEEDER) keep |= PEER_COUNTED;
    if (peer) {
        out->verdict = look->exact >= 0 ? SWARM_REFRESHED : SWARM_MOVED;
        record_known(s, r, a, known, keep, look);
    } else {
        record_new(s, ref, a, keep, look, out);
    }
    out->completed_now = out->completed_now && out->verdict <= SWARM_MOVED;
    if (out->completed_now) record_at(s, *ref)->completed++;
}

void small_remove(struct swarm *s, slab_ref *ref, const struct asker *a, uint32_t now_s,
                  const struct look *look, struct swarm_answer *out)
{
    int i = look->exact >= 0 ? look->exact : look->moved;
    out->verdict = SWARM_UNKNOWN;
    if (i < 0) return;
    struct record *r = record_at(s, *ref);
    const uint8_t *peer = small_run(s, r, a->family) + (unsigned)i * s->stride[a->family];
    if (peer_tag(peer, a->family) != a->tag) return; /* the stop of an earlier session (M11) */
    run_remove(s, ref, a->family, (unsigned)i, now_s);
    out->verdict = SWARM_REMOVED;
}

/* ---- numbers ---- */

/* A client on both families counts once: with its IPv4 peers, as a seeder if any endpoint is one. */
static void tally_run(const struct swarm *s, struct record *r, enum family f, struct ages ages,
                      struct tally *t)
{
    enum family other = family_other(f);
    const uint8_t *peer = small_run(s, r, f);
    for (unsigned i = 0; i < r->count[f]; i++, peer += s->stride[f]) {
        uint16_t bits = peer_bits(peer, f);
        if (bits_are_expired(bits, ages)) continue;
        bool has_twin = false;
        if (r->count[other])
            bits |= twin_bits(s, r, other, peer_tag(peer, f), ages, &has_twin) & PEER_SEEDER;
        if (f == FAMILY_V4 || !has_twin) tally_add(t, bits, 1);
    }
}

static void tally_numbers(const struct tally *t, const struct record *r, struct swarm_numbers *out)
{
    *out = (struct swarm_numbers){.complete = t->seeders,
                                  .incomplete = t->leechers + t->partials,
                                  .downloaders = t->leechers,
                                  .downloaded = r->completed};
}

void small_numbers(const struct swarm *s, struct record *r, struct ages ages,
                   struct swarm_numbers *out)
{
    struct tally t = {0};
    tally_run(s, r, FAMILY_V4, ages, &t);
    tally_run(s, r, FAMILY_V6, ages, &t);
    tally_numbers(&t, r, out);
}

void small_numbers_after(const struct swarm *s, struct record *r, struct ages ages,
                         const struct asker *a, const struct look *look, struct swarm_numbers *out)
{
    if (r->count[family_other(a->family)]) small_numbers(s, r, ages, out);
    else tally_numbers(&look->tally, r, out);
}
