/* admin_answer.c - one request of an operator or a visitor to one answer.
 *
 * Order      route, method, where it came from, who asks, then the handler. What the main port may
 *            not show answers 404 there, as if it did not exist.
 * POST       changes something, so a foreign page must not be able to make a browser send one: its
 *            type must be application/json, which a form cannot send, and an Origin must be ours.
 * Host       on the admin listener it must be an address, localhost or a name we were told.
 * Headers    every answer tells browsers to load nothing from elsewhere, run nothing inline, guess
 *            no types, and show it in no frame. */
#include "admin/admin_door.h"

#include "base/metrics.h"
#include "proto/address_text.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define POLICY "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

static const char PROTECTION[] = "X-Content-Type-Options: nosniff\r\n"
                                 "X-Frame-Options: DENY\r\n"
                                 "Referrer-Policy: no-referrer\r\n";

struct status_row {
    int status;
    const char *reason;
};

static const struct status_row STATUSES[] = {
    {101, "Switching Protocols"},
    {200, "OK"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const char *reason_of(int status)
{
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++)
        if (STATUSES[i].status == status) return STATUSES[i].reason;
    return "Status";
}

void admin_respond_text(struct admin_response *out, int status, const char *text)
{
    size_t len = strlen(text);
    char *body = malloc(len + 1);
    out->status = body ? status : 503;
    out->type = "text/plain; charset=utf-8";
    if (!body) return;
    memcpy(body, text, len);
    body[len] = '\n';
    out->take_body = body;
    out->body_bytes = len + 1;
}

void admin_respond_json(struct admin_response *out, int status, char *take_text)
{
    if (!take_text) {
        admin_respond_status(out, 503);
        return;
    }
    out->status = status;
    out->type = "application/json";
    out->headers = "Cache-Control: no-store\r\n";
    out->take_body = take_text;
    out->body_bytes = strlen(take_text);
}

void admin_respond_status(struct admin_response *out, int status)
{
    if (status == 401 || status == 403) metrics_inc(METRIC_ADMIN_DENIED);
    admin_respond_text(out, status, reason_of(status));
}

bool admin_query(const struct admin_request *r, const char *name, struct view *value)
{
    struct view left = r->query, wanted = view_of_text(name);
    while (left.len) {
        const uint8_t *end = memchr(left.ptr, '&', left.len);
        struct view item = view_of(left.ptr, end ? (size_t)(end - left.ptr) : left.len);
        left = view_from(left, item.len + (end ? 1 : 0));
        const uint8_t *equals = item.len ? memchr(item.ptr, '=', item.len) : NULL;
        size_t name_bytes = equals ? (size_t)(equals - item.ptr) : item.len;
        if (!view_equal(view_of(item.ptr, name_bytes), wanted)) continue;
        *value = equals ? view_from(item, name_bytes + 1) : view_of(NULL, 0);
        return true;
    }
    return false;
}

/* ---- routes ---- */

static bool route_matches(const struct admin_route *row, struct view path)
{
    struct view wanted = view_of_text(row->path);
    if (row->prefix ? path.len < wanted.len : path.len != wanted.len) return false;
    return memcmp(path.ptr, wanted.ptr, wanted.len) == 0;
}

static const struct admin_route *route_find(const struct admin_route *routes, size_t count,
                                            struct view path)
{
    for (size_t i = 0; i < count; i++)
        if (route_matches(&routes[i], path)) return &routes[i];
    return NULL;
}

bool admin_path_is_page(const struct admin_route *routes, size_t count, struct view path)
{
    const struct admin_route *row = route_find(routes, count, path);
    return row && row->access == ADMIN_PUBLIC;
}

bool admin_path_is_local(const struct admin_route *routes, size_t count, struct view path)
{
    const struct admin_route *row = route_find(routes, count, path);
    return row && row->access != ADMIN_PUBLIC;
}

/* ---- documents ---- */

static void *json_allocate(size_t bytes)
{
    void *at = malloc(bytes);
    if (!at) metrics_inc(METRIC_ADMIN_NO_MEMORY);
    return at;
}

void admin_json_init(void)
{
    json_set_alloc_funcs(json_allocate, free);
}

uint64_t admin_json_refusals(void)
{
    return atomic_load_explicit(&metrics_mine->count[METRIC_ADMIN_NO_MEMORY], memory_order_relaxed);
}

/* A document for which memory was refused has holes: it is not sent. */
static void handle(const struct admin_env *env, const struct admin_route *row,
                   const struct admin_request *r, struct admin_response *out)
{
    uint64_t refusals = admin_json_refusals();
    row->handler(env->ctx, r, out);
    if (admin_json_refusals() == refusals || out->status == 101 || out->is_later) return;
    free(out->take_body);
    if (out->take_file_fd > 0) close(out->take_file_fd);
    *out = (struct admin_response){.status = 503};
    admin_respond_status(out, 503);
}

/* ---- who may ---- */

static bool is_json(const struct http_request *head)
{
    struct view type;
    if (!http1_header(head, "Content-Type", &type)) return false;
    const uint8_t *end = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    if (end) type.len = (size_t)(end - type.ptr);
    return view_equal_nocase(view_trim(type), VIEW("application/json"));
}

/* A page of a stranger may have its own name lead to our address (DNS rebinding), and then read what
 * only operators may: so the name must be one of ours. Addresses have no name to play with. */
static bool host_is_ours(const struct admin_env *env, const struct admin_request *r)
{
    struct view host;
    struct address address;
    uint16_t port;
    if (r->origin != ORIGIN_ADMIN || !http1_header(r->head, "Host", &host)) return true;
    if (address_port_parse(host, &address, &port) == ERR_OK) return true;
    const uint8_t *colon = host.len ? memchr(host.ptr, ':', host.len) : NULL;
    if (colon) host.len = (size_t)(colon - host.ptr);
    if (view_equal_nocase(host, VIEW("localhost"))) return true;
    return env->is_host && env->is_host(env->ctx, host);
}

static void respond_misdirected(struct admin_response *out)
{
    metrics_inc(METRIC_ADMIN_DENIED);
    admin_respond_text(out, 421, "Misdirected Request: this name is not in admin_hosts");
}

/* 0, or the status that refuses. */
static int access_check(const struct admin_env *env, const struct admin_route *row,
                        const struct admin_request *r, struct admin_response *out)
{
    bool is_main = r->origin == ORIGIN_MAIN_PORT;
    if (is_main && row->access != ADMIN_PUBLIC) return 404;
    if (is_main && row->is_public && !row->is_public(env->ctx)) return 404;
    unsigned method = r->method == HTTP_POST ? ADMIN_POST : ADMIN_GET;
    if (!(row->methods & method)) return 405;
    if (r->method == HTTP_POST && !http1_origin_is_host(r->head)) return 403;
    if (r->method == HTTP_POST && !is_json(r->head)) return 415;
    if (row->access != ADMIN_OWNER || r->origin == ORIGIN_UNIX) return 0;
    return env->owner_check ? env->owner_check(env->ctx, r, out) : 401;
}

void admin_client_find(const struct admin *a, const struct http_request *head,
                       const struct address *socket, struct address *out)
{
    *out = *socket;
    if (!a->env.http_opts) return;
    const struct http_opts *o = atomic_load_explicit(a->env.http_opts, memory_order_acquire);
    if (http_client_address(o, socket, head, out) != ERR_OK) *out = *socket;
}

/* The trusted proxies are on loopback, as a rule, and so is whoever else has the machine: without a
 * proxy before the admin listener nobody needs to be believed there. */
static bool may_speak_for_others(const struct admin_env *env, const struct admin_request *r)
{
    if (r->origin == ORIGIN_MAIN_PORT) return true;
    return r->origin == ORIGIN_ADMIN && env->is_proxied && env->is_proxied(env->ctx);
}

void admin_answer(struct admin_conn *c, struct admin_request *r, struct admin_response *out)
{
    const struct admin_env *env = &c->admin->env;
    if (!c->is_later) metrics_inc(METRIC_ADMIN_REQUESTS); /* else it is asked again */
    r->client = c->client;
    if (may_speak_for_others(env, r)) admin_client_find(c->admin, r->head, &c->client, &r->client);
    if (!host_is_ours(env, r)) {
        respond_misdirected(out);
        return;
    }
    const struct admin_route *row = route_find(env->routes, env->route_count, r->path);
    if (!row) {
        if (env->fallback && r->method != HTTP_POST) env->fallback(env->ctx, r, out);
        else admin_respond_status(out, 404);
        return;
    }
    int status = access_check(env, row, r, out);
    if (status == 0) {
        handle(env, row, r, out);
        return;
    }
    admin_respond_status(out, status);
    if (status == 401) out->headers = "WWW-Authenticate: Bearer\r\n";
    if (status == 405)
        out->headers = row->methods == ADMIN_POST  ? "Allow: POST\r\n"
                       : row->methods == ADMIN_GET ? "Allow: GET, HEAD\r\n"
                                                   : "Allow: GET, HEAD, POST\r\n";
}

/* ---- heads ---- */

size_t admin_response_bytes(const struct admin_response *a)
{
    return a->take_body || a->take_file_fd > 0 ? a->body_bytes : a->constant_body.len;
}

static bool has_no_body(int status)
{
    return status == 101 || status == 204 || status == 304;
}

static void text_write(struct writer *out, const char *name, const char *value)
{
    writer_view(out, view_of_text(name));
    writer_view(out, view_of_text(value));
    writer_literal(out, "\r\n");
}

static void protection_write(const struct admin_response *a, struct writer *out)
{
    writer_literal(out, PROTECTION);
    text_write(out, "Content-Security-Policy: ", a->policy ? a->policy : POLICY);
}

void admin_head_write(const struct admin_conn *c, const struct http_request *r,
                      const struct admin_response *a, struct writer *out)
{
    if (a->status == 401) metrics_inc(METRIC_HTTP_401); /* the workers' doors never say it */
    writer_literal(out, "HTTP/1.1 ");
    writer_decimal(out, (uint64_t)a->status);
    text_write(out, " ", reason_of(a->status));
    if (a->type) text_write(out, "Content-Type: ", a->type);
    if (a->headers) writer_view(out, view_of_text(a->headers));
    writer_view(out, view_of_text(a->extra));
    if (a->status != 101) {
        protection_write(a, out);
        if (!has_no_body(a->status)) {
            writer_literal(out, "Content-Length: ");
            writer_decimal(out, admin_response_bytes(a));
            writer_literal(out, "\r\n");
        }
        if (c->closing) writer_literal(out, "Connection: close\r\n");
        else if (r && r->minor_version == 0) writer_literal(out, "Connection: keep-alive\r\n");
    }
    writer_literal(out, "\r\n");
    assert(!out->overflow);
}
