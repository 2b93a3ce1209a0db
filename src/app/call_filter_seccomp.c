/* call_filter_seccomp.c - see call_filter.h.
 *
 * Lists       by name, so that a call which an architecture does not have is no error. A worker's
 *             list is what serving does, found by tracing every door under load, and what the C
 *             library does for memory, locks and the end of a thread. Housekeeping's is longer: its
 *             files are held by Landlock, which knows paths; seccomp sees only pointers.
 * Arguments   looked at where a call has a harmless half: no memory that is writable and executable,
 *             no new namespaces, no sockets but Unix, TCP and UDP, and of ioctl() only questions: one
 *             request types into the operator's terminal. Landlock sees connect(), not the
 *             connection that a MSG_FASTOPEN makes: that is stopped here. clone3() hides its flags
 *             behind a pointer: ENOSYS makes the C library fall back to clone().
 * Exec        a filter outlives it. So while the program may start itself anew, housekeeping's list
 *             holds what a start needs, and answers ENOSYS rather than a signal that nobody handles
 *             yet; `strict` needs neither.
 * Signal      a worker's refusal is a SIGSYS whose handler makes it an EPERM: nothing else would tell
 *             anybody that a worker was made to try.
 * Cost        the kernel keeps a bitmap of calls that are always allowed, so of the hot ones only those
 *             that send have a rule on arguments: one a batch of datagrams, one an HTTP answer. The
 *             mitigation that older kernels tie to seccomp (SSB) is declined: it is for programs that
 *             run foreign code, and costs several percent. */
#include "app/call_filter.h"

#include "base/metrics.h"
#include "base/os_linux.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* ---- lists ---- */

static const char *const WORKER_CALLS[] = {
    /* sockets that are open */
    "accept4", "close", "getpeername", "getsockname", "getsockopt", "read", "readv", "recvfrom",
    "recvmmsg", "recvmsg", "setsockopt", "shutdown", "write", "writev",
    /* waiting */
    "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "futex", "poll", "ppoll",
    "sched_yield", "restart_syscall", "nanosleep", "clock_nanosleep",
    /* memory */
    "brk", "madvise", "mremap", "munmap",
    /* time, chance, itself */
    "clock_getres", "clock_gettime", "getcpu", "getpid", "getrandom", "gettid", "gettimeofday",
    "time", "sched_getaffinity",
    /* signals, the end */
    "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rseq",
    "set_robust_list", "sigaltstack"};

static const char *const SERVICE_CALLS[] = {
    /* files */
    "access", "chdir", "copy_file_range", "creat", "dup", "dup2", "dup3", "faccessat", "faccessat2",
    "fallocate", "fchdir", "fchmod", "fchown", "fcntl", "fdatasync", "flock", "fstat", "fstatfs",
    "fsync", "ftruncate", "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "lstat",
    "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pread64", "preadv", "pwrite64",
    "pwritev", "readlink", "readlinkat", "rename", "renameat", "renameat2", "sendfile", "splice",
    "stat", "statfs", "statx", "symlink", "symlinkat", "sync_file_range", "truncate", "umask",
    "unlink", "unlinkat", "utimensat",
    /* descriptors that are no files */
    "accept", "connect", "epoll_create", "epoll_create1", "eventfd", "eventfd2",
    "inotify_add_watch", "inotify_init1", "inotify_rm_watch", "pidfd_open", "pipe", "pipe2",
    "pselect6", "select", "signalfd", "signalfd4", "socketpair", "timerfd_create",
    "timerfd_gettime", "timerfd_settime", "close_range",
    /* memory, threads */
    "membarrier", "msync", "get_robust_list", "set_tid_address",
    /* what it is */
    "capget", "getegid", "geteuid", "getgid", "getgroups", "getppid", "getpgid", "getpgrp",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid", "sysinfo", "times",
    "uname",
    /* signals */
    "rt_sigpending", "rt_sigsuspend", "rt_sigtimedwait", "wait4", "waitid"};

/* For a program that starts itself anew, and for its start. */
static const char *const START_CALLS[] = {"arch_prctl",
                                          "bind",
                                          "capset",
                                          "kill",
                                          "landlock_add_rule",
                                          "landlock_create_ruleset",
                                          "landlock_restrict_self",
                                          "listen",
                                          "personality",
                                          "pidfd_send_signal",
                                          "prctl",
                                          "prlimit64",
                                          "setgid",
                                          "setgroups",
                                          "setpgid",
                                          "setregid",
                                          "setresgid",
                                          "setresuid",
                                          "setreuid",
                                          "setrlimit",
                                          "setsid",
                                          "setuid",
                                          "tkill"};
