/* upgrade.h - another program takes over sockets, store and counters, and nobody notices.
 *
 *   upgrade_begin()   starts the program that lies where this one was started from, with the same
 *                     arguments. A thread sends it the store, and then again and again what announces
 *                     changed since; this process serves all the while.
 *   then, at once     when the two are as good as equal, the workers stand still, the last changes and
 *                     all counters follow, and the new process begins to serve the very same sockets.
 *                     Some milliseconds; what comes in then waits in the sockets.
 *   afterwards        open connections are given on, and this process ends (or waits: keeper below).
 *
 * Whatever fails before the new process says that it serves, this one goes on, and says why.
 *
 * Threads   main thread only.
 * Memory    two stores while it lasts; journal at most 2 x UPGRADE_CHANGES_MAX x 72 bytes.
 * Sources   docs/decisions/0014-upgrade-between-two-processes.md */
#ifndef APP_UPGRADE_H
#define APP_UPGRADE_H

#include "app/exit_code.h"
#include "app/options.h"

#include <sys/types.h>

#define UPGRADE_CHANGES_MAX (1u << 18) /* noted and not sent yet; more: the upgrade is given up */

struct server;
struct upgrade;

/* `keeper_fd`: of the process that waits for this one, or -1; taken. ERR_NO_MEMORY, ERR_OS. */
enum err upgrade_open(struct upgrade **out, struct server *s, int take_keeper_fd) MUST_CHECK;

/* NULL is fine. */
void upgrade_close(struct upgrade *u);

/* `who` asks, for the log. ERR_BAD_VALUE with error->text: why not. It begins when no snapshot is being
 * saved any more (none is while it sends), and the process before has given everything. */
enum err upgrade_begin(struct upgrade *u, const char *who, struct option_error *error) MUST_CHECK;

/* Give up one that is under way. */
void upgrade_cancel(struct upgrade *u, const char *why);

bool upgrade_is_under_way(const struct upgrade *u);
bool upgrade_is_sending(const struct upgrade *u);

/* Begin what waits. */
void upgrade_tick(struct upgrade *u);

/* Why the last one failed; "" when none did. */
const char *upgrade_failure(const struct upgrade *u);

/* The process that serves now instead of this one; 0: none. */
pid_t upgrade_successor(const struct upgrade *u);

/* ---- the keeper ----
 *
 * Whoever started this process may wait for its end: a shell, a run loop, a container whose first
 * process it is. So it does not end after an upgrade, but waits for the process that serves, hands on
 * signals, and ends as that one ends. Further upgrades are told to it through a pipe. Under a service
 * manager that is told of the new process (NOTIFY_SOCKET) there is none. */

/* The pipe's end of the successor, to be waited for; -1: nobody waits. Behind upgrade_close() it is the
 * caller's. */
int upgrade_keeper_take(struct upgrade *u);

/* Wait for the successor and those that follow it, of whom `take_fd` tells; -1: nothing does. */
enum exit_code upgrade_keep(pid_t successor, int take_fd);

#endif
