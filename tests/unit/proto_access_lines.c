/* proto_access_lines.c - lines of access lists as people and other programs write them: info hashes,
 * addresses, client software. */
#include "unit.h"

#include "proto/address_text.h"
#include "proto/client_rule.h"
#include "proto/hash_list.h"
#include "proto/ip_list.h"

#include <stdio.h>

/* At the end of readable memory. */
static struct view line_of(const char *text)
{
    return view_of(guarded(text, strlen(text)), strlen(text));
}

static void assert_text(struct view v, const char *text)
{
    assert_int_equal(v.len, strlen(text));
    if (v.len) assert_memory_equal(v.ptr, text, v.len);
}

/* ---- addresses ---- */

struct ip_row {
    const char *line, *first, *last, *reason; /* first NULL: no entry */
};

static const struct ip_row IPS[] = {
    {"192.0.2.7", "192.0.2.7", "192.0.2.7", ""},
    {"  192.0.2.7\t", "192.0.2.7", "192.0.2.7", ""},
    {"192.0.2.7\r", "192.0.2.7", "192.0.2.7", ""},
    {"192.0.2.7 spam, mostly", "192.0.2.7", "192.0.2.7", "spam, mostly"},
    {"192.0.2.7, spam", "192.0.2.7", "192.0.2.7", "spam"},
    {"192.0.2.7 # spam", "192.0.2.7", "192.0.2.7", "spam"},
    {"192.0.2.0/24 a/b", "192.0.2.0", "192.0.2.255", "a/b"},
    {"0.0.0.0/0", "0.0.0.0", "255.255.255.255", ""},
    {"192.0.2.9/32", "192.0.2.9", "192.0.2.9", ""},
    {"2001:db8::/33 six", "2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", "six"},
    {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
    {"2001:db8::1", "2001:db8::1", "2001:db8::1", ""},
    {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1", ""},
    {"192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9", ""},
    {"192.0.2.1 - 192.0.2.9 why not", "192.0.2.1", "192.0.2.9", "why not"},
    {"2001:db8::1-2001:db8::9", "2001:db8::1", "2001:db8::9", ""},
    {"2001:db8::1 - 2001:db8::9 x", "2001:db8::1", "2001:db8::9", "x"},
    /* ipfilter.dat */
    {"001.009.096.105 - 001.009.096.105 , 000 , Some organization", "1.9.96.105", "1.9.96.105",
     "Some organization"},
    {"000.000.000.000 - 000.255.255.255 , 127 , level: 127", "0.0.0.0", "0.255.255.255",
     "level: 127"},
    {"1.2.3.4-1.2.3.5,100,x", "1.2.3.4", "1.2.3.5", "x"},
    {"1.2.3.4 - 1.2.3.5 , 128 , let pass", NULL, NULL, NULL},
    {"1.2.3.4 - 1.2.3.5 , 200", NULL, NULL, NULL},
    {"001.2.3.0/024", "1.2.3.0", "1.2.3.255", ""},
    /* a range or prefix at the beginning is it, whatever the reason holds */
    {"127.0.0.3 - 127.0.0.3 , 100 , ACME:10.0.0.0-10.0.0.255", "127.0.0.3", "127.0.0.3",
     "ACME:10.0.0.0-10.0.0.255"},
    {"127.0.0.3-127.0.0.4 see:10.0.0.0-10.0.0.255", "127.0.0.3", "127.0.0.4",
     "see:10.0.0.0-10.0.0.255"},
    {"192.0.2.0/24 see:10.0.0.0-10.0.0.255", "192.0.2.0", "192.0.2.255", "see:10.0.0.0-10.0.0.255"},
    {"2001:db8::1 - 2001:db8::9 , 1 , x:10.0.0.0-10.0.0.255", "2001:db8::1", "2001:db8::9",
     "x:10.0.0.0-10.0.0.255"},
    {"1.2.3.4-1.2.3.5 , 200 , x:10.0.0.0-10.0.0.255", NULL, NULL, NULL},
    {"10.1.0.0/16:192.0.2.0-192.0.2.1", "192.0.2.0", "192.0.2.1", "10.1.0.0/16"},
    {"10.1.0.0-10.1.0.9:192.0.2.0-192.0.2.1", "192.0.2.0", "192.0.2.1", "10.1.0.0-10.1.0.9"},
    /* P2P */
    {"; Acme:192.0.2.0-192.0.2.1", "192.0.2.0", "192.0.2.1", "; Acme"},
    {"Acme::192.0.2.0-192.0.2.1", "192.0.2.0", "192.0.2.1", "Acme:"},
    {"Acme: R&D - north:192.0.2.0-192.0.2.255", "192.0.2.0", "192.0.2.255", "Acme: R&D - north"},
    {":192.0.2.0-192.0.2.255", "192.0.2.0", "192.0.2.255", ""},
    {"10.0.0.1 is mine:192.0.2.0-192.0.2.1", "192.0.2.0", "192.0.2.1", "10.0.0.1 is mine"},
    {"six:2001:db8::1-2001:db8::2", "2001:db8::1", "2001:db8::2", "six"},
    {"padded:192.000.002.000-192.000.002.255", "192.0.2.0", "192.0.2.255", "padded"},
    /* nothing */
    {"", NULL, NULL, NULL},
    {" \t\r", NULL, NULL, NULL},
    {"# 192.0.2.7", NULL, NULL, NULL},
    {"; 192.0.2.7", NULL, NULL, NULL},
    {"// 192.0.2.7", NULL, NULL, NULL},
};

static void assert_address(const struct address *a, const char *text)
{
    char printed[ADDRESS_TEXT_BYTES_MAX];
    address_print(a, printed);
    assert_string_equal(printed, text);
}

static void addresses_have_many_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof IPS / sizeof *IPS; i++) {
        struct ip_entry e;
        const char *why = ip_list_line(line_of(IPS[i].line), &e);
        if (why) fail_msg("\"%s\": %s", IPS[i].line, why);
        if (e.is_entry != (IPS[i].first != NULL)) fail_msg("\"%s\"", IPS[i].line);
        if (!e.is_entry) continue;
        assert_address(&e.first, IPS[i].first);
        assert_address(&e.last, IPS[i].last);
        assert_text(e.reason, IPS[i].reason);
    }
}

