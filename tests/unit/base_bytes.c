/* base_bytes.c - cursor and writer never step outside, and say so; views compare and trim. */
#include "unit.h"

#include "base/bytes.h"

#include <inttypes.h>
#include <stdio.h>

static void cursor_reads_in_order_and_sticks_at_the_end(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7};
    struct cursor c = cursor_of(bytes, sizeof bytes);
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16be(&c), 0x0203);
    assert_int_equal(cursor_u32be(&c), 0x04050607);
    assert_false(c.short_read);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.short_read);
    assert_int_equal(cursor_u64be(&c), 0);
}

static void writer_drops_what_does_not_fit_whole(void **state)
{
    (void)state;
    uint8_t bytes[8] = {0};
    struct writer w = writer_of(bytes, 7);
    writer_u32be(&w, 0x01020304);
    writer_u32be(&w, 0x05060708);
    assert_true(w.overflow);
    assert_int_equal(writer_used(&w), 4);
    writer_u8(&w, 9);
    assert_int_equal(writer_used(&w), 4);
    assert_int_equal(bytes[4], 0);
}

static void writer_prints_decimals(void **state)
{
    (void)state;
    char text[64];
    struct writer w = writer_of(text, sizeof text);
    writer_decimal(&w, 0);
    writer_literal(&w, ",");
    writer_decimal(&w, UINT64_MAX);
    assert_memory_equal(text, "0,18446744073709551615", writer_used(&w));
    assert_int_equal(writer_used(&w), 22);
}

static void decimals_of_every_length(void **state)
{
    (void)state;
    uint64_t power = 1;
    for (unsigned digits = 1; digits <= 20; digits++, power *= 10)
        for (uint64_t v = power - 1; v <= power + 1; v++) {
            char wanted[24], got[24] = {0};
            int len = snprintf(wanted, sizeof wanted, "%" PRIu64, v);
            assert_int_equal(decimal_digits(v), len);
            assert_ptr_equal(append_decimal((uint8_t *)got, v), got + len);
            assert_string_equal(got, wanted);
        }
    uint8_t padded[5];
    decimal_store(padded, sizeof padded, 42);
    assert_memory_equal(padded, "00042", 5);
}

static void room_is_asked_for_once(void **state)
{
    (void)state;
    uint8_t bytes[8];
    struct writer w = writer_of(bytes, sizeof bytes);
    uint8_t *p = writer_room(&w, 8);
    assert_ptr_equal(p, bytes);
    assert_int_equal(writer_used(&w), 0);
    writer_appended(&w, append_literal(append_decimal(p, 12), ";"));
    assert_int_equal(writer_used(&w), 3);
    assert_null(writer_room(&w, 6));
    assert_true(w.overflow);
    assert_memory_equal(bytes, "12;", 3);
}

static void views_trim_blanks_and_ignore_case(void **state)
{
    (void)state;
    assert_true(view_equal(view_trim(VIEW(" \t a b\t ")), VIEW("a b")));
    assert_int_equal(view_trim(VIEW(" \t")).len, 0);
    assert_true(view_equal(view_from(VIEW("abc"), 1), view_of_text("bc")));
    assert_int_equal(view_from(VIEW("abc"), 3).len, 0);
    assert_true(view_equal_nocase(VIEW("X-Real-IP"), VIEW("x-rEAL-ip")));
    assert_false(view_equal_nocase(VIEW("ab"), VIEW("abc")));
    assert_false(view_equal_nocase(VIEW("a@"), VIEW("a`"))); /* differ by 0x20, are no letters */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor_reads_in_order_and_sticks_at_the_end),
        cmocka_unit_test(writer_drops_what_does_not_fit_whole),
        cmocka_unit_test(writer_prints_decimals),
        cmocka_unit_test(decimals_of_every_length),
        cmocka_unit_test(room_is_asked_for_once),
        cmocka_unit_test(views_trim_blanks_and_ignore_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
