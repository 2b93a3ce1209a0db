/* udp_tracker.h - BEP 15 packets and connection ids, BEP 41 options. Pure: no sockets, no clock.
 *
 * Sources   BEP 15 (packets), BEP 41 (options), protocol.md section 8 (U...). */
#ifndef PROTO_UDP_TRACKER_H
#define PROTO_UDP_TRACKER_H

#include "base/err.h"
#include "base/hash.h"
#include "proto/types.h"

#define UDP_CONNECT_BYTES       16
#define UDP_ANNOUNCE_BYTES      98
#define UDP_ANNOUNCE_HEAD_BYTES 20 /* of the answer */
#define UDP_SCRAPE_HEAD_BYTES   8
#define UDP_SCRAPE_ENTRY_BYTES  12
#define UDP_SCRAPE_HASHES_MAX   74
#define UDP_ERROR_HEAD_BYTES    8 /* then the text of err.def, not terminated */
#define UDP_URL_BYTES_MAX       2048

enum udp_action {
    UDP_CONNECT = 0,
    UDP_ANNOUNCE = 1,
    UDP_SCRAPE = 2,
    UDP_ERROR = 3,
    UDP_HEARTBEAT = 4, /* trakx: 16 bytes, answered with one byte 0xFF */
};

/* The head that every request shares. */
struct udp_request {
    enum udp_action action;
    uint32_t transaction_id;
    uint64_t connection_id; /* connect: 0; a heartbeat needs none */
};

/* Is this a request at all? ERR_BAD_PACKET (drop it silently) for anything that is not: fewer than
 * 16 bytes, a connect without the magic, an announce below 98 bytes, a heartbeat of more than 16,
 * an error, unknown actions (U1, U2, U4, U6). */
enum err udp_decode_request(struct view packet, struct udp_request *out) MUST_CHECK;

/* The body of an announce. `url` is room for UDP_URL_BYTES_MAX bytes of reassembled URLData;
 * *url_bytes is 0 when there was none or too much (U80..U85).
 * Fills everything but the address and passkey: unknown events are EVENT_NONE (U7), a negative
 * num_want is NUMWANT_UNSET (U8), the IP address field is ignored (V22).
 * ERR_BAD_PACKET below 98 bytes; ERR_INVALID_PORT for port 0 unless the event is stopped (U9): the
 * announce is filled then, too. */
enum err udp_decode_announce(struct view packet, struct announce *out, uint8_t *url,
                             size_t *url_bytes) MUST_CHECK;

/* The hashes of a scrape, borrowed: *count of 20 bytes each, at most UDP_SCRAPE_HASHES_MAX; trailing
 * bytes are ignored. ERR_NO_INFO_HASH when there is none (U5, U60). */
enum err udp_decode_scrape(struct view packet, const struct info_hash **hashes,
                           size_t *count) MUST_CHECK;

/* Answers. Each is written whole or, when the writer lacks room for it, not at all (overflow). */
void udp_encode_connect(struct writer *w, uint32_t transaction_id, uint64_t connection_id);
void udp_encode_announce_head(struct writer *w, uint32_t transaction_id, uint32_t interval_s,
                              const struct swarm_numbers *n);
void udp_encode_scrape_head(struct writer *w, uint32_t transaction_id);
void udp_encode_scrape_entry(struct writer *w, const struct swarm_numbers *n);
void udp_encode_error(struct writer *w, uint32_t transaction_id, enum err err);
void udp_encode_error_text(struct writer *w, uint32_t transaction_id, struct view text);

/* Connection ids are stateless: 16 bits of the second of issue and 47 bits of SipHash over source IP
 * and that second (BEP 15; U20..U29). Bound to the address, not to the port; never 0, never the magic.
 *   source   normalized
 *   now_s    monotonic seconds; the same base for issue and check
 *   ttl_s    how long an id is accepted: for at least ttl_s, for less than ttl_s + 1 s of real time;
 *            at most UDP_ID_TTL_S_MAX. An authentic id from one second ahead is accepted, since the
 *            clocks of two workers may disagree by a turn
 *   cost     one SipHash of 8 or 20 bytes */
#define UDP_ID_TTL_S_MAX 3600
uint64_t udp_connection_id(const struct hash_key *key, const struct address *source,
                           uint32_t now_s);
bool udp_connection_id_is_valid(const struct hash_key *key, const struct address *source,
                                uint32_t now_s, uint32_t ttl_s, uint64_t id);

#endif
