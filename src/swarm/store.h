/* store.h - the inside of the store: what shard.c, small.c, table.c, large.c, select.c, expire.c and
 * swarm.c share. Nothing outside swarm/ includes it.
 *
 *   shard    lock + index (shard.c): info hash -> record
 *   record   a torrent. Small: its few peers lie in the record itself (small.c).
 *            Large: four tables, by family and by whether its peers only upload (large.c, table.c).
 *
 * Lock order   shard->lock, then the locks inside slab or the journal's. Never two shards. */
#ifndef SWARM_STORE_H
#define SWARM_STORE_H

#include "base/hash.h"
#include "base/lock.h"
#include "base/slab.h"
#include "swarm/peer.h"
#include "swarm/swarm.h"

#define SHARD_BITS  14
#define SHARD_COUNT (1u << SHARD_BITS)

/* A swarm of at most SMALL_PEERS_MAX is scanned; one that shrinks to LARGE_PEERS_MIN is small again. */
#define SMALL_PEERS_MAX 32
#define LARGE_PEERS_MIN 16

/* A client on a new port is recognised by its tag only while its IP has at most this many peers in the
 * swarm: among more, 16 bits would sooner or later take two clients behind one NAT for one. */
#define MOVED_IP_PEERS_MAX 8

#define TAG_VALUES 65536u /* of a peer's tag */

struct shard {
    struct lock lock;
    /* lock; read without it only to prefetch */
    _Atomic slab_ref index;
    _Atomic uint32_t groups; /* of 8 slots */
    uint32_t used, tombs;
    uint32_t rebuilds; /* positions of before say nothing */
    uint32_t spare[2];
};
_Static_assert(sizeof(struct shard) == 32, "two shards per line; 512 KiB for all");

/* One torrent.
 *   0           20          24   25   26
 *   | info_hash | completed | n4 | n6 | IPv4 run | IPv6 run |
 * n4 == RECORD_LARGE: struct large instead. No peers: 4 bytes when it became empty, seconds. */
struct record {
    struct info_hash info_hash;
    uint32_t completed;
    uint8_t count[FAMILY_COUNT];
    uint8_t peers[];
};
#define RECORD_HEAD_BYTES 26u
#define RECORD_LARGE      0xffu
_Static_assert(offsetof(struct record, peers) == RECORD_HEAD_BYTES, "head of a record");

/* Peers found by IP in O(1): a linear-hash directory of small runs. See table.c. */
struct table {
    uint32_t count, buckets;
    slab_ref dir;
    uint16_t bucket_max; /* no bucket holds more: the bound of random picks */
    uint16_t pass_max;   /* the same, collected by the sweep in progress */
};

enum group { GROUP_DOWNLOAD, GROUP_UPLOAD, GROUP_COUNT }; /* leechers; seeders and partial seeds */

#define COMPLETIONS_MAX 8

struct large {
    struct info_hash info_hash;
    uint32_t completed;
    uint8_t mark; /* RECORD_LARGE, where a small record has n4 */
    uint8_t completion_next[FAMILY_COUNT];
    /* tags that completed last, per family: the same one on the other family is no news */
    uint16_t completions[FAMILY_COUNT][COMPLETIONS_MAX];
    struct table tables[FAMILY_COUNT][GROUP_COUNT];
    uint32_t partials[FAMILY_COUNT];
    uint32_t pairs_complete,
        pairs_incomplete; /* clients on both families, estimated by the sweep */
};
_Static_assert(offsetof(struct large, mark) == offsetof(struct record, count), "one mark for both");
_Static_assert(sizeof(struct table) == 16, "four tables in a large record");

