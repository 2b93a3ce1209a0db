/* inject.c - a library for LD_PRELOAD that makes chosen calls of the tracker fail, wait, or tell
 * another time.
 *
 * Idea      the table of faults is a file that the test maps too ($MUSTER_FAULTS, kit/faults.py): a
 *           fault begins and ends while the server runs, and the calls that it met are counted.
 * Sites     with `per_site` a call fails once for each place of the program that makes it. A place is
 *           the immediate caller and the two innermost frames of the program itself, told by their
 *           offsets, so that a later process knows them again. Calls that no frame of the program is
 *           behind (loader, sanitizer) never fail.
 * Order     this library comes before the sanitizer's, whose interceptors are the next in line.
 * Rejected  seccomp, ptrace: one call site cannot be told from another, and malloc is no system
 *           call. Failing the n-th allocation: thousands of runs for a hundred places. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the table; kit/faults.py knows its layout ---- */

enum call {
    CALL_MALLOC, /* and all its relatives */
    CALL_MMAP,
    CALL_MPROTECT,
    CALL_THREAD,
    CALL_SOCKET,
    CALL_ACCEPT,
    CALL_RECV,
    CALL_SEND,
    CALL_RECVMMSG,
    CALL_SENDMMSG,
    CALL_EPOLL_CTL,
    CALL_EPOLL_WAIT,
    CALL_OPEN,
    CALL_READ,  /* pread() */
    CALL_WRITE, /* to regular files */
    CALL_FSYNC,
    CALL_RENAME,
    CALL_MMDB_NODE, /* MMDB_read_node() of libmaxminddb */
    CALL_COUNT
};

#define THREAD_BYTES    16
#define SITES_MAX       4096
#define SITE_TEXT_BYTES 192
#define FRAMES_MAX      24

struct fault {
    _Atomic uint64_t calls, hits;
    _Atomic uint64_t skip;     /* calls to let pass first */
    _Atomic uint64_t left;     /* hits to come; 0: none */
    int32_t error;             /* errno of a hit; 0: it only waits */
    uint32_t delay_ms;         /* of a hit */
    uint32_t per_site;         /* once each place of the program */
    uint32_t unused;           /* (64-bit alignment) */
    char thread[THREAD_BYTES]; /* of this name only; empty: of any */
};

struct table {
    _Atomic int64_t realtime_s, monotonic_s; /* added to the clocks */
    struct fault faults[CALL_COUNT];
    char site_text[SITE_TEXT_BYTES]; /* the last new place, for people */
    _Atomic uint32_t site_count;
    _Atomic uint64_t sites[SITES_MAX];
};

static struct table *table;
static uintptr_t program_from, program_to;
static pthread_mutex_t sites_lock = PTHREAD_MUTEX_INITIALIZER;
static __thread bool is_inside __attribute__((tls_model("initial-exec")));

/* ---- starting ---- */

static int program_find(struct dl_phdr_info *info, size_t size, void *ctx)
{
    (void)size;
    (void)ctx;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X)) continue;
        program_from = info->dlpi_addr + p->p_vaddr;
        program_to = program_from + p->p_memsz;
    }
    return 1; /* the first is the program */
}

__attribute__((constructor)) static void table_open(void)
{
    const char *path = getenv("MUSTER_FAULTS");
    void *unused[1];
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *at = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at == MAP_FAILED) abort();
    dl_iterate_phdr(program_find, NULL);
    is_inside = true;
    backtrace(unused, 1); /* loads what it needs */
    is_inside = false;
    table = at;
}

/* ---- places ---- */

static void mix(uint64_t *hash, uint64_t value)
{
    *hash = (*hash ^ value) * 0x9e3779b97f4a7c15u;
    *hash ^= *hash >> 29;
}

static void frame_note(char *text, uintptr_t at, const char *file, uintptr_t base)
{
    size_t used = strlen(text);
    const char *name = strrchr(file, '/');
    snprintf(text + used, SITE_TEXT_BYTES - used, "%s+0x%lx ", name ? name + 1 : file,
             (unsigned long)(at - base));
}

