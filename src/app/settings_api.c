/* settings_api.c - GET and POST /api/settings: the option table as JSON, and changes to it.
 *
 *   GET   {"groups": [{"id","title"}], "config_file": path or null,
 *          "options": [{"name","group","type","value","default","range","min","max","choices","unit",
 *                       "help","more","live","secret","is_set","origin": {"source","line"}}],
 *          "sockets": ["udp://192.0.2.1:6969"] of the service manager, null where `listen` tells}
 *         Times are in seconds, sizes in bytes; "value" and "default" are texts as a configuration
 *         file has them; of a secret only "is_set" is told.
 *   POST  {"set": {name: value or null}, "save": bool} -> {"changed": {name: value}, "saved": path or
 *         null, "overridden": [name], "lists_error": text} | 400 {"errors": {name: text}}, 409 where
 *         it is an access list that cannot be read; null goes back to what the sources say.
 *         "lists_error", if any: a list that it is not about cannot be read, and stays as it was.
 *         "overridden" are saved values that a new start will not take, because the environment or the
 *         command line says otherwise.
 *
 * All or nothing   every error is found before anything changes, the file's included; so a page can
 *                  show all of them at once, each beside its field. Access lists are read before, too:
 *                  beside the work, and the handler is asked again until that is done. */
#include "app/api.h"
#include "app/options_item.h"
#include "app/settings_change.h"

#include "base/text.h"

#include <stdlib.h>

static const char *const TYPES[] = {
    [OPT_FLAG] = "flag", [OPT_INT] = "int",       [OPT_LIMIT] = "limit",
    [OPT_SIZE] = "size", [OPT_TIME] = "time",     [OPT_FRACTION] = "fraction",
    [OPT_TEXT] = "text", [OPT_CHOICE] = "choice", [OPT_LIST] = "list",
};

/* ---- GET ---- */

static json_t *choices(const char *words)
{
    json_t *list = json_array();
    for (size_t length; words && *words; words += length + (words[length] == ' ')) {
        length = strcspn(words, " ");
        json_array_append_new(list, json_stringn(words, length));
    }
    return list;
}

/* The ends of the range, in the unit that a person thinks in. */
static void range_put(json_t *o, const struct option_row *row)
{
    char range[OPTION_RANGE_BYTES_MAX];
    option_range_print(row, range);
    json_object_set_new(o, "range", json_string(range));
    double scale = row->type == OPT_TIME ? 1000 : 1;
    bool has_ends = row->type == OPT_INT || row->type == OPT_SIZE || row->type == OPT_TIME;
    if (has_ends) {
        bool has_zero = row->zero != NULL;
        json_object_set_new(o, "min", json_real(has_zero ? 0 : (double)row->min / scale));
        json_object_set_new(o, "max", json_real((double)row->max / scale));
    } else if (row->type == OPT_FRACTION) {
        json_object_set_new(o, "min", json_real(0));
        json_object_set_new(o, "max", json_real(row->fraction_max));
    }
    const char *unit = row->type == OPT_TIME                              ? "s"
                       : row->type == OPT_SIZE                            ? "bytes"
                       : row->value && strcmp(row->value, "PERCENT") == 0 ? "%"
                                                                          : "";
    json_object_set_new(o, "unit", json_string(unit));
    if (row->choices) json_object_set_new(o, "choices", choices(row->choices));
}

static void value_put(json_t *o, const struct settings *s, const struct option_row *row)
{
    char value[OPTION_VALUE_BYTES_MAX];
    option_print(&s->config, row, value);
    json_object_set_new(o, "secret", json_boolean(row->secret));
    if (row->secret) json_object_set_new(o, "is_set", json_boolean(value[0] != '\0'));
    json_object_set_new(o, "value", row->secret ? json_string("") : api_text(value));
    json_object_set_new(o, "default", json_string(row->dflt));
    const struct option_origin *origin = &s->origin[row - OPTIONS];
    json_object_set_new(o, "origin",
                        json_pack("{s:s, s:i}", "source", option_source_name(origin->source),
                                  "line", (int)origin->line));
}

static json_t *option_json(const struct settings *s, const struct option_row *row)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "name", row->name, "group",
                          option_group_id(row->group), "type", TYPES[row->type], "help", row->help,
                          "more", row->more ? row->more : "", "live", row->reload == RELOAD_LIVE);
    if (!o) return NULL;
    range_put(o, row);
    value_put(o, s, row);
    return o;
}

