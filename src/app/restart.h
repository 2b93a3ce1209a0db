/* restart.h - the program again, with the same arguments, seen from outside the same process. */
#ifndef APP_RESTART_H
#define APP_RESTART_H

#include "app/confine.h"
#include "app/exit_code.h"
#include "app/options.h"

/* Would a start from here succeed, as far as can be told without stopping? ERR_BAD_VALUE with
 * error->text: what speaks against it. `s` are the settings in force, `c` what
 * the new program would inherit. `next` is filled with the settings that it would have; the lists they
 * name are the caller's to look at. */
enum err restart_check(const struct settings *s, const struct confine *c,
                       const struct option_sources *sources, struct settings *next,
                       struct option_error *error) MUST_CHECK;

/* After everything was closed: become the new program, and return only when that fails. Where only a helper
 * may start it, wait for its end, as after an upgrade, and return its exit code. Ends `st`. */
enum exit_code restart_now(const struct option_sources *sources, struct starter *st);

#endif
