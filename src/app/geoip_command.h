/* geoip_command.h - `muster geoip [OPTIONS] [ADDRESS...]`: which database of locations these options
 * lead to, and where addresses are by it. */
#ifndef APP_GEOIP_COMMAND_H
#define APP_GEOIP_COMMAND_H

#include "app/commands.h"

/* EXIT_FINE when there is a database that can be read; EXIT_RUNTIME when there is none. */
enum exit_code geoip_command(const struct command_input *in);

#endif
