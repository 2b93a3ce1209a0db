/* inside.c - what somebody can do who has got inside muster: a library for LD_PRELOAD.
 *
 * A page of memory that the test shares, $MUSTER_INSIDE, holds one wish at a time: which thread shall
 * try what. The threads look at it whenever they wait, in epoll_wait(), and write how it went.
 *
 * $MUSTER_INSIDE_FILTERS says how many threads besides the first are given a filter of system calls; the
 * others are refused one, and told so late. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum thread { THREAD_MAIN, THREAD_WORKER };

/* Known to tests/rights/kit/inside.py, by offset. */
struct wish {
    _Atomic uint32_t asked, done; /* numbers of the wish; equal: nothing to do */
    uint32_t thread;
    int32_t result; /* 0: it could be done; else errno */
    uint32_t released, spare;
    char what[16], argument[216];
};

_Static_assert(sizeof(struct wish) == 256, "the test writes it by offset");

static struct wish *wish;
static _Atomic int filters_left = INT32_MAX;

__attribute__((constructor)) static void open_page(void)
{
    const char *path = getenv("MUSTER_INSIDE"), *filters = getenv("MUSTER_INSIDE_FILTERS");
    if (filters) filters_left = (int)strtol(filters, NULL, 10);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *wish, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED) wish = at;
    close(fd);
}

/* No thread may ask for its name any more: they are counted. */
static int filter_is_refused(void)
{
    if (getpid() == gettid() || filters_left-- > 0) return 0;
    const struct timespec late = {.tv_nsec = 300000000};
    nanosleep(&late, NULL);
    errno = EINVAL;
    return 1;
}

long syscall(long number, ...)
{
    static long (*_Atomic next)(long, ...);
    long a[6];
    va_list args;
    va_start(args, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(args, long);
    va_end(args);
    if (number == SYS_seccomp && filter_is_refused()) return -1;
    if (!next) next = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
    return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static int file_try(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

static int socket_try(int domain, int type)
{
    int fd = socket(domain, type, 0);
    if (fd < 0) return errno;
    close(fd);
    return 0;
}

/* Of the C library's fork() only the call counts: the child does nothing of it. */
static int fork_try(void)
{
    pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
    return 0;
}

static int connect_try(uint16_t port, int protocol)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    if (fd < 0) return errno;
    int result = connect(fd, (struct sockaddr *)&sin, sizeof sin) == 0 ? 0 : errno;
    close(fd);
    return result;
}

/* A connection without connect(): the data takes the SYN with it. A worker has no fresh socket, but a
 * listener that it shuts down is one. */
static int fast_open_try(uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    for (int i = 3; fd < 0 && i < 64; i++) {
        int listens = 0;
        socklen_t len = sizeof listens;
        if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) != 0 || !listens) continue;
        shutdown(i, SHUT_RD);
        fd = i;
    }
    if (fd < 0) return ENOTSOCK;
    ssize_t sent = sendto(fd, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&sin, sizeof sin);
    return sent < 0 && errno != EINPROGRESS ? errno : 0;
}

/* What is pushed into the terminal is typed by the operator, as far as his shell can tell. */
static int terminal_try(void)
{
    char c = 'x';
    return ioctl(STDERR_FILENO, TIOCSTI, &c) == 0 ? 0 : errno;
}

static int code_try(void)
{
    void *at =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? errno : munmap(at, 4096);
}

/* A program that never was a file: Landlock, which knows folders, has no rule for it. */
static int memory_try(char *const shell[])
{
    char path[32];
    int fd = (int)syscall(SYS_memfd_create, "program", 0);
    if (fd < 0) return errno;
    static const char TEXT[] = "#!/proc/self/exe\n";
    if (write(fd, TEXT, sizeof TEXT - 1) < 0) return errno;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int why = execve(path, shell, environ) ? errno : 0;
    close(fd);
    return why;
}

static int hang_try(void)
{
    while (!*(volatile uint32_t *)&wish->released)
        sched_yield();
    return 0;
}

static int try(const char *what, char *argument)
{
    char option[] = "-c", program[] = "exit 77", *shell[] = {argument, option, program, NULL};
    if (strcmp(what, "read") == 0) return file_try(argument, O_RDONLY);
    if (strcmp(what, "write") == 0) return file_try(argument, O_WRONLY | O_CREAT);
    if (strcmp(what, "exec") == 0) return execve(argument, shell, environ) ? errno : 0;
    if (strcmp(what, "memory") == 0) return memory_try(shell);
    if (strcmp(what, "fork") == 0) return fork_try();
    uint16_t port = (uint16_t)strtoul(argument, NULL, 10);
    if (strcmp(what, "connect") == 0) return connect_try(port, 0);
    if (strcmp(what, "multipath") == 0) return connect_try(port, IPPROTO_MPTCP);
    if (strcmp(what, "fast open") == 0) return fast_open_try(port);
    if (strcmp(what, "terminal") == 0) return terminal_try();
    if (strcmp(what, "packets") == 0) return socket_try(AF_PACKET, SOCK_RAW);
    if (strcmp(what, "netlink") == 0) return socket_try(AF_NETLINK, SOCK_RAW);
    if (strcmp(what, "socket") == 0) return socket_try(AF_UNIX, SOCK_DGRAM);
    if (strcmp(what, "code") == 0) return code_try();
    if (strcmp(what, "trace") == 0) return ptrace(PTRACE_SEIZE, getppid(), 0, 0) ? errno : 0;
    if (strcmp(what, "signal") == 0) return kill(getppid(), 0) ? errno : 0;
    if (strcmp(what, "namespace") == 0) return unshare(CLONE_NEWUSER) ? errno : 0;
    if (strcmp(what, "hang") == 0) return hang_try();
    return ENOTSUP;
}

static void look(void)
{
    if (!wish || wish->asked == wish->done) return;
    static _Thread_local enum thread mine;
    static _Thread_local int is_known;
    if (!is_known) mine = getpid() == gettid() ? THREAD_MAIN : THREAD_WORKER;
    is_known = 1;
    static _Atomic uint32_t taken; /* the number of the wish that a thread has in hand */
    uint32_t asked = wish->asked, before = taken;
    if (wish->thread != mine || before == asked) return;
    if (!atomic_compare_exchange_strong(&taken, &before, asked))
        return; /* another worker was first */
    wish->result = try(wish->what, wish->argument);
    wish->done = asked;
}

int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    look();
    return (int)syscall(SYS_epoll_pwait, epoll_fd, events, max, timeout_ms, NULL, 0);
}
