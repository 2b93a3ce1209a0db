/* check.h - is this answer right, and what does it say? Shared by the load over UDP and over
 * HTTP.
 *
 * Every answer  is taken apart: form, lengths, numbers that no answer may hold.
 * Deep ones     are held against the world (judge.h), whose peers and torrents are known. */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include "bench/plan.h"

enum flaw {
#define FLAW(id, name, help) id,
#include "bench/flaw.def"
#undef FLAW
    FLAW_COUNT,
};

extern const char *const FLAW_NAMES[FLAW_COUNT];
extern const char *const FLAW_HELP[FLAW_COUNT];

/* What was asked. */
struct question {
    enum ask kind;
    enum family family;
    uint32_t numwant;
    uint32_t hashes; /* of a scrape */
    bool deep;       /* look at every peer and number, too; all below is for that */
    const struct plan *plan;
    const struct request *request;
    struct address asker; /* with its port: must not be among the peers */
    uint16_t asker_port;
    bool asker_is_seeder;
    uint64_t torrent;
    bool any_address; /* of peers: from here the tracker sees another than we know */
    bool is_ours;     /* we filled the torrents, and nothing of this mix changes their sizes */
    bool must_hold;   /* and not so long ago that peers may have been forgotten */
};

/* What an answer said. */
struct finding {
    uint32_t peers;                  /* of both families */
    uint32_t peers_of[FAMILY_COUNT]; /* and of each */
    bool has_counts;
    uint64_t seeders, leechers;
    uint32_t interval_s;
    uint64_t connection_id; /* of a connect */
};

/* A whole UDP answer, whose transaction id is already known to be ours. */
enum flaw check_udp(struct view packet, const struct question *q, struct finding *out);

/* The body of an HTTP answer with status 200. */
enum flaw check_http_body(struct view body, const struct question *q, struct finding *out);

/* Compact records: whole, and for deep questions each a peer of the torrent. Adds to *out. */
enum flaw check_peers(struct view records, enum family family, const struct question *q,
                      struct finding *out);

#endif
