/* base_memory_file.c - a stream into memory gives every byte back. */
#include "unit.h"

#include "base/memory_file.h"

#include <stdlib.h>
#include <string.h>

static void nothing_written(void **state)
{
    struct memory_file m;
    char *bytes;
    size_t count = 1;
    (void)state;
    FILE *f = memory_file_open(&m);
    assert_non_null(f);
    assert_true(memory_file_close(f, &m, &bytes, &count));
    assert_int_equal(count, 0);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void far_more_than_the_first_room(void **state)
{
    struct memory_file m;
    char *bytes;
    size_t count;
    (void)state;
    FILE *f = memory_file_open(&m);
    for (int i = 0; i < 100000; i++)
        fprintf(f, "%05d\n", i);
    assert_true(memory_file_close(f, &m, &bytes, &count));
    assert_int_equal(count, 600000);
    assert_int_equal(strlen(bytes), count);
    for (int i = 0; i < 100000; i += 999)
        assert_int_equal(strtol(bytes + (size_t)i * 6, NULL, 10), i);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_written),
        cmocka_unit_test(far_more_than_the_first_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
