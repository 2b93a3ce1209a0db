/* activation.c - see activation.h.
 *
 * Why        a port below 1024 without any right, and connections that wait through a restart: the
 *            manager holds the sockets, not we.
 * Workers    share such a socket, where otherwise each has its own: the kernel lets sockets of one port
 *            be joined only by the user who opened the first, and that was root. Under load own sockets
 *            are faster (docs/performance.md). */
#include "app/activation.h"

#include "app/notify.h"
#include "base/log.h"
#include "net/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int option_of(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) == 0 ? value : -1;
}

static enum err refuse(int fd, const char *name, const char *why)
{
    log_line(LOG_ERROR, "socket %d (%s) of the service manager: %s", fd, name, why);
    return ERR_BAD_VALUE;
}

static enum err look_at_ip(struct given_socket *g, const char *name)
{
    struct sockaddr_storage ss = {0};
    socklen_t len = sizeof ss;
    struct listen_address *l = &g->address;
    if (getsockname(g->fd, (struct sockaddr *)&ss, &len) != 0 ||
        !sockaddr_read(&ss, &l->address, &l->port))
        return refuse(g->fd, name, "it has no IP address");
    if (ss.ss_family == AF_INET6 && option_of(g->fd, IPPROTO_IPV6, IPV6_V6ONLY) != 1)
        return refuse(g->fd, name, "it takes IPv4, too: say BindIPv6Only=ipv6-only");
    l->proxy = strcmp(name, "proxy") == 0;
    l->tcp = g->is_tcp;
    l->udp = !g->is_tcp;
    g->is_admin = g->is_tcp && strcmp(name, "admin") == 0;
    return ERR_OK;
}

static enum err look_at(struct given_socket *g, const char *name)
{
    int type = option_of(g->fd, SOL_SOCKET, SO_TYPE);
    g->is_tcp = type == SOCK_STREAM;
    g->is_unix = option_of(g->fd, SOL_SOCKET, SO_DOMAIN) == AF_UNIX;
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        return refuse(g->fd, name, "it is neither stream nor datagram");
    if (g->is_tcp && option_of(g->fd, SOL_SOCKET, SO_ACCEPTCONN) != 1)
        return refuse(g->fd, name, "nobody listens on it: say Accept=no");
    if (g->is_unix && !g->is_tcp) return refuse(g->fd, name, "the Unix socket must be a stream");
    return g->is_unix ? ERR_OK : look_at_ip(g, name);
}

enum err activation_add(struct activation *a, int take_fd, const char *name)
{
    struct given_socket given = {.fd = take_fd};
    enum err err = a->count == ACTIVATION_SOCKETS_MAX ? refuse(take_fd, name, "too many")
                                                      : look_at(&given, name);
    if (err == ERR_OK) a->all[a->count++] = given;
    else close(take_fd);
    return err;
}

static void names_free(char **names)
{
    for (char **n = names; n && *n; n++)
        free(*n);
    free(names);
}

enum err activation_take(struct activation *a)
{
    char **names = NULL;
    enum err err = ERR_OK;
    int count = notify_sockets(&names);
    a->count = 0;
    for (int i = 0; i < count; i++) {
        struct given_socket given = {.fd = NOTIFY_SOCKETS_FIRST + i};
        if (a->count == ACTIVATION_SOCKETS_MAX) err = refuse(given.fd, "one of many", "too many");
        else a->all[a->count++] = given;
    }
    for (uint32_t i = 0; err == ERR_OK && i < a->count; i++)
        err = look_at(&a->all[i], names && names[i] ? names[i] : "");
    names_free(names);
    return err;
}

uint32_t activation_doors(const struct activation *a)
{
    uint32_t doors = 0;
    for (uint32_t i = 0; i < a->count; i++)
        doors += !a->all[i].is_unix && !a->all[i].is_admin;
    return doors;
}

void activation_close(struct activation *a)
{
    for (uint32_t i = 0; i < a->count; i++)
        if (a->all[i].fd >= 0) close(a->all[i].fd);
    a->count = 0;
}
