/* check.c - see check.h: UDP, and what both kinds of load have in common. */
#include "bench/judge.h"

#include "proto/udp_tracker.h"

#define INTERVAL_S_MAX 86400u

const char *const FLAW_NAMES[FLAW_COUNT] = {
#define FLAW(id, name, help) name,
#include "bench/flaw.def"
#undef FLAW
};

const char *const FLAW_HELP[FLAW_COUNT] = {
#define FLAW(id, name, help) help,
#include "bench/flaw.def"
#undef FLAW
};

enum flaw check_peers(struct view records, enum family family, const struct question *q,
                      struct finding *out)
{
    size_t stride = COMPACT_BYTES(family);
    if (records.len % stride) return FLAW_STRIDE;
    out->peers_of[family] = (uint32_t)(records.len / stride);
    out->peers += out->peers_of[family];
    if (out->peers > q->numwant) return FLAW_TOO_MANY;
    return q->deep ? judge_peers(records, family, q) : FLAW_NONE;
}

static enum flaw check_udp_announce(struct cursor *c, const struct question *q, struct finding *out)
{
    out->interval_s = cursor_u32be(c);
    out->leechers = cursor_u32be(c);
    out->seeders = cursor_u32be(c);
    out->has_counts = true;
    if (c->short_read) return FLAW_LENGTH;
    if (out->interval_s == 0 || out->interval_s > INTERVAL_S_MAX) return FLAW_INTERVAL;
    enum flaw flaw = check_peers(view_of(c->at, cursor_left(c)), q->family, q, out);
    return flaw == FLAW_NONE && q->deep ? judge_announce(q, out) : flaw;
}

static enum flaw check_udp_scrape(struct cursor *c, const struct question *q)
{
    if (cursor_left(c) != (size_t)q->hashes * UDP_SCRAPE_ENTRY_BYTES) return FLAW_LENGTH;
    for (uint32_t i = 0; q->deep && i < q->hashes; i++) {
        uint32_t seeders = cursor_u32be(c);
        cursor_u32be(c); /* downloads: of other runs, too */
        uint32_t leechers = cursor_u32be(c);
        uint64_t torrent = plan_scrape_torrent(q->plan, q->request, i);
        if (!judge_counts(q, torrent, seeders, leechers)) return FLAW_COUNTS;
    }
    return FLAW_NONE;
}

enum flaw check_udp(struct view packet, const struct question *q, struct finding *out)
{
    struct cursor c = cursor_of(packet.ptr, packet.len);
    uint32_t action = cursor_u32be(&c);
    cursor_u32be(&c);
    *out = (struct finding){0};
    if (c.short_read) return FLAW_LENGTH;
    if (q->kind == ASK_BAD_ID) return action == UDP_ERROR ? FLAW_NONE : FLAW_NOT_REFUSED;
    if (action == UDP_ERROR) return FLAW_REFUSED;
    switch (q->kind) {
    case ASK_CONNECT:
        if (action != UDP_CONNECT) return FLAW_ACTION;
        out->connection_id = cursor_u64be(&c);
        return c.short_read || cursor_left(&c) ? FLAW_LENGTH : FLAW_NONE;
    case ASK_SCRAPE: return action == UDP_SCRAPE ? check_udp_scrape(&c, q) : FLAW_ACTION;
    default:
        if (action != UDP_ANNOUNCE) return FLAW_ACTION;
        return check_udp_announce(&c, q, out);
    }
}
