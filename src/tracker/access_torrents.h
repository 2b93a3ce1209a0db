/* access_torrents.h - which info hashes are allowed, which denied: one table, one look.
 *
 * Memory    about 36 bytes a hash and, where only a deny list is in force, 2 to 4 for the filter.
 * Threads   constant after access_torrents_finish(). */
#ifndef TRACKER_ACCESS_TORRENTS_H
#define TRACKER_ACCESS_TORRENTS_H

#include "base/err.h"
#include "base/hash.h"
#include "proto/types.h"

#define ACCESS_TORRENTS_MAX 16777216u

#define TORRENT_ALLOWED     0x40000000u
#define TORRENT_DENIED      0x80000000u
#define TORRENT_REASON_MASK 0x3fffffffu /* of access_reasons.h */

/* One entry; 0 in `what`: a free slot. */
struct access_torrent {
    struct info_hash info_hash;
    uint32_t what;
};

/* Zeroed is empty. */
struct access_torrents {
    bool has_allow;      /* what is not allowed is refused */
    uint32_t row_count;  /* slots where a hash may begin to be looked for */
    uint32_t mask, fine; /* `what` under this mask is that, or refused */
    unsigned filter_shift;
    const uint64_t *filter; /* NULL: look at the rows at once */
    struct access_torrent *rows;
    /* while it is made */
    struct access_torrent *added;
    uint32_t added_count, added_size;
};

/* `what` is TORRENT_ALLOWED or TORRENT_DENIED, with a reason's id. ERR_NO_MEMORY; ERR_FULL above
 * ACCESS_TORRENTS_MAX. */
enum err access_torrents_add(struct access_torrents *t, const struct info_hash *h,
                             uint32_t what) MUST_CHECK;

/* Make the table. `hash` is the same keyed hash that lookups give. ERR_NO_MEMORY. */
typedef uint64_t access_hash_fn(const void *ctx, const struct info_hash *h);
enum err access_torrents_finish(struct access_torrents *t, access_hash_fn *hash,
                                const void *ctx) MUST_CHECK;
void access_torrents_free(struct access_torrents *t);
uint64_t access_torrents_bytes(const struct access_torrents *t);

/* Two bits of the word that the upper bits of the hash choose. */
static inline bool access_filter_has(const struct access_torrents *t, uint64_t hash)
{
    uint64_t word = t->filter[hash >> t->filter_shift];
    if (!(word >> (hash & 63) & 1)) return false; /* nearly always */
    return word >> (hash >> 6 & 63) & 1;
}

static inline bool access_torrent_is(const struct access_torrent *row, const struct info_hash *h)
{
    uint64_t a[2], b[2];
    uint32_t c, d;
    memcpy(a, row->info_hash.bytes, sizeof a);
    memcpy(b, h->bytes, sizeof b);
    memcpy(&c, row->info_hash.bytes + sizeof a, sizeof c);
    memcpy(&d, h->bytes + sizeof b, sizeof d);
    return a[0] == b[0] && a[1] == b[1] && c == d;
}

static inline uint32_t access_torrents_slot(const struct access_torrents *t, uint64_t hash)
{
    return hash_range((uint32_t)(hash >> 32), t->row_count);
}

static inline void access_torrents_prefetch(const struct access_torrents *t, uint64_t hash)
{
    if (t->filter) __builtin_prefetch(&t->filter[hash >> t->filter_shift]);
    else __builtin_prefetch(&t->rows[access_torrents_slot(t, hash)]);
}

/* What is said of an info hash; 0: nothing. Of a hash in both lists, TORRENT_DENIED is among it. */
static inline uint32_t access_torrents_find(const struct access_torrents *t,
                                            const struct info_hash *h, uint64_t hash)
{
    const struct access_torrent *row = &t->rows[access_torrents_slot(t, hash)];
    while (!access_torrent_is(row, h) && row->what)
        row++; /* the last one is free */
    return row->what;
}

/* Is it refused?
 *   cost   a cache line where only a deny list is in force and the hash is not on it; else two */
static inline bool access_torrents_refuse(const struct access_torrents *t,
                                          const struct info_hash *h, uint64_t hash)
{
    if (t->filter && !access_filter_has(t, hash)) return false;
    return (access_torrents_find(t, h, hash) & t->mask) != t->fine;
}

#endif
