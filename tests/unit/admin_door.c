/* admin_door.c - the operators' door over real sockets: ways in, methods, access, bodies, limits.
 * The test owns the clock. */
#include "unit.h"

#include "admin/admin_door.h"
#include "base/metrics.h"
#include "net/sockaddr.h"
#include "net/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BIG_BYTES (3u << 20)
#define JSON      "Content-Type: application/json\r\n"

struct world {
    struct loop loop;
    struct admin *admin;
    struct sockaddr_storage at;
    struct sockaddr_un unix_at;
    socklen_t unix_len;
    bool is_public, is_owner, is_guesser, is_ready;
    struct address client; /* of the last request */
    int upgraded_fd;
    char upgraded[64];
    char answer[BIG_BYTES + 4096];
    size_t answer_len;
    bool eof;
};

/* ---- handlers ---- */

static void say_origin(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    static const char *const NAMES[] = {"main", "admin", "unix"};
    struct world *w = ctx;
    w->client = r->client;
    admin_respond_text(out, 200, NAMES[r->origin]);
}

static void echo(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    (void)ctx;
    out->take_body = malloc(r->body.len + 1);
    memcpy(out->take_body, r->body.ptr, r->body.len);
    out->body_bytes = r->body.len;
    out->type = "application/json";
    out->headers = "X-Echo: yes\r\n";
}

static void big(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    (void)ctx;
    (void)r;
    out->take_body = malloc(BIG_BYTES);
    memset(out->take_body, 'b', BIG_BYTES);
    out->body_bytes = BIG_BYTES;
}

static void fixed(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    static const uint8_t BODY[BIG_BYTES];
    (void)ctx;
    (void)r;
    out->constant_body = view_of(BODY, sizeof BODY);
}

static void file(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct view claimed;
    (void)ctx;
    out->take_file_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    out->body_bytes = 100000;
    if (admin_query(r, "longer", &claimed))
        out->body_bytes = (size_t)lseek(out->take_file_fd, 0, SEEK_END) + 1;
}

static void keep_fd(void *ctx, int take_fd, const struct admin_request *r, struct view unread)
{
    struct world *w = ctx;
    w->upgraded_fd = take_fd;
    snprintf(w->upgraded, sizeof w->upgraded, "%.*s:%.*s", (int)r->path.len, r->path.ptr,
             (int)unread.len, unread.ptr);
}

static void upgrade(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    (void)r;
    *out = (struct admin_response){.status = 101,
                                   .headers = "Upgrade: x\r\nConnection: Upgrade\r\n",
                                   .upgrade = keep_fd,
                                   .upgrade_ctx = ctx};
}

static void drain(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct world *w = ctx;
    (void)r;
    admin_drain(w->admin);
    admin_respond_text(out, 200, "stopping");
}

/* Its body is looked at behind the call. */
static void drain_and_echo(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    admin_drain(((struct world *)ctx)->admin);
    echo(ctx, r, out);
}

/* Until the world says otherwise. */
static void no_answer_yet(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct world *w = ctx;
    (void)r;
    if (w->is_ready) admin_respond_text(out, 200, "at last");
    out->is_later = !w->is_ready;
}

static bool is_public(const void *ctx)
{
    return ((const struct world *)ctx)->is_public;
}

static int owner_check(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct world *w = ctx;
    (void)r;
    if (w->is_guesser) snprintf(out->extra, sizeof out->extra, "Retry-After: 7\r\n");
    return w->is_owner ? 0 : w->is_guesser ? 429 : 401;
}

static bool is_host(void *ctx, struct view name)
{
    (void)ctx;
    return view_equal_nocase(name, VIEW("a.test"));
}

