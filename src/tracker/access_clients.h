/* access_clients.h - which client software a list names, by peer id.
 *
 * Threads   constant once made. */
#ifndef TRACKER_ACCESS_CLIENTS_H
#define TRACKER_ACCESS_CLIENTS_H

#include "base/err.h"
#include "proto/client_rule.h"

#define ACCESS_CLIENTS_MAX  4096
#define ACCESS_CLIENT_SLOTS 256

struct access_client {
    struct client_rule rule;
    uint32_t reason;
    uint16_t next; /* of the same slot, as number + 1; 0: none */
};

/* Zeroed is empty. */
struct access_clients {
    struct access_client *rows;
    uint32_t count, size;
    uint16_t slots[ACCESS_CLIENT_SLOTS]; /* first row, as number + 1; 0: none */
    uint16_t others;                     /* rows whose prefix is shorter than what a slot needs */
    bool may_match[ACCESS_CLIENT_SLOTS]; /* is there any for such a client? */
};

/* ERR_NO_MEMORY; ERR_FULL above ACCESS_CLIENTS_MAX. */
enum err access_clients_add(struct access_clients *c, const struct client_rule *rule,
                            uint32_t reason) MUST_CHECK;
void access_clients_free(struct access_clients *c);

/* What tells clients apart: BEP 20 has two letters behind a dash. */
static inline uint8_t access_clients_slot(const uint8_t *id)
{
    return (uint8_t)(id[1] * 5 + id[2]);
}

/* The first rule added of those that match; NULL: none does. */
const struct access_client *access_clients_search(const struct access_clients *c,
                                                  const struct peer_id *id);

/* False where no rule is about such a client. */
static inline bool access_clients_may_have(const struct access_clients *c, const struct peer_id *id)
{
    return c->may_match[access_clients_slot(id->bytes)];
}

#endif
