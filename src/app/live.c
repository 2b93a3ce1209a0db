/* live.c - see live.h. */
#include "app/live.h"

#include "admin/admin.h"
#include "base/log.h"

#define FDS_SPARE       32 /* log, epoll, configuration file, what libraries open */
#define FDS_PER_WORKER  4
#define CONNECTIONS_MIN 16

uint64_t live_fds_beside(const struct config *c, uint32_t workers, uint32_t sockets)
{
    return sockets + (uint64_t)workers * FDS_PER_WORKER + FDS_SPARE + ADMIN_CONNECTIONS_MAX +
           c->map.viewers_max;
}

static uint32_t connections_room(const struct config *c, const struct machine *m)
{
    uint64_t used = live_fds_beside(c, m->workers, m->sockets);
    uint64_t room = m->nofile > used + CONNECTIONS_MIN ? m->nofile - used : CONNECTIONS_MIN;
    return room > UINT32_MAX ? UINT32_MAX : (uint32_t)room;
}

static uint64_t memory_chosen(const struct machine *machine)
{
    uint64_t bytes = machine->memory_bytes / 4 * 3;
    return bytes < SWARM_MEMORY_BYTES_MAX ? bytes : SWARM_MEMORY_BYTES_MAX;
}

/* etracker takes any `interval`; so it is cut, but not without a word to who wrote it. */
static void interval_say(const struct settings *s)
{
    const struct interval_opts *o = &s->config.tracker.interval;
    size_t row = (size_t)(option_find(VIEW("interval")) - OPTIONS);
    if (s->origin[row].source == SOURCE_DEFAULT) return;
    if (o->start_s < o->min_s)
        log_line(LOG_WARN, "interval: %u s raised to min_interval, %u s", o->start_s, o->min_s);
    if (o->start_s > o->max_s)
        log_line(LOG_WARN, "interval: %u s lowered to max_interval, %u s", o->start_s, o->max_s);
}

void live_resolve(struct live *l, const struct machine *machine)
{
    const struct config *c = &l->settings.config;
    l->tracker = c->tracker;
    l->swarm = c->swarm;
    l->udp = c->udp;
    l->http = c->http;
    interval_say(&l->settings);
    l->swarm.lifetime_s_max = INTERVAL_LIFETIME_TIMES * c->tracker.interval.max_s;
    if (!l->swarm.memory_bytes_max) l->swarm.memory_bytes_max = memory_chosen(machine);
    l->tracker.rate.exempt = c->app.rate_exempt;
    l->tracker.rate.exempt_count = c->app.rate_exempt_count;
    rate_opts_resolve(&l->tracker.rate);
    l->udp.trusted = l->http.trusted = c->app.trusted;
    l->udp.trusted_count = l->http.trusted_count = c->app.trusted_count;
    uint32_t room = connections_room(c, machine);
    if (l->http.connections_max > room) {
        log_line(LOG_WARN, "max_connections: %u lowered to %u, which nofile leaves room for",
                 l->http.connections_max, room);
        l->http.connections_max = room;
    }
}
