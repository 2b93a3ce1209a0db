/* swarm.c - the store's face: find the torrent, let small.c or large.c do the work, pick peers.
 *
 * Shards     16384, chosen by the top bits of a keyed hash: two workers rarely meet, and a shard is
 *            small enough to be rebuilt or scanned within 100 us at tens of millions of torrents.
 * Rejected   one big table with striped locks: growing it would stop everybody. */
#include "swarm/swarm.h"

#include "swarm/store.h"

#include "base/metrics.h"
#include "base/os_linux.h"

#include <assert.h>
#include <stdlib.h>

#define AGE_VALUES   4096u
#define SHARDS_BYTES (SHARD_COUNT * sizeof(struct shard))

_Static_assert(SWARM_MEMORY_BYTES_MAX == SLAB_BYTES_MAX, "all that references can reach");

static void keys_init(struct swarm *s, const uint8_t *key)
{
    _Static_assert(SWARM_KEY_BYTES == sizeof s->key + sizeof s->mix_key, "one key for both");
    uint8_t fresh[SWARM_KEY_BYTES];
    if (!key) randombytes_buf(fresh, sizeof fresh);
    memcpy(&s->key, key ? key : fresh, sizeof s->key);
    memcpy(s->mix_key, (key ? key : fresh) + sizeof s->key, sizeof s->mix_key);
}

void swarm_key_copy(const struct swarm *s, uint8_t out[SWARM_KEY_BYTES])
{
    memcpy(out, &s->key, sizeof s->key);
    memcpy(out + sizeof s->key, s->mix_key, sizeof s->mix_key);
}