/* Those of the service manager, which no option tells. */
static json_t *given_sockets(const struct sockets *s)
{
    char text[LISTEN_TEXT_BYTES_MAX];
    json_t *all = s->are_given ? json_array() : json_null();
    for (uint32_t i = 0; s->are_given && i < s->address_count; i++) {
        listen_print(&s->addresses[i], text, sizeof text);
        json_array_append_new(all, json_string(text));
    }
    return all;
}

static json_t *settings_json(const struct settings *s, const struct sockets *sockets)
{
    json_t *groups = json_array(), *options = json_array();
    for (enum option_group g = 0; g < GROUP_COUNT; g++)
        json_array_append_new(groups, json_pack("{s:s, s:s}", "id", option_group_id(g), "title",
                                                option_group_title(g)));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        json_array_append_new(options, option_json(s, &OPTIONS[i]));
    const char *file = s->config.app.config_file;
    return json_pack("{s:o, s:o, s:o, s:o}", "groups", groups, "config_file",
                     file[0] ? api_text(file) : json_null(), "options", options, "sockets",
                     given_sockets(sockets));
}

/* ---- POST ---- */

struct posting {
    struct settings_change change;
    struct option_error error; /* the last one */
    json_t *errors;
    bool is_refused; /* also where there was no memory to say why */
};

static void error_put(struct posting *p, const char *name, const char *text)
{
    p->is_refused = true;
    json_object_set_new(p->errors, name, api_text(text));
}

