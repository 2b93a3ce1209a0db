/* net_listen.c - `listen` values, and real sockets on loopback with ports of the kernel's choice. */
#include "unit.h"

#include "net/listen.h"
#include "net/sockaddr.h"
#include "proto/address_text.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- values ---- */

/* "udp+tcp+proxy 1.2.3.4 6969", or the error's text. */
static const char *described(const char *text)
{
    static char out[128];
    struct listen_address a;
    enum err err = listen_parse(view_of(guarded(text, strlen(text)), strlen(text)), &a);
    if (err != ERR_OK) return err_text(err);
    char address[ADDRESS_TEXT_BYTES_MAX];
    address_print(&a.address, address);
    snprintf(out, sizeof out, "%s%s%s %s%s %u", a.udp ? "u" : "", a.tcp ? "t" : "",
             a.proxy ? "p" : "", address, a.any_family ? "+" : "", a.port);
    return out;
}

static void listen_values(void **state)
{
    (void)state;
    assert_string_equal(described("0.0.0.0"), "ut 0.0.0.0 0");
    assert_string_equal(described("[::]"), "ut :: 0");
    assert_string_equal(described("::"), "ut :: 0");
    assert_string_equal(described("[::1]:80"), "ut ::1 80");
    assert_string_equal(described("127.0.0.1:65535"), "ut 127.0.0.1 65535");
    assert_string_equal(described("8080"), "ut 0.0.0.0+ 8080");
    assert_string_equal(described("udp://8080"), "u 0.0.0.0+ 8080");
    assert_string_equal(described("udp://1.2.3.4:1"), "u 1.2.3.4 1");
    assert_string_equal(described("tcp://[2001:db8::7]:80"), "t 2001:db8::7 80");
    assert_string_equal(described("proxy://127.0.0.1:81"), "utp 127.0.0.1 81"); /* T70 */
    assert_string_equal(described("udp+proxy://127.0.0.1:81"), "up 127.0.0.1 81");
    assert_string_equal(described("tcp+proxy://[::1]"), "tp ::1 0");
    assert_string_equal(described("2001:db8::0"), "ut 2001:db8:: 0");
}

static void broken_listen_values(void **state)
{
    (void)state;
    static const char *const BAD_ADDRESSES[] = {"",     ":80",         "udp://",   "localhost",
                                                "[::1", "[::1]x",      "1.2.3",    "example:80",
                                                "*",    "[1.2.3.4]:1", "1.2.3.4 ", "0.0.0.0/0"};
    for (size_t i = 0; i < sizeof BAD_ADDRESSES / sizeof *BAD_ADDRESSES; i++)
        assert_string_equal(described(BAD_ADDRESSES[i]), err_text(ERR_BAD_ADDRESS));
    static const char *const BAD_PORTS[] = {
        "0", "65536", "1.2.3.4:0", "[::1]:00", "1.2.3.4:65536", "1.2.3.4:", "[::1]:x", "udp://0"};
    for (size_t i = 0; i < sizeof BAD_PORTS / sizeof *BAD_PORTS; i++)
        assert_string_equal(described(BAD_PORTS[i]), err_text(ERR_OUT_OF_RANGE));
    static const char *const BAD_SCHEMES[] = {"http://1.2.3.4:80", "://1.2.3.4", "UDP://1.2.3.4",
                                              "proxy+udp://1.2.3.4"};
    for (size_t i = 0; i < sizeof BAD_SCHEMES / sizeof *BAD_SCHEMES; i++)
        assert_string_equal(described(BAD_SCHEMES[i]), err_text(ERR_BAD_VALUE));
}

/* ---- sockets ---- */

static const struct listen_opts OPTS = {
    .backlog = 128, .udp_recv_bytes = 64 << 10, .udp_send_bytes = 32 << 10};

static struct listen_address at(const char *text)
{
    struct listen_address a;
    assert_int_equal(listen_parse(view_of(text, strlen(text)), &a), ERR_OK);
    return a;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    struct address a;
    uint16_t port = 0;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    assert_true(sockaddr_read(&ss, &a, &port));
    return port;
}

typedef enum err open_fn(const struct listen_address *a, const struct listen_opts *o, int *fd);

