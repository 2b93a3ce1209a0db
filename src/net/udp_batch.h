/* udp_batch.h - datagrams in and out of a socket, up to 64 per system call.
 *
 * Use       udp_batch_receive(); then for each i < count: read request and source, and if there is an
 *           answer, write it to udp_batch_answer(i) and call udp_batch_reply(i, bytes); then
 *           udp_batch_flush(). Answers go to the source, from the local address that was asked.
 * Memory    about 260 KiB, allocated once for all sockets of a thread; requests are spaced so that
 *           their first lines do not share cache sets. */
#ifndef NET_UDP_BATCH_H
#define NET_UDP_BATCH_H

#include "base/err.h"
#include "proto/types.h"

#define UDP_BATCH_MAX         64
#define UDP_REQUEST_BYTES_MAX 2560 /* the rest of a longer datagram is cut off */
#define UDP_ANSWER_BYTES_MAX  1472

struct udp_batch;

struct udp_source {
    struct address address;
    uint16_t port;
};

enum err udp_batch_new(struct udp_batch **out) MUST_CHECK;
void udp_batch_free(struct udp_batch *b);

/* Does the socket tell which address was asked, as those of listen_udp() on a wildcard do? */
bool udp_batch_has_packet_info(int fd);

/* How many datagrams came; 0 when none is waiting or the call failed (counted, never fatal). Replies
 * leave by the same fd. */
unsigned udp_batch_receive(struct udp_batch *b, int fd, bool has_packet_info);

/* Datagram i: its bytes and where it came from; false when it cannot be answered (source port 0,
 * unknown family). */
struct view udp_batch_request(const struct udp_batch *b, unsigned i);
bool udp_batch_source(const struct udp_batch *b, unsigned i, struct udp_source *out);

/* Room of UDP_ANSWER_BYTES_MAX for the answer to datagram i. */
uint8_t *udp_batch_answer(struct udp_batch *b, unsigned i);
void udp_batch_reply(struct udp_batch *b, unsigned i, size_t bytes);

/* Send the replies; those the kernel does not take are dropped and counted. */
void udp_batch_flush(struct udp_batch *b);

#endif
