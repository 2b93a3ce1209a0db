/* handoff.c - see handoff.h.
 *
 * Wake-up   an eventfd of its own in the door's loop: written when the queue was empty, read when a
 *           turn's share is taken, so a burst costs the workers one write.
 * Rejected  SCM_RIGHTS or a pipe per worker: the threads share descriptors anyway. */
#include "admin/handoff.h"

#include "base/list.h"
#include "base/lock.h"
#include "net/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TAKES_PER_TURN 32

struct place {
    struct list link;
    int fd;
    struct address client;
    uint32_t len;
    uint8_t bytes[STREAM_SCRATCH_BYTES];
};

struct handoff {
    struct loop_source source; /* first: an event is its queue */
    struct loop *loop;
    handoff_take_fn *take;
    void *ctx;
    struct lock lock;
    /* lock */
    struct list waiting, free;
    struct place places[HANDOFF_MAX];
};

static struct place *place_pop(struct handoff *h, struct list *from)
{
    struct place *p = NULL;
    lock_take(&h->lock);
    if (!list_is_empty(from)) {
        p = LIST_ENTRY(from->next, struct place, link);
        list_remove(&p->link);
    }
    lock_release(&h->lock);
    return p;
}

static void place_free(struct handoff *h, struct place *p)
{
    lock_take(&h->lock);
    list_prepend(&h->free, &p->link);
    lock_release(&h->lock);
}

static void wake(const struct handoff *h)
{
    uint64_t one = 1;
    ssize_t put = write(h->source.fd, &one, sizeof one);
    assert(put == sizeof one);
    (void)put;
}

static void handoff_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct handoff *h = (struct handoff *)source;
    uint64_t count;
    ssize_t got = read(source->fd, &count, sizeof count);
    (void)got; /* only the wake-up matters */
    for (int i = 0; i < TAKES_PER_TURN; i++) {
        struct place *p = place_pop(h, &h->waiting);
        if (!p) return;
        h->take(h->ctx, p->fd, &p->client, view_of(p->bytes, p->len));
        place_free(h, p);
    }
    wake(h); /* more may wait: come again after the others' turn */
}

enum err handoff_open(struct handoff **out, struct loop *loop, handoff_take_fn *take, void *ctx)
{
    enum err err = ERR_OS;
    struct handoff *h = calloc(1, sizeof *h);
    if (!h) return ERR_NO_MEMORY;
    h->source =
        (struct loop_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = handoff_ready};
    h->loop = loop;
    h->take = take;
    h->ctx = ctx;
    list_init(&h->waiting);
    list_init(&h->free);
    for (size_t i = 0; i < HANDOFF_MAX; i++)
        list_append(&h->free, &h->places[i].link);
    if (h->source.fd < 0) goto fail;
    err = loop_add(loop, &h->source, EPOLLIN);
    if (err != ERR_OK) goto fail;
    *out = h;
    return ERR_OK;
fail:
    if (h->source.fd >= 0) close(h->source.fd);
    free(h);
    return err;
}

bool handoff_put(struct handoff *h, int fd, const struct address *client, struct view bytes)
{
    assert(bytes.len <= STREAM_SCRATCH_BYTES);
    struct place *p = place_pop(h, &h->free);
    if (!p) return false;
    p->fd = fd;
    p->client = *client;
    p->len = (uint32_t)bytes.len;
    memcpy(p->bytes, bytes.ptr, bytes.len);
    lock_take(&h->lock);
    bool was_empty = list_is_empty(&h->waiting);
    list_append(&h->waiting, &p->link);
    lock_release(&h->lock);
    if (was_empty) wake(h);
    return true;
}

bool handoff_is_empty(struct handoff *h)
{
    lock_take(&h->lock);
    bool is_empty = list_is_empty(&h->waiting);
    lock_release(&h->lock);
    return is_empty;
}

void handoff_close(struct handoff *h)
{
    if (!h) return;
    for (struct place *p; (p = place_pop(h, &h->waiting));)
        close(p->fd);
    loop_remove(h->loop, &h->source);
    close(h->source.fd);
    free(h);
}
