/* live.h - one generation of the configuration: the settings as read, and what the modules get.
 *
 * Threads   constant once published, but for settings.origin, which the main thread alone reads and a
 *           save changes; workers read it through atomic pointers. A reload makes a new
 *           generation, and the old one is freed after LIVE_GRACE_MS, which no turn outlasts.
 *           Reloads are a few a second at most (periodic.c), so few wait at one time. */
#ifndef APP_LIVE_H
#define APP_LIVE_H

#include "app/options.h"

#define LIVE_GRACE_MS    60000
#define LIVE_RETIRED_MAX 250 /* wait for it at a time */

/* What the machine allows; known once, at start. */
struct machine {
    unsigned cores;
    uint64_t memory_bytes;
    uint64_t nofile; /* descriptors that the process may have */
    uint32_t workers, sockets;
};

struct live {
    struct settings settings;
    struct tracker_opts tracker;
    struct swarm_opts swarm;
    struct udp_opts udp;
    struct http_opts http;
    /* retired generations */
    struct live *next;
    uint64_t free_at_ms;
    uint64_t round; /* of struct rounds, when it was retired */
};

/* Descriptors that a server with so many workers and sockets has open beside its TCP connections. */
uint64_t live_fds_beside(const struct config *c, uint32_t workers, uint32_t sockets);

/* Fill the modules' options from ->settings: zeros that mean "choose" are chosen here. */
void live_resolve(struct live *l, const struct machine *machine);

#endif
