/* map_answer.c - /api/websocket and /api/map.json.
 *
 * Public     visitors learn the kind and age of the database, not where it lies or what is wrong
 *            with it: that is for operators.
 * "chat"     is what etracker's page asks for. Browsers end a connection whose answer names none of
 *            what they asked for, so it is confirmed; what follows is etracker's feed as ever. */
#include "admin/map_door.h"

#include "base/metrics.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { PROTOCOL_MAP_V1, PROTOCOL_ETRACKER };
static const char *const PROTOCOLS[] = {
    [PROTOCOL_MAP_V1] = "muster.map.v1", [PROTOCOL_ETRACKER] = "chat", NULL};

/* ---- /api/websocket ---- */

static bool is_own(const struct address *a)
{
    static const uint8_t LOOPBACK6[16] = {[15] = 1}, NOBODY[16] = {0};
    if (memcmp(a->ip, NOBODY, sizeof NOBODY) == 0) return true; /* the Unix socket */
    return a->family == FAMILY_V4 ? a->ip[0] == 127 : memcmp(a->ip, LOOPBACK6, 16) == 0;
}

static bool host_is_full(const struct map *m, const struct address *a)
{
    unsigned count = 0;
    if (is_own(a)) return false;
    for (const struct list *at = m->viewers.next; at != &m->viewers; at = at->next) {
        const struct address *other = &LIST_ENTRY(at, struct map_viewer, link)->host;
        if (other->family == a->family && memcmp(other->ip, a->ip, HOST_BYTES(a->family)) == 0)
            count++;
    }
    return count >= MAP_HOST_VIEWERS_MAX;
}

static void map_upgrade(void *ctx, int take_fd, const struct admin_request *r, struct view unread)
{
    struct map *m = ctx;
    struct websocket_handshake h;
    if (websocket_check(r->head, PROTOCOLS, &h) != 101) {
        close(take_fd);
        return;
    }
    bool is_plain = h.protocol != PROTOCOL_MAP_V1;
    if (map_viewer_add(m, take_fd, is_plain, &r->client, unread) != ERR_OK)
        metrics_inc(METRIC_MAP_REFUSED);
}

static void refuse(struct admin_response *out, int status, const char *headers)
{
    if (status == 503 || status == 429) metrics_inc(METRIC_MAP_REFUSED);
    admin_respond_status(out, status);
    out->headers = headers;
}

void map_answer_websocket(struct map *m, const struct admin_request *r, struct admin_response *out)
{
    struct websocket_handshake h;
    int status = map_may_watch(m, r->origin) ? websocket_check(r->head, PROTOCOLS, &h) : 404;
    if (status == 101 && m->viewer_count >= m->opts.viewers_max) status = 503;
    if (status == 101 && host_is_full(m, &r->client)) status = 429;
    if (status != 101) {
        refuse(out, status,
               status == 426                    ? WEBSOCKET_WANTED
               : status == 503 || status == 429 ? "Retry-After: 30\r\n"
                                                : NULL);
        return;
    }
    out->status = 101;
    websocket_lines(&h, PROTOCOLS, out->extra);
    out->upgrade = map_upgrade;
    out->upgrade_ctx = m;
}

/* ---- /api/map.json ---- */

static const char *state_of(const struct map *m, const struct admin_request *r)
{
    if (!map_may_watch(m, r->origin)) return "off";
    if (m->geoip.db.table) return "ready";
    return geoip_is_loading(&m->geoip) ? "loading" : "no database";
}

/* Whoever asks may be in another folder. */
static json_t *path_json(const char *path)
{
    char *whole = NULL, *here = path[0] == '/' ? NULL : get_current_dir_name();
    if (here && asprintf(&whole, "%s/%s", here, path) < 0) whole = NULL;
    json_t *text = json_string(whole ? whole : path);
    free(whole);
    free(here);
    return text;
}

static json_t *database_json(const struct geoip *g, bool for_operator)
{
    const struct geoip_database *db = &g->db;
    json_t *o = json_pack("{s:b}", "loading", geoip_is_loading(g));
    if (geoip_is_loading(g))
        json_object_set_new(o, "progress_pct", json_integer(geoip_progress_pct(g)));
    if (db->table) {
        json_object_set_new(o, "type", json_string(db->type));
        json_object_set_new(o, "entries", json_integer((json_int_t)db->rows));
        json_object_set_new(o, "ranges", json_integer((json_int_t)geoip_table_ranges(db->table)));
        json_object_set_new(o, "load_ms", json_integer((json_int_t)db->took_ms));
        json_object_set_new(o, "built_unix_s", json_integer((json_int_t)db->built_unix_s));
        json_object_set_new(o, "loaded_unix_s", json_integer((json_int_t)db->loaded_unix_s));
        json_object_set_new(o, "memory_bytes",
                            json_integer((json_int_t)geoip_table_bytes(db->table)));
        json_object_set_new(o, "positions", json_boolean(geoip_table_has_positions(db->table)));
    }
    if (for_operator && g->wanted[0]) json_object_set_new(o, "wanted", path_json(g->wanted));
    if (for_operator && db->table) json_object_set_new(o, "file", path_json(db->path));
    if (for_operator && db->error[0]) json_object_set_new(o, "error", json_string(db->error));
    return o;
}

static json_t *countries_json(const struct map *m)
{
    json_t *o = json_object();
    for (unsigned i = 0; i < MAP_COUNTRIES_MAX; i++) {
        char code[3];
        if (m->countries[i] <= 0) continue;
        map_country_code(i, code);
        json_object_set_new(o, code, json_integer((json_int_t)llrint(m->countries[i])));
    }
    return o;
}

void map_answer_state(struct map *m, const struct admin_request *r, struct admin_response *out)
{
    bool may_watch = map_may_watch(m, r->origin), for_operator = r->origin != ORIGIN_MAIN_PORT;
    json_t *state = json_pack("{s:s}", "state", state_of(m, r));
    if (may_watch) {
        json_object_set_new(state, "database", database_json(&m->geoip, for_operator));
        json_object_set_new(state, "viewers", json_integer(m->viewer_count));
        json_object_set_new(state, "viewers_max", json_integer(m->opts.viewers_max));
        json_object_set_new(state, "lights_per_s", json_integer(m->opts.lights_per_s));
        json_object_set_new(state, "countries", countries_json(m));
    }
    char *text = json_dumps(state, JSON_COMPACT);
    json_decref(state);
    admin_respond_json(out, 200, text);
}