/* The place that called us: 0 when the program is not behind it. */
static uint64_t site_of(char text[SITE_TEXT_BYTES])
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX), of_program = 0;
    uint64_t hash = 1;
    Dl_info us, info;
    bool is_caller = true;
    text[0] = '\0';
    if (!dladdr((void *)&table, &us)) return 0;
    for (int i = 0; i < count && of_program < 2; i++) {
        uintptr_t at = (uintptr_t)frames[i];
        bool is_program = at >= program_from && at < program_to;
        if (!is_program && !is_caller) continue;
        if (!dladdr(frames[i], &info) || info.dli_fbase == us.dli_fbase) continue;
        mix(&hash, at - (uintptr_t)info.dli_fbase);
        frame_note(text, at, info.dli_fname, (uintptr_t)info.dli_fbase);
        is_caller = false;
        of_program += is_program;
    }
    return of_program ? hash : 0;
}

/* True for a place that was not noted before. */
static bool site_is_new(void)
{
    char text[SITE_TEXT_BYTES];
    uint64_t site = site_of(text);
    if (!site) return false;
    pthread_mutex_lock(&sites_lock);
    uint32_t count = table->site_count;
    bool is_new = count < SITES_MAX;
    for (uint32_t i = 0; is_new && i < count; i++)
        is_new = table->sites[i] != site;
    if (is_new) {
        table->sites[count] = site;
        table->site_count = count + 1;
        memcpy(table->site_text, text, sizeof text);
    }
    pthread_mutex_unlock(&sites_lock);
    return is_new;
}

/* ---- faults ---- */

static bool is_thread(const char name[THREAD_BYTES])
{
    char mine[THREAD_BYTES] = "";
    if (!name[0]) return true;
    prctl(PR_GET_NAME, mine, 0, 0, 0);
    return strcmp(mine, name) == 0;
}

/* Take one from the counter, unless it is 0. */
static bool counter_take(_Atomic uint64_t *c)
{
    uint64_t now = *c;
    while (now)
        if (atomic_compare_exchange_weak(c, &now, now - 1)) return true;
    return false;
}

static bool is_due(struct fault *f)
{
    if (!f->left || !is_thread(f->thread)) return false;
    if (counter_take(&f->skip)) return false;
    if (f->per_site && !site_is_new()) return false;
    return counter_take(&f->left);
}

/* The call happens: true when it has to fail, with errno set. A hit without an error only waits. */
static bool fails(enum call call)
{
    if (!table || is_inside) return false;
    struct fault *f = &table->faults[call];
    f->calls++;
    is_inside = true;
    bool is_hit = is_due(f);
    if (is_hit) {
        f->hits++;
        struct timespec delay = {f->delay_ms / 1000, f->delay_ms % 1000 * 1000000L};
        if (f->delay_ms) nanosleep(&delay, NULL);
        if (f->error) errno = f->error;
    }
    is_inside = false;
    return is_hit && f->error;
}

/* The next function of that name in line. */
static void *next_of(_Atomic(void *) *kept, const char *name)
{
    void *found = *kept;
    if (found) return found;
    found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    *kept = found;
    return found;
}

#define NEXT(function)                                                                             \
    __extension__({                                                                                \
        static _Atomic(void *) kept;                                                               \
        (__typeof__(&function))(uintptr_t)next_of(&kept, #function);                               \
    })

#define EXPORT __attribute__((visibility("default")))

/* ---- memory ---- */

EXPORT void *malloc(size_t bytes)
{
    return fails(CALL_MALLOC) ? NULL : NEXT(malloc)(bytes);
}

EXPORT void *calloc(size_t count, size_t bytes)
{
    return fails(CALL_MALLOC) ? NULL : NEXT(calloc)(count, bytes);
}

EXPORT void *realloc(void *old, size_t bytes)
{
    return bytes && fails(CALL_MALLOC) ? NULL : NEXT(realloc)(old, bytes);
}

EXPORT void *aligned_alloc(size_t alignment, size_t bytes)
{
    return fails(CALL_MALLOC) ? NULL : NEXT(aligned_alloc)(alignment, bytes);
}

EXPORT int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    return fails(CALL_MALLOC) ? ENOMEM : NEXT(posix_memalign)(out, alignment, bytes);
}

EXPORT char *strdup(const char *text)
{
    return fails(CALL_MALLOC) ? NULL : NEXT(strdup)(text);
}

