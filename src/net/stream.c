/* stream.c - see stream.h.
 *
 * Idea      most requests arrive whole in one segment and most answers fit the socket's buffer, so
 *           the bytes of a connection exist only while its turn lasts: in one scratch buffer that
 *           stays in the cache. The exceptions borrow, in steps of four so that a connection that
 *           trickles a request costs about what it sent and not the largest allowed request.
 * Rejected  a buffer per connection (60 000 idle ones would hold a gigabyte); registering each
 *           connection with epoll at accept (two system calls that one-request clients never need). */
#include "net/stream.h"

#include "base/metrics.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SIZE_SCRATCH STREAM_BUFFER_SIZES /* stream_bytes.size of bytes in the pool's scratch */

static size_t size_bytes(unsigned size)
{
    return (size_t)1024 << (2 * size);
}

_Static_assert(((size_t)1024 << (2 * (STREAM_BUFFER_SIZES - 1))) == STREAM_BUFFER_BYTES_MAX,
               "the sizes end with the largest");

enum err stream_pool_open(struct stream_pool *p, struct loop *loop)
{
    *p = (struct stream_pool){.loop = loop};
    p->scratch = malloc(STREAM_SCRATCH_BYTES);
    return p->scratch ? ERR_OK : ERR_NO_MEMORY;
}

void stream_pool_close(struct stream_pool *p)
{
    assert(p->lent_bytes == 0);
    for (unsigned size = 0; size < STREAM_BUFFER_SIZES; size++)
        while (p->spare[size]) {
            void *buffer = p->spare[size];
            memcpy(&p->spare[size], buffer, sizeof(void *));
            free(buffer);
        }
    free(p->scratch);
    *p = (struct stream_pool){.loop = NULL};
}

/* ---- buffers ---- */

/* Count `bytes` in as lent; false when that is too much. */
static bool lend(struct stream_pool *p, size_t bytes)
{
    struct stream_budget *b = p->budget;
    if (!b) {
        if (p->lent_bytes + bytes > STREAM_LENT_BYTES_MAX) return false;
    } else if (atomic_fetch_add(&b->lent_bytes, bytes) + bytes > atomic_load(&b->bytes_max)) {
        atomic_fetch_sub(&b->lent_bytes, bytes);
        metrics_inc(METRIC_TCP_BUFFERS_FULL);
        return false;
    }
    p->lent_bytes += bytes;
    return true;
}

static void lent_back(struct stream_pool *p, size_t bytes)
{
    p->lent_bytes -= bytes;
    if (p->budget) atomic_fetch_sub(&p->budget->lent_bytes, bytes);
}

static enum err buffer_borrow(struct stream_pool *p, size_t bytes, struct stream_bytes *out)
{
    unsigned size = 0;
    while (size < STREAM_BUFFER_SIZES && size_bytes(size) < bytes)
        size++;
    if (size == STREAM_BUFFER_SIZES || !lend(p, size_bytes(size))) return ERR_FULL;
    void *buffer = p->spare[size];
    if (buffer) {
        memcpy(&p->spare[size], buffer, sizeof(void *));
        p->spare_bytes -= size_bytes(size);
    } else {
        buffer = malloc(size_bytes(size));
        if (!buffer) {
            lent_back(p, size_bytes(size));
            return ERR_NO_MEMORY;
        }
    }
    *out = (struct stream_bytes){.at = buffer, .size = (uint8_t)size};
    return ERR_OK;
}

static void buffer_return(struct stream_pool *p, struct stream_bytes *b)
{
    uint8_t *buffer = b->at;
    unsigned size = b->size;
    *b = (struct stream_bytes){.at = NULL};
    if (!buffer || size == SIZE_SCRATCH) return;
    lent_back(p, size_bytes(size));
    if (p->spare_bytes + size_bytes(size) > STREAM_SPARE_BYTES_MAX) {
        free(buffer);
        return;
    }
    memcpy(buffer, &p->spare[size], sizeof(void *));
    p->spare[size] = buffer;
    p->spare_bytes += size_bytes(size);
}

/* Move the bytes of `b` into a buffer with room for `bytes`. */
static enum err buffer_move(struct stream_pool *p, struct stream_bytes *b, size_t bytes)
{
    struct stream_bytes larger;
    enum err err = buffer_borrow(p, bytes, &larger);
    if (err != ERR_OK) return err;
    larger.to = b->to - b->from;
    memcpy(larger.at, b->at + b->from, larger.to);
    buffer_return(p, b);
    *b = larger;
    return ERR_OK;
}

/* ---- life ---- */

void stream_open(struct stream *s, int take_fd, loop_ready_fn *ready)
{
    *s = (struct stream){.source = {.fd = take_fd, .ready = ready}};
    list_init(&s->waiting);
}

