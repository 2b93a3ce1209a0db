/* pages.c - the table of routes: path, who may, handler.
 *
 * To add one  a row here; the handler gets the server as its ctx, on the housekeeping thread.
 * Switches    `is_public` says whether the main port shows the page; a page that it does not show
 *             answers 404 there, as if it did not exist.
 * Own files   (web_root) win for what an operator wants to word himself: the landing page,
 *             robots.txt, the icon, the word to rights holders. Everywhere else what is built in
 *             wins, so a file cannot hide a page that scripts rely on. */
#include "app/pages.h"

#include "app/api.h"
#include "app/login_api.h"
#include "app/server.h"
#include "app/site.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define BANNER "muster " MUSTER_VERSION ", a BitTorrent tracker"

/* What the binary says where it was built without pages. */
static const char NO_PAGES[] =
    "This muster was built without its web pages (./dev build makes them where npm can be had).\n"
    "The numbers are at /stats, /stats.json and /metrics.";

static const char DMCA[] =
    "This server is a BitTorrent tracker. It tells peers that ask for the same torrent of one\n"
    "another and stores nothing else: no files, no torrents and no names of either. It knows a\n"
    "torrent by a number, and forgets it when its last peer has left.\n"
    "\n"
    "What peers exchange is with them; a notice about a file reaches nobody here who could remove\n"
    "it. Other notices are for the operator of this server.";

static const char ROBOTS[] = "User-agent: *\nDisallow: /";

/* ---- files ---- */

static bool own(const struct server *s, const struct admin_request *r, const char *path,
                struct admin_response *out)
{
    return files_own(s->web_root_fd, r, view_of_text(path), out);
}

static bool is_browser(const struct http_request *head)
{
    struct view accept;
    return http1_header(head, "Accept", &accept) && accept.len &&
           memmem(accept.ptr, accept.len, "text/html", sizeof "text/html" - 1);
}

static void page_root(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    if (own(ctx, r, "/", out)) return;
    if (is_browser(r->head) && files_embedded(r, VIEW("index.html"), out)) return;
    admin_respond_text(out, 200, BANNER);
    out->headers = "Cache-Control: no-store\r\n";
}

/* A page by its name; a binary without pages says so. */
static void page_built_in(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    (void)ctx;
    if (!files_embedded(r, view_from(r->path, 1), out)) admin_respond_text(out, 404, NO_PAGES);
}

/* What pages are made of. */
static void page_part(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct server *s = ctx;
    if (files_embedded(r, view_from(r->path, 1), out)) return;
    if (!files_own(s->web_root_fd, r, r->path, out)) admin_respond_status(out, 404);
}

static void page_icon(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    if (own(ctx, r, "/favicon.ico", out)) return;
    if (!files_embedded(r, VIEW("favicon.ico"), out)) admin_respond_status(out, 404);
}

static void page_robots(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    if (!own(ctx, r, "/robots.txt", out)) admin_respond_text(out, 200, ROBOTS);
}

