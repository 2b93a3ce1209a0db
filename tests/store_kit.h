/* store_kit.h - how the store's tests talk to it: clients and torrents are small numbers, time is a
 * field, one call is one announce. */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

#include "swarm/swarm.h"

#include <stdlib.h>
#include <string.h>

#define KIT_PEERS_MAX 1000

struct kit {
    struct swarm *swarm;
    struct rng rng;
    struct swarm_time time;
    struct swarm_answer out; /* of the last announce */
    uint8_t compact4[KIT_PEERS_MAX * COMPACT_BYTES(FAMILY_V4)];
    uint8_t compact6[KIT_PEERS_MAX * COMPACT_BYTES(FAMILY_V6)];
    uint8_t ids4[KIT_PEERS_MAX * PEER_ID_BYTES], ids6[KIT_PEERS_MAX * PEER_ID_BYTES];
    uint16_t want[FAMILY_COUNT], want_total; /* of the next announces */
};

/* No limits, a lifetime of 100 s counted in seconds, the same keys every time. */
static inline struct swarm_opts kit_opts(uint64_t seed)
{
    static uint8_t key[SWARM_KEY_BYTES];
    struct rng rng;
    rng_init(&rng, seed);
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)rng_u64(&rng);
    return (struct swarm_opts){
        .memory_bytes_max = 256u << 20, .completed_ttl_s = 1000, .lifetime_s_max = 100, .key = key};
}

static inline struct kit *kit_open(const struct swarm_opts *opts, uint64_t seed)
{
    struct kit *k = calloc(1, sizeof *k);
    if (!k || swarm_new(&k->swarm, opts) != ERR_OK) abort();
    rng_init(&k->rng, seed);
    k->time = (struct swarm_time){.now_s = 5000, .lifetime_s = 100};
    k->want[FAMILY_V4] = k->want[FAMILY_V6] = k->want_total = KIT_PEERS_MAX;
    return k;
}

static inline void kit_close(struct kit *k)
{
    swarm_free(k->swarm);
    free(k);
}

static inline struct info_hash kit_torrent(uint32_t number)
{
    struct info_hash h = {.bytes = "torrent"};
    memcpy(h.bytes + 8, &number, sizeof number);
    return h;
}

/* Client `id`'s 20 bytes: only the middle differs. */
static inline struct peer_id kit_peer_id(uint32_t id)
{
    struct peer_id out = {.bytes = "-KT0001-"};
    memcpy(out.bytes + 10, &id, sizeof id);
    return out;
}

/* A global address: 50.x.y.z, or 2a00:0:<host>::1, a /64 each. */
static inline struct address kit_address(enum family f, uint32_t host)
{
    struct address a = {.family = f};
    uint8_t *at = a.ip + (f == FAMILY_V4 ? 0 : 4);
    store_u32be(at, host);
    if (f == FAMILY_V4) a.ip[0] = 50;
    else a.ip[0] = 0x2a, a.ip[15] = 1;
    return a;
}

/* An announce of torrent 1; the caller changes what the test is about. */
static inline struct announce kit_peer(enum family f, uint32_t host, uint16_t port, uint32_t id,
                                       uint64_t left, enum event event)
{
    return (struct announce){.info_hash = kit_torrent(1),
                             .peer_id = kit_peer_id(id),
                             .address = kit_address(f, host),
                             .port = port,
                             .left = left,
                             .event = event};
}

static inline enum swarm_verdict kit_announce(struct kit *k, const struct announce *a)
{
    k->out.peers = (struct peer_list){.compact = {k->compact4, k->compact6},
                                      .peer_ids = {k->ids4, k->ids6},
                                      .max = {k->want[0], k->want[1]},
                                      .max_total = k->want_total};
    swarm_announce(k->swarm, swarm_hash(k->swarm, &a->info_hash), a, k->time, &k->rng, &k->out);
    return k->out.verdict;
}

static inline struct swarm_numbers kit_scrape(const struct kit *k, uint32_t torrent)
{
    struct info_hash h = kit_torrent(torrent);
    struct swarm_numbers n;
    swarm_scrape(k->swarm, swarm_hash(k->swarm, &h), &h, k->time, &n);
    return n;
}

static inline struct sweep_report kit_sweep(struct kit *k)
{
    struct sweep_report report = {0};
    swarm_sweep(k->swarm, k->time, 0, swarm_shard_count(k->swarm), &report);
    return report;
}

static inline struct swarm_counts kit_counts(const struct kit *k)
{
    struct swarm_counts n;
    swarm_counts(k->swarm, &n);
    return n;
}

static inline const uint8_t *kit_listed(const struct kit *k, enum family f, unsigned i)
{
    return (f == FAMILY_V4 ? k->compact4 : k->compact6) + i * COMPACT_BYTES(f);
}

/* How often the answer lists this endpoint. */
static inline unsigned kit_times_listed(const struct kit *k, const struct announce *a)
{
    enum family f = a->address.family;
    uint8_t compact[COMPACT_BYTES(FAMILY_V6)];
    memcpy(compact, a->address.ip, ADDRESS_BYTES(f));
    store_u16be(compact + ADDRESS_BYTES(f), a->port);
    unsigned times = 0;
    for (unsigned i = 0; i < k->out.peers.count[f]; i++)
        times += memcmp(kit_listed(k, f, i), compact, COMPACT_BYTES(f)) == 0;
    return times;
}

#endif
