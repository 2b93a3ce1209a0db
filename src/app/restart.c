/* restart.c - see restart.h.
 *
 * Same process   a run loop, a pid file and systemd watch the pid: with exec() it stays, so they see
 *                no end. Everything of ours was closed by the stop before; descriptors close on exec.
 * Among others   programs, in a folder like /usr/local/bin, only a helper may start it (starter.h), so
 *                it is another process; this one waits for it, and nobody sees an end either.
 * Which binary   the path this program was started from, looked up when it is needed: after an
 *                upgrade that replaced the file, the new one runs.
 * Checked first  the configuration is read as the new program will read it, because a stop that is
 *                followed by a failed start is the worst outcome; the access lists that it names are, too
 *                (control_api.c). Rights given up after the start do
 *                not come back with an exec: with a port below the kernel's limit for users the
 *                answer is no, and the service manager, which has the rights, must restart.
 * Another        way, without a gap: upgrade.h. This one is for what an upgrade cannot do: fewer rights to
 *                inherit, less memory than two stores need. */
#include "app/restart.h"

#include "app/notify.h"
#include "app/process.h"
#include "app/sandbox.h"
#include "app/upgrade.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define ARGUMENTS_MAX     4096
#define PRIVILEGED_PORTS  "/proc/sys/net/ipv4/ip_unprivileged_port_start"
#define USER_PORT_DEFAULT 1024

/* The first port that needs no rights. */
static uint64_t user_port(void)
{
    char text[16];
    uint64_t port = USER_PORT_DEFAULT;
    int fd = open(PRIVILEGED_PORTS, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;
    if (fd >= 0) close(fd);
    if (n > 1 && text_u64(view_of(text, (size_t)n - 1), &port) != ERR_OK) port = USER_PORT_DEFAULT;
    return port;
}

/* The lowest port that the settings listen on. */
static uint64_t lowest_port(const struct app_opts *a)
{
    uint64_t lowest = a->port;
    for (uint32_t i = 0; i < a->listen_count; i++) {
        uint16_t port = a->listen[i].port ? a->listen[i].port : a->port;
        if (i == 0 || port < lowest) lowest = port;
    }
    for (uint32_t i = 0; i < a->admin_listen_count; i++)
        if (a->admin_listen[i].port < lowest) lowest = a->admin_listen[i].port;
    return lowest;
}

/* Of the configuration as the new program will read it. */
static enum err check_settings(const struct settings *now, const struct settings *next,
                               const struct confine *c, struct option_error *error)
{
    uint64_t wanted = lowest_port(&next->config.app), held = lowest_port(&now->config.app);
    if (geteuid() != 0 && (wanted < user_port() || held < user_port()))
        return option_fail(
            error, ERR_BAD_VALUE,
            "a port below %u needs rights that were given up after the start: let the "
            "service manager restart muster, or stop and start it",
            (unsigned)user_port());
    const char *forbidden = sandbox_forbids_start(next->config.app.user);
    if (forbidden)
        return option_fail(error, ERR_BAD_VALUE, "user = %.100s: %s: stop and start it",
                           next->config.app.user, forbidden);
    return confine_check_paths(c, now, next, error);
}

enum err restart_check(const struct settings *s, const struct confine *c,
                       const struct option_sources *sources, struct settings *next,
                       struct option_error *error)
{
    char path[PATH_MAX];
    const char *forbidden = confine_forbids_start(c);
    if (forbidden)
        return option_fail(error, ERR_BAD_VALUE,
                           "%s: let the service manager restart muster, or stop and start it",
                           forbidden);
    if (s->config.app.chroot[0])
        return option_fail(error, ERR_BAD_VALUE,
                           "with chroot it cannot start again in place: let the service manager "
                           "restart muster, or stop and start it");
    if (c->starter.fd >= 0 && notify_is_heard())
        return option_fail(error, ERR_BAD_VALUE,
                           "this program lies among others, and would start again as another "
                           "process: let the service manager restart muster");
    if (!process_program_path(path))
        return option_fail(error, ERR_BAD_VALUE, "cannot tell where this program is");
    if (access(path, X_OK) != 0)
        return option_fail(error, ERR_BAD_VALUE, "%.300s: %s", path, strerror(errno));
    enum err err = settings_read(next, sources, error);
    return err == ERR_OK ? check_settings(s, next, c, error) : err;
}

static enum exit_code start_by_helper(const struct option_sources *sources, struct starter *st)
{
    pid_t pid = starter_start(st, sources, -1);
    if (pid < 0) log_line(LOG_ERROR, "cannot start again: %s", strerror(errno));
    starter_close(st);
    return pid < 0 ? EXIT_RUNTIME : upgrade_keep(pid, -1);
}

enum exit_code restart_now(const struct option_sources *sources, struct starter *st)
{
    if (st->fd >= 0) return start_by_helper(sources, st);
    char path[PATH_MAX], *argv[ARGUMENTS_MAX + 2] = {program_invocation_name};
    size_t count = 0;
    for (; sources->arguments[count] && count < ARGUMENTS_MAX; count++)
        argv[count + 1] = (char *)(uintptr_t)sources->arguments[count];
    if (process_program_path(path))
        execve(path, argv, (char *const *)(uintptr_t)sources->environment);
    log_line(LOG_ERROR, "cannot start again: %s", strerror(errno));
    return EXIT_RUNTIME;
}
