/* app_probe_url.c - announce URLs, and what is derived from them. */
#include "unit.h"

#include "app/probe_url.h"

#include <stdio.h>

static struct probe_url url;
static const char *why;

static void what_a_url_says(void **state)
{
    (void)state;
    char text[URL_AUTHORITY_BYTES_MAX];
    assert_int_equal(probe_url_parse("UDP://tracker.example:6969/announce", &url, &why), ERR_OK);
    assert_true(url.udp);
    assert_string_equal(url.host, "tracker.example");
    assert_int_equal(url.port, 6969);
    assert_string_equal(url.path, "/announce");
    assert_int_equal(probe_url_parse("http://[2001:db8::1]/a.php?key=1&b#part", &url, &why),
                     ERR_OK);
    assert_string_equal(url.host, "2001:db8::1");
    assert_int_equal(url.port, 80);
    assert_string_equal(url.path, "/a.php");
    assert_string_equal(url.query, "key=1&b");
    probe_url_authority(&url, text);
    assert_string_equal(text, "[2001:db8::1]");
    assert_int_equal(probe_url_parse("http://h:81", &url, &why), ERR_OK);
    assert_string_equal(url.path, "/announce");
    probe_url_authority(&url, text);
    assert_string_equal(text, "h:81");
    assert_int_equal(probe_url_parse("udp://h:1/", &url, &why), ERR_OK);
    assert_string_equal(url.path, "");
    assert_int_equal(probe_url_parse("http://h?x=1", &url, &why), ERR_OK);
    assert_string_equal(url.query, "x=1");
}

static void what_a_url_may_not_say(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",
                                      "udp",
                                      "udp:/x",
                                      "udp://",
                                      "udp://h",
                                      "udp://h:",
                                      "udp://h:x",
                                      "udp://h:70000",
                                      "udp://h:00000080",
                                      "http://",
                                      "http:///x",
                                      "http://u:p@h/",
                                      "http://[::1",
                                      "http://[::1]x",
                                      "http://h/\x7f",
                                      "http://h/ ",
                                      "http://h\xc3\xa9/",
                                      "https://h/",
                                      "ws://h",
                                      "wss://h"};
    static char longest[URL_PATH_BYTES_MAX + 20];
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        why = NULL;
        assert_int_equal(probe_url_parse(BAD[i], &url, &why), ERR_BAD_VALUE);
        assert_non_null(why);
    }
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest, "http://h/", 9);
    assert_int_equal(probe_url_parse(longest, &url, &why), ERR_BAD_VALUE);
    memcpy(longest, "http://xx", 9);
    assert_int_equal(probe_url_parse(longest, &url, &why), ERR_BAD_VALUE);
}

static void the_scrape_lies_beside_the_announce(void **state)
{
    (void)state;
    char path[URL_PATH_BYTES_MAX];
    static const char *const CASES[][2] = {{"/announce", "/scrape"},
                                           {"/x/announce", "/x/scrape"},
                                           {"/x/announce.php", "/x/scrape.php"},
                                           {"/announce/x", NULL},
                                           {"/a", NULL},
                                           {"/xannounce", NULL}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        snprintf(url.path, sizeof url.path, "%s", CASES[i][0]);
        assert_int_equal(probe_url_scrape_path(&url, path), CASES[i][1] != NULL);
        if (CASES[i][1]) assert_string_equal(path, CASES[i][1]);
    }
}

static void hashes(void **state)
{
    (void)state;
    struct info_hash h;
    char text[INFO_HASH_TEXT_BYTES];
    assert_int_equal(info_hash_parse("0123456789abcdefABCDEF000000000000000001", &h), ERR_OK);
    info_hash_print(&h, text);
    assert_string_equal(text, "0123456789abcdefabcdef000000000000000001");
    assert_int_equal(info_hash_parse("", &h), ERR_INVALID_INFO_HASH);
    assert_int_equal(info_hash_parse("0123456789abcdefABCDEF00000000000000000g", &h),
                     ERR_INVALID_INFO_HASH);
    assert_int_equal(info_hash_parse("0123456789abcdefABCDEF0000000000000000012", &h),
                     ERR_INVALID_INFO_HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_url_says),
        cmocka_unit_test(what_a_url_may_not_say),
        cmocka_unit_test(the_scrape_lies_beside_the_announce),
        cmocka_unit_test(hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
