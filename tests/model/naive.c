/* naive.c - see naive.h. */
#include "naive.h"

#include <assert.h>

#define SMALL_MAX 32 /* the thresholds are the store's own choice, but change what is exact */
#define LARGE_MIN 16

/* ---- looking ---- */

static bool same_ip(const struct naive_peer *a, const struct naive_peer *b)
{
    return address_equal(&a->address, &b->address);
}

static bool same_network(const struct naive_peer *a, const struct naive_peer *b)
{
    return a->address.family == b->address.family &&
           memcmp(a->address.ip, b->address.ip, a->address.family == FAMILY_V4 ? 4 : 8) == 0;
}

static struct naive_peer *find(struct naive_torrent *t, const struct naive_peer *p)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (same_ip(&t->peers[i], p) && t->peers[i].port == p->port) return &t->peers[i];
    return NULL;
}

static struct naive_peer *find_moved(struct naive_torrent *t, const struct naive_peer *p)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (same_ip(&t->peers[i], p) && t->peers[i].port != p->port && t->peers[i].id == p->id)
            return &t->peers[i];
    return NULL;
}

bool naive_is_expired(const struct naive *n, const struct naive_peer *p, struct swarm_time time)
{
    return time.now_s / n->unit_s - p->heard > time.lifetime_s / n->unit_s;
}

/* ---- changing ---- */

static void drop(struct naive_torrent *t, struct naive_peer *p, uint32_t now_s)
{
    *p = t->peers[--t->count];
    if (t->count == 0) t->empty_since_s = now_s;
}

static void expire(struct naive *n, struct naive_torrent *t, struct swarm_time time)
{
    for (uint32_t i = t->count; i-- > 0;)
        if (naive_is_expired(n, &t->peers[i], time)) drop(t, &t->peers[i], time.now_s);
}

static void become_large(struct naive_torrent *t)
{
    t->is_large = true;
    t->ring_count[FAMILY_V4] = t->ring_count[FAMILY_V6] = t->maybe_count = 0;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->peers[i].has_counted) t->maybe[t->maybe_count++] = t->peers[i].id;
}

static uint64_t total_peers(const struct naive *n)
{
    uint64_t total = 0;
    for (int i = 0; i < NAIVE_TORRENTS; i++)
        total += n->torrents[i].count;
    return total;
}

static enum swarm_verdict admit(const struct naive *n, const struct naive_torrent *t,
                                const struct naive_peer *p)
{
    const struct swarm_opts *max = &n->limits;
    bool is_loopback = p->address.family == FAMILY_V4 && p->address.ip[0] == 127;
    uint32_t neighbours = 0;
    for (uint32_t i = 0; i < t->count; i++)
        neighbours += same_network(&t->peers[i], p);
    if (max->torrent_peers_max && t->count >= max->torrent_peers_max) return SWARM_FULL_TORRENT;
    if (max->ip_peers_max && neighbours >= max->ip_peers_max &&
        (!is_loopback || max->ip_limit_loopback))
        return SWARM_FULL_IP;
    if (max->peers_max && total_peers(n) >= max->peers_max) return SWARM_FULL_PEERS;
    return SWARM_ADDED;
}

/* ---- completions ---- */

static bool is_among(const uint32_t *ids, uint32_t count, uint32_t id)
{
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == id) return true;
    return false;
}

static bool twin_has_counted(const struct naive_torrent *t, const struct naive_announce *a)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (t->peers[i].id == a->id && t->peers[i].has_counted &&
            t->peers[i].address.family != a->peer.address.family)
            return true;
    return false;
}

static void decide_completion(const struct naive_torrent *t, const struct naive_announce *a,
                              const struct naive_peer *session, struct naive_answer *out)
{
    if (a->event != EVENT_COMPLETED || !a->peer.is_seeder) return;
    if (session && (session->is_seeder || session->has_counted)) return;
    enum family other = family_other(a->peer.address.family);
    uint32_t remembered = t->ring_count[other] < NAIVE_RING ? t->ring_count[other] : NAIVE_RING;
    if (!t->is_large) out->completed_now = !twin_has_counted(t, a);
    else if (is_among(t->maybe, t->maybe_count, a->id)) out->completion_is_open = true;
    else out->completed_now = !is_among(t->ring[other], remembered, a->id);
}

