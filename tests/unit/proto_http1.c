/* proto_http1.c - one request head, whole, in pieces, and in every wrong way protocol.md lists. */
#include "unit.h"

#include "proto/http1.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

static int parse(struct view bytes, struct http_request *r)
{
    return http1_parse(view_of(guarded(bytes.ptr, bytes.len), bytes.len), 0, r);
}

static int status_of(struct view bytes)
{
    struct http_request r;
    return parse(bytes, &r);
}

#define assert_view(v, literal)                                                                    \
    do {                                                                                           \
        assert_int_equal((v).len, sizeof(literal) - 1);                                            \
        assert_memory_equal((v).ptr, literal, sizeof(literal) - 1);                                \
    } while (0)

#define LIBTORRENT                                                                                 \
    "GET /announce?info_hash=%00%01&port=6881 HTTP/1.1\r\n"                                        \
    "Host: t.example:6969\r\n"                                                                     \
    "User-Agent: qBittorrent/4.6.0\r\n"                                                            \
    "Accept-Encoding: gzip\r\n"                                                                    \
    "Connection: close\r\n\r\n"

static void a_clients_request_is_taken_apart_q1(void **state)
{
    (void)state;
    struct http_request r;
    assert_int_equal(parse(VIEW(LIBTORRENT), &r), sizeof LIBTORRENT - 1);
    assert_int_equal(r.method, HTTP_GET);
    assert_view(r.path, "/announce");
    assert_true(r.has_query);
    assert_view(r.query, "info_hash=%00%01&port=6881");
    assert_int_equal(r.minor_version, 1);
    assert_int_equal(r.header_count, 4);
    assert_view(r.headers[1].name, "User-Agent");
    assert_view(r.headers[1].value, "qBittorrent/4.6.0");
    assert_false(r.keep_alive);
}

static void methods_t1_ah10_ah13(void **state)
{
    (void)state;
    struct http_request r;
    assert_true(parse(VIEW("HEAD /announce?a=b HTTP/1.1\r\n\r\n"), &r) > 0);
    assert_int_equal(r.method, HTTP_HEAD);
    const struct view other[] = {
        VIEW("POST /announce HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"),
        VIEW("PUT /announce HTTP/1.1\r\n\r\n"),
        VIEW("DELETE /announce HTTP/1.1\r\n\r\n"),
        VIEW("OPTIONS * HTTP/1.1\r\n\r\n"),
        VIEW("TRACE / HTTP/1.1\r\n\r\n"),
        VIEW("CONNECT t.example:80 HTTP/1.1\r\n\r\n"),
        VIEW("PATCH / HTTP/1.1\r\n\r\n"),
        VIEW("get /announce HTTP/1.1\r\n\r\n"),
    };
    for (size_t i = 0; i < ROWS(other); i++)
        assert_int_equal(status_of(other[i]), -405);
    assert_int_equal(status_of(VIEW("\x16\x03\x01\x02\x00\x01")), -400); /* a TLS ClientHello */
    assert_int_equal(status_of(VIEW("AVERYLONGMETHODNAME / HTTP/1.1\r\n\r\n")), -400);
}

