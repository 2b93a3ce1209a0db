/* top.c - the largest swarms, picked out while the sweep passes them.
 *
 * Idea      a short sorted array and the rank that is just not enough: nearly every torrent is turned
 *           away by one comparison, and only one that gets in is counted. */
#include "swarm/swarm.h"

#include <assert.h>

static uint32_t row_rank(const struct swarm_top *t, uint32_t i)
{
    const struct swarm_numbers *n = &t->rows[i].numbers;
    return t->by_seeders ? n->complete : n->complete + n->incomplete;
}

/* A torrent that the sweep meets twice in a cycle must not stand there twice. */
static void forget(struct swarm_top *t, const struct info_hash *h)
{
    for (uint32_t i = 0; i < t->count; i++) {
        if (memcmp(&t->rows[i].info_hash, h, sizeof *h) != 0) continue;
        memmove(&t->rows[i], &t->rows[i + 1], (t->count - i - 1) * sizeof t->rows[0]);
        t->count--;
        return;
    }
}

void swarm_top_add(struct swarm_top *t, const struct info_hash *h, const struct swarm_numbers *n)
{
    uint32_t rank = t->by_seeders ? n->complete : n->complete + n->incomplete;
    if (rank <= t->least) return;
    forget(t, h);
    if (t->count == SWARM_TOP_MAX) t->count--;
    uint32_t at = t->count;
    while (at > 0 && row_rank(t, at - 1) < rank)
        at--;
    memmove(&t->rows[at + 1], &t->rows[at], (t->count - at) * sizeof t->rows[0]);
    t->rows[at] = (struct swarm_top_row){.info_hash = *h, .numbers = *n};
    t->count++;
    t->least = t->count == SWARM_TOP_MAX ? row_rank(t, SWARM_TOP_MAX - 1) : 0;
    assert(t->count <= SWARM_TOP_MAX);
}