static void count_completion(struct naive_torrent *t, enum family f, uint32_t id)
{
    t->completed++;
    if (t->is_large) t->ring[f][t->ring_count[f]++ % NAIVE_RING] = id;
}

void naive_completion_settle(struct naive_answer *out, enum family f, uint32_t id,
                             bool completed_now)
{
    if (!out->completion_is_open) return;
    out->completed_now = completed_now;
    if (completed_now) count_completion(out->torrent, f, id);
}

/* ---- announce ---- */

static void stop(struct naive_torrent *t, const struct naive_announce *a, uint32_t now_s,
                 struct naive_answer *out)
{
    struct naive_peer *p = find(t, &a->peer);
    if (!p) p = find_moved(t, &a->peer);
    out->verdict = SWARM_UNKNOWN;
    if (!p || p->id != a->id) return;
    drop(t, p, now_s);
    out->verdict = SWARM_REMOVED;
}

static void record(struct naive *n, struct naive_torrent *t, const struct naive_announce *a,
                   struct naive_answer *out)
{
    struct naive_peer *exact = find(t, &a->peer), *moved = find_moved(t, &a->peer);
    if (exact && moved) {
        drop(t, moved, 0);
        exact = find(t, &a->peer);
    }
    struct naive_peer *known = exact ? exact : moved;
    struct naive_peer *session = known && known->id == a->id ? known : NULL;
    decide_completion(t, a, session, out);
    struct naive_peer fresh = a->peer;
    fresh.has_counted =
        (session && session->has_counted) || (a->event == EVENT_COMPLETED && fresh.is_seeder);
    out->verdict = known ? (exact ? SWARM_REFRESHED : SWARM_MOVED) : admit(n, t, &a->peer);
    if (out->verdict > SWARM_MOVED) {
        out->completed_now = out->completion_is_open = false;
        return;
    }
    assert(known || t->count < NAIVE_PEERS);
    *(known ? known : &t->peers[t->count++]) = fresh;
    if (out->completed_now) count_completion(t, a->peer.address.family, a->id);
}

void naive_announce(struct naive *n, const struct naive_announce *a, struct swarm_time time,
                    struct naive_answer *out)
{
    struct naive_torrent *t = &n->torrents[a->torrent];
    *out = (struct naive_answer){.verdict = SWARM_UNKNOWN, .torrent = t};
    if (!t->exists) {
        uint32_t torrents = 0;
        for (int i = 0; i < NAIVE_TORRENTS; i++)
            torrents += n->torrents[i].exists;
        out->torrent = NULL;
        if (a->event == EVENT_STOPPED) return;
        out->verdict = SWARM_FULL_TORRENTS;
        if (n->limits.torrents_max && torrents >= n->limits.torrents_max) return;
        *t = (struct naive_torrent){.exists = true};
        out->torrent = t;
    }
    if (!t->is_large) expire(n, t, time);
    if (!t->is_large && t->count >= SMALL_MAX && a->event != EVENT_STOPPED) become_large(t);
    if (a->event == EVENT_STOPPED) stop(t, a, time.now_s, out);
    else record(n, t, a, out);
    if (t->is_large && t->count <= LARGE_MIN) {
        t->is_large = false;
        expire(n, t, time);
    }
}

void naive_drop_empty(struct naive *n, struct naive_torrent *t)
{
    (void)n;
    if (!t->is_large && t->count == 0 && t->completed == 0) t->exists = false;
}

