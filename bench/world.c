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
    free(w->sizes);
    w->torrent_of = NULL;
    w->sizes = NULL;
}

/* A newcomer joins the swarm of the peer whose place it takes: sizes stay. */
static uint64_t torrent_of(const struct world *w, uint64_t k)
{
    uint64_t place = k % w->opts.peers;
    if (w->torrent_of) return w->torrent_of[place];
    if (place < w->opts.torrents) return place;
    return below(draw(w, FOR_TORRENT, place), w->opts.torrents);
}

bool world_count(struct world *w)
{
    w->sizes = calloc(w->opts.torrents, sizeof *w->sizes);
    if (!w->sizes) return false;
    for (uint64_t k = 0; k < w->opts.peers; k++) {
        struct world_peer peer = world_peer(w, k);
        w->sizes[peer.torrent].peers++;
        w->sizes[peer.torrent].seeders += peer.is_seeder;
    }
    return true;
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

/* The number of the source with this address; -1: none has it. */
static int64_t source_of(const struct world *w, enum family family, const uint8_t *ip)
{
    const struct world_opts *o = &w->opts;
    struct address first = world_source(w, 0);
    if (family != o->family) return -1;
    if (family == FAMILY_V6) return memcmp(ip, first.ip, sizeof first.ip) == 0 ? 0 : -1;
    uint32_t offset = load_u32be(ip) - load_u32be(first.ip);
    if (offset % (o->source_gap + 1) || offset / (o->source_gap + 1) >= o->sources) return -1;
    return offset / (o->source_gap + 1);
}

/* Endpoints come round after sources x PORTS peers. All of the first round are accepted: who churns
 * beside this run, or did before, has come no further, and newcomers join the torrent of the peer whose
 * place they take. */
bool world_has(const struct world *w, uint64_t torrent, enum family family, const uint8_t *ip,
               uint16_t port, bool any_address)
{
    int64_t source = any_address ? 0 : source_of(w, family, ip);
    uint64_t round = (uint64_t)w->opts.sources * PORTS, end = w->first + w->opts.peers;
    if (source < 0 || port < PORT_FIRST) return false;
    if (end < round) end = round;
    for (uint64_t k = (uint64_t)(port - PORT_FIRST) * w->opts.sources + (uint64_t)source; k < end;
         k += round)
        if (torrent_of(w, k) == torrent) return true;
    return false;
}

bool world_is_crowded(const struct world *w)
{
    return w->opts.peers > (uint64_t)w->opts.sources * PORTS;
}

uint64_t world_torrent(const struct world *w, struct rng *rng)
{
    return torrent_of(w, below(rng_u64(rng), w->opts.peers));
}

uint64_t world_pick(const struct world *w, struct rng *rng, int64_t source)
{
    uint64_t k = w->first + below(rng_u64(rng), w->opts.peers);
    if (source < 0) return k;
    uint64_t same = k - k % w->opts.sources + (uint64_t)source;
    if (same >= w->first + w->opts.peers && same >= w->opts.sources) same -= w->opts.sources;
    return same;
}
