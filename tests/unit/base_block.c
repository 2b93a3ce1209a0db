/* base_block.c - a search by blocks finds what a search by bytes finds, and reads nothing behind. */
#include "unit.h"

#include "base/block.h"

#include <stdbool.h>

#define BYTES_MAX 50

static void every_place_of_every_length(void **state)
{
    (void)state;
    for (size_t len = 0; len <= BYTES_MAX; len++)
        for (size_t at = 0; at <= len; at++) {
            uint8_t bytes[BYTES_MAX];
            memset(bytes, 'x', sizeof bytes);
            if (at < len) bytes[at] = at % 2 ? '=' : '&';
            if (at + 1 < len) bytes[len - 1] = '='; /* a later one does not matter */
            const uint8_t *p = guarded(bytes, len);
            assert_ptr_equal(find_either(p, p + len, '=', '&'), p + at);
            if (at < len) assert_ptr_equal(find_byte(p, p + len, bytes[at]), p + at);
            assert_ptr_equal(find_byte(p, p + len, 0xff), p + len);
        }
}

static void masks_have_a_bit_for_each_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < BLOCK_BYTES; i++) {
        uint8_t bytes[BLOCK_BYTES] = {0};
        bytes[i] = 0x80;
        assert_int_equal(block_mask(block_is(block_load(bytes), 0x80)), 1u << i);
        assert_int_equal(block_first(block_is(block_load(bytes), 0x80)), i);
    }
    assert_int_equal(block_mask(block_is(block_of(7), 7)), 0xffff);
    assert_int_equal(block_first(block_is(block_of(7), 8)), BLOCK_BYTES);
}

static void masks_are_the_same_on_every_machine(void **state)
{
    (void)state;
    for (unsigned wanted = 0; wanted < 1u << BLOCK_BYTES; wanted++) {
        uint8_t bytes[BLOCK_BYTES];
        for (unsigned i = 0; i < BLOCK_BYTES; i++)
            bytes[i] = wanted >> i & 1 ? 255 : 0;
        assert_int_equal(block_mask_portable(block_load(bytes)), wanted);
        assert_int_equal(block_mask(block_load(bytes)), wanted);
    }
}

static void ranges_have_both_ends(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool is_within = c >= 'a' && c <= 'z';
        unsigned mask = block_mask(block_within(block_of((uint8_t)c), 'a', 'z'));
        assert_int_equal(mask, is_within ? 0xffff : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_of_every_length),
        cmocka_unit_test(masks_have_a_bit_for_each_byte),
        cmocka_unit_test(masks_are_the_same_on_every_machine),
        cmocka_unit_test(ranges_have_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
