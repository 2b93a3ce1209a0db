/* heartbeat.h - does a muster answer on an address? Asks as trakx' programs did: 16 bytes over UDP,
 * GET /heartbeat over HTTP. Blocks for at most the timeout. */
#ifndef APP_HEARTBEAT_H
#define APP_HEARTBEAT_H

#include "app/config.h"

#define HEARTBEATS_MAX       (2 * LISTEN_ADDRESSES_MAX)
#define HEARTBEAT_HOSTS_MAX  16 /* addresses of this machine at which a wildcard is asked */
#define HEARTBEAT_TIMEOUT_MS 2000

enum heartbeat_state {
    HEARTBEAT_OK,
    HEARTBEAT_SILENT,
    HEARTBEAT_SKIPPED, /* wants a PROXY header; or IPv6 where this machine has none */
};

struct heartbeat {
    struct listen_address asked; /* one door; a wildcard became its loopback address */
    enum heartbeat_state state;
    uint32_t us;
    int why; /* errno of a silent one */
};

enum heartbeat_state heartbeat_ask(const struct listen_address *a, uint32_t timeout_ms,
                                   struct heartbeat *out);

/* Ask every address and door of these options, a wildcard at the machine's addresses; returns how many
 * were asked. Those beyond the limits are not. */
uint32_t heartbeat_all(const struct app_opts *o, struct heartbeat out[HEARTBEATS_MAX]);

/* "udp://127.0.0.1:6969" */
#define HEARTBEAT_URL_BYTES 80
void heartbeat_url(const struct heartbeat *h, char out[HEARTBEAT_URL_BYTES]);

#endif
