/* access_ranges.c - see access_ranges.h.
 *
 * Index     two buckets a range, of equal width, so that a bucket holds a range or two. One that holds many
 *           (single addresses of one network) is searched by halves: no list makes it slow.
 * Cells     four a bucket, a bit each: most who ask are on no list and near none, and 512 KiB that tell
 *           so stay in a core's own cache, where the buckets and rows of a long list do not.
 * Rejected  a tree: five dependent cache misses. */
#include "tracker/access_ranges.h"

#include <stdlib.h>

#define ADDED_MIN      1024
#define INDEX_BITS_MIN 4
#define CELL_BITS      2 /* more than a bucket has */

static const uint64_t NO_CELLS[1]; /* of a family without rows: the only one is empty */

static access_ip ip_of(const struct address *a)
{
    if (a->family == FAMILY_V4) return load_u32be(a->ip);
    return (access_ip)load_u64be(a->ip) << 64 | load_u64be(a->ip + 8);
}

/* As access_ranges_key() of the address. */
static uint64_t key_of(enum family family, access_ip ip)
{
    return (uint64_t)(family == FAMILY_V4 ? ip << 32 : ip >> 64);
}

enum err access_ranges_add(struct access_ranges *r, const struct address *first,
                           const struct address *last, uint32_t reason)
{
    if (r->added_count == ACCESS_RANGES_MAX) return ERR_FULL;
    if (r->added_count == r->added_size) {
        uint32_t size = r->added_size ? 2 * r->added_size : ADDED_MIN;
        struct access_range *added = realloc(r->added, size * sizeof *added);
        if (!added) return ERR_NO_MEMORY;
        r->added = added;
        r->added_size = size;
    }
    r->added[r->added_count] = (struct access_range){.first = ip_of(first),
                                                     .last = ip_of(last),
                                                     .reason = reason,
                                                     .order = r->added_count,
                                                     .family = first->family};
    r->added_count++;
    return ERR_OK;
}

/* ---- sorted, without overlaps ---- */

static int compare(const void *a, const void *b)
{
    const struct access_range *x = a, *y = b;
    if (x->family != y->family) return x->family < y->family ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* Can the second be said by making the first longer? They touch, and say the same. */
static bool may_join(const struct access_range *a, const struct access_range *b)
{
    return a->family == b->family && a->reason == b->reason && b->first == a->last + 1;
}

/* In place; what is written never overtakes what is read. */
static uint32_t flatten(struct access_range *all, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct access_range range = all[i];
        struct access_range *before = kept ? &all[kept - 1] : NULL;
        if (before && before->family == range.family && range.first <= before->last) {
            if (range.last <= before->last) continue;
            range.first = before->last + 1;
        }
        if (before && may_join(before, &range)) before->last = range.last;
        else all[kept++] = range;
    }
    return kept;
}

/* ---- rows and index ---- */

static enum err rows_make(struct access_ranges *r, enum family f, const struct access_range *from)
{
    uint32_t count = r->count[f];
    r->reasons[f] = malloc(count * sizeof *r->reasons[f]);
    if (!r->reasons[f]) return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        r->reasons[f][i] = from[i].reason;
    if (f == FAMILY_V4) r->rows4 = malloc(count * sizeof *r->rows4);
    else r->rows6 = malloc(count * sizeof *r->rows6);
    if (f == FAMILY_V4 ? !r->rows4 : !r->rows6) return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        if (f == FAMILY_V4)
            r->rows4[i] = (struct access_row4){(uint32_t)from[i].first, (uint32_t)from[i].last};
        else r->rows6[i] = (struct access_row6){from[i].first, from[i].last};
    return ERR_OK;
}

static unsigned index_bits(uint32_t count)
{
    unsigned bits = INDEX_BITS_MIN;
    while (bits < ACCESS_INDEX_BITS_MAX && 1u << bits < 2 * count)
        bits++;
    return bits;
}

static void buckets_fill(struct access_index *x, enum family f, const struct access_range *rows,
                         uint32_t buckets, uint32_t count)
{
    uint32_t row = 0;
    for (uint32_t b = 0; b < buckets; b++) {
        while (key_of(f, rows[row].last) - x->base < (uint64_t)b << x->bucket_shift)
            row++;
        x->buckets[b] = row;
    }
    x->buckets[buckets] = count - 1;
}

