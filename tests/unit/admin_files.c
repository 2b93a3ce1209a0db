/* admin_files.c - files of the binary (tests/unit/pages, through tools/embed.py): types, tags, gzip.
 * The operator's own are tests/blackbox/test_admin_files.py's. */
#include "unit.h"

#include "admin/files.h"

#include <stdio.h>
#include <zlib.h>

struct asked {
    struct http_request head;
    struct admin_request r;
    struct admin_response out;
};

/* A request with up to two headers. */
static bool get(struct asked *a, const char *path, const char *encoding, const char *tag)
{
    *a = (struct asked){.r = {.head = &a->head}};
    if (encoding)
        a->head.headers[a->head.header_count++] =
            (struct http_header){.name = VIEW("Accept-Encoding"), .value = view_of_text(encoding)};
    if (tag)
        a->head.headers[a->head.header_count++] =
            (struct http_header){.name = VIEW("If-None-Match"), .value = view_of_text(tag)};
    return files_embedded(&a->r, view_of_text(path), &a->out);
}

static void files_are_found_by_their_whole_path(void **state)
{
    struct asked a;
    (void)state;
    assert_int_equal(EMBEDDED_FILE_COUNT, 3);
    assert_true(get(&a, "page.html", NULL, NULL));
    assert_int_equal(a.out.status, 200);
    assert_string_equal(a.out.type, "text/html; charset=utf-8");
    assert_true(view_equal(a.out.constant_body, VIEW("<!doctype html><title>built in</title>\n")));
    assert_true(get(&a, "assets/dot.gif", NULL, NULL));
    assert_string_equal(a.out.type, "image/gif");
    assert_memory_equal(a.out.constant_body.ptr, "GIF89a", 6);
    assert_false(get(&a, "page", NULL, NULL));
    assert_false(get(&a, "assets/", NULL, NULL));
    assert_false(get(&a, "", NULL, NULL));
}

static void what_compresses_is_sent_so_to_who_takes_it(void **state)
{
    struct asked plain, packed;
    uint8_t text[4096];
    (void)state;
    assert_true(get(&plain, "assets/long.js", NULL, NULL));
    assert_true(get(&packed, "assets/long.js", "gzip", NULL));
    assert_non_null(strstr(plain.out.extra, "Vary: Accept-Encoding\r\n"));
    assert_null(strstr(plain.out.extra, "Content-Encoding"));
    assert_non_null(strstr(packed.out.extra, "Content-Encoding: gzip\r\n"));
    assert_true(packed.out.constant_body.len < plain.out.constant_body.len / 4);
    z_stream z = {.next_in = (uint8_t *)packed.out.constant_body.ptr,
                  .avail_in = (unsigned)packed.out.constant_body.len,
                  .next_out = text,
                  .avail_out = sizeof text};
    assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_true(view_equal(view_of(text, z.total_out), plain.out.constant_body));
    assert_true(get(&packed, "assets/dot.gif", "gzip", NULL));
    assert_null(strstr(packed.out.extra, "gzip"));
}

static void a_good_copy_is_not_sent_again(void **state)
{
    struct asked a;
    char tag[64];
    (void)state;
    assert_true(get(&a, "page.html", NULL, NULL));
    assert_int_equal(sscanf(a.out.extra, "ETag: %63[^\r]", tag), 1);
    assert_true(get(&a, "page.html", "gzip", tag));
    assert_int_equal(a.out.status, 304);
    assert_int_equal(a.out.constant_body.len, 0);
    assert_non_null(strstr(a.out.extra, tag));
    assert_true(get(&a, "page.html", NULL, "\"0123456789abcdef\""));
    assert_int_equal(a.out.status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_found_by_their_whole_path),
        cmocka_unit_test(what_compresses_is_sent_so_to_who_takes_it),
        cmocka_unit_test(a_good_copy_is_not_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
