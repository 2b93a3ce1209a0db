/* listen.c - `listen` values and the sockets they ask for.
 *
 * Idea       every worker binds its own socket to the same address (SO_REUSEPORT): the kernel
 *            spreads datagrams and connections by their addresses, and no two workers meet in a
 *            socket's lock.
 * Deferring  TCP_DEFER_ACCEPT keeps a connection away from accept() until its request is there:
 *            one wake-up per request instead of two, and a flood of silent connections costs the
 *            kernel a request block each, not us a descriptor. One second, the shortest there is:
 *            it outlasts a round trip, and a silent client is still seen and timed. Listeners with
 *            a PROXY header are accepted at once, so that its own deadline runs (T76).
 * No delay   each answer leaves in one send(), so waiting for more to put into a segment gains
 *            nothing and costs pipelined answers 40 ms. Connections inherit it from the listener.
 * Buffers    the FORCE variants need CAP_NET_ADMIN and pass the system's limit; without it the
 *            kernel cuts the size to net.core.rmem_max and wmem_max, which is no error. */
#include "net/listen.h"

#include "base/text.h"
#include "net/sockaddr.h"
#include "proto/address_text.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#define DEFER_ACCEPT_S 1

/* ---- values ---- */

struct scheme {
    const char *name;
    bool udp, tcp, proxy;
};

static const struct scheme SCHEMES[] = {
    {"udp", true, false, false},      {"tcp", false, true, false},      {"proxy", true, true, true},
    {"udp+proxy", true, false, true}, {"tcp+proxy", false, true, true},
};

static bool scheme_find(struct view name, struct listen_address *out)
{
    for (size_t i = 0; i < sizeof SCHEMES / sizeof *SCHEMES; i++) {
        const struct scheme *s = &SCHEMES[i];
        if (!view_equal(name, view_of_text(s->name))) continue;
        out->udp = s->udp;
        out->tcp = s->tcp;
        out->proxy = s->proxy;
        return true;
    }
    return false;
}

static bool is_number(struct view v)
{
    uint64_t unused;
    return text_u64(v, &unused) == ERR_OK;
}

static enum err port_alone(struct view text, struct listen_address *out)
{
    uint64_t port;
    if (text_u64(text, &port) != ERR_OK || port == 0 || port > UINT16_MAX) return ERR_OUT_OF_RANGE;
    out->port = (uint16_t)port;
    out->any_family = true;
    return ERR_OK;
}

static bool says_port(struct view text)
{
    if (text.ptr[0] == '[') return text.ptr[text.len - 1] != ']';
    const uint8_t *first = memchr(text.ptr, ':', text.len);
    return first && first == memrchr(text.ptr, ':', text.len);
}

enum err listen_parse(struct view text, struct listen_address *out)
{
    struct listen_address a = {.udp = true, .tcp = true};
    const uint8_t *mark = text.len ? memmem(text.ptr, text.len, "://", 3) : NULL;
    if (mark) {
        size_t scheme_bytes = (size_t)(mark - text.ptr);
        if (!scheme_find(view_of(text.ptr, scheme_bytes), &a)) return ERR_BAD_VALUE;
        text = view_of(mark + 3, text.len - scheme_bytes - 3);
    }
    enum err err =
        is_number(text) ? port_alone(text, &a) : address_port_parse(text, &a.address, &a.port);
    if (err != ERR_OK) return err;
    if (a.port == 0 && says_port(text)) return ERR_OUT_OF_RANGE;
    *out = a;
    return ERR_OK;
}

/* ---- sockets ---- */

static bool option_set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static void buffer_set(int fd, int force_name, int name, uint32_t bytes)
{
    if (bytes == 0) return;
    int value = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
    if (!option_set(fd, SOL_SOCKET, force_name, value)) option_set(fd, SOL_SOCKET, name, value);
}

static bool is_wildcard(const struct address *a)
{
    static const uint8_t ZEROS[16];
    return memcmp(a->ip, ZEROS, ADDRESS_BYTES(a->family)) == 0;
}

/* What both kinds share: family, sharing the port. */
static enum err socket_open(const struct address *a, int type, bool exclusive, int *fd)
{
    bool v6 = a->family == FAMILY_V6;
    *fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) return ERR_OS;
    if (!exclusive && !option_set(*fd, SOL_SOCKET, SO_REUSEPORT, 1)) return ERR_OS;
    if (v6 && !option_set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) return ERR_OS;
    return ERR_OK;
}

static enum err socket_bind(int fd, const struct listen_address *a)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_write(&ss, &a->address, a->port);
    return bind(fd, (struct sockaddr *)&ss, len) == 0 ? ERR_OK : ERR_OS;
}

/* Hand out a good socket, close a bad one; errno survives. */
static enum err socket_finish(enum err err, int socket_fd, int *fd)
{
    if (err != ERR_OK && socket_fd >= 0) {
        int why = errno;
        close(socket_fd);
        errno = why;
        socket_fd = -1;
    }
    *fd = socket_fd;
    return err;
}

static enum err udp_configure(int fd, const struct listen_address *a, const struct listen_opts *o)
{
    buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF, o->udp_recv_bytes);
    buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF, o->udp_send_bytes);
    bool v6 = a->address.family == FAMILY_V6;
    if (is_wildcard(&a->address) &&
        !option_set(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1))
        return ERR_OS;
    return ERR_OK;
}

static enum err udp_setup(int fd, const struct listen_address *a, const struct listen_opts *o)
{
    enum err err = udp_configure(fd, a, o);
    return err == ERR_OK ? socket_bind(fd, a) : err;
}

static void tcp_configure(int fd, const struct listen_address *a)
{
    if (!a->proxy) option_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, DEFER_ACCEPT_S);
    option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static enum err tcp_listen(int fd, const struct listen_opts *o)
{
    int backlog = o->backlog > INT32_MAX ? INT32_MAX : (int)o->backlog;
    return listen(fd, backlog) == 0 ? ERR_OK : ERR_OS;
}

static enum err tcp_setup(int fd, const struct listen_address *a, const struct listen_opts *o)
{
    if (!option_set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return ERR_OS;
    tcp_configure(fd, a);
    enum err err = socket_bind(fd, a);
    return err == ERR_OK ? tcp_listen(fd, o) : err;
}

enum err listen_adopt(int fd, const struct listen_address *a, const struct listen_opts *o)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) return ERR_OS;
    if (!a->tcp) return udp_configure(fd, a, o);
    tcp_configure(fd, a);
    return tcp_listen(fd, o); /* a second time, for the backlog */
}

enum err listen_udp(const struct listen_address *a, const struct listen_opts *o, int *fd)
{
    int socket_fd;
    enum err err = socket_open(&a->address, SOCK_DGRAM, o->exclusive, &socket_fd);
    if (err == ERR_OK) err = udp_setup(socket_fd, a, o);
    return socket_finish(err, socket_fd, fd);
}

enum err listen_tcp(const struct listen_address *a, const struct listen_opts *o, int *fd)
{
    int socket_fd;
    enum err err = socket_open(&a->address, SOCK_STREAM, o->exclusive, &socket_fd);
    if (err == ERR_OK) err = tcp_setup(socket_fd, a, o);
    return socket_finish(err, socket_fd, fd);
}
