/* top.h - `muster top`: the live console. */
#ifndef APP_TOP_H
#define APP_TOP_H

#include "app/commands.h"

enum exit_code top_run(const struct command_input *in);

#endif
