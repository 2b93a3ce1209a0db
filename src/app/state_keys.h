/* state_keys.h - the keys in the state folder. */
#ifndef APP_STATE_KEYS_H
#define APP_STATE_KEYS_H

#include "app/state.h"

#define STATE_KEYS "keys"

/* Read them, or make and store new ones where there are none or they are damaged. ERR_OS, errno: the
 * system refuses to read them, or new ones could not be stored. */
enum err state_keys_open(int folder_fd, struct state_keys *out) MUST_CHECK;

/* A new file to write, in place of what had the name. Never one that is there already: a pipe would hold
 * us up, and of a second name for somebody else's file that one would be emptied. -1 and errno. */
int state_temporary_open(int folder_fd, const char *name);

/* Write a file beside `name`, let it reach the disk, and take `name`'s place. ERR_OS and errno. */
enum err state_replace(int folder_fd, const char *name, struct view bytes) MUST_CHECK;

#endif
