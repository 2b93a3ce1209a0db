/* state_api.c - what lies in the state folder, and saving it.
 *
 *   GET  /api/state             {"on", "folder", "busy", "begun", "saves", "failures", "imports",
 *                               "saved_unix_s", "torrents", "peers", "bytes", "seconds",
 *                               "longest_step_us": of the last save that worked,
 *                               "save", "import": {"job", "error"}: the last of each that ended}
 *   POST /api/control/snapshot  save now: {"after": jobs begun before} | 409 {"error"}
 *   POST /api/control/import    take the file `import` of the folder in: the same
 *
 * Jobs are counted as they begin. Whoever asked for one knows that it is done when the "job" of its kind is
 * above "after", and how by "error"; what was imported is stored by a "save" above that. */
#include "app/api.h"
#include "app/server.h"

#include "base/log.h"

static json_t *job(const struct state_job *j)
{
    return json_pack("{s:I, s:s}", "job", (json_int_t)j->number, "error", j->error);
}

void api_state(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct server *s = ctx;
    struct state_status v;
    (void)r;
    state_status(s->state, &v);
    uint64_t peers = v.saved.totals.peers[FAMILY_V4] + v.saved.totals.peers[FAMILY_V6];
    json_t *o = json_pack(
        "{s:b, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:o, s:o}", "on",
        v.is_on, "folder", v.folder, "busy", v.is_busy, "begun", (json_int_t)v.begun, "saves",
        (json_int_t)v.saves, "failures", (json_int_t)v.failures, "imports", (json_int_t)v.imports,
        "saved_unix_s", (json_int_t)v.saved_unix_s, "torrents", (json_int_t)v.saved.totals.torrents,
        "peers", (json_int_t)peers, "bytes", (json_int_t)v.saved.bytes, "seconds",
        (double)v.saved.us / 1e6, "longest_step_us", (json_int_t)v.saved.hold_us_max, "save",
        job(&v.save), "import", job(&v.import));
    api_respond(out, 200, o);
}

static void begin(struct server *s, const struct admin_request *r, struct admin_response *out,
                  bool imports)
{
    struct state_status v;
    char who[API_WHO_BYTES];
    state_status(s->state, &v);
    if (!v.is_on) {
        api_refuse(out, 409, "nothing outlives a restart: state_dir is not set");
        return;
    }
    if (imports) state_want_import(s->state);
    else state_want_save(s->state, "asked for");
    api_who(r, who);
    log_line(LOG_INFO, "state: %s asked for by %s", imports ? "an import" : "a save", who);
    api_respond(out, 200, json_pack("{s:I}", "after", (json_int_t)v.begun));
}

void api_snapshot(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    begin(ctx, r, out, false);
}

void api_import(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    begin(ctx, r, out, true);
}
