/* rules.h - the ordered checks a request passes before anything is recorded. A new rule is a
 * function and a row in rules.c. */
#ifndef TRACKER_RULES_H
#define TRACKER_RULES_H

#include "tracker/tracker.h"

struct request {
    const struct announce *announce; /* NULL: a scrape */
    const struct address *client;    /* NULL: unknown, and no list asks for it */
    struct view passkey;
    bool is_whole; /* the announce is decoded, and to be recorded */
    uint64_t hash; /* is_whole: swarm_hash() of its info hash */
};

/* The refusal of the first rule that has one, else ERR_OK. */
enum err rules_check(const struct tracker_opts *o, const struct request *r) MUST_CHECK;

#endif