struct swarm {
    /* constant after init */
    struct hash_key key;
    uint64_t mix_key[4];
    uint8_t stride[FAMILY_COUNT];
    bool peer_ids;
    uint32_t age_unit_s;
    struct shard *shards;
    _Atomic(struct swarm_journal *) journal; /* NULL: none; looked at under a shard's lock */
    /* atomic: live limits */
    _Atomic uint64_t torrents_max, peers_max;
    _Atomic uint32_t torrent_peers_max, ip_peers_max, completed_ttl_s;
    _Atomic bool ip_limit_loopback;
    /* atomic: counts */
    _Alignas(64) _Atomic uint64_t torrents;
    _Atomic uint64_t peers[FAMILY_COUNT], seeders[FAMILY_COUNT];
    /* each with its own lock */
    _Alignas(64) struct slab slab;
    /* sweeping thread only */
    uint16_t *tag_counts[2]; /* TAG_VALUES each, see expire.c */
};

/* The asker's fields that follow from its address; a->peer and a->family are set. */
void swarm_asker_place(struct asker *a);
/* The keyed hash of a peer id that peers carry. */
uint16_t swarm_tag(const struct swarm *s, const struct peer_id *id);

/* A record for a torrent that is not there, under its shard's lock. */
bool swarm_insert(struct swarm *s, struct shard *shard, uint64_t hash, slab_ref record);

/* Tables look a peer up by one of two hashes of its address. */
uint32_t swarm_ip_hash(const struct swarm *s, enum family f, const uint8_t *ip);
uint32_t swarm_endpoint_hash(const struct swarm *s, enum family f, const uint8_t *compact);

/* journal.c: note an announce that changed the store; under its shard's lock. */
struct swarm_journal;
void journal_note(struct swarm_journal *j, const struct announce *a, uint32_t now_s,
                  uint32_t completed);

static inline struct ages swarm_ages(const struct swarm *s, struct swarm_time t)
{
    return (struct ages){.now = (uint16_t)(t.now_s / s->age_unit_s & PEER_AGE_MASK),
                         .lifetime = (uint16_t)(t.lifetime_s / s->age_unit_s)};
}

static inline void count_move(_Atomic uint64_t *counter, int64_t by)
{
    if (by) atomic_fetch_add_explicit(counter, (uint64_t)by, memory_order_relaxed);
}

/* May this newcomer be stored? SWARM_ADDED, or the limit that is reached. `count` and `same_prefix`
 * are the swarm's peers now, and those of the asker's host. */
enum swarm_verdict swarm_admit(const struct swarm *s, const struct asker *a, uint32_t count,
                               unsigned same_prefix);

/* ---- shard.c: the index of one shard; the caller holds its lock ---- */

/* Where a torrent stands in the index; valid until the index changes. */
struct slot {
    slab_ref *ref; /* NULL: unknown torrent */
    uint8_t *mark;
};

struct slot shard_find(const struct swarm *s, const struct shard *shard, uint64_t hash,
                       const struct info_hash *h);
/* Which part of the index a torrent is looked for in: 32 bits that stay when the index grows. */
static inline uint32_t shard_position(uint64_t hash)
{
    return (uint32_t)(hash >> 8);
}

#define SHARD_POSITIONS (1ull << 32)

/* The records whose position is from `from` to before `to`, at most `max` of them; returns how many
 * there are, which may be more than were written. Costs one hash for each record looked at. */
uint32_t shard_range(const struct swarm *s, const struct shard *shard, uint64_t from, uint64_t to,
                     slab_ref *out, uint32_t max);
