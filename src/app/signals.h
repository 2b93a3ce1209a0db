/* signals.h - what the operator asks by signals, read by the housekeeping loop.
 *
 * All of them are blocked in every thread and taken from one descriptor, so no handler ever runs
 * between two instructions of anybody. */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

/* Block them for this thread and all it will start; ignore SIGPIPE: a closed pipe is an error of
 * the write, not the end of the process. Call before the first thread. */
void signals_block(void);

/* A descriptor that is readable when one came; -1 and errno. */
int signals_open(void);

enum signal_wish { WISH_NONE, WISH_STOP, WISH_RELOAD, WISH_SAVE, WISH_UPGRADE };

/* The next one; WISH_NONE when there is none left. *name is constant text for the log. */
enum signal_wish signals_take(int fd, const char **name);

#endif
