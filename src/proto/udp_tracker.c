/* udp_tracker.c - BEP 15 packets, BEP 41 options, stateless connection ids.
 *
 *   connect    0        8        12       16
 *              | magic  | action | tx     | ...ignored
 *   announce   0        8        12       16     36     56     64    72    80   84  88  92  96   98
 *              | id     | 1      | tx     | hash | peer | down | left| up  | ev | ip| key|nw |port| options
 *   scrape     0        8        12       16
 *              | id     | 2      | tx     | hash x n, 20 bytes each
 *
 * Connection ids
 *              63      48 47                                             1 0
 *              | second  | SipHash-2-4(key; source ip, second of issue)   |1|
 *   Idea       the id says when it was issued, so that a check costs one SipHash whatever the ttl.
 *              16 bits of a clock of seconds are enough to say it: `now` and an age below 65536 s
 *              give back the whole second of issue, and the whole second is what is hashed. An id
 *              from before a wrap therefore rebuilds to another second and does not verify.
 *   Why 16+47  a 32-bit time would leave 32 bits of hash, which a flood can guess within hours;
 *              47 bits take years. One second of granularity serves a ttl of 1 s and of 3600 s.
 *   Bit 0      is always set. 0 means "not connected" to clients and the magic is even, so neither
 *              can be issued nor accepted (U26, U27), without a branch.
 *   Clocks     every worker reads its own clock once per loop turn. Two of them may disagree about
 *              the second for a moment, and a client may be answered by one and heard by the other:
 *              an authentic id from one second ahead is accepted. Nobody else can make one (U28).
 *   Rejected   a table of issued ids (memory per connect, U20); hashing with the current and the
 *              previous time slot (two hashes per check, and a ttl that is off by a whole slot).
 *
 * A request that is no request is ERR_BAD_PACKET: drop. Heartbeats are action 4 in exactly 16
 * bytes; opentracker's 110-byte action 4 is not spoken (U6). */
#include "proto/udp_tracker.h"

#include <assert.h>

#define REQUEST_HEAD_BYTES 16
#define CONNECT_MAGIC      0x41727101980ull
#define HASH_BITS          48
#define HASH_MASK          ((1ull << HASH_BITS) - 1)
#define CLOCK_SKEW_S       1u /* between workers */

enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_URL_DATA = 2 };

/* ---- requests ---- */

static bool is_request(uint32_t action, uint64_t connection_id, size_t packet_bytes)
{
    switch (action) {
    case UDP_CONNECT: return connection_id == CONNECT_MAGIC;
    case UDP_ANNOUNCE: return packet_bytes >= UDP_ANNOUNCE_BYTES;
    case UDP_SCRAPE: return true;
    case UDP_HEARTBEAT: return packet_bytes == REQUEST_HEAD_BYTES;
    default: return false;
    }
}

enum err udp_decode_request(struct view packet, struct udp_request *out)
{
    struct cursor c = cursor_of(packet.ptr, packet.len);
    uint64_t id = cursor_u64be(&c);
    uint32_t action = cursor_u32be(&c);
    uint32_t transaction_id = cursor_u32be(&c);
    if (c.short_read || !is_request(action, id, packet.len)) return ERR_BAD_PACKET;
    *out = (struct udp_request){
        .action = (enum udp_action)action,
        .transaction_id = transaction_id,
        .connection_id = action == UDP_CONNECT ? 0 : id,
    };
    return ERR_OK;
}

static enum event event_of(uint32_t code)
{
    return code <= EVENT_PAUSED ? (enum event)code : EVENT_NONE;
}

/* Reassemble the URLData of all options; a broken one ends the list and is left out (U83). */
static size_t url_collect(struct cursor *c, uint8_t *url)
{
    size_t used = 0;
    while (cursor_left(c)) {
        uint8_t type = cursor_u8(c);
        if (type == OPTION_END) break;
        if (type == OPTION_NOP) continue;
        size_t len = cursor_u8(c);
        const uint8_t *data = cursor_take(c, len);
        if (c->short_read) break;
        if (type != OPTION_URL_DATA) continue;
        if (used + len > UDP_URL_BYTES_MAX) return 0;
        memcpy(url + used, data, len);
        used += len;
    }
    return used;
}

enum err udp_decode_announce(struct view packet, struct announce *out, uint8_t *url,
                             size_t *url_bytes)
{
    *url_bytes = 0;
    struct cursor c = cursor_of(packet.ptr, packet.len);
    if (!cursor_take(&c, REQUEST_HEAD_BYTES)) return ERR_BAD_PACKET;
    cursor_copy(&c, out->info_hash.bytes, INFO_HASH_BYTES);
    cursor_copy(&c, out->peer_id.bytes, PEER_ID_BYTES);
    out->downloaded = cursor_u64be(&c);
    out->left = cursor_u64be(&c);
    out->uploaded = cursor_u64be(&c);
    out->event = event_of(cursor_u32be(&c));
    cursor_take(&c, 4); /* the IP address field points at victims: never read (U10, V22) */
    out->key = cursor_u32be(&c);
    int32_t numwant = (int32_t)cursor_u32be(&c);
    out->numwant = numwant < 0 ? NUMWANT_UNSET : numwant;
    out->port = cursor_u16be(&c);
    out->compact = true;
    out->no_peer_id = true;
    out->address_is_proxy = false;
    if (c.short_read) return ERR_BAD_PACKET;
    *url_bytes = url_collect(&c, url);
    if (out->port == 0 && out->event != EVENT_STOPPED) return ERR_INVALID_PORT;
    return ERR_OK;
}

