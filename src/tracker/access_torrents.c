/* access_torrents.c - see access_torrents.h.
 *
 * Table     open addressing with the whole hash in the slot, two thirds full: what is found is exact, and
 *           found within a line or two. The slot follows from the keyed hash that the store needs
 *           anyway, so nobody outside can make two torrents collide.
 * Filter    a deny list is asked about torrents that are not on it. 16 bits an entry, two of them
 *           looked at, answer 98 of 100 such questions from memory that stays in the cache.
 * Rejected  a filter for allow lists: nearly all are on it, so the slot is read anyway. */
#include "tracker/access_torrents.h"

#include <stdlib.h>

#define ADDED_MIN        1024
#define FILTER_BITS_EACH 16
#define FILTER_WORDS_LOG 4 /* at least 16 words */

enum err access_torrents_add(struct access_torrents *t, const struct info_hash *h, uint32_t what)
{
    if (t->added_count == ACCESS_TORRENTS_MAX) return ERR_FULL;
    if (t->added_count == t->added_size) {
        uint32_t size = t->added_size ? 2 * t->added_size : ADDED_MIN;
        struct access_torrent *added = realloc(t->added, size * sizeof *added);
        if (!added) return ERR_NO_MEMORY;
        t->added = added;
        t->added_size = size;
    }
    t->added[t->added_count++] = (struct access_torrent){.info_hash = *h, .what = what};
    return ERR_OK;
}

static struct access_torrent *slot_find(const struct access_torrents *t, const struct info_hash *h,
                                        uint64_t hash)
{
    struct access_torrent *row = &t->rows[access_torrents_slot(t, hash)];
    while (row->what && !access_torrent_is(row, h))
        row++;
    return row;
}

/* Said twice, denied wins, and the first reason of a denial stays. */
static void row_put(struct access_torrents *t, const struct access_torrent *new, uint64_t hash)
{
    struct access_torrent *row = slot_find(t, &new->info_hash, hash);
    uint32_t had = row->what;
    row->info_hash = new->info_hash;
    if (!(had & TORRENT_DENIED) && (new->what &TORRENT_DENIED)) row->what = new->what | had;
    else row->what = had | (new->what &(TORRENT_ALLOWED | TORRENT_DENIED));
}

/* Rows that go on behind the last slot find room there, and a free one behind them; what is not used of
 * it takes no memory. */
static enum err rows_make(struct access_torrents *t, access_hash_fn *hash, const void *ctx)
{
    t->row_count = t->added_count + t->added_count / 2 + 1;
    t->rows = calloc((size_t)t->row_count + t->added_count + 1, sizeof *t->rows);
    if (!t->rows) return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < t->added_count; i++)
        row_put(t, &t->added[i], hash(ctx, &t->added[i].info_hash));
    return ERR_OK;
}

static enum err filter_make(struct access_torrents *t, access_hash_fn *hash, const void *ctx)
{
    unsigned words_log = FILTER_WORDS_LOG;
    while ((64ull << words_log) < (uint64_t)t->added_count * FILTER_BITS_EACH)
        words_log++;
    uint64_t *filter = calloc((size_t)1 << words_log, sizeof *filter);
    if (!filter) return ERR_NO_MEMORY;
    t->filter_shift = 64 - words_log;
    for (uint32_t i = 0; i < t->added_count; i++) {
        uint64_t h = hash(ctx, &t->added[i].info_hash);
        filter[h >> t->filter_shift] |= 1ull << (h & 63) | 1ull << (h >> 6 & 63);
    }
    t->filter = filter;
    return ERR_OK;
}

enum err access_torrents_finish(struct access_torrents *t, access_hash_fn *hash, const void *ctx)
{
    t->fine = t->has_allow ? TORRENT_ALLOWED : 0;
    t->mask = TORRENT_DENIED | t->fine;
    enum err err = rows_make(t, hash, ctx);
    if (err == ERR_OK && !t->has_allow) err = filter_make(t, hash, ctx);
    free(t->added);
    t->added = NULL;
    t->added_size = 0;
    return err;
}

uint64_t access_torrents_bytes(const struct access_torrents *t)
{
    uint64_t filter_words = t->filter ? 1ull << (64 - t->filter_shift) : 0;
    return t->row_count * sizeof *t->rows + filter_words * sizeof *t->filter;
}

void access_torrents_free(struct access_torrents *t)
{
    free((void *)t->filter);
    free(t->rows);
    free(t->added);
    *t = (struct access_torrents){0};
}
