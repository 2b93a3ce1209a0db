/* sockets.c - from `listen` values to bound sockets.
 *
 * Probe      each address is first bound once without SO_REUSEPORT and let go: only that tells
 *            whether another process of the same user, such as a muster started twice, has it.
 *            All are probed before any is opened, so addresses of our own may overlap.
 * No IPv6    is no error where IPv6 was not asked for by address.
 * Exact      UDP sockets bound to the addresses of this machine stand before those on a wildcard, which
 *            serve what is left: an address that appears later, link-local ones. The kernel looks for
 *            the exact address first, and who has one need not be told, nor say, with each datagram
 *            which address was asked. */
#include "app/sockets.h"

#include "app/interfaces.h"
#include "app/options_item.h"
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

/* ---- inherited ---- */

/* Where a socket of this kind is bound; false when it is of another. */
static bool bound_address(int fd, bool is_tcp, struct address *bound, uint16_t *port)
{
    struct sockaddr_storage ss;
    int type;
    socklen_t len = sizeof ss, type_bytes = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_bytes) == 0 &&
           type == (is_tcp ? SOCK_STREAM : SOCK_DGRAM) &&
           getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && sockaddr_read(&ss, bound, port);
}

static bool is_bound_to(int fd, const struct listen_address *a, bool is_tcp)
{
    struct address bound;
    uint16_t port;
    return bound_address(fd, is_tcp, &bound, &port) && port == a->port &&
           address_equal(&bound, &a->address);
}

int inherited_take(struct inherited *in, const struct listen_address *a, bool is_tcp)
{
    for (uint32_t i = 0; in && i < in->count; i++) {
        int fd = in->fds[i];
        if (fd < 0 || !is_bound_to(fd, a, is_tcp)) continue;
        in->fds[i] = -1;
        return fd;
    }
    return -1;
}

void inherited_close(struct inherited *in)
{
    for (uint32_t i = 0; i < in->count; i++)
        if (in->fds[i] >= 0) close(in->fds[i]);
    free(in->fds);
    *in = (struct inherited){0};
}

static bool has_inherited(const struct inherited *in, const struct listen_address *a, bool is_tcp)
{
    for (uint32_t i = 0; in && i < in->count; i++)
        if (in->fds[i] >= 0 && is_bound_to(in->fds[i], a, is_tcp)) return true;
    return false;
}

/* ---- all of them ---- */

static bool can_have(const struct listen_address *a, bool is_tcp, const struct inherited *in)
{
    return has_inherited(in, a, is_tcp) || sockets_can_bind(a, is_tcp);
}

/* Keep the addresses that can be had. */
static enum err probe_all(struct sockets *s, const struct wishes *w, const struct inherited *in)
{
    for (uint32_t i = 0; i < w->count; i++) {
        const struct listen_address *a = &w->all[i].address;
        bool tcp_fails = a->tcp && !can_have(a, true, in);
        if (tcp_fails || (a->udp && !can_have(a, false, in))) {
            int why = errno;
            if (!w->all[i].may_fail || !is_without_ipv6(why)) return refuse(a, tcp_fails, why);
            log_line(LOG_WARN, "this machine has no IPv6 (%s): serving IPv4 only", strerror(why));
            continue;
        }
        s->addresses[s->address_count++] = *a;
    }
    return ERR_OK;
}

static enum err append(struct sockets *s, struct door_socket d)
{
    if (s->count == s->room) {
        uint32_t room = s->room ? 2 * s->room : 16;
        struct door_socket *more = realloc(s->all, room * sizeof *more);
        if (!more) return ERR_NO_MEMORY;
        s->all = more;
        s->room = room;
    }
    d.lent_fd = d.fd;
    s->all[s->count++] = d;
    return ERR_OK;
}

static enum err configure_again(int fd, struct listen_address a, const struct app_opts *o,
                                bool is_tcp)
{
    a.tcp = is_tcp;
    return listen_adopt(fd, &a, &o->sockets);
}

/* One more socket of an address: inherited, or bound now. `number` counts those of it. errno tells why
 * on failure. */
