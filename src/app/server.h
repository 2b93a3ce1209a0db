/* server.h - the running program: the store, the tracker, the workers, and the housekeeping loop.
 *
 * Threads   the main thread owns it and is the housekeeping thread once the workers run. Workers
 *           see `env`, which is constant or atomic. */
#ifndef APP_SERVER_H
#define APP_SERVER_H

#include "app/access_load.h"
#include "app/admin_sockets.h"
#include "app/confine.h"
#include "app/exit_code.h"
#include "app/live.h"
#include "app/login_api.h"
#include "app/pages.h"
#include "app/periodic.h"
#include "app/sockets.h"
#include "app/state.h"
#include "app/stats_gather.h"
#include "app/upgrade.h"
#include "app/upgrade_take.h"
#include "app/watchdog.h"
#include "app/worker.h"

/* How often every worker has come round (retire.c). */
struct rounds {
    uint32_t *turns; /* by worker, when the round began */
    uint64_t number, began_ms;
};
struct handover_ready;

struct server {
    /* constant after start */
    struct option_sources sources; /* read again by a reload */
    struct machine machine;
    struct swarm *swarm;
    struct tracker tracker;
    struct rate *rate;
    struct http_shared http_shared;
    struct worker_env env;
    struct worker *workers;
    uint32_t worker_count;
    struct confine confine;
    struct sockets sockets;
    int *udp_fds; /* borrowed from the doors, to ask the kernel for drops */
    uint32_t udp_fd_count;
    /* main thread only */
    struct live *live;    /* in force */
    struct live *retired; /* may still be read by a worker; oldest last */
    struct rounds rounds;
    struct loop loop;
    struct loop_source signals;
    struct periodic periodic;
    struct watchdog watchdog;
    struct access_loader lists;
    struct stats_state stats;
    struct admin_sockets admin_sockets;
    struct admin *admin;       /* the operators' door */
    struct auth *auth;         /* who the owner is */
    struct login_token token;  /* and by which file */
    struct state *state;       /* what outlives us; NULL: nothing does */
    struct map *map;           /* the live world map's feed */
    int web_root_fd;           /* the operator's folder, or -1; workers look at it, too */
    struct upgrade *upgrade;   /* to the next process */
    struct upgrade_take *take; /* from the process before, until it has given everything; or NULL */
    struct loop_source keeper; /* the process that waits for this one is still there; fd -1: none */
    bool stopping, interrupted, reload_wanted, restart_wanted;
    bool reload_told;   /* the service manager knows of the one that is under way */
    bool reload_after;  /* the configuration changed since the next process has read it */
    bool lists_waiting; /* lists were read and no generation has them yet */
};

/* Serve until told to stop. Reads the sources itself; everything it has to say goes to the log. */
enum exit_code server_run(const struct option_sources *sources);

/* What a reload did, by row. */
struct reload_report {
    bool changed[OPTIONS_MAX], waiting[OPTIONS_MAX]; /* in force now; needs a restart */
    struct option_error error;
};

enum reload_end { RELOAD_DONE, RELOAD_LATER, RELOAD_REFUSED };

/* Read the sources again and put in force what is live (reload.c); values set while running stay,
 * unless the sources say the same by now. Whatever is wrong is logged and leaves all as it was:
 * RELOAD_REFUSED, with out->error written. RELOAD_LATER: access lists are being read; ask again, within
 * ACCESS_TRIAL_KEEP_MS. `who` is for the log. */
enum reload_end server_reload(struct server *s, const char *who,
                              struct reload_report *out) MUST_CHECK;

/* Publish `next`; with `interval_said`, announce its interval from now on, whatever the load made
 * of the one before. */
void server_put_in_force(struct server *s, struct live *next, bool interval_said);

/* May another generation be made? Those before it are freed a minute later, so that their number
 * needs a bound. */
bool server_has_room(const struct server *s);

/* Answer the requests in hand, then end; a second time: end at once. `why` is for the log. With
 * `again`, the program starts anew when all has ended (restart.h). */
void server_stop(struct server *s, const char *why, bool again);

/* Another process serves now: give connections on, then end. Socket and token of the operators are
 * removed if they are not among the other's files (NULL: not known which it has). */
void server_leave(struct server *s, const struct handover_ready *files);

/* Make a generation with the access lists that were read. */
void server_take_lists(struct server *s);

/* Give workers another generation; the one before is freed a grace period later. */
void server_publish(struct server *s, struct live *next);

/* A generation is in force no more. */
void server_retire(struct server *s, struct live *old);

/* Once a second: what they hold and nobody can look at any more is freed. */
void server_retire_turn(struct server *s, uint64_t now_ms);

/* Free retired generations whose grace is over; all of them for now_ms = UINT64_MAX. */
void server_free_retired(struct server *s, uint64_t now_ms);

#endif
