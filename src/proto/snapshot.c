/* snapshot.c - see snapshot.h and docs/snapshot-format.md.
 *
 * Idea       a block is a run of torrents that needs nothing from before it. Its head has a checksum of
 *            its own, so that a length can be trusted before it is followed, and a mark to search
 *            for where it cannot.
 * Size       what a torrent and a peer need and nothing else: counts are of variable length, a peer's
 *            state and age share two bytes, parts of a large torrent name it once a block. Hashes
 *            and addresses do not compress; packing was left out.
 * Checksum   CRC-32 as zlib has it: it finds what disks and cut files do, at memory speed, and any
 *            script can compute it. A keyed hash would tie the file to its key, and nobody who may
 *            write the file is kept out by it.
 * Order      big-endian, as everything else that muster puts on a wire. */
#include "proto/snapshot.h"

#include <assert.h>
#include <zlib.h>

#define MARK         0x6d426c6bu /* "mBlk" */
#define FLAG_IDS     0x0001u
#define AGE_MAX      0x1fffu
#define BIT_SEEDER   0x8000u
#define BIT_PARTIAL  0x4000u
#define BIT_COUNTED  0x2000u
#define GOES_ON      0x01u /* the torrent before it in this block */
#define HAS_PAIRS    0x02u
#define TOTALS_BYTES 28

static const uint8_t MAGIC[8] = {'m', 'u', 's', 't', 'e', 'r', 'S', '\n'};

static uint32_t crc_of(const void *bytes, size_t len)
{
    return (uint32_t)crc32_z(0, bytes, len);
}

/* ---- header ---- */

void snapshot_header_write(const struct snapshot_header *h, uint8_t out[SNAPSHOT_HEADER_BYTES])
{
    struct writer w = writer_of(out, SNAPSHOT_HEADER_BYTES);
    writer_put(&w, MAGIC, sizeof MAGIC);
    writer_u16be(&w, SNAPSHOT_VERSION);
    writer_u16be(&w, h->has_peer_ids ? FLAG_IDS : 0);
    writer_u32be(&w, h->age_unit_s);
    writer_u64be(&w, h->saved_unix_s);
    writer_u64be(&w, h->saved_uptime_s);
    writer_put(&w, h->boot_id, sizeof h->boot_id);
    writer_u64be(&w, h->tag_check);
    writer_u32be(&w, h->lifetime_s);
    writer_u32be(&w, crc_of(out, writer_used(&w)));
    assert(!w.overflow && writer_left(&w) == 0);
}

enum err snapshot_header_read(const uint8_t in[SNAPSHOT_HEADER_BYTES], struct snapshot_header *out)
{
    struct cursor c = cursor_of(in, SNAPSHOT_HEADER_BYTES);
    if (memcmp(cursor_take(&c, sizeof MAGIC), MAGIC, sizeof MAGIC) != 0)
        return ERR_SNAPSHOT_FOREIGN;
    if (cursor_u16be(&c) != SNAPSHOT_VERSION) return ERR_SNAPSHOT_VERSION;
    out->has_peer_ids = cursor_u16be(&c) & FLAG_IDS;
    out->age_unit_s = cursor_u32be(&c);
    out->saved_unix_s = cursor_u64be(&c);
    out->saved_uptime_s = cursor_u64be(&c);
    cursor_copy(&c, out->boot_id, sizeof out->boot_id);
    out->tag_check = cursor_u64be(&c);
    out->lifetime_s = cursor_u32be(&c);
    bool is_whole = cursor_u32be(&c) == crc_of(in, SNAPSHOT_HEADER_BYTES - 4);
    return is_whole && out->age_unit_s ? ERR_OK : ERR_SNAPSHOT_DAMAGED;
}

/* ---- heads ---- */

static void head_write(const struct snapshot_head *h, uint8_t out[SNAPSHOT_HEAD_BYTES])
{
    store_u32be(out, MARK);
    store_u32be(out + 4, h->type);
    store_u32be(out + 8, h->number);
    store_u32be(out + 12, h->payload_bytes);
    store_u32be(out + 16, h->payload_crc);
    store_u32be(out + 20, crc_of(out, SNAPSHOT_HEAD_BYTES - 4));
}

