/* starter.c - see starter.h.
 *
 * Why a helper   a rule of Landlock names a file or a folder, and a file renamed over another is a new one.
 *                So a program that lies among others, in a folder like /usr/local/bin, can be started
 *                after it was replaced only by who may run all of that folder. That is a process which
 *                reads nothing of strangers, and runs one path.
 * Its parent     is who asks (CLONE_PARENT): that one waits for the new process, and kills it.
 * Its rights     are those of the sandbox before the last layer (confine.c), so what it starts is as
 *                confined as what a process starts itself.
 * Rejected       fork() of the process that serves, in place of a program started anew: it shares pages
 *                with a store that changes, and would double it. */
#include "app/starter.h"

#include "app/call_filter.h"
#include "app/handover.h"
#include "app/process.h"
#include "base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX      4096
#define ENVIRONMENT_MAX    4096
#define ANSWER_S_MAX       10
#define HELPER_ENVIRONMENT "MUSTER_STARTER"
#define FD_TEXT            "=3"
_Static_assert(STARTER_CHANNEL_FD == 3, "as the text says");

struct answer {
    int32_t pid, why; /* why: errno; pid may be there all the same, to be waited for */
};

/* ---- what is started ---- */

/* `added` may be NULL. */
static const char **environment_new(const struct option_sources *sources, const char *added)
{
    const char **out =
        calloc(ENVIRONMENT_MAX + 2, sizeof *out); /* NOLINT(bugprone-sizeof-expression) */
    size_t n = 0;
    for (size_t i = 0; out && sources->environment[i] && n < ENVIRONMENT_MAX; i++) {
        const char *e = sources->environment[i];
        /* they name a process id: of this one */
        if (strncmp(e, "WATCHDOG_PID=", 13) == 0 || strncmp(e, "LISTEN_", 7) == 0) continue;
        out[n++] = e;
    }
    if (out) out[n] = added;
    return out;
}

struct program {
    char path[PATH_MAX];
    const char *arguments[ARGUMENTS_MAX + 2];
    const char **environment;
};

static void program_free(struct program *p)
{
    if (p) free(p->environment);
    free(p);
}

/* NULL and errno. */
static struct program *program_new(const struct option_sources *sources, const char *added)
{
    struct program *p = calloc(1, sizeof *p);
    if (p) p->environment = environment_new(sources, added);
    if (!p || !p->environment || !process_program_path(p->path)) {
        program_free(p);
        return NULL;
    }
    p->arguments[0] = program_invocation_name;
    for (size_t i = 0; i < ARGUMENTS_MAX && sources->arguments[i]; i++)
        p->arguments[i + 1] = sources->arguments[i];
    return p;
}

static char *const *texts(const char *const *list)
{
    return (char *const *)(uintptr_t)list; /* exec() changes none */
}

/* posix_spawn() copies no page tables: a store of gigabytes costs nobody a pause. */
static pid_t spawn(const char *path, const struct program *p, int channel_fd)
{
    pid_t pid = -1;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (channel_fd >= 0) posix_spawn_file_actions_adddup2(&actions, channel_fd, STARTER_CHANNEL_FD);
    int why = posix_spawn(&pid, path, &actions, NULL, texts(p->arguments), texts(p->environment));
    posix_spawn_file_actions_destroy(&actions);
    errno = why;
    return why == 0 ? pid : -1;
}

/* ---- who asks ---- */

enum err starter_open(struct starter *out, const struct option_sources *sources)
{
    int fds[2];
    *out = (struct starter){.fd = -1};
    struct program *p = program_new(sources, HELPER_ENVIRONMENT FD_TEXT);
    if (!p) return ERR_OS;
    const struct timeval patience = {.tv_sec = ANSWER_S_MAX};
    enum err err = ERR_OS;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) goto done;
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    out->helper = spawn("/proc/self/exe", p, fds[1]); /* this one, whatever lies there by now */
    int why = errno;
    close(fds[1]);
    if (out->helper > 0) {
        out->fd = fds[0];
        err = ERR_OK;
    } else {
        close(fds[0]);
        errno = why;
    }
done:
    program_free(p);
    return err;
}

void starter_close(struct starter *st)
{
    if (st->fd < 0) return;
    close(st->fd); /* it sees that */
    while (waitpid(st->helper, NULL, 0) < 0 && errno == EINTR)
        ;
    *st = (struct starter){.fd = -1};
}

