/* periodic.h - what housekeeping does again and again, as rows of a function and a period.
 *
 * Threads   main thread only. */
#ifndef APP_PERIODIC_H
#define APP_PERIODIC_H

#include "admin/stats.h"
#include "app/load.h"
#include "swarm/swarm.h"

struct server;

#define PERIODIC_JOBS_MAX 16

struct sweep_state {
    struct sweep_report report; /* since the last log line */
    uint64_t us;                /* spent sweeping since then */
    uint64_t cycle_at_ms;       /* when the cycle began */
    uint64_t line_at_ms;        /* not before */
    uint32_t shard;             /* next to visit */
    /* the cycle: what it found so far, and what the one before did */
    uint64_t peers_before, torrents_before, us_before; /* in `report` and `us` when it began */
    struct swarm_top finding[2], top[2];               /* by peers, by seeders */
    struct stats_sweep done;
};

struct rate_state {
    uint64_t total[RATE_COUNT], at_ms;
    struct stats_rate rate[RATE_COUNT];
    uint64_t cpu_us; /* CPU time of the process */
    double cpu;      /* CPUs it used in the last second */
};

struct socket_seen {
    uint32_t drops, row; /* as last read; of `sockets` */
};

struct periodic {
    uint64_t due_ms[PERIODIC_JOBS_MAX];
    struct sweep_state sweep;
    struct rate_state rate;
    struct load load;
    struct interval_load busy;    /* as last measured */
    struct socket_seen *seen;     /* by udp_fds */
    uint64_t datagrams;           /* received, as last read */
    struct stats_socket *sockets; /* with what they dropped since the start */
    uint32_t socket_count;        /* one for those that a worker has at the same address */
};

enum err periodic_init(struct periodic *p, struct server *s, uint64_t now_ms) MUST_CHECK;
void periodic_fini(struct periodic *p);

/* Go on where another process stopped: its most requests a second, its load, and the counters as they
 * are by now. */
void periodic_resume(struct server *s, const struct stats_rate rates[RATE_COUNT],
                     const struct load *load);

/* Run what is due; returns how many milliseconds until something is again. */
int periodic_run(struct server *s, uint64_t now_ms);

#endif
