/* app_arguments.c - a subcommand's words, its flags, and options of the server between them. */
#include "unit.h"

#include "app/arguments.h"

static struct arguments a;
static struct option_error error;

enum { JSON, COUNT, FOUR };
static const struct argument_flag FLAGS[] = {
    [JSON] = {.name = "json"},
    [COUNT] = {.name = "count", .letter = 'n', .wants_value = true},
    [FOUR] = {.letter = '4'},
};

#define SORT(...) arguments_sort((const char *[]){__VA_ARGS__, NULL}, FLAGS, 3, &a, &error)

static void words_flags_and_options_part(void **state)
{
    (void)state;
    assert_int_equal(SORT("one", "--port", "80", "--json", "-c", "file", "two", "-p81", "-n", "5",
                          "--no-tcp", "--interval=7", "three"),
                     ERR_OK);
    assert_int_equal(a.word_count, 3);
    assert_string_equal(a.words[0], "one");
    assert_string_equal(a.words[2], "three");
    assert_null(a.words[3]);
    static const char *const OPTIONS_WANTED[] = {"--port", "80",       "-c",          "file",
                                                 "-p81",   "--no-tcp", "--interval=7"};
    assert_int_equal(a.option_count, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(a.options[i], OPTIONS_WANTED[i]);
    assert_string_equal(a.values[JSON], "");
    assert_string_equal(a.values[COUNT], "5");
    assert_null(a.values[FOUR]);
}

static void flags_have_many_forms(void **state)
{
    (void)state;
    assert_int_equal(SORT("-n5", "-4"), ERR_OK);
    assert_string_equal(a.values[COUNT], "5");
    assert_non_null(a.values[FOUR]);
    assert_int_equal(SORT("--count=6"), ERR_OK);
    assert_string_equal(a.values[COUNT], "6");
    assert_int_equal(SORT("--count"), ERR_BAD_VALUE);
    assert_int_equal(SORT("--json=1"), ERR_BAD_VALUE);
}

static void a_minus_with_a_digit_is_a_word(void **state)
{
    (void)state;
    assert_int_equal(SORT("nofile", "-1", "-", "--", "--json"), ERR_OK);
    assert_int_equal(a.word_count, 4);
    assert_string_equal(a.words[1], "-1");
    assert_string_equal(a.words[3], "--json");
    assert_null(a.values[JSON]);
}

static void what_nobody_knows_is_refused(void **state)
{
    (void)state;
    assert_int_equal(SORT("--wrong"), ERR_UNKNOWN_OPTION);
    assert_non_null(strstr(error.text, "--wrong"));
    assert_int_equal(SORT("-Z"), ERR_UNKNOWN_OPTION);
    const char *many[ARGUMENT_WORDS_MAX + 2] = {0};
    for (size_t i = 0; i <= ARGUMENT_WORDS_MAX; i++)
        many[i] = "word";
    assert_int_equal(arguments_sort(many, FLAGS, 3, &a, &error), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_flags_and_options_part),
        cmocka_unit_test(flags_have_many_forms),
        cmocka_unit_test(a_minus_with_a_digit_is_a_word),
        cmocka_unit_test(what_nobody_knows_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
