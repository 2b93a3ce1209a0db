/* map_render.c - a tick's lights as WebSocket messages: the bytes that map.h describes.
 *
 * Numbers are written by hand: printf's decimal point is the locale's. */
#include "admin/map_door.h"

#include <assert.h>
#include <endian.h>
#include <math.h>
#include <time.h>

#define IDLE_MS 1000 /* between messages without a light */

_Static_assert(MAP_TICK_LIGHTS_MAX * 24 + MAP_COUNTRIES_MAX * 28 + 256 <= MAP_TEXT_BYTES_MAX,
               "the longest message fits");

/* ---- etracker's ---- */

static uint32_t float_le(double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    return htole32(bits);
}

struct view map_render_plain(struct map *m)
{
    struct writer out = writer_of(m->plain, sizeof m->plain);
    for (uint32_t i = 0; m->plain_count && i < m->light_count; i++) {
        const struct map_light *light = &m->lights[i];
        uint8_t body[MAP_PLAIN_BODY_BYTES];
        if (light->family != FAMILY_V4) continue;
        uint32_t latitude = float_le(light->latitude_tenths / 10.0);
        uint32_t longitude = float_le(light->longitude_tenths / 10.0);
        memcpy(body, &latitude, sizeof latitude);
        memcpy(body + 4, &longitude, sizeof longitude);
        body[8] = light->door;
        websocket_frame(&m->sockets, &out, WEBSOCKET_BINARY, view_of(body, sizeof body));
    }
    assert(!out.overflow);
    return view_of(out.start, writer_used(&out));
}

/* ---- muster.map.v1 ---- */

static void write_tenths(struct writer *w, int tenths)
{
    unsigned absolute = (unsigned)(tenths < 0 ? -tenths : tenths);
    if (tenths < 0) writer_literal(w, "-");
    writer_decimal(w, absolute / 10);
    if (absolute % 10 == 0) return;
    writer_literal(w, ".");
    writer_decimal(w, absolute % 10);
}

static void write_lights(struct writer *w, const struct map *m)
{
    bool is_first = true;
    for (uint32_t i = 0; i < m->light_count; i++) {
        const struct map_light *light = &m->lights[i];
        if (!light->is_placed) continue;
        if (!is_first) writer_literal(w, ",");
        is_first = false;
        writer_literal(w, "[");
        write_tenths(w, light->latitude_tenths);
        writer_literal(w, ",");
        write_tenths(w, light->longitude_tenths);
        writer_literal(w, ",");
        writer_decimal(w, light->door);
        writer_view(w, light->family == FAMILY_V4 ? VIEW(",4]") : VIEW(",6]"));
    }
}

/* Returns how many there are. */
static unsigned write_countries(struct writer *w, const struct map *m, bool all)
{
    unsigned count = 0;
    for (unsigned i = 0; i < MAP_COUNTRIES_MAX; i++) {
        char code[3];
        if (!(all ? m->countries[i] > 0 : m->country_changed[i])) continue;
        map_country_code(i, code);
        if (count++) writer_literal(w, ",");
        writer_literal(w, "\"");
        writer_put(w, code, 2);
        writer_literal(w, "\":");
        writer_decimal(w, (uint64_t)llrint(m->countries[i]));
    }
    return count;
}

static uint64_t announces_per_s(const struct map *m)
{
    uint64_t announces = 0, ms = 0;
    for (unsigned i = 0; i < MAP_RATE_TICKS; i++) {
        announces += m->rate[i].announces;
        ms += m->rate[i].ms;
    }
    return ms ? (announces * 1000 + ms / 2) / ms : 0;
}

static uint64_t unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

struct view map_render_json(struct map *m, bool all)
{
    struct writer text = writer_of(m->text, sizeof m->text);
    struct writer out = writer_of(m->frames[all], sizeof m->frames[all]);
    writer_literal(&text, "{\"t\":");
    writer_decimal(&text, unix_ms());
    writer_literal(&text, ",\"lights\":[");
    write_lights(&text, m);
    writer_literal(&text, "],\"countries\":{");
    unsigned countries = write_countries(&text, m, all);
    if (!all && !countries && !m->light_count && m->loop->now_ms - m->told_ms < IDLE_MS)
        return view_of(NULL, 0);
    if (!all) m->told_ms = m->loop->now_ms;
    writer_literal(&text, "},\"announces_per_s\":");
    writer_decimal(&text, announces_per_s(m));
    writer_view(&text, m->is_sampled ? VIEW(",\"sampled\":true}") : VIEW(",\"sampled\":false}"));
    assert(!text.overflow);
    websocket_frame(&m->sockets, &out, WEBSOCKET_TEXT, view_of(text.start, writer_used(&text)));
    return view_of(out.start, writer_used(&out));
}
