/* http_tracker.h - announce and scrape queries and replies over HTTP. Pure: bytes to struct, back.
 *
 * Sources   BEP 3, 7, 21, 23, 24, 31, 48; protocol.md A (queries), P (escapes), R (answers), S
 *           (scrape), C (bencode). Queries are parsed undecoded, each value decoded just once. */
#ifndef PROTO_HTTP_TRACKER_H
#define PROTO_HTTP_TRACKER_H

#include "base/err.h"
#include "proto/bencode.h"
#include "proto/types.h"

#define HTTP_ANNOUNCE_FIELDS   6   /* that can be wrong */
#define HTTP_SCRAPE_HASHES_MAX 100 /* further distinct hashes are ignored (S9) */

/* The query of an announce, being decoded. In two steps, so that what is looked up by the info hash
 * can be fetched into the cache while the rest is read. */
struct http_announce_query {
    /* private */
    struct announce *out;
    struct cursor rest;
    enum err verdict[HTTP_ANNOUNCE_FIELDS];
    uint16_t cryptoport;
};

/* Decode the info hash if it comes first, as it does in what clients send.
 *   query    borrowed until the end
 *   returns  true when out->info_hash is there; the rest may have another, which is an error */
bool http_announce_begin(struct http_announce_query *q, struct view query, struct announce *out);

/* Decode the rest.
 *   out      everything but address and address_is_proxy, which stay as they were; so does
 *            passkey, unless the query has `passkey=` (undecoded, borrowed): set it before, from
 *            the path or to nothing
 *   returns  the first error in the order of A29, else ERR_OK
 *   key      8 hexadecimal digits as a number, any other text hashed (U11)
 *   notes    duplicates: last wins, a second info_hash is ERR_MULTIPLE_INFO_HASH (A22, A23);
 *            port=0 with cryptoport=N gives N (A31); port=0 and event=stopped is accepted (A30)
 *   cost     one pass; nothing is copied but hash and id */
enum err http_announce_end(struct http_announce_query *q) MUST_CHECK;

/* Decode the query of a scrape: the first `max` distinct hashes, sorted ascending by bytes (S2).
 * ERR_INVALID_INFO_HASH when any is malformed (S7); *count is 0 when there is none: a full scrape.
 * *passkey as for an announce: untouched when the query has none; set after an error too,
 * since who may ask is judged before what is asked (A29). */
enum err http_decode_scrape(struct view query, struct info_hash *hashes, size_t max, size_t *count,
                            struct view *passkey) MUST_CHECK;

/* What an announce answer says. */
struct http_announce_reply {
    uint32_t interval_s, min_interval_s; /* min interval is left out when 0 */
    struct swarm_numbers numbers;
    const struct peer_list *peers;
    const struct address *external_ip; /* BEP 24; NULL leaves it out */
    struct view warning;               /* empty leaves it out */
    bool compact, with_peer_ids;       /* dictionary form: with `peer id` keys (R24..R26) */
};

/* The body, keys sorted, `peers` always present (R16). Needs HTTP_ANNOUNCE_BYTES_MAX of room for
 * n peers: 512 + n * HTTP_PEER_BYTES_MAX. */
#define HTTP_PEER_BYTES_MAX 112
void http_encode_announce(struct writer *w, const struct http_announce_reply *r);

/* d14:failure reason..., and no peers (R45). `retry in` (BEP 31) as text: minutes, or "never" for
 * UINT32_MAX; 0 leaves it out (R44). */
void http_encode_failure(struct writer *w, enum err err, uint32_t retry_in_min);
void http_encode_failure_text(struct writer *w, struct view text, uint32_t retry_in_min);

/* A scrape body in three parts, so that a full scrape can be streamed. Entries in ascending order
 * of hash for a normal scrape. `min_request_interval_s` 0 leaves `flags` out (S6). */
void http_encode_scrape_head(struct writer *w);
void http_encode_scrape_entry(struct writer *w, const struct info_hash *h,
                              const struct swarm_numbers *n);
void http_encode_scrape_tail(struct writer *w, uint32_t min_request_interval_s);
#define HTTP_SCRAPE_ENTRY_BYTES_MAX 128

/* Decode %HH escapes of one value into `out`; false when an escape is broken or the value is longer
 * than `max`. '+' is a plus (P3). */
bool http_unescape(struct view v, uint8_t *out, size_t max, size_t *len);

#endif
