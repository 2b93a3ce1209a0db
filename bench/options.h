/* options.h - the command line of muster-bench. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench/plan.h"
#include "bench/server_cost.h"

#define BENCH_PATH_BYTES_MAX  256
#define BENCH_SOCKETS_MAX     64
#define BENCH_WINDOW_MAX      65536u /* outstanding requests over UDP */
#define BENCH_BATCH_MAX       256
#define BENCH_CONNECTIONS_MAX 16384
#define BENCH_PIPELINE_MAX    64
#define BENCH_SOURCES_MAX     65536u
#define BENCH_HASHES_MAX      74
#define BENCH_NUMWANT_MAX     1000

struct bench_opts {
    /* the target, from the URL */
    const char *url;
    bool http;
    bool is_remote; /* not on loopback */
    struct address target;
    uint16_t port;
    char path[BENCH_PATH_BYTES_MAX]; /* of announces */
    /* the world */
    struct world_opts world;
    bool fill;
    /* the requests */
    struct mix mix;
    uint32_t numwant, scrape_hashes;
    /* the load */
    uint64_t rate; /* requests a second, open loop; 0: closed loop */
    uint64_t duration_ms, warmup_ms, timeout_ms, requests_max; /* requests_max 0: no bound */
    uint32_t window, batch, sockets;
    uint32_t connections, pipeline;
    bool close; /* HTTP: a connection per request */
    bool sleep; /* wait in poll instead of spinning */
    /* the report */
    int pids[SERVER_PIDS_MAX];
    unsigned pid_count;
    uint32_t deep_every; /* every so many answers are looked at peer by peer; 0: none */
    const char *json;    /* file name, "-" for standard output; NULL: none */
    double loss_max_pct; /* more of what was due lost or never sent is a failure */
    bool hashes;         /* print the torrents' info hashes, do nothing else */
    bool quiet, allow_remote;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

/* Read the command line. OPTIONS_DONE after --help; OPTIONS_BAD when something was wrong, which
 * has been told on stderr. */
enum options_result options_read(struct bench_opts *o, int argc, char **argv);

#endif
