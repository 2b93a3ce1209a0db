/* arguments.h - the words of a subcommand: its own flags, plain words, and options of the server, which
 * the one table of options knows. */
#ifndef APP_ARGUMENTS_H
#define APP_ARGUMENTS_H

#include "app/options.h"

#define ARGUMENT_WORDS_MAX 128
#define ARGUMENT_FLAGS_MAX 8

/* A flag of a subcommand: --NAME or -N; with `wants_value` also --NAME=VALUE, -NVALUE. */
struct argument_flag {
    const char *name; /* without dashes; NULL: only the letter */
    char letter;      /* 0: none */
    bool wants_value;
};

/* All borrowed from the arguments. NULL-terminated arrays. */
struct arguments {
    const char *words[ARGUMENT_WORDS_MAX + 1];
    const char *options[ARGUMENT_WORDS_MAX + 1]; /* for settings_read_arguments() */
    const char *values[ARGUMENT_FLAGS_MAX]; /* by flag; NULL: not given; "" for those without */
    uint32_t word_count, option_count;
};

/* Sort `arguments` into flags, words and options of the server, which take their values along. What
 * follows `--`, and a minus with a digit that is no flag, is a word.
 *   flags     `flag_count` <= ARGUMENT_FLAGS_MAX rows
 *   returns   ERR_UNKNOWN_OPTION, ERR_BAD_VALUE or ERR_FULL with error->text written */
enum err arguments_sort(const char *const *arguments, const struct argument_flag *flags,
                        size_t flag_count, struct arguments *out,
                        struct option_error *error) MUST_CHECK;

#endif