static const char *const RUN_CALLS[] = {"execve", "fork", "vfork"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

#define TERMINAL_GET_2 0x802c542aull /* TCGETS2, whose type no header of the C library has */

#define NAMESPACES                                                                                 \
    ((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |      \
                CLONE_NEWPID | CLONE_NEWNET))

/* ---- a list under construction ---- */

/* The first error stays. */
struct list {
    scmp_filter_ctx ctx;
    int error; /* negative errno */
};

static void add(struct list *l, uint32_t action, const char *name, const struct scmp_arg_cmp *args,
                unsigned count)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR || l->error) return;
    l->error = seccomp_rule_add_array(l->ctx, action, call, count, args);
}

static void allow(struct list *l, const char *name)
{
    add(l, SCMP_ACT_ALLOW, name, NULL, 0);
}

static void allow_all(struct list *l, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        allow(l, names[i]);
}

/* Allow it where these bits of an argument are so. */
static void allow_masked(struct list *l, const char *name, unsigned arg, uint64_t mask,
                         uint64_t value)
{
    const struct scmp_arg_cmp cmp = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, mask, value);
    add(l, SCMP_ACT_ALLOW, name, &cmp, 1);
}

static void allow_equal(struct list *l, const char *name, unsigned arg, uint64_t value)
{
    const struct scmp_arg_cmp cmp = {.arg = arg, .op = SCMP_CMP_EQ, .datum_a = value, .datum_b = 0};
    add(l, SCMP_ACT_ALLOW, name, &cmp, 1);
}

/* mmap() and mprotect() have the protection in the third place. */
static void allow_memory(struct list *l, bool with_code)
{
    static const char *const CALLS[] = {"mmap", "mprotect"};
    for (size_t i = 0; i < COUNT(CALLS); i++) {
        allow_masked(l, CALLS[i], 2, PROT_EXEC, 0);
        if (with_code) allow_masked(l, CALLS[i], 2, PROT_EXEC | PROT_WRITE, PROT_EXEC);
    }
}

static void allow_socket(struct list *l, uint64_t domain, uint64_t protocol)
{
    const struct scmp_arg_cmp cmp[] = {
        {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = domain, .datum_b = 0},
        {.arg = 2, .op = SCMP_CMP_EQ, .datum_a = protocol, .datum_b = 0},
    };
    add(l, SCMP_ACT_ALLOW, "socket", cmp, COUNT(cmp));
}

static void allow_sockets(struct list *l, bool with_ip)
{
    static const uint64_t PROTOCOLS[] = {0, IPPROTO_TCP, IPPROTO_UDP};
    allow_equal(l, "socket", 0, AF_UNIX);
    for (size_t i = 0; with_ip && i < COUNT(PROTOCOLS); i++) {
        allow_socket(l, AF_INET, PROTOCOLS[i]);
        allow_socket(l, AF_INET6, PROTOCOLS[i]);
    }
}

/* The hot ones that have a rule are looked at before all others. */
static void allow_sends(struct list *l)
{
    static const struct send {
        const char *name;
        unsigned flags; /* which argument */
    } SENDS[] = {{"sendto", 3}, {"sendmsg", 2}, {"sendmmsg", 3}};
    for (size_t i = 0; i < COUNT(SENDS); i++) {
        allow_masked(l, SENDS[i].name, SENDS[i].flags, MSG_FASTOPEN, 0);
        seccomp_syscall_priority(l->ctx, seccomp_syscall_resolve_name(SENDS[i].name), UINT8_MAX);
    }
}

/* Is it a terminal, how large; what the C library asks of descriptors and interfaces. */
static void allow_ioctls(struct list *l)
{
    static const uint64_t REQUESTS[] = {TCGETS,   TIOCGWINSZ,   FIONREAD,    FIONBIO,       FIOCLEX,
                                        FIONCLEX, SIOCGIFINDEX, SIOCGIFNAME, TERMINAL_GET_2};
    for (size_t i = 0; i < COUNT(REQUESTS); i++)
        allow_equal(l, "ioctl", 1, REQUESTS[i]);
}

/* Landlock lets anybody run what no folder holds. Kernels that know a file which cannot be run are asked
 * for no other. */
static void allow_memory_files(struct list *l)
{
    int fd = memfd_create("question", MFD_CLOEXEC | OS_MEMORY_FILE_INERT);
    if (fd < 0) {
        allow(l, "memfd_create");
        return;
    }
    close(fd);
    allow_masked(l, "memfd_create", 1, OS_MEMORY_FILE_INERT, OS_MEMORY_FILE_INERT);
}

static void fill_worker(struct list *l)
{
    allow_all(l, WORKER_CALLS, COUNT(WORKER_CALLS));
    allow_sends(l);
    allow_memory(l, false);
    allow_equal(l, "tgkill", 0, (uint64_t)getpid()); /* abort() */
}

