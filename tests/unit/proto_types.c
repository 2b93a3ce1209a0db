/* proto_types.c - address scope and IPv4-mapped addresses (V2, V30, V32). */
#include "unit.h"

#include "proto/types.h"

#include <arpa/inet.h>

static struct address address_of(const char *text)
{
    struct address a = {.family = strchr(text, ':') ? FAMILY_V6 : FAMILY_V4};
    assert_int_equal(inet_pton(a.family == FAMILY_V4 ? AF_INET : AF_INET6, text, a.ip), 1);
    return a;
}

static bool is_global(const char *text)
{
    struct address a = address_of(text);
    return address_is_global(a.family, guarded(a.ip, ADDRESS_BYTES(a.family)));
}

static void ranges_that_stay_at_home(void **state)
{
    (void)state;
    static const char *const LOCAL[] = {
        /* V30: first and last of each */
        "0.0.0.0",     "0.255.255.255",
        "10.0.0.0",    "10.255.255.255",
        "100.64.0.0",  "100.127.255.255",
        "127.0.0.0",   "127.255.255.255",
        "169.254.0.0", "169.254.255.255",
        "172.16.0.0",  "172.31.255.255",
        "192.168.0.0", "192.168.255.255",
        "224.0.0.0",   "239.255.255.255",
        "240.0.0.0",   "255.255.255.255",
        "::",          "::1",
        "fe80::",      "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fc00::",      "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::",      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    for (size_t i = 0; i < sizeof LOCAL / sizeof *LOCAL; i++)
        if (is_global(LOCAL[i])) fail_msg("%s is not global", LOCAL[i]);
}

static void their_neighbours_are_public(void **state)
{
    (void)state;
    static const char *const GLOBAL[] = {
        "1.0.0.0",     "9.255.255.255",    "11.0.0.0",    "100.63.255.255",
        "100.128.0.0", "126.255.255.255",  "128.0.0.0",   "169.253.255.255",
        "169.255.0.0", "172.15.255.255",   "172.32.0.0",  "192.167.255.255",
        "192.169.0.0", "223.255.255.255",  "::2",         "fbff::1",
        "fe00::1",     "fe7f::1",          "fec0::1",     "2002::1",
        "2001::1",     "64:ff9b::1.2.3.4", "2001:db8::1", /* V32 */
    };
    for (size_t i = 0; i < sizeof GLOBAL / sizeof *GLOBAL; i++)
        if (!is_global(GLOBAL[i])) fail_msg("%s is global", GLOBAL[i]);
}

static void mapped_addresses_become_ipv4(void **state)
{
    (void)state;
    struct address a = address_of("::ffff:198.51.100.7"), want = address_of("198.51.100.7");
    address_normalize(&a); /* V2 */
    assert_true(address_equal(&a, &want));
    assert_memory_equal(a.ip, want.ip, sizeof a.ip);
    assert_int_equal(COMPACT_BYTES(a.family), 6); /* V3 */
}

static void other_addresses_stay(void **state)
{
    (void)state;
    static const char *const STAY[] = {
        /* V32 */
        "::198.51.100.7",    "::fffe:198.51.100.7", "64:ff9b::198.51.100.7",
        "2002:c633:6407::1", "::1:0:ffff:1.2.3.4",  "198.51.100.7",
    };
    for (size_t i = 0; i < sizeof STAY / sizeof *STAY; i++) {
        struct address a = address_of(STAY[i]), before = a;
        address_normalize(&a);
        assert_memory_equal(&a, &before, sizeof a);
    }
}

static void equality_looks_at_the_family(void **state)
{
    (void)state;
    struct address v4 = address_of("1.2.3.4"), v6 = v4, other = v4;
    v6.family = FAMILY_V6;
    other.ip[3] = 5;
    assert_true(address_equal(&v4, &v4));
    assert_false(address_equal(&v4, &v6));
    assert_false(address_equal(&v4, &other));
    other = v4;
    other.ip[15] = 1; /* beyond an IPv4 address */
    assert_true(address_equal(&v4, &other));
}

/* ---- who can have announced ---- */

static void what_the_kernel_lets_through_is_possible(void **state)
{
    (void)state;
    static const char *const FINE[] = {
        "1.0.0.0",     "127.0.0.1", "10.1.2.3",        "223.255.255.255", "240.0.0.1",
        "255.0.0.1",   "::1",       "::198.51.100.7",  "::fffe:1.2.3.4",  "fe80::1",
        "2001:db8::1", "fd00::1",   "::1:ffff:1.2.3.4"};
    for (size_t i = 0; i < sizeof FINE / sizeof *FINE; i++) {
        struct address a = address_of(FINE[i]);
        assert_true(endpoint_is_possible(&a, 1));
        assert_true(endpoint_is_possible(&a, 65535));
        assert_false(endpoint_is_possible(&a, 0));
    }
}

static void nobody_announces_from_there(void **state)
{
    (void)state;
    static const char *const NOT[] = {
        "0.0.0.0", "0.255.0.1",       "224.0.0.1",  "239.255.255.255", "255.255.255.255",
        "::",      "::ffff:10.0.0.1", "::ffff:0:0", "ff02::1"};
    for (size_t i = 0; i < sizeof NOT / sizeof *NOT; i++) {
        struct address a = address_of(NOT[i]);
        assert_false(endpoint_is_possible(&a, 6881));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_that_stay_at_home),
        cmocka_unit_test(their_neighbours_are_public),
        cmocka_unit_test(mapped_addresses_become_ipv4),
        cmocka_unit_test(other_addresses_stay),
        cmocka_unit_test(equality_looks_at_the_family),
        cmocka_unit_test(what_the_kernel_lets_through_is_possible),
        cmocka_unit_test(nobody_announces_from_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
