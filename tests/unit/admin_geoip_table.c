/* admin_geoip_table.c - ranges are found by both their ends, gaps are nobody's, places are rounded. */
#include "unit.h"

#include "admin/geoip_table.h"
#include "base/rng.h"

static struct address address4(uint32_t ip)
{
    struct address a = {.family = FAMILY_V4};
    store_u32be(a.ip, ip);
    return a;
}

static struct address address6(uint64_t high, uint64_t low)
{
    struct address a = {.family = FAMILY_V6};
    store_u64be(a.ip, high);
    store_u64be(a.ip + 8, low);
    return a;
}

static bool find4(const struct geoip_table *t, uint32_t ip, struct geoip_place *out)
{
    struct address a = address4(ip);
    return geoip_table_find(t, &a, out);
}

static bool find6(const struct geoip_table *t, uint64_t high, uint64_t low, struct geoip_place *out)
{
    struct address a = address6(high, low);
    return geoip_table_find(t, &a, out);
}

static struct geoip_place place_of(double latitude, double longitude, const char *country)
{
    struct geoip_place p = {.latitude = latitude, .longitude = longitude, .has_position = true};
    memcpy(p.country, country, 2);
    return p;
}

static void ends_and_gaps(void **state)
{
    (void)state;
    struct geoip_table *t;
    struct geoip_place de = place_of(52.5, 13.4, "DE"), au = place_of(-33.9, 151.2, "AU"), got;
    assert_int_equal(geoip_table_new(&t), ERR_OK);
    assert_false(find4(t, 0, &got));
    assert_int_equal(geoip_table_add4(t, 100, 199, &de), ERR_OK);
    assert_int_equal(geoip_table_add4(t, 200, 200, &au), ERR_OK);
    assert_int_equal(geoip_table_add4(t, 300, 399, NULL), ERR_OK);
    assert_int_equal(geoip_table_add4(t, UINT32_MAX - 1, UINT32_MAX, &au), ERR_OK);
    geoip_table_finish(t);
    assert_false(find4(t, 99, &got));
    assert_true(find4(t, 100, &got) && find4(t, 199, &got));
    assert_string_equal(got.country, "DE");
    assert_float_equal(got.latitude, 52.5, 1e-9);
    assert_true(find4(t, 200, &got));
    assert_string_equal(got.country, "AU");
    assert_float_equal(got.longitude, 151.2, 1e-9);
    assert_false(find4(t, 201, &got) || find4(t, 300, &got) || find4(t, 400, &got));
    assert_true(find4(t, UINT32_MAX, &got));
    assert_false(find6(t, 0, 100, &got));
    assert_int_equal(geoip_table_ranges(t), 3);
    geoip_table_free(t);
}

static void order_is_demanded(void **state)
{
    (void)state;
    struct geoip_table *t;
    struct geoip_place p = place_of(1, 1, "DE");
    assert_int_equal(geoip_table_new(&t), ERR_OK);
    assert_int_equal(geoip_table_add4(t, 100, 199, &p), ERR_OK);
    assert_int_equal(geoip_table_add4(t, 199, 250, &p), ERR_BAD_VALUE);
    assert_int_equal(geoip_table_add4(t, 50, 60, &p), ERR_BAD_VALUE);
    assert_int_equal(geoip_table_add4(t, 300, 299, &p), ERR_BAD_VALUE);
    assert_int_equal(geoip_table_add4(t, 200, 250, &p), ERR_OK);
    assert_int_equal(geoip_table_ranges(t), 1); /* neighbours with one place are one range */
    geoip_table_free(t);
}

static void places_are_rounded_to_a_tenth(void **state)
{
    (void)state;
    static const double CASES[][4] = {{52.5499, 13.4501, 52.5, 13.5},
                                      {-33.8688, 151.2093, -33.9, 151.2},
                                      {90, 180, 90, 180},
                                      {-90, -180, -90, -180},
                                      {0.04, -0.04, 0, 0}};
    for (uint32_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct geoip_table *t;
        struct geoip_place p = place_of(CASES[i][0], CASES[i][1], "ZW"), got;
        assert_int_equal(geoip_table_new(&t), ERR_OK);
        assert_int_equal(geoip_table_add4(t, 1, 1, &p), ERR_OK);
        geoip_table_finish(t);
        assert_true(find4(t, 1, &got) && got.has_position);
        assert_float_equal(got.latitude, CASES[i][2], 1e-9);
        assert_float_equal(got.longitude, CASES[i][3], 1e-9);
        geoip_table_free(t);
    }
}

static void ipv6_is_kept_by_64(void **state)
{
    (void)state;
    struct geoip_table *t;
    struct geoip_place de = place_of(1, 1, "DE"), fr = place_of(2, 2, "FR"), got;
    const uint64_t net = 0x20010db800000000u;
    geoip_ip6 base = (geoip_ip6)net << 64;
    assert_int_equal(geoip_table_new(&t), ERR_OK);
    assert_int_equal(geoip_table_add6(t, base, base + 99, &de), ERR_OK);
    assert_int_equal(geoip_table_add6(t, base + 100, base + 200, &fr), ERR_OK);
    assert_int_equal(geoip_table_add6(t, base + 201, base + ((geoip_ip6)5 << 64) - 1, &fr), ERR_OK);
    geoip_table_finish(t);
    assert_true(find6(t, net, 150, &got));
    assert_string_equal(got.country, "DE");
    assert_true(find6(t, net + 4, UINT64_MAX, &got));
    assert_string_equal(got.country, "FR");
    assert_false(find6(t, net + 5, 0, &got) || find6(t, net - 1, UINT64_MAX, &got));
    geoip_table_free(t);
}

static void a_country_without_a_position(void **state)
{
    (void)state;
    struct geoip_table *t;
    struct geoip_place p = {.country = "DE"}, got;
    assert_int_equal(geoip_table_new(&t), ERR_OK);
    assert_int_equal(geoip_table_add4(t, 1, 9, &p), ERR_OK);
    geoip_table_finish(t);
    assert_true(find4(t, 5, &got));
    assert_false(got.has_position || geoip_table_has_positions(t));
    assert_string_equal(got.country, "DE");
    geoip_table_free(t);
}

/* A million ranges take 8 bytes each, and each is found. */
static void many_ranges(void **state)
{
    (void)state;
    enum { COUNT = 1000000, STEP = 4000 };
    struct geoip_table *t;
    struct geoip_place got;
    struct rng rng;
    assert_int_equal(geoip_table_new(&t), ERR_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct geoip_place p = place_of(i % 90, i % 180, i % 2 ? "DE" : "FR");
        assert_int_equal(geoip_table_add4(t, i * STEP, i * STEP + STEP - 1, &p), ERR_OK);
    }
    geoip_table_finish(t);
    assert_in_range(geoip_table_bytes(t), 8 * COUNT, 8 * COUNT + 16384);
    rng_init(&rng, 1);
    for (int n = 0; n < 100000; n++) {
        uint32_t ip = rng_below(&rng, COUNT * (uint32_t)STEP), i = ip / STEP;
        assert_true(find4(t, ip, &got));
        assert_true(got.latitude == i % 90 && got.longitude == i % 180);
    }
    geoip_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_and_gaps),
        cmocka_unit_test(order_is_demanded),
        cmocka_unit_test(places_are_rounded_to_a_tenth),
        cmocka_unit_test(ipv6_is_kept_by_64),
        cmocka_unit_test(a_country_without_a_position),
        cmocka_unit_test(many_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
