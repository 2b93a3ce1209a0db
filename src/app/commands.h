/* commands.h - what `muster WORD` does: rows of a word, its help and a function. --help, the manual and
 * the dispatch are made from the rows. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/exit_code.h"

#include <stddef.h>
#include <stdio.h>

struct command_input {
    const char *const *arguments; /* after the subcommand; NULL-terminated */
    const char *const *environment;
};

struct command {
    const char *name;
    const char *synopsis; /* of what may follow the name; "" for nothing */
    const char *help;     /* one line */
    const char *more;     /* the rest, for the manual and `muster help NAME`; may be NULL */
    enum exit_code (*run)(const struct command_input *in);
};

extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;

/* NULL: none. */
const struct command *command_find(const char *name);

/* Run the subcommand that the arguments name, the first row where they name none. */
enum exit_code command_run(const char *const *arguments, const char *const *environment);

/* "muster: WHAT (see muster --help)" on standard error. */
enum exit_code command_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Push out standard output: a full disk must not look like success. */
enum exit_code command_printed(void);

/* All about one command; the lines of --help about all. */
void commands_print_one(FILE *out, const struct command *c);
void commands_print_usage(FILE *out);

#endif
