/* sandbox.c - limits and rights.
 *
 * Order      groups first, then the group, then the user: each step needs the rights that the next
 *            one gives away. The saved ids go too (setresuid), or they could be taken back.
 *            Capabilities that let an unprivileged start bind low ports go as well.
 * Proof      after the drop the ids are read back and root is asked for once more, which must fail.
 * Again      a start in place, or by an upgrade, is inside the sandbox of the one before, which lets
 *            nobody look users up. One that had become a user is that user already; one that stayed
 *            root needs no look at the users for root's own name.
 * Dumpable   the kernel clears it on a change of user; it is set again if core files are wanted. */
#include "app/sandbox.h"

#include "base/log.h"
#include "base/os_linux.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- limits ---- */

#define LIMIT_TEXT_BYTES 24

static const char *limit_text(rlim_t v, char out[LIMIT_TEXT_BYTES])
{
    if (v == RLIM_INFINITY) return "unlimited";
    snprintf(out, LIMIT_TEXT_BYTES, "%" PRIu64, (uint64_t)v);
    return out;
}

static rlim_t limit_set(int resource, const char *name, int64_t wanted)
{
    struct rlimit was, now;
    char a[LIMIT_TEXT_BYTES], b[LIMIT_TEXT_BYTES], c[LIMIT_TEXT_BYTES];
    if (getrlimit(resource, &was) != 0) return 0;
    now = was;
    if (wanted != LIMIT_UNCHANGED) now.rlim_cur = wanted < 0 ? was.rlim_max : (rlim_t)wanted;
    if (now.rlim_cur > now.rlim_max) now.rlim_max = now.rlim_cur;
    if (setrlimit(resource, &now) != 0) {
        log_line(LOG_WARN, "limit %s: cannot be %s (%s); taking the hard limit, %s", name,
                 limit_text(now.rlim_cur, a), strerror(errno), limit_text(was.rlim_max, b));
        now.rlim_cur = now.rlim_max = was.rlim_max;
        if (setrlimit(resource, &now) != 0) return was.rlim_cur;
    }
    log_line(LOG_INFO, "limit %s: %s before, %s now, hard limit %s", name,
             limit_text(was.rlim_cur, a), limit_text(now.rlim_cur, b), limit_text(now.rlim_max, c));
    return now.rlim_cur;
}

uint64_t sandbox_limits(const struct app_opts *o)
{
    (void)limit_set(RLIMIT_CORE, "core", o->core);
    return limit_set(RLIMIT_NOFILE, "nofile", o->nofile);
}

/* ---- the user ---- */

static bool refuse(const char *user, const char *step, int why)
{
    log_line(LOG_ERROR,
             "cannot become user \"%s\": %s%s%s; --user names another, --user \"\" stays root",
             user, step, why ? ": " : "", why ? strerror(why) : "");
    return false;
}

static bool is_for_good(uid_t uid, gid_t gid)
{
    uid_t u[3];
    gid_t g[3];
    if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0) return false;
    for (int i = 0; i < 3; i++)
        if (u[i] != uid || g[i] != gid) return false;
    return setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0;
}

/* Nothing that is open may lead out of it: all descriptors of a start are sockets. */
static bool root_change(const char *user, const char *folder)
{
    if (!folder[0]) return true;
    if (geteuid() != 0) return refuse(user, "chroot needs a start as root", 0);
    if (chroot(folder) != 0 || chdir("/") != 0) {
        log_line(LOG_ERROR, "cannot chroot to %s: %s", folder, strerror(errno));
        return false;
    }
    log_line(LOG_INFO, "the root is %s from now on", folder);
    return true;
}

static bool is_root_name(const char *user)
{
    return strcmp(user, "root") == 0;
}

static bool root_stay(const char *user, const char *chroot_folder)
{
    log_line(LOG_WARN, "serving as root: user \"%s\" is root", user);
    return root_change(user, chroot_folder);
}

static bool user_become(const struct passwd *p, const char *user)
{
    if (setresgid(p->pw_gid, p->pw_gid, p->pw_gid) != 0) return refuse(user, "setresgid", errno);
    if (setresuid(p->pw_uid, p->pw_uid, p->pw_uid) != 0) return refuse(user, "setresuid", errno);
    if (!os_drop_capabilities()) return refuse(user, "capabilities", errno);
    if (!is_for_good(p->pw_uid, p->pw_gid)) return refuse(user, "root could be regained", 0);
    return true;
}

bool sandbox_drop(const char *user, const char *chroot_folder)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return refuse(user, "no_new_privs", errno);
    if (!user[0]) {
        if (geteuid() == 0) log_line(LOG_WARN, "serving as root, because --user is empty");
        return root_change(user, chroot_folder);
    }
    if (geteuid() != 0) {
        log_line(LOG_INFO, "not started as root: --user %s is not needed", user);
        if (!root_change(user, chroot_folder)) return false;
        return os_drop_capabilities() || refuse(user, "capabilities", errno);
    }
    if (is_root_name(user)) return root_stay(user, chroot_folder);
    bool dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    errno = 0;
    const struct passwd *p = getpwnam(user);
    if (!p) return refuse(user, "there is no such user", errno == ENOENT ? 0 : errno);
    if (p->pw_uid == 0) return root_stay(user, chroot_folder);
    if (initgroups(user, p->pw_gid) != 0) return refuse(user, "initgroups", errno);
    if (!root_change(user, chroot_folder) || !user_become(p, user)) return false;
    struct rlimit core;
    if (dumpable && getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur > 0)
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    log_line(LOG_INFO, "serving as user %s (%u:%u)", user, (unsigned)p->pw_uid,
             (unsigned)p->pw_gid);
    return true;
}

const char *sandbox_forbids_start(const char *user)
{
    if (geteuid() != 0 || !user[0] || is_root_name(user) || getpwnam(user)) return NULL;
    return "muster runs as root, and its sandbox lets nobody look up the user it is to become";
}
