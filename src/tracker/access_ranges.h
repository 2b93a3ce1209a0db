/* access_ranges.h - which addresses a list names: ranges of IPv4 and IPv6, found in a step or two.
 *
 * Memory    12 bytes an IPv4 range, 36 an IPv6 one, and 8 to 17 of index; at most 4.5 MiB of that.
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

/* Where to look: leading bits of an address, less those of the first range, choose a cell, and fewer
 * of them a bucket. */
struct access_index {
    uint64_t base, span; /* of what is indexed: base to base + span */
    uint8_t cell_shift, bucket_shift;
    const uint64_t *cells; /* a bit each: does a range lie in it, or a part of one? Never NULL */
    uint32_t *buckets;     /* the first row that does not end before it; one more at the end */
};

struct access_row4 {
    uint32_t first, last;
};

struct access_row6 {
    access_ip first, last;
};

/* Zeroed is empty, to add to. Rows are sorted and do not overlap. */
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
uint64_t access_ranges_bytes(const struct access_ranges *r);

#define ACCESS_ROW_NONE UINT32_MAX

/* access_ranges_find() for an address in a cell that is not empty. */
uint32_t access_ranges_search(const struct access_ranges *r, const struct address *a);

/* The part of an address that the index is about; four zeros follow an IPv4 address. */
static inline uint64_t access_ranges_key(const struct address *a)
{
    return load_u64be(a->ip);
}

/* Is it in a cell that is not empty? */
static inline bool access_ranges_may_have(const struct access_ranges *r, const struct address *a)
{
    const struct access_index *index = &r->index[a->family];
    uint64_t key = access_ranges_key(a) - index->base;
    if (key > index->span) return false;
    uint64_t cell = key >> index->cell_shift;
    return index->cells[cell / 64] >> cell % 64 & 1;
}

/* The row of reasons[family] that holds the address; ACCESS_ROW_NONE where none does.
 *   cost   one cache line where no range is near; else a search among those of the bucket */
static inline uint32_t access_ranges_find(const struct access_ranges *r, const struct address *a)
{
    return access_ranges_may_have(r, a) ? access_ranges_search(r, a) : ACCESS_ROW_NONE;
}

#endif