enum err snapshot_head_read(const uint8_t in[SNAPSHOT_HEAD_BYTES], struct snapshot_head *out)
{
    struct cursor c = cursor_of(in, SNAPSHOT_HEAD_BYTES);
    if (cursor_u32be(&c) != MARK) return ERR_SNAPSHOT_DAMAGED;
    out->type = cursor_u32be(&c);
    out->number = cursor_u32be(&c);
    out->payload_bytes = cursor_u32be(&c);
    out->payload_crc = cursor_u32be(&c);
    if (cursor_u32be(&c) != crc_of(in, SNAPSHOT_HEAD_BYTES - 4)) return ERR_SNAPSHOT_DAMAGED;
    if (out->payload_bytes > SNAPSHOT_BLOCK_BYTES_MAX - SNAPSHOT_HEAD_BYTES)
        return ERR_SNAPSHOT_DAMAGED;
    return ERR_OK;
}

bool snapshot_payload_is_whole(const struct snapshot_head *head, const uint8_t *payload)
{
    return crc_of(payload, head->payload_bytes) == head->payload_crc;
}

/* ---- numbers of variable length: seven bits a byte, the lowest first, the last without 0x80 ---- */

static void put_number(struct writer *w, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        writer_u8(w, (uint8_t)(v | 0x80));
    writer_u8(w, (uint8_t)v);
}

/* One that does not fit 32 bits counts as cut off. */
static uint32_t take_number(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = cursor_u8(c);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            c->short_read |= v > UINT32_MAX;
            return (uint32_t)v;
        }
    }
    c->short_read = true;
    return 0;
}

/* ---- writing ---- */

static void block_begin(struct snapshot_writer *w)
{
    w->block.at = w->block.start;
    writer_take(&w->block, SNAPSHOT_HEAD_BYTES);
    w->in_block = true;
}

void snapshot_writer_init(struct snapshot_writer *w, const struct snapshot_header *h,
                          uint8_t *buffer)
{
    *w = (struct snapshot_writer){.block = writer_of(buffer, SNAPSHOT_BLOCK_BYTES_MAX),
                                  .age_unit_s = h->age_unit_s,
                                  .has_peer_ids = h->has_peer_ids};
}

static void put_peer(struct snapshot_writer *w, const struct stored_peer *p)
{
    uint32_t age = p->age_s / w->age_unit_s;
    uint32_t bits = age < AGE_MAX ? age : AGE_MAX;
    if (p->is_seeder) bits |= BIT_SEEDER;
    if (p->is_partial) bits |= BIT_PARTIAL;
    if (p->has_counted) bits |= BIT_COUNTED;
    writer_put(&w->block, p->address.ip, ADDRESS_BYTES(p->address.family));
    writer_u16be(&w->block, p->port);
    writer_u16be(&w->block, p->tag);
    writer_u16be(&w->block, (uint16_t)bits);
    if (w->has_peer_ids) writer_put(&w->block, &p->peer_id, sizeof p->peer_id);
}

/* Peers by family: how many IPv4, how many IPv6, then the ones, then the others. */
static void put_peers(struct snapshot_writer *w, const struct stored_torrent *t)
{
    uint32_t count[FAMILY_COUNT] = {0};
    for (uint32_t i = 0; i < t->count; i++)
        count[t->peers[i].address.family]++;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        put_number(&w->block, count[f]);
        w->totals.peers[f] += count[f];
    }
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (uint32_t i = 0; i < t->count; i++)
            if (t->peers[i].address.family == (enum family)f) put_peer(w, &t->peers[i]);
}

static void put_torrent(struct snapshot_writer *w, const struct stored_torrent *t)
{
    bool has_pairs = t->pairs_complete || t->pairs_incomplete;
    writer_u8(&w->block, has_pairs ? HAS_PAIRS : 0);
    writer_put(&w->block, &t->info_hash, sizeof t->info_hash);
    put_number(&w->block, t->completed);
    put_number(&w->block, t->empty_s);
    if (!has_pairs) return;
    put_number(&w->block, t->pairs_complete);
    put_number(&w->block, t->pairs_incomplete);
}

void snapshot_put(struct snapshot_writer *w, const struct stored_torrent *t)
{
    assert(t->count <= STORED_PEERS_MAX);
    bool is_new_block = !w->in_block;
    if (is_new_block) block_begin(w);
    bool goes_on = w->in_torrent && memcmp(&w->last, &t->info_hash, sizeof w->last) == 0;
    if (!goes_on || is_new_block) put_torrent(w, t);
    else writer_u8(&w->block, GOES_ON);
    w->totals.torrents += !goes_on;
    put_peers(w, t);
    w->last = t->info_hash;
    w->in_torrent = true;
    assert(!w->block.overflow);
}

