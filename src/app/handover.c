/* handover.c - see handover.h. A frame is a head of type and length, then its bytes; a descriptor goes
 * with the first byte of the head. */
#include "app/handover.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct head {
    uint32_t type, bytes;
};

enum err handover_pair(struct handover *mine, struct handover *other)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0) return ERR_OS;
    *mine = (struct handover){.fd = fds[0]};
    *other = (struct handover){.fd = fds[1]};
    return ERR_OK;
}

void handover_close(struct handover *h)
{
    if (h->fd >= 0) close(h->fd);
    free(h->bytes);
    *h = (struct handover){.fd = -1};
}

static enum err wait_for(int fd, short events, uint32_t timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int n;
    while ((n = poll(&p, 1, (int)timeout_ms)) < 0 && errno == EINTR)
        ;
    if (n == 0) errno = ETIMEDOUT;
    return n > 0 ? ERR_OK : ERR_OS;
}

/* ---- sending ---- */

union control {
    struct cmsghdr head;
    uint8_t bytes[CMSG_SPACE(sizeof(int))];
};

static void control_write(struct msghdr *m, union control *c, int fd)
{
    m->msg_control = c->bytes;
    m->msg_controllen = sizeof c->bytes;
    struct cmsghdr *head = CMSG_FIRSTHDR(m);
    *head = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
}

/* Take what was sent off the front. */
static void advance(struct msghdr *m, size_t sent)
{
    while (m->msg_iovlen && sent >= m->msg_iov->iov_len) {
        sent -= m->msg_iov->iov_len;
        m->msg_iov++;
        m->msg_iovlen--;
    }
    if (!m->msg_iovlen) return;
    m->msg_iov->iov_base = (uint8_t *)m->msg_iov->iov_base + sent;
    m->msg_iov->iov_len -= sent;
}

enum err handover_send(struct handover *h, enum handover_type type, struct view bytes, int fd)
{
    struct head head = {.type = type, .bytes = (uint32_t)bytes.len};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)(uintptr_t)bytes.ptr, bytes.len}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};
    union control control = {.bytes = {0}};
    if (fd >= 0) control_write(&m, &control, fd);
    while (m.msg_iovlen) {
        ssize_t sent = sendmsg(h->fd, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN) return ERR_OS;
        if (sent < 0 && wait_for(h->fd, POLLOUT, HANDOVER_STALL_MS) != ERR_OK) return ERR_OS;
        if (sent <= 0) continue;
        m.msg_control = NULL;
        m.msg_controllen = 0;
        advance(&m, (size_t)sent);
    }
    return ERR_OK;
}

/* ---- receiving ---- */

static int control_read(struct msghdr *m)
{
    int fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

/* Fill `bytes`; a descriptor that comes with them goes to *fd. */
static enum err receive_all(struct handover *h, uint8_t *at, size_t bytes, int *fd)
{
    while (bytes) {
        union control control;
        struct iovec part = {at, bytes};
        struct msghdr m = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
        ssize_t got = recvmsg(h->fd, &m, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) continue;
        if (got == 0) errno = ECONNRESET;
        if (got == 0 || (got < 0 && errno != EAGAIN)) return ERR_OS;
        if (got < 0) {
            if (wait_for(h->fd, POLLIN, HANDOVER_STALL_MS) != ERR_OK) return ERR_OS;
            continue;
        }
        if (*fd < 0) *fd = control_read(&m);
        at += got;
        bytes -= (size_t)got;
    }
    return ERR_OK;
}

static enum err room_make(struct handover *h, size_t bytes)
{
    if (bytes > HANDOVER_BYTES_MAX) return ERR_FULL;
    if (bytes <= h->room) return ERR_OK;
    uint8_t *larger = realloc(h->bytes, bytes);
    if (!larger) return ERR_NO_MEMORY;
    h->bytes = larger;
    h->room = bytes;
    return ERR_OK;
}

enum err handover_receive(struct handover *h, uint32_t timeout_ms, struct handover_frame *out)
{
    struct head head;
    int fd = -1;
    enum err err = wait_for(h->fd, POLLIN, timeout_ms);
    if (err == ERR_OK) err = receive_all(h, (uint8_t *)&head, sizeof head, &fd);
    if (err == ERR_OK) err = room_make(h, head.bytes);
    if (err == ERR_OK) err = receive_all(h, h->bytes, head.bytes, &fd);
    if (err != ERR_OK) {
        int why = errno;
        if (fd >= 0) close(fd);
        errno = why;
        return err;
    }
    *out = (struct handover_frame){
        .type = head.type, .bytes = view_of(h->bytes, head.bytes), .take_fd = fd};
    return ERR_OK;
}
