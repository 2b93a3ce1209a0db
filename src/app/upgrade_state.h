/* upgrade_state.h - what is left of the state besides the store, for the process that takes over: when
 * it started, counters, interval, load, options set live; and the history.
 *
 * JSON with the names that operators see, so that two versions agree on what both know: what the other
 * one does not have is left out, what it has more stays zero.
 *
 * Threads   main thread only. */
#ifndef APP_UPGRADE_STATE_H
#define APP_UPGRADE_STATE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>

struct server;

/* The text, malloc'ed; NULL: no memory. Each takes some milliseconds at most. */
char *upgrade_state_write(const struct server *s);
char *upgrade_live_write(const struct server *s);
char *upgrade_history_write(const struct server *s);

/* ERR_BAD_VALUE: no JSON; ERR_NO_MEMORY; ERR_OS: an access list, which is logged. Before the workers
 * start, and behind stats_init() and periodic_init(). */
enum err upgrade_state_read(struct server *s, struct view text) MUST_CHECK;
enum err upgrade_live_read(struct server *s, struct view text) MUST_CHECK;
enum err upgrade_history_read(struct server *s, struct view text) MUST_CHECK;

#endif
