/* proto_http_response.c - answers of foreign HTTP servers, whole, in parts, and wrong. */
#include "unit.h"

#include "proto/http_response.h"

static struct http_response r;

/* Parse a literal that lies against a guard page. */
#define PARSE(literal, ended)                                                                      \
    http_response_parse(guarded(literal, sizeof(literal) - 1), sizeof(literal) - 1, ended, false,  \
                        &r)

#define assert_body(text)                                                                          \
    do {                                                                                           \
        assert_int_equal(r.body.len, strlen(text));                                                \
        if (r.body.len) assert_memory_equal(r.body.ptr, text, strlen(text));                       \
    } while (0)

static void a_length_ends_a_body(void **state)
{
    (void)state;
    struct view type;
    static const char TEXT[] =
        "HTTP/1.1 200 OK\r\nContent-Type:  text/plain \r\ncontent-length: 3\r\n\r\nabcNEXT";
    assert_int_equal(PARSE(TEXT, false), sizeof TEXT - 1 - 4);
    assert_int_equal(r.status, 200);
    assert_true(r.keep_alive);
    assert_body("abc");
    assert_true(http_response_header(&r, "content-TYPE", &type));
    assert_true(view_equal(type, VIEW("text/plain")));
    assert_false(http_response_header(&r, "Content", &type));
}

static void every_part_of_an_answer_asks_for_more(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 404 Not Found\nContent-Length: 0\n\n",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        size_t len = strlen(TEXTS[i]);
        for (size_t part = 0; part < len; part++) {
            assert_int_equal(http_response_parse(guarded(TEXTS[i], part), part, false, false, &r),
                             0);
            assert_int_equal(http_response_parse(guarded(TEXTS[i], part), part, true, false, &r),
                             -1);
        }
        assert_int_equal(http_response_parse(guarded(TEXTS[i], len), len, false, false, &r), len);
    }
}

static void chunks_are_put_together(void **state)
{
    (void)state;
    assert_true(PARSE("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                      "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
                      false) > 0);
    assert_body("abc0123456789");
}

static void the_end_of_the_connection_ends_a_body(void **state)
{
    (void)state;
    assert_int_equal(PARSE("HTTP/1.0 200 OK\r\n\r\nabc", false), 0);
    assert_true(PARSE("HTTP/1.0 200 OK\r\n\r\nabc", true) > 0);
    assert_body("abc");
    assert_false(r.keep_alive);
}

static void what_is_no_http_is_refused(void **state)
{
    (void)state;
    assert_int_equal(PARSE("d14:failure reason3:abce", false), -1);
    assert_int_equal(PARSE("SSH-2.0-x\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/2.0 200 OK\r\n\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/1.1 2x0 OK\r\n\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/1.1 999 OK\r\n\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false), -1);
    assert_int_equal(PARSE("HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false),
                     -1);
    assert_int_equal(
        PARSE("HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", false), -1);
    assert_int_equal(
        PARSE("HTTP/1.1 200 O\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", false), -1);
}

static void a_short_body_is_no_body(void **state)
{
    (void)state;
    assert_int_equal(PARSE("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", true), -1);
    assert_int_equal(
        PARSE("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\nabc", false), 0);
}

static void interim_answers_end(void **state)
{
    (void)state;
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"
    assert_int_equal(PARSE(INTERIM INTERIM INTERIM INTERIM INTERIM, false), -1);
}

static void an_answer_to_head_has_no_body(void **state)
{
    (void)state;
    static const char TEXT[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    size_t len = sizeof TEXT - 1;
    assert_int_equal(http_response_parse(guarded(TEXT, len), len, false, true, &r), len);
    assert_int_equal(r.body.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_ends_a_body),
        cmocka_unit_test(every_part_of_an_answer_asks_for_more),
        cmocka_unit_test(chunks_are_put_together),
        cmocka_unit_test(the_end_of_the_connection_ends_a_body),
        cmocka_unit_test(what_is_no_http_is_refused),
        cmocka_unit_test(a_short_body_is_no_body),
        cmocka_unit_test(interim_answers_end),
        cmocka_unit_test(an_answer_to_head_has_no_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