static int opened(open_fn *open_socket, const struct listen_address *a)
{
    int fd = -1;
    assert_int_equal(open_socket(a, &OPTS, &fd), ERR_OK);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEPORT), 1);
    return fd;
}

static int client_of(int type, const char *address, uint16_t port)
{
    struct address a;
    struct sockaddr_storage ss;
    assert_int_equal(address_parse(view_of(address, strlen(address)), &a), ERR_OK);
    socklen_t len = sockaddr_write(&ss, &a, port);
    int fd = socket(ss.ss_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
    return fd;
}

static bool is_readable(int fd, int wait_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, wait_ms) == 1;
}

static bool has_ipv6(void)
{
    int fd = -1;
    struct listen_address a = at("[::1]");
    if (listen_udp(&a, &OPTS, &fd) != ERR_OK) return false;
    close(fd);
    return true;
}

static void workers_share_a_port(void **state)
{
    (void)state;
    open_fn *const OPEN[] = {listen_udp, listen_tcp};
    for (size_t i = 0; i < 2; i++) {
        struct listen_address a = at("127.0.0.1");
        int first = opened(OPEN[i], &a);
        a.port = port_of(first);
        int second = opened(OPEN[i], &a);
        assert_int_equal(port_of(second), a.port);
        close(first);
        close(second);
    }
}

static void udp_sockets_receive(void **state)
{
    (void)state;
    struct listen_address a = at("127.0.0.1");
    int fd = opened(listen_udp, &a), client = client_of(SOCK_DGRAM, "127.0.0.1", port_of(fd));
    assert_int_equal(option(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    assert_int_equal(option(fd, IPPROTO_IP, IP_PKTINFO), 0); /* not a wildcard */
    char byte;
    assert_int_equal(recv(fd, &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_true(is_readable(fd, 2000));
    assert_int_equal(recv(fd, &byte, 1, 0), 1);
    close(client);
    close(fd);
}

static void udp_buffers_are_as_asked(void **state)
{
    (void)state;
    struct listen_address a = at("127.0.0.1");
    int fd = opened(listen_udp, &a);
    assert_int_equal(option(fd, SOL_SOCKET, SO_RCVBUF), 2 * (64 << 10)); /* the kernel doubles */
    assert_int_equal(option(fd, SOL_SOCKET, SO_SNDBUF), 2 * (32 << 10));
    close(fd);
    int plain = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), untouched;
    const struct listen_opts none = {0};
    assert_int_equal(listen_udp(&a, &none, &untouched), ERR_OK);
    assert_int_equal(option(untouched, SOL_SOCKET, SO_RCVBUF),
                     option(plain, SOL_SOCKET, SO_RCVBUF));
    const struct listen_opts huge = {.udp_recv_bytes = UINT32_MAX};
    int cut;
    assert_int_equal(listen_udp(&a, &huge, &cut), ERR_OK); /* cut down, never an error */
    close(plain);
    close(untouched);
    close(cut);
}

/* The local address of the next datagram, as the control message tells it (V34). */
static struct address local_address(int fd)
{
    char byte, control[256];
    struct sockaddr_storage peer;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr msg = {.msg_name = &peer,
                         .msg_namelen = sizeof peer,
                         .msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control,
                         .msg_controllen = sizeof control};
    struct address a = {.family = FAMILY_COUNT};
    assert_true(is_readable(fd, 2000));
    assert_int_equal(recvmsg(fd, &msg, 0), 1);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            a.family = FAMILY_V4;
            memcpy(a.ip, &((struct in_pktinfo *)CMSG_DATA(c))->ipi_addr, 4);
        }
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            a.family = FAMILY_V6;
            memcpy(a.ip, &((struct in6_pktinfo *)CMSG_DATA(c))->ipi6_addr, 16);
        }
    }
    return a;
}

static void assert_wildcard_tells(const char *wildcard, const char *address)
{
    struct listen_address a = at(wildcard);
    int fd = opened(listen_udp, &a), client = client_of(SOCK_DGRAM, address, port_of(fd));
    assert_int_equal(send(client, "x", 1, 0), 1);
    struct address local = local_address(fd);
    char text[ADDRESS_TEXT_BYTES_MAX];
    assert_true(local.family < FAMILY_COUNT);
    address_print(&local, text);
    assert_string_equal(text, address);
    close(client);
    close(fd);
}

