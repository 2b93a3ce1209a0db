/* check.h - `muster check`: what of this machine limits a muster, and the command that mends it. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "app/commands.h"

enum exit_code check_run(const struct command_input *in);

#endif
