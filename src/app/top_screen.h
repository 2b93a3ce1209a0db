/* top_screen.h - a terminal for `muster top`. */
#ifndef APP_TOP_SCREEN_H
#define APP_TOP_SCREEN_H

#include "app/control_client.h"

/* Show it until somebody quits; the terminal is as before in any case. False when this terminal cannot
 * be used, with nothing changed; else `*code` says how it ended, a crash is EXIT_RUNTIME. */
bool top_screen(struct control *c, enum exit_code *code);

#endif
