/* os_linux.c - see os_linux.h. */
#include "base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/sock_diag.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

void os_yield(void)
{
    sched_yield();
}

void os_futex_wait(_Atomic uint32_t *word, uint32_t expected)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, NULL, NULL, 0);
}

void os_futex_wait_for(_Atomic uint32_t *word, uint32_t expected, uint32_t ms)
{
    const struct timespec most = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &most, NULL, 0);
}

void os_futex_wake(_Atomic uint32_t *word, int count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void *os_reserve(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void os_unreserve(void *at, size_t bytes)
{
    munmap(at, bytes);
}

bool os_commit(void *at, size_t bytes)
{
    return mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
}

void os_discard(void *at, size_t bytes)
{
    madvise(at, bytes, MADV_DONTNEED);
}

unsigned os_cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return (unsigned)CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

static uint64_t file_u64(const char *path, uint64_t otherwise)
{
    FILE *f = fopen(path, "re");
    if (!f) return otherwise;
    char line[64] = "";
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    if (!got || line[0] < '0' || line[0] > '9') return otherwise; /* "max" */
    return strtoull(line, NULL, 10);
}

/* "max 100000" or "50000 100000": quota and period, microseconds. */
static double cpu_max(const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f) return 0;
    double quota = 0, period = 0;
    int got = fscanf(f, "%lf %lf", &quota, &period);
    fclose(f);
    return got == 2 && period > 0 ? quota / period : 0;
}

static double smaller_limit(double a, double b)
{
    return a > 0 && (b <= 0 || a < b) ? a : b;
}

typedef void group_file_fn(const char *path, void *ctx);

/* Version 2: the file of that name in our control group and in all above it, whose limits hold too.
 * In a container the path is "/". */
static void each_group_file(const char *name, group_file_fn *fn, void *ctx)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    if (!f) return;
    char line[512], path[640];
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "0::/", 4) != 0) continue;
        line[strcspn(line, "\n")] = '\0';
        for (char *end = line + strlen(line); end; end = strrchr(line + 3, '/')) {
            *end = '\0';
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", line + 3, name);
            fn(path, ctx);
        }
    }
    fclose(f);
}

static void memory_lower(const char *path, void *ctx)
{
    uint64_t *bytes = ctx, max = file_u64(path, UINT64_MAX);
    if (max < *bytes) *bytes = max;
}

uint64_t os_memory_bytes(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    each_group_file("memory.max", memory_lower, &bytes);
    memory_lower("/sys/fs/cgroup/memory/memory.limit_in_bytes", &bytes); /* version 1 */
    return bytes;
}

/* "MemAvailable:   12345 kB"; UINT64_MAX when the system does not tell. */
static uint64_t machine_available(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    uint64_t kib = UINT64_MAX >> 10;
    char line[128];
    if (!f) return UINT64_MAX;
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1) break;
    fclose(f);
    return kib << 10;
}

uint64_t os_memory_available_bytes(void)
{
    uint64_t limit = os_memory_bytes(), used = os_rss_bytes(), machine = machine_available();
    uint64_t below_limit = limit > used ? limit - used : 0;
    return machine < below_limit ? machine : below_limit;
}

static void cpu_lower(const char *path, void *ctx)
{
    double *limit = ctx;
    *limit = smaller_limit(cpu_max(path), *limit);
}

static double cpu_limit_v2(void)
{
    double limit = 0;
    each_group_file("cpu.max", cpu_lower, &limit);
    return limit;
}

static double cpu_limit_v1(void)
{
    uint64_t quota = file_u64("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", 0); /* "-1": none */
    uint64_t period = file_u64("/sys/fs/cgroup/cpu/cpu.cfs_period_us", 0);
    return period ? (double)quota / (double)period : 0;
}

double os_cpu_limit(void)
{
    double limit = smaller_limit(cpu_limit_v2(), cpu_limit_v1());
    return limit < os_cpu_count() ? limit : 0;
}

unsigned os_cpu_usable(void)
{
    double limit = os_cpu_limit();
    unsigned whole = (unsigned)limit;
    if (limit <= 0) return os_cpu_count();
    return limit > whole ? whole + 1 : whole;
}

uint32_t os_socket_drops(int fd)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof info;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) != 0) return 0;
    return info[SK_MEMINFO_DROPS];
}

static uint64_t rss_bytes_max(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss << 10 : 0;
}

uint64_t os_rss_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f) return rss_bytes_max();
    unsigned long long size = 0, resident = 0;
    int got = fscanf(f, "%llu %llu", &size, &resident);
    fclose(f);
    return got == 2 ? resident * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* A container's /proc may tell its own load, which the call does not; a chroot has no /proc. */
int os_load_average(double load[3])
{
    struct sysinfo info;
    if (getloadavg(load, 3) == 3) return 3;
    if (sysinfo(&info) != 0) return 0;
    for (int i = 0; i < 3; i++)
        load[i] = (double)info.loads[i] / (1 << SI_LOAD_SHIFT);
    return 3;
}

uint64_t os_cpu_time_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

void os_thread_name(const char *name)
{
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

bool os_standard_streams_open(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

int os_memory_file(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | OS_MEMORY_FILE_INERT);
    return fd >= 0 || errno != EINVAL ? fd : memfd_create(name, MFD_CLOEXEC);
}

bool os_drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];
    bool has_any = syscall(SYS_capget, &head, held) != 0;
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3 && !has_any; i++)
        has_any = held[i].effective || held[i].permitted || held[i].inheritable;
    if (!has_any) return true; /* a service manager may forbid the call then */
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}
