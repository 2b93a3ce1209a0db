/* front_http.c - the HTTP door over real loopback sockets; the test owns its clock. */
#include "unit.h"

#include "base/log.h"
#include "base/metrics.h"
#include "front/full_scrape.h"
#include "front/http.h"
#include "net/listen.h"
#include "net/sockaddr.h"
#include "proto/http1.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define LISTENERS_MAX 2
#define HASH_A        "%00%01%02%03%04%05%06%07%08%09%0a%0b%0c%0d%0e%0f%10%11%12%13"
#define PEER          "&peer_id=-XX0001-abcdefghijkl"
#define ANNOUNCE      "/announce?info_hash=" HASH_A PEER "&port=6881&left=1"
#define BODY_FIRST                                                                                 \
    "d8:completei0e10:downloadedi0e10:incompletei1e8:intervali1800e12:min intervali900e5:peers0:e"
#define CLOSE "Connection: close\r\n\r\n"

/* Somebody who takes connections that ask for /page. */
struct visitors {
    struct http_pages pages;
    bool full;
    int fd;
    struct address client;
    char bytes[256];
};

static bool is_page(const struct http_pages *p, const struct http_request *r)
{
    (void)p;
    return view_equal(r->path, VIEW("/page"));
}

static bool visitors_take(struct http_pages *p, int fd, const struct address *from,
                          struct view bytes)
{
    struct visitors *v = (struct visitors *)p;
    if (v->full) return false;
    v->fd = fd;
    v->client = *from;
    snprintf(v->bytes, sizeof v->bytes, "%.*s", (int)bytes.len, (const char *)bytes.ptr);
    return true;
}

struct world {
    struct visitors visitors;
    struct loop loop;
    struct swarm *swarm;
    struct tracker tracker;
    struct tracker_opts tracker_opts;
    struct rng rng;
    struct http_shared shared;
    struct http_opts opts;
    _Atomic(const struct http_opts *) opts_now;
    struct prefix trusted;
    struct http_door *door;
    struct sockaddr_storage at;
    char answer[1 << 20];
    size_t answer_len;
    bool eof, reset;
};

static int listen_loopback(struct world *w)
{
    struct address loopback = {.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), small = 32768;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small); /* inherited: answers get stuck */
    socklen_t len = sockaddr_write(&w->at, &loopback, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&w->at, len), 0);
    assert_int_equal(listen(fd, 512), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&w->at, &len), 0);
    return fd;
}

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    const struct swarm_opts swarm = {.memory_bytes_max = 64u << 20,
                                     .lifetime_s_max = 7200,
                                     .completed_ttl_s = 3600,
                                     .store_peer_ids = true};
    w->trusted = (struct prefix){.address = {.family = FAMILY_V4, .ip = {127}}, .bits = 8};
    w->opts = (struct http_opts){.timeout_ms = 10000,
                                 .idle_timeout_ms = 30000,
                                 .connections_max = 1000,
                                 .request_bytes_max = 16384,
                                 .connection_requests_max = 1000,
                                 .keep_alive = true,
                                 .scrape = true,
                                 .scrape_interval_s = 900,
                                 .full_scrape_interval_s = 300,
                                 .trusted = &w->trusted,
                                 .trusted_count = 1};
    w->tracker_opts = (struct tracker_opts){
        .numwant_default = 50,
        .numwant_max = 200,
        .interval = {.start_s = 1800, .min_s = 300, .max_s = 1800, .min_pct = 50}};
    assert_true(sodium_init() >= 0);
    assert_int_equal(loop_open(&w->loop), ERR_OK);
    assert_int_equal(swarm_new(&w->swarm, &swarm), ERR_OK);
    tracker_init(&w->tracker, w->swarm, &w->tracker_opts, loop_now_s(&w->loop));
    rng_init(&w->rng, 1);
    assert_int_equal(http_shared_init(&w->shared), ERR_OK);
    atomic_store(&w->opts_now, &w->opts);
    const struct http_door_env env = {.loop = &w->loop,
                                      .tracker = &w->tracker,
                                      .rng = &w->rng,
                                      .shared = &w->shared,
                                      .opts = &w->opts_now,
                                      .pages = &w->visitors.pages,
                                      .peer_ids = true};
    w->visitors.pages = (struct http_pages){.is_page = is_page, .take = visitors_take};
    assert_int_equal(http_door_open(&w->door, &env, LISTENERS_MAX), ERR_OK);
    assert_int_equal(http_door_listen(w->door, listen_loopback(w), false), ERR_OK);
    return w;
}

