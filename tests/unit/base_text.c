/* base_text.c - numbers, sizes, durations: whole text or error, printed and read back. */
#include "unit.h"

#include "base/rng.h"
#include "base/text.h"

typedef enum err parse_fn(struct view v, uint64_t *out);

static void assert_value(parse_fn *parse, const char *text, uint64_t want)
{
    uint64_t value = 0;
    struct view v = view_of(guarded(text, strlen(text)), strlen(text));
    if (parse(v, &value) != ERR_OK) fail_msg("refused: '%s'", text);
    assert_true(value == want);
}

static void assert_refused(parse_fn *parse, const char *text, enum err want)
{
    uint64_t value;
    struct view v = view_of(guarded(text, strlen(text)), strlen(text));
    enum err err = parse(v, &value);
    if (err != want) fail_msg("'%s': %s instead of %s", text, err_text(err), err_text(want));
}

static void integers(void **state)
{
    (void)state;
    assert_value(text_u64, "0", 0);
    assert_value(text_u64, "006881", 6881);
    assert_value(text_u64, "18446744073709551615", UINT64_MAX);
    assert_value(text_u64, "18446744073709551616", UINT64_MAX); /* saturates */
    assert_value(text_u64, "99999999999999999999", UINT64_MAX);
    assert_value(text_u64, "00000000000000000001", 1);
    static const char *const WRONG[] = {"",        "+5",  "-1",  " 5", "5 ",
                                        "0x10",    "1.5", "1e9", "5x", "100000000000000000000",
                                        "\xd9\xa1"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        assert_refused(text_u64, WRONG[i], ERR_NOT_A_NUMBER);
    uint64_t value;
    assert_int_equal(text_u64(view_of(NULL, 0), &value), ERR_NOT_A_NUMBER);
    assert_int_equal(text_u64(view_of("5\0", 2), &value), ERR_NOT_A_NUMBER);
}

static void sizes(void **state)
{
    (void)state;
    assert_value(text_bytes, "1000", 1000);
    assert_value(text_bytes, "1B", 1);
    assert_value(text_bytes, "16K", 16384);
    assert_value(text_bytes, "16KB", 16384);
    assert_value(text_bytes, "16KiB", 16384);
    assert_value(text_bytes, "4M", 4 << 20);
    assert_value(text_bytes, "3G", 3ull << 30);
    assert_value(text_bytes, "2T", 2ull << 40);
    assert_value(text_bytes, "16777215T", 16777215ull << 40);
    assert_refused(text_bytes, "16777216T", ERR_OUT_OF_RANGE);
    assert_refused(text_bytes, "99999999999999999999K", ERR_OUT_OF_RANGE);
    assert_refused(text_bytes, "4m", ERR_BAD_UNIT);
    assert_refused(text_bytes, "4 M", ERR_BAD_UNIT);
    assert_refused(text_bytes, "4MM", ERR_BAD_UNIT);
    assert_refused(text_bytes, "4.5M", ERR_BAD_UNIT);
    assert_refused(text_bytes, "M", ERR_NOT_A_NUMBER);
    assert_refused(text_bytes, "", ERR_NOT_A_NUMBER);
    assert_refused(text_bytes, "-1K", ERR_NOT_A_NUMBER);
}

static void durations(void **state)
{
    (void)state;
    assert_value(text_duration_ms, "10", 10000);
    assert_value(text_duration_ms, "10s", 10000);
    assert_value(text_duration_ms, "250ms", 250);
    assert_value(text_duration_ms, "2m", 120000);
    assert_value(text_duration_ms, "1h", 3600000);
    assert_value(text_duration_ms, "1d", 86400000);
    assert_value(text_duration_ms, "0", 0);
    assert_refused(text_duration_ms, "1w", ERR_BAD_UNIT);
    assert_refused(text_duration_ms, "1S", ERR_BAD_UNIT);
    assert_refused(text_duration_ms, "1h30m", ERR_BAD_UNIT);
    assert_refused(text_duration_ms, "18446744073709551615s", ERR_OUT_OF_RANGE);
    assert_refused(text_duration_ms, "s", ERR_NOT_A_NUMBER);
}

static enum err fraction(const char *text, double *out)
{
    return text_fraction(view_of(guarded(text, strlen(text)), strlen(text)), out);
}

static void fractions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } CASES[] = {
        {"0", 0},           {"12", 12},     {"0.5", 0.5},           {"1.75", 1.75},
        {".5", 0.5},        {"5.", 5},      {"0.1", 0.1},           {"3.141592653", 3.141592653},
        {"10000.0", 10000}, {"007.5", 7.5}, {"0.000001", 0.000001},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        double value = -1;
        assert_int_equal(fraction(CASES[i].text, &value), ERR_OK);
        assert_true(value == CASES[i].value);
    }
    static const char *const WRONG[] = {
        "",    ".",   "..",  "1..2", "1.2.3",
        "-1",  "+1",  "1e3", "nan",  "inf",
        "0x1", "1,5", " 1",  "1 ",   "0.00000000000000000000000000001"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        double value;
        assert_int_equal(fraction(WRONG[i], &value), ERR_NOT_A_NUMBER);
    }
}

