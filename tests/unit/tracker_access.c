/* tracker_access.c - what the lists let pass and what not, against plain searching through all that
 * was added. */
#include "unit.h"

#include "base/metrics.h"
#include "base/rng.h"
#include "proto/address_text.h"
#include "tracker/access.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hash_key KEY = {{1, 2, 3}};

static uint64_t hash_of(const void *ctx, const struct info_hash *h)
{
    (void)ctx;
    return hash64(&KEY, h, sizeof *h);
}

static struct access *lists_new(void)
{
    struct access *x;
    assert_int_equal(access_new(&x), ERR_OK);
    return x;
}

static void finish(struct access *x)
{
    assert_int_equal(access_finish(x, hash_of, NULL), ERR_OK);
}

static struct address address_of(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(view_of_text(text), &a), ERR_OK);
    return a;
}

static struct info_hash torrent(uint8_t n)
{
    return (struct info_hash){{n, 7}};
}

static void add_torrent(struct access *x, enum access_list list, uint8_t n, const char *reason)
{
    struct info_hash h = torrent(n);
    access_use(x, list);
    assert_int_equal(access_add_torrent(x, list, &h, view_of_text(reason)), ERR_OK);
}

static void add_ips(struct access *x, enum access_list list, const char *first, const char *last,
                    const char *reason)
{
    struct address a = address_of(first), b = address_of(last);
    access_use(x, list);
    assert_int_equal(access_add_ips(x, list, &a, &b, view_of_text(reason)), ERR_OK);
}

static void add_client(struct access *x, enum access_list list, const char *line)
{
    struct client_entry e;
    access_use(x, list);
    assert_null(client_rule_line(view_of_text(line), &e));
    assert_int_equal(access_add_client(x, list, &e.rule, e.reason), ERR_OK);
}

static struct announce announce_of(uint8_t n, const char *ip, const char *id, uint16_t port)
{
    struct announce a = {.info_hash = torrent(n), .address = address_of(ip), .port = port};
    memcpy(a.peer_id.bytes, id, strlen(id));
    return a;
}

static enum err check(const struct access *x, const struct announce *a)
{
    return access_check_announce(x, a, hash_of(NULL, &a->info_hash));
}

static void assert_reason(const struct access *x, const struct announce *a, const char *reason)
{
    enum err refusal = check(x, a);
    assert_int_not_equal(refusal, ERR_OK);
    struct view v = access_reason(x, refusal, a, hash_of(NULL, &a->info_hash));
    assert_int_equal(v.len, strlen(reason));
    if (v.len) assert_memory_equal(v.ptr, reason, v.len);
}

/* ---- the lists together ---- */

static void no_entry_refuses_nobody(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    access_use(x, ACCESS_DENY_TORRENTS);
    access_use(x, ACCESS_DENY_IPS);
    access_use(x, ACCESS_DENY_CLIENTS);
    finish(x);
    assert_int_equal(check(x, &a), ERR_OK);
    a.address = address_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_int_equal(check(x, &a), ERR_OK);
    access_free(x);
}

static void an_empty_allow_list_refuses_everybody(void **state)
{
    static const struct {
        enum access_list list;
        enum err err;
    } ROWS[] = {{ACCESS_ALLOW_TORRENTS, ERR_TORRENT_REFUSED},
                {ACCESS_ALLOW_IPS, ERR_ADDRESS_REFUSED},
                {ACCESS_ALLOW_CLIENTS, ERR_CLIENT_REFUSED}};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct access *x = lists_new();
        struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
        access_use(x, ROWS[i].list);
        finish(x);
        assert_int_equal(check(x, &a), ROWS[i].err);
        assert_reason(x, &a, "");
        access_free(x);
    }
}