enum err swarm_new(struct swarm **out, const struct swarm_opts *opts)
{
    if (sodium_init() < 0) return ERR_OS;
    struct swarm *s = aligned_alloc(64, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    memset(s, 0, sizeof *s);
    enum err err = ERR_OK;
    uint8_t extra = opts->store_peer_ids ? PEER_ID_BYTES : 0;
    s->stride[FAMILY_V4] = (uint8_t)(PEER4_BYTES + extra);
    s->stride[FAMILY_V6] = (uint8_t)(PEER6_BYTES + extra);
    s->peer_ids = opts->store_peer_ids;
    s->age_unit_s = opts->lifetime_s_max / (AGE_VALUES / 2) + 1;
    keys_init(s, opts->key);
    swarm_limits_set(s, opts);
    s->shards = os_reserve(SHARDS_BYTES); /* whole cache lines, which calloc() does not promise */
    if (s->shards && !os_commit(s->shards, SHARDS_BYTES)) err = ERR_NO_MEMORY;
    for (int i = 0; i < 2; i++)
        s->tag_counts[i] = calloc(TAG_VALUES, sizeof *s->tag_counts[i]);
    if (!s->shards || !s->tag_counts[0] || !s->tag_counts[1]) err = ERR_NO_MEMORY;
    if (err == ERR_OK) err = slab_init(&s->slab, opts->memory_bytes_max);
    if (err != ERR_OK) {
        swarm_free(s);
        return err;
    }
    *out = s;
    return ERR_OK;
}

void swarm_free(struct swarm *s)
{
    if (!s) return;
    slab_fini(&s->slab);
    for (int i = 0; i < 2; i++)
        free(s->tag_counts[i]);
    if (s->shards) os_unreserve(s->shards, SHARDS_BYTES);
    free(s);
}

void swarm_limits_set(struct swarm *s, const struct swarm_opts *opts)
{
    s->torrents_max = opts->torrents_max;
    s->peers_max = opts->peers_max;
    s->torrent_peers_max = opts->torrent_peers_max;
    s->ip_peers_max =
        opts->ip_peers_max > SWARM_IP_PEERS_MAX ? SWARM_IP_PEERS_MAX : opts->ip_peers_max;
    s->completed_ttl_s = opts->completed_ttl_s;
    s->ip_limit_loopback = opts->ip_limit_loopback;
}

/* ---- hashes ---- */

uint64_t swarm_hash(const struct swarm *s, const struct info_hash *h)
{
    return hash64(&s->key, h, sizeof *h);
}

/* Multiply two keyed words and fold: good enough for tables whose keys an attacker cannot choose
 * freely (his own addresses) and whose collisions he cannot see. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t swarm_ip_hash(const struct swarm *s, enum family f, const uint8_t *ip)
{
    uint64_t word = 0;
    memcpy(&word, ip, HOST_BYTES(f));
    return (uint32_t)mix(word ^ s->mix_key[0], s->mix_key[1] | 1);
}

uint32_t swarm_endpoint_hash(const struct swarm *s, enum family f, const uint8_t *compact)
{
    uint64_t low = 0, high = 0;
    memcpy(&low, compact, f == FAMILY_V4 ? 6 : 8);
    if (f == FAMILY_V6) {
        memcpy(&high, compact + 8, 8);
        low ^= (uint64_t)peer_u16(compact, 16) << 48;
    }
    return (uint32_t)mix(low ^ s->mix_key[2], high ^ s->mix_key[3]);
}

/* All 20 bytes count: the tails of some clients' ids are equal (protocol.md M14). */
uint16_t swarm_tag(const struct swarm *s, const struct peer_id *id)
{
    uint64_t a, b;
    uint32_t c;
    memcpy(&a, id->bytes, 8);
    memcpy(&b, id->bytes + 8, 8);
    memcpy(&c, id->bytes + 16, 4);
    return (uint16_t)mix(mix(a ^ s->mix_key[1], b ^ s->mix_key[0]) ^ c, s->mix_key[2] | 1);
}

/* ---- the asker ---- */

static bool ip_is_loopback(enum family f, const uint8_t *ip)
{
    static const uint8_t LOOPBACK6[16] = {[15] = 1};
    return f == FAMILY_V4 ? ip[0] == 127 : memcmp(ip, LOOPBACK6, 16) == 0;
}

void swarm_asker_place(struct asker *a)
{
    a->tag = peer_tag(a->peer, a->family);
    a->is_global = address_is_global(a->family, a->peer);
    a->is_loopback = ip_is_loopback(a->family, a->peer);
    a->only_uploads = bits_only_upload(peer_bits(a->peer, a->family));
}

/* left == 0 makes a seeder; so does completed, unless left says otherwise (R53). */
static uint16_t state_of(const struct announce *a)
{
    if (a->left == 0) return PEER_SEEDER;
    if (a->event == EVENT_COMPLETED && a->left == LEFT_UNKNOWN) return PEER_SEEDER;
    return a->event == EVENT_PAUSED ? PEER_PARTIAL : 0;
}

static void asker_init(const struct swarm *s, const struct announce *a, struct ages ages,
                       struct asker *out)
{
    enum family f = a->address.family;
    unsigned ip_bytes = ADDRESS_BYTES(f);
    uint16_t tag = swarm_tag(s, &a->peer_id);
    out->family = f;
    memcpy(out->peer, a->address.ip, ip_bytes);
    store_u16be(out->peer + ip_bytes, a->port);
    memcpy(out->peer + ip_bytes + 2, &tag, sizeof tag);
    peer_bits_set(out->peer, f, state_of(a) | ages.now);
    swarm_asker_place(out);
    if (s->peer_ids) memcpy(peer_id_at(out->peer, f), &a->peer_id, PEER_ID_BYTES);
}

enum swarm_verdict swarm_admit(const struct swarm *s, const struct asker *a, uint32_t count,
                               unsigned same_prefix)
{
    uint32_t in_torrent = s->torrent_peers_max, from_ip = s->ip_peers_max;
    uint64_t in_all = s->peers_max;
    if (in_torrent && count >= in_torrent) return SWARM_FULL_TORRENT;
    if (from_ip && same_prefix >= from_ip && (!a->is_loopback || s->ip_limit_loopback))
        return SWARM_FULL_IP;
    if (in_all && s->peers[FAMILY_V4] + s->peers[FAMILY_V6] >= in_all) return SWARM_FULL_PEERS;
    return SWARM_ADDED;
}

/* ---- announce ---- */

static void count_verdict(const struct swarm_answer *out)
{
    static const uint8_t METRIC_OF[] = {
        [SWARM_ADDED] = METRIC_PEERS_ADDED,
        [SWARM_REMOVED] = METRIC_PEERS_STOPPED,
        [SWARM_FULL_PEERS] = METRIC_LIMIT_PEERS,
        [SWARM_FULL_TORRENTS] = METRIC_LIMIT_TORRENTS,
        [SWARM_FULL_TORRENT] = METRIC_LIMIT_TORRENT_PEERS,
        [SWARM_FULL_IP] = METRIC_LIMIT_IP_PEERS,
        [SWARM_FULL_MEMORY] = METRIC_LIMIT_MEMORY,
    };
    _Static_assert(METRIC_COUNT <= UINT8_MAX, "metric ids fit the table");
    if (METRIC_OF[out->verdict]) metrics_inc(METRIC_OF[out->verdict]);
    if (out->completed_now) metrics_inc(METRIC_COMPLETIONS);
}

bool swarm_insert(struct swarm *s, struct shard *shard, uint64_t hash, slab_ref record)
{
    if (!shard_insert(s, shard, hash, record)) {
        small_free(s, record);
        return false;
    }
    count_move(&s->torrents, 1);
    return true;
}

/* A record for a torrent nobody knew; false and a verdict when a limit forbids it. */
static bool torrent_add(struct swarm *s, struct shard *shard, uint64_t hash,
                        const struct info_hash *h, enum swarm_verdict *verdict)
{
    uint64_t max = s->torrents_max;
    *verdict = SWARM_FULL_TORRENTS;
    if (max && s->torrents >= max) return false;
    *verdict = SWARM_FULL_MEMORY;
    slab_ref ref = small_new(s, h);
    if (!ref || !swarm_insert(s, shard, hash, ref)) return false;
    metrics_inc(METRIC_TORRENTS_ADDED);
    return true;
}

/* A torrent without peers and without a completed count worth keeping goes at once. */
static void torrent_drop_if_empty(struct swarm *s, struct shard *shard, struct slot slot)
{
    struct record *r = record_at(s, *slot.ref);
    if (record_is_large(r) || small_count(r) || r->completed) return;
    small_free(s, *slot.ref);
    shard_remove(s, shard, slot);
    count_move(&s->torrents, -1);
    metrics_inc(METRIC_TORRENTS_EXPIRED);
}

/* What an announce of a known torrent is done with. */
struct announcing {
    const struct announce *announce;
    const struct asker *asker;
    struct swarm_time time;
    struct ages ages;
    struct rng *rng;
};

/* No endpoint: nobody stops (A30). */
static bool stops_nobody(const struct announce *a)
{
    return a->event == EVENT_STOPPED && a->port == 0;
}

static bool wants_peers(const struct announce *a, const struct swarm_answer *out)
{
    return a->event != EVENT_STOPPED && out->peers.max_total;
}

/* False when the torrent has become a large one instead, and nothing is recorded yet. */
static bool announce_small(struct swarm *s, slab_ref *ref, const struct announcing *n,
                           struct swarm_answer *out)
{
    const struct announce *a = n->announce;
    struct look look;
    small_look(s, ref, n->asker, n->ages, n->time.now_s, &look);
    bool is_full = small_count(record_at(s, *ref)) >= SMALL_PEERS_MAX;
    if (is_full && a->event != EVENT_STOPPED && large_from_small(s, ref)) return false;
    if (a->event != EVENT_STOPPED) {
        small_record(s, ref, n->asker, a->event, n->ages, &look, out);
        small_numbers_after(s, record_at(s, *ref), n->ages, n->asker, &look, &out->numbers);
    } else {
        if (!stops_nobody(a)) small_remove(s, ref, n->asker, n->time.now_s, &look, out);
        small_numbers(s, record_at(s, *ref), n->ages, &out->numbers);
    }
    if (wants_peers(a, out))
        select_small(s, record_at(s, *ref), n->asker, &look, n->rng, &out->peers);
    return true;
}

static void announce_large(struct swarm *s, slab_ref *ref, const struct announcing *n,
                           struct swarm_answer *out)
{
    const struct announce *a = n->announce;
    struct large *l = large_of(record_at(s, *ref));
    if (a->event != EVENT_STOPPED) large_record(s, l, n->asker, a->event, n->ages, out);
    else if (!stops_nobody(a)) large_remove(s, l, n->asker, out);
    large_to_small(s, ref, n->time.now_s);
    struct record *r = record_at(s, *ref);
    if (record_is_large(r)) {
        large_numbers(l, &out->numbers);
        if (wants_peers(a, out)) select_large(s, l, n->asker, n->ages, n->rng, &out->peers);
        return;
    }
    struct look look;
    small_look(s, ref, n->asker, n->ages, n->time.now_s, &look);
    r = record_at(s, *ref);
    small_numbers(s, r, n->ages, &out->numbers);
    if (wants_peers(a, out)) select_small(s, r, n->asker, &look, n->rng, &out->peers);
}

void swarm_announce(struct swarm *s, uint64_t hash, const struct announce *a,
                    struct swarm_time time, struct rng *rng, struct swarm_answer *out)
{
    struct ages ages = swarm_ages(s, time);
    struct asker asker;
    asker_init(s, a, ages, &asker);
    out->numbers = (struct swarm_numbers){0};
    out->completed_now = false;
    out->silent_s = SWARM_NEVER_HEARD;
    out->peers.count[FAMILY_V4] = out->peers.count[FAMILY_V6] = 0;
    out->verdict = SWARM_UNKNOWN;

