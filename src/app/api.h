/* api.h - the operators' JSON: answers, who asks, and the handlers that pages.c puts into its table.
 *
 * Every handler's ctx is the server, its thread the housekeeping one. Answers are JSON objects; one
 * that refuses has "error", a text for people. */
#ifndef APP_API_H
#define APP_API_H

#include "admin/admin.h"

#include <jansson.h>

struct server;

/* Answer with a document; takes it. NULL (no memory) becomes a 503. */
void api_respond(struct admin_response *out, int status, json_t *take);

/* {"error": text} */
void api_refuse(struct admin_response *out, int status, const char *text);

/* The body as a JSON object; NULL when it is none, and then the answer says what is wrong with it.
 * An empty body is an empty object. The caller owns it. */
json_t *api_body(const struct admin_request *r, struct admin_response *out);

/* Text of a request as a JSON string; what is no UTF-8 is shown as '?'. */
json_t *api_text(const char *text);

/* Who asks, for the log: "192.0.2.1", or "uid 1000 (Unix socket)". */
#define API_WHO_BYTES 64
void api_who(const struct admin_request *r, char out[API_WHO_BYTES]);

/* 429 for ERR_FULL of settings_change_room(), else 503. */
void api_refuse_busy(struct admin_response *out, enum err err);

struct settings_change;

/* After settings_change_save(): the file's name; the names whose values a new start will not take
 * from it, because the environment or the command line says otherwise. */
json_t *api_saved_path(const struct settings_change *c);
json_t *api_overridden(const struct settings_change *c);

/* settings_api.c */
void api_settings(void *ctx, const struct admin_request *r, struct admin_response *out);

/* control_api.c */
void api_reload(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_save(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_stop(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_restart(void *ctx, const struct admin_request *r, struct admin_response *out);

/* upgrade_api.c */
void api_upgrade(void *ctx, const struct admin_request *r, struct admin_response *out);

/* state_api.c */
void api_state(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_snapshot(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_import(void *ctx, const struct admin_request *r, struct admin_response *out);

/* access_api.c */
void api_lists(void *ctx, const struct admin_request *r, struct admin_response *out);

/* compat_api.c */
bool api_compat_is_on(const void *ctx);
void api_compat_set(void *ctx, const struct admin_request *r, struct admin_response *out);

#endif
