/* admin_sockets.c - see admin_sockets.h.
 *
 * Sharing   unlike the main port these sockets are bound without SO_REUSEPORT: there is one thread
 *           to serve them, and a second muster must notice that the first has the address.
 * Stale     a socket file outlives a crash. Whether somebody listens behind it is asked by
 *           connecting: refused means nobody. The file is removed only then.
 * Order     the Unix socket is made after the user drop, so that it is the server's own file and
 *           the server can remove it.
 * Borrowed  an upgrade may fail until the new process serves. Until then the file is the old one's,
 *           and an end leaves it alone. */
#include "app/admin_sockets.h"

#include "app/options_item.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

_Static_assert(CONTROL_PATH_BYTES_MAX == sizeof((struct sockaddr_un *)0)->sun_path,
               "a path that was chosen can be bound");

static bool is_default(const struct settings *s, const char *name)
{
    const struct option_row *row = option_find(view_of_text(name));
    return s->origin[row - OPTIONS].source == SOURCE_DEFAULT;
}

/* What was asked for must work; what nobody asked for is only missed. */
static enum err refuse(const struct settings *s, const char *option, const char *where, int why)
{
    bool may_fail = is_default(s, option);
    log_line(may_fail ? LOG_WARN : LOG_ERROR, "cannot serve operator pages on %s: %s%s%s", where,
             strerror(why), why == EADDRINUSE ? "; another program has it, perhaps a muster" : "",
             may_fail ? "; serving without" : "");
    return may_fail ? ERR_OK : ERR_OS;
}

/* ---- TCP ---- */

static enum err tcp_open(struct admin_sockets *a, const struct listen_address *l,
                         const struct listen_opts *how, struct admin_inherited *inherited)
{
    int *fd = &a->tcp_fds[a->tcp_count];
    *fd = inherited ? inherited_take(&inherited->tcp, l, true) : -1;
    enum err err = *fd >= 0 ? ERR_OK : listen_tcp(l, how, fd);
    if (err == ERR_OK) a->tcp_lent[a->tcp_count++] = *fd;
    return err;
}

enum err admin_sockets_open(struct admin_sockets *a, const struct settings *s,
                            struct admin_inherited *inherited)
{
    const struct app_opts *o = &s->config.app;
    const struct listen_opts how = {.backlog = BACKLOG, .exclusive = true};
    if (strcmp(o->admin_socket, "off") != 0 && !o->admin_socket[0])
        control_path_prepare(o->chroot, o->user);
    if (a->tcp_count) return ERR_OK; /* given */
    for (uint32_t i = 0; i < o->admin_listen_count; i++) {
        char text[LISTEN_TEXT_BYTES_MAX];
        struct listen_address shown = o->admin_listen[i];
        shown.udp = true; /* no scheme */
        listen_print(&shown, text, sizeof text);
        if (tcp_open(a, &o->admin_listen[i], &how, inherited) == ERR_OK) {
            log_line(LOG_INFO, "operator pages on http://%s/", text);
            continue;
        }
        int why = errno;
        if (refuse(s, "admin_listen", text, why) != ERR_OK) return ERR_OS;
    }
    return ERR_OK;
}

/* ---- Unix ---- */

static struct sockaddr_un unix_address(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    memcpy(sun.sun_path, path, strlen(path) + 1);
    return sun;
}