/* Workers are started by it and add their own, shorter list. */
static void fill_service(struct list *l, bool strict, bool runs_programs)
{
    allow_all(l, WORKER_CALLS, COUNT(WORKER_CALLS));
    allow_all(l, SERVICE_CALLS, COUNT(SERVICE_CALLS));
    allow_sends(l);
    allow_ioctls(l);
    allow_memory_files(l);
    if (!strict) allow_all(l, START_CALLS, COUNT(START_CALLS));
    if (!strict && runs_programs) allow_all(l, RUN_CALLS, COUNT(RUN_CALLS));
    allow_memory(l, !strict);
    allow_sockets(l, !strict);
    allow(l, "seccomp");
    if (strict) allow_equal(l, "tgkill", 0, (uint64_t)getpid());
    else allow(l, "tgkill"); /* a program that it becomes may have another id */
    if (strict) allow_masked(l, "clone", 0, CLONE_THREAD | NAMESPACES, CLONE_THREAD);
    else allow_masked(l, "clone", 0, NAMESPACES, 0);
    if (strict) allow_equal(l, "prctl", 0, PR_SET_NAME);
    if (strict) allow_equal(l, "prlimit64", 2, 0);                 /* asking, not setting */
    if (strict) add(l, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL, 0); /* else it is the default */
}

/* ---- refusals ---- */

static _Atomic int refused_call = -1; /* for the log; the metric block holds counts only */

#if defined(__x86_64__)
#define RESULT_OF(context) ((context)->uc_mcontext.gregs[REG_RAX])
#elif defined(__aarch64__)
#define RESULT_OF(context) ((context)->uc_mcontext.regs[0])
#endif

#ifdef RESULT_OF
#define REFUSE_AND_TELL SCMP_ACT_TRAP

/* The thread stands at its system call: nothing is half done, whatever is called here. */
static void refuse(int number, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    (void)number;
    refused_call = info->si_syscall;
    metrics_inc(METRIC_SANDBOX_DENIED);
    RESULT_OF(at) = -EPERM;
}

static bool refusals_handle(void)
{
    struct sigaction action = {.sa_sigaction = refuse, .sa_flags = SA_SIGINFO};
    return sigaction(SIGSYS, &action, NULL) == 0;
}
#else
#define REFUSE_AND_TELL SCMP_ACT_ERRNO(EPERM)

static bool refusals_handle(void)
{
    return true;
}
#endif

void call_filter_refused(char out[CALL_NAME_BYTES_MAX])
{
    char *name =
        refused_call >= 0 ? seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, refused_call) : NULL;
    snprintf(out, CALL_NAME_BYTES_MAX, "%s", name ? name : "");
    free(name);
}

/* ---- loading ---- */

bool call_filter_is_built(void)
{
    return true;
}

static uint32_t action_of(enum call_filter filter, bool strict)
{
    if (strict) return SCMP_ACT_KILL_PROCESS;
    return filter == FILTER_WORKER ? REFUSE_AND_TELL : SCMP_ACT_ERRNO(ENOSYS);
}

/* The library writes its result into a file; NULL and errno. */
static struct sock_filter *code_of(scmp_filter_ctx ctx, uint16_t *count)
{
    struct sock_filter *code = NULL;
    int fd = os_memory_file("filter");
    off_t bytes = fd >= 0 && seccomp_export_bpf(ctx, fd) == 0 ? lseek(fd, 0, SEEK_END) : -1;
    if (bytes > 0 && (size_t)bytes <= UINT16_MAX * sizeof *code) code = malloc((size_t)bytes);
    if (code && pread(fd, code, (size_t)bytes, 0) != bytes) {
        free(code);
        code = NULL;
    }
    if (code) *count = (uint16_t)((size_t)bytes / sizeof *code);
    if (fd >= 0) close(fd);
    return code;
}

bool call_filter_make(struct call_filter_code *out, enum call_filter filter, bool strict)
{
    *out = (struct call_filter_code){0};
    struct list l = {.ctx = seccomp_init(action_of(filter, strict))};
    if (!l.ctx) {
        errno = ENOMEM;
        return false;
    }
    if (filter == FILTER_WORKER) fill_worker(&l);
    else fill_service(&l, strict, filter == FILTER_SERVICE);
    errno = -l.error;
    if (!l.error) out->instructions = code_of(l.ctx, &out->count);
    seccomp_release(l.ctx);
    return out->instructions;
}

bool call_filter_load(const struct call_filter_code *code)
{
    struct sock_fprog program = {.len = code->count, .filter = code->instructions};
    if (!refusals_handle()) return false;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) ==
        0)
        return true;
    return errno == EINVAL && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}