/* Where a range that begins at `from` ends when it is to have so many groups of 8 slots. */
uint64_t shard_range_end(const struct shard *shard, uint64_t from, uint32_t groups);
/* Add a record that is not there; false when memory is short. */
bool shard_insert(struct swarm *s, struct shard *shard, uint64_t hash, slab_ref record);
/* Drop the entry (not the record). */
void shard_remove(struct swarm *s, struct shard *shard, struct slot slot);
/* Entry number i of the index; NULL when that slot is empty. */
slab_ref *shard_entry(const struct swarm *s, const struct shard *shard, uint32_t i);
struct slot shard_slot(const struct swarm *s, const struct shard *shard, uint32_t i);
/* Without the lock: fetch what shard_find() will read first. */
void shard_prefetch(const struct swarm *s, const struct shard *shard, uint64_t hash);
/* Without the lock, too, and after that has arrived: fetch the record that has the hash's mark. */
void shard_prefetch_found(const struct swarm *s, const struct shard *shard, uint64_t hash);
static inline uint32_t shard_slots(const struct shard *shard)
{
    return atomic_load_explicit(&shard->groups, memory_order_relaxed) * 8;
}
/* Fetch the record of entry i, if there is one. */
void shard_prefetch_record(const struct swarm *s, const struct shard *shard, uint32_t i);
/* Give the index memory back that its torrents no longer need, and keep it in a dense page. */
void shard_shrink(struct swarm *s, struct shard *shard);

static inline struct shard *shard_of(const struct swarm *s, uint64_t hash)
{
    return &s->shards[hash >> (64 - SHARD_BITS)];
}

static inline struct record *record_at(const struct swarm *s, slab_ref ref)
{
    return slab_at(&s->slab, ref);
}

static inline bool record_is_large(const struct record *r)
{
    return r->count[0] == RECORD_LARGE;
}

static inline struct large *large_of(struct record *r)
{
    return (struct large *)(void *)r;
}

/* ---- small.c: a torrent of few peers, all in its record ---- */

slab_ref small_new(struct swarm *s, const struct info_hash *h);
/* With room for so many peers, who are still to be written: count and time are zero. */
slab_ref small_new_room(struct swarm *s, const struct info_hash *h, unsigned n4, unsigned n6);
void small_free(struct swarm *s, slab_ref ref);
uint32_t small_bytes(const struct swarm *s, const struct record *r);

static inline unsigned small_count(const struct record *r)
{
    return (unsigned)r->count[FAMILY_V4] + r->count[FAMILY_V6];
}

static inline uint8_t *small_run(const struct swarm *s, struct record *r, enum family f)
{
    return f == FAMILY_V4 ? r->peers : r->peers + r->count[FAMILY_V4] * s->stride[FAMILY_V4];
}

/* Add the asker, whom nobody there is; `keep` are bits to add to its own. False without memory. */
bool small_append(struct swarm *s, slab_ref *ref, const struct asker *a, uint16_t keep);
/* Write the asker over the peer it was, keeping what it had counted. */
void small_replace(struct swarm *s, uint8_t *peer, const struct asker *a, uint16_t keep);

/* Forget the silent; *ref may move. Returns how many went. When the last goes, now_s is noted. */
unsigned small_expire(struct swarm *s, slab_ref *ref, struct ages ages, uint32_t now_s);
/* When an empty record lost its last peer. */
uint32_t small_empty_since_s(const struct record *r);

struct tally {
    uint32_t seeders, partials, leechers;
};

/* What one pass over a small torrent tells of it and of the asker. */
struct look {
    int exact, moved; /* the asker's endpoint; its IP and tag on another port; -1: none */
    unsigned same_prefix;
    bool has_expired;
    uint32_t eligible[FAMILY_COUNT]; /* bit i: peer i may be handed to the asker */
    struct tally tally;              /* of the asker's family */
};

/* Forget the silent, then look; *ref may move. */
void small_look(struct swarm *s, slab_ref *ref, const struct asker *a, struct ages ages,
                uint32_t now_s, struct look *out);
/* Record an announce (event is not stopped), or remove the asker. *ref may move. Both set
 * out->verdict; recording sets out->completed_now and keeps `look` true. */
void small_record(struct swarm *s, slab_ref *ref, const struct asker *a, enum event event,
                  struct ages ages, struct look *look, struct swarm_answer *out);
void small_remove(struct swarm *s, slab_ref *ref, const struct asker *a, uint32_t now_s,
                  const struct look *look, struct swarm_answer *out);
