/* loop.c - see loop.h. Level-triggered: a door that stops early is called again, none starves. */
#include "net/loop.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void wake_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    uint64_t count;
    ssize_t got = read(source->fd, &count, sizeof count);
    (void)got; /* only the wake-up matters */
}

static void clock_read(struct loop *l)
{
    l->now_us = clock_now_us();
    l->now_ms = l->now_us / 1000;
}

enum err loop_open(struct loop *l)
{
    *l = (struct loop){.epoll_fd = -1, .wake = {.fd = -1, .ready = wake_ready}};
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) return ERR_OS;
    l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake.fd < 0) goto fail;
    if (loop_add(l, &l->wake, EPOLLIN) != ERR_OK) goto fail;
    clock_read(l);
    return ERR_OK;
fail:
    loop_close(l);
    return ERR_OS;
}

void loop_close(struct loop *l)
{
    if (l->wake.fd >= 0) close(l->wake.fd);
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    l->wake.fd = l->epoll_fd = -1;
}

enum err loop_add(struct loop *l, struct loop_source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, s->fd, &e) == 0 ? ERR_OK : ERR_OS;
}

void loop_modify(struct loop *l, struct loop_source *s, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = s};
    int rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
    assert(rc == 0);
    (void)rc;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    for (int i = l->event_at; i < l->event_count; i++)
        if (l->events[i].data.ptr == s) l->events[i].data.ptr = NULL;
}

void loop_turn(struct loop *l, int timeout_ms)
{
    int n = epoll_wait(l->epoll_fd, l->events, LOOP_EVENTS_MAX, timeout_ms);
    clock_read(l);
    assert(n >= 0 || errno == EINTR);
    l->event_count = n > 0 ? n : 0;
    for (l->event_at = 0; l->event_at < l->event_count; l->event_at++) {
        struct loop_source *s = l->events[l->event_at].data.ptr;
        if (s) s->ready(s, l->events[l->event_at].events);
    }
}

uint64_t loop_elapsed_us(const struct loop *l)
{
    return clock_now_us() - l->now_us;
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    ssize_t put = write(l->wake.fd, &one, sizeof one);
    (void)put; /* EAGAIN: a wake-up is already pending */
}
