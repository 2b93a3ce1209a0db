/* tracker_answer_udp.c - BEP 15 from the client's side: requests written, answers read.
 *
 *   answers  0       4               8
 *   connect  | 0     | transaction   | connection id (8) |
 *   announce | 1     | transaction   | interval | leechers | seeders | peers (6 or 18 each) |
 *   scrape   | 2     | transaction   | seeders, completed, leechers (12 each) |
 *   error    | 3     | transaction   | text | */
#include "proto/tracker_answer.h"

#include "proto/udp_tracker.h"

#include <assert.h>

#define CONNECT_MAGIC   0x41727101980ull
#define HEAD_BYTES      8
#define OPTION_END      0 /* BEP 41 */
#define OPTION_URL      2
#define OPTION_BYTES    255
#define INTERVAL_S_MAX  86400
#define NUMWANT_DEFAULT UINT32_MAX

/* ---- requests ---- */

static void write_head(struct writer *w, uint64_t connection_id, enum udp_action action,
                       uint32_t transaction_id)
{
    writer_u64be(w, connection_id);
    writer_u32be(w, action);
    writer_u32be(w, transaction_id);
}

void udp_write_connect(struct writer *w, uint32_t transaction_id)
{
    write_head(w, CONNECT_MAGIC, UDP_CONNECT, transaction_id);
}

static void write_url(struct writer *w, struct view url)
{
    if (url.len == 0) return;
    if (url.len > UDP_URL_BYTES_MAX) url.len = UDP_URL_BYTES_MAX;
    while (url.len) {
        size_t part = url.len < OPTION_BYTES ? url.len : OPTION_BYTES;
        writer_u8(w, OPTION_URL);
        writer_u8(w, (uint8_t)part);
        writer_put(w, url.ptr, part);
        url = view_from(url, part);
    }
    writer_u8(w, OPTION_END);
}

void udp_write_announce(struct writer *w, uint64_t connection_id, uint32_t transaction_id,
                        const struct announce *a, struct view url)
{
    write_head(w, connection_id, UDP_ANNOUNCE, transaction_id);
    writer_put(w, a->info_hash.bytes, INFO_HASH_BYTES);
    writer_put(w, a->peer_id.bytes, PEER_ID_BYTES);
    writer_u64be(w, a->downloaded);
    writer_u64be(w, a->left);
    writer_u64be(w, a->uploaded);
    writer_u32be(w, a->event);
    writer_u32be(w, 0); /* the address: the packet's */
    writer_u32be(w, a->key);
    writer_u32be(w, a->numwant == NUMWANT_UNSET ? NUMWANT_DEFAULT : (uint32_t)a->numwant);
    writer_u16be(w, a->port);
    write_url(w, url);
}

void udp_write_scrape(struct writer *w, uint64_t connection_id, uint32_t transaction_id,
                      const struct info_hash *hashes, size_t count)
{
    assert(count <= ANSWER_HASHES_MAX);
    write_head(w, connection_id, UDP_SCRAPE, transaction_id);
    for (size_t i = 0; i < count; i++)
        writer_put(w, hashes[i].bytes, INFO_HASH_BYTES);
}

/* ---- answers ---- */

bool udp_read_head(struct view packet, uint32_t *action, uint32_t *transaction_id)
{
    struct cursor c = cursor_of(packet.ptr, packet.len);
    *action = cursor_u32be(&c);
    *transaction_id = cursor_u32be(&c);
    return !c.short_read;
}

static struct cursor body_of(struct view packet)
{
    struct cursor c = cursor_of(packet.ptr, packet.len);
    (void)cursor_take(&c, HEAD_BYTES);
    return c;
}

enum err udp_read_connect(struct view packet, uint64_t *connection_id, uint32_t *flaws)
{
    struct cursor c = body_of(packet);
    *connection_id = cursor_u64be(&c);
    if (c.short_read) return ERR_BAD_PACKET;
    if (cursor_left(&c)) *flaws |= FLAW_BIT(FLAW_CONNECT_SIZE);
    return ERR_OK;
}

/* Counts are signed in BEP 15; trakx says -1. */
static int64_t take_count(struct cursor *c, uint32_t *flaws)
{
    uint32_t v = cursor_u32be(c);
    if (v <= INT32_MAX) return v;
    *flaws |= FLAW_BIT(FLAW_NEGATIVE_COUNT);
    return COUNT_UNKNOWN;
}

enum err udp_read_announce(struct view packet, enum family family, struct answer_announce *out)
{
    struct cursor c = body_of(packet);
    *out = (struct answer_announce){.min_interval_s = COUNT_UNKNOWN, .downloaded = COUNT_UNKNOWN};
    out->interval_s = (int32_t)cursor_u32be(&c);
    out->leechers = take_count(&c, &out->flaws);
    out->seeders = take_count(&c, &out->flaws);
    if (c.short_read) return ERR_BAD_PACKET;
    if (out->interval_s < 1 || out->interval_s > INTERVAL_S_MAX)
        out->flaws |= FLAW_BIT(FLAW_INTERVAL_RANGE);
    answer_peers_compact(view_of(c.at, cursor_left(&c)), family, out);
    return ERR_OK;
}

enum err udp_read_scrape(struct view packet, size_t count, struct answer_scrape *out)
{
    struct cursor c = body_of(packet);
    assert(count <= ANSWER_HASHES_MAX);
    *out = (struct answer_scrape){0};
    if (c.short_read) return ERR_BAD_PACKET;
    for (size_t i = 0; i < count && cursor_left(&c) >= UDP_SCRAPE_ENTRY_BYTES; i++) {
        out->of[i].present = true;
        out->of[i].seeders = take_count(&c, &out->flaws);
        out->of[i].downloaded = take_count(&c, &out->flaws);
        out->of[i].leechers = take_count(&c, &out->flaws);
    }
    bool fits = packet.len == HEAD_BYTES + count * UDP_SCRAPE_ENTRY_BYTES;
    if (!fits) out->flaws |= FLAW_BIT(FLAW_SCRAPE_SIZE);
    return ERR_OK;
}

struct view udp_read_error(struct view packet)
{
    struct view text = view_from(packet, packet.len < HEAD_BYTES ? packet.len : HEAD_BYTES);
    while (text.len && text.ptr[text.len - 1] == '\0') /* some terminate it */
        text.len--;
    return text;
}