void naive_sweep(struct naive *n, struct naive_torrent *t, struct swarm_time time,
                 bool drops_counts)
{
    if (!t->exists) return;
    bool was_large = t->is_large;
    expire(n, t, time);
    if (t->count <= LARGE_MIN) t->is_large = false;
    if (was_large || t->count) return;
    if (!t->completed || drops_counts || time.now_s - t->empty_since_s > n->limits.completed_ttl_s)
        t->exists = false;
}

/* ---- answers ---- */

bool naive_is_eligible(const struct naive *n, const struct naive_peer *p,
                       const struct naive_announce *asker, struct swarm_time time)
{
    const struct naive_peer *a = &asker->peer;
    if (naive_is_expired(n, p, time)) return false;
    if ((p->is_seeder || p->is_partial) && (a->is_seeder || a->is_partial)) return false;
    if (same_ip(p, a) && p->port == a->port) return false;
    if (p->address.family != a->address.family && p->id == asker->id) return false;
    return address_is_global(p->address.family, p->address.ip) ||
           !address_is_global(a->address.family, a->address.ip);
}

struct tally {
    uint32_t seeders, incomplete, downloaders;
};

static void tally_add(struct tally *t, bool is_seeder, bool is_partial)
{
    t->seeders += is_seeder;
    t->incomplete += !is_seeder;
    t->downloaders += !is_seeder && !is_partial;
}

/* A client on both families counts with its IPv4 peer, as a seeder if it seeds on either. */
static struct tally tally_small(const struct naive *n, const struct naive_torrent *t,
                                struct swarm_time time)
{
    struct tally out = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        const struct naive_peer *p = &t->peers[i];
        if (naive_is_expired(n, p, time)) continue;
        bool has_twin = false, is_seeder = p->is_seeder;
        for (uint32_t j = 0; j < t->count; j++) {
            const struct naive_peer *q = &t->peers[j];
            if (q->id != p->id || q->address.family == p->address.family) continue;
            if (naive_is_expired(n, q, time)) continue;
            has_twin = true;
            is_seeder |= q->is_seeder;
        }
        if (p->address.family == FAMILY_V4 || !has_twin) tally_add(&out, is_seeder, p->is_partial);
    }
    return out;
}

static uint32_t less(uint32_t all, uint32_t rarer, uint32_t pairs)
{
    uint32_t most = all < rarer ? all : rarer;
    return all - (pairs < most ? pairs : most);
}

/* All endpoints, less one for each pair of one client's. */
static struct tally tally_large(const struct naive_torrent *t)
{
    struct tally all = {0};
    uint32_t pairs_complete = 0, pairs_incomplete = 0, by_family[FAMILY_COUNT] = {0};
    for (uint32_t i = 0; i < t->count; i++) {
        const struct naive_peer *p = &t->peers[i];
        tally_add(&all, p->is_seeder, p->is_partial);
        by_family[p->address.family]++;
        for (uint32_t j = 0; j < i; j++) {
            const struct naive_peer *q = &t->peers[j];
            if (q->id != p->id || q->address.family == p->address.family) continue;
            if (p->is_seeder && q->is_seeder) pairs_complete++;
            else pairs_incomplete++;
        }
    }
    uint32_t rarer = by_family[0] < by_family[1] ? by_family[0] : by_family[1];
    uint32_t partials = all.incomplete - all.downloaders;
    struct tally out = {.seeders = less(all.seeders, rarer, pairs_complete),
                        .incomplete = less(all.incomplete, rarer, pairs_incomplete)};
    out.downloaders = out.incomplete > partials ? out.incomplete - partials : 0;
    return out;
}

struct swarm_numbers naive_numbers(const struct naive *n, const struct naive_torrent *t,
                                   struct swarm_time time)
{
    if (!t->exists) return (struct swarm_numbers){0};
    struct tally tally = t->is_large ? tally_large(t) : tally_small(n, t, time);
    return (struct swarm_numbers){.complete = tally.seeders,
                                  .incomplete = tally.incomplete,
                                  .downloaders = tally.downloaders,
                                  .downloaded = t->completed};
}