/* A value as the option table reads it: text, or a number or boolean that a script wrote plainly. */
static bool value_text(const json_t *value, char out[OPTION_VALUE_BYTES_MAX], size_t *length)
{
    int n = -1;
    size_t size = OPTION_VALUE_BYTES_MAX;
    if (json_is_string(value)) {
        if (json_string_length(value) >= size) return false;
        n = (int)json_string_length(value);
        memcpy(out, json_string_value(value), (size_t)n);
    } else if (json_is_boolean(value)) {
        n = snprintf(out, size, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_integer(value)) {
        n = snprintf(out, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        n = snprintf(out, size, "%.15g", json_real_value(value));
    }
    *length = n < 0 ? 0 : (size_t)n;
    return n >= 0;
}

static void set_one(struct posting *p, const struct option_row *row, const char *name,
                    const json_t *value)
{
    char text[OPTION_VALUE_BYTES_MAX];
    size_t length;
    enum err err;
    if (json_is_null(value)) err = settings_change_forget(&p->change, row, &p->error);
    else if (!value_text(value, text, &length)) {
        error_put(p, name, "neither text, number, true, false nor null; or too long");
        return;
    } else {
        err = settings_change_set(&p->change, row, view_of(text, length), &p->error);
    }
    if (err == ERR_NO_MEMORY) error_put(p, name, err_text(err));
    else if (err != ERR_OK) error_put(p, name, p->error.text);
}

static void set_named(struct posting *p, const char *name, const json_t *value)
{
    char text[160];
    const struct option_row *row = option_find(view_of_text(name));
    if (!row) {
        const struct option_row *near = option_nearest(view_of_text(name));
        snprintf(text, sizeof text, "there is no such option%s%s%s", near ? "; did you mean " : "",
                 near ? near->name : "", near ? "?" : "");
        error_put(p, name, text);
    } else if (row->reload != RELOAD_LIVE) {
        error_put(p, name, "needs a restart: change it in the configuration file, then restart");
    } else if (p->change.said[row - OPTIONS]) {
        snprintf(text, sizeof text, "said twice: it is another name of %s", row->name);
        error_put(p, name, text);
    } else {
        set_one(p, row, name, value);
    }
}

/* A contradiction is told at every option of the request that has a part in it. */
static void check_together(struct posting *p)
{
    p->error = (struct option_error){0};
    if (settings_change_check(&p->change, &p->error) == ERR_OK) return;
    for (int i = 0; i < OPTION_ERROR_NAMES_MAX; i++) {
        if (!p->error.names[i]) continue;
        const struct option_row *row = option_find(view_of_text(p->error.names[i]));
        if (p->change.said[row - OPTIONS]) error_put(p, row->name, p->error.text);
    }
    if (json_object_size(p->errors) == 0) error_put(p, p->error.names[0], p->error.text);
}

static json_t *changed_json(const struct settings_change *c)
{
    json_t *changed = json_object();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char value[OPTION_VALUE_BYTES_MAX];
        if (!c->said[i] || !settings_change_differs(c, row)) continue;
        option_print(&c->next->settings.config, row, value);
        json_object_set_new(changed, row->name, row->secret ? json_null() : api_text(value));
    }
    return changed;
}

static bool is_saved(struct posting *p)
{
    if (settings_change_save(&p->change, &p->error) == ERR_OK) return true;
    error_put(p, "save", p->error.text);
    return false;
}

/* A list that cannot be read is told at every option of the request that is about lists. */
static void lists_error_put(struct posting *p, const char *why)
{
    char text[ACCESS_ERROR_BYTES_MAX + 16];
    snprintf(text, sizeof text, "lists: %s", why);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (p->change.said[i] && OPTIONS[i].group == GROUP_ACCESS)
            error_put(p, OPTIONS[i].name, text);
    if (!p->is_refused) error_put(p, "lists", text);
}

/* Are the access lists it names fit to be in force? False: not yet, or never. */
static bool lists_are_fine(struct posting *p, char error[ACCESS_ERROR_BYTES_MAX],
                           struct admin_response *out)
{
    struct server *s = p->change.server;
    const struct access_opts *o = &p->change.next->settings.config.access;
    switch (access_loader_try(&s->lists, o, false, error)) {
    case ACCESS_LATER:
        out->is_later = !s->stopping;
        if (s->stopping) api_refuse(out, 503, "it is stopping");
        return false;
    case ACCESS_REFUSED:
        lists_error_put(p, error);
        api_respond(out, 409, json_pack("{s:O}", "errors", p->errors));
        return false;
    case ACCESS_FINE: break;
    }
    return true;
}

static void apply(struct posting *p, bool save, const struct admin_request *r,
                  struct admin_response *out)
{
    char who[API_WHO_BYTES], lists_error[ACCESS_ERROR_BYTES_MAX];
    if (!p->is_refused) check_together(p);
    if (!p->is_refused && !lists_are_fine(p, lists_error, out)) return;
    if (p->is_refused || (save && !is_saved(p))) {
        access_loader_forget(&p->change.server->lists, &p->change.next->settings.config.access);
        api_respond(out, 400, json_pack("{s:O}", "errors", p->errors));
        return;
    }
    api_who(r, who);
    json_t *answer = json_pack("{s:o, s:o}", "changed", changed_json(&p->change), "saved",
                               save ? api_saved_path(&p->change) : json_null());
    if (answer && lists_error[0]) json_object_set_new(answer, "lists_error", api_text(lists_error));
    if (answer && save) json_object_set_new(answer, "overridden", api_overridden(&p->change));
    settings_change_apply(&p->change, who);
    api_respond(out, 200, answer);
}

static void post(struct server *s, const json_t *body, const struct admin_request *r,
                 struct admin_response *out)
{
    struct posting p = {0};
    enum err err = settings_change_room(s);
    if (err == ERR_OK) err = settings_change_begin(&p.change, s);
    if (err != ERR_OK) {
        api_refuse_busy(out, err);
        return;
    }
    p.errors = json_object();
    json_t *set = json_object_get(body, "set");
    for (void *at = json_object_iter(set); at; at = json_object_iter_next(set, at))
        set_named(&p, json_object_iter_key(at), json_object_iter_value(at));
    apply(&p, json_is_true(json_object_get(body, "save")), r, out);
    settings_change_drop(&p.change);
    json_decref(p.errors);
}

void api_settings(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    if (r->method != HTTP_POST) {
        api_respond(out, 200, settings_json(&s->live->settings, &s->sockets));
        return;
    }
    json_t *body = api_body(r, out);
    if (!body) return;
    const json_t *save = json_object_get(body, "save");
    if (!json_is_object(json_object_get(body, "set")) || (save && !json_is_boolean(save)))
        api_refuse(out, 400, "expected {\"set\": {\"NAME\": \"VALUE\"}, \"save\": false}");
    else post(s, body, r, out);
    json_decref(body);
}
