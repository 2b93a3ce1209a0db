/* live.c - see live.h. */
#include "app/live.h"

#include "base/log.h"

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
    if (l->http.connections_max > machine->connections_max) {
        log_line(LOG_WARN, "max_connections: %u lowered to %u, which nofile leaves room for",
                 l->http.connections_max, machine->connections_max);
        l->http.connections_max = machine->connections_max;
    }
}