/* One byte, and a descriptor if there is one. */
static bool ask(int fd, int channel_fd)
{
    char byte = 's', room[CMSG_SPACE(sizeof channel_fd)] = "";
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (channel_fd >= 0) {
        m.msg_control = room;
        m.msg_controllen = sizeof room;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof channel_fd);
        memcpy(CMSG_DATA(c), &channel_fd, sizeof channel_fd);
    }
    return sendmsg(fd, &m, MSG_NOSIGNAL) == 1;
}

static pid_t start_by_helper(const struct starter *st, int channel_fd)
{
    struct answer a = {.pid = -1};
    if (!ask(st->fd, channel_fd)) return -1;
    ssize_t n = recv(st->fd, &a, sizeof a, 0);
    if (n == 0) errno = ECHILD; /* it is gone */
    if (n != sizeof a) {
        int why = errno;
        shutdown(st->fd, SHUT_RDWR); /* a late answer must not be taken for that of the next */
        errno = why;
        return -1;
    }
    if (a.why == 0) return a.pid;
    while (a.pid > 0 && waitpid(a.pid, NULL, 0) < 0 && errno == EINTR)
        ;
    errno = a.why;
    return -1;
}

pid_t starter_start(const struct starter *st, const struct option_sources *sources, int channel_fd)
{
    if (st->fd >= 0) return start_by_helper(st, channel_fd);
    struct program *p = program_new(sources, channel_fd >= 0 ? HANDOVER_ENVIRONMENT FD_TEXT : NULL);
    pid_t pid = p ? spawn(p->path, p, channel_fd) : -1;
    int why = errno;
    program_free(p);
    errno = why;
    return pid;
}

/* ---- the helper ---- */

bool starter_is_meant(void)
{
    const char *text = getenv(HELPER_ENVIRONMENT);
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    bool is_named = text && strcmp(text, &FD_TEXT[1]) == 0;
    unsetenv(HELPER_ENVIRONMENT);
    return is_named && getsockopt(STARTER_CHANNEL_FD, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           peer.pid == getppid() && fcntl(STARTER_CHANNEL_FD, F_SETFD, FD_CLOEXEC) == 0;
}

/* False when nobody can ask any more. */
static bool wait_for_wish(int *channel_fd)
{
    char byte, room[CMSG_SPACE(sizeof *channel_fd)];
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
    ssize_t n;
    while ((n = recvmsg(STARTER_CHANNEL_FD, &m, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
        ;
    *channel_fd = -1;
    const struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_type == SCM_RIGHTS) memcpy(channel_fd, CMSG_DATA(c), sizeof *channel_fd);
    return n == 1;
}

/* In the new process, which shares nothing with the helper any more. */
_Noreturn static void become(const struct program *p, int channel_fd, int told_fd)
{
    if (channel_fd < 0 || dup2(channel_fd, STARTER_CHANNEL_FD) >= 0)
        execve(p->path, texts(p->arguments), texts(p->environment));
    int32_t why = errno;
    ssize_t put = write(told_fd, &why, sizeof why);
    (void)put;
    _exit(EXIT_RUNTIME);
}

/* A pipe that closes on exec tells whether there was one. */
static struct answer start(const struct program *p, int channel_fd)
{
    struct answer a = {.pid = -1};
    int told[2];
    if (pipe2(told, O_CLOEXEC) != 0) {
        a.why = errno;
        return a;
    }
    a.pid = (int32_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (a.pid == 0) become(p, channel_fd, told[1]);
    if (a.pid < 0) a.why = errno;
    close(told[1]);
    int32_t why;
    if (a.pid > 0 && read(told[0], &why, sizeof why) == sizeof why) a.why = why;
    close(told[0]);
    return a;
}

static bool confine_itself(void)
{
    struct call_filter_code code;
    if (!call_filter_is_built()) return true;
    if (!call_filter_make(&code, FILTER_SERVICE, false)) return false;
    bool good = call_filter_load(&code);
    free(code.instructions);
    return good;
}

enum exit_code starter_serve(const struct option_sources *sources)
{
    int channel_fd;
    struct program *plain = program_new(sources, NULL);
    struct program *taking = program_new(sources, HANDOVER_ENVIRONMENT FD_TEXT);
    os_thread_name("muster-starter");
    bool good = plain && taking && confine_itself();
    while (good && wait_for_wish(&channel_fd)) {
        struct answer a = start(channel_fd >= 0 ? taking : plain, channel_fd);
        if (channel_fd >= 0) close(channel_fd);
        good = send(STARTER_CHANNEL_FD, &a, sizeof a, MSG_NOSIGNAL) == sizeof a;
    }
    program_free(plain);
    program_free(taking);
    return good ? EXIT_FINE : EXIT_RUNTIME;
}
