/* probe_udp.c - BEP 15 as a client: connect, announce each hash and take it back, scrape.
 *
 * Repeats    a request goes out again after 1/15, 3/15 and 7/15 of the timeout: BEP 15's doubling, in
 *            the time that a monitor has. Each repeat is a flaw, since somebody lost a packet.
 * Ids        a connection id is used for a minute (BEP 15), then a new one is asked for.
 * Strangers  the socket is connected, so only the tracker's own datagrams arrive. Those that do not
 *            fit the request are noted, and the wait goes on. */
#include "app/probe_job.h"
#include "base/clock.h"
#include "net/sockaddr.h"
#include "proto/udp_tracker.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 65536
#define ID_TTL_US        (60 * 1000000ull)
#define TRIES_MAX        4
#define TIMEOUT_PARTS    15 /* 1 + 2 + 4 + 8 */

struct udp_probe {
    const struct probe_job *job;
    struct probe_result *r;
    int fd;
    uint64_t connection_id, connected_us;
    uint8_t request[UDP_ANNOUNCE_REQUEST_BYTES_MAX];
    uint8_t bytes[ANSWER_BYTES_MAX];
    struct view answer;
    bool heard; /* any datagram at all */
};

struct exchange {
    const char *name;
    uint32_t action, transaction_id;
    struct view request;
    struct probe_step *step;
};

/* Does the datagram answer the request? Notes what is wrong with it. */
static bool is_answer(struct udp_probe *p, const struct exchange *x)
{
    uint32_t action, id, *flaws = &p->r->flaws;
    p->heard = true;
    if (!udp_read_head(p->answer, &action, &id)) *flaws |= FLAW_BIT(FLAW_SHORT_ANSWER);
    else if (id != x->transaction_id) *flaws |= FLAW_BIT(FLAW_FOREIGN_ID);
    else if (action != x->action && action != UDP_ERROR) *flaws |= FLAW_BIT(FLAW_WRONG_ACTION);
    else return true;
    return false;
}

/* 1: an answer; 0: nothing until then; -1: errno. */
static int wait_answer(struct udp_probe *p, const struct exchange *x, uint64_t until_us)
{
    for (;;) {
        uint64_t now_us = clock_now_us();
        if (now_us >= until_us) return 0;
        struct pollfd pfd = {.fd = p->fd, .events = POLLIN};
        int ready = poll(&pfd, 1, (int)((until_us - now_us + 999) / 1000));
        if (ready < 0 && errno != EINTR) return -1;
        if (ready <= 0) continue;
        ssize_t n = recv(p->fd, p->bytes, sizeof p->bytes, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) return -1;
        p->answer = view_of(p->bytes, (size_t)n);
        if (is_answer(p, x)) return 1;
    }
}

static int exchange_tries(struct udp_probe *p, const struct exchange *x)
{
    uint64_t part_us = (uint64_t)p->job->timeout_ms * 1000 / TIMEOUT_PARTS;
    uint64_t until_us = clock_now_us();
    int got = 0;
    for (x->step->tries = 1; x->step->tries <= TRIES_MAX; x->step->tries++) {
        until_us += part_us << (x->step->tries - 1);
        if (send(p->fd, x->request.ptr, x->request.len, 0) < 0) return -1;
        got = wait_answer(p, x, until_us);
        if (got != 0) return got;
    }
    x->step->tries = TRIES_MAX;
    return 0;
}

/* True when a good answer lies in p->answer; otherwise the result says why not. */
static bool exchange(struct udp_probe *p, const struct exchange *x)
{
    uint64_t start_us = clock_now_us();
    uint32_t action, id;
    int got = exchange_tries(p, x);
    x->step->us = (uint32_t)(clock_now_us() - start_us);
    x->step->done = got > 0;
    if (got < 0) probe_fail_errno(p->r, x->name, errno);
    if (got == 0)
        probe_fail(p->r, p->heard ? PROBE_ERROR : PROBE_UNREACHABLE, "%s: no %s within %u ms",
                   x->name, p->heard ? "fitting answer" : "answer", p->job->timeout_ms);
    if (x->step->tries > 1) p->r->flaws |= FLAW_BIT(FLAW_LOST);
    if (got <= 0) return false;
    (void)udp_read_head(p->answer, &action, &id);
    if (action != UDP_ERROR) return true;
    char text[PROBE_TEXT_BYTES];
    probe_text(udp_read_error(p->answer), text);
    if (x->action == UDP_SCRAPE) probe_scrape_refused(p->r, text);
    else probe_fail(p->r, PROBE_ERROR, "%s: \"%s\"", x->name, text);
    return false;
}

static struct view written(const struct udp_probe *p, const struct writer *w)
{
    return view_of(p->request, writer_used(w));
}