/* Seeders, leechers, completed; expired peers are not counted. After small_record() it costs
 * nothing while the torrent is on one family. */
void small_numbers(const struct swarm *s, struct record *r, struct ages ages,
                   struct swarm_numbers *out);
void small_numbers_after(const struct swarm *s, struct record *r, struct ages ages,
                         const struct asker *a, const struct look *look, struct swarm_numbers *out);

/* ---- table.c ---- */

struct place {     /* where a peer is in a table */
    uint8_t *peer; /* NULL: nowhere */
    uint32_t bucket;
    uint16_t at;
};

struct table_hit {
    struct place exact, moved;     /* the asker's endpoint; the same IP and tag on another port */
    unsigned same_prefix, same_ip; /* peers of the asker's host seen on the way */
};

void table_find(const struct swarm *s, const struct table *t, const struct asker *a,
                struct table_hit *hit);
bool table_insert(struct swarm *s, struct table *t, enum family f, const uint8_t *peer);
void table_remove(struct swarm *s, struct table *t, enum family f, struct place place);
/* Keep the directory in dense pages. */
void table_compact(struct swarm *s, struct table *t);
void table_clear(struct swarm *s, struct table *t, enum family f);

struct bucket {
    slab_ref run;
    uint16_t count;
    uint16_t crowded; /* some of its peers went to the bucket of their endpoint instead */
};
_Static_assert(sizeof(struct bucket) == 8, "half a byte per peer of directory");
struct bucket *table_bucket(const struct swarm *s, const struct table *t, uint32_t b);

/* Walk a table that may change between two steps: every peer that is there all the while is in one
 * of the buckets. `*at` is 0 at first, TABLE_WALKED at the end; out[] are the one or two buckets of
 * this step, their number is returned. */
#define TABLE_WALKED (1ull << 32)
unsigned table_walk(const struct table *t, uint64_t *at, uint32_t out[2]);

/* ---- large.c: a torrent of many peers ---- */

bool large_from_small(struct swarm *s, slab_ref *ref);
/* Back to small when few are left; keeps the large form when memory is short. */
void large_to_small(struct swarm *s, slab_ref *ref, uint32_t now_s);
void large_free(struct swarm *s, slab_ref ref);
void large_record(struct swarm *s, struct large *l, const struct asker *a, enum event event,
                  struct ages ages, struct swarm_answer *out);
void large_remove(struct swarm *s, struct large *l, const struct asker *a,
                  struct swarm_answer *out);
/* Take a peer over from a snapshot: a newcomer (ADDED, or the limit that is reached), or one that is
 * there but was heard of earlier (REFRESHED) or just as lately (UNKNOWN). */
enum swarm_verdict large_restore(struct swarm *s, struct large *l, const struct asker *a,
                                 struct ages ages);
void large_numbers(const struct large *l, struct swarm_numbers *out);
/* Remove one peer (stopped, expired) and keep every count right. */
void large_drop(struct swarm *s, struct large *l, enum family f, enum group g, struct place p);

static inline uint32_t large_count(const struct large *l)
{
    return l->tables[0][0].count + l->tables[0][1].count + l->tables[1][0].count +
           l->tables[1][1].count;
}

/* ---- select.c: which peers to hand out ---- */

/* May this live peer of these bits be handed to that asker? The asker himself is not looked for. */
static inline bool select_is_for(const uint8_t *peer, uint16_t bits, enum family f,
                                 const struct asker *a)
{
    if (bits_only_upload(bits) && a->only_uploads) return false;
    return !a->is_global || address_is_global(f, peer);
}

void select_small(const struct swarm *s, struct record *r, const struct asker *a,
                  const struct look *look, struct rng *rng, struct peer_list *out);
void select_large(const struct swarm *s, const struct large *l, const struct asker *a,
                  struct ages ages, struct rng *rng, struct peer_list *out);

#endif