static void denied_wins_over_allowed(void **state)
{
    struct access *x = lists_new();
    struct announce good = announce_of(1, "192.0.2.1", "-TR2940-", 80), a;
    (void)state;
    add_torrent(x, ACCESS_ALLOW_TORRENTS, 1, "");
    add_torrent(x, ACCESS_ALLOW_TORRENTS, 2, "");
    add_torrent(x, ACCESS_DENY_TORRENTS, 2, "removed");
    add_ips(x, ACCESS_ALLOW_IPS, "192.0.2.0", "192.0.2.255", "");
    add_ips(x, ACCESS_DENY_IPS, "192.0.2.9", "192.0.2.9", "abuse");
    add_client(x, ACCESS_ALLOW_CLIENTS, "-TR");
    add_client(x, ACCESS_DENY_CLIENTS, "-TR 2.00-2.93 too old");
    assert_int_equal(access_deny_ports(x, 1, 22, VIEW("")), ERR_OK);
    finish(x);
    assert_int_equal(check(x, &good), ERR_OK);
    a = good, a.info_hash = torrent(2);
    assert_reason(x, &a, "removed");
    a.info_hash = torrent(3);
    assert_int_equal(check(x, &a), ERR_TORRENT_REFUSED);
    a = good, a.address = address_of("192.0.2.9");
    assert_reason(x, &a, "abuse");
    assert_int_equal(access_check_address(x, &a.address), ERR_ADDRESS_REFUSED);
    a.address = address_of("198.51.100.1");
    assert_int_equal(check(x, &a), ERR_ADDRESS_REFUSED);
    a = good, memcpy(a.peer_id.bytes, "-TR2930-", 8);
    assert_reason(x, &a, "too old");
    memcpy(a.peer_id.bytes, "-UT", 3);
    assert_int_equal(check(x, &a), ERR_CLIENT_REFUSED);
    a = good, a.port = 22;
    assert_int_equal(check(x, &a), ERR_PORT_REFUSED);
    a.port = 23;
    assert_int_equal(check(x, &a), ERR_OK);
    access_free(x);
}

/* Who asks comes before what is asked. */
static void the_first_refusal_is_the_addresss(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    add_torrent(x, ACCESS_DENY_TORRENTS, 1, "torrent");
    add_client(x, ACCESS_DENY_CLIENTS, "-TR * client");
    add_ips(x, ACCESS_DENY_IPS, "192.0.2.1", "192.0.2.1", "address");
    finish(x);
    assert_reason(x, &a, "address");
    a.address = address_of("192.0.2.2");
    assert_reason(x, &a, "client");
    access_free(x);
}

static void refusals_are_counted_by_list(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    add_torrent(x, ACCESS_DENY_TORRENTS, 1, "");
    finish(x);
    uint64_t before = metrics_sum(METRIC_REFUSED_DENY_TORRENTS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(x, &a), ERR_TORRENT_REFUSED);
    assert_int_equal(metrics_sum(METRIC_REFUSED_DENY_TORRENTS) - before, 3);
    access_free(x);
}

static enum err check_port(const struct access *x, struct announce *a, uint16_t port)
{
    a->port = port;
    return check(x, a);
}

/* As the other lists; the first range that denies a port tells its reason. */
static void ports_are_allowed_and_denied(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    access_allow_ports(x, 1024, 65535);
    access_allow_ports(x, 80, 80);
    assert_int_equal(access_deny_ports(x, 6881, 6889, VIEW("worn out")), ERR_OK);
    assert_int_equal(access_deny_ports(x, 6885, 7000, VIEW("later")), ERR_OK);
    finish(x);
    uint64_t denied = metrics_sum(METRIC_REFUSED_DENY_PORTS);
    uint64_t allowed = metrics_sum(METRIC_REFUSED_ALLOW_PORTS);
    assert_int_equal(check_port(x, &a, 80), ERR_OK);
    assert_int_equal(check_port(x, &a, 1024), ERR_OK);
    assert_int_equal(check_port(x, &a, 65535), ERR_OK);
    assert_int_equal(metrics_sum(METRIC_REFUSED_ALLOW_PORTS), allowed);
    a.port = 81;
    assert_reason(x, &a, "");
    a.port = 6889;
    assert_reason(x, &a, "worn out");
    a.port = 6890;
    assert_reason(x, &a, "later");
    assert_int_equal(check_port(x, &a, 1023), ERR_PORT_REFUSED);
    assert_int_equal(metrics_sum(METRIC_REFUSED_DENY_PORTS) - denied, 2);
    assert_int_equal(metrics_sum(METRIC_REFUSED_ALLOW_PORTS) - allowed, 2);
    access_free(x);
}

/* ---- copies ---- */

