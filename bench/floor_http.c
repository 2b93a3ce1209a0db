/* floor_http.c - what HTTP costs when a server does nothing: accept, read, a fixed answer.
 *
 *   floor_http [-p PORT] [-n PEERS] [-c] [-m] [-6]
 *   -n  peers in the body: its bytes are what matters
 *   -c  a connection per request: the answer says so, and the connection is closed behind it
 *   -m  with -c: MSG_MORE holds the answer back until close() puts the FIN on it, as muster does
 *
 * TCP_DEFER_ACCEPT hands a connection over with its first bytes, so accept4(), recv(), send() and
 * close() are all there is, and only kept connections meet epoll. Requests are not read, only
 * their empty lines counted; one that is split over two reads would be missed, which loopback does
 * not do to a load generator's requests as long as they fit the 64 KiB of one read. */
#include "base/bytes.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES     65536
#define ANSWER_BYTES 4096
#define ANSWERS_MAX  64 /* of one read */
#define EVENTS_MAX   256
#define ACCEPTS_MAX  64
#define LISTENER     UINT32_MAX
#define BACKLOG      4096

struct floor {
    int listen_fd, epoll_fd;
    bool close;
    int send_flags;
    size_t answer_bytes;
    uint8_t in[IN_BYTES];
    uint8_t answers[ANSWERS_MAX * ANSWER_BYTES]; /* the same, over and over */
};

static void answers_init(struct floor *f, unsigned peers)
{
    char body[ANSWER_BYTES / 2], *records;
    int head = snprintf(body, sizeof body,
                        "d8:completei1e10:downloadedi1e11:external ip4:aaaa10:incompletei1e"
                        "8:intervali1800e12:min intervali900e5:peers%u:",
                        peers * 6);
    records = body + head;
    memset(records, 'x', peers * 6);
    records[peers * 6] = 'e';
    size_t body_bytes = (size_t)head + peers * 6 + 1;
    int bytes =
        snprintf((char *)f->answers, ANSWER_BYTES,
                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
                 "Content-Length: %zu\r\n%s\r\n%.*s",
                 body_bytes, f->close ? "Connection: close\r\n" : "", (int)body_bytes, body);
    f->answer_bytes = (size_t)bytes;
    for (int i = 1; i < ANSWERS_MAX; i++)
        memcpy(f->answers + (size_t)i * f->answer_bytes, f->answers, f->answer_bytes);
}

static size_t requests_count(const uint8_t *bytes, size_t len)
{
    size_t count = 0;
    for (const uint8_t *at = bytes, *end = bytes + len;
         count < ANSWERS_MAX && (at = memmem(at, (size_t)(end - at), "\r\n\r\n", 4)); at += 4)
        count++;
    return count;
}

/* Read once, answer what was read; false when the connection was closed. */
static bool conn_turn(struct floor *f, int fd)
{
    ssize_t got = recv(fd, f->in, sizeof f->in, 0);
    if (got < 0 && errno == EAGAIN) return true;
    size_t count = got > 0 ? requests_count(f->in, (size_t)got) : 0;
    if (count) send(fd, f->answers, count * f->answer_bytes, f->send_flags);
    if (got > 0 && !f->close) return true;
    close(fd);
    return false;
}

static void accept_all(struct floor *f)
{
    int on = 1;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int fd = accept4(f->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (!f->close) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!conn_turn(f, fd)) continue;
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)fd};
        epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static void serve(struct floor *f)
{
    struct epoll_event events[EVENTS_MAX];
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = LISTENER};
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, f->listen_fd, &e);
    for (;;) {
        int count = epoll_wait(f->epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 == LISTENER) accept_all(f);
            else conn_turn(f, (int)events[i].data.u32);
        }
    }
}

static int socket_open(uint16_t port, bool v6)
{
    int on = 1, defer_s = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_s, sizeof defer_s);
    const struct sockaddr *at = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    if (bind(fd, at, v6 ? sizeof in6 : sizeof in) == 0 && listen(fd, BACKLOG) == 0) return fd;
    perror("floor_http: bind");
    exit(1);
}

int main(int argc, char **argv)
{
    static struct floor f = {.send_flags = MSG_NOSIGNAL};
    unsigned long port = 6971, peers = 9;
    bool v6 = false;
    for (int letter; (letter = getopt(argc, argv, "p:n:cm6")) != -1;) {
        switch (letter) {
        case 'p': port = strtoul(optarg, NULL, 10); break;
        case 'n': peers = strtoul(optarg, NULL, 10); break;
        case 'c': f.close = true; break;
        case 'm': f.send_flags |= MSG_MORE; break;
        case '6': v6 = true; break;
        default: return 2;
        }
    }
    if (port < 1 || port > 65535 || peers > 200) return 2;
    f.listen_fd = socket_open((uint16_t)port, v6);
    answers_init(&f, (unsigned)peers);
    serve(&f);
}