static const struct admin_route ROUTES[] = {
    {"/where", false, ADMIN_GET, ADMIN_PUBLIC, NULL, say_origin, ""},
    {"/switched", false, ADMIN_GET, ADMIN_PUBLIC, is_public, say_origin, ""},
    {"/local", false, ADMIN_GET, ADMIN_LOCAL, NULL, say_origin, ""},
    {"/owner", false, ADMIN_GET, ADMIN_OWNER, NULL, say_origin, ""},
    {"/echo", false, ADMIN_POST, ADMIN_LOCAL, NULL, echo, ""},
    {"/both", false, ADMIN_GET | ADMIN_POST, ADMIN_LOCAL, NULL, echo, ""},
    {"/big", false, ADMIN_GET, ADMIN_PUBLIC, NULL, big, ""},
    {"/fixed", false, ADMIN_GET, ADMIN_PUBLIC, NULL, fixed, ""},
    {"/file", false, ADMIN_GET, ADMIN_PUBLIC, NULL, file, ""},
    {"/upgrade", false, ADMIN_GET, ADMIN_PUBLIC, NULL, upgrade, ""},
    {"/drain", false, ADMIN_GET, ADMIN_LOCAL, NULL, drain, ""},
    {"/drain-echo", false, ADMIN_POST, ADMIN_LOCAL, NULL, drain_and_echo, ""},
    {"/later", false, ADMIN_GET, ADMIN_LOCAL, NULL, no_answer_yet, ""},
    {"/below/", true, ADMIN_GET, ADMIN_PUBLIC, NULL, say_origin, ""},
};

#define ROUTE_COUNT (sizeof ROUTES / sizeof *ROUTES)

/* ---- the world ---- */

/* On an address that the kernel chooses. */
static void unix_open(struct world *w)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    w->unix_at.sun_family = AF_UNIX;
    w->unix_len = sizeof w->unix_at;
    assert_int_equal(bind(fd, (struct sockaddr *)&w->unix_at, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&w->unix_at, &w->unix_len), 0);
    assert_int_equal(admin_listen(w->admin, fd, ORIGIN_UNIX), ERR_OK);
}

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct address loopback = {.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    assert_int_equal(loop_open(&w->loop), ERR_OK);
    const struct admin_env env = {.loop = &w->loop,
                                  .routes = ROUTES,
                                  .route_count = ROUTE_COUNT,
                                  .owner_check = owner_check,
                                  .is_host = is_host,
                                  .ctx = w};
    assert_int_equal(admin_open(&w->admin, &env), ERR_OK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t len = sockaddr_write(&w->at, &loopback, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&w->at, len), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&w->at, &len), 0);
    assert_int_equal(admin_listen(w->admin, fd, ORIGIN_ADMIN), ERR_OK);
    unix_open(w);
    w->upgraded_fd = -1;
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    admin_close(w->admin);
    if (w->upgraded_fd >= 0) close(w->upgraded_fd);
    loop_close(&w->loop);
    free(w);
    return 0;
}

static int connect_admin(struct world *w)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&w->at, sizeof(struct sockaddr_in)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

/* A connection of the n-th visitor that a worker hands over with these bytes; the client's end. */
static int hand_over_of(struct world *w, unsigned n, const char *bytes)
{
    int pair[2];
    struct address client = {.family = FAMILY_V4, .ip = {203, 0, (uint8_t)(113 + n), 9}};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct http_pages *pages = admin_handoff(w->admin);
    assert_true(pages->take(pages, pair[0], &client, view_of_text(bytes)));
    return pair[1];
}

static int hand_over(struct world *w, const char *bytes)
{
    return hand_over_of(w, 0, bytes);
}

static void turn(struct world *w)
{
    for (int i = 0; i < 4; i++)
        loop_turn(&w->loop, 5);
}

/* Read until the server closes or falls silent. */
static void read_all(struct world *w, int fd)
{
    w->answer_len = 0;
    w->eof = false;
    for (int silent = 0; silent < 3 && !w->eof; silent++) {
        turn(w);
        ssize_t n;
        while ((n = recv(fd, w->answer + w->answer_len, sizeof w->answer - 1 - w->answer_len, 0)) >
               0) {
            w->answer_len += (size_t)n;
            silent = 0;
            loop_turn(&w->loop, 0);
        }
        w->eof = n == 0 || (n < 0 && errno == ECONNRESET);
    }
    w->answer[w->answer_len] = '\0';
}