static struct view block_close(struct snapshot_writer *w, enum snapshot_type type)
{
    uint8_t *payload = w->block.start + SNAPSHOT_HEAD_BYTES;
    struct snapshot_head head = {.type = type,
                                 .number = w->totals.blocks,
                                 .payload_bytes =
                                     (uint32_t)(writer_used(&w->block) - SNAPSHOT_HEAD_BYTES)};
    head.payload_crc = crc_of(payload, head.payload_bytes);
    head_write(&head, w->block.start);
    w->in_block = false;
    return view_of(w->block.start, writer_used(&w->block));
}

struct view snapshot_block_finish(struct snapshot_writer *w)
{
    if (!w->in_block) block_begin(w);
    struct view out = block_close(w, SNAPSHOT_TORRENTS);
    w->totals.blocks++;
    w->block.at = w->block.start;
    return out;
}

struct view snapshot_end(struct snapshot_writer *w)
{
    block_begin(w);
    writer_u64be(&w->block, w->totals.torrents);
    for (int f = 0; f < FAMILY_COUNT; f++)
        writer_u64be(&w->block, w->totals.peers[f]);
    writer_u32be(&w->block, w->totals.blocks);
    return block_close(w, SNAPSHOT_END);
}

enum err snapshot_totals_read(struct view payload, struct snapshot_totals *out)
{
    if (payload.len != TOTALS_BYTES) return ERR_SNAPSHOT_DAMAGED;
    struct cursor c = cursor_of(payload.ptr, payload.len);
    out->torrents = cursor_u64be(&c);
    for (int f = 0; f < FAMILY_COUNT; f++)
        out->peers[f] = cursor_u64be(&c);
    out->blocks = cursor_u32be(&c);
    return ERR_OK;
}

/* ---- reading ---- */

void snapshot_reader_init(struct snapshot_reader *r, const struct snapshot_header *h,
                          struct view payload)
{
    r->in = cursor_of(payload.ptr, payload.len);
    r->age_unit_s = h->age_unit_s;
    r->has_peer_ids = h->has_peer_ids;
    r->in_torrent = false;
    r->later_s = 0;
}

/* Ages end at what 32 bits hold: older than anybody asks for. */
static uint32_t age_now(const struct snapshot_reader *r, uint64_t age_s)
{
    return age_s + r->later_s > UINT32_MAX ? UINT32_MAX : (uint32_t)(age_s + r->later_s);
}

static void take_peer(struct snapshot_reader *r, enum family f, struct stored_peer *out)
{
    *out = (struct stored_peer){.address = {.family = f}, .has_id = r->has_peer_ids};
    cursor_copy(&r->in, out->address.ip, ADDRESS_BYTES(f));
    out->port = cursor_u16be(&r->in);
    out->tag = cursor_u16be(&r->in);
    uint16_t bits = cursor_u16be(&r->in);
    out->age_s = age_now(r, (uint64_t)(bits & AGE_MAX) * r->age_unit_s);
    out->is_seeder = bits & BIT_SEEDER;
    out->is_partial = bits & BIT_PARTIAL;
    out->has_counted = bits & BIT_COUNTED;
    if (r->has_peer_ids) cursor_copy(&r->in, &out->peer_id, sizeof out->peer_id);
}

static bool take_torrent(struct snapshot_reader *r, uint8_t flags)
{
    struct stored_torrent *t = &r->last;
    if (flags & ~(GOES_ON | HAS_PAIRS)) return false;
    if (flags & GOES_ON) return r->in_torrent;
    *t = (struct stored_torrent){.peers = r->peers};
    cursor_copy(&r->in, &t->info_hash, sizeof t->info_hash);
    t->completed = take_number(&r->in);
    t->empty_s = age_now(r, take_number(&r->in));
    if (flags & HAS_PAIRS) {
        t->pairs_complete = take_number(&r->in);
        t->pairs_incomplete = take_number(&r->in);
    }
    return true;
}

enum err snapshot_next(struct snapshot_reader *r, const struct stored_torrent **out)
{
    *out = NULL;
    if (!cursor_left(&r->in)) return ERR_OK;
    if (!take_torrent(r, cursor_u8(&r->in))) return ERR_SNAPSHOT_DAMAGED;
    uint32_t n4 = take_number(&r->in), n6 = take_number(&r->in);
    if (n4 > STORED_PEERS_MAX || n6 > STORED_PEERS_MAX - n4) return ERR_SNAPSHOT_DAMAGED;
    for (uint32_t i = 0; i < n4 + n6; i++)
        take_peer(r, i < n4 ? FAMILY_V4 : FAMILY_V6, &r->peers[i]);
    if (r->in.short_read) return ERR_SNAPSHOT_DAMAGED;
    r->last.count = n4 + n6;
    r->in_torrent = true;
    *out = &r->last;
    return ERR_OK;
}