static void udp_wildcards_tell_the_address_asked(void **state)
{
    (void)state;
    assert_wildcard_tells("0.0.0.0", "127.0.0.1"); /* V34, AU64 */
    assert_wildcard_tells("0.0.0.0", "127.9.8.7");
    if (has_ipv6()) assert_wildcard_tells("[::]", "::1");
}

static void ipv6_sockets_leave_ipv4_alone(void **state)
{
    (void)state;
    if (!has_ipv6()) skip();
    struct listen_address six = at("[::]"), four = at("0.0.0.0");
    int udp = opened(listen_udp, &six), tcp = opened(listen_tcp, &six);
    assert_int_equal(option(udp, IPPROTO_IPV6, IPV6_V6ONLY), 1); /* V4 */
    assert_int_equal(option(tcp, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    four.port = port_of(udp);
    int udp4 = opened(listen_udp, &four);
    int client = client_of(SOCK_DGRAM, "127.0.0.1", four.port);
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_true(is_readable(udp4, 2000));
    assert_false(is_readable(udp, 0));
    close(client);
    close(udp4);
    close(udp);
    close(tcp);
}

static void tcp_sockets_accept_who_says_something(void **state)
{
    (void)state;
    struct listen_address a = at("127.0.0.1");
    int fd = opened(listen_tcp, &a), client = client_of(SOCK_STREAM, "127.0.0.1", port_of(fd));
    assert_int_equal(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_true(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT) > 0);
    assert_false(is_readable(fd, 100));
    assert_int_equal(send(client, "x", 1, 0), 1);
    assert_true(is_readable(fd, 2000));
    int connection = accept(fd, NULL, NULL);
    char byte;
    assert_int_equal(recv(connection, &byte, 1, MSG_DONTWAIT), 1); /* with the accept, at once */
    close(connection);
    close(client);
    close(fd);
}

static void proxy_listeners_accept_at_once(void **state)
{
    (void)state;
    struct listen_address a = at("tcp+proxy://127.0.0.1");
    int fd = opened(listen_tcp, &a), client = client_of(SOCK_STREAM, "127.0.0.1", port_of(fd));
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0);
    assert_true(is_readable(fd, 2000));
    close(client);
    close(fd);
}

static void failures_say_why_and_leave_nothing_open(void **state)
{
    (void)state;
    open_fn *const OPEN[] = {listen_udp, listen_tcp};
    for (size_t i = 0; i < 2; i++) {
        struct listen_address a = at("203.0.113.77"); /* documentation: nobody's address */
        int fd = 7, lowest = dup(0);
        close(lowest);
        assert_int_equal(OPEN[i](&a, &OPTS, &fd), ERR_OS);
        assert_int_equal(errno, EADDRNOTAVAIL);
        assert_int_equal(fd, -1);
        int again = dup(0);
        assert_int_equal(again, lowest);
        close(again);
    }
}

static void a_port_of_somebody_else_is_refused(void **state)
{
    (void)state;
    struct listen_address a = at("127.0.0.1");
    struct sockaddr_storage ss;
    int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), fd;
    assert_int_equal(bind(other, (struct sockaddr *)&ss, sockaddr_write(&ss, &a.address, 0)), 0);
    a.port = port_of(other);
    assert_int_equal(listen_udp(&a, &OPTS, &fd), ERR_OS);
    assert_int_equal(errno, EADDRINUSE);
    close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listen_values),
        cmocka_unit_test(broken_listen_values),
        cmocka_unit_test(workers_share_a_port),
        cmocka_unit_test(udp_sockets_receive),
        cmocka_unit_test(udp_buffers_are_as_asked),
        cmocka_unit_test(udp_wildcards_tell_the_address_asked),
        cmocka_unit_test(ipv6_sockets_leave_ipv4_alone),
        cmocka_unit_test(tcp_sockets_accept_who_says_something),
        cmocka_unit_test(proxy_listeners_accept_at_once),
        cmocka_unit_test(failures_say_why_and_leave_nothing_open),
        cmocka_unit_test(a_port_of_somebody_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
