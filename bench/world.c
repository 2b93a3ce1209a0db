/* world.c - see world.h. Everything comes from mix(seed, number), a finalizer with good
 * avalanche. */
#include "bench/world.h"

#include <assert.h>
#include <stdlib.h>

#define PORT_FIRST 1024u
#define PORTS      (65536u - PORT_FIRST)

enum purpose { FOR_TORRENT, FOR_ROLE, FOR_PEER_ID, FOR_HASH };

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t draw(const struct world *w, enum purpose purpose, uint64_t k)
{
    return mix(w->opts.seed + mix(k * 8 + (uint64_t)purpose + 0x9e3779b97f4a7c15u));
}

static uint64_t below(uint64_t random, uint64_t bound)
{
    return (uint64_t)(((__uint128_t)random * bound) >> 64);
}

bool world_init(struct world *w, const struct world_opts *opts)
{
    assert(opts->torrents && opts->peers && opts->sources);
    *w = (struct world){.opts = *opts};
    if (opts->zipf_s == 0) return true;
    w->torrent_of = malloc(opts->peers * sizeof *w->torrent_of);
    if (!w->torrent_of) return false;
    struct zipf zipf;
    struct rng rng;
    zipf_init(&zipf, opts->torrents, opts->zipf_s);
    rng_init(&rng, opts->seed);
    for (uint64_t k = 0; k < opts->peers; k++)
        w->torrent_of[k] = (uint32_t)(k < opts->torrents ? k : zipf_draw(&zipf, &rng));
    return true;
}

void world_fini(struct world *w)
{
    free(w->torrent_of);
    w->torrent_of = NULL;
}

/* A newcomer joins the swarm of the peer whose place it takes: sizes stay. */
static uint64_t torrent_of(const struct world *w, uint64_t k)
{
    uint64_t place = k % w->opts.peers;
    if (w->torrent_of) return w->torrent_of[place];
    if (place < w->opts.torrents) return place;
    return below(draw(w, FOR_TORRENT, place), w->opts.torrents);
}

struct world_peer world_peer(const struct world *w, uint64_t k)
{
    return (struct world_peer){
        .torrent = torrent_of(w, k),
        .source = (uint32_t)(k % w->opts.sources),
        .port = (uint16_t)(PORT_FIRST + k / w->opts.sources % PORTS),
        .is_seeder = below(draw(w, FOR_ROLE, k), 100) < w->opts.seeders_pct,
    };
}

void world_peer_id(const struct world *w, uint64_t k, struct peer_id *out)
{
    uint64_t tail = draw(w, FOR_PEER_ID, k);
    memcpy(out->bytes, "-MB0100-", 8);
    for (int i = 8; i < PEER_ID_BYTES; i++, tail >>= 5)
        out->bytes[i] = (uint8_t)("abcdefghijklmnopqrstuvwxyz234567"[tail & 31]);
}

void world_info_hash(const struct world *w, uint64_t torrent, struct info_hash *out)
{
    uint64_t a = draw(w, FOR_HASH, torrent), b = mix(a + 1), c = mix(a + 2);
    memcpy(out->bytes, &a, 8);
    memcpy(out->bytes + 8, &b, 8);
    memcpy(out->bytes + 16, &c, 4);
}

struct address world_source(const struct world *w, uint32_t source)
{
    struct address a = {.family = w->opts.family};
    if (a.family == FAMILY_V6) a.ip[15] = 1;
    else
        store_u32be(a.ip, 0x7f010000u + (w->opts.source_first + source) * (w->opts.source_gap + 1));
    return a;
}

uint64_t world_pick(const struct world *w, struct rng *rng, int64_t source)
{
    uint64_t k = w->first + below(rng_u64(rng), w->opts.peers);
    if (source < 0) return k;
    uint64_t same = k - k % w->opts.sources + (uint64_t)source;
    if (same >= w->first + w->opts.peers && same >= w->opts.sources) same -= w->opts.sources;
    return same;
}
