/* access_read.h - from the files that the options name to a set of access lists.
 *
 * Threads   blocks, so on any thread but those that serve. */
#ifndef APP_ACCESS_READ_H
#define APP_ACCESS_READ_H

#include "app/access_folder.h"
#include "app/config.h"

#include <stdatomic.h>

#define ACCESS_FILE_BYTES_MAX  (1ull << 30) /* of a list, unpacked */
#define ACCESS_ERROR_BYTES_MAX (CONFIG_PATH_BYTES_MAX + 512)

struct access_reading {
    /* given */
    struct access_opts opts;
    const struct swarm *swarm;   /* whose hash the lists are found by */
    struct seen_torrents before; /* of the reading before; owned */
    _Atomic bool cancelled;      /* by any thread; the error is "cancelled" then */
    /* filled */
    struct access *access;     /* the caller's; NULL: no option names a list, or an error */
    struct seen_torrents seen; /* for the next reading; owned */
    char error[ACCESS_ERROR_BYTES_MAX]; /* "FILE:LINE: why"; empty: all is well */
};

/* Read all, or stop at the first thing that is wrong. */
void access_read(struct access_reading *r);
void access_reading_fini(struct access_reading *r);

/* Is no list in force with these? */
bool access_opts_are_empty(const struct access_opts *o);

/* The option of a list: "allow_torrents". */
const char *access_list_name(enum access_list list);

#endif
