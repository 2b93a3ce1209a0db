/* admin_sockets.h - the sockets of the operators' door. */
#ifndef APP_ADMIN_SOCKETS_H
#define APP_ADMIN_SOCKETS_H

#include "app/options.h"

struct admin_sockets {
    int tcp_fds[ADMIN_LISTEN_MAX]; /* listening; -1: taken, or not to be had */
    uint32_t tcp_count;
};

/* Bind `admin_listen`, while still root. An address that is written down must work: ERR_OS, with a
 * log line that says why. The default one only warns when another program has it. */
enum err admin_sockets_open(struct admin_sockets *a, const struct settings *s) MUST_CHECK;

/* Close what nobody took. */
void admin_sockets_close(struct admin_sockets *a);

#endif
