/* access.c - see access.h.
 *
 * Order     who asks comes before what is asked (protocol.md A29), and what costs least comes first.
 * Twice     whoever is on no list and near none, which is nearly everybody, is told so by a few bits; only
 *           the others are looked at exactly.
 * Metrics   one for each list, counted where the refusal is decided.
 * See       docs/decisions/0015-access-lists-beside-the-work.md */
#include "tracker/access.h"

#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>

enum { ALLOWED, DENIED };

enum err access_new(struct access **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? ERR_OK : ERR_NO_MEMORY;
}

void access_free(struct access *x)
{
    if (!x) return;
    access_torrents_free(&x->torrents);
    for (int i = ALLOWED; i <= DENIED; i++) {
        access_ranges_free(&x->ips[i]);
        access_clients_free(&x->clients[i]);
    }
    access_reasons_free(&x->reasons);
    free(x);
}

void access_use(struct access *x, enum access_list list)
{
    x->used[list] = true;
    if (list == ACCESS_ALLOW_TORRENTS) x->torrents.has_allow = true;
    if (list == ACCESS_ALLOW_IPS || list == ACCESS_ALLOW_CLIENTS) x->has_allow = true;
}

/* Only a deny list's reasons are ever told. */
static enum err reason_add(struct access *x, bool denied, struct view reason, uint32_t *id)
{
    *id = 0;
    return denied ? access_reasons_add(&x->reasons, reason, id) : ERR_OK;
}

static enum err counted(struct access *x, enum access_list list, enum err err)
{
    assert(x->used[list]);
    if (err == ERR_OK) x->entries[list]++;
    return err;
}

enum err access_add_torrent(struct access *x, enum access_list list, const struct info_hash *h,
                            struct view reason)
{
    bool denied = list == ACCESS_DENY_TORRENTS;
    uint32_t id;
    enum err err = reason_add(x, denied, reason, &id);
    if (err != ERR_OK) return err;
    uint32_t what = denied ? TORRENT_DENIED | id : TORRENT_ALLOWED;
    return counted(x, list, access_torrents_add(&x->torrents, h, what));
}

enum err access_add_ips(struct access *x, enum access_list list, const struct address *first,
                        const struct address *last, struct view reason)
{
    bool denied = list == ACCESS_DENY_IPS;
    uint32_t id;
    enum err err = reason_add(x, denied, reason, &id);
    if (err != ERR_OK) return err;
    return counted(x, list, access_ranges_add(&x->ips[denied], first, last, id));
}

enum err access_add_client(struct access *x, enum access_list list, const struct client_rule *rule,
                           struct view reason)
{
    bool denied = list == ACCESS_DENY_CLIENTS;
    uint32_t id;
    enum err err = reason_add(x, denied, reason, &id);
    if (err != ERR_OK) return err;
    return counted(x, list, access_clients_add(&x->clients[denied], rule, id));
}

static void bits_set(uint64_t *words, uint16_t first, uint16_t last)
{
    for (uint32_t port = first; port <= last; port++)
        words[port / 64] |= 1ull << port % 64;
}

enum err access_deny_ports(struct access *x, uint16_t first, uint16_t last, struct view reason)
{
    uint32_t id;
    if (x->denied_port_count == ACCESS_PORT_RANGES_MAX) return ERR_FULL;
    enum err err = access_reasons_add(&x->reasons, reason, &id);
    if (err != ERR_OK) return err;
    x->has_ports = true;
    x->denied_ports[x->denied_port_count++] = (struct access_port_range){first, last, id};
    bits_set(x->ports, first, last);
    return ERR_OK;
}

void access_allow_ports(struct access *x, uint16_t first, uint16_t last)
{
    x->has_ports = x->allows_ports = true;
    bits_set(x->allowed_ports, first, last);
}

enum err access_finish(struct access *x, access_hash_fn *hash, const void *ctx)
{
    for (uint32_t i = 0; i < ACCESS_PORT_WORDS && x->allows_ports; i++)
        x->ports[i] |= ~x->allowed_ports[i];
    enum err err = access_torrents_finish(&x->torrents, hash, ctx);
    for (int i = ALLOWED; i <= DENIED && err == ERR_OK; i++)
        err = access_ranges_finish(&x->ips[i]);
    access_reasons_finish(&x->reasons);
    return err;
}

uint64_t access_bytes(const struct access *x)
{
    uint64_t bytes = sizeof *x + access_torrents_bytes(&x->torrents) + x->reasons.size;
    for (int i = ALLOWED; i <= DENIED; i++)
        bytes += access_ranges_bytes(&x->ips[i]) + x->clients[i].size * sizeof *x->clients[i].rows;
    return bytes;
}

/* ---- looking ---- */

static enum err refused(enum metric list, enum err err)
{
    metrics_inc(list);
    return err;
}