void stream_close(struct stream_pool *p, struct stream *s, bool abort)
{
    list_remove(&s->waiting);
    buffer_return(p, &s->in);
    buffer_return(p, &s->out);
    if (s->events) loop_remove(p->loop, &s->source);
    if (abort && s->source.fd >= 0) {
        struct linger none = {.l_onoff = 1, .l_linger = 0};
        setsockopt(s->source.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    if (s->source.fd >= 0 && close(s->source.fd) != 0) metrics_errno(CALL_CLOSE, errno);
    s->source.fd = -1;
    s->events = 0;
}

int stream_release(struct stream_pool *p, struct stream *s)
{
    int fd = s->source.fd;
    if (s->events) loop_remove(p->loop, &s->source);
    s->source.fd = -1;
    s->events = 0;
    return fd;
}

enum err stream_preload(struct stream_pool *p, struct stream *s, struct view bytes)
{
    assert(!s->in.at && bytes.len);
    enum err err = buffer_borrow(p, bytes.len, &s->in);
    if (err != ERR_OK) return err;
    memcpy(s->in.at, bytes.ptr, bytes.len);
    s->in.to = (uint32_t)bytes.len;
    return ERR_OK;
}

enum err stream_watch(struct stream_pool *p, struct stream *s, uint32_t events)
{
    assert(events);
    if (s->events == events) return ERR_OK;
    if (!s->events) {
        enum err err = loop_add(p->loop, &s->source, events);
        if (err != ERR_OK) return err;
    } else {
        loop_modify(p->loop, &s->source, events);
    }
    s->events = events;
    return ERR_OK;
}

/* ---- receiving ---- */

/* Room behind the kept bytes: shift them to the front, then borrow more, up to keep_max. ERR_FULL
 * also when so many are kept already: a reload may lower the limit at any moment of a turn. */
static enum err input_room(struct stream_pool *p, struct stream *s, size_t keep_max)
{
    struct stream_bytes *in = &s->in;
    if (!in->at) {
        *in = (struct stream_bytes){.at = p->scratch, .size = SIZE_SCRATCH};
        return ERR_OK;
    }
    assert(in->size != SIZE_SCRATCH);
    if (in->to - in->from >= keep_max) return ERR_FULL;
    if (in->from) {
        memmove(in->at, in->at + in->from, in->to - in->from);
        in->to -= in->from;
        in->from = 0;
    }
    if (in->to < size_bytes(in->size)) return ERR_OK;
    return buffer_move(p, in, in->to + 1u);
}

enum stream_io stream_receive(struct stream_pool *p, struct stream *s, size_t keep_max)
{
    if (input_room(p, s, keep_max) != ERR_OK) return STREAM_GONE;
    struct stream_bytes *in = &s->in;
    size_t room = STREAM_SCRATCH_BYTES;
    if (in->size != SIZE_SCRATCH) {
        room = size_bytes(in->size) < keep_max ? size_bytes(in->size) : keep_max;
        room -= in->to;
    }
    ssize_t got = recv(s->source.fd, in->at + in->to, room, 0);
    s->drained = got < (ssize_t)room;
    if (got > 0) {
        in->to += (uint32_t)got;
        metrics_inc(METRIC_TCP_RECVS);
        metrics_add(METRIC_HTTP_RECV_BYTES, (uint64_t)got);
        return STREAM_OK;
    }
    int error = errno;
    if (in->from == in->to) buffer_return(p, in);
    if (got == 0) {
        metrics_inc(METRIC_TCP_ENDS);
        return STREAM_EOF;
    }
    if (error == EAGAIN || error == EINTR) return STREAM_AGAIN;
    metrics_errno(CALL_RECV, error);
    return STREAM_GONE;
}

void stream_consume(struct stream_pool *p, struct stream *s, size_t len)
{
    assert(len <= s->in.to - s->in.from);
    s->in.from += (uint32_t)len;
    if (s->in.from == s->in.to) buffer_return(p, &s->in);
}

enum err stream_keep(struct stream_pool *p, struct stream *s)
{
    if (!s->in.at || s->in.size != SIZE_SCRATCH) return ERR_OK;
    return buffer_move(p, &s->in, s->in.to - s->in.from);
}

/* ---- sending ---- */

/* MSG_MORE holds the last segment back until shutdown() or close() puts the FIN on it: one segment
 * less to build, to pass through the stack and to acknowledge. */
static int send_flags(const struct stream *s)
{
    return MSG_NOSIGNAL | (s->last ? MSG_MORE : 0);
}

/* How many bytes the kernel took; -1: the connection is dead. */
static ssize_t send_once(const struct stream *s, const uint8_t *bytes, size_t len)
{
    ssize_t sent = send(s->source.fd, bytes, len, send_flags(s));
    if (sent >= 0) {
        metrics_inc(METRIC_TCP_SENDS);
        metrics_add(METRIC_HTTP_SENT_BYTES, (uint64_t)sent);
        return sent;
    }
    if (errno != EAGAIN && errno != EINTR) {
        metrics_errno(CALL_SEND, errno);
        return -1;
    }
    metrics_inc(METRIC_TCP_WAITS);
    return 0;
}

enum stream_io stream_send(struct stream_pool *p, struct stream *s, struct view bytes)
{
    assert(!stream_has_unsent(s));
    if (bytes.len == 0) return STREAM_OK;
    ssize_t sent = send_once(s, bytes.ptr, bytes.len);
    if (sent < 0) return STREAM_GONE;
    size_t rest = bytes.len - (size_t)sent;
    if (rest == 0) return STREAM_OK;
    if (buffer_borrow(p, rest, &s->out) != ERR_OK) return STREAM_GONE;
    memcpy(s->out.at, bytes.ptr + sent, rest);
    s->out.to = (uint32_t)rest;
    return STREAM_AGAIN;
}

enum stream_io stream_flush(struct stream_pool *p, struct stream *s)
{
    if (!stream_has_unsent(s)) return STREAM_OK;
    struct stream_bytes *out = &s->out;
    ssize_t sent = send_once(s, out->at + out->from, out->to - out->from);
    if (sent < 0) return STREAM_GONE;
    out->from += (uint32_t)sent;
    if (out->from < out->to) return STREAM_AGAIN;
    buffer_return(p, out);
    return STREAM_OK;
}