/* Where it is allowed: its body has one length, and all else is as before. */
static void a_post_of_an_operator(void **state)
{
    (void)state;
    struct http_request r;
    struct view post = VIEW("POST /api?x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(http1_parse_post(post, 0, &r), post.len - 3);
    assert_int_equal(r.method, HTTP_POST);
    assert_int_equal(r.body_bytes, 3);
    assert_view(r.path, "/api");
    assert_true(r.keep_alive);
    const struct {
        struct view bytes;
        int status;
    } rows[] = {
        {VIEW("POST / HTTP/1.1\r\n\r\n"), -411},
        {VIEW("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), -400},
        {VIEW("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), -400},
        {VIEW("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), -400},
        {VIEW("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"), -400},
        {VIEW("PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"), -405},
        {VIEW("POST / HTTP/1.1\r\nContent-Length: 1\r\n"), 0},
    };
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(http1_parse_post(rows[i].bytes, 0, &r), rows[i].status);
}

static void who_takes_gzip(void **state)
{
    (void)state;
    const struct {
        const char *value;
        bool takes;
    } rows[] = {
        {"gzip", true},      {"br, GZIP;q=0.1", true}, {"deflate, x-gzip", true},
        {"gzip;q=0", false}, {"gzip; q=0.000", false}, {"gzip;q=0.001", true},
        {"identity", false}, {"gzipped", false},       {"", false},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct http_request r = {.header_count = 1};
        r.headers[0].name = VIEW("accept-encoding");
        r.headers[0].value = view_of_text(rows[i].value);
        assert_int_equal(http1_accepts_gzip(&r), rows[i].takes);
    }
    struct http_request none = {.header_count = 0};
    assert_false(http1_accepts_gzip(&none));
}

static void versions_t2_ah14_ah17_ah18(void **state)
{
    (void)state;
    assert_int_equal(status_of(VIEW("GET / HTTP/2.0\r\n\r\n")), -505);
    assert_int_equal(status_of(VIEW("GET / HTTP/9.9\r\n\r\n")), -505);
    assert_int_equal(status_of(VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), -505);
    assert_int_equal(status_of(VIEW("GET / HTTP/1.x\r\n\r\n")), -400);
    assert_int_equal(status_of(VIEW("GET / HTTP/1.1x\r\n\r\n")), -400);
    assert_int_equal(status_of(VIEW("GET / HTTP/11\r\n\r\n")), -400);
    assert_int_equal(status_of(VIEW("GET / http/1.1\r\n\r\n")), -400);
    assert_int_equal(status_of(VIEW("GET /announce?a=b\r\n")), -400); /* HTTP/0.9 */
    assert_int_equal(status_of(VIEW("GET /announce?a=b\n")), -400);
}

static void who_keeps_the_connection_t3_t4(void **state)
{
    (void)state;
    const struct {
        struct view head;
        bool keep;
    } rows[] = {
        {VIEW("GET / HTTP/1.1\r\n\r\n"), true},
        {VIEW("GET / HTTP/1.7\r\n\r\n"), true},
        {VIEW("GET / HTTP/1.0\r\n\r\n"), false},
        {VIEW("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {VIEW("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"), false},
        {VIEW("GET / HTTP/1.1\r\nconnection:upgrade,\tCLOSE ,x\r\n\r\n"), false},
        {VIEW("GET / HTTP/1.1\r\nConnection: closed, not-close\r\n\r\n"), true},
        {VIEW("GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), false},
        {VIEW("GET / HTTP/1.1\r\nConnection: ,,\r\n\r\n"), true},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct http_request r;
        assert_true(parse(rows[i].head, &r) > 0);
        assert_int_equal(r.keep_alive, rows[i].keep);
    }
}

static void pipelined_requests_end_where_they_end_t6(void **state)
{
    (void)state;
    static const char TWO[] = LIBTORRENT "GET /scrape HTTP/1.1\r\n\r\n";
    struct http_request r;
    assert_int_equal(parse(VIEW(TWO), &r), sizeof LIBTORRENT - 1);
    size_t rest = sizeof TWO - sizeof LIBTORRENT;
    assert_int_equal(parse(view_of(TWO + sizeof LIBTORRENT - 1, rest), &r), rest);
    assert_view(r.path, "/scrape");
    assert_int_equal(status_of(VIEW("garbage\r\n\r\n")), -400); /* AH5, behind an announce */
}

static void every_split_gives_the_same_t7_ah3(void **state)
{
    (void)state;
    struct http_request r;
    size_t whole = sizeof LIBTORRENT - 1;
    for (size_t cut = 0; cut < whole; cut++) {
        assert_int_equal(parse(view_of(LIBTORRENT, cut), &r), 0);
        const uint8_t *all = guarded(LIBTORRENT, whole);
        assert_int_equal(http1_parse(view_of(all, whole), cut, &r), whole);
        assert_int_equal(r.header_count, 4);
    }
    for (size_t n = 1; n < whole; n++) /* one byte at a time */
        assert_int_equal(http1_parse(view_of(guarded(LIBTORRENT, n), n), n - 1, &r), 0);
}

static void header_names_in_any_case_t8(void **state)
{
    (void)state;
    struct http_request r;
    struct view v;
    assert_true(parse(VIEW("GET / HTTP/1.1\r\n"
                           "x-FORWARDED-for: \t 192.0.2.1 \t\r\n"
                           "X-Forwarded-For: 192.0.2.2\r\n"
                           "Empty:\r\n"
                           "Range: bytes=0-10\r\nIf-None-Match: *\r\nExpect: 100-continue\r\n"
                           "Upgrade: h2c\r\nWant-Digest: SHA-512;q=1\r\nCookie: a=b\r\n\r\n"),
                      &r) > 0);
    assert_true(http1_header(&r, "X-Forwarded-For", &v));
    assert_view(v, "192.0.2.1");
    assert_true(http1_header(&r, "empty", &v));
    assert_int_equal(v.len, 0);
    assert_false(http1_header(&r, "X-Real-IP", &v));
    assert_false(http1_header(&r, "Expec", &v));
}

static void line_ends_t9_ah8_ah9(void **state)
{
    (void)state;
    assert_int_equal(status_of(VIEW("GET / HTTP/1.1\nHost: x\n\n")), 24);
    assert_int_equal(status_of(VIEW("\r\nGET / HTTP/1.1\r\n\r\n")), 20);
    assert_int_equal(status_of(VIEW("\nGET / HTTP/1.1\n\n")), 17);
    const struct view bad[] = {
        VIEW("\r\n\r\nGET / HTTP/1.1\r\n\r\n"),
        VIEW("\rGET / HTTP/1.1\r\n\r\n"),
        VIEW("GET / HTTP/1.1\rX\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nA: b\r\n\rX"),
        VIEW("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\n A: b\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nA : b\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\n: b\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        VIEW("GET /\0 HTTP/1.1\r\n\r\n"),
        VIEW("GET /a\x7f HTTP/1.1\r\n\r\n"),
        VIEW("GET /a\tb HTTP/1.1\r\n\r\n"),
        VIEW("GET  / HTTP/1.1\r\n\r\n"),
        VIEW("GET /  HTTP/1.1\r\n\r\n"),
        VIEW(" GET / HTTP/1.1\r\n\r\n"),
        VIEW("GET\t/ HTTP/1.1\r\n\r\n"),
    };
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_int_equal(status_of(bad[i]), -400);
}

/* Every control byte breaks target and value, wherever it sits in a word; all others do not. */
static void control_bytes_p7(void **state)
{
    (void)state;
    struct http_request r;
    for (int c = 0; c < 256; c++) {
        for (size_t at = 0; at < 9; at++) {
            char target[] = "GET /.........x HTTP/1.1\r\n\r\n";
            char value[] = "GET / HTTP/1.1\r\nA:.........x\r\n\r\n";
            target[sizeof "GET /" - 1 + at] = (char)c;
            value[sizeof "GET / HTTP/1.1\r\nA:" - 1 + at] = (char)c;
            bool is_control = (c < 0x20 || c == 0x7f);
            assert_int_equal(parse(view_of(target, sizeof target - 1), &r) > 0,
                             !is_control && c != ' ');
            if (c == '\r' || c == '\n') continue;
            assert_int_equal(parse(view_of(value, sizeof value - 1), &r) > 0,
                             !is_control || c == '\t');
        }
    }
}

static void bodies_are_refused_t10_ah19_ah20(void **state)
{
    (void)state;
    assert_true(status_of(VIEW("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n")) > 0);
    const struct view bad[] = {
        VIEW("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
        VIEW("GET / HTTP/1.1\r\ncontent-length: 10\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length: 0, 0\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 7\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        VIEW("GET / HTTP/1.1\r\nContent-Length: 0\r\ntransfer-encoding: x\r\n\r\n"),
    };
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_int_equal(status_of(bad[i]), -400);
}

static void hosts_t11_ah15_ah16(void **state)
{
    (void)state;
    assert_true(status_of(VIEW("GET / HTTP/1.0\r\n\r\n")) > 0);
    assert_true(status_of(VIEW("GET / HTTP/1.1\r\n\r\n")) > 0);
    assert_true(status_of(VIEW("GET / HTTP/1.1\r\nHost: [2001:db8::1]:6969\r\n\r\n")) > 0);
    assert_int_equal(status_of(VIEW("GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n")), -400);
}

static void targets_t12_t13_ah23_ah24(void **state)
{
    (void)state;
    struct http_request r;
    assert_true(parse(VIEW("GET http://t.example:6969/announce?a=http://x/ HTTP/1.1\r\n\r\n"), &r) >
                0);
    assert_view(r.path, "/announce");
    assert_view(r.query, "a=http://x/");
    assert_true(parse(VIEW("GET HTTPS://[2001:db8::1]/scrape HTTP/1.1\r\n\r\n"), &r) > 0);
    assert_view(r.path, "/scrape");
    assert_false(r.has_query);
    assert_true(parse(VIEW("GET /announce? HTTP/1.1\r\n\r\n"), &r) > 0);
    assert_true(r.has_query);
    assert_int_equal(r.query.len, 0);
    assert_true(parse(VIEW("GET /x?a?b#c HTTP/1.1\r\n\r\n"), &r) > 0);
    assert_view(r.query, "a?b#c");
    assert_true(parse(VIEW("GET /announce%3finfo_hash=x HTTP/1.1\r\n\r\n"), &r) > 0); /* P12 */
    assert_view(r.path, "/announce%3finfo_hash=x");
    const struct view bad[] = {
        VIEW("GET * HTTP/1.1\r\n\r\n"),
        VIEW("GET  HTTP/1.1\r\n\r\n"),
        VIEW("GET announce HTTP/1.1\r\n\r\n"),
        VIEW("GET ?a=b HTTP/1.1\r\n\r\n"),
        VIEW("GET http:// HTTP/1.1\r\n\r\n"),
        VIEW("GET http:///announce HTTP/1.1\r\n\r\n"),
        VIEW("GET http://t.example HTTP/1.1\r\n\r\n"),
        VIEW("GET http://t.example?x=/announce HTTP/1.1\r\n\r\n"),
        VIEW("GET ftp://t.example/announce HTTP/1.1\r\n\r\n"),
        VIEW("GET /announce ?info_hash=x HTTP/1.1\r\n\r\n"),
    };
    for (size_t i = 0; i < ROWS(bad); i++)
        assert_int_equal(status_of(bad[i]), -400);
}

/* "GET /xxx...": `bytes` in all. */
static struct view long_target(size_t bytes)
{
    static uint8_t text[GUARDED_BYTES_MAX];
    assert_true(bytes <= sizeof text);
    memset(text, 'x', bytes);
    memcpy(text, "GET /", 5);
    return view_of(text, bytes);
}

static void long_targets_t20_ah6(void **state)
{
    (void)state;
    struct http_request r;
    static const char TAIL[] = " HTTP/1.1\r\n\r\n";
    size_t most = 4 + HTTP_TARGET_BYTES_MAX;
    for (size_t extra = 0; extra < 2; extra++) {
        struct view head = long_target(most + extra + sizeof TAIL - 1);
        memcpy((uint8_t *)head.ptr + most + extra, TAIL, sizeof TAIL - 1);
        assert_int_equal(status_of(head), extra ? -414 : (int)head.len);
    }
    assert_int_equal(status_of(long_target(most)), 0);
    assert_int_equal(status_of(long_target(most + 1)), -414); /* before the line is complete */
    assert_int_equal(status_of(long_target(GUARDED_BYTES_MAX)), -414);
    for (size_t bytes = 3; bytes <= most + 1; bytes += bytes < most - 2 ? 1000 : 1) {
        struct view part = long_target(bytes > most ? most + 1 : bytes);
        part.ptr = guarded(part.ptr, part.len);
        assert_int_equal(http1_parse(part, part.len - 1, &r), part.len > most ? -414 : 0);
    }
    uint8_t *with_empty_line = (uint8_t *)long_target(most + 3).ptr;
    memcpy(with_empty_line, "\r\nGET /", 7);
    with_empty_line = guarded(with_empty_line, most + 3);
    assert_int_equal(http1_parse(view_of(with_empty_line, most + 3), most + 2, &r), -414);
}

static void header_lines_t21_ah7(void **state)
{
    (void)state;
    static char text[4096];
    struct http_request r;
    for (int lines = HTTP_HEADERS_MAX - 1; lines <= HTTP_HEADERS_MAX + 1; lines++) {
        struct writer w = writer_of(text, sizeof text);
        writer_literal(&w, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < lines; i++)
            writer_literal(&w, "X: y\r\n");
        writer_literal(&w, "\r\n");
        int used = parse(view_of(text, writer_used(&w)), &r);
        assert_int_equal(used, lines > HTTP_HEADERS_MAX ? -431 : (int)writer_used(&w));
    }
}

/* ---- base64 ---- */

static int unwrap(struct view bytes, struct view *text)
{
    static uint8_t out[HTTP_WRAPPED_BYTES_MAX];
    size_t len = 0;
    assert_true(http1_is_base64(bytes));
    int used = http1_unwrap_base64(view_of(guarded(bytes.ptr, bytes.len), bytes.len), out,
                                   sizeof out, &len);
    *text = view_of(out, len);
    return used;
}

static void base64_is_known_by_its_start(void **state)
{
    (void)state;
    assert_true(http1_is_base64(VIEW("R0VUIC9")));
    assert_false(http1_is_base64(VIEW("R0V")));
    assert_false(http1_is_base64(VIEW("GET / HTTP/1.1\r\n\r\n")));
}

/* "GET /s HTTP/1.1\r\n\r\n" with one byte of a query added at a time: all three paddings. */
static void base64_ends_with_the_text(void **state)
{
    (void)state;
    const struct {
        struct view wrapped, text;
    } rows[] = {
        {VIEW("R0VUIC9zIEhUVFAvMS4xDQoNCg=="), VIEW("GET /s HTTP/1.1\r\n\r\n")},
        {VIEW("R0VUIC9zPyBIVFRQLzEuMQ0KDQo="), VIEW("GET /s? HTTP/1.1\r\n\r\n")},
        {VIEW("R0VUIC9zP2EgSFRUUC8xLjENCg0K"), VIEW("GET /s?a HTTP/1.1\r\n\r\n")},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct view text;
        struct http_request r;
        size_t whole = rows[i].wrapped.len;
        for (size_t cut = 4; cut < whole; cut++)
            assert_int_equal(unwrap(view_of(rows[i].wrapped.ptr, cut), &text), 0);
        assert_int_equal(unwrap(rows[i].wrapped, &text), whole);
        assert_true(view_equal(text, rows[i].text));
        assert_int_equal(parse(text, &r), text.len);
        assert_int_equal(r.path.len, 2);
    }
}

static void base64_ends_at_white_space(void **state)
{
    (void)state;
    struct view text;
    /* the line alone, with and without its own line end; padding left out */
    assert_int_equal(unwrap(VIEW("R0VUIC9zIEhUVFAvMS4x\r\n\r\n"), &text), 24);
    assert_view(text, "GET /s HTTP/1.1\r\n\r\n");
    assert_int_equal(unwrap(VIEW("R0VUIC9zIEhUVFAvMS4xDQo\n"), &text), 24);
    assert_view(text, "GET /s HTTP/1.1\r\n\r\n");
    assert_int_equal(unwrap(VIEW("R0VUIC9zIEhUVFAvMS4xDQoNCg== rest"), &text), 29);
    assert_view(text, "GET /s HTTP/1.1\r\n\r\n");
    assert_int_equal(unwrap(VIEW("R0VUIC9zIEhUVFAvMS4x"), &text), 0);
}

static void base64_that_is_none(void **state)
{
    (void)state;
    struct view text;
    assert_int_equal(unwrap(VIEW("R0VU/x?\r\n"), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUI\r\n"), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUIC9=x"), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUIC==="), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUI==\r\n"), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUIC= \r\n"), &text), -400);
    assert_int_equal(unwrap(VIEW("R0VUI-_\r\n"), &text), -400);
}

static void base64_has_a_limit(void **state)
{
    (void)state;
    static uint8_t wrapped[HTTP_WRAPPED_BYTES_MAX + 1];
    struct view text;
    uint8_t small[16];
    size_t len;
    memset(wrapped, 'A', sizeof wrapped);
    memcpy(wrapped, "R0VU", 4);
    assert_int_equal(unwrap(view_of(wrapped, sizeof wrapped - 1), &text), 0);
    assert_int_equal(unwrap(view_of(wrapped, sizeof wrapped), &text), -431);
    assert_int_equal(http1_unwrap_base64(VIEW("R0VUIC9zIEhUVFAvMS4x\n"), small, sizeof small, &len),
                     -431);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clients_request_is_taken_apart_q1),
        cmocka_unit_test(methods_t1_ah10_ah13),
        cmocka_unit_test(a_post_of_an_operator),
        cmocka_unit_test(who_takes_gzip),
        cmocka_unit_test(versions_t2_ah14_ah17_ah18),
        cmocka_unit_test(who_keeps_the_connection_t3_t4),
        cmocka_unit_test(pipelined_requests_end_where_they_end_t6),
        cmocka_unit_test(every_split_gives_the_same_t7_ah3),
        cmocka_unit_test(header_names_in_any_case_t8),
        cmocka_unit_test(line_ends_t9_ah8_ah9),
        cmocka_unit_test(control_bytes_p7),
        cmocka_unit_test(bodies_are_refused_t10_ah19_ah20),
        cmocka_unit_test(hosts_t11_ah15_ah16),
        cmocka_unit_test(targets_t12_t13_ah23_ah24),
        cmocka_unit_test(long_targets_t20_ah6),
        cmocka_unit_test(header_lines_t21_ah7),
        cmocka_unit_test(base64_is_known_by_its_start),
        cmocka_unit_test(base64_ends_with_the_text),
        cmocka_unit_test(base64_ends_at_white_space),
        cmocka_unit_test(base64_that_is_none),
        cmocka_unit_test(base64_has_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
