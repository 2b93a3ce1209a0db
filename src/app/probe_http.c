/* probe_http.c - BEP 3 and 48 as a client: a connection for each request, as clients make them.
 *
 * Bound      an answer is read into one buffer of PROBE_ANSWER_BYTES_MAX, until it is complete, too
 *            large, or the step's time is over.
 * Judging    whatever can be read is read: a bencoded body under a wrong status is a flaw, and only
 *            what no client can use is an error. */
#include "app/probe_job.h"
#include "base/clock.h"
#include "net/sockaddr.h"
#include "proto/http_response.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX (3 * URL_PATH_BYTES_MAX + PROBE_HASHES_MAX * 80 + 1024)

struct http_probe {
    const struct probe_job *job;
    struct probe_result *r;
    const char *name; /* of the step */
    int fd;
    uint64_t until_us;
    char request[REQUEST_BYTES_MAX];
    uint8_t *bytes;
    size_t len;
    struct http_response answer;
};

/* ---- bytes ---- */

/* True when the socket is ready in time. */
static bool wait_for(struct http_probe *p, short events)
{
    for (;;) {
        uint64_t now_us = clock_now_us();
        if (now_us >= p->until_us) break;
        struct pollfd pfd = {.fd = p->fd, .events = events};
        int ready = poll(&pfd, 1, (int)((p->until_us - now_us + 999) / 1000));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) break;
    }
    errno = ETIMEDOUT;
    return false;
}

static bool connect_to(struct http_probe *p)
{
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_write(&ss, &p->r->address, p->r->port);
    p->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) return false;
    if (connect(p->fd, (struct sockaddr *)&ss, len) == 0) return true;
    if (errno != EINPROGRESS || !wait_for(p, POLLOUT)) return false;
    int why = 0;
    socklen_t why_len = sizeof why;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &why, &why_len) != 0) return false;
    errno = why;
    return why == 0;
}

static bool send_all(struct http_probe *p)
{
    struct view rest = view_of_text(p->request);
    while (rest.len) {
        ssize_t n = send(p->fd, rest.ptr, rest.len, MSG_NOSIGNAL);
        if (n > 0) rest = view_from(rest, (size_t)n);
        else if (errno == EAGAIN && !wait_for(p, POLLOUT)) return false;
        else if (errno != EAGAIN && errno != EINTR) return false;
    }
    return true;
}

enum read_end { READ_ANSWER, READ_NOT_HTTP, READ_TOO_LARGE, READ_FAILED };

static enum read_end read_answer(struct http_probe *p)
{
    for (p->len = 0; p->len < PROBE_ANSWER_BYTES_MAX;) {
        ssize_t n = recv(p->fd, p->bytes + p->len, PROBE_ANSWER_BYTES_MAX - p->len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno != EAGAIN || !wait_for(p, POLLIN))) return READ_FAILED;
        if (n < 0) continue;
        p->len += (size_t)n;
        int64_t used = http_response_parse(p->bytes, p->len, n == 0, false, &p->answer);
        if (used < 0) return READ_NOT_HTTP;
        if (used > 0) return READ_ANSWER;
    }
    return READ_TOO_LARGE;
}

/* ---- one step ---- */

static bool exchange_on(struct http_probe *p, struct probe_step *connect_step,
                        struct probe_step *step)
{
    uint64_t start_us = clock_now_us();
    p->until_us = start_us + (uint64_t)p->job->timeout_ms * 1000;
    if (!connect_to(p)) {
        probe_fail_errno(p->r, "connect", errno);
        return false;
    }
    uint64_t connected_us = clock_now_us();
    if (!connect_step->done)
        *connect_step = (struct probe_step){
            .done = true, .tries = 1, .us = (uint32_t)(connected_us - start_us)};
    enum read_end end = send_all(p) ? read_answer(p) : READ_FAILED;
    step->us = (uint32_t)(clock_now_us() - connected_us);
    step->tries = 1;
    step->done = end == READ_ANSWER;
    if (end == READ_FAILED) probe_fail_errno(p->r, p->name, errno);
    if (end == READ_TOO_LARGE)
        probe_fail(p->r, PROBE_ERROR, "%s: more than %u bytes", p->name, PROBE_ANSWER_BYTES_MAX);
    if (end == READ_NOT_HTTP)
        probe_fail(p->r, PROBE_ERROR,
                   p->len ? "%s: the answer is no HTTP, or cut short"
                          : "%s: the connection was closed without an answer",
                   p->name);
    return step->done;
}

static bool exchange(struct http_probe *p, struct probe_step *step)
{
    bool good = exchange_on(p, &p->r->connect, step);
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    return good;
}

/* ---- requests ---- */

static void write_escaped(struct writer *w, const uint8_t *bytes, size_t len)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        writer_u8(w, '%');
        writer_u8(w, (uint8_t)DIGITS[bytes[i] >> 4]);
        writer_u8(w, (uint8_t)DIGITS[bytes[i] & 15]);
    }
}

static void write_text(struct writer *w, const char *text)
{
    writer_view(w, view_of_text(text));
}

static void write_start(struct http_probe *p, struct writer *w, const char *path)
{
    *w = writer_of(p->request, sizeof p->request - 1);
    write_text(w, "GET ");
    write_text(w, path);
    write_text(w, "?");
    write_text(w, p->job->url.query);
    if (p->job->url.query[0]) write_text(w, "&");
}

