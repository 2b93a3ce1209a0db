/* check.c - see check.h. The bencode reader shares nothing with the server's writer; it is strict
 * about shape (one dictionary, nothing behind it, keys in order) and looks at the keys that
 * clients need. */
#include "bench/check.h"

#include "proto/udp_tracker.h"

#define INTERVAL_S_MAX 86400u
#define DEPTH_MAX      8

const char *const FLAW_NAMES[FLAW_COUNT] = {
#define FLAW(id, name, help) name,
#include "bench/flaw.def"
#undef FLAW
};

static enum flaw check_peers(struct view records, enum family family, const struct question *q)
{
    size_t stride = COMPACT_BYTES(family);
    if (records.len % stride) return FLAW_STRIDE;
    if (!q->deep) return FLAW_NONE;
    for (size_t at = 0; at < records.len; at += stride) {
        const uint8_t *ip = records.ptr + at;
        uint16_t port = load_u16be(ip + stride - 2);
        if (port == 0) return FLAW_PORT;
        if (port == q->asker_port && family == q->asker.family &&
            memcmp(ip, q->asker.ip, stride - 2) == 0)
            return FLAW_SELF;
    }
    return FLAW_NONE;
}

static enum flaw check_udp_announce(struct cursor *c, const struct question *q, struct finding *out)
{
    uint32_t interval_s = cursor_u32be(c);
    cursor_u64be(c); /* leechers, seeders */
    if (c->short_read) return FLAW_LENGTH;
    if (interval_s == 0 || interval_s > INTERVAL_S_MAX) return FLAW_INTERVAL;
    struct view records = view_of(c->at, cursor_left(c));
    out->peers = (uint32_t)(records.len / COMPACT_BYTES(q->family));
    if (out->peers > q->numwant) return FLAW_TOO_MANY;
    return check_peers(records, q->family, q);
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
    case ASK_SCRAPE:
        if (action != UDP_SCRAPE) return FLAW_ACTION;
        return cursor_left(&c) == (size_t)q->hashes * UDP_SCRAPE_ENTRY_BYTES ? FLAW_NONE
                                                                             : FLAW_LENGTH;
    default:
        if (action != UDP_ANNOUNCE) return FLAW_ACTION;
        return check_udp_announce(&c, q, out);
    }
}

/* ---- bencode ---- */

/* Digits up to `stop`, which is taken too. */
static bool take_number(struct cursor *c, uint8_t stop, uint64_t *out)
{
    size_t digits = 0;
    for (*out = 0; cursor_left(c) && *c->at != stop; c->at++, digits++) {
        if (*c->at < '0' || *c->at > '9' || digits == 18) return false;
        *out = *out * 10 + (*c->at - '0');
    }
    return cursor_take(c, 1) && digits;
}

static bool take_string(struct cursor *c, struct view *out)
{
    uint64_t len;
    if (!take_number(c, ':', &len)) return false;
    *out = view_of(cursor_take(c, len), len);
    return out->ptr != NULL;
}

/* Step over one value; recursion is bounded by DEPTH_MAX. */
static bool skip_value(struct cursor *c, int depth)
{
    struct view bytes;
    uint64_t number;
    if (!cursor_left(c) || depth > DEPTH_MAX) return false;
    uint8_t type = *c->at;
    if (type != 'i' && type != 'l' && type != 'd') return take_string(c, &bytes);
    c->at++;
    if (type == 'i') return take_number(c, 'e', &number);
    while (cursor_left(c) && *c->at != 'e') {
        if (type == 'd' && !take_string(c, &bytes)) return false;
        if (!skip_value(c, depth + 1)) return false;
    }
    return cursor_take(c, 1) != NULL;
}

/* The keys of an answer that are looked at; their values as they stand in the text. */
struct http_keys {
    struct view failure, interval, peers, peers6, files;
};

static struct view *key_room(struct http_keys *k, struct view key)
{
    const struct {
        struct view name;
        struct view *room;
    } rows[] = {{VIEW("failure reason"), &k->failure},
                {VIEW("interval"), &k->interval},
                {VIEW("peers"), &k->peers},
                {VIEW("peers6"), &k->peers6},
                {VIEW("files"), &k->files}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (view_equal(key, rows[i].name)) return rows[i].room;
    return NULL;
}

static bool keys_read(struct view body, struct http_keys *out)
{
    struct cursor c = cursor_of(body.ptr, body.len);
    *out = (struct http_keys){0};
    if (cursor_u8(&c) != 'd') return false;
    while (cursor_left(&c) && *c.at != 'e') {
        struct view key;
        if (!take_string(&c, &key)) return false;
        const uint8_t *start = c.at;
        if (!skip_value(&c, 1)) return false;
        struct view *room = key_room(out, key);
        if (room) *room = view_of(start, (size_t)(c.at - start));
    }
    return cursor_u8(&c) == 'e' && !c.short_read && !cursor_left(&c);
}

/* `value` is a string of compact records, or missing. */
static enum flaw check_compact(struct view value, enum family family, const struct question *q,
                               struct finding *out)
{
    struct cursor c = cursor_of(value.ptr, value.len);
    struct view records;
    if (!value.len) return FLAW_NONE;
    if (!take_string(&c, &records)) return FLAW_BENCODE;
    out->peers += (uint32_t)(records.len / COMPACT_BYTES(family));
    return check_peers(records, family, q);
}

static enum flaw check_http_announce(const struct http_keys *k, const struct question *q,
                                     struct finding *out)
{
    uint64_t interval_s;
    struct cursor c = cursor_of(k->interval.ptr, k->interval.len);
    if (!k->peers.len || cursor_u8(&c) != 'i' || !take_number(&c, 'e', &interval_s))
        return FLAW_BENCODE;
    if (interval_s == 0 || interval_s > INTERVAL_S_MAX) return FLAW_INTERVAL;
    enum flaw flaw = check_compact(k->peers, FAMILY_V4, q, out);
    if (flaw == FLAW_NONE) flaw = check_compact(k->peers6, FAMILY_V6, q, out);
    if (flaw == FLAW_NONE && out->peers > q->numwant) flaw = FLAW_TOO_MANY;
    return flaw;
}

enum flaw check_http_body(struct view body, const struct question *q, struct finding *out)
{
    struct http_keys keys;
    *out = (struct finding){0};
    if (!keys_read(body, &keys)) return FLAW_BENCODE;
    if (keys.failure.len) return FLAW_REFUSED;
    if (q->kind != ASK_SCRAPE) return check_http_announce(&keys, q, out);
    return keys.files.len && keys.files.ptr[0] == 'd' ? FLAW_NONE : FLAW_BENCODE;
}
