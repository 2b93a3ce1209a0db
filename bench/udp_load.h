/* udp_load.h - asking over UDP, up to a batch of datagrams a system call. */
#ifndef BENCH_UDP_LOAD_H
#define BENCH_UDP_LOAD_H

#include "bench/bench.h"

struct udp_load;

/* NULL when sockets or memory cannot be had; told on stderr. `b` outlives it. */
struct udp_load *udp_load_new(struct bench *b);
void udp_load_free(struct udp_load *l);

/* Get a connection id for each source address; false when the tracker gives none. */
bool udp_load_connect(struct udp_load *l);

/* Run one phase and wait for its last answers. */
void udp_load_run(struct udp_load *l, enum phase phase, uint64_t duration_ms);

#endif
