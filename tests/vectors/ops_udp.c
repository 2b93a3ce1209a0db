/* ops_udp.c - the operations of the UDP codec. */
#include "vectors.h"

#include "proto/proxy_header.h"
#include "proto/udp_tracker.h"

/* A packet -> "action", "transaction", "connection", and what its kind adds; or "drop". */
static void decode(struct view in, struct writer *out)
{
    struct udp_request r;
    if (udp_decode_request(in, &r) != ERR_OK) {
        vector_put_number(out, "drop", 1);
        return;
    }
    uint8_t transaction[4], connection[8];
    store_u32be(transaction, r.transaction_id);
    store_u64be(connection, r.connection_id);
    vector_put_number(out, "action", (uint64_t)r.action);
    vector_put_hex(out, "transaction", transaction, sizeof transaction);
    vector_put_hex(out, "connection", connection, sizeof connection);
}

/* A packet -> the announce and "url", or "error". */
static void decode_announce(struct view in, struct writer *out)
{
    struct announce a = {0};
    uint8_t url[UDP_URL_BYTES_MAX];
    size_t url_bytes;
    enum err err = udp_decode_announce(in, &a, url, &url_bytes);
    if (err != ERR_OK) {
        vector_put_error(out, err);
        return;
    }
    vector_put_announce(out, &a);
    vector_put(out, "url", view_of(url, url_bytes));
}

/* A packet -> its hashes, or "error". */
static void decode_scrape(struct view in, struct writer *out)
{
    const struct info_hash *hashes;
    size_t count;
    enum err err = udp_decode_scrape(in, &hashes, &count);
    if (err != ERR_OK) vector_put_error(out, err);
    for (size_t i = 0; i < count; i++)
        vector_put_hex(out, "info_hash", hashes[i].bytes, INFO_HASH_BYTES);
}

static uint32_t transaction_of(struct view in)
{
    uint8_t bytes[4] = {0};
    vector_field_hex(in, "transaction", bytes, sizeof bytes);
    return load_u32be(bytes);
}

/* "transaction", "connection" -> the answer to a connect. */
static void encode_connect(struct view in, struct writer *out)
{
    uint8_t connection[8] = {0};
    vector_field_hex(in, "connection", connection, sizeof connection);
    udp_encode_connect(out, transaction_of(in), load_u64be(connection));
}

/* "transaction", "interval", the swarm's numbers, "peers" -> the answer to an announce. */
static void encode_announce(struct view in, struct writer *out)
{
    uint8_t peers[1200];
    struct swarm_numbers n = vector_field_swarm(in);
    uint32_t interval_s = (uint32_t)vector_field_number(in, "interval");
    udp_encode_announce_head(out, transaction_of(in), interval_s, &n);
    writer_put(out, peers, vector_field_hex(in, "peers", peers, sizeof peers));
}

/* "transaction", the swarm's numbers -> the answer to a scrape of one hash. */
static void encode_scrape(struct view in, struct writer *out)
{
    struct swarm_numbers n = vector_field_swarm(in);
    udp_encode_scrape_head(out, transaction_of(in));
    udp_encode_scrape_entry(out, &n);
}

/* "transaction", "error" -> the error packet. */
static void encode_error(struct view in, struct writer *out)
{
    udp_encode_error(out, transaction_of(in), vector_field_error(in));
}

/* A datagram's PROXY header -> "used" and "source", "local", or "bad". */
static void proxy(struct view in, struct writer *out)
{
    struct proxy_header h;
    int used = proxy_header_parse(in, true, &h);
    vector_put_number(out, used > 0 ? "used" : "bad", used > 0 ? (uint64_t)used : 1);
    if (used <= 0) return;
    if (h.is_local) vector_put_number(out, "local", 1);
    else vector_put_hex(out, "source", h.source.ip, ADDRESS_BYTES(h.source.family));
}

const struct vector_op VECTOR_OPS_UDP[] = {
    {"udp-decode", decode},
    {"udp-decode-announce", decode_announce},
    {"udp-decode-scrape", decode_scrape},
    {"udp-encode-connect", encode_connect},
    {"udp-encode-announce", encode_announce},
    {"udp-encode-scrape", encode_scrape},
    {"udp-encode-error", encode_error},
    {"udp-proxy", proxy},
    {NULL, NULL},
};
