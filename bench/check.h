/* check.h - is this answer right, and what does it say? Shared by the load over UDP and over
 * HTTP. */
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

/* What was asked. */
struct question {
    enum ask kind;
    enum family family;
    uint32_t numwant;
    uint32_t hashes;      /* of a scrape */
    struct address asker; /* with its port: must not be among the peers */
    uint16_t asker_port;
    bool deep; /* look at every peer, too */
};

/* What an answer said. */
struct finding {
    uint32_t peers;         /* of both families */
    uint64_t connection_id; /* of a connect */
};

/* A whole UDP answer, whose transaction id is already known to be ours. */
enum flaw check_udp(struct view packet, const struct question *q, struct finding *out);

/* The body of an HTTP answer with status 200. */
enum flaw check_http_body(struct view body, const struct question *q, struct finding *out);

#endif
