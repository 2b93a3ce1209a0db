/* udp.h - the UDP door: BEP 15 over IPv4 and IPv6, a batch at a time. */
#ifndef FRONT_UDP_H
#define FRONT_UDP_H

#include "base/hash.h"
#include "front/tap.h"
#include "net/loop.h"
#include "proto/address_text.h"
#include "tracker/tracker.h"

/* All live. */
struct udp_opts {
    uint32_t id_ttl_s;            /* connection_id_ttl */
    uint32_t answer_bytes_max;    /* payload of an announce answer (U42) */
    const struct prefix *trusted; /* who may speak on a PROXY listener */
    uint32_t trusted_count;
};

/* What a door is given; the worker that owns the loop owns the door. */
struct udp_door_env {
    struct loop *loop;
    struct tracker *tracker;
    struct rng *rng;
    const struct hash_key *id_key; /* the same for all workers and sockets (U24) */
    _Atomic(const struct udp_opts *) *opts;
    struct tap *tap; /* where announces can be watched; or NULL */
};

struct udp_door;

enum err udp_door_open(struct udp_door **out, const struct udp_door_env *env,
                       uint32_t sockets_max) MUST_CHECK;

/* Serve one more bound socket, of at most sockets_max; takes the fd. `proxy`: a PROXY v2 header
 * precedes each datagram. */
enum err udp_door_listen(struct udp_door *d, int take_fd, enum family family,
                         bool proxy) MUST_CHECK;

/* Answer what is in the sockets' buffers, then close. */
void udp_door_close(struct udp_door *d);

/* Close, and leave what is in the sockets' buffers to the process that has the same sockets. */
void udp_door_leave(struct udp_door *d);

#endif