static bool connected(struct udp_probe *p)
{
    if (p->connected_us && clock_now_us() - p->connected_us < ID_TTL_US) return true;
    struct exchange x = {.name = "connect",
                         .action = UDP_CONNECT,
                         .step = &p->r->connect,
                         .transaction_id = randombytes_random()};
    struct writer w = writer_of(p->request, sizeof p->request);
    udp_write_connect(&w, x.transaction_id);
    x.request = written(p, &w);
    if (!exchange(p, &x)) return false;
    if (udp_read_connect(p->answer, &p->connection_id, &p->r->flaws) != ERR_OK) {
        p->r->flaws |= FLAW_BIT(FLAW_SHORT_ANSWER);
        probe_fail(p->r, PROBE_ERROR, "connect: an answer of %zu bytes", p->answer.len);
        return false;
    }
    p->connected_us = clock_now_us();
    return true;
}

/* Path and query as BEP 41 wants them. */
static struct view url_data(const struct probe_job *job, char *out, size_t size)
{
    const struct probe_url *u = &job->url;
    snprintf(out, size, "%s%s%s", u->path, u->query[0] ? "?" : "", u->query);
    return view_of_text(out);
}

static struct exchange announce_written(struct udp_probe *p, uint32_t hash, enum event event)
{
    struct probe_announce *a = &p->r->announces[hash];
    bool stops = event == EVENT_STOPPED;
    struct exchange x = {.name = stops ? "stopped" : "announce",
                         .action = UDP_ANNOUNCE,
                         .step = stops ? &a->stop : &a->step,
                         .transaction_id = randombytes_random()};
    struct announce request = probe_announce_of(p->job, hash, event);
    char url[2 * URL_PATH_BYTES_MAX + 1];
    struct writer w = writer_of(p->request, sizeof p->request);
    udp_write_announce(&w, p->connection_id, x.transaction_id, &request,
                       url_data(p->job, url, sizeof url));
    x.request = written(p, &w);
    return x;
}

/* An announce whose answer was lost may have been heard all the same: say stopped, expect nothing. */
static void stop_unheard(struct udp_probe *p, uint32_t hash)
{
    struct exchange x = announce_written(p, hash, EVENT_STOPPED);
    (void)send(p->fd, x.request.ptr, x.request.len, 0);
}

static void announce_and_stop(struct udp_probe *p, uint32_t hash)
{
    struct probe_announce *a = &p->r->announces[hash];
    if (!connected(p)) return;
    struct exchange x = announce_written(p, hash, EVENT_STARTED);
    if (!exchange(p, &x)) {
        if (a->step.done) probe_text(udp_read_error(p->answer), a->failure);
        else stop_unheard(p, hash);
        return;
    }
    if (udp_read_announce(p->answer, p->r->address.family, &a->answer) != ERR_OK) {
        p->r->flaws |= FLAW_BIT(FLAW_SHORT_ANSWER);
        probe_fail(p->r, PROBE_ERROR, "announce: an answer of %zu bytes", p->answer.len);
    } else {
        probe_announced(p->job, p->r, hash);
    }
    if (!connected(p)) return;
    x = announce_written(p, hash, EVENT_STOPPED);
    (void)exchange(p, &x);
}

static void scrape(struct udp_probe *p)
{
    if (!connected(p)) return;
    struct exchange x = {.name = "scrape",
                         .action = UDP_SCRAPE,
                         .step = &p->r->scrape,
                         .transaction_id = randombytes_random()};
    struct writer w = writer_of(p->request, sizeof p->request);
    udp_write_scrape(&w, p->connection_id, x.transaction_id, p->job->hashes, p->job->hash_count);
    x.request = written(p, &w);
    if (!exchange(p, &x)) return;
    if (udp_read_scrape(p->answer, p->job->hash_count, &p->r->scraped) != ERR_OK)
        p->r->flaws |= FLAW_BIT(FLAW_SHORT_ANSWER);
    p->r->flaws |= p->r->scraped.flaws;
}

static int socket_to(const struct probe_result *r)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_write(&ss, &r->address, r->port);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&ss, len) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

void probe_udp(const struct probe_job *job, struct probe_result *r)
{
    struct udp_probe *p = calloc(1, sizeof *p);
    if (!p) {
        probe_fail(r, PROBE_ERROR, "%s", err_text(ERR_NO_MEMORY));
        return;
    }
    p->job = job;
    p->r = r;
    p->fd = socket_to(r);
    if (p->fd < 0) probe_fail_errno(r, "connect", errno);
    if (p->fd >= 0 && connected(p)) {
        for (uint32_t i = 0; i < job->hash_count && r->verdict != PROBE_UNREACHABLE; i++)
            announce_and_stop(p, i);
        if (r->verdict != PROBE_UNREACHABLE) scrape(p);
    }
    if (p->fd >= 0) close(p->fd);
    free(p);
}
