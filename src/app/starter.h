/* starter.h - start the program that lies where this one was started from, for an upgrade or a restart.
 *
 * By this process itself; or, where the sandbox lets it run nothing, by a helper: a second process of
 * the same program, made before that, which can do nothing but this one thing. Which program, with
 * which arguments and environment, it has known since its start: who asks cannot say.
 *
 * Threads   main thread only. */
#ifndef APP_STARTER_H
#define APP_STARTER_H

#include "app/exit_code.h"
#include "app/options.h"

#include <sys/types.h>

#define STARTER_CHANNEL_FD 3 /* where a new process finds what it is given */

struct starter {
    int fd; /* to the helper; -1: none, this process starts programs itself */
    pid_t helper;
};

/* Make the helper; it has the sandbox of now, and is a child of this process. ERR_OS and errno:
 * out->fd is -1. */
enum err starter_open(struct starter *out, const struct option_sources *sources) MUST_CHECK;

/* End the helper, if there is one, and wait for that. */
void starter_close(struct starter *st);

/* A new process, child of this one, with `channel_fd` (-1: none) as HANDOVER_ENVIRONMENT says, which is
 * then set. -1 and errno. Some milliseconds, however large this process is. */
pid_t starter_start(const struct starter *st, const struct option_sources *sources, int channel_fd);

/* For who was started as a helper: to be asked before anything else. */
bool starter_is_meant(void);
enum exit_code starter_serve(const struct option_sources *sources);

#endif
