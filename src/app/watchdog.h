/* watchdog.h - does every worker come round? Looked at once a second by housekeeping.
 *
 * Threads   main thread; a worker only counts its turns. */
#ifndef APP_WATCHDOG_H
#define APP_WATCHDOG_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct server;

struct watched;

struct watchdog {
    struct watched *workers; /* by index */
    uint64_t at_ms;          /* when it was looked at last */
    uint64_t notify_us; /* the service manager waits so long for a sign of life; 0: it does not */
    uint32_t stuck;     /* workers that are, now */
    uint64_t save_until_ms; /* while one is: so long a save may put the silence off */
    uint64_t denied;        /* METRIC_SANDBOX_DENIED as last logged */
};

enum err watchdog_open(struct watchdog *w, const struct server *s, uint64_t now_ms) MUST_CHECK;
void watchdog_close(struct watchdog *w);

/* Log who got stuck and who is back, and have the store saved when somebody got stuck; tell the service
 * manager that all is well when it is, or that save is not done. Log what the sandbox refused a worker. */
void watchdog_turn(struct watchdog *w, struct server *s, uint64_t now_ms);

#endif
