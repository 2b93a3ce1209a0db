/* call_filter.h - which system calls a thread may still make: seccomp, an allow-list.
 *
 * Loaded for the calling thread and all it starts, for good. What is not on the list is refused:
 *   on, a worker          EPERM, counted (metric sandbox_denied_calls_total), named in the log
 *   on, housekeeping      ENOSYS, which newer programs take as "an older kernel"
 *   strict                the process is killed
 *
 * In a build without libseccomp call_filter_is_built() is false and nothing can be loaded. */
#ifndef APP_CALL_FILTER_H
#define APP_CALL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum call_filter {
    FILTER_SERVICE, /* housekeeping and what it starts; its own program, too, unless strict */
    FILTER_HELPED,  /* the same, but for programs: a helper runs them */
    FILTER_WORKER,  /* serving: open sockets, memory, locks, time; no file, no program, no thread */
};

/* A filter as the kernel takes it. */
struct call_filter_code {
    struct sock_filter *instructions; /* free() */
    uint16_t count;
};

bool call_filter_is_built(void);

/* Main thread, before any filter is loaded: what makes it serves one thread at a time. About a
 * millisecond. False and errno. */
bool call_filter_make(struct call_filter_code *out, enum call_filter filter, bool strict);

/* For the calling thread. Needs no_new_privs. False and errno. */
bool call_filter_load(const struct call_filter_code *code);

/* The name of the call that was refused last, for the log; "" when there was none. */
#define CALL_NAME_BYTES_MAX 40
void call_filter_refused(char out[CALL_NAME_BYTES_MAX]);

#endif