/* Comments, for most programs that read such lists; somebody should hear of it. */
static void comments_that_hide_a_range_are_noted(void **state)
{
    static const struct {
        const char *line;
        bool hides;
    } ROWS[] = {
        {"#1 ISP of X:127.0.0.3-127.0.0.3", true},
        {"// Acme:127.0.0.3-127.0.0.3\r", true},
        {" # six:2001:db8::1-2001:db8::2", true},
        {"# List of 2020:01:01, see http://lists.example/a-b", false},
        {"# X:127.0.0.9-127.0.0.3", false},
        {"# 127.0.0.3 - 127.0.0.4 , 100 , x", false},
        {"; 127.0.0.3", false},
        {"; Acme:127.0.0.3-127.0.0.3", false},
        {"Acme:127.0.0.3-127.0.0.3", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct ip_entry e;
        assert_null(ip_list_line(line_of(ROWS[i].line), &e));
        if (e.hides_range != ROWS[i].hides) fail_msg("\"%s\"", ROWS[i].line);
        if (e.hides_range) assert_false(e.is_entry);
    }
}

static void bad_addresses_are_told(void **state)
{
    static const char *const LINES[] = {
        "garbage",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.7x",
        "192.0.2.1/33",
        "192.0.2.1/",
        "192.0.2.1/x",
        "192.0.2.1/24",
        "192.0.2.9-192.0.2.1",
        "192.0.2.9-",
        "192.0.2.9-2001:db8::1",
        "name:192.0.2.9",
        "name:192.0.2.9-",
        "name:192.0.2.9-192.0.2.1",
        "name:2001:db8::1-192.0.2.1",
        "2001:db8::/129",
        "2001:db8::1/64",
        "192.0.2.1/00000000000000000000000000000000000000000000000000000000000024",
    };
    (void)state;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct ip_entry e;
        if (!ip_list_line(line_of(LINES[i]), &e)) fail_msg("\"%s\" was read", LINES[i]);
    }
}

/* ---- info hashes ---- */

#define HEX    "0123456789abcdef0123456789ABCDEF01234567"
#define HEX_V2 HEX "89abcdef0123456789abcdef"

static void hashes_have_three_forms(void **state)
{
    static const uint8_t HASH[] = "\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef"
                                  "\x01\x23\x45\x67";
    static const struct {
        const char *line, *reason;
    } ROWS[] = {{HEX, ""},
                {HEX " removed: see #7", "removed: see #7"},
                {"\t" HEX ",removed\r", "removed"},
                {HEX_V2 " v2", "v2"},
                {"AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH b", "b"}};
    struct hash_entry e;
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        assert_null(hash_list_line(line_of(ROWS[i].line), &e));
        assert_true(e.is_entry);
        assert_memory_equal(e.info_hash.bytes, HASH, INFO_HASH_BYTES);
        assert_text(e.reason, ROWS[i].reason);
    }
    assert_null(hash_list_line(line_of("# " HEX), &e));
    assert_false(e.is_entry);
}