static void world_close(struct world *w)
{
    http_door_close(w->door);
    assert_int_equal(atomic_load(&w->shared.connections), 0);
    http_shared_fini(&w->shared);
    swarm_free(w->swarm);
    loop_close(&w->loop);
    free(w);
}

static void turns(struct world *w)
{
    for (int i = 0; i < 5; i++)
        loop_turn(&w->loop, 1);
}

/* Let `ms` pass at once for everybody who waits. */
static void pass(struct world *w, uint64_t ms)
{
    loop_turn(&w->loop, 0);
    w->loop.now_ms += ms;
    http_door_tick(w->door);
}

static int client(struct world *w)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&w->at, sizeof(struct sockaddr_in)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Everything the server has to say by now, terminated. */
static const char *hear(struct world *w, int fd)
{
    w->answer_len = 0;
    w->eof = w->reset = false;
    size_t room = sizeof w->answer - 1;
    for (int quiet = 0; quiet < 5 && room && !w->eof && !w->reset;) {
        loop_turn(&w->loop, 1);
        ssize_t got = recv(fd, w->answer + w->answer_len, room, 0);
        room -= got > 0 ? (size_t)got : 0;
        if (got > 0) w->answer_len += (size_t)got;
        quiet = got > 0 || w->loop.event_count > 0 ? 0 : quiet + 1;
        w->eof = got == 0;
        w->reset = got < 0 && errno != EAGAIN;
    }
    w->answer[w->answer_len] = '\0';
    return w->answer;
}

/* One request on its own connection. */
static const char *ask(struct world *w, const char *request)
{
    int fd = client(w);
    say(fd, request);
    hear(w, fd);
    close(fd);
    turns(w);
    return w->answer;
}

/* In the last answer, which may be binary. */
static const char *find(struct world *w, const char *what)
{
    return memmem(w->answer, w->answer_len, what, strlen(what));
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    assert_non_null(end);
    return end + 4;
}