/* A list of one set in another, beside what was read anew: half of a list is taken back before. */
static void a_list_can_be_kept(void **state)
{
    struct access *before = lists_new(), *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    add_torrent(before, ACCESS_ALLOW_TORRENTS, 1, "");
    add_torrent(before, ACCESS_ALLOW_TORRENTS, 2, "");
    add_torrent(before, ACCESS_DENY_TORRENTS, 2, "removed");
    add_ips(before, ACCESS_DENY_IPS, "192.0.2.9", "192.0.2.20", "abuse");
    add_ips(before, ACCESS_DENY_IPS, "2001:db8::1", "2001:db8::9", "six");
    add_client(before, ACCESS_DENY_CLIENTS, "-TR 2.00-2.93 too old");
    add_client(before, ACCESS_DENY_CLIENTS, "-TR 2.0-2.1 never told");
    finish(before);
    add_torrent(x, ACCESS_ALLOW_TORRENTS, 1, "");
    add_torrent(x, ACCESS_ALLOW_TORRENTS, 2, "");
    add_torrent(x, ACCESS_DENY_TORRENTS, 1, "half");
    add_ips(x, ACCESS_DENY_IPS, "192.0.2.1", "192.0.2.1", "half");
    add_client(x, ACCESS_DENY_CLIENTS, "-TR 2.94 half");
    for (enum access_list list = ACCESS_DENY_TORRENTS; list < ACCESS_LISTS; list += 2) {
        access_rewind(x, list);
        assert_int_equal(access_copy(x, before, list), ERR_OK);
        assert_int_equal(x->entries[list], before->entries[list]);
    }
    finish(x);
    access_free(before);
    assert_int_equal(check(x, &a), ERR_OK);
    a.info_hash = torrent(2);
    assert_reason(x, &a, "removed");
    a.address = address_of("192.0.2.20");
    assert_reason(x, &a, "abuse");
    a.address = address_of("2001:db8::9");
    assert_reason(x, &a, "six");
    a = announce_of(1, "192.0.2.1", "-TR2100-", 80);
    assert_reason(x, &a, "too old");
    access_free(x);
}

/* Allowed torrents lie among denied ones. */
static void allowed_torrents_can_be_kept(void **state)
{
    struct access *before = lists_new(), *x = lists_new();
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    add_torrent(before, ACCESS_ALLOW_TORRENTS, 1, "");
    add_torrent(before, ACCESS_ALLOW_TORRENTS, 2, "");
    add_torrent(before, ACCESS_DENY_TORRENTS, 1, "removed");
    add_torrent(before, ACCESS_DENY_TORRENTS, 4, "removed");
    finish(before);
    access_use(x, ACCESS_ALLOW_TORRENTS);
    assert_int_equal(access_copy(x, before, ACCESS_ALLOW_TORRENTS), ERR_OK);
    finish(x);
    access_free(before);
    for (uint8_t n = 1; n <= 4; n++) {
        a.info_hash = torrent(n);
        assert_int_equal(check(x, &a), n <= 2 ? ERR_OK : ERR_TORRENT_REFUSED);
    }
    access_free(x);
}

/* ---- reasons ---- */

static void reasons_are_made_fit_to_tell(void **state)
{
    struct access *x = lists_new();
    char longer[ACCESS_REASON_BYTES_MAX + 40];
    struct announce a = announce_of(1, "192.0.2.1", "-TR2940-", 80);
    (void)state;
    add_torrent(x, ACCESS_DENY_TORRENTS, 1, "a\tb\x01");
    memset(longer, 'x', sizeof longer);
    longer[ACCESS_REASON_BYTES_MAX - 1] = '\xc3'; /* half a character is not told */
    longer[ACCESS_REASON_BYTES_MAX] = '\xa4';
    longer[sizeof longer - 1] = '\0';
    add_torrent(x, ACCESS_DENY_TORRENTS, 2, longer);
    finish(x);
    assert_reason(x, &a, "a b ");
    longer[ACCESS_REASON_BYTES_MAX - 1] = '\0';
    a.info_hash = torrent(2);
    assert_reason(x, &a, longer);
    access_free(x);
}

static void many_reasons_are_kept_once(void **state)
{
    struct access_reasons r = {0};
    uint32_t first[500], again;
    char text[16];
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 500; i++) {
            snprintf(text, sizeof text, "reason %u", i);
            assert_int_equal(access_reasons_add(&r, view_of_text(text), &again), ERR_OK);
            if (round) assert_int_equal(again, first[i]);
            first[i] = again;
            struct view v = access_reasons_get(&r, again);
            assert_int_equal(v.len, strlen(text));
            assert_memory_equal(v.ptr, text, v.len);
        }
    assert_int_equal(r.count, 500);
    access_reasons_free(&r);
}