static void cells_fill(const struct access_index *x, uint64_t *cells, enum family f,
                       const struct access_range *rows, uint32_t count)
{
    for (uint32_t row = 0; row < count; row++) {
        uint64_t cell = (key_of(f, rows[row].first) - x->base) >> x->cell_shift;
        uint64_t last = (key_of(f, rows[row].last) - x->base) >> x->cell_shift;
        for (; cell <= last; cell++)
            cells[cell / 64] |= 1ull << cell % 64;
    }
}

static enum err index_make(struct access_index *x, enum family f, const struct access_range *rows,
                           uint32_t count)
{
    unsigned bits = index_bits(count);
    x->base = key_of(f, rows[0].first);
    x->span = key_of(f, rows[count - 1].last) - x->base;
    while (x->span >> x->bucket_shift >> bits)
        x->bucket_shift++;
    x->cell_shift = x->bucket_shift > CELL_BITS ? x->bucket_shift - CELL_BITS : 0;
    uint32_t buckets = (uint32_t)(x->span >> x->bucket_shift) + 1;
    x->buckets = malloc((buckets + 1) * sizeof *x->buckets);
    uint64_t *cells = calloc((x->span >> x->cell_shift) / 64 + 1, sizeof *cells);
    x->cells = cells;
    if (!x->buckets || !cells) return ERR_NO_MEMORY;
    buckets_fill(x, f, rows, buckets, count);
    cells_fill(x, cells, f, rows, count);
    return ERR_OK;
}

static enum err family_make(struct access_ranges *r, enum family f, const struct access_range *from,
                            uint32_t count)
{
    r->count[f] = count;
    r->index[f].cells = NO_CELLS;
    if (count == 0) return ERR_OK;
    enum err err = rows_make(r, f, from);
    return err == ERR_OK ? index_make(&r->index[f], f, from, count) : err;
}

enum err access_ranges_finish(struct access_ranges *r)
{
    if (r->added_count) qsort(r->added, r->added_count, sizeof *r->added, compare);
    uint32_t count = flatten(r->added, r->added_count), v4 = 0;
    while (v4 < count && r->added[v4].family == FAMILY_V4)
        v4++;
    enum err err = family_make(r, FAMILY_V4, r->added, v4);
    if (err == ERR_OK) err = family_make(r, FAMILY_V6, r->added + v4, count - v4);
    free(r->added);
    r->added = NULL;
    r->added_size = 0;
    return err;
}

uint64_t access_ranges_bytes(const struct access_ranges *r)
{
    uint64_t bytes = r->count[FAMILY_V4] * (sizeof *r->rows4 + sizeof *r->reasons[0]) +
                     r->count[FAMILY_V6] * (sizeof *r->rows6 + sizeof *r->reasons[0]);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const struct access_index *x = &r->index[f];
        if (r->count[f])
            bytes +=
                (x->span >> x->bucket_shift) * sizeof *x->buckets + (x->span >> x->cell_shift) / 8;
    }
    return bytes;
}

void access_ranges_free(struct access_ranges *r)
{
    for (int f = 0; f < FAMILY_COUNT; f++) {
        free(r->index[f].buckets);
        if (r->index[f].cells != NO_CELLS) free((void *)r->index[f].cells);
        free(r->reasons[f]);
    }
    free(r->rows4);
    free(r->rows6);
    free(r->added);
    *r = (struct access_ranges){0};
}

/* ---- looking ---- */

static uint32_t search4(const struct access_row4 *rows, uint32_t low, uint32_t high, uint32_t ip)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle].last < ip) low = middle + 1;
        else high = middle;
    }
    return rows[low].first <= ip && ip <= rows[low].last ? low : ACCESS_ROW_NONE;
}

static uint32_t search6(const struct access_row6 *rows, uint32_t low, uint32_t high, access_ip ip)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (rows[middle].last < ip) low = middle + 1;
        else high = middle;
    }
    return rows[low].first <= ip && ip <= rows[low].last ? low : ACCESS_ROW_NONE;
}

/* The row sought is the first that does not end before the address: no earlier than its bucket's
 * first, no later than the next bucket's. */
uint32_t access_ranges_search(const struct access_ranges *r, const struct address *a)
{
    const struct access_index *x = &r->index[a->family];
    const uint32_t *at = &x->buckets[(access_ranges_key(a) - x->base) >> x->bucket_shift];
    if (a->family == FAMILY_V4) return search4(r->rows4, at[0], at[1], load_u32be(a->ip));
    return search6(r->rows6, at[0], at[1], ip_of(a));
}
