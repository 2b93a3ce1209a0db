/* control_api.c - POST /api/control/...: what signals do, with an answer.
 *
 *   reload   SIGHUP: {"changed": {name: value}, "waiting": [name]} | 400 {"error"}; waiting: needs a
 *            restart. Comes when access lists are read; of those that stay as they were /api/lists tells
 *   save     every value set while running goes into the configuration file: {"saved": path,
 *            "names": [name], "overridden": [name]} | 409 {"error"}
 *   stop     SIGTERM: {"outcome": "stopping"}
 *   restart  the program anew in the same process: {"outcome": "restarting"} | 409 {"error"}: it would
 *            not start, so it does not stop */
#include "app/api.h"
#include "app/restart.h"
#include "app/settings_change.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static void reload_respond(const struct server *s, const struct reload_report *report,
                           struct admin_response *out)
{
    json_t *changed = json_object(), *waiting = json_array();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char value[OPTION_VALUE_BYTES_MAX];
        option_print(&s->live->settings.config, row, value);
        if (report->changed[i])
            json_object_set_new(changed, row->name, row->secret ? json_null() : api_text(value));
        if (report->waiting[i]) json_array_append_new(waiting, json_string(row->name));
    }
    api_respond(out, 200, json_pack("{s:o, s:o}", "changed", changed, "waiting", waiting));
}

void api_reload(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct reload_report report;
    char who[API_WHO_BYTES];
    enum err err = settings_change_room(s);
    if (err != ERR_OK) {
        api_refuse_busy(out, err);
        return;
    }
    api_who(r, who);
    switch (s->stopping ? RELOAD_REFUSED : server_reload(s, who, &report)) {
    case RELOAD_DONE: reload_respond(s, &report, out); break;
    case RELOAD_LATER: out->is_later = true; break;
    case RELOAD_REFUSED:
        if (s->stopping) api_refuse(out, 409, "it is stopping already");
        else api_refuse(out, 400, report.error.text);
    }
}

/* The names that stay set live are those that a new start will not take from the file. */
static void save_respond(const struct settings_change *c, struct admin_response *out)
{
    json_t *names = json_array();
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (c->said[i]) json_array_append_new(names, json_string(OPTIONS[i].name));
    api_respond(out, 200,
                json_pack("{s:o, s:o, s:o}", "saved", api_saved_path(c), "names", names,
                          "overridden", api_overridden(c)));
}

void api_save(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct settings_change c;
    struct option_error error = {0};
    char who[API_WHO_BYTES];
    enum err err = settings_change_begin(&c, s);
    if (err != ERR_OK) {
        api_refuse_busy(out, err);
        return;
    }
    for (size_t i = 0; i < OPTION_COUNT; i++)
        c.said[i] = s->live->settings.origin[i].source == SOURCE_LIVE;
    if (settings_change_save(&c, &error) == ERR_OK) {
        api_who(r, who);
        log_line(LOG_INFO, "settings: saved to %s, by %s", s->live->settings.config.app.config_file,
                 who);
        memcpy(s->live->settings.origin, c.next->settings.origin, sizeof c.next->settings.origin);
        save_respond(&c, out);
    } else {
        api_refuse(out, 409, error.text);
    }
    settings_change_drop(&c);
}

static void outcome(struct admin_response *out, const char *text)
{
    api_respond(out, 200, json_pack("{s:s}", "outcome", text));
}

static void stop(struct server *s, const struct admin_request *r, bool again)
{
    char who[API_WHO_BYTES], why[API_WHO_BYTES + 16];
    api_who(r, who);
    snprintf(why, sizeof why, "asked by %s", who);
    server_stop(s, why, again);
}

void api_stop(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    if (!s->stopping) stop(s, r, false);
    outcome(out, "stopping");
}

/* May it restart, as far as the lists go? Those that it would read then are read now, all of them. */
static bool lists_allow(struct server *s, const struct access_opts *o, struct admin_response *out)
{
    char why[ACCESS_ERROR_BYTES_MAX], text[ACCESS_ERROR_BYTES_MAX + 16];
    enum access_verdict verdict = access_loader_try(&s->lists, o, true, why);
    if (verdict == ACCESS_FINE) access_loader_forget(&s->lists, o);
    out->is_later = verdict == ACCESS_LATER;
    snprintf(text, sizeof text, "lists: %s", why);
    if (why[0]) api_refuse(out, 409, text);
    return !why[0] && !out->is_later;
}

static void restart(struct server *s, struct settings *next, const struct admin_request *r,
                    struct admin_response *out)
{
    struct option_error error;
    if (restart_check(&s->live->settings, &s->confine, &s->sources, next, &error) != ERR_OK) {
        api_refuse(out, 409, error.text);
    } else if (lists_allow(s, &next->config.access, out)) {
        stop(s, r, true);
        outcome(out, "restarting");
    }
}

void api_restart(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct settings *next = calloc(1, sizeof *next);
    if (!next) api_refuse_busy(out, ERR_NO_MEMORY);
    else if (s->stopping) api_refuse(out, 409, "it is stopping already");
    else if (s->sockets.are_given)
        api_refuse(out, 409, "its sockets are the service manager's: let that restart muster");
    else restart(s, next, r, out);
    free(next);
}
