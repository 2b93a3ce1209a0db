/* os_linux.h - what the kernel is asked about memory, CPUs, waiting and this process. Descriptors
 * that a loop watches are opened by net/, signals and rights are app's. */
#ifndef BASE_OS_LINUX_H
#define BASE_OS_LINUX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tell the core that this is a spin loop. */
static inline void os_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* Let another thread run. */
void os_yield(void);

/* Sleep while *word is `expected`; may wake early. Wake up to `count` sleepers. */
void os_futex_wait(_Atomic uint32_t *word, uint32_t expected);
/* The same for at most `ms`. */
void os_futex_wait_for(_Atomic uint32_t *word, uint32_t expected, uint32_t ms);
void os_futex_wake(_Atomic uint32_t *word, int count);

/* Reserve address space without memory; NULL when the system refuses. */
void *os_reserve(size_t bytes);
void os_unreserve(void *at, size_t bytes);

/* Make part of a reservation usable (zeroed); false when the system has no memory for it. */
bool os_commit(void *at, size_t bytes);

/* Give the memory of a committed range back; it reads as zeros when touched again. */
void os_discard(void *at, size_t bytes);

/* CPUs this process may run on; memory it may use (bytes): the machine's, or the container's
 * limit where that is lower. */
unsigned os_cpu_count(void);
uint64_t os_memory_bytes(void);

/* Memory that can still be had, bytes: of the machine, or below the container's limit. */
uint64_t os_memory_available_bytes(void);

/* CPU time per time that control groups leave this process (0.5: half a CPU); 0: no limit below
 * what os_cpu_count() says. */
double os_cpu_limit(void);

/* CPUs that can be kept busy: os_cpu_count(), or the limit rounded up. */
unsigned os_cpu_usable(void);

/* Datagrams the kernel dropped at this socket, mostly for want of room; wraps at 2^32. 0 when the
 * kernel cannot tell. */
uint32_t os_socket_drops(int fd);

/* Resident set of this process, bytes; the largest it has been where /proc is out of reach. */
uint64_t os_rss_bytes(void);

/* The system's load averages over 1, 5 and 15 minutes; how many of them are known: 3 or 0. */
int os_load_average(double load[3]);

/* CPU time this process has used, microseconds. */
uint64_t os_cpu_time_us(void);

/* A file in memory, closed on exec; one that can never be run, where the kernel (6.3) has such. -1, errno. */
#define OS_MEMORY_FILE_INERT 0x0008u /* MFD_NOEXEC_SEAL, which older headers do not have */
int os_memory_file(const char *name);

/* Give up every capability, ambient ones included, for good; false (errno) when the kernel refuses. */
bool os_drop_capabilities(void);

/* Open /dev/null for those of the standard streams that are closed: else the first sockets would get
 * their numbers, and log lines would go to clients. False (errno) when that is not possible. */
bool os_standard_streams_open(void);

/* Name the calling thread (at most 15 characters are kept). */
void os_thread_name(const char *name);

#endif
