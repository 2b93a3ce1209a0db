/* micro_address.c - what a UDP socket on a wildcard costs beside one that is bound to the address asked.
 *
 * usage      micro_address
 *            One JSON object on standard output; nanoseconds a datagram, medians over all rounds.
 * Round      each kind of socket gets a full batch of requests from one client, reads it with one
 *            udp_batch_receive() and answers it with one udp_batch_flush(); only these two are timed.
 *            The kinds take turns within a fraction of a millisecond, so that whatever disturbs the
 *            machine disturbs all of them.
 * Kinds      as muster opens them; and the last with the kernel's flow labels off, a remedy on trial:
 *            choosing a label means hashing each answer's addresses and ports. */
#include "net/listen.h"
#include "net/sockaddr.h"
#include "net/udp_batch.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS             20000
#define REQUEST_BYTES      98 /* an announce */
#define PEERS              9  /* in an answer */
#define IPV6_AUTOFLOWLABEL 70 /* linux/in6.h, which cannot be had beside netinet/in.h */

struct kind {
    const char *name;
    enum family family;
    bool is_wildcard, without_label;
    int fd, client_fd;
    bool has_packet_info;
    double receive_ns[ROUNDS], send_ns[ROUNDS];
};

static struct kind KINDS[] = {
    {.name = "IPv4 wildcard", .family = FAMILY_V4, .is_wildcard = true},
    {.name = "IPv4 own address", .family = FAMILY_V4},
    {.name = "IPv6 wildcard", .family = FAMILY_V6, .is_wildcard = true},
    {.name = "IPv6 own address", .family = FAMILY_V6},
    {.name = "IPv6 own address, no flow label", .family = FAMILY_V6, .without_label = true},
};

#define KIND_COUNT (sizeof KINDS / sizeof *KINDS)

static void require(bool good, const char *what)
{
    if (good) return;
    perror(what);
    exit(1);
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct address loopback(enum family family)
{
    struct address a = {.family = family};
    if (family == FAMILY_V4) a.ip[0] = 127;
    a.ip[ADDRESS_BYTES(family) - 1] = 1;
    return a;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage ss;
    struct address unused;
    uint16_t port = 0;
    socklen_t len = sizeof ss;
    require(getsockname(fd, (struct sockaddr *)&ss, &len) == 0, "getsockname");
    require(sockaddr_read(&ss, &unused, &port), "the socket's address");
    return port;
}

static void kind_open(struct kind *k)
{
    const struct listen_opts opts = {.udp_recv_bytes = 4u << 20};
    struct address asked = loopback(k->family);
    struct listen_address at = {.address = asked, .udp = true};
    struct sockaddr_storage ss;
    int off = 0;
    if (k->is_wildcard) at.address = (struct address){.family = k->family};
    require(listen_udp(&at, &opts, &k->fd) == ERR_OK, k->name);
    if (k->without_label)
        require(setsockopt(k->fd, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, &off, sizeof off) == 0,
                "IPV6_AUTOFLOWLABEL");
    k->has_packet_info = udp_batch_has_packet_info(k->fd);
    k->client_fd = socket(k->family == FAMILY_V6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    socklen_t len = sockaddr_write(&ss, &asked, port_of(k->fd));
    require(k->client_fd >= 0 && connect(k->client_fd, (struct sockaddr *)&ss, len) == 0,
            "connect");
}

static void kind_round(struct kind *k, struct udp_batch *b, unsigned round)
{
    uint8_t bytes[UDP_ANSWER_BYTES_MAX] = {0};
    for (unsigned i = 0; i < UDP_BATCH_MAX; i++)
        require(send(k->client_fd, bytes, REQUEST_BYTES, 0) == REQUEST_BYTES, "send");
    double begin = now_ns();
    unsigned got = udp_batch_receive(b, k->fd, k->has_packet_info);
    k->receive_ns[round] = (now_ns() - begin) / UDP_BATCH_MAX;
    require(got == UDP_BATCH_MAX, "a full batch");
    for (unsigned i = 0; i < got; i++)
        udp_batch_reply(b, i, 20 + PEERS * COMPACT_BYTES(k->family));
    begin = now_ns();
    udp_batch_flush(b);
    k->send_ns[round] = (now_ns() - begin) / UDP_BATCH_MAX;
    for (unsigned i = 0; i < got; i++)
        require(recv(k->client_fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0, "an answer");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof *values, by_value);
    return values[ROUNDS / 2];
}

int main(void)
{
    struct udp_batch *b;
    require(udp_batch_new(&b) == ERR_OK, "memory");
    for (size_t i = 0; i < KIND_COUNT; i++)
        kind_open(&KINDS[i]);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < KIND_COUNT; i++)
            kind_round(&KINDS[i], b, round);
    printf("{\"rounds\": %d, \"batch\": %d, \"kinds\": [", ROUNDS, UDP_BATCH_MAX);
    for (size_t i = 0; i < KIND_COUNT; i++)
        printf("%s\n  {\"name\": \"%s\", \"receive_ns\": %.0f, \"send_ns\": %.0f}", i ? "," : "",
               KINDS[i].name, median(KINDS[i].receive_ns), median(KINDS[i].send_ns));
    printf("]}\n");
    udp_batch_free(b);
}
