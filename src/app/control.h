/* control.h - the commands that ask or change a running muster over its Unix socket. */
#ifndef APP_CONTROL_H
#define APP_CONTROL_H

#include "app/commands.h"

enum exit_code control_status(const struct command_input *in);
enum exit_code control_stop(const struct command_input *in);
enum exit_code control_restart(const struct command_input *in);
enum exit_code control_reload(const struct command_input *in);

/* control_set.c */
enum exit_code control_get(const struct command_input *in);
enum exit_code control_set(const struct command_input *in);

/* control_state.c */
enum exit_code control_save(const struct command_input *in);
enum exit_code control_import(const struct command_input *in);

/* control_upgrade.c */
enum exit_code control_upgrade(const struct command_input *in);

/* control_start.c */
enum exit_code control_start(const struct command_input *in);

#endif
