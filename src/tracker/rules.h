/* rules.h - the ordered checks a request passes before anything is recorded. A new rule is a
 * function and a row in rules.c. */
#ifndef TRACKER_RULES_H
#define TRACKER_RULES_H

#include "tracker/tracker.h"

struct request {
    const struct announce *announce; /* NULL: a scrape */
    struct view passkey;
};

/* The refusal of the first rule that has one, else ERR_OK. */
enum err rules_check(const struct tracker_opts *o, const struct request *r) MUST_CHECK;

#endif