/* ---- torrents ---- */

#define MANY 20000u

static struct info_hash numbered(uint32_t n)
{
    struct info_hash h = {{0}};
    store_u32be(h.bytes + 16, n);
    return h;
}

static void torrents_are_found_exactly(void **state)
{
    (void)state;
    for (int with_allow = 0; with_allow < 2; with_allow++) {
        struct access_torrents t = {.has_allow = with_allow};
        for (uint32_t n = 0; n < MANY; n++) {
            struct info_hash h = numbered(2 * n);
            uint32_t what = with_allow && n % 3 ? TORRENT_ALLOWED : TORRENT_DENIED | n;
            assert_int_equal(access_torrents_add(&t, &h, what), ERR_OK);
        }
        assert_int_equal(access_torrents_finish(&t, hash_of, NULL), ERR_OK);
        for (uint32_t n = 0; n < 2 * MANY; n++) {
            struct info_hash h = numbered(n);
            bool is_listed = n % 2 == 0, allowed = with_allow && is_listed && n / 2 % 3;
            bool refused = with_allow ? !allowed : is_listed;
            assert_int_equal(access_torrents_refuse(&t, &h, hash_of(NULL, &h)), refused);
        }
        access_torrents_free(&t);
    }
}

/* ---- ranges ---- */

#define RANGES_MAX 300

struct plain_range {
    access_ip first, last;
};

static access_ip ip_of(const struct address *a)
{
    if (a->family == FAMILY_V4) return load_u32be(a->ip);
    return (access_ip)load_u64be(a->ip) << 64 | load_u64be(a->ip + 8);
}

static struct address address_at(enum family f, access_ip ip)
{
    struct address a = {.family = f};
    if (f == FAMILY_V4) {
        store_u32be(a.ip, (uint32_t)ip);
        return a;
    }
    store_u64be(a.ip, (uint64_t)(ip >> 64));
    store_u64be(a.ip + 8, (uint64_t)ip);
    return a;
}

/* Addresses that crowd together, or lie anywhere: the top bits, or few low ones, are random. */
static access_ip random_ip(struct rng *rng, enum family f, unsigned spread_bits)
{
    unsigned bits = f == FAMILY_V4 ? 32 : 128;
    access_ip ip = (access_ip)rng_u64(rng) << 64 | rng_u64(rng);
    if (f == FAMILY_V4) ip = (uint32_t)ip;
    return spread_bits < bits ? ip & (((access_ip)1 << spread_bits) - 1) : ip;
}

static bool is_in_any(const struct plain_range *all, unsigned count, access_ip ip)
{
    for (unsigned i = 0; i < count; i++)
        if (all[i].first <= ip && ip <= all[i].last) return true;
    return false;
}

static void assert_same(const struct access_ranges *r, enum family f, const struct plain_range *all,
                        unsigned count, access_ip ip)
{
    struct address a = address_at(f, f == FAMILY_V4 ? (uint32_t)ip : ip);
    bool is_found = access_ranges_find(r, &a) != ACCESS_ROW_NONE;
    if (is_found != is_in_any(all, count, ip_of(&a))) fail_msg("found: %d", is_found);
}

static void one_table(struct rng *rng, enum family f)
{
    struct plain_range all[RANGES_MAX];
    struct access_ranges r = {0};
    unsigned count = rng_below(rng, RANGES_MAX), spread_bits = 4 + rng_below(rng, 125);
    access_ip width = (access_ip)1 << rng_below(rng, spread_bits < 32 ? spread_bits : 32);
    for (unsigned i = 0; i < count; i++) {
        access_ip first = random_ip(rng, f, spread_bits), last = first + rng_u64(rng) % width;
        if (last < first || (f == FAMILY_V4 && last > UINT32_MAX)) last = first;
        all[i] = (struct plain_range){first, last};
        struct address a = address_at(f, first), b = address_at(f, last);
        assert_int_equal(access_ranges_add(&r, &a, &b, i % 3), ERR_OK);
    }
    assert_int_equal(access_ranges_finish(&r), ERR_OK);
    for (unsigned i = 0; i < count; i++) {
        assert_same(&r, f, all, count, all[i].first);
        assert_same(&r, f, all, count, all[i].first - 1);
        assert_same(&r, f, all, count, all[i].last);
        assert_same(&r, f, all, count, all[i].last + 1);
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_same(&r, f, all, count, random_ip(rng, f, spread_bits));
        assert_same(&r, f, all, count, random_ip(rng, f, 128));
    }
    assert_same(&r, f, all, count, 0);
    assert_same(&r, f, all, count, ~(access_ip)0);
    access_ranges_free(&r);
}

