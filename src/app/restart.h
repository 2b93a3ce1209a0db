/* restart.h - the same program again, in the same process: new binary, same pid, same arguments. */
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

/* Become the new program; returns only when that fails, after everything was closed. */
enum exit_code restart_now(const struct option_sources *sources);

#endif
