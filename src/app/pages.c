/* pages.c - the table of routes: path, who may, handler.
 *
 * To add one  a row here; the handler gets the server as its ctx, on the housekeeping thread.
 * Switches    `is_public` says whether the main port shows the page; a page that it does not show
 *             answers 404 there, as if it did not exist. */
#include "app/pages.h"

#include "app/server.h"

#define BANNER "muster " MUSTER_VERSION ", a BitTorrent tracker"

static void page_root(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    (void)ctx;
    (void)r;
    admin_respond_text(out, 200, BANNER);
}

/* Rows of a module stand together; the first that matches wins. */
/* clang-format off */
static const struct admin_route ROUTES[] = {
    {"/", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_root, "landing page"},
};
/* clang-format on */

#define ROUTE_COUNT (sizeof ROUTES / sizeof *ROUTES)

static bool is_page(const void *ctx, const struct http_request *r)
{
    struct view accept;
    (void)ctx;
    if (r->path.len == 1 && (!http1_header(r, "Accept", &accept) || !accept.len ||
                             !memmem(accept.ptr, accept.len, "text/html", 9)))
        return false; /* the worker's banner will do */
    return admin_path_is_page(ROUTES, ROUTE_COUNT, r->path);
}

enum err pages_open(struct server *s)
{
    const struct admin_env env = {.loop = &s->loop,
                                  .routes = ROUTES,
                                  .route_count = ROUTE_COUNT,
                                  .is_page = is_page,
                                  .ctx = s,
                                  .http_opts = &s->env.http_opts};
    enum err err = admin_open(&s->admin, &env);
    for (uint32_t i = 0; err == ERR_OK && i < s->admin_sockets.tcp_count; i++) {
        int fd = s->admin_sockets.tcp_fds[i];
        s->admin_sockets.tcp_fds[i] = -1;
        err = admin_listen(s->admin, fd, ORIGIN_ADMIN);
    }
    return err;
}
