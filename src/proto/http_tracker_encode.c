/* http_tracker_encode.c - writing announce and scrape answers; see http_tracker.h.
 *
 * Keys are written in the order of protocol.md C6 and C7, which is that of their bytes; the tests
 * read every answer back with a reader that refuses any other. Nothing that a client sent is ever
 * written (C10): texts come from err.def or from the operator. */
#include "proto/http_tracker.h"

#include <arpa/inet.h>
#include <assert.h>

#define NUMBERS_BYTES_MAX 192 /* 5 with their keys, and an address */

static void key_int(struct writer *w, struct view key, uint64_t v)
{
    bencode_bytes(w, key);
    bencode_int(w, v);
}

static void key_bytes(struct writer *w, struct view key, struct view v)
{
    bencode_bytes(w, key);
    bencode_bytes(w, v);
}

static void key_text(struct writer *w, struct view key, const char *text)
{
    key_bytes(w, key, view_of_text(text));
}

static struct view records(const struct peer_list *l, enum family family)
{
    return view_of(l->compact[family], (size_t)l->count[family] * COMPACT_BYTES(family));
}

/* BEP 23 and BEP 7: `peers` even when empty, or rTorrent fails the announce (R16). */
static void peers_compact(struct writer *w, const struct peer_list *l)
{
    key_bytes(w, VIEW("peers"), records(l, FAMILY_V4));
    if (l->count[FAMILY_V6]) key_bytes(w, VIEW("peers6"), records(l, FAMILY_V6));
}

/* One dictionary of BEP 3's list (C7). `peer_id` is NULL when it is not told. */
static void peer_dictionary(struct writer *w, enum family family, const uint8_t *compact,
                            const uint8_t *peer_id)
{
    char ip[INET6_ADDRSTRLEN];
    const char *text = inet_ntop(family == FAMILY_V4 ? AF_INET : AF_INET6, compact, ip, sizeof ip);
    assert(text);
    writer_literal(w, "d");
    key_text(w, VIEW("ip"), text);
    if (peer_id) key_bytes(w, VIEW("peer id"), view_of(peer_id, PEER_ID_BYTES));
    key_int(w, VIEW("port"), load_u16be(compact + ADDRESS_BYTES(family)));
    writer_literal(w, "e");
}

/* Both families share the list, and there is no `peers6` (R24). */
static void peers_dictionaries(struct writer *w, const struct peer_list *l, bool with_peer_ids)
{
    bencode_literal(w, "peers");
    writer_literal(w, "l");
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const uint8_t *ids = with_peer_ids ? l->peer_ids[f] : NULL;
        for (size_t i = 0; i < l->count[f]; i++)
            peer_dictionary(w, f, l->compact[f] + i * COMPACT_BYTES(f),
                            ids ? ids + i * PEER_ID_BYTES : NULL);
    }
    writer_literal(w, "e");
}

static inline uint8_t *append_key_int(uint8_t *p, struct view key, uint64_t v)
{
    p = bencode_append_bytes(p, key);
    return bencode_append_int(p, v);
}

/* Everything before the peers, without asking for room before each piece. */
static void numbers(struct writer *w, const struct http_announce_reply *r)
{
    uint8_t *p = writer_room(w, NUMBERS_BYTES_MAX);
    if (!p) return;
    p = append_literal(p, "d");
    p = append_key_int(p, VIEW("complete"), r->numbers.complete);
    p = append_key_int(p, VIEW("downloaded"), r->numbers.downloaded);
    if (r->external_ip) {
        p = bencode_append_bytes(p, VIEW("external ip"));
        p = bencode_append_bytes(
            p, view_of(r->external_ip->ip, ADDRESS_BYTES(r->external_ip->family)));
    }
    p = append_key_int(p, VIEW("incomplete"), r->numbers.incomplete);
    p = append_key_int(p, VIEW("interval"), r->interval_s);
    if (r->min_interval_s) p = append_key_int(p, VIEW("min interval"), r->min_interval_s);
    writer_appended(w, p);
}

void http_encode_announce(struct writer *w, const struct http_announce_reply *r)
{
    numbers(w, r);
    if (r->compact) peers_compact(w, r->peers);
    else peers_dictionaries(w, r->peers, r->with_peer_ids);
    if (r->warning.len) key_bytes(w, VIEW("warning message"), r->warning);
    writer_literal(w, "e");
}

/* BEP 31 as text: the one reader known wants a string (R44). */
static void retry_in(struct writer *w, uint32_t minutes)
{
    uint8_t text[10];
    struct writer digits = writer_of(text, sizeof text);
    writer_decimal(&digits, minutes);
    key_bytes(w, VIEW("retry in"),
              minutes == UINT32_MAX ? VIEW("never") : view_of(text, writer_used(&digits)));
}

void http_encode_failure(struct writer *w, enum err err, uint32_t retry_in_min)
{
    assert(err != ERR_OK);
    http_encode_failure_text(w, view_of_text(err_text(err)), retry_in_min);
}

void http_encode_failure_text(struct writer *w, struct view text, uint32_t retry_in_min)
{
    writer_literal(w, "d");
    key_bytes(w, VIEW("failure reason"), text);
    if (retry_in_min) retry_in(w, retry_in_min);
    writer_literal(w, "e");
}

void http_encode_scrape_head(struct writer *w)
{
    writer_literal(w, "d");
    bencode_literal(w, "files");
    writer_literal(w, "d");
}

void http_encode_scrape_entry(struct writer *w, const struct info_hash *h,
                              const struct swarm_numbers *n)
{
    bencode_bytes(w, view_of(h->bytes, INFO_HASH_BYTES));
    writer_literal(w, "d");
    key_int(w, VIEW("complete"), n->complete);
    key_int(w, VIEW("downloaded"), n->downloaded);
    key_int(w, VIEW("downloaders"), n->downloaders); /* in every entry: S4 */
    key_int(w, VIEW("incomplete"), n->incomplete);
    writer_literal(w, "e");
}

void http_encode_scrape_tail(struct writer *w, uint32_t min_request_interval_s)
{
    writer_literal(w, "e");
    if (min_request_interval_s) {
        bencode_literal(w, "flags");
        writer_literal(w, "d");
        key_int(w, VIEW("min_request_interval"), min_request_interval_s);
        writer_literal(w, "e");
    }
    writer_literal(w, "e");
}
