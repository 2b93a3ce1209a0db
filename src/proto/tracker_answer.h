/* tracker_answer.h - what trackers answer, read by somebody who asks one: HTTP bodies and UDP packets.
 * Pure. Reads whatever can be understood and notes as flaws what is not as it should be.
 *
 * Sources   BEP 3, 7, 15, 23, 24, 48; protocol.md R, S, U */
#ifndef PROTO_TRACKER_ANSWER_H
#define PROTO_TRACKER_ANSWER_H

#include "base/err.h"
#include "proto/types.h"

enum answer_flaw {
#define FLAW(id, code, text) id,
#include "proto/answer_flaw.def"
#undef FLAW
    FLAW_COUNT
};

const char *answer_flaw_code(enum answer_flaw f);
const char *answer_flaw_text(enum answer_flaw f);

#define FLAW_BIT(f) (1u << (f))
_Static_assert(FLAW_COUNT <= 32, "a set of flaws is a uint32_t");

struct endpoint {
    struct address address;
    uint16_t port;
};

#define ANSWER_PEERS_MAX 512
#define COUNT_UNKNOWN    (-1)

/* Views point into the answer. */
struct answer_announce {
    struct view failure; /* not empty: refused, and all below is nothing */
    struct view warning;
    int64_t interval_s, min_interval_s;    /* COUNT_UNKNOWN: not said */
    int64_t seeders, leechers, downloaded; /* COUNT_UNKNOWN: not said */
    uint32_t peer_count;                   /* in the answer; the first ANSWER_PEERS_MAX are kept */
    struct endpoint peers[ANSWER_PEERS_MAX];
    bool has_external_ip; /* BEP 24 */
    struct address external_ip;
    uint32_t flaws; /* FLAW_BIT()s */
};

#define ANSWER_HASHES_MAX 74 /* what one UDP scrape holds (BEP 15) */

struct answer_scrape {
    struct view failure;
    struct {
        bool present;
        int64_t seeders, leechers, downloaded; /* COUNT_UNKNOWN: not said */
    } of[ANSWER_HASHES_MAX];                   /* in the order of the hashes asked for */
    uint32_t flaws;
};

/* ---- HTTP ---- */

/* The body of an announce that said compact=1. ERR_BAD_VALUE when it is no bencoded dictionary. */
enum err http_read_announce(struct view body, struct answer_announce *out) MUST_CHECK;

/* The body of a scrape of these hashes, count <= ANSWER_HASHES_MAX. ERR_BAD_VALUE as above, or when
 * it has neither `files` nor a failure reason. */
enum err http_read_scrape(struct view body, const struct info_hash *hashes, size_t count,
                          struct answer_scrape *out) MUST_CHECK;

/* Add the compact records of one family (BEP 23, BEP 7) to out->peers. */
void answer_peers_compact(struct view records, enum family family, struct answer_announce *out);

/* ---- UDP ---- */

/* The requests of BEP 15, as a client sends them. `url` is path and query for BEP 41, cut at what
 * its options hold; empty leaves the options out. */
#define UDP_ANNOUNCE_REQUEST_BYTES_MAX 2400
void udp_write_connect(struct writer *w, uint32_t transaction_id);
void udp_write_announce(struct writer *w, uint64_t connection_id, uint32_t transaction_id,
                        const struct announce *a, struct view url);
void udp_write_scrape(struct writer *w, uint64_t connection_id, uint32_t transaction_id,
                      const struct info_hash *hashes, size_t count);

/* The head of an answer: action and transaction id; false when it is shorter than that. */
bool udp_read_head(struct view packet, uint32_t *action, uint32_t *transaction_id);

/* What follows the head. ERR_BAD_PACKET when it is too short for its action. An error packet's text
 * is read by udp_read_error(). */
enum err udp_read_connect(struct view packet, uint64_t *connection_id, uint32_t *flaws) MUST_CHECK;
enum err udp_read_announce(struct view packet, enum family family,
                           struct answer_announce *out) MUST_CHECK;
enum err udp_read_scrape(struct view packet, size_t count, struct answer_scrape *out) MUST_CHECK;
struct view udp_read_error(struct view packet);

#endif