static void ranges_are_found_as_by_searching_all(void **state)
{
    struct rng rng;
    (void)state;
    rng_init(&rng, 5);
    for (int round = 0; round < 300; round++)
        one_table(&rng, round % 2 ? FAMILY_V6 : FAMILY_V4);
}

static void the_earlier_beginning_tells_the_reason(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "10.0.0.7", "-TR2940-", 80);
    (void)state;
    add_ips(x, ACCESS_DENY_IPS, "10.0.0.5", "10.0.0.9", "inner");
    add_ips(x, ACCESS_DENY_IPS, "10.0.0.0", "10.0.0.7", "outer");
    add_ips(x, ACCESS_DENY_IPS, "10.0.0.0", "10.0.0.20", "later");
    finish(x);
    assert_reason(x, &a, "outer");
    a.address = address_of("10.0.0.9");
    assert_reason(x, &a, "later");
    a.address = address_of("10.0.0.21");
    assert_int_equal(check(x, &a), ERR_OK);
    access_free(x);
}

static void the_whole_of_a_family_can_be_said(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "255.255.255.255", "-TR2940-", 80);
    (void)state;
    add_ips(x, ACCESS_DENY_IPS, "0.0.0.0", "255.255.255.255", "four");
    add_ips(x, ACCESS_DENY_IPS, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "six");
    finish(x);
    assert_reason(x, &a, "four");
    a.address = address_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_reason(x, &a, "six");
    a.address = address_of("::");
    assert_reason(x, &a, "six");
    access_free(x);
}

/* ---- clients ---- */

static void the_first_line_that_matches_counts(void **state)
{
    struct access *x = lists_new();
    struct announce a = announce_of(1, "10.0.0.7", "-TR2940-", 80);
    (void)state;
    add_client(x, ACCESS_DENY_CLIENTS, "-TR 3- new");
    add_client(x, ACCESS_DENY_CLIENTS, "- 2.9 any");
    add_client(x, ACCESS_DENY_CLIENTS, "-TR * old");
    add_client(x, ACCESS_DENY_CLIENTS, "-TR2940 exact");
    finish(x);
    assert_reason(x, &a, "old");
    memcpy(a.peer_id.bytes, "-TR3000-", 8);
    assert_reason(x, &a, "new");
    memcpy(a.peer_id.bytes, "-UT3000-", 8);
    assert_int_equal(check(x, &a), ERR_OK);
    access_free(x);
}

static void limits_are_told(void **state)
{
    struct access_clients c = {0};
    struct client_rule rule = {.prefix_bytes = 3, .prefix = "-AA"};
    (void)state;
    for (unsigned i = 0; i < ACCESS_CLIENTS_MAX; i++)
        assert_int_equal(access_clients_add(&c, &rule, i), ERR_OK);
    assert_int_equal(access_clients_add(&c, &rule, 0), ERR_FULL);
    access_clients_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_entry_refuses_nobody),
        cmocka_unit_test(an_empty_allow_list_refuses_everybody),
        cmocka_unit_test(denied_wins_over_allowed),
        cmocka_unit_test(the_first_refusal_is_the_addresss),
        cmocka_unit_test(refusals_are_counted_by_list),
        cmocka_unit_test(ports_are_allowed_and_denied),
        cmocka_unit_test(a_list_can_be_kept),
        cmocka_unit_test(allowed_torrents_can_be_kept),
        cmocka_unit_test(reasons_are_made_fit_to_tell),
        cmocka_unit_test(many_reasons_are_kept_once),
        cmocka_unit_test(torrents_are_found_exactly),
        cmocka_unit_test(ranges_are_found_as_by_searching_all),
        cmocka_unit_test(the_earlier_beginning_tells_the_reason),
        cmocka_unit_test(the_whole_of_a_family_can_be_said),
        cmocka_unit_test(the_first_line_that_matches_counts),
        cmocka_unit_test(limits_are_told),
    };
    metrics_thread_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
