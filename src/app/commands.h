/* commands.h - what `muster WORD` does: rows of a word and a function. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "app/exit_code.h"

/* Run the subcommand that the arguments name, `run` where they name none. */
enum exit_code command_run(const char *const *arguments, const char *const *environment);

#endif