static int count_of(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

/* ---- requests ---- */

static void an_announce_is_answered_and_closed(void **state)
{
    (void)state;
    struct world *w = world_open();
    assert_string_equal(ask(w, "GET " ANNOUNCE " HTTP/1.1\r\nHost: t\r\n" CLOSE),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                        "Cache-Control: no-store\r\nContent-Length: 92\r\n"
                        "Connection: close\r\n\r\n" BODY_FIRST);
    assert_true(w->eof);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

static void dictionary_peers_carry_their_ids(void **state)
{
    (void)state;
    struct world *w = world_open();
    ask(w, "GET " ANNOUNCE " HTTP/1.1\r\n" CLOSE);
#define OTHER                                                                                      \
    "/announce?info_hash=" HASH_A "&peer_id=-YY0001-abcdefghijkl&port=7000&left=1&compact=0"
    ask(w, "GET " OTHER " HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(w->answer, "5:peersld2:ip9:127.0.0.17:peer id20:-XX0001-abcdefghijkl"
                                      "4:porti6881eee"));
    ask(w, "GET " OTHER "&no_peer_id=1 HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(w->answer, "5:peersld2:ip9:127.0.0.14:porti6881eee"));
#undef OTHER
    world_close(w);
}

static void failures_are_ok_answers(void **state)
{
    (void)state;
    struct world *w = world_open();
    const char *answer = ask(w, "GET /announce HTTP/1.1\r\n" CLOSE);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    assert_string_equal(body_of(answer), "d14:failure reason17:missing info_hashe");
    answer = ask(w, "GET /scrape HTTP/1.1\r\n" CLOSE);
    assert_string_equal(body_of(answer), "d14:failure reason23:full scrape not allowede");
    w->opts.scrape = false;
    answer = ask(w, "GET /scrape?info_hash=" HASH_A " HTTP/1.1\r\n" CLOSE);
    assert_string_equal(body_of(answer), "d14:failure reason15:scrape disablede");
    world_close(w);
}

static void the_path_passkey_wins(void **state)
{
    (void)state;
    struct world *w = world_open();
    memcpy(w->tracker_opts.passkey, "secret", 7);
    const char *refused = "d14:failure reason15:invalid passkeye";
    assert_string_equal(body_of(ask(w, "GET " ANNOUNCE " HTTP/1.1\r\n" CLOSE)), refused);
    assert_string_equal(body_of(ask(w, "GET /wrong" ANNOUNCE "&passkey=secret HTTP/1.1\r\n" CLOSE)),
                        refused);
    assert_string_equal(body_of(ask(w, "GET " ANNOUNCE "&passkey=secret HTTP/1.1\r\n" CLOSE)),
                        BODY_FIRST);
    assert_string_equal(body_of(ask(w, "GET /secret" ANNOUNCE " HTTP/1.1\r\n" CLOSE)), BODY_FIRST);
    world_close(w);
}

static void head_changes_nothing(void **state)
{
    (void)state;
    struct world *w = world_open();
    const char *answer = ask(w, "HEAD " ANNOUNCE " HTTP/1.1\r\n" CLOSE);
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    assert_string_equal(body_of(answer), "");
    answer = ask(w, "HEAD /announce HTTP/1.1\r\n" CLOSE);
    assert_non_null(strstr(answer, "Content-Length: 39\r\n"));
    assert_string_equal(body_of(answer), "");
    ask(w, "GET /scrape?info_hash=" HASH_A " HTTP/1.1\r\n" CLOSE);
    assert_non_null(find(w, "10:incompletei0e"));
    assert_string_equal(body_of(ask(w, "HEAD /nowhere HTTP/1.1\r\n" CLOSE)), "");
    world_close(w);
}

static void errors_have_bodies_and_close(void **state)
{
    static const struct {
        const char *request, *status;
    } CASES[] = {
        {"GET /nowhere HTTP/1.1\r\n\r\n", "404 Not Found"},
        {"GET /favicon.ico HTTP/1.0\r\n\r\n", "404 Not Found"},
        {"POST /announce HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"},
        {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "400 Bad Request"},
        {"GET / HTTP/1.1\r\nContent-Length: 99999\r\n\r\nabc", "413 Content Too Large"},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request"},
        {"GET / HTTP/2.0\r\n\r\n", "505 HTTP Version Not Supported"},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
    };
    (void)state;
    struct world *w = world_open();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *answer = ask(w, CASES[i].request);
        assert_int_equal(strncmp(answer + 9, CASES[i].status, strlen(CASES[i].status)), 0);
        assert_non_null(strstr(answer, "\r\nConnection: close\r\n"));
        assert_int_equal(strncmp(body_of(answer), CASES[i].status + 4, strlen(CASES[i].status + 4)),
                         0);
        assert_true(w->eof);
        assert_int_equal(count_of(answer, "HTTP/1.1 "), 1);
        bool is_method = strncmp(CASES[i].status, "405", 3) == 0;
        assert_int_equal(count_of(answer, "\r\nAllow: GET, HEAD\r\n"), is_method);
    }
    world_close(w);
}

static void bad_requests_are_told_what_is_wrong(void **state)
{
    static const struct {
        const char *request, *flaw;
    } CASES[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "two Host headers"},
        {"GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
         "a body, or a Content-Length that is none"},
        {"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "a body with Transfer-Encoding"},
        {"GET / HTTP/1.1\r\n folded\r\n\r\n", "a header without a name, or folded"},
        {"GET * HTTP/1.1\r\n\r\n", "the target leads to no path"},
        {"GET / HTTP/x\r\n\r\n", "no HTTP version behind the target"},
        {"\x16\x03\x01 TLS\r\n\r\n", "not an HTTP request"},
    };
    (void)state;
    struct world *w = world_open();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char body[128];
        snprintf(body, sizeof body, "Bad Request: %s\n", CASES[i].flaw);
        assert_string_equal(body_of(ask(w, CASES[i].request)), body);
    }
    world_close(w);
}

static void large_requests_are_refused(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.request_bytes_max = 2048;
    char request[6000];
    memset(request, 'a', sizeof request);
    memcpy(request, "GET /", 5);
    request[4000] = '\0';
    assert_int_equal(strncmp(ask(w, request) + 9, "414", 3), 0);
    memcpy(request, "GET / HTTP/1.1\r\nX: ", 19);
    assert_int_equal(strncmp(ask(w, request) + 9, "431", 3), 0);
    memcpy(request + 3996, "\r\n\r\n", 4);
    assert_int_equal(strncmp(ask(w, request) + 9, "431", 3), 0);
    assert_true(w->eof);
    world_close(w);
}

/* ---- connections ---- */