__attribute__((noinline)) enum err access_check_address(const struct access *x,
                                                        const struct address *a)
{
    if (access_ranges_find(&x->ips[DENIED], a) != ACCESS_ROW_NONE)
        return refused(METRIC_REFUSED_DENY_IPS, ERR_ADDRESS_REFUSED);
    if (x->used[ACCESS_ALLOW_IPS] && access_ranges_find(&x->ips[ALLOWED], a) == ACCESS_ROW_NONE)
        return refused(METRIC_REFUSED_ALLOW_IPS, ERR_ADDRESS_REFUSED);
    return ERR_OK;
}

static enum err check_client(const struct access *x, const struct peer_id *id)
{
    if (access_clients_search(&x->clients[DENIED], id))
        return refused(METRIC_REFUSED_DENY_CLIENTS, ERR_CLIENT_REFUSED);
    if (x->used[ACCESS_ALLOW_CLIENTS] && !access_clients_search(&x->clients[ALLOWED], id))
        return refused(METRIC_REFUSED_ALLOW_CLIENTS, ERR_CLIENT_REFUSED);
    return ERR_OK;
}

static bool port_is_refused(const struct access *x, uint16_t port)
{
    return x->ports[port / 64] >> port % 64 & 1;
}

/* The first range that denies it; NULL: none does. */
static const struct access_port_range *port_denied(const struct access *x, uint16_t port)
{
    for (uint32_t i = 0; i < x->denied_port_count; i++) {
        const struct access_port_range *range = &x->denied_ports[i];
        if (range->first <= port && port <= range->last) return range;
    }
    return NULL;
}

static enum err refused_port(const struct access *x, uint16_t port)
{
    bool denied = port_denied(x, port) != NULL;
    return refused(denied ? METRIC_REFUSED_DENY_PORTS : METRIC_REFUSED_ALLOW_PORTS,
                   ERR_PORT_REFUSED);
}

static enum err check_torrent(const struct access *x, const struct announce *a, uint64_t hash)
{
    if (!access_torrents_refuse(&x->torrents, &a->info_hash, hash)) return ERR_OK;
    bool denied = access_torrents_find(&x->torrents, &a->info_hash, hash) & TORRENT_DENIED;
    return refused(denied ? METRIC_REFUSED_DENY_TORRENTS : METRIC_REFUSED_ALLOW_TORRENTS,
                   ERR_TORRENT_REFUSED);
}

static __attribute__((noinline)) enum err check_exactly(const struct access *x,
                                                        const struct announce *a, uint64_t hash)
{
    enum err err = access_check_address(x, &a->address);
    if (err == ERR_OK) err = check_client(x, &a->peer_id);
    if (err == ERR_OK && x->has_ports && port_is_refused(x, a->port))
        err = refused_port(x, a->port);
    return err == ERR_OK ? check_torrent(x, a, hash) : err;
}

/* All but the address. */
static inline enum err check_rest(const struct access *x, const struct announce *a, uint64_t hash)
{
    if (access_clients_may_have(&x->clients[DENIED], &a->peer_id) ||
        (x->has_ports && port_is_refused(x, a->port)) ||
        access_torrents_refuse(&x->torrents, &a->info_hash, hash))
        return check_exactly(x, a, hash);
    return ERR_OK;
}

static __attribute__((noinline)) enum err check_near(const struct access *x,
                                                     const struct announce *a, uint64_t hash)
{
    if (access_ranges_search(&x->ips[DENIED], &a->address) != ACCESS_ROW_NONE)
        return check_exactly(x, a, hash);
    return check_rest(x, a, hash);
}

enum err access_check_announce(const struct access *x, const struct announce *a, uint64_t hash)
{
    if (x->has_allow) return check_exactly(x, a, hash);
    if (access_ranges_may_have(&x->ips[DENIED], &a->address)) return check_near(x, a, hash);
    return check_rest(x, a, hash);
}

struct view access_reason(const struct access *x, enum err refusal, const struct announce *a,
                          uint64_t hash)
{
    uint32_t id = 0;
    if (refusal == ERR_ADDRESS_REFUSED) {
        uint32_t row = access_ranges_find(&x->ips[DENIED], &a->address);
        if (row != ACCESS_ROW_NONE) id = x->ips[DENIED].reasons[a->address.family][row];
    } else if (refusal == ERR_CLIENT_REFUSED) {
        const struct access_client *row = access_clients_search(&x->clients[DENIED], &a->peer_id);
        if (row) id = row->reason;
    } else if (refusal == ERR_PORT_REFUSED) {
        const struct access_port_range *range = port_denied(x, a->port);
        if (range) id = range->reason;
    } else if (refusal == ERR_TORRENT_REFUSED) {
        uint32_t what = access_torrents_find(&x->torrents, &a->info_hash, hash);
        if (what & TORRENT_DENIED) id = what & TORRENT_REASON_MASK;
    }
    return access_reasons_get(&x->reasons, id);
}