static enum err open_one(struct sockets *s, const struct app_opts *o, struct door_socket d,
                         uint32_t number, struct inherited *in)
{
    const struct listen_address *a = &s->addresses[d.address];
    enum err err = ERR_OK;
    d.fd = inherited_take(in, a, d.is_tcp);
    if (d.fd >= 0) err = configure_again(d.fd, *a, o, d.is_tcp);
    else err = d.is_tcp ? listen_tcp(a, &o->sockets, &d.fd) : listen_udp(a, &o->sockets, &d.fd);
    if (err != ERR_OK && in && number > 0) {
        if (d.address < s->address_count)
            log_line(LOG_WARN,
                     "inherited sockets for %u workers, cannot open more (%s): the others "
                     "have nothing to do until a restart",
                     number, strerror(errno));
        err = ERR_FULL;
    }
    if (err == ERR_OK) err = append(s, d);
    if (err != ERR_OK && d.fd >= 0) close(d.fd);
    return err;
}

static enum err open_kind(struct sockets *s, const struct app_opts *o, uint32_t address,
                          bool is_tcp, uint32_t workers, struct inherited *in)
{
    const struct listen_address *a = &s->addresses[address];
    enum err err = ERR_OK;
    if (!(is_tcp ? a->tcp : a->udp)) return ERR_OK;
    for (uint32_t n = 0; err == ERR_OK && (n < workers || has_inherited(in, a, is_tcp)); n++) {
        struct door_socket d = {.is_tcp = is_tcp,
                                .proxy = a->proxy,
                                .family = a->address.family,
                                .address = address,
                                .worker = n % workers};
        err = open_one(s, o, d, n, in);
    }
    return err == ERR_FULL ? ERR_OK : err;
}

static enum err open_both(struct sockets *s, const struct app_opts *o, uint32_t address,
                          uint32_t workers, struct inherited *in)
{
    for (int is_tcp = 0; is_tcp <= 1; is_tcp++) {
        enum err err = open_kind(s, o, address, is_tcp, workers, in);
        if (err != ERR_OK) return refuse(&s->addresses[address], is_tcp, errno);
    }
    return ERR_OK;
}

/* ---- exact addresses behind wildcards ---- */

static bool is_wildcard(const struct listen_address *a)
{
    return address_equal(&a->address, &(struct address){.family = a->address.family});
}

static bool serves_udp(const struct sockets *s, const struct address *ip, uint16_t port)
{
    for (uint32_t i = 0; i < s->address_count + s->exact_count; i++) {
        const struct listen_address *a = &s->addresses[i];
        if (a->udp && a->port == port && address_equal(&a->address, ip)) return true;
    }
    return false;
}

static const struct listen_address *wildcard_of(const struct sockets *s, enum family family,
                                                uint16_t port)
{
    for (uint32_t i = 0; i < s->address_count; i++) {
        const struct listen_address *a = &s->addresses[i];
        if (a->udp && a->port == port && a->address.family == family && is_wildcard(a)) return a;
    }
    return NULL;
}

/* Add an address that a wildcard serves and that has no place of its own yet. */
static void exact_add(struct sockets *s, const struct listen_address *wildcard,
                      const struct address *ip)
{
    if (s->exact_count == SOCKETS_EXACT_MAX || serves_udp(s, ip, wildcard->port)) return;
    struct listen_address a = *wildcard;
    a.address = *ip;
    a.tcp = false;
    s->addresses[s->address_count + s->exact_count++] = a;
}

static void exact_of_machine(struct sockets *s)
{
    struct address own[SOCKETS_EXACT_MAX];
    for (uint32_t i = 0; i < s->address_count; i++) {
        const struct listen_address *a = &s->addresses[i];
        if (!a->udp || !is_wildcard(a)) continue;
        uint32_t count = interfaces_addresses(a->address.family, own, SOCKETS_EXACT_MAX);
        for (uint32_t n = 0; n < count; n++)
            exact_add(s, a, &own[n]);
    }
}

/* In an upgrade those that the process before had, all of them, and no others: closing one would lose
 * what waits in it, and a new one would take requests from that process that nobody answers until the
 * store is here. A filter of system calls keeps us from asking for interfaces besides. */
static void exact_of_inherited(struct sockets *s, const struct inherited *in)
{
    for (uint32_t i = 0; i < in->count; i++) {
        struct address bound;
        uint16_t port;
        if (in->fds[i] < 0 || !bound_address(in->fds[i], false, &bound, &port)) continue;
        const struct listen_address *wildcard = wildcard_of(s, bound.family, port);
        if (wildcard) exact_add(s, wildcard, &bound);
    }
}

