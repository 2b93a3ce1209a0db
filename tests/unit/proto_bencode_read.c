/* proto_bencode_read.c - foreign bencode: what is refused, what is noted, what is found. */
#include "unit.h"

#include "proto/bencode_read.h"

static struct bencode_value value;
static size_t used;
static unsigned faults;

#define READ(literal)                                                                              \
    bencode_read(view_of(guarded(literal, sizeof(literal) - 1), sizeof(literal) - 1), &value,      \
                 &used, &faults)

static void integers_are_canonical(void **state)
{
    (void)state;
    assert_int_equal(READ("i-42e"), ERR_OK);
    assert_int_equal(value.number, -42);
    assert_int_equal(READ("i0e"), ERR_OK);
    assert_int_equal(READ("i999999999999999999e"), ERR_OK);
    assert_int_equal(READ("i-0e"), ERR_BAD_VALUE);
    assert_int_equal(READ("i00e"), ERR_BAD_VALUE);
    assert_int_equal(READ("ie"), ERR_BAD_VALUE);
    assert_int_equal(READ("i1"), ERR_BAD_VALUE);
    assert_int_equal(READ("i1.5e"), ERR_BAD_VALUE);
    assert_int_equal(READ("i9223372036854775807e"), ERR_OK);
    assert_int_equal(READ("i9223372036854775808e"), ERR_BAD_VALUE);
    assert_int_equal(READ("i99999999999999999999e"), ERR_BAD_VALUE);
}

static void lengths_may_not_lie(void **state)
{
    (void)state;
    assert_int_equal(READ("3:abc"), ERR_OK);
    assert_memory_equal(value.bytes.ptr, "abc", 3);
    assert_int_equal(READ("0:"), ERR_OK);
    assert_int_equal(value.bytes.len, 0);
    assert_int_equal(READ("4:abc"), ERR_BAD_VALUE);
    assert_int_equal(READ("03:abc"), ERR_BAD_VALUE);
    assert_int_equal(READ("9999999999999999999:a"), ERR_BAD_VALUE);
    assert_int_equal(READ("-1:a"), ERR_BAD_VALUE);
    assert_int_equal(READ(""), ERR_BAD_VALUE);
    assert_int_equal(READ("x"), ERR_BAD_VALUE);
}

static void containers_must_end(void **state)
{
    (void)state;
    assert_int_equal(READ("le"), ERR_OK);
    assert_int_equal(READ("d1:ai1ee"), ERR_OK);
    assert_int_equal(READ("d1:ae"), ERR_BAD_VALUE);
    assert_int_equal(READ("di1ei1ee"), ERR_BAD_VALUE);
    assert_int_equal(READ("l"), ERR_BAD_VALUE);
    assert_int_equal(READ("d1:ai1e"), ERR_BAD_VALUE);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * (BENCODE_DEPTH_MAX + 1)];
    for (size_t depth = BENCODE_DEPTH_MAX; depth <= BENCODE_DEPTH_MAX + 1; depth++) {
        memset(text, 'l', depth);
        memset(text + depth, 'e', depth);
        enum err err = bencode_read(view_of(text, 2 * depth), &value, &used, &faults);
        assert_int_equal(err, depth == BENCODE_DEPTH_MAX ? ERR_OK : ERR_BAD_VALUE);
    }
}

static void order_and_repetition_are_noted(void **state)
{
    (void)state;
    assert_int_equal(READ("d1:ai1e1:bi2ee"), ERR_OK);
    assert_int_equal(faults, 0);
    assert_int_equal(READ("d1:bi1e1:ai2ee"), ERR_OK);
    assert_int_equal(faults, BENCODE_UNSORTED);
    assert_int_equal(READ("d1:ai1e1:ai2ee"), ERR_OK);
    assert_int_equal(faults, BENCODE_REPEATED);
    assert_int_equal(READ("ld2:abi1e1:bi1eed1:ai1eee"), ERR_OK);
    assert_int_equal(faults, 0);
}

static void what_follows_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(READ("i7etail"), ERR_OK);
    assert_int_equal(used, 3);
}

static void keys_are_found_by_kind(void **state)
{
    (void)state;
    struct bencode_value found;
    assert_int_equal(READ("d4:listli1e2:abe3:numi5e3:sub1:xe"), ERR_OK);
    assert_true(bencode_find(&value, "num", BENCODE_INT, &found));
    assert_int_equal(found.number, 5);
    assert_false(bencode_find(&value, "num", BENCODE_BYTES, &found));
    assert_false(bencode_find(&value, "nothing", BENCODE_INT, &found));
    assert_true(bencode_find(&value, "list", BENCODE_LIST, &found));
    struct view rest = found.bytes;
    struct bencode_value item;
    assert_true(bencode_next(&rest, &item));
    assert_int_equal(item.number, 1);
    assert_true(bencode_next(&rest, &item));
    assert_int_equal(item.bytes.len, 2);
    assert_false(bencode_next(&rest, &item));
    assert_false(bencode_find(&item, "num", BENCODE_INT, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_canonical),
        cmocka_unit_test(lengths_may_not_lie),
        cmocka_unit_test(containers_must_end),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(order_and_repetition_are_noted),
        cmocka_unit_test(what_follows_is_not_taken),
        cmocka_unit_test(keys_are_found_by_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
