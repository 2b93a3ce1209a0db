/* sandbox.h - the fewest rights that serving needs: resource limits, then another user. */
#ifndef APP_SANDBOX_H
#define APP_SANDBOX_H

#include "app/config.h"

#include <stdbool.h>

/* Set the soft limits of --nofile and --core, and log what they were and are. One above the hard
 * limit raises that too where the rights allow it; where not, the hard limit is taken, with a
 * warning. Returns the soft limit of open files in force. */
uint64_t sandbox_limits(const struct app_opts *o);

/* Started as root and a user is named: become that user for good, groups included, and prove that
 * there is no way back. With a folder ("" for none) that becomes the root, before rights are dropped
 * and after everything that becoming a user reads from the old one. False, with a log line, when any
 * step fails: the caller must not serve. Call after binding and before any thread is started. */
bool sandbox_drop(const char *user, const char *chroot_folder);

/* Can a program that is started from here get through sandbox_drop() as far as the user goes? NULL:
 * yes; else why not, for the operator. */
const char *sandbox_forbids_start(const char *user);

#endif
