/* map_door.h - what the files of the map share; private to admin/map*.c.
 *
 *   map.c          viewers, taps, the tick
 *   map_render.c   a tick's lights as frames
 *   map_answer.c   the two routes */
#ifndef ADMIN_MAP_DOOR_H
#define ADMIN_MAP_DOOR_H

#include "admin/map.h"
#include "admin/websocket.h"

#define MAP_COUNTRIES_MAX    (26 * 26)
#define MAP_TICK_LIGHTS_MAX  (MAP_LIGHTS_PER_S_MAX / 5)
#define MAP_TEXT_BYTES_MAX   65536
#define MAP_RATE_TICKS       10
#define MAP_PLAIN_BODY_BYTES 9

struct map_light {
    int16_t latitude_tenths, longitude_tenths;
    uint8_t door, family;
    bool is_placed;
};

struct map_viewer {
    struct list link; /* in map.viewers */
    struct map *map;
    struct websocket *socket;
    struct address host;
    bool is_plain;  /* etracker's binary feed */
    bool wants_all; /* of the countries: it is new, or missed a message */
};

struct map_tap {
    struct tap *tap;
    uint64_t seen, seen_counted, lost; /* at the last tick; at the last light taken */
};

struct map_rate {
    uint64_t announces, ms;
};

struct map {
    struct map_opts opts;
    struct loop *loop;
    struct geoip geoip;
    struct websockets sockets;
    struct list viewers;
    uint32_t viewer_count, plain_count; /* plain ones are among the viewers */
    struct rng rng;
    uint32_t every; /* as the taps have it */
    uint64_t tick, ticked_ms, told_ms;
    struct map_rate rate[MAP_RATE_TICKS];
    /* this tick */
    double allowance; /* lights that may be sent, in whole and in parts */
    uint32_t quota, candidates, light_count;
    bool is_sampled;
    struct map_light lights[MAP_TICK_LIGHTS_MAX];
    /* announces by country while somebody watched; index: two letters, base 26 */
    double countries[MAP_COUNTRIES_MAX];
    bool country_changed[MAP_COUNTRIES_MAX];
    /* scratch */
    uint8_t text[MAP_TEXT_BYTES_MAX];
    uint8_t plain[MAP_TICK_LIGHTS_MAX * (MAP_PLAIN_BODY_BYTES + 2) + WEBSOCKET_FRAME_HEAD_BYTES];
    uint8_t frames[2][MAP_TEXT_BYTES_MAX + WEBSOCKET_FRAME_HEAD_BYTES];
    uint32_t tap_count;
    struct map_tap taps[];
};

bool map_may_watch(const struct map *m, enum admin_origin origin);

/* Take a connection as a viewer; closed on error. */
enum err map_viewer_add(struct map *m, int take_fd, bool is_plain, const struct address *host,
                        struct view unread) MUST_CHECK;

/* The tick's lights as whole frames, valid until the next tick; empty when there is nothing to tell.
 * `all`: of the countries, too. */
struct view map_render_plain(struct map *m);
struct view map_render_json(struct map *m, bool all);

/* The code of a country by its index, two letters. */
static inline void map_country_code(unsigned index, char out[3])
{
    out[0] = (char)('A' + index / 26);
    out[1] = (char)('A' + index % 26);
    out[2] = '\0';
}

#endif
