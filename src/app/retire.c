/* retire.c - generations of the configuration that are in force no more, and what they hold.
 *
 * Grace    a generation is freed LIVE_GRACE_MS after the next one came: it is small, and its number is
 *          what bounds changes a minute. The access lists it holds may be large: they go as soon as
 *          no worker can look at them any more.
 * Rounds   a round is over when every worker has begun two turns since it began, and no sooner than
 *          ROUND_MS_MIN. A worker looks for the configuration in each turn anew, so that what
 *          was retired before a round began is looked at by nobody when it is over. A worker that
 *          is stuck ends no round, and may come back: its lists stay.
 * Rejected counting who looks: two shared writes an announce. */
#include "app/server.h"

#include "base/clock.h"

#include <stdlib.h>

#define ROUND_MS_MIN 900 /* no processor keeps a store to itself so long */

bool server_has_room(const struct server *s)
{
    uint32_t retired = 0;
    for (const struct live *l = s->retired; l; l = l->next)
        retired++;
    return retired < LIVE_RETIRED_MAX;
}

void server_retire(struct server *s, struct live *old)
{
    old->free_at_ms = clock_now_ms() + LIVE_GRACE_MS;
    old->round = s->rounds.number;
    old->next = s->retired;
    s->retired = old;
}

static bool came_round(const struct worker *w, uint32_t turns_then)
{
    uint32_t turns = atomic_load_explicit(&w->turns, memory_order_acquire);
    return !w->is_started || worker_is_done(w) || turns - turns_then >= 2;
}

static void rounds_turn(struct server *s, uint64_t now_ms)
{
    struct rounds *r = &s->rounds;
    if (!r->turns) r->turns = calloc(s->worker_count, sizeof *r->turns);
    if (!r->turns || now_ms < r->began_ms + ROUND_MS_MIN) return;
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (!came_round(&s->workers[i], r->turns[i])) return;
    for (uint32_t i = 0; i < s->worker_count; i++)
        r->turns[i] = atomic_load_explicit(&s->workers[i].turns, memory_order_acquire);
    r->began_ms = now_ms;
    r->number++;
}

static void lists_release(struct server *s, struct live *l)
{
    access_loader_release(&s->lists, l->tracker.access);
    l->tracker.access = NULL;
}

void server_free_retired(struct server *s, uint64_t now_ms)
{
    struct live **at = &s->retired;
    for (; *at && (*at)->free_at_ms > now_ms; at = &(*at)->next)
        if ((*at)->round + 2 <= s->rounds.number) lists_release(s, *at);
    struct live *gone = *at; /* those behind it are older */
    *at = NULL;
    while (gone) {
        struct live *next = gone->next;
        lists_release(s, gone);
        free(gone);
        gone = next;
    }
}

void server_retire_turn(struct server *s, uint64_t now_ms)
{
    rounds_turn(s, now_ms);
    server_free_retired(s, now_ms);
}