static void ask(struct world *w, int fd, const char *bytes)
{
    assert_int_equal(send(fd, bytes, strlen(bytes), 0), (ssize_t)strlen(bytes));
    read_all(w, fd);
}

static void assert_says(const struct world *w, const char *part)
{
    if (strstr(w->answer, part)) return;
    print_error("%.*s\n", (int)w->answer_len, w->answer);
    fail_msg("no \"%s\" in it", part);
}

static void assert_status(const struct world *w, int status)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    assert_says(w, line);
    assert_memory_equal(w->answer, line, strlen(line));
}

/* Ask once on a new admin connection. */
static void ask_once(struct world *w, const char *bytes)
{
    int fd = connect_admin(w);
    ask(w, fd, bytes);
    close(fd);
}

static void ask_main(struct world *w, const char *bytes)
{
    int fd = hand_over(w, bytes);
    read_all(w, fd);
    close(fd);
}

static void ask_unix(struct world *w, const char *bytes)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&w->unix_at, w->unix_len), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    ask(w, fd, bytes);
    close(fd);
}

/* ---- ways in ---- */

static void test_admin_connections_are_kept(void **state)
{
    struct world *w = *state;
    int fd = connect_admin(w);
    for (int i = 0; i < 3; i++) {
        ask(w, fd, "GET /where HTTP/1.1\r\n\r\n");
        assert_status(w, 200);
        assert_says(w, "\r\n\r\nadmin\n");
        assert_false(w->eof);
    }
    ask(w, fd, "GET /where HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_says(w, "Connection: close\r\n");
    assert_true(w->eof);
    close(fd);
}

static void test_pipelined_requests_are_all_answered(void **state)
{
    struct world *w = *state;
    ask_once(w, "GET /where HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\n\r\n"
                "POST /echo HTTP/1.1\r\n" JSON
                "Content-Length: 2\r\n\r\n{}GET /where HTTP/1.0\r\n\r\n");
    assert_says(w, "admin\nHTTP/1.1 404 ");
    assert_says(w, "\r\n\r\n{}HTTP/1.1 200 ");
    assert_true(w->eof);
}

/* Nor does the client's end, right behind them, cut any off. */
static void test_a_crowd_of_requests_is_served_in_shares(void **state)
{
    static const char REQUEST[] = "GET /where HTTP/1.1\r\n\r\n";
    enum { COUNT = 100 };
    struct world *w = *state;
    uint64_t before = metrics_sum(METRIC_ADMIN_REQUESTS);
    int fd = connect_admin(w);
    turn(w);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(send(fd, REQUEST, sizeof REQUEST - 1, 0), sizeof REQUEST - 1);
    shutdown(fd, SHUT_WR);
    loop_turn(&w->loop, 1000);
    uint64_t served = metrics_sum(METRIC_ADMIN_REQUESTS) - before;
    assert_in_range(served, 1, COUNT / 4);
    read_all(w, fd);
    assert_true(w->eof);
    assert_int_equal(metrics_sum(METRIC_ADMIN_REQUESTS), before + COUNT);
    close(fd);
}

static void test_handed_over_gets_one_answer(void **state)
{
    struct world *w = *state;
    ask_main(w, "GET /where HTTP/1.1\r\n\r\nGET /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    assert_says(w, "Connection: close\r\n");
    assert_says(w, "\r\n\r\nmain\n");
    assert_null(strstr(w->answer + 1, "HTTP/1.1"));
    assert_true(w->eof);
    assert_int_equal(w->client.ip[0], 203);
}

static void test_every_answer_protects(void **state)
{
    struct world *w = *state;
    const char *requests[] = {"GET /where HTTP/1.1\r\n\r\n", "GET /nothing HTTP/1.1\r\n\r\n",
                              "BREW / HTTP/1.1\r\n\r\n"};
    for (int i = 0; i < 3; i++) {
        ask_once(w, requests[i]);
        assert_says(w, "X-Content-Type-Options: nosniff\r\n");
        assert_says(w, "X-Frame-Options: DENY\r\n");
        assert_says(w, "Referrer-Policy: no-referrer\r\n");
        assert_says(w, "Content-Security-Policy: default-src 'self'");
    }
}

/* ---- access ---- */

static void test_the_main_port_shows_what_is_public(void **state)
{
    struct world *w = *state;
    ask_main(w, "GET /switched HTTP/1.1\r\n\r\n");
    assert_status(w, 404);
    ask_main(w, "GET /local HTTP/1.1\r\n\r\n");
    assert_status(w, 404);
    ask_main(w, "GET /owner HTTP/1.1\r\n\r\n");
    assert_status(w, 404);
    w->is_public = true;
    ask_main(w, "GET /switched HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    ask_once(w, "GET /local HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    assert_true(admin_path_is_page(ROUTES, ROUTE_COUNT, VIEW("/below/it")));
    assert_false(admin_path_is_page(ROUTES, ROUTE_COUNT, VIEW("/below")));
    assert_false(admin_path_is_page(ROUTES, ROUTE_COUNT, VIEW("/local")));
    assert_true(admin_path_is_local(ROUTES, ROUTE_COUNT, VIEW("/local")));
}

static void test_owners_pages_need_the_owner(void **state)
{
    struct world *w = *state;
    uint64_t denied = metrics_sum(METRIC_ADMIN_DENIED);
    ask_once(w, "GET /owner HTTP/1.1\r\n\r\n");
    assert_status(w, 401);
    assert_says(w, "WWW-Authenticate: Bearer\r\n");
    assert_int_equal(metrics_sum(METRIC_ADMIN_DENIED), denied + 1);
    w->is_guesser = true;
    ask_once(w, "GET /owner HTTP/1.1\r\n\r\n");
    assert_status(w, 429);
    assert_says(w, "Retry-After: 7\r\n");
    w->is_owner = true;
    ask_once(w, "GET /owner HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
}

static void test_methods(void **state)
{
    struct world *w = *state;
    ask_once(w, "POST /where HTTP/1.1\r\n" JSON "Content-Length: 0\r\n\r\n");
    assert_status(w, 405);
    assert_says(w, "Allow: GET, HEAD\r\n");
    ask_once(w, "GET /echo HTTP/1.1\r\n\r\n");
    assert_status(w, 405);
    assert_says(w, "Allow: POST\r\n");
    ask_once(w, "PUT /both HTTP/1.1\r\n\r\n");
    assert_status(w, 405);
    ask_once(w, "HEAD /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    assert_says(w, "Content-Length: 6\r\n");
    assert_null(strstr(w->answer, "\r\n\r\nadmin"));
}

/* ---- POST ---- */

static void test_post_needs_its_type_and_origin(void **state)
{
    struct world *w = *state;
    ask_once(w, "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}");
    assert_status(w, 415);
    ask_once(w, "POST /echo HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
    assert_status(w, 415);
    ask_once(w, "POST /echo HTTP/1.1\r\nHost: a.test\r\nOrigin: http://b.test\r\n" JSON
                "Content-Length: 2\r\n\r\n{}");
    assert_status(w, 403);
    ask_once(w, "POST /echo HTTP/1.1\r\nHost: a.test\r\nOrigin: null\r\n" JSON
                "Content-Length: 2\r\n\r\n{}");
    assert_status(w, 403);
    ask_once(w, "POST /echo HTTP/1.1\r\nHost: a.test:443\r\nOrigin: https://a.test\r\n" JSON
                "Content-Length: 2\r\n\r\n{}");
    assert_status(w, 200);
    ask_once(w, "POST /echo HTTP/1.1\r\nHost: a.test:80\r\nOrigin: http://A.test:80\r\n"
                "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}");
    assert_status(w, 200);
    assert_says(w, "X-Echo: yes\r\n");
}

static void test_post_bodies_have_a_length_and_a_limit(void **state)
{
    struct world *w = *state;
    enum { SIZE = ADMIN_POST_BYTES_MAX + 256 };
    char *request = calloc(1, SIZE);
    ask_once(w, "POST /echo HTTP/1.1\r\n" JSON "\r\n{}");
    assert_status(w, 411);
    ask_once(w, "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 65537\r\n\r\n");
    assert_status(w, 413);
    ask_once(w, "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}");
    assert_status(w, 400);
    int head = snprintf(request, SIZE, "POST /echo HTTP/1.1\r\n" JSON "Content-Length: %u\r\n\r\n",
                        ADMIN_POST_BYTES_MAX);
    memset(request + head, 'j', ADMIN_POST_BYTES_MAX);
    ask_once(w, request);
    assert_status(w, 200);
    assert_int_equal(w->answer[w->answer_len - 1], 'j');
    free(request);
}

static void test_split_requests(void **state)
{
    struct world *w = *state;
    const char *request = "POST /echo HTTP/1.1\r\n" JSON "Content-Length: 8\r\n\r\n{\"a\":12}";
    int fd = connect_admin(w);
    for (const char *p = request; *p; p++) {
        assert_int_equal(send(fd, p, 1, 0), 1);
        loop_turn(&w->loop, 1);
        loop_turn(&w->loop, 0);
    }
    read_all(w, fd);
    assert_status(w, 200);
    assert_says(w, "\r\n\r\n{\"a\":12}");
    close(fd);
}

/* ---- bodies ---- */

static void test_large_answers_leave_in_pieces(void **state)
{
    struct world *w = *state;
    ask_once(w, "GET /big HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    const char *body = strstr(w->answer, "\r\n\r\n") + 4;
    assert_int_equal(w->answer_len - (size_t)(body - w->answer), BIG_BYTES);
}

static void test_files_are_sent(void **state)
{
    struct world *w = *state;
    ask_once(w, "GET /file HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    const char *body = strstr(w->answer, "\r\n\r\n") + 4;
    assert_int_equal(w->answer_len - (size_t)(body - w->answer), 100000);
    assert_memory_equal(body, "\177ELF", 4);
}

static void test_a_file_that_shrank_ends_the_connection(void **state)
{
    struct world *w = *state;
    ask_once(w, "GET /file?longer HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    assert_true(w->eof);
}

static void test_upgrade_gives_the_connection_away(void **state)
{
    struct world *w = *state;
    int fd = hand_over(w, "GET /upgrade HTTP/1.1\r\n\r\nframes");
    read_all(w, fd);
    assert_string_equal(w->answer, "HTTP/1.1 101 Switching Protocols\r\n"
                                   "Upgrade: x\r\nConnection: Upgrade\r\n\r\n");
    assert_string_equal(w->upgraded, "/upgrade:frames");
    assert_true(admin_is_idle(w->admin));
    assert_int_equal(send(w->upgraded_fd, "hello", 5, 0), 5);
    read_all(w, fd);
    assert_string_equal(w->answer, "hello");
    close(fd);
}

/* ---- limits ---- */

static void test_the_oldest_idle_one_makes_room(void **state)
{
    struct world *w = *state;
    static int fds[ADMIN_HOST_MAX + 1];
    for (int i = 0; i <= ADMIN_HOST_MAX; i++) {
        fds[i] = connect_admin(w);
        turn(w);
    }
    read_all(w, fds[0]);
    assert_true(w->eof);
    ask(w, fds[1], "GET /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    ask(w, fds[ADMIN_HOST_MAX], "GET /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    for (int i = 0; i <= ADMIN_HOST_MAX; i++)
        close(fds[i]);
}

static void test_visitors_leave_places_for_the_operator(void **state)
{
    struct world *w = *state;
    static int fds[ADMIN_HANDED_MAX + 8];
    uint64_t before = metrics_sum(METRIC_ADMIN_REFUSED) + metrics_sum(METRIC_ADMIN_EVICTIONS);
    for (int i = 0; i < ADMIN_HANDED_MAX + 8; i++) {
        fds[i] = hand_over_of(w, (unsigned)i / 16, "GET /fixed HTTP/1.1\r\n\r\n");
        turn(w);
    }
    uint64_t now = metrics_sum(METRIC_ADMIN_REFUSED) + metrics_sum(METRIC_ADMIN_EVICTIONS);
    assert_int_equal(now, before + 8);
    ask_once(w, "GET /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    for (int i = 0; i < ADMIN_HANDED_MAX + 8; i++)
        close(fds[i]);
}

/* As if all had taken nothing for a while. */
static void fall_behind(struct world *w)
{
    for (int i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        w->admin->conns[i].since_ms -= 3000;
}

/* Nor when nobody reads what he asked for: who is behind goes. */
static void test_a_host_has_its_share_of_visitors(void **state)
{
    struct world *w = *state;
    static int fds[ADMIN_HANDED_HOST_MAX + 1];
    uint64_t refused = metrics_sum(METRIC_ADMIN_REFUSED);
    for (int i = 0; i <= ADMIN_HANDED_HOST_MAX; i++) {
        fds[i] = hand_over(w, "GET /fixed HTTP/1.1\r\n\r\n"); /* and reads nothing */
        turn(w);
    }
    assert_int_equal(metrics_sum(METRIC_ADMIN_REFUSED), refused + 1);
    read_all(w, fds[ADMIN_HANDED_HOST_MAX]);
    assert_status(w, 503);
    assert_says(w, "Retry-After: 5\r\n");
    assert_true(w->eof);
    int other = hand_over_of(w, 1, "GET /where HTTP/1.1\r\n\r\n");
    read_all(w, other);
    assert_status(w, 200);
    uint64_t evicted = metrics_sum(METRIC_ADMIN_EVICTIONS);
    fall_behind(w);
    ask_main(w, "GET /where HTTP/1.1\r\n\r\n");
    assert_status(w, 200);
    assert_int_equal(metrics_sum(METRIC_ADMIN_EVICTIONS), evicted + 1);
    for (int i = 0; i <= ADMIN_HANDED_HOST_MAX; i++)
        close(fds[i]);
    close(other);
}

/* However many ask over TCP and read nothing. */
static void test_the_owner_always_gets_in_over_the_unix_socket(void **state)
{
    struct world *w = *state;
    static int fds[ADMIN_CONNECTIONS_MAX];
    for (int i = 0; i < ADMIN_CONNECTIONS_MAX; i++) {
        bool is_admin = i % 2;
        fds[i] = is_admin ? connect_admin(w)
                          : hand_over_of(w, (unsigned)i / 16, "GET /fixed HTTP/1.1\r\n\r\n");
        if (is_admin) ask(w, fds[i], "GET /fixed HTTP/1.1\r\n\r\n");
    }
    ask_unix(w, "GET /where HTTP/1.1\r\n\r\n");
    assert_says(w, "\r\n\r\nunix\n");
    for (int i = 0; i < ADMIN_CONNECTIONS_MAX; i++)
        close(fds[i]);
}

static void test_unsent_answers_are_bounded(void **state)
{
    struct world *w = *state;
    enum { COUNT = ADMIN_UNSENT_MAX / BIG_BYTES + 2 };
    static int fds[COUNT];
    for (int i = 0; i < COUNT; i++) {
        fds[i] = hand_over_of(w, (unsigned)i / 16, "GET /big HTTP/1.1\r\n\r\n");
        turn(w);
    }
    read_all(w, fds[COUNT - 1]);
    assert_status(w, 503);
    assert_says(w, "Retry-After: ");
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
}

static void later(struct world *w, uint64_t ms)
{
    w->loop.now_ms += ms;
    admin_tick(w->admin);
}

static void test_slow_clients_are_cut(void **state)
{
    struct world *w = *state;
    int half = connect_admin(w), silent = connect_admin(w);
    assert_int_equal(send(half, "GET /wh", 7, 0), 7);
    turn(w);
    later(w, 11000);
    read_all(w, half);
    assert_status(w, 408);
    assert_true(w->eof);
    read_all(w, silent);
    assert_false(w->eof);
    later(w, 61000);
    read_all(w, silent);
    assert_true(w->eof);
    assert_int_equal(w->answer_len, 0);
    close(half);
    close(silent);
}

static void test_a_request_counts_once_however_often_its_handler_is_asked(void **state)
{
    struct world *w = *state;
    uint64_t before = metrics_sum(METRIC_ADMIN_REQUESTS);
    int fd = connect_admin(w);
    ask(w, fd, "GET /later HTTP/1.1\r\n\r\n");
    for (int i = 0; i < 3; i++)
        later(w, 100);
    assert_int_equal(metrics_sum(METRIC_ADMIN_REQUESTS), before + 1);
    w->is_ready = true;
    later(w, 100);
    ask(w, fd, "GET /where HTTP/1.1\r\n\r\n");
    assert_says(w, "at last\n");
    assert_says(w, "\r\n\r\nadmin\n");
    assert_int_equal(metrics_sum(METRIC_ADMIN_REQUESTS), before + 2);
    close(fd);
}

/* Its client is told so, and has no longer to close than others have. */
static void test_a_handler_without_an_answer_is_cut(void **state)
{
    struct world *w = *state;
    int fd = connect_admin(w);
    ask(w, fd, "GET /later HTTP/1.1\r\n\r\n");
    assert_int_equal(w->answer_len, 0);
    later(w, 151000);
    read_all(w, fd);
    assert_status(w, 408);
    later(w, 152000); /* the loop has taken the clock's time again */
    later(w, 1500);
    assert_true(admin_is_idle(w->admin));
    close(fd);
}

static void test_drain_answers_what_is_in_hand(void **state)
{
    struct world *w = *state;
    int idle = connect_admin(w), asking = connect_admin(w);
    turn(w);
    ask(w, asking, "GET /drain HTTP/1.1\r\n\r\n");
    assert_says(w, "\r\n\r\nstopping\n");
    assert_true(w->eof);
    later(w, 100);
    read_all(w, idle);
    assert_true(w->eof);
    close(asking);
    close(idle);
    turn(w);
    assert_true(admin_is_idle(w->admin));
}

/* The handler that begins the end is not disturbed by requests of others, and they are answered. */
static void test_drain_answers_what_has_just_come(void **state)
{
    static const char POST[] =
        "POST /drain-echo HTTP/1.1\r\n" JSON "Content-Length: 8\r\n\r\n{\"a\":12}";
    struct world *w = *state;
    int asking = connect_admin(w), other = connect_admin(w);
    turn(w);
    assert_int_equal(send(asking, POST, strlen(POST), 0), (ssize_t)strlen(POST));
    ask(w, other, "GET /where HTTP/1.1\r\n\r\n");
    assert_says(w, "\r\n\r\nadmin\n");
    assert_says(w, "Connection: close\r\n");
    read_all(w, asking);
    assert_says(w, "\r\n\r\n{\"a\":12}");
    close(asking);
    close(other);
    turn(w);
    assert_true(admin_is_idle(w->admin));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_admin_connections_are_kept),
        TEST(test_pipelined_requests_are_all_answered),
        TEST(test_a_crowd_of_requests_is_served_in_shares),
        TEST(test_handed_over_gets_one_answer),
        TEST(test_every_answer_protects),
        TEST(test_the_main_port_shows_what_is_public),
        TEST(test_owners_pages_need_the_owner),
        TEST(test_methods),
        TEST(test_post_needs_its_type_and_origin),
        TEST(test_post_bodies_have_a_length_and_a_limit),
        TEST(test_split_requests),
        TEST(test_large_answers_leave_in_pieces),
        TEST(test_files_are_sent),
        TEST(test_a_file_that_shrank_ends_the_connection),
        TEST(test_upgrade_gives_the_connection_away),
        TEST(test_the_oldest_idle_one_makes_room),
        TEST(test_visitors_leave_places_for_the_operator),
        TEST(test_a_host_has_its_share_of_visitors),
        TEST(test_the_owner_always_gets_in_over_the_unix_socket),
        TEST(test_unsent_answers_are_bounded),
        TEST(test_slow_clients_are_cut),
        TEST(test_a_request_counts_once_however_often_its_handler_is_asked),
        TEST(test_a_handler_without_an_answer_is_cut),
        TEST(test_drain_answers_what_is_in_hand),
        TEST(test_drain_answers_what_has_just_come),
    };
    metrics_thread_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
