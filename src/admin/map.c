/* map.c - viewers, and the tick that feeds them.
 *
 * A tick     take what the taps hold; look each up; count its country; keep a fair sample of the
 *            lights (reservoir); render it once for each kind of viewer; send the same bytes to all.
 * Taps       nobody watches: `every` is 0 and workers do nothing. Otherwise it follows the busiest
 *            worker, so that about half a ring fills in a tick.
 * Counters   each tap tells how many announces it saw for the lights it gave: a light counts for that
 *            many. So totals are right on average and small countries a little uneven.
 * Rejected   a sample per viewer (a hundred times the rendering, and nobody can tell). */
#include "admin/map.h"

#include "admin/map_door.h"
#include "base/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define TAP_FILL      (TAP_LIGHTS_MAX / 2) /* lights wanted of the busiest worker in a tick */
#define ALLOWANCE_S   0.2                  /* lights that may be caught up after a late tick */
#define SOCKETS_TICKS (1000 / MAP_TICK_MS)

static const struct websocket_opts WEBSOCKET_OPTS = {
    .message_bytes_max = 1024, /* viewers have nothing to say */
    .quiet_ms = 30000,
    .stall_ms = 5000,
    .send_buffer_bytes = 32768,
};

static void viewer_gone(void *user, struct websocket *w)
{
    struct map_viewer *v = user;
    (void)w;
    list_remove(&v->link);
    v->map->viewer_count--;
    if (v->is_plain) v->map->plain_count--;
    free(v);
}

/* ---- life ---- */

enum err map_open(struct map **out, struct loop *loop, uint32_t workers)
{
    struct map *m = calloc(1, sizeof *m + workers * sizeof *m->taps);
    if (!m) return ERR_NO_MEMORY;
    list_init(&m->viewers);
    rng_init_secure(&m->rng);
    m->loop = loop;
    geoip_init(&m->geoip, loop);
    enum err err = websockets_open(&m->sockets, loop, &WEBSOCKET_OPTS, viewer_gone);
    if (err != ERR_OK) {
        free(m);
        return err;
    }
    for (; m->tap_count < workers; m->tap_count++) {
        m->taps[m->tap_count].tap = tap_new();
        if (m->taps[m->tap_count].tap) continue;
        map_close(m);
        return ERR_NO_MEMORY;
    }
    *out = m;
    return ERR_OK;
}

void map_close(struct map *m)
{
    if (!m) return;
    websockets_close(&m->sockets);
    geoip_fini(&m->geoip);
    for (uint32_t i = 0; i < m->tap_count; i++)
        tap_free(m->taps[i].tap);
    free(m);
}

struct tap *map_tap(struct map *m, uint32_t worker)
{
    return m->taps[worker].tap;
}

void map_configure(struct map *m, const struct map_opts *opts)
{
    char path[GEOIP_PATH_BYTES_MAX] = "";
    bool narrows = opts->mode < m->opts.mode;
    m->opts = *opts;
    if (narrows) websockets_dismiss(&m->sockets);
    if (!opts->no_locations && opts->mode != MAP_OFF) geoip_file_find(opts->geoip_file, path);
    geoip_choose(&m->geoip, path);
}

bool map_may_watch(const struct map *m, enum admin_origin origin)
{
    return origin == ORIGIN_MAIN_PORT ? m->opts.mode == MAP_PUBLIC : m->opts.mode != MAP_OFF;
}

enum err map_viewer_add(struct map *m, int take_fd, bool is_plain, const struct address *host,
                        struct view unread)
{
    struct websocket *w;
    struct map_viewer *v = calloc(1, sizeof *v);
    if (!v) {
        close(take_fd);
        return ERR_NO_MEMORY;
    }
    *v = (struct map_viewer){.map = m, .is_plain = is_plain, .wants_all = true, .host = *host};
    enum err err = websocket_open(&w, &m->sockets, take_fd, unread, v);
    if (err != ERR_OK) {
        free(v);
        return err;
    }
    v->socket = w;
    list_append(&m->viewers, &v->link);
    m->viewer_count++;
    if (is_plain) m->plain_count++;
    return ERR_OK;
}

/* ---- taking lights ---- */

static void every_set(struct map *m, uint32_t every)
{
    if (every == m->every) return;
    m->every = every;
    for (uint32_t i = 0; i < m->tap_count; i++)
        atomic_store_explicit(&m->taps[i].tap->every, every, memory_order_relaxed);
}

static unsigned country_index(const struct geoip_place *place)
{
    const char *code = place->country[0] ? place->country : "ZZ";
    return (unsigned)(code[0] - 'A') * 26u + (unsigned)(code[1] - 'A');
}

/* One of the tick's lights: in, out, or in another's place, so that all have the same chance. */
static void light_keep(struct map *m, const struct map_light *light)
{
    uint32_t at = m->light_count;
    m->candidates++;
    if (at == m->quota) at = rng_below(&m->rng, m->candidates);
    else m->light_count++;
    if (at < m->quota) m->lights[at] = *light;
}

