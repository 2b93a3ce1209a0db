/* upgrade_take.h - a new process takes over from the one that started it (upgrade.h).
 *
 * Order     open, before anything else is read or said; hello, before sockets are opened; load, when
 *           all is ready but the workers do not run; finish, when they do.
 * Failing   at any step before finish: say so with upgrade_take_fail() and end. The old one goes on.
 * Threads   main thread only. */
#ifndef APP_UPGRADE_TAKE_H
#define APP_UPGRADE_TAKE_H

#include "app/admin_sockets.h"
#include "app/exit_code.h"
#include "base/hash.h"
#include "swarm/swarm.h"

struct server;
struct upgrade_take;

/* *out is NULL when nobody hands anything over. Takes the variable out of the environment. ERR_OS,
 * ERR_NO_MEMORY. */
enum err upgrade_take_open(struct upgrade_take **out) MUST_CHECK;

/* NULL is fine. */
void upgrade_take_close(struct upgrade_take *t);

/* Tell the old process why it has to go on, unless that was told; NULL is fine. `why` NULL: the errors
 * that were logged since the start. */
void upgrade_take_fail(struct upgrade_take *t, const char *why, enum exit_code code);

/* Receive sockets and keys. Those that the service manager opened once go to *given. ERR_OS: logged and
 * told. */
enum err upgrade_take_hello(struct upgrade_take *t, struct activation *given) MUST_CHECK;

/* What upgrade_take_hello() received; what is not taken is closed by upgrade_take_load(). */
struct inherited *upgrade_take_doors(struct upgrade_take *t);
struct admin_inherited *upgrade_take_admin(struct upgrade_take *t);
const uint8_t *upgrade_take_store_key(const struct upgrade_take *t); /* SWARM_KEY_BYTES */
const struct hash_key *upgrade_take_id_key(const struct upgrade_take *t);
int upgrade_take_keeper(struct upgrade_take *t); /* the caller's then; -1: none */

/* Fill the store and everything else, until the old process serves no more: then the caller starts the
 * workers, at once. False: logged and told. */
bool upgrade_take_load(struct upgrade_take *t, struct server *s);

/* Say that we serve; take connections from now on. */
void upgrade_take_finish(struct upgrade_take *t, struct server *s);

#endif