_Static_assert(sizeof(struct info_hash) == INFO_HASH_BYTES && _Alignof(struct info_hash) == 1,
               "a scrape's hashes are used where they lie in the packet");

enum err udp_decode_scrape(struct view packet, const struct info_hash **hashes, size_t *count)
{
    *count = 0;
    *hashes = NULL;
    if (packet.len < REQUEST_HEAD_BYTES + INFO_HASH_BYTES) return ERR_NO_INFO_HASH;
    size_t n = (packet.len - REQUEST_HEAD_BYTES) / INFO_HASH_BYTES;
    *count = n < UDP_SCRAPE_HASHES_MAX ? n : UDP_SCRAPE_HASHES_MAX;
    *hashes = (const struct info_hash *)(packet.ptr + REQUEST_HEAD_BYTES);
    return ERR_OK;
}

/* ---- answers: each is reserved whole, so that a full writer holds no half of one ---- */

void udp_encode_connect(struct writer *w, uint32_t transaction_id, uint64_t connection_id)
{
    uint8_t *p = writer_take(w, UDP_CONNECT_BYTES);
    if (!p) return;
    store_u32be(p, UDP_CONNECT);
    store_u32be(p + 4, transaction_id);
    store_u64be(p + 8, connection_id);
}

void udp_encode_announce_head(struct writer *w, uint32_t transaction_id, uint32_t interval_s,
                              const struct swarm_numbers *n)
{
    uint8_t *p = writer_take(w, UDP_ANNOUNCE_HEAD_BYTES);
    if (!p) return;
    store_u32be(p, UDP_ANNOUNCE);
    store_u32be(p + 4, transaction_id);
    store_u32be(p + 8, interval_s);
    store_u32be(p + 12, n->incomplete);
    store_u32be(p + 16, n->complete);
}

void udp_encode_scrape_head(struct writer *w, uint32_t transaction_id)
{
    uint8_t *p = writer_take(w, UDP_SCRAPE_HEAD_BYTES);
    if (!p) return;
    store_u32be(p, UDP_SCRAPE);
    store_u32be(p + 4, transaction_id);
}

void udp_encode_scrape_entry(struct writer *w, const struct swarm_numbers *n)
{
    uint8_t *p = writer_take(w, UDP_SCRAPE_ENTRY_BYTES);
    if (!p) return;
    store_u32be(p, n->complete);
    store_u32be(p + 4, n->downloaded);
    store_u32be(p + 8, n->incomplete);
}

void udp_encode_error(struct writer *w, uint32_t transaction_id, enum err err)
{
    udp_encode_error_text(w, transaction_id, view_of_text(err_text(err)));
}

void udp_encode_error_text(struct writer *w, uint32_t transaction_id, struct view text)
{
    uint8_t *p = writer_take(w, UDP_ERROR_HEAD_BYTES + text.len);
    if (!p) return;
    store_u32be(p, UDP_ERROR);
    store_u32be(p + 4, transaction_id);
    if (text.len) memcpy(p + UDP_ERROR_HEAD_BYTES, text.ptr, text.len);
}

/* ---- connection ids ---- */

static uint64_t id_issued_at(const struct hash_key *key, const struct address *source,
                             uint32_t issued_s)
{
    uint8_t message[sizeof source->ip + sizeof issued_s];
    size_t ip_bytes = ADDRESS_BYTES(source->family);
    memcpy(message, source->ip, ip_bytes);
    store_u32be(message + ip_bytes, issued_s);
    uint64_t hash = hash64(key, message, ip_bytes + sizeof issued_s);
    return ((uint64_t)(uint16_t)issued_s << HASH_BITS) | (hash & HASH_MASK) | 1;
}

uint64_t udp_connection_id(const struct hash_key *key, const struct address *source, uint32_t now_s)
{
    return id_issued_at(key, source, now_s);
}

bool udp_connection_id_is_valid(const struct hash_key *key, const struct address *source,
                                uint32_t now_s, uint32_t ttl_s, uint64_t id)
{
    assert(ttl_s <= UDP_ID_TTL_S_MAX);
    uint32_t newest_s = now_s + CLOCK_SKEW_S;
    uint32_t age_s = (uint16_t)(newest_s - (uint32_t)(id >> HASH_BITS));
    if (age_s > ttl_s + CLOCK_SKEW_S) return false;
    return id == id_issued_at(key, source, newest_s - age_s);
}
