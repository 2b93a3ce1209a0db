/* server_live.c - generations of what is in force: published to the workers, freed a grace period later.
 * See server.h and live.h. */
#include "app/server.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

void server_publish(struct server *s, struct live *next)
{
    struct live *old = s->live;
    s->live = next;
    next->tracker.access = access_loader_hold(&s->lists);
    access_loader_want(&s->lists, &next->settings.config.access, false);
    log_level_set(next->settings.config.app.log_level);
    atomic_store(&s->tracker.opts, &next->tracker);
    atomic_store(&s->env.udp_opts, &next->udp);
    atomic_store(&s->env.http_opts, &next->http);
    atomic_store(&s->http_shared.buffers.bytes_max, next->http.buffer_bytes_max);
    atomic_store(&s->env.drain_ms, next->settings.config.app.drain_ms);
    swarm_limits_set(s->swarm, &next->swarm);
    if (s->map) map_configure(s->map, &next->settings.config.map);
    if (!old) return;
    s->reload_after = true;
    old->free_at_ms = clock_now_ms() + LIVE_GRACE_MS;
    old->next = s->retired;
    s->retired = old;
}

void server_take_lists(struct server *s)
{
    struct live *next = calloc(1, sizeof *next);
    s->lists_waiting = !next || !server_has_room(s);
    if (s->lists_waiting) {
        free(next);
        return;
    }
    next->settings = s->live->settings;
    server_put_in_force(s, next, false);
}

bool server_has_room(const struct server *s)
{
    uint32_t retired = 0;
    for (const struct live *l = s->retired; l; l = l->next)
        retired++;
    return retired < LIVE_RETIRED_MAX;
}

void server_free_retired(struct server *s, uint64_t now_ms)
{
    struct live **at = &s->retired;
    while (*at && (*at)->free_at_ms > now_ms)
        at = &(*at)->next;
    struct live *gone = *at; /* those behind it are older */
    *at = NULL;
    while (gone) {
        struct live *next = gone->next;
        access_loader_release(&s->lists, gone->tracker.access);
        free(gone);
        gone = next;
    }
}
