/* foreign_store.c - see foreign_store.h.
 *
 * trakx's backup is little-endian and has no head, no end and no checksum:
 *
 *   torrent   | info_hash 20 | peers u32 | peer ... |
 *   peer      | id 20 | is complete u8 | address bytes i32 | address 4 or 16 | port u16 | heard i64 |
 *
 * A torrent of it has no completed count: seeders that have completed are not told from others. */
#include "proto/foreign_store.h"

#include "base/text.h"
#include "proto/bencode_read.h"

#define HEX_DIGITS 40

/* ---- trakx ---- */

static uint64_t take_le(struct cursor *c, unsigned bytes)
{
    uint64_t v = 0;
    const uint8_t *p = cursor_take(c, bytes);
    for (unsigned i = 0; p && i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* False: it makes no sense. */
static bool take_trakx_peer(struct cursor *c, uint64_t now_unix_s, struct stored_peer *out)
{
    *out = (struct stored_peer){.has_id = true};
    cursor_copy(c, &out->peer_id, sizeof out->peer_id);
    uint8_t is_complete = cursor_u8(c);
    uint64_t bytes = take_le(c, 4);
    if (is_complete > 1 || (bytes != 4 && bytes != 16)) return false;
    out->is_seeder = is_complete;
    out->address.family = bytes == 4 ? FAMILY_V4 : FAMILY_V6;
    cursor_copy(c, out->address.ip, bytes);
    address_normalize(&out->address);
    out->port = (uint16_t)take_le(c, 2);
    uint64_t heard = take_le(c, 8), age_s = now_unix_s > heard ? now_unix_s - heard : 0;
    out->age_s = age_s > UINT32_MAX ? UINT32_MAX : (uint32_t)age_s;
    return !c->short_read;
}

static bool take_trakx_torrent(struct cursor *c, uint64_t now_unix_s, foreign_torrent_fn *fn,
                               void *ctx)
{
    struct stored_peer peers[STORED_PEERS_MAX];
    struct stored_torrent t = {.peers = peers};
    cursor_copy(c, &t.info_hash, sizeof t.info_hash);
    uint64_t left = take_le(c, 4);
    if (c->short_read) return false;
    for (; left; left--) {
        if (!take_trakx_peer(c, now_unix_s, &peers[t.count])) return false;
        if (++t.count < STORED_PEERS_MAX) continue;
        fn(ctx, &t);
        t.count = 0;
    }
    if (t.count) fn(ctx, &t);
    return true;
}

enum err foreign_read_trakx(struct foreign_text *text, foreign_torrent_fn *fn, void *ctx)
{
    struct cursor c = cursor_of(text->bytes.ptr, text->bytes.len);
    while (cursor_left(&c)) {
        text->understood = (size_t)(c.at - text->bytes.ptr);
        if (!take_trakx_torrent(&c, text->now_unix_s, fn, ctx)) return ERR_BAD_VALUE;
    }
    text->understood = text->bytes.len;
    return ERR_OK;
}

/* ---- bencoded ---- */

enum err foreign_read_scrape(struct foreign_text *text, foreign_torrent_fn *fn, void *ctx)
{
    struct bencode_value all, files, item, downloaded;
    struct view key;
    size_t used;
    unsigned faults;
    text->understood = 0;
    if (bencode_read(text->bytes, &all, &used, &faults) != ERR_OK ||
        !bencode_find(&all, "files", BENCODE_DICT, &files))
        return ERR_BAD_VALUE;
    for (struct view rest = files.bytes; bencode_next_pair(&rest, &key, &item);) {
        text->understood = (size_t)(key.ptr - text->bytes.ptr);
        if (key.len != INFO_HASH_BYTES) return ERR_BAD_VALUE;
        struct stored_torrent t = {0};
        memcpy(&t.info_hash, key.ptr, sizeof t.info_hash);
        if (!bencode_find(&item, "downloaded", BENCODE_INT, &downloaded)) continue;
        if (downloaded.number <= 0) continue;
        t.completed = downloaded.number > UINT32_MAX ? UINT32_MAX : (uint32_t)downloaded.number;
        fn(ctx, &t);
    }
    text->understood = text->bytes.len;
    return ERR_OK;
}

/* ---- lines ---- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hash(struct view line, struct info_hash *out)
{
    if (line.len < HEX_DIGITS) return false;
    for (unsigned i = 0; i < INFO_HASH_BYTES; i++) {
        int high = hex_value(line.ptr[2 * i]), low = hex_value(line.ptr[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The fields behind the hash, ":1:2:3": how many, and the last one. */
static unsigned take_fields(struct view rest, uint64_t *last)
{
    unsigned count = 0;
    while (rest.len) {
        if (rest.ptr[0] != ':') return 0;
        rest = view_from(rest, 1);
        size_t len = 0;
        while (len < rest.len && rest.ptr[len] != ':')
            len++;
        if (text_u64(view_of(rest.ptr, len), last) != ERR_OK) return 0;
        rest = view_from(rest, len);
        count++;
    }
    return count;
}

/* All lines of a file have as many fields as its first one. */
static bool take_line(struct view line, unsigned *fields, struct stored_torrent *out)
{
    uint64_t last = 0;
    if (!take_hash(line, &out->info_hash)) return false;
    unsigned count = take_fields(view_from(line, HEX_DIGITS), &last);
    if (count < 2 || count > 3 || (*fields && count != *fields)) return false;
    *fields = count;
    out->completed = last > UINT32_MAX ? UINT32_MAX : (uint32_t)last;
    return true;
}

enum err foreign_read_lines(struct foreign_text *text, foreign_torrent_fn *fn, void *ctx)
{
    unsigned fields = 0;
    struct view rest = text->bytes;
    while (rest.len) {
        struct stored_torrent t = {0};
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        size_t bare = len && rest.ptr[len - 1] == '\r' ? len - 1 : len;
        text->understood = (size_t)(rest.ptr - text->bytes.ptr);
        if (bare && !take_line(view_of(rest.ptr, bare), &fields, &t)) return ERR_BAD_VALUE;
        if (t.completed) fn(ctx, &t);
        rest = view_from(rest, end ? len + 1 : len);
    }
    text->understood = text->bytes.len;
    return ERR_OK;
}
