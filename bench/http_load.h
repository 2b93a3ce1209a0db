/* http_load.h - asking over HTTP: kept connections, pipelined or not, or a connection per
 * request. */
#ifndef BENCH_HTTP_LOAD_H
#define BENCH_HTTP_LOAD_H

#include "bench/bench.h"

struct http_load;

/* NULL when epoll or memory cannot be had; told on stderr. `b` outlives it. */
struct http_load *http_load_new(struct bench *b);
void http_load_free(struct http_load *l);

/* Run the load and wait for its last answers. */
void http_load_run(struct http_load *l, uint64_t duration_ms);

#endif
