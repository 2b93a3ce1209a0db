/* judge.c - see judge.h. */
#include "bench/judge.h"

#include "bench/options.h"

#include <assert.h>

#define COUNT_MAX     0x7fffffffu /* BEP 15 has 32-bit integers; nobody has so many peers */
#define DEMAND_MAX    20          /* half of it is demanded */
#define ENDPOINT_SETS 2048        /* a power of two, twice as many as there are peers */

_Static_assert(2 * BENCH_NUMWANT_MAX <= ENDPOINT_SETS, "the set is at most half full");

/* A set of records of one answer, by their number + 1; open addressing. */
struct endpoint_set {
    uint16_t slots[ENDPOINT_SETS];
};

/* False when there is an equal one already. */
static bool set_add(struct endpoint_set *s, const uint8_t *records, size_t stride, size_t number)
{
    const uint8_t *record = records + number * stride;
    uint32_t hash = load_u32be(record + stride - 6) * 0x9e3779b1u ^ load_u16be(record + stride - 2);
    for (uint32_t at = (hash * 0x85ebca6bu) >> 16;; at++) {
        uint16_t *slot = &s->slots[at % ENDPOINT_SETS];
        if (!*slot) {
            *slot = (uint16_t)(number + 1);
            return true;
        }
        if (memcmp(records + (*slot - 1u) * stride, record, stride) == 0) return false;
    }
}

static bool is_asker(const struct question *q, enum family family, const uint8_t *ip, uint16_t port)
{
    return port == q->asker_port && family == q->asker.family &&
           memcmp(ip, q->asker.ip, ADDRESS_BYTES(family)) == 0;
}

enum flaw judge_peers(struct view records, enum family family, const struct question *q)
{
    size_t stride = COMPACT_BYTES(family), count = records.len / stride;
    struct endpoint_set seen = {0};
    assert(count <= BENCH_NUMWANT_MAX);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *ip = records.ptr + i * stride;
        uint16_t port = load_u16be(ip + stride - 2);
        if (port == 0) return FLAW_PORT;
        if (is_asker(q, family, ip, port)) return FLAW_SELF;
        if (!world_has(q->plan->world, q->torrent, family, ip, port, q->any_address))
            return FLAW_FOREIGN;
        if (!set_add(&seen, records.ptr, stride, i)) return FLAW_TWICE;
    }
    return FLAW_NONE;
}

/* May the tracker hold fewer peers than were announced? */
static bool may_lack(const struct question *q, uint64_t torrent)
{
    const struct world *w = q->plan->world;
    return !q->must_hold || world_is_crowded(w) ||
           w->sizes[torrent].peers > (uint64_t)JUDGE_PER_SOURCE_MAX * w->opts.sources;
}

bool judge_counts(const struct question *q, uint64_t torrent, uint64_t seeders, uint64_t leechers)
{
    if (seeders > COUNT_MAX || leechers > COUNT_MAX) return false;
    if (!q->is_ours) return true;
    const struct world_size *size = &q->plan->world->sizes[torrent];
    const uint64_t wanted[] = {size->seeders, size->peers - size->seeders};
    const uint64_t got[] = {seeders, leechers};
    bool lacks = may_lack(q, torrent);
    for (int i = 0; i < 2; i++) {
        uint64_t slack = wanted[i] / 16 + 1;
        if (got[i] > wanted[i] + slack || (!lacks && got[i] + slack < wanted[i])) return false;
    }
    return true;
}

/* How many peers the answer must hold at least. */
static uint32_t demand(const struct question *q)
{
    if (!q->is_ours || !q->must_hold) return 0;
    const struct world_size *size = &q->plan->world->sizes[q->torrent];
    uint32_t others = size->peers - (q->asker_is_seeder ? size->seeders : 1);
    if (may_lack(q, q->torrent)) others = q->asker_is_seeder ? 0 : JUDGE_PER_SOURCE_MAX - 1;
    if (others > q->numwant) others = q->numwant;
    return (others < DEMAND_MAX ? others : DEMAND_MAX) / 2;
}

enum flaw judge_announce(const struct question *q, const struct finding *f)
{
    uint32_t most = f->peers_of[FAMILY_V4];
    if (most < f->peers_of[FAMILY_V6]) most = f->peers_of[FAMILY_V6];
    if (f->has_counts &&
        (f->seeders + f->leechers < most || !judge_counts(q, q->torrent, f->seeders, f->leechers)))
        return FLAW_COUNTS;
    return f->peers < demand(q) ? FLAW_TOO_FEW : FLAW_NONE;
}