static void write_end(struct http_probe *p, struct writer *w)
{
    char authority[URL_AUTHORITY_BYTES_MAX];
    probe_url_authority(&p->job->url, authority);
    write_text(w, " HTTP/1.1\r\nHost: ");
    write_text(w, authority);
    write_text(w, "\r\nUser-Agent: muster/" MUSTER_VERSION "\r\nAccept: */*\r\n"
                  "Accept-Encoding: identity\r\nConnection: close\r\n\r\n");
    p->request[writer_used(w)] = '\0'; /* one byte was kept for it; the bounds of a URL fit */
}

static void write_announce(struct http_probe *p, uint32_t hash, enum event event)
{
    struct announce a = probe_announce_of(p->job, hash, event);
    struct writer w;
    char numbers[160];
    write_start(p, &w, p->job->url.path);
    write_text(&w, "info_hash=");
    write_escaped(&w, a.info_hash.bytes, INFO_HASH_BYTES);
    write_text(&w, "&peer_id=");
    write_escaped(&w, a.peer_id.bytes, PEER_ID_BYTES);
    snprintf(numbers, sizeof numbers,
             "&port=%u&uploaded=0&downloaded=0&left=%u&compact=1&numwant=%d&key=%08X&event=%s",
             a.port, (unsigned)a.left, a.numwant, a.key,
             event == EVENT_STOPPED ? "stopped" : "started");
    write_text(&w, numbers);
    write_end(p, &w);
}

static void write_scrape(struct http_probe *p, const char *path)
{
    struct writer w;
    write_start(p, &w, path);
    for (uint32_t i = 0; i < p->job->hash_count; i++) {
        write_text(&w, i ? "&info_hash=" : "info_hash=");
        write_escaped(&w, p->job->hashes[i].bytes, INFO_HASH_BYTES);
    }
    write_end(p, &w);
}

/* ---- answers ---- */

/* The status line, for a person. */
static void fail_status(struct http_probe *p)
{
    char reason[PROBE_TEXT_BYTES], location[PROBE_TEXT_BYTES];
    struct view v = {0};
    probe_text(p->answer.reason, reason);
    bool moved = p->answer.status / 100 == 3 && http_response_header(&p->answer, "Location", &v);
    probe_text(v, location);
    probe_fail(p->r, PROBE_ERROR, "%s: HTTP %d %.60s%s%.100s", p->name, p->answer.status, reason,
               moved ? ", moved to " : "", location);
}

/* Is there a body worth reading? Says why not. */
static bool is_readable(struct http_probe *p, enum err err)
{
    struct view encoding;
    if (http_response_header(&p->answer, "Content-Encoding", &encoding) &&
        !view_equal_nocase(encoding, VIEW("identity")))
        p->r->flaws |= FLAW_BIT(FLAW_COMPRESSED);
    if (err == ERR_OK) {
        if (p->answer.status != 200) p->r->flaws |= FLAW_BIT(FLAW_STATUS);
        return true;
    }
    if (p->answer.status != 200) fail_status(p);
    else probe_fail(p->r, PROBE_ERROR, "%s: the body is no bencoded answer", p->name);
    return false;
}

static void announce_and_stop(struct http_probe *p, uint32_t hash)
{
    struct probe_announce *a = &p->r->announces[hash];
    p->name = "announce";
    write_announce(p, hash, EVENT_STARTED);
    if (!exchange(p, &a->step)) return;
    enum err err = http_read_announce(p->answer.body, &a->answer);
    if (!is_readable(p, err)) return;
    probe_announced(p->job, p->r, hash);
    bool refused = a->answer.failure.len > 0;
    a->answer.failure = a->answer.warning = (struct view){0}; /* the buffer is used again */
    if (refused) return;
    p->name = "stopped";
    write_announce(p, hash, EVENT_STOPPED);
    (void)exchange(p, &a->stop);
}

static void scrape(struct http_probe *p)
{
    char path[URL_PATH_BYTES_MAX];
    struct probe_result *r = p->r;
    p->name = "scrape";
    if (!probe_url_scrape_path(&p->job->url, path)) {
        r->flaws |= FLAW_BIT(FLAW_NO_SCRAPE);
        return;
    }
    write_scrape(p, path);
    if (!exchange(p, &r->scrape)) return;
    enum err err =
        http_read_scrape(p->answer.body, p->job->hashes, p->job->hash_count, &r->scraped);
    if (err != ERR_OK && p->answer.status == 404) {
        r->scrape.done = false;
        r->flaws |= FLAW_BIT(FLAW_NO_SCRAPE);
        return;
    }
    if (!is_readable(p, err)) return;
    r->flaws |= r->scraped.flaws;
    char text[PROBE_TEXT_BYTES];
    probe_text(r->scraped.failure, text);
    if (text[0]) probe_scrape_refused(r, text);
    r->scraped.failure = (struct view){0};
}

void probe_http(const struct probe_job *job, struct probe_result *r)
{
    struct http_probe *p = calloc(1, sizeof *p);
    uint8_t *bytes = malloc(PROBE_ANSWER_BYTES_MAX);
    if (p && bytes) {
        *p = (struct http_probe){.job = job, .r = r, .fd = -1, .bytes = bytes};
        for (uint32_t i = 0; i < job->hash_count && r->verdict < PROBE_UNREACHABLE; i++)
            announce_and_stop(p, i);
        if (r->verdict < PROBE_UNREACHABLE) scrape(p);
    } else {
        probe_fail(r, PROBE_ERROR, "%s", err_text(ERR_NO_MEMORY));
    }
    free(bytes);
    free(p);
}
