/* control_path.h - where the Unix socket of a muster is: the server makes it, commands look for it.
 *
 *   /run/muster/PORT.sock            where that folder is, or root can make it
 *   $XDG_RUNTIME_DIR/muster-PORT.sock
 *   /tmp/muster-UID/PORT.sock        a folder of our own, mode 0700
 *
 * PORT is the `port` option's, so several musters on a machine have one each. */
#ifndef APP_CONTROL_PATH_H
#define APP_CONTROL_PATH_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_PATH_BYTES_MAX 108 /* sun_path, terminator included */

/* `root` is the folder of --chroot, "" for none: the places are inside. */

/* As root: have /run/muster, owned by `user` (empty: by root), so that he can make and remove the
 * socket after the rights are dropped. What another user has already stays his. Does nothing for
 * others; a failure is no error, the next place will do. */
void control_path_prepare(const char *root, const char *user);

/* The server's, which has that root already: the first place that may be written, by no stranger; its
 * folder made. ERR_OS: there is none. */
enum err control_path_choose(uint16_t port, char out[CONTROL_PATH_BYTES_MAX]) MUST_CHECK;

enum control_path_found {
    CONTROL_PATH_NONE,
    CONTROL_PATH_OURS,
    CONTROL_PATH_STRANGE, /* there is one, but somebody else may have put it there: not to be asked */
};

/* A command's: the first place where a socket of ours is. `out` is set unless there is none. */
enum control_path_found control_path_find(const char *root, uint16_t port,
                                          char out[CONTROL_PATH_BYTES_MAX]);

#endif
