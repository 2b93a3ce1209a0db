/* store_dump.h - everything a store holds, as two sorted arrays, so that stores can be compared. */
#ifndef TESTS_STORE_DUMP_H
#define TESTS_STORE_DUMP_H

#include "swarm/dump.h"

#include <stdlib.h>
#include <string.h>

struct dumped_peer { /* compared as bytes: zeroed before it is filled */
    struct info_hash info_hash;
    struct stored_peer peer;
};

struct dumped_torrent {
    struct info_hash info_hash;
    uint32_t completed, peers;
};

struct dumped {
    struct dumped_torrent *torrents;
    struct dumped_peer *peers;
    size_t torrent_count, peer_count, torrent_room, peer_room;
};

static inline void dumped_add(void *ctx, const struct stored_torrent *t)
{
    struct dumped *d = ctx;
    struct dumped_torrent *last = d->torrent_count ? &d->torrents[d->torrent_count - 1] : NULL;
    if (!last || memcmp(&last->info_hash, &t->info_hash, sizeof t->info_hash) != 0) {
        if (d->torrent_count == d->torrent_room) {
            d->torrent_room = d->torrent_room * 2 + 64;
            d->torrents = realloc(d->torrents, d->torrent_room * sizeof *d->torrents);
        }
        last = &d->torrents[d->torrent_count++];
        *last = (struct dumped_torrent){.info_hash = t->info_hash, .completed = t->completed};
    }
    for (uint32_t i = 0; i < t->count; i++) {
        if (d->peer_count == d->peer_room) {
            d->peer_room = d->peer_room * 2 + 64;
            d->peers = realloc(d->peers, d->peer_room * sizeof *d->peers);
        }
        const struct stored_peer *p = &t->peers[i];
        struct dumped_peer *out = &d->peers[d->peer_count++];
        memset(out, 0, sizeof *out);
        out->info_hash = t->info_hash;
        out->peer.address = p->address;
        out->peer.port = p->port;
        out->peer.tag = p->tag;
        out->peer.age_s = p->age_s;
        out->peer.is_seeder = p->is_seeder;
        out->peer.is_partial = p->is_partial;
        out->peer.has_counted = p->has_counted;
        out->peer.has_id = p->has_id;
        out->peer.peer_id = p->peer_id;
        last->peers++;
    }
}

static inline int dumped_torrent_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct dumped_torrent));
}

static inline int dumped_peer_order(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct dumped_peer));
}

static inline void dumped_sort(struct dumped *d)
{
    if (d->torrent_count)
        qsort(d->torrents, d->torrent_count, sizeof *d->torrents, dumped_torrent_order);
    if (d->peer_count) qsort(d->peers, d->peer_count, sizeof *d->peers, dumped_peer_order);
}

/* What the store holds at that time, sorted. */
static inline struct dumped dumped_of(const struct swarm *s, struct swarm_time time)
{
    struct dumped d = {0};
    struct swarm_dump_at at = {0};
    while (swarm_dump(s, time, &at, dumped_add, &d))
        ;
    dumped_sort(&d);
    return d;
}

static inline bool dumped_equal(const struct dumped *a, const struct dumped *b)
{
    return a->torrent_count == b->torrent_count && a->peer_count == b->peer_count &&
           (!a->torrent_count ||
            memcmp(a->torrents, b->torrents, a->torrent_count * sizeof *a->torrents) == 0) &&
           (!a->peer_count || memcmp(a->peers, b->peers, a->peer_count * sizeof *a->peers) == 0);
}

/* Is this endpoint in that torrent? */
static inline bool dumped_has(const struct dumped *d, const struct announce *a)
{
    for (size_t i = 0; i < d->peer_count; i++) {
        const struct dumped_peer *p = &d->peers[i];
        if (memcmp(&p->info_hash, &a->info_hash, sizeof a->info_hash) == 0 &&
            p->peer.port == a->port && address_equal(&p->peer.address, &a->address))
            return true;
    }
    return false;
}

static inline void dumped_free(struct dumped *d)
{
    free(d->torrents);
    free(d->peers);
}

#endif
