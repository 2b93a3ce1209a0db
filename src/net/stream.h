/* stream.h - TCP connections that cost little while they wait: borrowed buffers, partial sends,
 * deadlines. Knows no protocol.
 *
 * Threads   one pool per loop; every call on the loop's thread.
 * Memory    received bytes lie in the pool's scratch while they are worked on. Only what has to
 *           wait (part of a request, bytes the peer does not take yet) moves into a buffer borrowed
 *           for that stream; a stream that merely waits for its peer borrows nothing. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/bytes.h"
#include "base/list.h"
#include "net/loop.h"

#include <stdatomic.h>

#define STREAM_SCRATCH_BYTES    65536u
#define STREAM_BUFFER_SIZES     5            /* 1K 4K 16K 64K 256K */
#define STREAM_BUFFER_BYTES_MAX 262144u      /* the largest of them */
#define STREAM_LENT_BYTES_MAX   (256u << 20) /* borrowed at one time, of a pool without a budget */
#define STREAM_SPARE_BYTES_MAX  (4u << 20)   /* kept for the next borrower, per pool */

/* What several pools may lend together. */
struct stream_budget {
    _Atomic uint64_t bytes_max, lent_bytes;
};

struct stream_pool {
    struct loop *loop;
    struct stream_budget
        *budget; /* NULL: STREAM_LENT_BYTES_MAX, for itself; set while none is lent */
    /* private */
    uint8_t *scratch;
    void *spare[STREAM_BUFFER_SIZES]; /* linked through their first word */
    size_t spare_bytes, lent_bytes;
};

/* Bytes [from, to) of a buffer; `at` is NULL when there are none. */
struct stream_bytes {
    uint8_t *at;
    uint32_t from, to;
    uint8_t size; /* index of the buffer's size */
};

struct stream {
    struct loop_source source;
    uint64_t deadline_ms;
    bool drained; /* the last receive took everything the socket had */
    bool last; /* set before a send: nothing follows but a shutdown or the close, at once. The end
                  of the connection then leaves in the segment of the last bytes */
    /* private */
    uint32_t events;     /* what epoll watches; 0: not registered */
    struct list waiting; /* in a queue of stream_wait() */
    struct stream_bytes in, out;
};

_Static_assert(sizeof(struct stream) <= 112, "an idle connection is cheap");

enum stream_io {
    STREAM_OK,
    STREAM_AGAIN, /* nothing to receive; or the peer takes no more and the rest is kept */
    STREAM_EOF,   /* the peer sends no more; it may still read */
    STREAM_GONE,  /* the connection is dead, or no buffer could be borrowed: close it */
};

enum err stream_pool_open(struct stream_pool *p, struct loop *loop) MUST_CHECK;
void stream_pool_close(struct stream_pool *p);

void stream_open(struct stream *s, int take_fd, loop_ready_fn *ready);
/* Give everything back and close the fd. With `abort`, unsent bytes are dropped and the peer gets
 * a reset, so that the kernel keeps nothing for a peer that does not read. */
void stream_close(struct stream_pool *p, struct stream *s, bool abort);

/* Give the fd away, watched by no loop any more. The bytes stay until stream_close(). */
int stream_release(struct stream_pool *p, struct stream *s);

/* Bytes that somebody else received before; the stream has none yet. ERR_FULL, ERR_NO_MEMORY. */
enum err stream_preload(struct stream_pool *p, struct stream *s, struct view bytes) MUST_CHECK;

/* One recv() behind the bytes already there. OK, AGAIN, EOF or GONE; GONE, too, when `keep_max` or
 * more of them are kept from an earlier turn. */
enum stream_io stream_receive(struct stream_pool *p, struct stream *s, size_t keep_max);

/* The bytes received and not consumed; valid until the next call on any stream of the pool. */
static inline struct view stream_input(const struct stream *s)
{
    return view_of(s->in.at + s->in.from, s->in.to - s->in.from);
}
void stream_consume(struct stream_pool *p, struct stream *s, size_t len);

/* Before another stream's turn: move what is left of the input out of the scratch.
 * ERR_FULL, ERR_NO_MEMORY. */
enum err stream_keep(struct stream_pool *p, struct stream *s) MUST_CHECK;

/* Send; nothing may be unsent from before. AGAIN: the rest is kept for stream_flush(). */
enum stream_io stream_send(struct stream_pool *p, struct stream *s, struct view bytes);
enum stream_io stream_flush(struct stream_pool *p, struct stream *s);

static inline bool stream_has_unsent(const struct stream *s)
{
    return s->out.at != NULL;
}

/* Have `ready` called for these EPOLL bits; one epoll_ctl, none when nothing changes. */
enum err stream_watch(struct stream_pool *p, struct stream *s, uint32_t events) MUST_CHECK;

/* Deadlines: a queue per kind of wait. Every stream of a queue waits equally long, so its head is
 * always the first one due and nothing is ever sorted or searched. */
static inline void stream_wait(struct stream *s, struct list *queue, uint64_t deadline_ms)
{
    list_remove(&s->waiting);
    list_append(queue, &s->waiting);
    s->deadline_ms = deadline_ms;
}

/* The stream that waits longest, or NULL. */
static inline struct stream *stream_first(const struct list *queue)
{
    return list_is_empty(queue) ? NULL : LIST_ENTRY(queue->next, struct stream, waiting);
}

#endif
