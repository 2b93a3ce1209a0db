/* udp_batch.c - recvmmsg and sendmmsg, and the reply's local address.
 *
 * Idea       everything is laid out once; a receive resets three lengths per message. An answer's
 *            message header shares name and control data with its request: the destination is the
 *            source, and the packet info that says which address was asked says from which to answer.
 * Errors     a datagram that cannot be sent is lost, like any datagram; it never holds up the others. */
#include "net/udp_batch.h"

#include "base/metrics.h"
#include "net/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define LINE_BYTES    64
#define CONTROL_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

struct udp_batch {
    int fd;
    bool has_packet_info;
    unsigned count, replies;
    struct mmsghdr in[UDP_BATCH_MAX], out[UDP_BATCH_MAX];
    struct iovec in_bytes[UDP_BATCH_MAX], out_bytes[UDP_BATCH_MAX];
    struct sockaddr_storage source[UDP_BATCH_MAX];
    _Alignas(struct cmsghdr) uint8_t control[UDP_BATCH_MAX][CONTROL_BYTES];
    uint8_t request[UDP_BATCH_MAX][UDP_REQUEST_BYTES_MAX + LINE_BYTES];
    uint8_t answer[UDP_BATCH_MAX][UDP_ANSWER_BYTES_MAX + LINE_BYTES];
};

bool udp_batch_has_packet_info(int fd)
{
    int on = 0;
    socklen_t bytes = sizeof on;
    if (getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, &bytes) == 0 && on) return true;
    bytes = sizeof on;
    return getsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, &bytes) == 0 && on;
}

enum err udp_batch_new(struct udp_batch **out)
{
    struct udp_batch *b = calloc(1, sizeof *b);
    if (!b) return ERR_NO_MEMORY;
    for (unsigned i = 0; i < UDP_BATCH_MAX; i++) {
        b->in_bytes[i] = (struct iovec){b->request[i], UDP_REQUEST_BYTES_MAX};
        b->in[i].msg_hdr = (struct msghdr){.msg_name = &b->source[i],
                                           .msg_iov = &b->in_bytes[i],
                                           .msg_iovlen = 1,
                                           .msg_control = b->control[i]};
    }
    *out = b;
    return ERR_OK;
}

void udp_batch_free(struct udp_batch *b)
{
    free(b);
}

unsigned udp_batch_receive(struct udp_batch *b, int fd, bool has_packet_info)
{
    b->fd = fd;
    b->has_packet_info = has_packet_info;
    b->count = b->replies = 0;
    for (unsigned i = 0; i < UDP_BATCH_MAX; i++) {
        struct msghdr *m = &b->in[i].msg_hdr;
        m->msg_namelen = sizeof b->source[i];
        m->msg_controllen = has_packet_info ? CONTROL_BYTES : 0;
    }
    int got = recvmmsg(fd, b->in, UDP_BATCH_MAX, MSG_DONTWAIT, NULL);
    if (got > 0) {
        b->count = (unsigned)got;
        metrics_inc(METRIC_UDP_BATCHES);
    } else if (got < 0 && errno != EAGAIN && errno != EINTR) {
        metrics_inc(METRIC_UDP_RECV_FAILURES);
        metrics_errno(CALL_RECV_UDP, errno);
    }
    return b->count;
}

struct view udp_batch_request(const struct udp_batch *b, unsigned i)
{
    return view_of(b->request[i], b->in[i].msg_len);
}

bool udp_batch_source(const struct udp_batch *b, unsigned i, struct udp_source *out)
{
    return sockaddr_read(&b->source[i], &out->address, &out->port) && out->port != 0;
}

uint8_t *udp_batch_answer(struct udp_batch *b, unsigned i)
{
    return b->answer[i];
}

/* The interface the datagram came in by is not pinned: routing decides, only the address is kept. */
static void packet_info_for_reply(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (!c) return;
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        info = (struct in_pktinfo){.ipi_spec_dst = info.ipi_addr};
        memcpy(CMSG_DATA(c), &info, sizeof info);
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
        memcpy(CMSG_DATA(c), &info, sizeof info);
    }
}

void udp_batch_reply(struct udp_batch *b, unsigned i, size_t bytes)
{
    unsigned n = b->replies++;
    b->out_bytes[n] = (struct iovec){b->answer[i], bytes};
    struct msghdr *m = &b->out[n].msg_hdr;
    *m = b->in[i].msg_hdr;
    m->msg_iov = &b->out_bytes[n];
    m->msg_flags = 0;
    if (b->has_packet_info) packet_info_for_reply(m);
}

void udp_batch_flush(struct udp_batch *b)
{
    uint64_t sent_bytes = 0, sent_count = 0;
    for (unsigned at = 0; at < b->replies;) {
        int sent = sendmmsg(b->fd, b->out + at, b->replies - at, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) {
            metrics_inc(METRIC_UDP_SEND_FAILURES);
            if (sent < 0) metrics_errno(CALL_SEND_UDP, errno);
            at++; /* this one is lost; the next may go to somebody else */
            continue;
        }
        for (int i = 0; i < sent; i++)
            sent_bytes += b->out[at + (unsigned)i].msg_len;
        at += (unsigned)sent;
        sent_count += (unsigned)sent;
    }
    metrics_add(METRIC_UDP_SENT, sent_count);
    metrics_add(METRIC_UDP_SENT_BYTES, sent_bytes);
    b->replies = 0;
}