static void light_take(struct map *m, const struct tap_light *raw, uint32_t *countries)
{
    struct address a = {.family = raw->family == FAMILY_V4 ? FAMILY_V4 : FAMILY_V6};
    struct geoip_place place = {.has_position = false};
    memcpy(a.ip, raw->ip, sizeof a.ip);
    geoip_find(&m->geoip, &a, &place);
    countries[country_index(&place)]++;
    if (!place.has_position && (a.family != FAMILY_V4 || m->plain_count == 0)) return;
    light_keep(m, &(struct map_light){
                      .latitude_tenths = (int16_t)lrint(place.latitude * 10),
                      .longitude_tenths = (int16_t)lrint(place.longitude * 10),
                      .door = raw->door,
                      .family = (uint8_t)a.family,
                      .is_placed = place.has_position,
                  });
}

static void countries_add(struct map *m, const uint32_t *counts, double announces_per_light)
{
    for (unsigned i = 0; i < MAP_COUNTRIES_MAX; i++) {
        if (!counts[i]) continue;
        m->countries[i] += counts[i] * announces_per_light;
        m->country_changed[i] = true;
    }
}

/* Empty a tap; returns the announces it saw since the last time. */
static uint64_t tap_drain(struct map *m, struct map_tap *t)
{
    uint32_t countries[MAP_COUNTRIES_MAX] = {0}, taken = 0;
    uint64_t seen = atomic_load_explicit(&t->tap->seen, memory_order_relaxed);
    uint64_t lost = atomic_load_explicit(&t->tap->lost, memory_order_relaxed);
    struct tap_light light;
    for (; taken < TAP_LIGHTS_MAX && tap_take(t->tap, &light); taken++)
        light_take(m, &light, countries);
    if (taken) {
        countries_add(m, countries, (double)(seen - t->seen_counted) / taken);
        t->seen_counted = seen;
    }
    metrics_add(METRIC_MAP_LOST, lost - t->lost);
    uint64_t fresh = seen - t->seen;
    t->seen = seen;
    t->lost = lost;
    return fresh;
}

static void allowance_grow(struct map *m, uint64_t elapsed_ms)
{
    double most = m->opts.lights_per_s * ALLOWANCE_S;
    m->allowance += m->opts.lights_per_s * (double)elapsed_ms / 1000;
    if (m->allowance > (most < 1 ? 1 : most)) m->allowance = most < 1 ? 1 : most;
    m->quota = (uint32_t)m->allowance;
    m->light_count = m->candidates = 0;
}

static void rate_note(struct map *m, uint64_t fresh, uint64_t elapsed_ms)
{
    struct map_rate *r = &m->rate[m->tick % MAP_RATE_TICKS];
    *r = (struct map_rate){.announces = fresh, .ms = elapsed_ms};
}

/* Forget what waits in the taps from the last time that somebody watched. */
static void watch_begin(struct map *m)
{
    struct tap_light unused;
    for (uint32_t i = 0; i < m->tap_count; i++) {
        struct map_tap *t = &m->taps[i];
        for (uint32_t n = 0; n < TAP_LIGHTS_MAX && tap_take(t->tap, &unused); n++)
            continue;
        t->seen = t->seen_counted = atomic_load_explicit(&t->tap->seen, memory_order_relaxed);
    }
    memset(m->rate, 0, sizeof m->rate);
    m->ticked_ms = m->loop->now_ms;
    m->allowance = 0;
    every_set(m, 1);
}

static void watch(struct map *m)
{
    uint64_t elapsed_ms = m->loop->now_ms - m->ticked_ms, fresh = 0, most = 0;
    m->ticked_ms = m->loop->now_ms;
    allowance_grow(m, elapsed_ms);
    for (uint32_t i = 0; i < m->tap_count; i++) {
        uint64_t seen = tap_drain(m, &m->taps[i]);
        fresh += seen;
        if (seen > most) most = seen;
    }
    m->allowance -= m->light_count;
    m->is_sampled = m->every > 1 || m->candidates > m->light_count;
    rate_note(m, fresh, elapsed_ms);
    every_set(m, 1 + (uint32_t)(most / TAP_FILL));
}

/* ---- sending ---- */

static void send_all(struct map *m)
{
    struct view plain = map_render_plain(m), changed = {0}, all = {0};
    bool has_json = m->viewer_count > m->plain_count;
    if (has_json) changed = map_render_json(m, false);
    for (struct list *at = m->viewers.next; at != &m->viewers; at = at->next) {
        struct map_viewer *v = LIST_ENTRY(at, struct map_viewer, link);
        struct view frames = v->is_plain ? plain : changed;
        if (!v->is_plain && v->wants_all) {
            if (!all.len) all = map_render_json(m, true);
            frames = all;
        }
        if (!frames.len) continue;
        bool taken = websocket_send(v->socket, frames);
        v->wants_all = !taken;
        metrics_add(taken ? METRIC_MAP_LIGHTS : METRIC_MAP_LIGHTS_SKIPPED, m->light_count);
    }
    if (has_json && changed.len) memset(m->country_changed, 0, sizeof m->country_changed);
}

void map_tick(struct map *m)
{
    geoip_turn(&m->geoip);
    if (++m->tick % SOCKETS_TICKS == 0) websockets_tick(&m->sockets);
    if (m->viewer_count == 0) {
        every_set(m, 0);
        return;
    }
    if (m->every == 0) watch_begin(m);
    watch(m);
    send_all(m);
}
