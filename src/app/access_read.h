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
    const struct swarm *swarm;   /* whose hash the lists are found by; NULL: only judge the files */
    struct seen_torrents before; /* of the reading before; owned */
    const struct access *in_force; /* borrowed; NULL: none is */
    struct access_opts in_force_opts;
    _Atomic bool cancelled; /* by any thread; the error is "cancelled" then */
    /* filled */
    struct access *access; /* the caller's; NULL: no option names a list, is_stale, or an error */
    bool is_stale;         /* nothing could be read that is not in force already */
    struct seen_torrents seen; /* for the next reading; owned */
    /* "FILE:LINE: why" of lists that are taken from those in force; "": it was read */
    char kept[ACCESS_LISTS][ACCESS_ERROR_BYTES_MAX];
    char error[ACCESS_ERROR_BYTES_MAX]; /* likewise, of the whole; empty: all is well */
};

/* Read all. A list of which any file is wrong stays as it is where it is in force with the same files;
 * else that is the end, and `error` says why. Comments that hide a range are logged. */
void access_read(struct access_reading *r);
void access_reading_fini(struct access_reading *r);

/* Could all that these options name be read, now and by whoever asks? Else `error` says why not. */
bool access_judge(const struct access_opts *o, char error[ACCESS_ERROR_BYTES_MAX]);

/* Is no list in force with these? */
bool access_opts_are_empty(const struct access_opts *o);

/* The option of a list: "allow_torrents". */
const char *access_list_name(enum access_list list);

#endif