static void bad_hashes_are_told(void **state)
{
    static const char *const LINES[] = {"x",
                                        HEX "0",
                                        "g123456789abcdef0123456789abcdef01234567",
                                        HEX_V2 "00",
                                        "AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1",
                                        HEX "\x01",
                                        ("-" HEX)};
    (void)state;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct hash_entry e;
        if (!hash_list_line(line_of(LINES[i]), &e)) fail_msg("\"%s\" was read", LINES[i]);
    }
}

/* ---- client software ---- */

static bool rule_matches(const char *line, const char *id)
{
    struct client_entry e;
    struct peer_id peer = {{0}};
    memcpy(peer.bytes, id, strlen(id));
    const char *why = client_rule_line(line_of(line), &e);
    if (why) fail_msg("\"%s\": %s", line, why);
    return e.is_entry && client_rule_matches(&e.rule, &peer);
}

static void clients_match_by_prefix_and_version(void **state)
{
    static const struct {
        const char *line, *id;
        bool matches;
    } ROWS[] = {
        {"-TR", "-TR2940-abcdefghijkl", true},
        {"-TR", "-UT2940-abcdefghijkl", false},
        {"-TR 2.00-2.93", "-TR2000-abcdefghijkl", true},
        {"-TR 2.00-2.93", "-TR2930-abcdefghijkl", true},
        {"-TR 2.00-2.93", "-TR293Z-abcdefghijkl", true},
        {"-TR 2.00-2.93", "-TR2940-abcdefghijkl", false},
        {"-TR 2.00-2.93", "-TR1990-abcdefghijkl", false},
        {"-TR 2.00-2.93", "-TR4050-abcdefghijkl", false},
        {"-TR 2.93 old", "-TR2930-abcdefghijkl", true},
        {"-TR 2.93 old", "-TR2940-abcdefghijkl", false},
        {"-TR 4-", "-TR4050-abcdefghijkl", true},
        {"-TR 4-", "-TR3000-abcdefghijkl", false},
        {"-TR -3", "-TR3000-abcdefghijkl", true},
        {"-TR -3", "-TR4050-abcdefghijkl", false},
        {"-DE 1.3.F", "-DE13F0-abcdefghijkl", true},
        {"-DE 1.3.F", "-DE13E0-abcdefghijkl", false},
        {"-XL * not welcome", "-XL0012-abcdefghijkl", true},
        {"M 7.2-", "M7-2-1--abcdefghijkl", true},
        {"M 7.2-", "M6-9-9--abcdefghijkl", false},
        {"T 0.3-", "T03I----abcdefghijkl", true},
        {"%2dTR", "-TR2940-abcdefghijkl", true},
        {"-TR29", "-TR2940-abcdefghijkl", true},
        {"-TR 2.0", "-TR", false},
        {"# -TR", "-TR2940-abcdefghijkl", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
        if (rule_matches(ROWS[i].line, ROWS[i].id) != ROWS[i].matches)
            fail_msg("\"%s\" and %s", ROWS[i].line, ROWS[i].id);
}

static void clients_have_reasons(void **state)
{
    struct client_entry e;
    (void)state;
    assert_null(client_rule_line(line_of("-TR 2.00-2.93 too old"), &e));
    assert_text(e.reason, "too old");
    assert_null(client_rule_line(line_of("-TR too old"), &e));
    assert_text(e.reason, "too old");
    assert_null(client_rule_line(line_of("-TR * 9 lives"), &e));
    assert_text(e.reason, "9 lives");
    assert_null(client_rule_line(line_of("-TR"), &e));
    assert_text(e.reason, "");
}

static void bad_clients_are_told(void **state)
{
    static const char *const LINES[] = {"-TR 3-2",  "-TR 1.2.3.4.5", "-TR 2_0", "-TR 2-3-4",
                                        "-TR%2",    "-TR%xy",        "%",       "-TR2940-abcdefg",
                                        "-TR 2.0!", "-TR 1-2x_"};
    (void)state;
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        struct client_entry e;
        if (!client_rule_line(line_of(LINES[i]), &e)) fail_msg("\"%s\" was read", LINES[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_many_forms),
        cmocka_unit_test(comments_that_hide_a_range_are_noted),
        cmocka_unit_test(bad_addresses_are_told),
        cmocka_unit_test(hashes_have_three_forms),
        cmocka_unit_test(bad_hashes_are_told),
        cmocka_unit_test(clients_match_by_prefix_and_version),
        cmocka_unit_test(clients_have_reasons),
        cmocka_unit_test(bad_clients_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
