/* sockets.c - from `listen` values to bound sockets.
 *
 * Probe      each address is first bound once without SO_REUSEPORT and let go: only that tells
 *            whether another process of the same user, such as a muster started twice, has it.
 *            All are probed before any is opened, so addresses of our own may overlap.
 * No IPv6    is no error where IPv6 was not asked for by address. */
#include "app/sockets.h"

#include "app/options_list.h"
#include "base/log.h"
#include "net/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- which addresses ---- */

struct wish {
    struct listen_address address;
    bool may_fail; /* IPv6 that nobody asked for by address */
};

struct wishes {
    struct wish all[LISTEN_ADDRESSES_MAX];
    uint32_t count;
};

static void wish_add(struct wishes *w, const struct app_opts *o, struct listen_address a,
                     bool may_fail)
{
    if (a.address.family == FAMILY_V4 ? o->no_ipv4 : o->no_ipv6) return;
    a.udp = a.udp && !o->no_udp;
    a.tcp = a.tcp && !o->no_tcp;
    if (!a.udp && !a.tcp) return;
    if (!a.port) a.port = o->port;
    a.any_family = false;
    assert(w->count < LISTEN_ADDRESSES_MAX);
    w->all[w->count++] = (struct wish){.address = a, .may_fail = may_fail};
}

static void wish_add_both(struct wishes *w, const struct app_opts *o, struct listen_address a)
{
    a.address = (struct address){.family = FAMILY_V4};
    wish_add(w, o, a, false);
    a.address = (struct address){.family = FAMILY_V6};
    wish_add(w, o, a, !o->no_ipv4);
}

static void wishes_fill(struct wishes *w, const struct app_opts *o)
{
    w->count = 0;
    if (o->listen_count == 0)
        wish_add_both(w, o, (struct listen_address){.udp = true, .tcp = true});
    for (uint32_t i = 0; i < o->listen_count; i++) {
        if (o->listen[i].any_family) wish_add_both(w, o, o->listen[i]);
        else wish_add(w, o, o->listen[i], false);
    }
}

uint32_t sockets_wanted(const struct app_opts *o, struct listen_address out[LISTEN_ADDRESSES_MAX])
{
    struct wishes w;
    wishes_fill(&w, o);
    for (uint32_t i = 0; i < w.count; i++)
        out[i] = w.all[i].address;
    return w.count;
}

/* ---- is it free? ---- */

