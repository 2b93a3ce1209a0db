/* admin_geoip_csv.c - lines of IP2LOCATION's CSV, right, odd and hostile. */
#include "unit.h"

#include "admin/geoip_read.h"

static const char *parse(const char *line, struct geoip_csv_row *row)
{
    size_t len = strlen(line);
    return geoip_csv_line(view_of(guarded(line, len), len), row);
}

static void a_line_as_it_is_published(void **state)
{
    (void)state;
    struct geoip_csv_row row;
    assert_null(
        parse("\"16777216\",\"16777471\",\"US\",\"United States of America\",\"California\","
              "\"San Jose\",\"37.339390\",\"-121.894960\"",
              &row));
    assert_int_equal(row.family, FAMILY_V4);
    assert_true(row.first == 16777216 && row.last == 16777471 && row.is_known);
    assert_string_equal(row.place.country, "US");
    assert_float_equal(row.place.latitude, 37.339390, 1e-9);
    assert_float_equal(row.place.longitude, -121.894960, 1e-9);
}

static void commas_and_quotes_inside_quotes_shift_nothing(void **state)
{
    (void)state;
    struct geoip_csv_row row;
    assert_null(parse(
        "\"1\",\"2\",\"KR\",\"Korea, Republic of\",\"a \"\"b\"\", c\",\"\"\"\",\"1\",\"2\"", &row));
    assert_string_equal(row.place.country, "KR");
    assert_float_equal(row.place.longitude, 2, 1e-9);
}

static void quotes_may_be_left_out_and_columns_may_follow(void **state)
{
    (void)state;
    struct geoip_csv_row row;
    assert_null(parse("1,2,DE,Germany,,,52,-.5,\"10115\",+01:00", &row));
    assert_float_equal(row.place.longitude, -0.5, 1e-9);
}

static void nobodys_ranges_are_not_known(void **state)
{
    (void)state;
    struct geoip_csv_row row;
    assert_null(parse("\"0\",\"16777215\",\"-\",\"-\",\"-\",\"-\",\"0.0\",\"0.0\"", &row));
    assert_false(row.is_known);
}

static void ranges_of_128_bits(void **state)
{
    (void)state;
    struct geoip_csv_row row;
    assert_null(parse("42540766411282592856903984951653826560,"
                      "42540766490510755371168322545197776895,US,,,,1,2",
                      &row));
    assert_int_equal(row.family, FAMILY_V6);
    assert_int_equal((uint64_t)(row.first >> 64), 0x20010db800000000u);
    assert_null(parse("281470698520832,281470698521087,AU,,,,1,2", &row)); /* ::ffff:1.0.1.0 */
    assert_int_equal(row.family, FAMILY_V4);
    assert_true(row.first == 0x01000100 && row.last == 0x010001ff);
    assert_null(parse("0,281470681743359,-,,,,0,0", &row));
    assert_int_equal(row.family, FAMILY_V6);
    assert_null(parse("340282366920938463463374607431768211455,"
                      "340282366920938463463374607431768211455,-,,,,0,0",
                      &row));
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wrong;
    } CASES[] = {
        {"", "fewer"},
        {"1,2,DE,Germany,Berlin", "fewer"},
        {"1,2,DE,a,b,c,1", "fewer"},
        {"\"1,2,DE,a,b,c,1,2", "quote"},
        {"\"1\"2,2,DE,a,b,c,1,2", "quote"},
        {"1\",2,DE,a,b,c,1,2", "quote"},
        {"\"1\",\"2\",\"DE\",\"a\",\"b\",\"c\",\"1\",\"2", "quote"},
        {"\"1\",\"2\",\"DE\",\"a\",\"b\",\"c\",\"1\",\"\"\"", "quote"},
        {",2,DE,a,b,c,1,2", "column 1"},
        {"-1,2,DE,a,b,c,1,2", "column 1"},
        {"1.5,2,DE,a,b,c,1,2", "column 1"},
        {"340282366920938463463374607431768211456,2,DE,a,b,c,1,2", "column 1"},
        {"1,99999999999999999999999999999999999999999999999,DE,a,b,c,1,2", "column 2"},
        {"1,2,de,a,b,c,1,2", "column 3"},
        {"1,2,DEU,a,b,c,1,2", "column 3"},
        {"1,2,DE,a,b,c,90.1,2", "column 7"},
        {"1,2,DE,a,b,c,nan,2", "column 7"},
        {"1,2,DE,a,b,c,1e1,2", "column 7"},
        {"1,2,DE,a,b,c,--1,2", "column 7"},
        {"1,2,DE,a,b,c,1,-180.1", "column 8"},
        {"1,2,DE,a,b,c,1,", "column 8"},
        {"3,2,DE,a,b,c,1,2", "ends before"},
        {"4254076641281470698520832,21847,DE,a,b,c,1,2", "ends before"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct geoip_csv_row row;
        const char *wrong = parse(CASES[i].line, &row);
        assert_non_null(wrong);
        assert_non_null(strstr(wrong, CASES[i].wrong));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_as_it_is_published),
        cmocka_unit_test(commas_and_quotes_inside_quotes_shift_nothing),
        cmocka_unit_test(quotes_may_be_left_out_and_columns_may_follow),
        cmocka_unit_test(nobodys_ranges_are_not_known),
        cmocka_unit_test(ranges_of_128_bits),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