static void exact_find(struct sockets *s, const struct inherited *in)
{
    if (in) exact_of_inherited(s, in);
    else exact_of_machine(s);
}

uint32_t sockets_per_worker(const struct app_opts *o)
{
    struct sockets s = {0};
    uint32_t count = 0;
    s.address_count = sockets_wanted(o, s.addresses);
    exact_find(&s, NULL);
    for (uint32_t i = 0; i < s.address_count + s.exact_count; i++)
        count += (uint32_t)s.addresses[i].udp + s.addresses[i].tcp;
    return count;
}

/* A socket for each worker, or none: a worker without one would leave its share to the others. What
 * cannot be opened is served by the wildcard. */
static void open_exact(struct sockets *s, const struct app_opts *o, uint32_t address,
                       uint32_t workers, struct inherited *in)
{
    char text[ENDPOINT_TEXT_BYTES_MAX];
    const struct listen_address *a = &s->addresses[address];
    uint32_t before = s->count;
    if (open_kind(s, o, address, false, workers, in) == ERR_OK) return;
    log_line(LOG_DEBUG, "no sockets of its own for udp://%s: %s",
             endpoint_print(&a->address, a->port, text), strerror(errno));
    while (s->count > before)
        close(s->all[--s->count].fd);
}

static int by_worker(const void *a, const void *b)
{
    const struct door_socket *x = a, *y = b;
    if (x->worker != y->worker) return x->worker < y->worker ? -1 : 1;
    if (x->address != y->address) return x->address < y->address ? -1 : 1;
    return (int)x->is_tcp - (int)y->is_tcp;
}

enum err sockets_open(struct sockets *s, const struct app_opts *o, uint32_t workers,
                      struct inherited *inherited)
{
    struct wishes w;
    assert(workers > 0);
    *s = (struct sockets){0};
    wishes_fill(&w, o);
    enum err err = probe_all(s, &w, inherited);
    for (uint32_t i = 0; err == ERR_OK && i < s->address_count; i++)
        err = open_both(s, o, i, workers, inherited);
    if (err == ERR_OK) exact_find(s, inherited);
    for (uint32_t i = 0; err == ERR_OK && i < s->exact_count; i++)
        open_exact(s, o, s->address_count + i, workers, inherited);
    if (err == ERR_OK && s->count) qsort(s->all, s->count, sizeof *s->all, by_worker);
    if (err != ERR_OK) sockets_close(s);
    return err;
}

struct door_socket *sockets_of_worker(const struct sockets *s, uint32_t worker, uint32_t *count)
{
    uint32_t from = 0, to;
    while (from < s->count && s->all[from].worker < worker)
        from++;
    for (to = from; to < s->count && s->all[to].worker == worker;)
        to++;
    *count = to - from;
    return s->all + from;
}

/* ---- opened by somebody else ---- */

static enum err adopt_one(struct sockets *s, const struct app_opts *o, uint32_t workers,
                          struct given_socket *given, uint32_t index)
{
    const struct listen_address *a = &given->address;
    int fd = given->fd;
    given->fd = -1;
    enum err err = listen_adopt(fd, a, &o->sockets);
    if (err != ERR_OK) close(fd);
    for (uint32_t i = 0; err == ERR_OK && i < workers; i++) {
        struct door_socket d = {.is_tcp = a->tcp,
                                .proxy = a->proxy,
                                .family = a->address.family,
                                .address = index,
                                .worker = i};
        d.fd = i == 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, 0);
        err = d.fd < 0 ? ERR_OS : append(s, d);
    }
    return err == ERR_OK ? ERR_OK : refuse(a, a->tcp, errno);
}

enum err sockets_adopt(struct sockets *s, const struct app_opts *o, uint32_t workers,
                       struct activation *given)
{
    enum err err = ERR_OK;
    uint32_t index = 0;
    *s = (struct sockets){.are_given = true, .address_count = activation_doors(given)};
    for (uint32_t i = 0; err == ERR_OK && i < given->count; i++) {
        struct given_socket *g = &given->all[i];
        if (g->is_unix || g->is_admin) continue;
        s->addresses[index] = g->address;
        err = adopt_one(s, o, workers, g, index++);
    }
    if (err == ERR_OK && s->count) qsort(s->all, s->count, sizeof *s->all, by_worker);
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
