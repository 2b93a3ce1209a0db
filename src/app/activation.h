/* activation.h - sockets that the service manager opened and handed to this process at its start.
 *
 * Source   sd_listen_fds(3): $LISTEN_FDS, $LISTEN_FDNAMES. What a socket is for, it tells itself: a
 *          datagram or stream socket of IP is a door; a stream socket named `admin`, or a Unix one, is
 *          the operators'; one named `proxy` speaks the PROXY protocol. */
#ifndef APP_ACTIVATION_H
#define APP_ACTIVATION_H

#include "net/listen.h"

#define ACTIVATION_SOCKETS_MAX 64

struct given_socket {
    int fd; /* -1: somebody took it */
    bool is_tcp, is_admin, is_unix;
    struct listen_address address; /* of IP; only one of udp and tcp */
};

struct activation {
    struct given_socket all[ACTIVATION_SOCKETS_MAX];
    uint32_t count;
};

/* Take them; none is no error. ERR_BAD_VALUE, with a log line: one that cannot serve. */
enum err activation_take(struct activation *a) MUST_CHECK;

/* One more, from wherever it comes; takes the fd, which is closed when it cannot serve (ERR_BAD_VALUE,
 * with a log line). `name` as in $LISTEN_FDNAMES. */
enum err activation_add(struct activation *a, int take_fd, const char *name) MUST_CHECK;

/* How many are doors? */
uint32_t activation_doors(const struct activation *a);

/* Close what nobody took. */
void activation_close(struct activation *a);

#endif
