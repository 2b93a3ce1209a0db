/* access_load.h - the access lists in force, and reading them anew beside the work.
 *
 * Files are read by a thread of its own, at each reload, before an option that names others is in force,
 * and when a file changes; what was read becomes part of the next generation of the configuration.
 * A list of which a file is wrong stays as it is; options that name a file that is wrong are
 * refused before anything has changed.
 *
 * Threads   main thread.
 * Limits    of the sets that exist, in number and in memory: where ACCESS_SETS_MAX or ACCESS_BYTES_MAX are
 *           reached, a reading waits, with a log line, until no worker uses an older set any more
 *           (server_free_retired()). One set beside the one in force is always possible. */
#ifndef APP_ACCESS_LOAD_H
#define APP_ACCESS_LOAD_H

#include "app/access_read.h"
#include "app/access_watch.h"

#define ACCESS_SETS_MAX  64
#define ACCESS_BYTES_MAX (256ull << 20)

struct access_loading; /* a thread that reads */

/* Options that somebody wants to put in force. */
struct access_trial {
    bool is_wanted;
    struct access_opts opts;
    struct access_reading *reading; /* what came of it; NULL: not known yet */
    uint64_t took_ms, done_ms;
};

struct access_loader {
    struct access *current; /* in force from the next generation on; NULL: no list is */
    uint64_t loaded_unix_s; /* when that was read; 0: never */
    char error
        [ACCESS_ERROR_BYTES_MAX]; /* of the last reading: "FILE:LINE: why"; "" when it worked */
    /* private */
    const struct swarm *swarm;
    struct loop *loop; /* woken when a reading is done */
    struct access_opts opts;
    struct access_watch watch[2]; /* of `opts`; of the trial's */
    uint32_t watching;            /* which is which */
    struct access_loading *loading;
    struct access_trial trial;
    struct seen_torrents seen;
    uint64_t due_ms, due_max_ms; /* of a reading; 0: none is wanted */
    uint32_t sets;               /* that exist */
    uint64_t bytes;              /* what they take */
    bool is_waiting;             /* for one to be freed; it was logged */
};

void access_loader_init(struct access_loader *l, struct loop *loop);
void access_loader_fini(struct access_loader *l);

/* At start: read and wait for it. ERR_BAD_VALUE when a file is wrong, which was logged. */
enum err access_loader_start(struct access_loader *l, const struct swarm *swarm,
                             const struct access_opts *o) MUST_CHECK;

enum access_verdict {
    ACCESS_LATER,   /* they are being read: ask the same again, within ACCESS_TRIAL_KEEP_MS */
    ACCESS_FINE,    /* access_loader_put() may follow */
    ACCESS_REFUSED, /* `error` says why */
};

#define ACCESS_TRIAL_KEEP_MS 2000

/* May these options be in force? Reads what they name if they are others, or if `again`. Who asks for
 * others meanwhile waits for his turn.
 *   error   also of a list that can stay as it is; "" when there was none */
enum access_verdict access_loader_try(struct access_loader *l, const struct access_opts *o,
                                      bool again, char error[ACCESS_ERROR_BYTES_MAX]) MUST_CHECK;

/* The same at once, in the caller's thread, for who does not serve yet: access_loader_put() or _forget()
 * follow. ERR_NO_MEMORY; ERR_OS: a list cannot be read, which is logged. */
enum err access_loader_read(struct access_loader *l, const struct access_opts *o) MUST_CHECK;

/* They shall not be in force after all: forget what was read for them. */
void access_loader_forget(struct access_loader *l, const struct access_opts *o);

/* These options are in force from now on, and with them what was read for them. They are those that
 * are, or those last found ACCESS_FINE. */
void access_loader_put(struct access_loader *l, const struct access_opts *o);

/* Call about every 100 ms; true when ->current has changed, so that another generation is due. */
bool access_loader_turn(struct access_loader *l, uint64_t now_ms);

/* Is a reading under way, or wanted? */
bool access_loader_is_busy(const struct access_loader *l);

/* A generation refers to a set (or to none: NULL); it does no more. */
const struct access *access_loader_hold(struct access_loader *l);
void access_loader_release(struct access_loader *l, const struct access *x);

#endif
