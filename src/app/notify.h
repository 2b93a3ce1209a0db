/* notify.h - the service manager: what it is told (ready, reloading, stopping, which process, alive),
 * and the sockets it hands over.
 *
 * Without a manager that listens ($NOTIFY_SOCKET), or in a build without libsystemd, all of it does
 * nothing. A message that does not arrive is no reason to stop serving, so nothing fails.
 *
 * Threads   any; cost: a datagram on a Unix socket.
 * Sources   sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3). */
#ifndef APP_NOTIFY_H
#define APP_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Is there a manager that is told? */
bool notify_is_heard(void);

/* Requests are answered from now on; after a reload: all is settled. */
void notify_ready(void);

/* A reload begins; notify_ready() ends it. */
void notify_reloading(void);

void notify_stopping(void);

/* From now on that process is the service: the upgrade's new one. */
void notify_mainpid(pid_t pid);

/* One line for `systemctl status`. */
__attribute__((format(printf, 1, 2))) void notify_status(const char *format, ...);

/* Microseconds within which notify_alive() must be called again; 0: nobody waits for it. */
uint64_t notify_watchdog_us(void);
void notify_alive(void);

/* Sockets that were handed over: how many, from NOTIFY_SOCKETS_FIRST on; a second call finds none.
 * They are closed on exec. *take_names: their names, each and the array to be freed; NULL-terminated,
 * or NULL. */
#define NOTIFY_SOCKETS_FIRST 3
int notify_sockets(char ***take_names);

#endif
