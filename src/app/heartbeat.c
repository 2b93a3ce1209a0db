/* heartbeat.c - see heartbeat.h. A lost datagram is no dead tracker: over UDP it asks again after a
 * third of the timeout. */
#include "app/heartbeat.h"

#include "app/interfaces.h"
#include "app/sockets.h"
#include "base/clock.h"
#include "net/sockaddr.h"
#include "proto/address_text.h"
#include "proto/udp_tracker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#define UDP_TRIES     3
#define UDP_ANSWER    0xff
#define REQUEST_BYTES 16

static const char HTTP_REQUEST[] = "GET /heartbeat HTTP/1.1\r\nHost: localhost\r\n"
                                   "Connection: close\r\n\r\n";

static bool timeouts_set(int fd, uint32_t ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0;
}

static bool ask_udp(int fd)
{
    uint8_t request[REQUEST_BYTES] = {0}, answer[2] = {0};
    store_u32be(request + 8, UDP_HEARTBEAT);
    for (int i = 0; i < UDP_TRIES; i++) {
        if (send(fd, request, sizeof request, 0) < 0) return false;
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n == 1 && answer[0] == UDP_ANSWER) return true;
        if (n >= 0) errno = EPROTO;
        if (n < 0 && errno != EAGAIN) return false;
    }
    return false;
}

static bool ask_http(int fd)
{
    static const char GOOD[] = "HTTP/1.1 200";
    char answer[sizeof GOOD - 1];
    if (send(fd, HTTP_REQUEST, sizeof HTTP_REQUEST - 1, MSG_NOSIGNAL) < 0) return false;
    ssize_t n = recv(fd, answer, sizeof answer, MSG_WAITALL);
    if (n >= 0) errno = EPROTO;
    return n == sizeof answer && memcmp(answer, GOOD, sizeof answer) == 0;
}

static bool ask(const struct listen_address *a, uint32_t timeout_ms)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_write(&ss, &a->address, a->port);
    int fd = socket(ss.ss_family, (a->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool good = timeouts_set(fd, a->udp ? timeout_ms / UDP_TRIES : timeout_ms) &&
                connect(fd, (struct sockaddr *)&ss, len) == 0;
    if (good) good = a->udp ? ask_udp(fd) : ask_http(fd);
    int why = errno;
    close(fd);
    errno = why == EAGAIN || why == EINPROGRESS ? ETIMEDOUT : why;
    return good;
}

static bool is_wildcard(const struct address *a)
{
    static const uint8_t ZEROS[16];
    return memcmp(a->ip, ZEROS, ADDRESS_BYTES(a->family)) == 0;
}

static void loopback_for_wildcard(struct address *a)
{
    if (!is_wildcard(a)) return;
    if (a->family == FAMILY_V4) a->ip[0] = 127;
    a->ip[ADDRESS_BYTES(a->family) - 1] = 1;
}

enum heartbeat_state heartbeat_ask(const struct listen_address *a, uint32_t timeout_ms,
                                   struct heartbeat *out)
{
    *out = (struct heartbeat){.asked = *a, .state = HEARTBEAT_SKIPPED};
    loopback_for_wildcard(&out->asked.address);
    if (a->proxy) return out->state;
    uint64_t start_us = clock_now_us();
    bool good = ask(&out->asked, timeout_ms);
    out->us = (uint32_t)(clock_now_us() - start_us);
    if (good) return out->state = HEARTBEAT_OK;
    out->why = errno;
    bool without_v6 =
        a->address.family == FAMILY_V6 &&
        (out->why == EADDRNOTAVAIL || out->why == EAFNOSUPPORT || out->why == ENETUNREACH);
    return out->state = without_v6 ? HEARTBEAT_SKIPPED : HEARTBEAT_SILENT;
}

/* Where a listener is reached: itself, or the machine's addresses of its family. */
static uint32_t hosts_of(const struct listen_address *l, struct address out[HEARTBEAT_HOSTS_MAX])
{
    uint32_t count = 0;
    if (is_wildcard(&l->address))
        count = interfaces_addresses(l->address.family, out, HEARTBEAT_HOSTS_MAX);
    if (count == 0) out[count++] = l->address;
    return count;
}

static uint32_t ask_doors(const struct listen_address *l, struct heartbeat *out, uint32_t room)
{
    uint32_t asked = 0;
    struct listen_address one = *l;
    one.tcp = false;
    if (l->udp && asked < room) heartbeat_ask(&one, HEARTBEAT_TIMEOUT_MS, &out[asked++]);
    one.tcp = true;
    one.udp = false;
    if (l->tcp && asked < room) heartbeat_ask(&one, HEARTBEAT_TIMEOUT_MS, &out[asked++]);
    return asked;
}

uint32_t heartbeat_all(const struct app_opts *o, struct heartbeat out[HEARTBEATS_MAX])
{
    struct listen_address addresses[LISTEN_ADDRESSES_MAX];
    uint32_t count = sockets_wanted(o, addresses), asked = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct address hosts[HEARTBEAT_HOSTS_MAX];
        uint32_t host_count = hosts_of(&addresses[i], hosts);
        for (uint32_t k = 0; k < host_count; k++) {
            struct listen_address one = addresses[i];
            one.address = hosts[k];
            asked += ask_doors(&one, out + asked, HEARTBEATS_MAX - asked);
        }
    }
    return asked;
}

void heartbeat_url(const struct heartbeat *h, char out[HEARTBEAT_URL_BYTES])
{
    char at[ENDPOINT_TEXT_BYTES_MAX];
    snprintf(out, HEARTBEAT_URL_BYTES, "%s://%s", h->asked.udp ? "udp" : "http",
             endpoint_print(&h->asked.address, h->asked.port, at));
}
