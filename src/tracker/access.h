/* access.h - who and what is allowed or denied: torrents, addresses, client software, ports.
 *
 * A set of lists is made whole, then published with the tracker's options and never changed. Where an
 * allow list is in force, what is not on it is refused; what is on a deny list is refused in any case.
 *
 * Threads   made by one thread; constant after access_finish(), when any may look.
 * Memory    see the headers of the parts. */
#ifndef TRACKER_ACCESS_H
#define TRACKER_ACCESS_H

#include "tracker/access_clients.h"
#include "tracker/access_ranges.h"
#include "tracker/access_reasons.h"
#include "tracker/access_torrents.h"

/* In the order of the options; deny follows allow. */
enum access_list {
    ACCESS_ALLOW_TORRENTS,
    ACCESS_DENY_TORRENTS,
    ACCESS_ALLOW_IPS,
    ACCESS_DENY_IPS,
    ACCESS_ALLOW_CLIENTS,
    ACCESS_DENY_CLIENTS,
    ACCESS_LISTS
};

#define ACCESS_PORT_WORDS      (65536 / 64)
#define ACCESS_PORT_RANGES_MAX 64 /* allowed, and as many denied */

struct access_port_range {
    uint16_t first, last;
    uint32_t reason;
};

struct access {
    bool used[ACCESS_LISTS];        /* in force, even if nothing is on it */
    uint64_t entries[ACCESS_LISTS]; /* as they were added, whatever they came down to */
    bool has_ports, has_allow;
    struct access_torrents torrents;
    struct access_ranges ips[2];      /* allowed, denied */
    struct access_clients clients[2]; /* allowed, denied */
    struct access_reasons reasons;
    uint64_t ports[ACCESS_PORT_WORDS];         /* a bit for each that is refused */
    bool allows_ports;                         /* only those of allowed_ports are not */
    uint64_t allowed_ports[ACCESS_PORT_WORDS]; /* while it is made */
    struct access_port_range denied_ports[ACCESS_PORT_RANGES_MAX];
    uint32_t denied_port_count;
    uint32_t users; /* the owner's business: generations that refer to it */
};

/* ---- making ---- */

enum err access_new(struct access **out) MUST_CHECK;
void access_free(struct access *x); /* NULL is fine */

/* A list is in force from now on. */
void access_use(struct access *x, enum access_list list);

/* Put something on a list. `reason` is told to whoever a deny list refuses; empty: a text of ours.
 * ERR_NO_MEMORY; ERR_FULL: the list is as long as it may be. */
enum err access_add_torrent(struct access *x, enum access_list list, const struct info_hash *h,
                            struct view reason) MUST_CHECK;
enum err access_add_ips(struct access *x, enum access_list list, const struct address *first,
                        const struct address *last, struct view reason) MUST_CHECK;
enum err access_add_client(struct access *x, enum access_list list, const struct client_rule *rule,
                           struct view reason) MUST_CHECK;

/* Take back what was added to a list, the one that was added to last. */
void access_rewind(struct access *x, enum access_list list);

/* Add what a finished set has on a list. As the three above; it takes as long as reading it did. */
enum err access_copy(struct access *to, const struct access *from,
                     enum access_list list) MUST_CHECK;

/* Ports may not be announced. `reason` and errors as above. */
enum err access_deny_ports(struct access *x, uint16_t first, uint16_t last,
                           struct view reason) MUST_CHECK;

/* Ports may be announced; once any were named so, no others may. */
void access_allow_ports(struct access *x, uint16_t first, uint16_t last);

/* Make the tables; nothing can be added afterwards. `hash`, with `ctx`, is what lookups are given.
 * ERR_NO_MEMORY. */
enum err access_finish(struct access *x, access_hash_fn *hash, const void *ctx) MUST_CHECK;

/* Memory that it takes. */
uint64_t access_bytes(const struct access *x);

/* ---- looking ---- */

/* ERR_OK or ERR_ADDRESS_REFUSED. */
enum err access_check_address(const struct access *x, const struct address *a) MUST_CHECK;

/* The whole announce: ERR_OK or one of ERR_ADDRESS_REFUSED, ERR_CLIENT_REFUSED, ERR_PORT_REFUSED,
 * ERR_TORRENT_REFUSED, in this order. `hash` is the keyed hash of its info hash.
 *   cost   about 55 instructions where nothing on a deny list is near, 80 with an allow list of
 *          torrents */
enum err access_check_announce(const struct access *x, const struct announce *a,
                               uint64_t hash) MUST_CHECK;

/* For scrapes. */
static inline bool access_refuses_torrent(const struct access *x, const struct info_hash *h,
                                          uint64_t hash)
{
    return access_torrents_refuse(&x->torrents, h, hash);
}

/* Bring into the cache what access_check_announce() will read of the hash. The rest is small. */
static inline void access_prefetch(const struct access *x, uint64_t hash)
{
    access_torrents_prefetch(&x->torrents, hash);
}

/* The entry's reason for a refusal; empty: it has none, or no entry refused it (an allow list did).
 * Looks again, so that looking at who is not refused need not carry it along. */
struct view access_reason(const struct access *x, enum err refusal, const struct announce *a,
                          uint64_t hash);

#endif
