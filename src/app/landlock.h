/* landlock.h - which files, ports and processes this process may still reach: the kernel's Landlock.
 *
 * A ruleset is made, filled with what stays allowed, and enforced: from then on everything else is
 * refused (EACCES, EPERM) to the calling thread and to all that it starts, programs included, for
 * good. What the kernel does not know yet it does not refuse.
 *
 * Source   landlock(7), Documentation/userspace-api/landlock.rst */
#ifndef APP_LANDLOCK_H
#define APP_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What may be done in a folder and all below it, or with a file. */
enum landlock_right {
    LAND_READ = 1u << 0,   /* read files, list folders */
    LAND_WRITE = 1u << 1,  /* make, change, rename and remove files */
    LAND_SOCKET = 1u << 2, /* make and remove Unix sockets */
    LAND_REMOVE = 1u << 3, /* remove files */
    LAND_RUN = 1u << 4,    /* run programs */
};

struct landlock_limits {
    bool may_bind;          /* TCP ports; connecting over TCP is never allowed */
    bool may_send_abstract; /* to Unix sockets without a file that others made */
};

/* The kernel's version of it; 0: it has none, or a container forbids it. */
int landlock_version(void);

/* A new ruleset's descriptor, to be closed; -1 and errno. */
int landlock_open(const struct landlock_limits *limits);

/* The same for a layer upon another, which only forbids: no program can be run any more. */
int landlock_open_without_programs(void);

/* Allow more; false and errno when the path cannot be opened or the kernel refuses. */
bool landlock_allow(int ruleset_fd, const char *path, unsigned rights);

/* False and errno: E2BIG when 16 were enforced one upon the other already, by programs that started
 * each other. Needs no_new_privs. */
bool landlock_enforce(int ruleset_fd);

#endif