typedef void print_fn(char *out, uint64_t value);

static void assert_printed(print_fn *print, uint64_t value, const char *want)
{
    char text[TEXT_NUMBER_BYTES_MAX];
    print(text, value);
    assert_string_equal(text, want);
}

static void printing_picks_the_largest_exact_unit(void **state)
{
    (void)state;
    assert_printed(text_print_bytes, 0, "0");
    assert_printed(text_print_bytes, 1000, "1000");
    assert_printed(text_print_bytes, 48 << 20, "48M");
    assert_printed(text_print_bytes, 1536, "1536");
    assert_printed(text_print_bytes, 2048, "2K");
    assert_printed(text_print_bytes, UINT64_MAX, "18446744073709551615");
    assert_printed(text_print_duration, 0, "0s");
    assert_printed(text_print_duration, 90000, "90s");
    assert_printed(text_print_duration, 120000, "2m");
    assert_printed(text_print_duration, 3600000, "1h");
    assert_printed(text_print_duration, 86400000, "1d");
    assert_printed(text_print_duration, 1500, "1500ms");
    assert_printed(text_print_duration, UINT64_MAX, "18446744073709551615ms");
}

static void what_is_printed_reads_back(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 7);
    for (int i = 0; i < 20000; i++) {
        char text[TEXT_NUMBER_BYTES_MAX];
        uint64_t value = rng_u64(&rng) >> rng_below(&rng, 64);
        if (i % 2) value = value / 1000 * 1000;
        text_print_bytes(text, value);
        assert_value(text_bytes, text, value);
        text_print_duration(text, value);
        assert_value(text_duration_ms, text, value);
    }
}

static void thousands(void **state)
{
    (void)state;
    char out[TEXT_GROUPED_BYTES_MAX];
    assert_int_equal(text_print_grouped(out, 0, ","), 1);
    assert_string_equal(out, "0");
    assert_int_equal(text_print_grouped(out, 999, ","), 3);
    assert_string_equal(out, "999");
    assert_int_equal(text_print_grouped(out, 1000, "."), 5);
    assert_string_equal(out, "1.000");
    assert_int_equal(text_print_grouped(out, 1000, ""), 4);
    assert_string_equal(out, "1000");
    assert_int_equal(text_print_grouped(out, UINT64_MAX, "1234567"), 26);
    assert_int_equal(strlen(out), 20 + 6 * 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(thousands),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations),
        cmocka_unit_test(fractions),
        cmocka_unit_test(printing_picks_the_largest_exact_unit),
        cmocka_unit_test(what_is_printed_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