static void connections_are_kept_as_asked(void **state)
{
    (void)state;
    struct world *w = world_open();
    int fd = client(w);
    for (int i = 0; i < 3; i++) {
        say(fd, "GET /heartbeat HTTP/1.1\r\n\r\n");
        assert_null(strstr(hear(w, fd), "Connection"));
        assert_false(w->eof);
        say(fd, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
        assert_non_null(strstr(hear(w, fd), "\r\nConnection: keep-alive\r\n"));
        assert_false(w->eof);
    }
    say(fd, "GET /heartbeat HTTP/1.1\r\nConnection: Close\r\n\r\n");
    assert_non_null(strstr(hear(w, fd), "\r\nConnection: close\r\n"));
    assert_true(w->eof);
    close(fd);
    w->opts.connection_requests_max = 2;
    fd = client(w);
    say(fd, "GET /heartbeat HTTP/1.1\r\n\r\nGET /heartbeat HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
    assert_int_equal(count_of(hear(w, fd), "HTTP/1.1 200"), 2);
    assert_int_equal(count_of(w->answer, "Connection: close"), 1);
    assert_true(w->eof);
    close(fd);
    w->opts.keep_alive = false;
    ask(w, "GET /heartbeat HTTP/1.1\r\n\r\n");
    assert_true(w->eof);
    world_close(w);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    struct world *w = world_open();
    int fd = client(w);
    for (int i = 0; i < 10; i++) {
        char request[400];
        snprintf(request, sizeof request,
                 "GET /announce?info_hash=%s&peer_id=-XX0001-abcdefghijk%d"
                 "&port=%d&left=1 HTTP/1.1\r\n\r\n",
                 HASH_A, i, 7000 + i);
        say(fd, request);
    }
    const char *at = hear(w, fd);
    for (int i = 1; i <= 10; i++) {
        char want[40];
        snprintf(want, sizeof want, "incompletei%de", i);
        const char *next = find(w, want);
        assert_true(next && next >= at);
        at = next;
    }
    say(fd, "GET / HTTP/1.1\r\n\r\nGARBAGE\r\n\r\n");
    hear(w, fd);
    assert_int_equal(count_of(w->answer, "HTTP/1.1 200"), 1);
    assert_int_equal(count_of(w->answer, "HTTP/1.1 400"), 1);
    assert_true(w->eof);
    close(fd);
    world_close(w);
}

static void requests_may_be_split_anywhere(void **state)
{
    (void)state;
    struct world *w = world_open();
    static const char request[] = "GET " ANNOUNCE " HTTP/1.1\r\nHost: t\r\n\r\n";
    int fd = client(w);
    for (size_t split = 1; split < sizeof request - 1; split++) {
        assert_int_equal(send(fd, request, split, 0), split);
        loop_turn(&w->loop, 1);
        say(fd, request + split);
        assert_string_equal(body_of(hear(w, fd)), BODY_FIRST);
    }
    close(fd);
    world_close(w);
}

static void a_wrapped_request_is_read(void **state)
{
    (void)state;
    struct world *w = world_open();
    const char *plain = "GET /scrape?info_hash=" HASH_A " HTTP/1.1\r\n\r\n";
    char text[600];
    sodium_bin2base64(text, sizeof text, (const unsigned char *)plain, strlen(plain),
                      sodium_base64_VARIANT_ORIGINAL);
    int fd = client(w);
    say(fd, text);
    say(fd, "\r\n\r\n");
    hear(w, fd);
    assert_non_null(find(w, "d5:filesd20:"));
    assert_true(w->eof);
    close(fd);
    world_close(w);
}

static void a_half_closed_client_is_answered(void **state)
{
    (void)state;
    struct world *w = world_open();
    int fd = client(w);
    say(fd, "GET /heartbeat HTTP/1.1\r\n\r\n");
    shutdown(fd, SHUT_WR);
    assert_int_equal(strncmp(hear(w, fd), "HTTP/1.1 200", 12), 0);
    assert_true(w->eof);
    close(fd);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

static void a_late_body_does_not_destroy_the_answer(void **state)
{
    (void)state;
    struct world *w = world_open();
    int fd = client(w);
    say(fd, "POST /announce HTTP/1.1\r\nContent-Length: 60000\r\nConnection: close\r\n\r\n");
    turns(w);
    char body[60000];
    memset(body, 'x', sizeof body);
    assert_int_equal(send(fd, body, sizeof body, MSG_NOSIGNAL), sizeof body);
    turns(w);
    assert_int_equal(strncmp(hear(w, fd), "HTTP/1.1 405", 12), 0);
    assert_true(w->eof);
    close(fd);
    turns(w);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

static void a_slow_reader_gets_everything(void **state)
{
    static const char request[] = "GET /heartbeat HTTP/1.1\r\n\r\n";
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                 "Cache-Control: no-store\r\nContent-Length: 0\r\n\r\n";
    enum { PER_WRITE = 500, WRITES_MAX = 1000 };
    static char many[PER_WRITE * (sizeof request - 1)];
    (void)state;
    struct world *w = world_open();
    w->opts.connection_requests_max = UINT32_MAX;
    for (int i = 0; i < PER_WRITE; i++)
        memcpy(many + (size_t)i * (sizeof request - 1), request, sizeof request - 1);
    int fd = client(w);
    size_t sent = 0, heard = 0;
    for (int i = 0; i < WRITES_MAX; i++) { /* without reading, until nothing more fits */
        ssize_t n = send(fd, many + sent % sizeof many, sizeof many - sent % sizeof many, 0);
        if (n < 0) break;
        sent += (size_t)n;
        loop_turn(&w->loop, 1);
    }
    size_t expected = sent / (sizeof request - 1) * (sizeof answer - 1);
    assert_true(sent < WRITES_MAX * sizeof many);
    while (heard < expected) {
        hear(w, fd);
        assert_false(w->eof || w->reset);
        for (size_t i = 0; i < w->answer_len; i++, heard++)
            assert_int_equal(w->answer[i], answer[heard % (sizeof answer - 1)]);
    }
    assert_int_equal(heard, expected);
    close(fd);
    world_close(w);
}

static void a_page_leaves_with_its_bytes(void **state)
{
    (void)state;
    struct world *w = world_open();
    uint64_t closes = metrics_sum(METRIC_TCP_CLOSES);
    int fd = client(w);
    say(fd, "GET /heartbeat HTTP/1.1\r\n\r\nGET /page HTTP/1.1\r\n\r\nrest");
    hear(w, fd);
    assert_non_null(find(w, "HTTP/1.1 200 OK"));
    assert_false(w->eof);
    assert_string_equal(w->visitors.bytes, "GET /page HTTP/1.1\r\n\r\nrest");
    assert_int_equal(w->visitors.client.ip[0], 127);
    assert_int_equal(atomic_load(&w->shared.connections), 0);
    assert_true(http_door_is_idle(w->door));
    assert_int_equal(metrics_sum(METRIC_TCP_CLOSES), closes);
    say(fd, "more");
    char got[8];
    assert_int_equal(recv(w->visitors.fd, got, sizeof got, 0), 4);
    close(w->visitors.fd);
    close(fd);
    world_close(w);
}

static void a_page_waits_for_the_answers_before_it(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    struct world *w = world_open();
    w->opts.connection_requests_max = 2 * COUNT;
    int fd = client(w);
    for (int i = 0; i < COUNT; i++)
        say(fd, "GET /scrape HTTP/1.1\r\n\r\n");
    say(fd, "GET /page HTTP/1.1\r\n\r\n");
    turns(w);
    assert_int_equal(w->visitors.bytes[0], '\0'); /* the client takes nothing yet */
    for (int i = 0; i < 100 && !w->visitors.bytes[0]; i++)
        hear(w, fd);
    assert_string_equal(w->visitors.bytes, "GET /page HTTP/1.1\r\n\r\n");
    close(w->visitors.fd);
    close(fd);
    world_close(w);
}

static void a_full_queue_refuses_pages(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->visitors.full = true;
    ask(w, "GET /page HTTP/1.1\r\n\r\n");
    assert_non_null(find(w, "HTTP/1.1 503 "));
    assert_non_null(find(w, "Retry-After: "));
    assert_true(w->eof);
    ask(w, "GET /heartbeat HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_non_null(find(w, "HTTP/1.1 200 "));
    world_close(w);
}

static void deadlines_hold(void **state)
{
    (void)state;
    struct world *w = world_open();
    int fresh = client(w), head = client(w), idle = client(w);
    say(head, "GET /hea");
    say(idle, "GET /heartbeat HTTP/1.1\r\n\r\n");
    turns(w);
    pass(w, 9000);
    say(head, "rtb"); /* a trickle does not help */
    turns(w);
    pass(w, 10100);
    assert_int_equal(strncmp(hear(w, head), "HTTP/1.1 408", 12), 0);
    assert_true(w->eof);
    hear(w, fresh);
    assert_true(w->eof && w->answer_len == 0);
    hear(w, idle);
    assert_false(w->eof);
    pass(w, 30100);
    hear(w, idle);
    assert_true(w->eof);
    close(fresh);
    close(head);
    close(idle);
    turns(w);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

static void who_waits_longest_makes_room(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.connections_max = 4;
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = client(w);
        turns(w);
    }
    say(fds[0], "GET /"); /* its clock starts anew with the first byte */
    pass(w, 10);
    assert_int_equal(strncmp(ask(w, "GET / HTTP/1.0\r\n\r\n"), "HTTP/1.1 200", 12), 0);
    hear(w, fds[1]);
    assert_true(w->eof);
    for (int i = 2; i < 4; i++)
        say(fds[i], "GET /");
    int late = client(w);
    say(late, "GET /");
    pass(w, 10);
    int newcomer = client(w); /* all the others are in the middle of a request */
    say(newcomer, "GET / HTTP/1.1\r\n\r\n");
    assert_int_equal(strncmp(hear(w, newcomer), "HTTP/1.1 200", 12), 0);
    hear(w, fds[0]);
    assert_true(w->eof || w->reset);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(late);
    close(newcomer);
    world_close(w);
}

static void a_want_of_fds_does_not_spin(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    int fd = client(w), lowest = dup(fd);
    close(lowest);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    say(fd, "GET / HTTP/1.0\r\n\r\n");
    uint64_t before = metrics_sum(METRIC_TCP_ACCEPT_FAILURES);
    turns(w);
    assert_int_equal(metrics_sum(METRIC_TCP_ACCEPT_FAILURES), before + 1);
    setrlimit(RLIMIT_NOFILE, &old);
    http_door_tick(w->door);
    assert_int_equal(strncmp(hear(w, fd), "HTTP/1.1 200", 12), 0);
    close(fd);
    world_close(w);
}

static void a_stop_answers_what_is_in_hand(void **state)
{
    (void)state;
    struct world *w = world_open();
    int idle = client(w), head = client(w);
    say(idle, "GET /heartbeat HTTP/1.1\r\n\r\n");
    say(head, "GET /heartbeat");
    turns(w);
    hear(w, idle);
    int queued = client(w);
    say(queued, "GET /heartbeat HTTP/1.1\r\n\r\n");
    http_door_drain(w->door);
    hear(w, idle);
    assert_true(w->eof);
    hear(w, queued);
    assert_non_null(strstr(w->answer, "Connection: close"));
    assert_true(w->eof);
    assert_false(http_door_is_idle(w->door));
    say(head, " HTTP/1.1\r\n\r\n");
    hear(w, head);
    assert_non_null(strstr(w->answer, "Connection: close"));
    assert_true(w->eof);
    close(head);
    close(queued);
    close(idle);
    turns(w);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

/* ---- proxies ---- */

static void only_trusted_proxies_are_believed(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.external_ip = true;
    memcpy(w->opts.forwarded_header, "X-Forwarded-For", 16);
#define FROM(headers) ask(w, "GET " ANNOUNCE " HTTP/1.1\r\n" headers CLOSE)
    assert_non_null(strstr(FROM("x-forwarded-for: evil\r\nX-Forwarded-For: 203.0.113.9\r\n"),
                           "external ip4:\xcb"
                           "\0"));
    assert_memory_equal(strstr(w->answer, "external ip4:") + 13, "\xcb\0\x71\x09", 4);
    assert_int_equal(strncmp(FROM(""), "HTTP/1.1 400", 12), 0);
    assert_int_equal(strncmp(FROM("X-Forwarded-For: unknown\r\n"), "HTTP/1.1 400", 12), 0);
    assert_int_equal(strncmp(ask(w, "GET /heartbeat HTTP/1.1\r\n" CLOSE), "HTTP/1.1 200", 12), 0);
    memcpy(w->opts.forwarded_header, "forwarded", 10);
    FROM("Forwarded: for=\"[2001:db8::1]:99\"\r\n");
    assert_non_null(strstr(w->answer, "external ip16:\x20\x01\x0d\xb8"));
    w->opts.trusted_count = 0;
    FROM("Forwarded: for=203.0.113.9\r\n");
    assert_non_null(strstr(w->answer, "external ip4:\x7f"));
#undef FROM
    world_close(w);
}

static void a_proxy_listener_wants_its_header(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.external_ip = true;
    assert_int_equal(http_door_listen(w->door, listen_loopback(w), true), ERR_OK);
    static const char request[] = "GET " ANNOUNCE " HTTP/1.1\r\n" CLOSE;
    int fd = client(w);
    say(fd, "PROXY TCP4 203.0.113.9 198.51.100.1 5");
    turns(w);
    say(fd, "000 6969\r\n");
    turns(w);
    say(fd, request);
    hear(w, fd);
    assert_memory_equal(strstr(w->answer, "external ip4:") + 13, "\xcb\0\x71\x09", 4);
    close(fd);
    assert_string_equal(ask(w, request), "");
    fd = client(w);
    say(fd, "PROXY UNKNOWN\r\n");
    say(fd, request);
    assert_string_equal(body_of(hear(w, fd)), "d14:failure reason21:proxy address unknowne");
    close(fd);
    fd = client(w);
    say(fd, "PROXY ");
    turns(w);
    pass(w, 3100);
    hear(w, fd);
    assert_true(w->eof && w->answer_len == 0);
    close(fd);
    w->opts.trusted_count = 0;
    fd = client(w);
    hear(w, fd);
    assert_true(w->eof);
    close(fd);
    world_close(w);
}

/* ---- full scrapes ---- */

enum { TORRENTS = 5000 };

static void swarm_fill(struct world *w)
{
    for (uint32_t i = 0; i < TORRENTS; i++) {
        struct announce a = {.address = {.family = FAMILY_V4, .ip = {127, 0, 0, 1}},
                             .port = 1,
                             .left = 1,
                             .event = EVENT_STARTED,
                             .compact = true};
        uint32_t spread = i * 2654435761u;
        memcpy(a.info_hash.bytes, &spread, sizeof spread);
        struct swarm_answer answer = {.verdict = SWARM_ADDED};
        const struct swarm_time time = {.now_s = loop_now_s(&w->loop), .lifetime_s = 3600};
        swarm_announce(w->swarm, swarm_hash(w->swarm, &a.info_hash), &a, time, &w->rng, &answer);
    }
}

/* Take the chunks of a body apart, in place; returns the length. */
static size_t unchunk(char *body)
{
    char *from = body, *to = body;
    for (;;) {
        size_t len = strtoul(from, &from, 16);
        assert_memory_equal(from, "\r\n", 2);
        from += 2;
        if (len == 0) break;
        memmove(to, from, len);
        to += len;
        from += len;
        assert_memory_equal(from, "\r\n", 2);
        from += 2;
    }
    assert_memory_equal(from, "\r\n", 3);
    return (size_t)(to - body);
}

static void check_full(const char *body, size_t len)
{
    static const char tail[] = "e5:flagsd20:min_request_intervali900eee";
    size_t entries = 0, runs = 1;
    assert_memory_equal(body, "d5:filesd", 9);
    const char *at = body + 9;
    for (; memcmp(at, "20:", 3) == 0; entries++) {
        if (entries && memcmp(at - 87 + 3, at + 3, 20) >= 0) runs++;
        at += 23;
        assert_memory_equal(at, "d8:completei0e10:downloadedi0e11:downloadersi1e10:incompletei1ee",
                            64);
        at += 64;
    }
    assert_int_equal(entries, TORRENTS);
    assert_int_equal(runs, 2); /* of about 4096 sorted hashes */
    assert_int_equal((size_t)(at - body) + sizeof tail - 1, len);
    assert_memory_equal(at, tail, sizeof tail - 1);
}

static void full_scrapes_are_streamed(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.full_scrape = true;
    w->opts.full_scrape_interval_s = 0;
    swarm_fill(w);
    int fd = client(w);
    say(fd, "GET /scrape HTTP/1.1\r\n\r\n");
    char *body = (char *)body_of(hear(w, fd));
    assert_non_null(strstr(w->answer, "Transfer-Encoding: chunked\r\n"));
    check_full(body, unchunk(body));
    say(fd, "GET /heartbeat HTTP/1.1\r\n\r\n"); /* the connection goes on */
    assert_int_equal(strncmp(hear(w, fd), "HTTP/1.1 200", 12), 0);
    close(fd);
    ask(w, "GET /scrape HTTP/1.0\r\n\r\n");
    assert_true(w->eof);
    const char *plain = body_of(w->answer);
    check_full(plain, w->answer_len - (size_t)(plain - w->answer));
    world_close(w);
}

/* Whoever takes less than the least for longer than the grace is cut, nobody before. */
static void slow_readers_lose_their_full_scrape(void **state)
{
    static uint8_t piece[FULL_SCRAPE_PIECE_BYTES_MAX];
    struct world *w = world_open();
    struct full_scrape *f;
    const struct full_scrape_opts opts = {.tracker = &w->tracker, .chunked = true};
    const struct address reader = {.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    uint32_t retry_in_min, now_s = loop_now_s(&w->loop);
    (void)state;
    swarm_fill(w);
    enum err err = full_scrape_new(&f, &opts, w->shared.gate, &reader, 0, now_s, &retry_in_min);
    assert_int_equal(err, ERR_OK);
    uint64_t bytes = 0;
    for (uint32_t second = 0; second <= FULL_SCRAPE_GRACE_S; second += 2) {
        struct writer out = writer_of(piece, sizeof piece);
        assert_int_equal(full_scrape_piece(f, now_s + second, &out), FULL_SCRAPE_MORE);
        bytes += writer_used(&out);
    }
    struct writer out = writer_of(piece, sizeof piece);
    uint32_t enough_s = (uint32_t)(bytes / FULL_SCRAPE_BYTES_PER_S_MIN);
    uint32_t late_s = enough_s > FULL_SCRAPE_GRACE_S ? enough_s : FULL_SCRAPE_GRACE_S;
    assert_int_equal(full_scrape_piece(f, now_s + late_s + 1, &out), FULL_SCRAPE_SLOW);
    full_scrape_free(f);
    world_close(w);
}

static void full_scrapes_are_compressed_when_asked(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.full_scrape = true;
    w->opts.full_scrape_interval_s = 0;
    swarm_fill(w);
    char *body = (char *)body_of(ask(w, "GET /scrape HTTP/1.1\r\n"
                                        "Accept-Encoding: br, gzip;q=0.5\r\n" CLOSE));
    assert_non_null(strstr(w->answer, "Content-Encoding: gzip\r\n"));
    size_t len = unchunk(body);
    static char text[1 << 20];
    z_stream z = {.next_in = (Bytef *)body,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)text,
                  .avail_out = sizeof text};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    check_full(text, z.total_out);
    inflateEnd(&z);
    ask(w, "GET /scrape HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n" CLOSE);
    assert_null(strstr(w->answer, "Content-Encoding"));
    world_close(w);
}

static void full_scrapes_are_rare(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->opts.full_scrape = true;
    static const char request[] = "GET /scrape HTTP/1.0\r\n\r\n";
    assert_string_equal(body_of(ask(w, "HEAD /scrape HTTP/1.0\r\n\r\n")), "");
    assert_string_equal(body_of(ask(w, request)),
                        "d5:filesde5:flagsd20:min_request_intervali900eee");
    assert_string_equal(body_of(ask(w, request)),
                        "d14:failure reason24:full scrape rate limited8:retry in1:5e");
    w->opts.full_scrape_interval_s = 0;
    swarm_fill(w);
    int fds[5];
    for (int i = 0; i < 5; i++) { /* none of them reads */
        fds[i] = client(w);
        int small = 1024;
        setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        say(fds[i], request);
        loop_turn(&w->loop, 1);
    }
    char start[100] = "";
    assert_true(recv(fds[4], start, sizeof start - 1, 0) > 0);
    assert_non_null(strstr(start, "Content-Length: 59")); /* refused: four are running */
    pass(w, 10100);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    turns(w);
    pass(w, 10100);
    assert_true(http_door_is_idle(w->door));
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announce_is_answered_and_closed),
        cmocka_unit_test(dictionary_peers_carry_their_ids),
        cmocka_unit_test(failures_are_ok_answers),
        cmocka_unit_test(the_path_passkey_wins),
        cmocka_unit_test(head_changes_nothing),
        cmocka_unit_test(errors_have_bodies_and_close),
        cmocka_unit_test(bad_requests_are_told_what_is_wrong),
        cmocka_unit_test(large_requests_are_refused),
        cmocka_unit_test(connections_are_kept_as_asked),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(requests_may_be_split_anywhere),
        cmocka_unit_test(a_wrapped_request_is_read),
        cmocka_unit_test(a_half_closed_client_is_answered),
        cmocka_unit_test(a_late_body_does_not_destroy_the_answer),
        cmocka_unit_test(a_slow_reader_gets_everything),
        cmocka_unit_test(a_page_leaves_with_its_bytes),
        cmocka_unit_test(a_page_waits_for_the_answers_before_it),
        cmocka_unit_test(a_full_queue_refuses_pages),
        cmocka_unit_test(deadlines_hold),
        cmocka_unit_test(who_waits_longest_makes_room),
        cmocka_unit_test(a_want_of_fds_does_not_spin),
        cmocka_unit_test(a_stop_answers_what_is_in_hand),
        cmocka_unit_test(only_trusted_proxies_are_believed),
        cmocka_unit_test(a_proxy_listener_wants_its_header),
        cmocka_unit_test(full_scrapes_are_streamed),
        cmocka_unit_test(full_scrapes_are_compressed_when_asked),
        cmocka_unit_test(slow_readers_lose_their_full_scrape),
        cmocka_unit_test(full_scrapes_are_rare),
    };
    log_level_set(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
