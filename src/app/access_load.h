/* access_load.h - the access lists in force, and reading them anew beside the work.
 *
 * Files are read by a thread of its own, at start, at each reload, when an option names others and when a
 * file changes; what was read becomes part of the next generation of the configuration. Whatever is
 * wrong with a file leaves the lists as they are.
 *
 * Threads   main thread.
 * Limits    of the sets that exist, in number and in memory: where ACCESS_SETS_MAX or ACCESS_BYTES_MAX are
 *           reached, a reading waits until an older set is freed, which takes the grace period of a
 *           generation. One set beside the one in force is always possible. */
#ifndef APP_ACCESS_LOAD_H
#define APP_ACCESS_LOAD_H

#include "app/access_read.h"
#include "app/access_watch.h"

#define ACCESS_SETS_MAX  64
#define ACCESS_BYTES_MAX (256ull << 20)

struct access_loading; /* a thread that reads */

struct access_loader {
    struct access *current; /* in force from the next generation on; NULL: no list is */
    uint64_t loaded_unix_s; /* when that was read; 0: never */
    char error
        [ACCESS_ERROR_BYTES_MAX]; /* of the last reading: "FILE:LINE: why"; "" when it worked */
    /* private */
    const struct swarm *swarm;
    struct loop *loop; /* woken when a reading is done */
    struct access_opts opts;
    struct access_watch watch;
    struct access_loading *loading;
    struct seen_torrents seen;
    uint64_t due_ms, due_max_ms; /* of a reading; 0: none is wanted */
    uint32_t sets;               /* that exist */
    uint64_t bytes;              /* what they take */
};

void access_loader_init(struct access_loader *l, struct loop *loop);
void access_loader_fini(struct access_loader *l);

/* At start: read and wait for it. ERR_BAD_VALUE when a file is wrong, which was logged. */
enum err access_loader_start(struct access_loader *l, const struct swarm *swarm,
                             const struct access_opts *o) MUST_CHECK;

/* These options are in force. Reads the lists anew if they name other files, or if `again`. */
void access_loader_want(struct access_loader *l, const struct access_opts *o, bool again);

/* Call about every 100 ms; true when ->current has changed, so that another generation is due. */
bool access_loader_turn(struct access_loader *l, uint64_t now_ms);

/* Is a reading under way, or wanted? */
bool access_loader_is_busy(const struct access_loader *l);

/* A generation refers to a set (or to none: NULL); it does no more. */
const struct access *access_loader_hold(struct access_loader *l);
void access_loader_release(struct access_loader *l, const struct access *x);

#endif
