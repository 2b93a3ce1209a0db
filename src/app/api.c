/* api.c - see api.h. */
#include "app/api.h"

#include "app/settings_change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void api_respond(struct admin_response *out, int status, json_t *take)
{
    char *text = take ? json_dumps(take, JSON_COMPACT) : NULL;
    json_decref(take);
    admin_respond_json(out, status, text);
}

json_t *api_text(const char *text)
{
    json_t *string = json_string(text);
    if (string) return string;
    char *copy = strdup(text);
    for (char *c = copy; c && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    string = copy ? json_string(copy) : NULL;
    free(copy);
    return string;
}

void api_refuse(struct admin_response *out, int status, const char *text)
{
    api_respond(out, status, json_pack("{s:o}", "error", api_text(text)));
}

json_t *api_body(const struct admin_request *r, struct admin_response *out)
{
    json_error_t error;
    char text[JSON_ERROR_TEXT_LENGTH + 64];
    if (!r->body.len) return json_object();
    json_t *body =
        json_loadb((const char *)r->body.ptr, r->body.len, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(body)) return body;
    if (body) snprintf(text, sizeof text, "the body is no JSON object");
    else snprintf(text, sizeof text, "the body is no JSON: line %d: %s", error.line, error.text);
    json_decref(body);
    api_refuse(out, 400, text);
    return NULL;
}

void api_who(const struct admin_request *r, char out[API_WHO_BYTES])
{
    if (r->origin == ORIGIN_UNIX)
        snprintf(out, API_WHO_BYTES, "uid %" PRIu32 " (Unix socket)", r->uid);
    else address_print(&r->client, out);
}

void api_refuse_busy(struct admin_response *out, enum err err)
{
    if (err == ERR_FULL) api_refuse(out, 429, "too many changes in a minute");
    else api_refuse(out, 503, err_text(err));
    snprintf(out->extra, sizeof out->extra, "Retry-After: 10\r\n");
}

json_t *api_saved_path(const struct settings_change *c)
{
    return api_text(c->next->settings.config.app.config_file);
}

json_t *api_overridden(const struct settings_change *c)
{
    json_t *names = json_array();
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (c->said[i] && c->next->settings.origin[i].source == SOURCE_LIVE)
            json_array_append_new(names, json_string(OPTIONS[i].name));
    return names;
}