static void page_dmca(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    static const char *const NAMES[] = {"/dmca.html", "/dmca.txt", "/dmca/"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (own(ctx, r, NAMES[i], out)) return;
    admin_respond_text(out, 200, DMCA);
}

static void page_own(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct server *s = ctx;
    if (!files_own(s->web_root_fd, r, r->path, out)) admin_respond_status(out, 404);
}

/* ---- the table ---- */

static void page_site(void *ctx, const struct admin_request *r, struct admin_response *out);

static bool stats_are_public(const void *ctx)
{
    return ((const struct server *)ctx)->live->settings.config.app.public_stats;
}

static bool map_is_public(const void *ctx)
{
    return ((const struct server *)ctx)->live->settings.config.map.mode == MAP_PUBLIC;
}

static void page_map_websocket(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    map_answer_websocket(s->map, r, out);
}

static void page_map_state(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    map_answer_state(s->map, r, out);
}

static bool metrics_are_public(const void *ctx)
{
    return ((const struct server *)ctx)->live->settings.config.app.public_metrics;
}

/* Rows of a module stand together; the first that matches wins. */
/* clang-format off */
static const struct admin_route ROUTES[] = {
    {"/", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_root, "landing page; for scripts: one line"},
    {"/stats.html", false, ADMIN_GET, ADMIN_PUBLIC, stats_are_public, page_built_in, "dashboard"},
    {"/stats", false, ADMIN_GET, ADMIN_PUBLIC, stats_are_public, stats_page_text, "numbers as text"},
    {"/stats.json", false, ADMIN_GET, ADMIN_PUBLIC, stats_are_public, stats_page_json, "all numbers"},
    {"/api/history.json", false, ADMIN_GET, ADMIN_PUBLIC, stats_are_public, stats_page_history,
     "a day of them"},
    {"/metrics", false, ADMIN_GET, ADMIN_PUBLIC, metrics_are_public, stats_page_metrics, "for Prometheus"},
    {"/map.html", false, ADMIN_GET, ADMIN_PUBLIC, map_is_public, page_built_in, "announces on a map"},
    {"/settings.html", false, ADMIN_GET, ADMIN_LOCAL, NULL, page_built_in, "live options"},
    {"/assets/", true, ADMIN_GET, ADMIN_PUBLIC, NULL, page_part, "scripts, styles, pictures"},
    {"/locales/", true, ADMIN_GET, ADMIN_PUBLIC, NULL, page_part, "the pages' languages"},
    {"/favicon.ico", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_icon, "icon"},
    {"/robots.txt", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_robots, "what crawlers may read"},
    {"/api/site.json", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_site, "which pages there are"},
    {"/dmca", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_dmca, "a word to rights holders"},
    {"/api/login", false, ADMIN_POST, ADMIN_LOCAL, NULL, api_login, "open a session"},
    {"/api/logout", false, ADMIN_POST, ADMIN_LOCAL, NULL, api_logout, "end it"},
    {"/api/settings", false, ADMIN_GET | ADMIN_POST, ADMIN_OWNER, NULL, api_settings, "options: list, set"},
    {"/api/control/reload", false, ADMIN_POST, ADMIN_OWNER, NULL, api_reload, "as SIGHUP"},
    {"/api/control/save", false, ADMIN_POST, ADMIN_OWNER, NULL, api_save, "write what was set to the file"},
    {"/api/lists", false, ADMIN_GET, ADMIN_OWNER, NULL, api_lists, "are the access lists in force"},
    {"/api/state", false, ADMIN_GET, ADMIN_OWNER, NULL, api_state, "what outlives a restart"},
    {"/api/control/snapshot", false, ADMIN_POST, ADMIN_OWNER, NULL, api_snapshot, "save that now"},
    {"/api/control/import", false, ADMIN_POST, ADMIN_OWNER, NULL, api_import, "take in what was brought"},
    {"/api/control/stop", false, ADMIN_POST, ADMIN_OWNER, NULL, api_stop, "as SIGTERM"},
    {"/api/control/restart", false, ADMIN_POST, ADMIN_OWNER, NULL, api_restart, "start anew in place"},
    {"/api/control/upgrade", false, ADMIN_GET | ADMIN_POST, ADMIN_OWNER, NULL, api_upgrade, "as SIGUSR2"},
    {"/api/set", false, ADMIN_GET, ADMIN_PUBLIC, api_compat_is_on, api_compat_set, "etracker's settings"},
    {"/api/websocket", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_map_websocket, "the map's feed"},
    {"/api/map.json", false, ADMIN_GET, ADMIN_PUBLIC, NULL, page_map_state, "the map's state"},
};
/* clang-format on */

#define ROUTE_COUNT (sizeof ROUTES / sizeof *ROUTES)

static void page_site(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    site_answer(ctx, ROUTES, ROUTE_COUNT, r, out);
}

/* With a folder of his own, an operator may have a file behind any path that is not the tracker's.
 * Paths of pages that the main port never shows stay the worker's 404. */
static bool is_page(const void *ctx, const struct http_request *r)
{
    const struct server *s = ctx;
    if (s->web_root_fd >= 0 && !admin_path_is_local(ROUTES, ROUTE_COUNT, r->path)) return true;
    if (r->path.len == 1 && !is_browser(r)) return false; /* the worker's line will do */
    return admin_path_is_page(ROUTES, ROUTE_COUNT, r->path);
}

/* ---- the door ---- */

static bool is_host(void *ctx, struct view name)
{
    struct view left =
        view_of_text(((const struct server *)ctx)->live->settings.config.app.admin_hosts);
    while (left.len) {
        const uint8_t *comma = memchr(left.ptr, ',', left.len);
        struct view item = view_of(left.ptr, comma ? (size_t)(comma - left.ptr) : left.len);
        left = view_from(left, item.len + (comma ? 1 : 0));
        if (name.len && view_equal_nocase(view_trim(item), name)) return true;
    }
    return false;
}

static enum err listeners_open(struct server *s)
{
    struct admin_sockets *a = &s->admin_sockets;
    enum err err = ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < a->tcp_count; i++) {
        int fd = a->tcp_fds[i];
        a->tcp_fds[i] = -1;
        err = admin_listen(s->admin, fd, ORIGIN_ADMIN);
    }
    if (err != ERR_OK || a->unix_fd < 0) return err;
    int fd = a->unix_fd;
    a->unix_fd = -1;
    return admin_listen(s->admin, fd, ORIGIN_UNIX);
}

/* It has a name then. */
static bool is_proxied(const void *ctx)
{
    return ((const struct server *)ctx)->live->settings.config.app.admin_hosts[0] != '\0';
}

/* As the user that serves: a folder that he may not enter would only ever answer 404. */
static enum err web_root_open(struct server *s, const char *folder)
{
    if (!folder[0]) return ERR_OK;
    s->web_root_fd = files_root_open(folder);
    if (s->web_root_fd >= 0 && faccessat(s->web_root_fd, ".", X_OK, AT_EACCESS) == 0) return ERR_OK;
    log_line(LOG_ERROR, "web_root: cannot open %s: %s", folder, strerror(errno));
    return ERR_BAD_VALUE;
}

enum err pages_open(struct server *s)
{
    const struct admin_env env = {.loop = &s->loop,
                                  .routes = ROUTES,
                                  .route_count = ROUTE_COUNT,
                                  .fallback = page_own,
                                  .is_page = is_page,
                                  .owner_check = login_owner_check,
                                  .is_host = is_host,
                                  .is_proxied = is_proxied,
                                  .ctx = s,
                                  .http_opts = &s->env.http_opts};
    enum err err = web_root_open(s, s->live->settings.config.app.web_root);
    if (err == ERR_OK) err = admin_open(&s->admin, &env);
    return err == ERR_OK ? listeners_open(s) : err;
}

void pages_close(struct server *s)
{
    admin_close(s->admin);
    if (s->web_root_fd >= 0) close(s->web_root_fd);
}
