/* proto_bencode.c - what is written is bencode to the letter; the strict reader is tested too. */
#include "unit.h"

#include "../bencode_check.h"
#include "proto/bencode.h"

#define assert_written(w, literal)                                                                 \
    do {                                                                                           \
        assert_int_equal(writer_used(w), sizeof(literal) - 1);                                     \
        assert_memory_equal((w)->start, literal, sizeof(literal) - 1);                             \
    } while (0)

static void integers_have_no_leading_zero_c1(void **state)
{
    (void)state;
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof out);
    bencode_int(&w, 0);
    bencode_int(&w, 1800);
    assert_written(&w, "i0ei1800e");
}

static void integers_end_at_31_bits_c5(void **state)
{
    (void)state;
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof out);
    bencode_int(&w, BENCODE_INT_MAX);
    bencode_int(&w, BENCODE_INT_MAX + 1ull);
    bencode_int(&w, UINT64_MAX);
    assert_written(&w, "i2147483647ei2147483647ei2147483647e");
}

static void strings_count_bytes_c2(void **state)
{
    (void)state;
    uint8_t out[64];
    struct writer w = writer_of(out, sizeof out);
    bencode_bytes(&w, view_of(NULL, 0));
    bencode_bytes(&w, VIEW("a\0\xc3\xa9"));
    bencode_literal(&w, "min interval");
    assert_written(&w, "0:4:a\0\xc3\xa9"
                       "12:min interval");
}

static void a_full_buffer_is_told(void **state)
{
    (void)state;
    uint8_t out[8] = {0};
    struct writer w = writer_of(guarded(out, sizeof out), sizeof out);
    bencode_literal(&w, "seven b");
    assert_true(w.overflow);
    assert_true(writer_used(&w) <= sizeof out);
}

#define is_bencode(literal)                                                                        \
    bencode_check(guarded(literal, sizeof(literal) - 1), sizeof(literal) - 1)

static void the_reader_takes_only_strict_dictionaries(void **state)
{
    (void)state;
    assert_true(is_bencode("de"));
    assert_true(is_bencode("d1:ai0e1:bl1:xi7eded1:c0:eee"));
    assert_true(is_bencode("d8:completei2147483647e10:incompletei3ee"));
    const struct view bad[] = {
        VIEW(""),
        VIEW("d"),
        VIEW("i1e"),
        VIEW("dee"),
        VIEW("de\n"),
        VIEW("d1:ai01ee"),
        VIEW("d1:ai-0ee"),
        VIEW("d1:aiee"),
        VIEW("d1:a"),
        VIEW("d1:ai1e"),
        VIEW("d01:ai1ee"),
        VIEW("d2:ai1ee"),
        VIEW("di1ei1ee"),
        VIEW("d1:bi1e1:ai1ee"),
        VIEW("d1:ai1e1:ai1ee"),
        VIEW("d1:ai2147483648ee"),
        VIEW("d1:ad1:ad1:ad1:ad1:ai1eeeeee"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(bencode_check(guarded(bad[i].ptr, bad[i].len), bad[i].len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_have_no_leading_zero_c1),
        cmocka_unit_test(integers_end_at_31_bits_c5),
        cmocka_unit_test(strings_count_bytes_c2),
        cmocka_unit_test(a_full_buffer_is_told),
        cmocka_unit_test(the_reader_takes_only_strict_dictionaries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
