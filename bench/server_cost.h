/* server_cost.h - what the server under load spends, read from /proc. */
#ifndef BENCH_SERVER_COST_H
#define BENCH_SERVER_COST_H

#include <stdbool.h>
#include <stdint.h>

#define SERVER_PIDS_MAX 16

struct server_cost {
    uint64_t cpu_ns;          /* run time of all threads; of those that ended it is lost */
    uint64_t user_us, sys_us; /* whole clock ticks, ended threads included */
    uint64_t rss_bytes;
};

/* Sum over processes; 0, or the first of them that is not there. Cost: a few files a thread. */
int server_cost_read(const int *pids, unsigned count, struct server_cost *out);

#endif
