/* snapshot_file.h - a whole store to a descriptor and back, in the format of proto/snapshot.h. The
 * descriptor is a file's or a memfd's; folders and names are state.c's.
 *
 * Threads   any: announces go on meanwhile. Both take seconds for millions of torrents, and as much
 *           memory as a block or two. */
#ifndef APP_SNAPSHOT_FILE_H
#define APP_SNAPSHOT_FILE_H

#include "proto/snapshot.h"
#include "swarm/dump.h"

/* Milliseconds between two calls of a progress function. */
#define SNAPSHOT_PROGRESS_MS 2000

struct snapshot_saved {
    struct snapshot_totals totals;
    uint64_t bytes, us;
    uint64_t hold_us_max;    /* longest step under a lock, waiting for it included */
    uint32_t shards_skipped; /* somebody who is stuck kept them */
    uint64_t
        torrents_kept; /* of those shards, as the file before had them; a torrent may count twice */
    bool is_last_read; /* that file was read, to its end and without damage */
};

/* Told now and then how much is done, of how much; not at all if it is over sooner. */
typedef void snapshot_progress_fn(void *ctx, uint64_t done, uint64_t all);

struct snapshot_job {
    const struct swarm *s;
    uint32_t lifetime_s; /* of a peer now */
    int last_fd; /* the file that was saved before, from which comes what cannot be had; or -1 */
    snapshot_progress_fn *progress; /* or NULL */
    void *ctx;
};

/* Write everything, from the descriptor's place on. Yields now and then, so that workers on busy
 * CPUs do not find the thread asleep with a lock. Waits for nobody who is stuck: what his shard held
 * is written as it was saved last.
 *   returns     ERR_OS, errno says why; ERR_NO_MEMORY */
enum err snapshot_save(int fd, const struct snapshot_job *job,
                       struct snapshot_saved *out) MUST_CHECK;

struct snapshot_loaded {
    struct snapshot_header header;
    struct restore_report store;
    uint64_t bytes, us;
    uint64_t elapsed_s;      /* since it was saved */
    uint32_t blocks;         /* read */
    uint32_t blocks_damaged; /* stretches of bytes that were no whole block */
    uint64_t bytes_damaged;
    bool has_other_tags; /* without ids, and its tags were made with another key than the store's */
    bool is_whole;       /* nothing damaged, and the last block says that nothing is missing */
};

/* Take everything in that can be read, from the file's beginning on.
 *   name        of the file, for the log, where damage is reported
 *   lifetime_s  of a peer now; if it was longer when the file was saved, that counts
 *   progress    NULL, or told the bytes
 *   returns     ERR_OS (errno); ERR_NO_MEMORY; ERR_SNAPSHOT_*: nothing could be read. ERR_OK also for a
 *               damaged file: out->is_whole tells */
enum err snapshot_load(int fd, const char *name, struct swarm *s, struct swarm_time time,
                       snapshot_progress_fn *progress, void *ctx,
                       struct snapshot_loaded *out) MUST_CHECK;

/* ---- for other writers of the format ---- */

/* A header that says now, for ages of that unit. */
void snapshot_header_now(struct snapshot_header *out, uint32_t age_unit_s);

/* write() all of it; false and errno. */
bool snapshot_write(int fd, struct view bytes);

#endif
