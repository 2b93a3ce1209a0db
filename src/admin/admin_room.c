/* admin_room.c - who gets one of the operators' door's places, and who leaves for him.
 *
 * Idea      a newcomer must fit into every share of the places that he counts for: his host's, his
 *           way in's, all. A full share is made room in among those who have it, so that no host
 *           pushes out another, no crowd of the main port an operator, and nobody on TCP whoever may
 *           open the Unix socket: that is the owner, who must always get in.
 * Who goes  first who lingers after his answer, then who has waited longest with nothing in hand,
 *           then whose client takes his answer too slowly (admin_conn.c keeps the account).
 * Proxies   a visitor behind a trusted proxy counts for himself. A proxy of this machine that nobody
 *           told us to trust speaks for many, so loopback has no host share on the main port.
 * Cost      all places are looked at a few times for each connection: microseconds, for a page. */
#include "admin/admin_door.h"

#include "base/metrics.h"

#define STALLED_MS 2000 /* behind: the answer may be cut for a newcomer */

enum { OF_MAIN = 1 << ORIGIN_MAIN_PORT, OF_ADMIN = 1 << ORIGIN_ADMIN, OF_UNIX = 1 << ORIGIN_UNIX };

/* Places that some connections share. */
struct share {
    unsigned of;   /* the ways in that count for it */
    bool per_host; /* each host has its own */
    uint32_t max;
};

static const struct share SHARES[] = {
    {OF_MAIN, true, ADMIN_HANDED_HOST_MAX},
    {OF_ADMIN, true, ADMIN_HOST_MAX},
    {OF_MAIN, false, ADMIN_HANDED_MAX},
    {OF_MAIN | OF_ADMIN, false, ADMIN_TCP_MAX},
    {OF_MAIN | OF_ADMIN | OF_UNIX, false, ADMIN_CONNECTIONS_MAX},
};

static bool is_loopback(const struct address *a)
{
    static const uint8_t V6[16] = {[15] = 1};
    return a->family == FAMILY_V4 ? a->ip[0] == 127 : memcmp(a->ip, V6, sizeof V6) == 0;
}

/* All of loopback is one: its users have all its addresses. */
static bool is_same_host(const struct address *a, const struct address *b)
{
    if (is_loopback(a) || is_loopback(b)) return is_loopback(a) && is_loopback(b);
    return a->family == b->family && memcmp(a->ip, b->ip, HOST_BYTES(a->family)) == 0;
}

static bool counts_for(const struct share *s, enum admin_origin origin, const struct address *host)
{
    if (!(s->of & 1u << origin)) return false;
    return !s->per_host || origin != ORIGIN_MAIN_PORT || !is_loopback(host);
}

static bool has_it(const struct share *s, const struct admin_conn *c, const struct address *host)
{
    if (admin_conn_is_free(c) || !(s->of & 1u << c->origin)) return false;
    return !s->per_host || is_same_host(&c->host, host);
}

/* Lower goes first; 3: never. */
static int eviction_rank(const struct admin_conn *c)
{
    switch (c->wait) {
    case ADMIN_WAIT_LINGER: return 0;
    case ADMIN_WAIT_REQUEST:
    case ADMIN_WAIT_REST: return 1;
    default: return c->admin->env.loop->now_ms >= c->since_ms + STALLED_MS ? 2 : 3;
    }
}

static bool goes_before(const struct admin_conn *a, const struct admin_conn *b)
{
    int before = eviction_rank(a) - eviction_rank(b);
    return before < 0 || (before == 0 && a->since_ms < b->since_ms);
}

/* True when the share has a place left, one made free if need be. */
static bool share_has_room(struct admin *a, const struct share *s, const struct address *host)
{
    struct admin_conn *victim = NULL;
    uint32_t used = 0;
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        struct admin_conn *c = &a->conns[i];
        if (!has_it(s, c, host)) continue;
        used++;
        if (c == a->serving || eviction_rank(c) == 3) continue;
        if (!victim || goes_before(c, victim)) victim = c;
    }
    if (used < s->max) return true;
    if (!victim) return false;
    metrics_inc(METRIC_ADMIN_EVICTIONS);
    admin_conn_close(victim, victim->wait == ADMIN_WAIT_SEND);
    return true;
}

struct admin_conn *admin_room(struct admin *a, enum admin_origin origin, const struct address *host)
{
    for (size_t i = 0; i < sizeof SHARES / sizeof *SHARES; i++)
        if (counts_for(&SHARES[i], origin, host) && !share_has_room(a, &SHARES[i], host)) {
            metrics_inc(METRIC_ADMIN_REFUSED);
            return NULL;
        }
    for (size_t i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        if (admin_conn_is_free(&a->conns[i])) return &a->conns[i];
    return NULL;
}
