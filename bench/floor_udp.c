/* floor_udp.c - what UDP costs when a server does nothing: the system calls of a tracker, and 20
 * bytes copied. Nobody who answers datagrams one by one, or 64 by 64, can cost less.
 *
 *   floor_udp [-p PORT] [-n PEERS] [-6] [-b]
 *   -n  peers in an announce answer: its bytes are what matters
 *   -6  IPv6: ::1 and records of 18 bytes
 *   -b  block in recvmmsg() instead of epoll_wait(): fewer calls, but one socket is all it can
 *   serve
 *
 * The loop is that of any epoll server with several sockets: epoll_wait(), then batches until one
 * is not full. Answers have the right action, transaction id and length; the load generator
 * accepts them. */
#include "base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH         64
#define REQUEST_BYTES 2560
#define ANSWER_BYTES  1472
#define SOCKET_BYTES  (4 << 20)

struct floor {
    int fd;
    bool blocking;
    unsigned peers, record_bytes;
    struct mmsghdr in[BATCH], out[BATCH];
    struct iovec in_bytes[BATCH], out_bytes[BATCH];
    struct sockaddr_storage source[BATCH];
    uint8_t request[BATCH][REQUEST_BYTES + 64];
    uint8_t answer[BATCH][ANSWER_BYTES + 64];
};

/* Action and transaction id are copied, the rest was written once. */
static size_t answer_write(const struct floor *f, const uint8_t *request, size_t bytes,
                           uint8_t *answer)
{
    memcpy(answer, request + 8, 8);
    switch (load_u32be(request + 8)) {
    case 0: return 16;
    case 2: return 8 + (bytes - 16) / 20 * 12;
    default: return 20 + (size_t)f->peers * f->record_bytes;
    }
}

static void batch_serve(struct floor *f, unsigned count)
{
    unsigned replies = 0;
    for (unsigned i = 0; i < count; i++) {
        if (f->in[i].msg_len < 16) continue;
        size_t bytes = answer_write(f, f->request[i], f->in[i].msg_len, f->answer[i]);
        f->out_bytes[replies] = (struct iovec){f->answer[i], bytes};
        f->out[replies].msg_hdr = f->in[i].msg_hdr;
        f->out[replies].msg_hdr.msg_iov = &f->out_bytes[replies];
        f->out[replies].msg_hdr.msg_flags = 0;
        replies++;
    }
    for (unsigned at = 0; at < replies;) {
        int sent = sendmmsg(f->fd, f->out + at, replies - at, MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        at += sent > 0 ? (unsigned)sent : 1;
    }
}

static unsigned batch_receive(struct floor *f)
{
    for (unsigned i = 0; i < BATCH; i++)
        f->in[i].msg_hdr.msg_namelen = sizeof f->source[i];
    int got = recvmmsg(f->fd, f->in, BATCH, f->blocking ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
    return got > 0 ? (unsigned)got : 0;
}

static void messages_init(struct floor *f)
{
    for (unsigned i = 0; i < BATCH; i++) {
        f->in_bytes[i] = (struct iovec){f->request[i], REQUEST_BYTES};
        f->in[i].msg_hdr =
            (struct msghdr){.msg_name = &f->source[i], .msg_iov = &f->in_bytes[i], .msg_iovlen = 1};
        memset(f->answer[i], 1, sizeof f->answer[i]); /* ports and ids that are not 0 */
        store_u32be(f->answer[i] + 8, 1800);          /* interval; first half of an id */
    }
}

static int socket_open(uint16_t port, bool v6)
{
    int on = 1, bytes = SOCKET_BYTES;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    const struct sockaddr *at = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    if (bind(fd, at, v6 ? sizeof in6 : sizeof in) == 0) return fd;
    perror("floor_udp: bind");
    exit(1);
}

static void serve(struct floor *f)
{
    struct epoll_event e = {.events = EPOLLIN};
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, f->fd, &e);
    for (;;) {
        unsigned count;
        if (!f->blocking) epoll_wait(epoll_fd, &e, 1, -1);
        do {
            count = batch_receive(f);
            batch_serve(f, count);
        } while (count == BATCH);
    }
}

int main(int argc, char **argv)
{
    static struct floor f = {.peers = 9};
    unsigned long port = 6970;
    bool v6 = false;
    for (int letter; (letter = getopt(argc, argv, "p:n:6b")) != -1;) {
        switch (letter) {
        case 'p': port = strtoul(optarg, NULL, 10); break;
        case 'n': f.peers = (unsigned)strtoul(optarg, NULL, 10); break;
        case '6': v6 = true; break;
        case 'b': f.blocking = true; break;
        default: return 2;
        }
    }
    f.record_bytes = v6 ? 18 : 6;
    if (port < 1 || port > 65535 || f.peers > (ANSWER_BYTES - 20) / f.record_bytes) return 2;
    f.fd = socket_open((uint16_t)port, v6);
    messages_init(&f);
    serve(&f);
}
