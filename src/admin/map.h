/* map.h - the live world map's feed: announces as lights, a tenth of a second at a time.
 *
 * Threads   the thread of the admin door. Workers only fill taps (front/tap.h), and only while
 *           somebody watches.
 * Sample    map_lights_per_s of all announces, chosen at random, the same ones for every viewer;
 *           counters by country are of the sample, scaled up to all announces.
 * Privacy   a light is a place to 0.1 degree, a door and a family. No address leaves.
 * Limits    struct map_opts; a viewer that does not read is dropped (websocket.h).
 *
 * /api/websocket, without a sub-protocol or with etracker's, "chat": its feed. One binary message per
 * IPv4 light, 9 bytes:
 *
 *   0          4           8      9
 *   | latitude | longitude | door |        two float32, little-endian; 0 HTTP, 1 UDP
 *
 * where the place is not known, latitude and longitude are 0, as etracker's were.
 *
 * /api/websocket, sub-protocol muster.map.v1: one JSON text message a tick:
 *
 *   {"t": 1700000000123,
 *    "lights": [[52.5,13.4,1,4], ...],
 *    "countries": {"DE": 12, ...},
 *    "announces_per_s": 1234,
 *    "sampled": true}
 *
 *   t           Unix time, milliseconds
 *   lights      latitude, longitude, door (0 HTTP, 1 UDP), family (4, 6); only known places
 *   countries   announces in all while somebody watched, by country: of those that changed since the
 *               message before; of all in a viewer's first message and after missed ones. So a viewer
 *               keeps a table and overwrites its entries. "ZZ": not known
 *   sampled     there were more announces than lights
 *
 * A slow viewer misses messages. A tick without any light is told once a second only. */
#ifndef ADMIN_MAP_H
#define ADMIN_MAP_H

#include "admin/admin.h"
#include "admin/geoip.h"
#include "front/tap.h"

#define MAP_TICK_MS          100
#define MAP_LIGHTS_PER_S_MAX 5000
#define MAP_VIEWERS_MAX      1000
#define MAP_HOST_VIEWERS_MAX 8 /* of one address or IPv6 /64; this machine's own are not counted */

enum map_mode { MAP_OFF, MAP_LOCAL, MAP_PUBLIC }; /* the words of the option, in order */

struct map_opts {
    enum map_mode mode;
    char geoip_file[GEOIP_PATH_BYTES_MAX];
    uint32_t viewers_max, lights_per_s;
    bool no_locations;
};

struct map;

/* With a tap for each of so many workers, who must have ended before map_close(). */
enum err map_open(struct map **out, struct loop *loop, uint32_t workers) MUST_CHECK;
void map_close(struct map *m); /* NULL is fine */
struct tap *map_tap(struct map *m, uint32_t worker);

/* Put options in force, and look whether the database's file has changed. Turned off, or changed
 * from public to local, the map sends its viewers away. */
void map_configure(struct map *m, const struct map_opts *opts);

/* One tick: take lights, send them on. Call every MAP_TICK_MS. */
void map_tick(struct map *m);

/* Handlers of /api/websocket and /api/map.json; see admin.h. */
void map_answer_websocket(struct map *m, const struct admin_request *r, struct admin_response *out);
void map_answer_state(struct map *m, const struct admin_request *r, struct admin_response *out);

#endif
