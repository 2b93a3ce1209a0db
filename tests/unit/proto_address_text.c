/* proto_address_text.c - address literals, prefixes, X-Forwarded-For and Forwarded
 * (T60..T65, AH52..AH56). */
#include "unit.h"

#include "proto/address_text.h"

#include <stdio.h>

#define NO_ADDRESS "-"

static struct view guarded_text(const char *text)
{
    return view_of(guarded(text, strlen(text)), strlen(text));
}

static const char *printed(const struct address *a)
{
    static char text[ADDRESS_TEXT_BYTES_MAX];
    size_t len = address_print(a, text);
    assert_int_equal(len, strlen(text));
    return text;
}

static void assert_address(const char *text, const char *want)
{
    struct address a;
    enum err err = address_parse(guarded_text(text), &a);
    assert_string_equal(err == ERR_OK ? printed(&a) : NO_ADDRESS, want);
}

static void literals(void **state)
{
    (void)state;
    assert_address("1.2.3.4", "1.2.3.4");
    assert_address("0.0.0.0", "0.0.0.0");
    assert_address("255.255.255.255", "255.255.255.255");
    assert_address("2001:db8::1", "2001:db8::1");
    assert_address("2001:0DB8:0:0:0:0:0:1", "2001:db8::1");
    assert_address("::", "::");
    assert_address("::1", "::1");
    assert_address("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_address("::ffff:198.51.100.7", "198.51.100.7"); /* V2, AH56 */
    assert_address("::ffff:c633:6407", "198.51.100.7");
    assert_address("64:ff9b::c633:6407", "64:ff9b::c633:6407"); /* V32 */
}

static void endpoints_are_printed_as_urls_have_them(void **state)
{
    (void)state;
    char text[ENDPOINT_TEXT_BYTES_MAX];
    struct address a;
    assert_int_equal(address_parse(VIEW("192.0.2.1"), &a), ERR_OK);
    assert_string_equal(endpoint_print(&a, 80, text), "192.0.2.1:80");
    memset(&a, 0xfe, sizeof a);
    a.family = FAMILY_V6;
    assert_string_equal(endpoint_print(&a, 65535, text),
                        "[fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe]:65535");
}

static void everything_else_is_no_literal(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "",
        " ",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.4:80",
        "[::1]",
        "fe80::1%eth0",
        "localhost",
        "evil.example",
        "unknown",
        "0x7f000001",
        "2130706433",
        ":",
        ":::",
        "1::2::3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "12345::",
        "-1.2.3.4",
        "1.2.3.-4",
        "1,2,3,4",
        "g::1",
        "::1/128",
        "1111111111111111111111111111111111111111111111111111111",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_address(WRONG[i], NO_ADDRESS);
    struct address a;
    assert_int_equal(address_parse(view_of("1.2.3.4\0x", 9), &a), ERR_BAD_ADDRESS);
    assert_int_equal(address_parse(view_of(NULL, 0), &a), ERR_BAD_ADDRESS);
}

static void assert_endpoint(const char *text, const char *want, uint16_t want_port)
{
    struct address a;
    uint16_t port = 7;
    enum err err = address_port_parse(guarded_text(text), &a, &port);
    assert_string_equal(err == ERR_OK ? printed(&a) : NO_ADDRESS, want);
    assert_int_equal(port, want_port);
}

static void addresses_with_ports(void **state)
{
    (void)state;
    assert_endpoint("1.2.3.4", "1.2.3.4", 7); /* T62 */
    assert_endpoint("1.2.3.4:5678", "1.2.3.4", 5678);
    assert_endpoint("2001:db8::1", "2001:db8::1", 7);
    assert_endpoint("[2001:db8::1]", "2001:db8::1", 7);
    assert_endpoint("[2001:db8::1]:5678", "2001:db8::1", 5678);
    assert_endpoint("[::ffff:1.2.3.4]:65535", "1.2.3.4", 65535);
    assert_endpoint("1.2.3.4:0", "1.2.3.4", 0);
}

static void broken_ports_and_brackets(void **state)
{
    (void)state;
    static const char *const WRONG[] = {
        "",
        ":",
        "1.2.3.4:",
        "1.2.3.4:65536",
        "1.2.3.4:100000",
        "1.2.3.4:-1",
        "1.2.3.4:8x",
        "1.2.3.4: 8",
        "[",
        "]",
        "[]",
        "[1.2.3.4]",
        "[1.2.3.4]:80",
        "[::1",
        "::1]",
        "[::1]x",
        "[::1]:",
        "[::1]:65536",
        "[::1]80",
        "[[::1]]",
        "name:80",
        "unknown",
        "_hidden",
        ":80",
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_endpoint(WRONG[i], NO_ADDRESS, 7);
    struct address a;
    uint16_t port;
    assert_int_equal(address_port_parse(VIEW("1.2.3.4:65536"), &a, &port), ERR_OUT_OF_RANGE);
    assert_int_equal(address_port_parse(VIEW("[::1]:x"), &a, &port), ERR_OUT_OF_RANGE);
    assert_int_equal(address_port_parse(VIEW("name:80"), &a, &port), ERR_BAD_ADDRESS);
}

/* ---- prefixes ---- */

static struct prefix prefix_of(const char *text)
{
    struct prefix p;
    assert_int_equal(prefix_parse(guarded_text(text), &p), ERR_OK);
    return p;
}

static bool covers(const char *prefix, const char *address)
{
    struct prefix p = prefix_of(prefix);
    struct address a;
    assert_int_equal(address_parse(guarded_text(address), &a), ERR_OK);
    return prefix_contains(&p, &a);
}

static void prefixes_cover_what_they_say(void **state)
{
    (void)state;
    assert_true(covers("127.0.0.0/8", "127.255.255.255"));
    assert_false(covers("127.0.0.0/8", "128.0.0.0"));
    assert_true(covers("100.64.0.0/10", "100.127.255.255"));
    assert_false(covers("100.64.0.0/10", "100.128.0.0"));
    assert_true(covers("10.1.2.3", "10.1.2.3"));
    assert_false(covers("10.1.2.3", "10.1.2.2"));
    assert_true(covers("0.0.0.0/0", "255.1.2.3"));
    assert_false(covers("0.0.0.0/0", "::1"));
    assert_true(covers("::/0", "2001:db8::1"));
    assert_false(covers("::/0", "1.2.3.4"));
    assert_true(covers("::1", "::1"));
    assert_true(covers("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(covers("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(covers("::ffff:10.0.0.0/104", "10.9.9.9"));
    assert_true(covers("::ffff:0:0/96", "1.2.3.4"));
    assert_false(covers("::ffff:10.0.0.0/104", "11.0.0.0"));
}

static void prefixes_are_lists(void **state)
{
    (void)state;
    struct prefix list[] = {prefix_of("127.0.0.0/8"), prefix_of("::1")};
    struct address a = {.family = FAMILY_V6, .ip = {[15] = 1}};
    assert_true(prefixes_contain(list, 2, &a));
    assert_false(prefixes_contain(list, 1, &a));
    assert_false(prefixes_contain(NULL, 0, &a));
}

static void broken_prefixes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
    } CASES[] = {
        {"", ERR_BAD_ADDRESS},
        {"/8", ERR_BAD_ADDRESS},
        {"10/8", ERR_BAD_ADDRESS},
        {"10.0.0.0/", ERR_NOT_A_NUMBER},
        {"10.0.0.0/x", ERR_NOT_A_NUMBER},
        {"10.0.0.0/8/8", ERR_NOT_A_NUMBER},
        {"10.0.0.0/-8", ERR_NOT_A_NUMBER},
        {"10.0.0.0/33", ERR_OUT_OF_RANGE},
        {"::/129", ERR_OUT_OF_RANGE},
        {"10.0.0.1/8", ERR_BAD_VALUE},
        {"10.0.0.0/0", ERR_BAD_VALUE},
        {"2001:db8::1/127", ERR_BAD_VALUE},
        {"::ffff:0:0/90", ERR_BAD_VALUE},
        {"10.0.0.0 /8", ERR_BAD_ADDRESS},
        {"[::1]/128", ERR_BAD_ADDRESS},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct prefix p;
        assert_int_equal(prefix_parse(guarded_text(CASES[i].text), &p), CASES[i].err);
    }
}

/* ---- forwarding headers ---- */

#define LINES_MAX 4

/* Trusted: 127.0.0.0/8, ::1, 10.0.0.0/8. Up to LINES_MAX header lines, NULL ends them early. */
static const char *client_of(bool is_forwarded, const char *const lines[LINES_MAX])
{
    const struct prefix trusted[] = {prefix_of("127.0.0.0/8"), prefix_of("::1"),
                                     prefix_of("10.0.0.0/8")};
    struct view values[LINES_MAX];
    char joined[4096] = "";
    size_t count = 0, at = 0;
    for (; count < LINES_MAX && lines[count]; count++) /* side by side, last against the guard */
        at += (size_t)snprintf(joined + at, sizeof joined - at, "%s", lines[count]);
    const uint8_t *bytes = guarded(joined, at);
    for (size_t i = 0; i < count; i++) {
        values[i] = view_of(bytes, strlen(lines[i]));
        bytes += values[i].len;
    }
    struct address a = {.ip = {9}};
    enum err err = forwarded_client(values, count, is_forwarded, trusted, 3, &a);
    if (err == ERR_OK) return printed(&a);
    assert_int_equal(err, ERR_BAD_ADDRESS);
    assert_int_equal(a.ip[0], 9);
    return NO_ADDRESS;
}

#define XFF(...)       client_of(false, (const char *const[LINES_MAX]){__VA_ARGS__})
#define FORWARDED(...) client_of(true, (const char *const[LINES_MAX]){__VA_ARGS__})

static void xff_is_walked_from_the_right(void **state)
{
    (void)state;
    assert_string_equal(XFF("203.0.113.9"), "203.0.113.9");       /* T61 */
    assert_string_equal(XFF("evil, 203.0.113.9"), "203.0.113.9"); /* AH53 */
    assert_string_equal(XFF("1.1.1.1, 203.0.113.9, 10.0.0.1, 127.0.0.1"), "203.0.113.9");
    assert_string_equal(XFF("1.1.1.1,203.0.113.9,::1"), "203.0.113.9");
    assert_string_equal(XFF("1.1.1.1", "203.0.113.9"), "203.0.113.9"); /* lines join */
    assert_string_equal(XFF("1.1.1.1, 203.0.113.9", "10.0.0.2", "10.0.0.1"), "203.0.113.9");
    assert_string_equal(XFF("  203.0.113.9\t"), "203.0.113.9");
}

static void xff_entries(void **state)
{
    (void)state;
    assert_string_equal(XFF("1.2.3.4:5678"), "1.2.3.4"); /* T62, T64, AH54 */
    assert_string_equal(XFF("[2001:db8::1]:5678"), "2001:db8::1");
    assert_string_equal(XFF("[2001:db8::1]"), "2001:db8::1");
    assert_string_equal(XFF("2001:db8::1"), "2001:db8::1");
    assert_string_equal(XFF("::ffff:198.51.100.7"), "198.51.100.7"); /* T65, AH56 */
    assert_string_equal(XFF("203.0.113.9, ::ffff:127.0.0.1"), "203.0.113.9");
    assert_string_equal(XFF("192.168.1.1"), "192.168.1.1");
}

static void xff_never_falls_back(void **state)
{
    (void)state;
    assert_string_equal(XFF(NULL), NO_ADDRESS); /* T62, AH54 */
    assert_string_equal(XFF(""), NO_ADDRESS);
    assert_string_equal(XFF("  "), NO_ADDRESS);
    assert_string_equal(XFF("unknown"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4.5"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4,"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4, unknown"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4, unknown, 10.0.0.1"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4", ""), NO_ADDRESS);
    assert_string_equal(XFF("10.0.0.1, 127.0.0.1"), NO_ADDRESS); /* nobody but proxies */
    assert_string_equal(XFF("\"1.2.3.4\""), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4:port"), NO_ADDRESS);
    assert_string_equal(XFF("1.2.3.4;5.6.7.8"), NO_ADDRESS);
}

static void xff_of_a_thousand_entries(void **state)
{
    (void)state;
    static char text[1000 * 10 + 16]; /* AH54 */
    size_t at = 0;
    for (int i = 0; i < 1000; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s", i ? "10.0.0.1," : "8.8.8.8,");
    const struct prefix trusted = prefix_of("10.0.0.0/8");
    struct view value = view_of(guarded(text, at - 1), at - 1);
    struct address a;
    assert_int_equal(forwarded_client(&value, 1, false, &trusted, 1, &a), ERR_OK);
    assert_string_equal(printed(&a), "8.8.8.8");
    assert_int_equal(forwarded_client(&value, 1, false, NULL, 0, &a), ERR_OK);
    assert_string_equal(printed(&a), "10.0.0.1");
}

static void forwarded_of_rfc_7239(void **state)
{
    (void)state;
    assert_string_equal(FORWARDED("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
    assert_string_equal(FORWARDED("for=1.1.1.1, for=\"[2001:db8:cafe::17]:4711\""), /* T63 */
                        "2001:db8:cafe::17");
    assert_string_equal(FORWARDED("for=\"[2001:db8::1]:99\""), "2001:db8::1"); /* AH55 */
    assert_string_equal(FORWARDED("FOR=\"192.0.2.60:80\""), "192.0.2.60");
    assert_string_equal(FORWARDED("proto=http; By=203.0.113.43 ;For=192.0.2.60"), "192.0.2.60");
    assert_string_equal(FORWARDED("for=1.1.1.1", "for=192.0.2.60"), "192.0.2.60");
    assert_string_equal(FORWARDED("for=192.0.2.60", "for=10.0.0.1, for=127.0.0.1"), "192.0.2.60");
    assert_string_equal(FORWARDED("for=192.0.2.60;host=\"a,b;for=1.1.1.1\""), "192.0.2.60");
    assert_string_equal(FORWARDED("host=\"a\\\",b;\";for=192.0.2.60"), "192.0.2.60");
    assert_string_equal(FORWARDED("for=\"192.0.2.60\""), "192.0.2.60");
    assert_string_equal(FORWARDED("for=\"[::ffff:198.51.100.7]\""), "198.51.100.7");
    assert_string_equal(FORWARDED("for=_x, for=192.0.2.60"), "192.0.2.60");
    assert_string_equal(FORWARDED(";;for=192.0.2.60;"), "192.0.2.60");
}

static void forwarded_cannot_be_spoilt_from_the_left(void **state)
{
    (void)state;
    assert_string_equal(FORWARDED("for=\"1.1.1.1, for=192.0.2.60"), "192.0.2.60");
    assert_string_equal(FORWARDED("host=\"\\, for=192.0.2.60;by=10.0.0.1"), "192.0.2.60");
    assert_string_equal(FORWARDED("\"\"\", for=192.0.2.60"), "192.0.2.60");
}

static void forwarded_never_falls_back(void **state)
{
    (void)state;
    assert_string_equal(FORWARDED(NULL), NO_ADDRESS);
    assert_string_equal(FORWARDED(""), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=unknown"), NO_ADDRESS); /* T63, AH55 */
    assert_string_equal(FORWARDED("for=_hidden"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=_x"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for="), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=\"\""), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=\""), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=\"1.2.3.4"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for"), NO_ADDRESS);
    assert_string_equal(FORWARDED("fork=1.2.3.4"), NO_ADDRESS);
    assert_string_equal(FORWARDED("1.2.3.4"), NO_ADDRESS);
    assert_string_equal(FORWARDED("proto=http;by=1.2.3.4"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=2001:db8::1"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=[2001:db8::1]"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=\"2001:db8::1\""), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=1.2.3.4:80"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=1.1.1.1;for=192.0.2.60"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=192.0.2.60, proto=http"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=192.0.2.60,"), NO_ADDRESS);
    assert_string_equal(FORWARDED("for=127.0.0.1"), NO_ADDRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals),
        cmocka_unit_test(endpoints_are_printed_as_urls_have_them),
        cmocka_unit_test(everything_else_is_no_literal),
        cmocka_unit_test(addresses_with_ports),
        cmocka_unit_test(broken_ports_and_brackets),
        cmocka_unit_test(prefixes_cover_what_they_say),
        cmocka_unit_test(prefixes_are_lists),
        cmocka_unit_test(broken_prefixes),
        cmocka_unit_test(xff_is_walked_from_the_right),
        cmocka_unit_test(xff_entries),
        cmocka_unit_test(xff_never_falls_back),
        cmocka_unit_test(xff_of_a_thousand_entries),
        cmocka_unit_test(forwarded_of_rfc_7239),
        cmocka_unit_test(forwarded_cannot_be_spoilt_from_the_left),
        cmocka_unit_test(forwarded_never_falls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
