/* sockets.h - every socket of the server, opened before rights are dropped and threads started. */
#ifndef APP_SOCKETS_H
#define APP_SOCKETS_H

#include "app/activation.h"
#include "app/config.h"

#define SOCKETS_EXACT_MAX 32

struct door_socket {
    int fd;
    int lent_fd; /* the same, also when a door has taken it: valid as long as the door */
    bool is_tcp, proxy;
    enum family family;
    uint32_t address, worker; /* which of them, exact ones included */
};

/* Each worker has a socket of each address and kind; where sockets were inherited from a program with
 * another number of workers, perhaps some more or fewer. */
struct sockets {
    /* What is served, ports filled in, and behind that addresses of this machine which a wildcard of
     * these serves and which have UDP sockets of their own (decision 0017). */
    struct listen_address addresses[LISTEN_ADDRESSES_MAX + SOCKETS_EXACT_MAX];
    uint32_t address_count, exact_count;
    struct door_socket *all; /* by worker, address, kind: UDP first */
    uint32_t count, room;
    bool are_given; /* by the service manager: each is the same for all workers */
};

/* Sockets of the program before; those taken become -1. */
struct inherited {
    int *fds;
    uint32_t count;
};

/* Take the next one that is bound to this address; -1: there is none. */
int inherited_take(struct inherited *in, const struct listen_address *a, bool is_tcp);
void inherited_close(struct inherited *in);

/* The addresses that the options ask for, ports filled in: what sockets_open() would serve. */
uint32_t sockets_wanted(const struct app_opts *o, struct listen_address out[LISTEN_ADDRESSES_MAX]);

/* How many sockets each worker would have: those addresses', and UDP sockets of their own for addresses of
 * this machine behind a wildcard. */
uint32_t sockets_per_worker(const struct app_opts *o);

/* Could a program of ours bind it now, alone? errno tells why not. */
bool sockets_can_bind(const struct listen_address *a, bool is_tcp);

/* Bind them all. ERR_OS with a log line that names address, port and reason; nothing stays open
 * then. An address that another program holds is refused although SO_REUSEPORT would share it:
 * two trackers on one port each get a part of the peers.
 *   inherited   NULL, or sockets that are served as far as their address is still wanted, all of them:
 *               closing one would lose what waits in it */
enum err sockets_open(struct sockets *s, const struct app_opts *o, uint32_t workers,
                      struct inherited *inherited) MUST_CHECK;

/* Those of one worker. */
struct door_socket *sockets_of_worker(const struct sockets *s, uint32_t worker, uint32_t *count);

/* Serve the doors that were handed over in place of those that the options ask for; takes their fds.
 * ERR_OS or ERR_NO_MEMORY, with a log line; nothing stays open then. */
enum err sockets_adopt(struct sockets *s, const struct app_opts *o, uint32_t workers,
                       struct activation *given) MUST_CHECK;

/* Close those whose fd nobody took (fd >= 0), and free. */
void sockets_close(struct sockets *s);

#endif