/* Remove a socket file that nobody listens on; false, and errno, when it is something else. */
static bool stale_remove(const char *path)
{
    struct stat st;
    struct sockaddr_un sun = unix_address(path);
    if (lstat(path, &st) != 0) return errno == ENOENT;
    errno = EEXIST;
    if (!S_ISSOCK(st.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool refused = connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0 && errno == ECONNREFUSED;
    close(fd);
    errno = EADDRINUSE;
    return refused && unlink(path) == 0;
}

static bool unix_listen(int fd, const char *path)
{
    struct sockaddr_un sun = unix_address(path);
    mode_t mask = umask(0177);
    bool bound = bind(fd, (struct sockaddr *)&sun, sizeof sun) == 0;
    int why = errno;
    umask(mask);
    errno = why;
    return bound && listen(fd, BACKLOG) == 0;
}

static bool unix_note(struct admin_sockets *a, const char *path, int fd, const struct stat *st)
{
    a->unix_fd = a->unix_lent = fd;
    a->unix_dev = st->st_dev;
    a->unix_ino = st->st_ino;
    memcpy(a->unix_path, path, strlen(path) + 1);
    return true;
}

static bool unix_open(struct admin_sockets *a, const char *path, struct admin_inherited *inherited)
{
    struct stat st;
    if (inherited && inherited->unix_fd >= 0 && strcmp(inherited->unix_path, path) == 0 &&
        lstat(path, &st) == 0) {
        int had = inherited->unix_fd;
        inherited->unix_fd = -1;
        a->unix_is_borrowed = true;
        return unix_note(a, path, had, &st);
    }
    if (!stale_remove(path)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    if (!unix_listen(fd, path) || lstat(path, &st) != 0) {
        int why = errno;
        close(fd);
        errno = why;
        return false;
    }
    return unix_note(a, path, fd, &st);
}

enum err admin_sockets_open_unix(struct admin_sockets *a, const struct settings *s,
                                 struct admin_inherited *inherited)
{
    const char *wanted = s->config.app.admin_socket;
    char path[CONTROL_PATH_BYTES_MAX] = "";
    if (strcmp(wanted, "off") == 0 || a->unix_fd >= 0) return ERR_OK;
    if (!wanted[0] && control_path_choose(s->config.app.port, path) != ERR_OK)
        return refuse(s, "admin_socket", "a Unix socket", errno);
    if (strlen(wanted) >= sizeof path) return refuse(s, "admin_socket", wanted, ENAMETOOLONG);
    if (wanted[0]) memcpy(path, wanted, strlen(wanted) + 1);
    if (!unix_open(a, path, inherited)) return refuse(s, "admin_socket", path, errno);
    log_line(LOG_INFO, "operators' socket is %s", path);
    return ERR_OK;
}

/* ---- opened by somebody else ---- */

static int take(struct given_socket *g)
{
    int fd = g->fd, flags = fcntl(fd, F_GETFL);
    if (flags >= 0) fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    g->fd = -1;
    return fd;
}

/* Its file is not ours: without device and inode it is not removed in the end. */
static void adopt_unix(struct admin_sockets *a, struct given_socket *g)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    socklen_t len = sizeof sun - 1;
    a->unix_fd = a->unix_lent = take(g);
    if (getsockname(a->unix_fd, (struct sockaddr *)&sun, &len) == 0)
        snprintf(a->unix_path, sizeof a->unix_path, "%s", sun.sun_path);
    log_line(LOG_INFO, "operators' socket is %s, of the service manager", a->unix_path);
}

void admin_sockets_adopt(struct admin_sockets *a, struct activation *given)
{
    for (uint32_t i = 0; i < given->count; i++) {
        struct given_socket *g = &given->all[i];
        if (g->is_unix && a->unix_fd < 0) adopt_unix(a, g);
        if (!g->is_admin || a->tcp_count == ADMIN_LISTEN_MAX) continue;
        a->tcp_fds[a->tcp_count] = a->tcp_lent[a->tcp_count] = take(g);
        a->tcp_count++;
        a->tcp_is_given = true;
        log_line(LOG_INFO, "operator pages on port %u, of the service manager", g->address.port);
    }
}

/* ---- the end ---- */

static void unix_remove(const struct admin_sockets *a)
{
    struct stat st;
    if (!a->unix_path[0] || a->unix_is_borrowed || lstat(a->unix_path, &st) != 0) return;
    if (st.st_dev == a->unix_dev && st.st_ino == a->unix_ino) unlink(a->unix_path);
}

void admin_sockets_own(struct admin_sockets *a)
{
    a->unix_is_borrowed = false;
}

void admin_sockets_leave(struct admin_sockets *a, bool is_used)
{
    if (!is_used) unix_remove(a);
    a->unix_path[0] = '\0';
}

void admin_sockets_close(struct admin_sockets *a)
{
    for (uint32_t i = 0; i < a->tcp_count; i++)
        if (a->tcp_fds[i] >= 0) close(a->tcp_fds[i]);
    if (a->unix_fd >= 0) close(a->unix_fd);
    unix_remove(a);
    *a = (struct admin_sockets){.unix_fd = -1, .unix_lent = -1};
}
