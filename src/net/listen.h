/* listen.h - addresses to sockets: bound, non-blocking, SO_REUSEPORT so that each worker owns one.
 * IPv6 sockets are V6ONLY: IPv4 is a socket of its own (protocol.md V4). */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/err.h"
#include "proto/types.h"

#define LISTEN_MAX           64               /* `listen` values */
#define LISTEN_ADDRESSES_MAX (2 * LISTEN_MAX) /* that they name: a PORT alone means two */

/* One `listen` value: [udp://|tcp://|proxy://|udp+proxy://|tcp+proxy://]ADDRESS[:PORT], or PORT.
 * Without a scheme, and with proxy://: both. A wildcard is 0.0.0.0 or [::]. */
struct listen_address {
    struct address address;
    uint16_t port; /* 0: the `port` option's */
    bool udp, tcp;
    bool proxy;      /* a PROXY header is mandatory (T70) */
    bool any_family; /* PORT alone: `address` is 0.0.0.0, and [::] is meant as well */
};

/* ERR_BAD_VALUE for an unknown scheme, ERR_BAD_ADDRESS, ERR_OUT_OF_RANGE for a port that is not
 * 1..65535. Names are not resolved; a scheme is written in lower case. */
enum err listen_parse(struct view text, struct listen_address *out) MUST_CHECK;

struct listen_opts {
    uint32_t backlog;
    uint32_t udp_recv_bytes, udp_send_bytes; /* SO_RCVBUF / SO_SNDBUF; 0 leaves the default */
    bool exclusive; /* nobody may bind the same address, ourselves included */
};

/* Open, configure and bind one socket at a->address and a->port (0: the kernel picks one); any number
 * of them may share it. errno tells why on ERR_OS, and *fd is -1 then. The caller owns *fd.
 *   UDP   a wildcard socket tells the local address of each datagram (IP_PKTINFO, IPV6_PKTINFO), so
 *         that the answer can leave from it (V34)
 *   TCP   listening already; without a PROXY header a connection is seen once it has said something,
 *         or after a second */
enum err listen_udp(const struct listen_address *a, const struct listen_opts *o,
                    int *fd) MUST_CHECK;
enum err listen_tcp(const struct listen_address *a, const struct listen_opts *o,
                    int *fd) MUST_CHECK;

/* Configure a socket that somebody else bound, for TCP listening already, as these two would.
 * ERR_OS and errno; the fd stays the caller's. */
enum err listen_adopt(int fd, const struct listen_address *a,
                      const struct listen_opts *o) MUST_CHECK;

#endif
