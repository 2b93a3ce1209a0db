/* probe.h - `muster probe`: connect, announce and scrape at any tracker. */
#ifndef APP_PROBE_H
#define APP_PROBE_H

#include "app/commands.h"

enum exit_code probe_run(const struct command_input *in);

#endif