static bool probe_bind(int fd, const struct listen_address *a, bool is_tcp)
{
    int on = 1;
    if (is_tcp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return false;
    if (a->address.family == FAMILY_V6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return false;
    struct sockaddr_storage ss;
    socklen_t len = sockaddr_write(&ss, &a->address, a->port);
    return bind(fd, (struct sockaddr *)&ss, len) == 0;
}

bool sockets_can_bind(const struct listen_address *a, bool is_tcp)
{
    int family = a->address.family == FAMILY_V6 ? AF_INET6 : AF_INET;
    int fd = socket(family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool good = probe_bind(fd, a, is_tcp);
    int why = errno;
    close(fd);
    errno = why;
    return good;
}

/* ---- open ---- */

static const char *hint(int why)
{
    switch (why) {
    case EACCES: return "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRINUSE: return "; another program has it, perhaps another muster";
    case EADDRNOTAVAIL: return "; no interface of this machine has this address";
    case EMFILE: return "; raise --nofile";
    default: return "";
    }
}

static enum err refuse(const struct listen_address *a, bool is_tcp, int why)
{
    struct listen_address one = *a;
    char text[LISTEN_TEXT_BYTES_MAX];
    one.udp = !is_tcp;
    one.tcp = is_tcp;
    listen_print(&one, text, sizeof text);
    log_line(LOG_ERROR, "cannot listen on %s: %s%s", text, strerror(why), hint(why));
    return ERR_OS;
}

static bool is_without_ipv6(int why)
{
    return why == EAFNOSUPPORT || why == EADDRNOTAVAIL || why == EPROTONOSUPPORT;
}

/* Keep the addresses that can be had. */
static enum err probe_all(struct sockets *s, const struct wishes *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct listen_address *a = &w->all[i].address;
        bool tcp_fails = a->tcp && !sockets_can_bind(a, true);
        if (tcp_fails || (a->udp && !sockets_can_bind(a, false))) {
            int why = errno;
            if (!w->all[i].may_fail || !is_without_ipv6(why)) return refuse(a, tcp_fails, why);
            log_line(LOG_WARN, "this machine has no IPv6 (%s): serving IPv4 only", strerror(why));
            continue;
        }
        s->addresses[s->address_count++] = *a;
        s->per_worker += a->udp + a->tcp;
    }
    return ERR_OK;
}

static enum err open_one(struct sockets *s, const struct listen_address *a,
                         const struct listen_opts *o, bool is_tcp)
{
    struct door_socket *d = &s->all[s->count];
    *d = (struct door_socket){.is_tcp = is_tcp, .proxy = a->proxy, .family = a->address.family};
    enum err err = is_tcp ? listen_tcp(a, o, &d->fd) : listen_udp(a, o, &d->fd);
    if (err != ERR_OK) return refuse(a, is_tcp, errno);
    s->count++;
    return ERR_OK;
}

static enum err open_worker(struct sockets *s, const struct listen_opts *o)
{
    for (uint32_t i = 0; i < s->address_count; i++) {
        const struct listen_address *a = &s->addresses[i];
        enum err err = a->udp ? open_one(s, a, o, false) : ERR_OK;
        if (err == ERR_OK && a->tcp) err = open_one(s, a, o, true);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}

enum err sockets_open(struct sockets *s, const struct app_opts *o, uint32_t workers)
{
    struct wishes w;
    *s = (struct sockets){0};
    wishes_fill(&w, o);
    enum err err = probe_all(s, &w);
    if (err == ERR_OK) {
        s->all = calloc((size_t)s->per_worker * workers, sizeof *s->all);
        if (!s->all) err = ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; err == ERR_OK && i < workers; i++)
        err = open_worker(s, &o->sockets);
    if (err != ERR_OK) sockets_close(s);
    return err;
}

/* ---- opened by somebody else ---- */

static enum err adopt_one(struct sockets *s, const struct app_opts *o, uint32_t workers,
                          struct given_socket *given, uint32_t index)
{
    const struct listen_address *a = &given->address;
    int fd = given->fd;
    given->fd = -1;
    enum err err = listen_adopt(fd, a, &o->sockets);
    for (uint32_t i = 0; i < workers; i++) {
        struct door_socket *d = &s->all[i * s->per_worker + index];
        *d = (struct door_socket){.is_tcp = a->tcp, .proxy = a->proxy, .family = a->address.family};
        d->fd = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (d->fd < 0) err = ERR_OS;
    }
    return err == ERR_OK ? ERR_OK : refuse(a, a->tcp, errno);
}

enum err sockets_adopt(struct sockets *s, const struct app_opts *o, uint32_t workers,
                       struct activation *given)
{
    enum err err = ERR_OK;
    uint32_t doors = activation_doors(given), index = 0;
    *s = (struct sockets){.are_given = true, .per_worker = doors, .address_count = doors};
    s->all = calloc((size_t)doors * workers, sizeof *s->all);
    if (!s->all) return ERR_NO_MEMORY;
    for (; s->count < doors * workers; s->count++)
        s->all[s->count].fd = -1;
    for (uint32_t i = 0; err == ERR_OK && i < given->count; i++) {
        struct given_socket *g = &given->all[i];
        if (g->is_unix || g->is_admin) continue;
        s->addresses[index] = g->address;
        err = adopt_one(s, o, workers, g, index++);
    }
    if (err != ERR_OK) sockets_close(s);
    return err;
}

void sockets_close(struct sockets *s)
{
    assert(s->all || s->count == 0);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->all[i].fd >= 0) close(s->all[i].fd);
    free(s->all);
    *s = (struct sockets){0};
}
