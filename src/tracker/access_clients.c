/* access_clients.c - see access_clients.h.
 *
 * Rules of one slot are chained in the order in which they were added, so the first match is the first
 * line, whatever else is in the list. */
#include "tracker/access_clients.h"

#include <stdlib.h>

#define SIZE_MIN     16
#define PREFIX_BYTES 3 /* that a slot follows from */

static void chain(struct access_clients *c, uint16_t *at, uint16_t number)
{
    while (*at)
        at = &c->rows[*at - 1].next;
    *at = number;
}

enum err access_clients_add(struct access_clients *c, const struct client_rule *rule,
                            uint32_t reason)
{
    if (c->count == ACCESS_CLIENTS_MAX) return ERR_FULL;
    if (c->count == c->size) {
        uint32_t size = c->size ? 2 * c->size : SIZE_MIN;
        struct access_client *rows = realloc(c->rows, size * sizeof *rows);
        if (!rows) return ERR_NO_MEMORY;
        c->rows = rows;
        c->size = size;
    }
    c->rows[c->count++] = (struct access_client){.rule = *rule, .reason = reason};
    bool has_slot = rule->prefix_bytes >= PREFIX_BYTES;
    uint8_t slot = has_slot ? access_clients_slot(rule->prefix) : 0;
    chain(c, has_slot ? &c->slots[slot] : &c->others, (uint16_t)c->count);
    if (has_slot) c->may_match[slot] = true;
    else memset(c->may_match, true, sizeof c->may_match);
    return ERR_OK;
}

void access_clients_free(struct access_clients *c)
{
    free(c->rows);
    *c = (struct access_clients){0};
}

static const struct access_client *first_match(const struct access_clients *c, uint16_t number,
                                               const struct peer_id *id)
{
    for (; number; number = c->rows[number - 1].next)
        if (client_rule_matches(&c->rows[number - 1].rule, id)) return &c->rows[number - 1];
    return NULL;
}

const struct access_client *access_clients_search(const struct access_clients *c,
                                                  const struct peer_id *id)
{
    uint16_t slot = c->slots[access_clients_slot(id->bytes)];
    const struct access_client *a = first_match(c, slot, id), *b = first_match(c, c->others, id);
    return !a || (b && b < a) ? b : a;
}
