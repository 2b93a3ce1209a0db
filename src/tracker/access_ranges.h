/* access_ranges.h - which addresses a list names: ranges of IPv4 and IPv6, found in a step or two.
 *
 * Memory    12 bytes an IPv4 range, 36 an IPv6 one, and 8 to 16 of index; at most 4 MiB of that.
 * Threads   constant after access_ranges_finish(). */
#ifndef TRACKER_ACCESS_RANGES_H
#define TRACKER_ACCESS_RANGES_H

#include "base/err.h"
#include "proto/types.h"

#define ACCESS_RANGES_MAX     4194304u
#define ACCESS_INDEX_BITS_MAX 20

typedef unsigned __int128 access_ip; /* host order; IPv4 in the lower 32 bits */

/* While the list is made. */
struct access_range {
    access_ip first, last;
    uint32_t reason, order;
    enum family family;
};

/* Where to look: leading bits of an address, less those of the first range, choose a bucket. */
struct access_index {
    uint64_t base, span; /* of what is indexed: base to base + span */
    unsigned shift;
    uint32_t *buckets; /* first row that may matter, shifted by 1; + 1 if one lies in the bucket */
};

struct access_row4 {
    uint32_t first, last;
};

struct access_row6 {
    access_ip first, last;
};

/* Zeroed is empty. Rows are sorted and do not overlap. */
struct access_ranges {
    uint32_t count[FAMILY_COUNT];
    struct access_index index[FAMILY_COUNT];
    struct access_row4 *rows4;
    struct access_row6 *rows6;
    uint32_t *reasons[FAMILY_COUNT]; /* by row */
    /* while it is made */
    struct access_range *added;
    uint32_t added_count, added_size;
};

/* Addresses of one family, first not behind last. ERR_NO_MEMORY; ERR_FULL above ACCESS_RANGES_MAX. */
enum err access_ranges_add(struct access_ranges *r, const struct address *first,
                           const struct address *last, uint32_t reason) MUST_CHECK;

/* Sort, join, index. Where ranges overlap, the reason of the one that begins first holds; of two
 * that begin together, the one added first. ERR_NO_MEMORY. */
enum err access_ranges_finish(struct access_ranges *r) MUST_CHECK;
void access_ranges_free(struct access_ranges *r);

#define ACCESS_ROW_NONE UINT32_MAX

/* Which row holds the address, if any. Nothing outside the index's span is looked up. */
uint32_t access_ranges_search(const struct access_ranges *r, const struct address *a,
                              uint32_t bucket);

/* The part of an address that the index is about. */
static inline uint64_t access_ranges_key(const struct address *a)
{
    return a->family == FAMILY_V4 ? load_u32be(a->ip) : load_u64be(a->ip);
}

/* The row of reasons[family] that holds the address; ACCESS_ROW_NONE where none does.
 *   cost   one cache line where no range is near; else a search among those of the bucket */
static inline uint32_t access_ranges_find(const struct access_ranges *r, const struct address *a)
{
    const struct access_index *index = &r->index[a->family];
    uint64_t key = access_ranges_key(a) - index->base;
    if (!index->buckets || key > index->span) return ACCESS_ROW_NONE;
    uint32_t bucket = (uint32_t)(key >> index->shift);
    return index->buckets[bucket] & 1 ? access_ranges_search(r, a, bucket) : ACCESS_ROW_NONE;
}

static inline void access_ranges_prefetch(const struct access_ranges *r, const struct address *a)
{
    const struct access_index *index = &r->index[a->family];
    uint64_t key = access_ranges_key(a) - index->base;
    if (index->buckets && key <= index->span)
        __builtin_prefetch(&index->buckets[key >> index->shift]);
}

#endif
