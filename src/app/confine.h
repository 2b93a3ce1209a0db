/* confine.h - the sandbox: after the start, only the system calls, files and ports that serving needs.
 *
 * Two layers, each used where the kernel has it: Landlock (landlock.h) for files, ports and other
 * processes, seccomp (call_filter.h) for system calls. Both hold for every thread, cannot be taken
 * back, and outlive an exec; `on` leaves what a restart in place and an upgrade need, `strict` does
 * not. docs/operating.md tells the operator what is left.
 *
 * Threads   all functions belong to the main thread but confine_worker(). */
#ifndef APP_CONFINE_H
#define APP_CONFINE_H

#include "app/call_filter.h"
#include "app/options.h"
#include "app/starter.h"

#include <sys/stat.h>

/* Which program may be started, while there is Landlock. */
enum confine_runs {
    CONFINE_RUNS_FOLDER,    /* its folder is its own: whatever lies in its place */
    CONFINE_RUNS_BY_HELPER, /* the same, but others lie beside it: not by this process */
    CONFINE_RUNS_FILE,      /* only the very file that runs: it lies in the root */
};

struct confine {
    /* constant after confine_process() */
    enum sandbox_mode mode; /* in force: SANDBOX_OFF where it cannot be or is not wanted */
    int landlock;           /* version in force; 0: none */
    bool calls_filtered;
    struct call_filter_code worker_calls;
    enum confine_runs runs;
    struct stat program;    /* the one that may be run again */
    struct starter starter; /* CONFINE_RUNS_BY_HELPER: fd -1: it could not be made */
};

/* Confine the calling thread and all that it will start, and log what is left; to be called when
 * privileges are dropped and before any other thread runs. `c` is zero but for starter.fd: -1.
 *   s             whose paths stay in reach: those of rows with a `path`
 *   unix_path     the operators' socket, "" for none
 *   sources       what a helper starts programs with
 *   returns       false, with a log line, when `strict` cannot have both layers: do not serve */
bool confine_process(struct confine *c, const struct settings *s, const char *unix_path,
                     const struct option_sources *sources);

/* When no thread runs any more that is to be confined. Ends the helper. */
void confine_free(struct confine *c);

/* A worker's own, shorter list of calls, for the calling thread; false, logged, as above. */
bool confine_worker(const struct confine *c);

/* Are all paths of `next` that differ from those of `now` in reach? ERR_BAD_VALUE with error->text
 * that names the option, the path and the way out. A path that nobody could open is not our matter. */
enum err confine_check_paths(const struct confine *c, const struct settings *now,
                             const struct settings *next, struct option_error *error) MUST_CHECK;

/* May this program be started again from here? NULL: yes; else why not, for the operator. */
const char *confine_forbids_start(const struct confine *c);

#endif