    struct shard *shard = shard_of(s, hash);
    lock_take(&shard->lock);
    struct slot slot = shard_find(s, shard, hash, &a->info_hash);
    if (!slot.ref && a->event != EVENT_STOPPED &&
        torrent_add(s, shard, hash, &a->info_hash, &out->verdict))
        slot = shard_find(s, shard, hash, &a->info_hash);
    if (slot.ref) {
        struct announcing n = {a, &asker, time, ages, rng};
        if (record_is_large(record_at(s, *slot.ref)) || !announce_small(s, slot.ref, &n, out))
            announce_large(s, slot.ref, &n, out);
        torrent_drop_if_empty(s, shard, slot);
    }
    struct swarm_journal *journal = atomic_load_explicit(&s->journal, memory_order_relaxed);
    if (journal && out->verdict <= SWARM_REMOVED)
        journal_note(journal, a, time.now_s, out->numbers.downloaded);
    lock_release(&shard->lock);
    if (out->silent_s != SWARM_NEVER_HEARD) out->silent_s *= s->age_unit_s;
    count_verdict(out);
}

bool swarm_scrape(const struct swarm *s, uint64_t hash, const struct info_hash *h,
                  struct swarm_time time, struct swarm_numbers *out)
{
    *out = (struct swarm_numbers){0};
    struct shard *shard = shard_of(s, hash);
    lock_take(&shard->lock);
    struct slot slot = shard_find(s, shard, hash, h);
    if (slot.ref) {
        struct record *r = record_at(s, *slot.ref);
        if (record_is_large(r)) large_numbers(large_of(r), out);
        else small_numbers(s, r, swarm_ages(s, time), out);
    }
    lock_release(&shard->lock);
    return slot.ref != NULL;
}

void swarm_prefetch(const struct swarm *s, uint64_t hash, int stage)
{
    const struct shard *shard = shard_of(s, hash);
    if (stage == 0) __builtin_prefetch(shard);
    else if (stage == 1) shard_prefetch(s, shard, hash);
    else shard_prefetch_found(s, shard, hash);
}

uint32_t swarm_shard_count(const struct swarm *s)
{
    (void)s;
    return SHARD_COUNT;
}

void swarm_counts(const struct swarm *s, struct swarm_counts *out)
{
    *out =
        (struct swarm_counts){.torrents = s->torrents, .memory_bytes = slab_used_bytes(&s->slab)};
    for (int f = 0; f < FAMILY_COUNT; f++) {
        out->peers[f] = s->peers[f];
        out->seeders[f] = s->seeders[f];
    }
}

/* ---- visiting ---- */

#define VISITS_PER_HOLD 256
#define VISITS_AHEAD    8

struct visit {
    const struct swarm *s;
    struct ages ages;
    swarm_visit_fn *fn;
    void *ctx;
    uint32_t at;       /* in the index */
    uint32_t rebuilds; /* of the index that `at` is of */
};

/* One hold of the lock; false when the shard is done. An index that was made anew meanwhile has
 * other positions, so it is begun again: better twice than not at all. */
static bool visit_some(struct visit *v, struct shard *shard)
{
    lock_take(&shard->lock);
    if (v->rebuilds != shard->rebuilds) v->at = 0;
    v->rebuilds = shard->rebuilds;
    unsigned visited = 0;
    for (; v->at < shard_slots(shard) && visited < VISITS_PER_HOLD; v->at++) {
        shard_prefetch_record(v->s, shard, v->at + VISITS_AHEAD);
        slab_ref *ref = shard_entry(v->s, shard, v->at);
        if (!ref) continue;
        visited++;
        struct record *r = record_at(v->s, *ref);
        struct swarm_numbers n;
        if (record_is_large(r)) large_numbers(large_of(r), &n);
        else small_numbers(v->s, r, v->ages, &n);
        v->fn(v->ctx, &r->info_hash, &n);
    }
    bool goes_on = v->at < shard_slots(shard);
    lock_release_to_waiter(&shard->lock);
    return goes_on;
}

void swarm_visit(const struct swarm *s, uint32_t shard_index, struct swarm_time time,
                 swarm_visit_fn *fn, void *ctx)
{
    struct visit v = {.s = s, .ages = swarm_ages(s, time), .fn = fn, .ctx = ctx};
    while (visit_some(&v, &s->shards[shard_index]))
        ;
}
