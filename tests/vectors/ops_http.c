/* ops_http.c - the operations of the HTTP codecs. */
#include "vectors.h"

#include "proto/http1.h"
#include "proto/http_tracker.h"

/* A head -> "used", "method", "path", "query", "minor", "keep_alive", "headers"; or "status"; or
 * "more". */
static void head(struct view in, struct writer *out)
{
    struct http_request r;
    int used = http1_parse(in, 0, &r);
    if (used < 0) vector_put_number(out, "status", (uint64_t)-used);
    if (used == 0) vector_put_number(out, "more", 1);
    if (used <= 0) return;
    vector_put_number(out, "used", (uint64_t)used);
    vector_put(out, "method", r.method == HTTP_GET ? VIEW("GET") : VIEW("HEAD"));
    vector_put(out, "path", r.path);
    if (r.has_query) vector_put(out, "query", r.query);
    vector_put_number(out, "minor", r.minor_version);
    vector_put_number(out, "keep_alive", r.keep_alive);
    vector_put_number(out, "headers", r.header_count);
}

/* A wrapped request -> its text, after "used". */
static void unwrap(struct view in, struct writer *out)
{
    uint8_t text[HTTP_WRAPPED_BYTES_MAX];
    size_t len;
    int used = http1_is_base64(in) ? http1_unwrap_base64(in, text, sizeof text, &len) : -400;
    if (used < 0) vector_put_number(out, "status", (uint64_t)-used);
    if (used == 0) vector_put_number(out, "more", 1);
    if (used <= 0) return;
    vector_put_number(out, "used", (uint64_t)used);
    vector_put(out, "text", view_of(text, len));
}

/* One value -> its bytes. */
static void unescape(struct view in, struct writer *out)
{
    uint8_t bytes[256];
    size_t len;
    if (http_unescape(in, bytes, sizeof bytes, &len)) vector_put_hex(out, "bytes", bytes, len);
    else vector_put_number(out, "bad", 1);
}

/* A query -> the announce, or "error". */
static void decode_announce(struct view in, struct writer *out)
{
    struct announce a = {0};
    struct http_announce_query q;
    http_announce_begin(&q, in, &a);
    enum err err = http_announce_end(&q);
    if (err == ERR_OK) vector_put_announce(out, &a);
    else vector_put_error(out, err);
}

/* A whole request -> "path", and the announce of its query. */
static void announce_request(struct view in, struct writer *out)
{
    struct http_request r;
    if (http1_parse(in, 0, &r) != (int)in.len) {
        vector_put(out, "error", VIEW("not one whole request"));
        return;
    }
    vector_put(out, "path", r.path);
    vector_put_number(out, "keep_alive", r.keep_alive);
    decode_announce(r.query, out);
}

/* A query -> "info_hash" for each hash asked for, then "passkey"; or "error". */
static void decode_scrape(struct view in, struct writer *out)
{
    struct info_hash hashes[HTTP_SCRAPE_HASHES_MAX];
    struct view passkey = {0};
    size_t count;
    enum err err = http_decode_scrape(in, hashes, HTTP_SCRAPE_HASHES_MAX, &count, &passkey);
    if (err != ERR_OK) {
        vector_put_error(out, err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        vector_put_hex(out, "info_hash", hashes[i].bytes, INFO_HASH_BYTES);
    vector_put(out, "passkey", passkey);
}

/* The numbers, "interval", "min_interval", "peers", "peers6" (records), "external_ip", "warning",
 * "compact", "peer_ids", "peer_ids6" -> the body. */
static void encode_announce(struct view in, struct writer *out)
{
    uint8_t compact[FAMILY_COUNT][1024], ids[FAMILY_COUNT][1024];
    struct address ip = {0};
    size_t ip_bytes = vector_field_hex(in, "external_ip", ip.ip, sizeof ip.ip);
    ip.family = ip_bytes == 4 ? FAMILY_V4 : FAMILY_V6;
    struct peer_list peers = {.compact = {compact[FAMILY_V4], compact[FAMILY_V6]},
                              .peer_ids = {ids[FAMILY_V4], ids[FAMILY_V6]}};
    size_t v4_bytes = vector_field_hex(in, "peers", compact[FAMILY_V4], sizeof compact[FAMILY_V4]);
    size_t v6_bytes = vector_field_hex(in, "peers6", compact[FAMILY_V6], sizeof compact[FAMILY_V6]);
    peers.count[FAMILY_V4] = (uint16_t)(v4_bytes / COMPACT_BYTES(FAMILY_V4));
    peers.count[FAMILY_V6] = (uint16_t)(v6_bytes / COMPACT_BYTES(FAMILY_V6));
    size_t id_bytes = vector_field_hex(in, "peer_ids", ids[FAMILY_V4], sizeof ids[FAMILY_V4]) +
                      vector_field_hex(in, "peer_ids6", ids[FAMILY_V6], sizeof ids[FAMILY_V6]);
    struct http_announce_reply r = {
        .interval_s = (uint32_t)vector_field_number(in, "interval"),
        .min_interval_s = (uint32_t)vector_field_number(in, "min_interval"),
        .numbers = vector_field_swarm(in),
        .peers = &peers,
        .external_ip = ip_bytes ? &ip : NULL,
        .compact = vector_field_number(in, "compact") != 0,
        .with_peer_ids = id_bytes != 0,
    };
    vector_field(in, "warning", &r.warning);
    http_encode_announce(out, &r);
}

/* "error", "retry_in" (minutes, or the largest u32 for never) -> the body. */
static void encode_failure(struct view in, struct writer *out)
{
    http_encode_failure(out, vector_field_error(in), (uint32_t)vector_field_number(in, "retry_in"));
}

/* "info_hash" and the numbers of one torrent, "min_request_interval" -> the body; no hash, no
 * entry. */
static void encode_scrape(struct view in, struct writer *out)
{
    struct info_hash h;
    struct swarm_numbers n = vector_field_swarm(in);
    http_encode_scrape_head(out);
    if (vector_field_hex(in, "info_hash", h.bytes, sizeof h.bytes))
        http_encode_scrape_entry(out, &h, &n);
    http_encode_scrape_tail(out, (uint32_t)vector_field_number(in, "min_request_interval"));
}

const struct vector_op VECTOR_OPS_HTTP[] = {
    {"http-head", head},
    {"http-unwrap", unwrap},
    {"http-unescape", unescape},
    {"http-announce-request", announce_request},
    {"http-decode-announce", decode_announce},
    {"http-decode-scrape", decode_scrape},
    {"http-encode-announce", encode_announce},
    {"http-encode-failure", encode_failure},
    {"http-encode-scrape", encode_scrape},
    {NULL, NULL},
};
