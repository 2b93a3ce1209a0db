/* silence.c - see silence.h. The load's own sockets are not connected, so the kernel does not tell
 * them that a port is closed; a connected one hears of it. */
#include "bench/silence.h"

#include "net/sockaddr.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define WAIT_MS 250

/* 0, or what went wrong; ETIMEDOUT when nothing came. */
static int udp_ask(int fd, const struct sockaddr_storage *target, socklen_t target_bytes)
{
    static const uint8_t CONNECT[16] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};
    uint8_t answer[64];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (connect(fd, (const struct sockaddr *)target, target_bytes) != 0) return errno;
    if (send(fd, CONNECT, sizeof CONNECT, 0) < 0) return errno;
    if (poll(&p, 1, WAIT_MS) == 0) return ETIMEDOUT;
    return recv(fd, answer, sizeof answer, MSG_DONTWAIT) < 0 ? errno : 0;
}

static int tcp_ask(int fd, const struct sockaddr_storage *target, socklen_t target_bytes)
{
    int error = 0;
    socklen_t error_bytes = sizeof error;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (connect(fd, (const struct sockaddr *)target, target_bytes) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    if (poll(&p, 1, WAIT_MS) == 0) return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_bytes) == 0 ? error : errno;
}

static int port_ask(const struct bench_opts *o, int type)
{
    struct sockaddr_storage target;
    socklen_t target_bytes = sockaddr_write(&target, &o->target, o->port);
    int fd = socket(target.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int error = type == SOCK_DGRAM ? udp_ask(fd, &target, target_bytes)
                                   : tcp_ask(fd, &target, target_bytes);
    close(fd);
    return error;
}

static const char *remedy_of(const struct bench_opts *o, int tcp_error)
{
    if (o->http)
        return "peers are announced over UDP before HTTP is measured: for a tracker without UDP, "
               "--no-fill leaves that out";
    if (tcp_error == 0)
        return "its TCP port is open: if it speaks HTTP only, give an http:// URL and --no-fill";
    return "is it running, on this address and port?";
}

void silence_explain(const struct bench_opts *o)
{
    int udp_error = port_ask(o, SOCK_DGRAM), tcp_error = port_ask(o, SOCK_STREAM);
    fprintf(stderr, "muster-bench: no connection ids from %s over UDP (%s); %s\n", o->url,
            udp_error ? strerror(udp_error) : "it answers, but not each address, or not rightly",
            remedy_of(o, tcp_error));
}