EXPORT void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    if (fails(CALL_MMAP)) return MAP_FAILED;
    return NEXT(mmap)(at, bytes, protection, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    return mmap(at, bytes, protection, flags, fd, offset);
}

EXPORT int mprotect(void *at, size_t bytes, int protection)
{
    return fails(CALL_MPROTECT) ? -1 : NEXT(mprotect)(at, bytes, protection);
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg)
{
    if (fails(CALL_THREAD)) return errno;
    return NEXT(pthread_create)(thread, attributes, start, arg);
}

/* ---- sockets ---- */

EXPORT int socket(int family, int type, int protocol)
{
    return fails(CALL_SOCKET) ? -1 : NEXT(socket)(family, type, protocol);
}

EXPORT int accept4(int fd, struct sockaddr *peer, socklen_t *bytes, int flags)
{
    return fails(CALL_ACCEPT) ? -1 : NEXT(accept4)(fd, peer, bytes, flags);
}

EXPORT ssize_t recv(int fd, void *buffer, size_t bytes, int flags)
{
    return fails(CALL_RECV) ? -1 : NEXT(recv)(fd, buffer, bytes, flags);
}

EXPORT ssize_t send(int fd, const void *buffer, size_t bytes, int flags)
{
    return fails(CALL_SEND) ? -1 : NEXT(send)(fd, buffer, bytes, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout)
{
    return fails(CALL_RECVMMSG) ? -1 : NEXT(recvmmsg)(fd, messages, count, flags, timeout);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return fails(CALL_SENDMMSG) ? -1 : NEXT(sendmmsg)(fd, messages, count, flags);
}

EXPORT int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    if (operation == EPOLL_CTL_ADD && fails(CALL_EPOLL_CTL)) return -1;
    return NEXT(epoll_ctl)(epoll_fd, operation, fd, event);
}

EXPORT int epoll_wait(int epoll_fd, struct epoll_event *events, int max, int timeout_ms)
{
    return fails(CALL_EPOLL_WAIT) ? -1 : NEXT(epoll_wait)(epoll_fd, events, max, timeout_ms);
}

/* ---- files ---- */

EXPORT int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(CALL_OPEN) ? -1 : NEXT(open)(path, flags, mode);
}

EXPORT int openat(int folder_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails(CALL_OPEN) ? -1 : NEXT(openat)(folder_fd, path, flags, mode);
}

EXPORT int openat64(int folder_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return openat(folder_fd, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open(path, flags, mode);
}

EXPORT ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    return fails(CALL_READ) ? -1 : NEXT(pread)(fd, buffer, bytes, offset);
}

EXPORT ssize_t pread64(int fd, void *buffer, size_t bytes, off64_t offset)
{
    return pread(fd, buffer, bytes, offset);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t count)
{
    struct stat status;
    bool may_fail = table && table->faults[CALL_WRITE].left && fstat(fd, &status) == 0 &&
                    S_ISREG(status.st_mode) && fd != STDOUT_FILENO;
    return may_fail && fails(CALL_WRITE) ? -1 : NEXT(write)(fd, bytes, count);
}

EXPORT int fsync(int fd)
{
    return fails(CALL_FSYNC) ? -1 : NEXT(fsync)(fd);
}

EXPORT int rename(const char *from, const char *to)
{
    return fails(CALL_RENAME) ? -1 : NEXT(rename)(from, to);
}

EXPORT int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    return fails(CALL_RENAME) ? -1 : NEXT(renameat)(from_fd, from, to_fd, to);
}

struct mmdb;
struct mmdb_node;
EXPORT int MMDB_read_node(const struct mmdb *db, uint32_t node, struct mmdb_node *out);
EXPORT int MMDB_read_node(const struct mmdb *db, uint32_t node, struct mmdb_node *out)
{
    (void)fails(CALL_MMDB_NODE);
    return NEXT(MMDB_read_node)(db, node, out);
}

/* ---- clocks ---- */

EXPORT int clock_gettime(clockid_t clock, struct timespec *out)
{
    int rc = NEXT(clock_gettime)(clock, out);
    if (rc != 0 || !table || is_inside) return rc;
    if (clock == CLOCK_REALTIME) out->tv_sec += table->realtime_s;
    else if (clock == CLOCK_MONOTONIC) out->tv_sec += table->monotonic_s;
    return 0;
}

EXPORT time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
