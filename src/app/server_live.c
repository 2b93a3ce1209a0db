/* server_live.c - generations of what is in force: published to the workers, then given to
 * retire.c. See server.h and live.h. */
#include "app/server.h"

#include "base/log.h"

#include <stdlib.h>

void server_publish(struct server *s, struct live *next)
{
    struct live *old = s->live;
    s->live = next;
    access_loader_put(&s->lists, &next->settings.config.access);
    next->tracker.access = access_loader_hold(&s->lists);
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
    server_retire(s, old);
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
