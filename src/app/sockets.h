/* sockets.h - every socket of the server, opened before rights are dropped and threads started. */
#ifndef APP_SOCKETS_H
#define APP_SOCKETS_H

#include "app/activation.h"
#include "app/config.h"

struct door_socket {
    int fd;
    bool is_tcp, proxy;
    enum family family;
};

/* Each worker has the same sockets: those of worker w start at all[w * per_worker]. */
struct sockets {
    struct listen_address addresses[LISTEN_ADDRESSES_MAX]; /* what is served, ports filled in */
    uint32_t address_count;
    struct door_socket *all;
    uint32_t per_worker, count;
    bool are_given; /* by the service manager: each is the same for all workers */
};

/* The addresses that the options ask for, ports filled in: what sockets_open() would serve. */
uint32_t sockets_wanted(const struct app_opts *o, struct listen_address out[LISTEN_ADDRESSES_MAX]);

/* Could a program of ours bind it now, alone? errno tells why not. */
bool sockets_can_bind(const struct listen_address *a, bool is_tcp);

/* Bind them all. ERR_OS with a log line that names address, port and reason; nothing stays open
 * then. An address that an earlier program holds is refused although SO_REUSEPORT would share it:
 * two trackers on one port each get a part of the peers. */
enum err sockets_open(struct sockets *s, const struct app_opts *o, uint32_t workers) MUST_CHECK;

/* Serve the doors that were handed over in place of those that the options ask for; takes their fds.
 * ERR_OS or ERR_NO_MEMORY, with a log line; nothing stays open then. */
enum err sockets_adopt(struct sockets *s, const struct app_opts *o, uint32_t workers,
                       struct activation *given) MUST_CHECK;

/* Close those whose fd nobody took (fd >= 0), and free. */
void sockets_close(struct sockets *s);

#endif
