/* confine.c - see confine.h.
 *
 * Why          what parses bytes of strangers must be able to do nothing else when it has been taken
 *              over: no shell, no file that is not the tracker's, no way into other processes.
 * Two layers   seccomp cannot look behind pointers, so it knows no paths; Landlock knows paths and
 *              ports, but no system calls. Workers need no path at all.
 * Exec         what starts the program anew inherits both layers. Landlock lets run this program (and
 *              the loader that the kernel starts it with), nothing else. One that is installed in a
 *              folder of its own may be replaced. In a folder like /usr/local/bin that would be the
 *              right to run all that lies beside it: a helper has that (starter.c), which runs one
 *              path, and a second layer takes it from this process, with every other program.
 *              One base for both, since nobody may signal into a layer that is not his own.
 * Rejected     a helper process outside the sandbox that opens files and starts programs on request:
 *              a restart in place keeps its process id, which nobody else can do for it. Rights for
 *              the main thread only: threads share memory, so the weakest thread's rights are
 *              everybody's; only seccomp differs by thread, as a second line. (docs/decisions/0013) */
#include "app/confine.h"

#include "app/confine_paths.h"
#include "app/landlock.h"
#include "app/process.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What sanitizers do at the end of a process, and valgrind always, no filter can foresee. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED                                                                                  \
    (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                        \
     __has_feature(memory_sanitizer))
#else
#define SANITIZED false
#endif

#define SHOWN_BYTES_MAX 1024

/* Without a number the C library would open a file to count CPUs, in the eighth thread that allocates. */
#define ARENAS_MAX 8

/* Read while serving: the load, memory, this machine's limits. */
static const char *const ALWAYS_READ[] = {"/proc", "/sys/fs/cgroup"};

/* Read by a program that starts. */
static const char *const START_READ[] = {
    "/dev/urandom", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl",       "/lib",
    "/lib64",       "/usr/lib",         "/usr/lib64",     "/usr/local/lib", "/usr/share/zoneinfo"};

/* ---- this program ---- */

/* The loader that the kernel starts this program with; "" for a static one. */
static int loader_find(struct dl_phdr_info *info, size_t size, void *path)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_INTERP)
            snprintf(path, PATH_MAX, "%s",
                     (const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr));
    return 1; /* the program is the first; the rest are libraries */
}

static enum confine_runs runs_of(const char *folder)
{
    const char *slash = strrchr(folder, '/');
    if (!slash) return CONFINE_RUNS_FILE; /* the root */
    bool is_shared = strcmp(slash, "/bin") == 0 || strcmp(slash, "/sbin") == 0;
    return is_shared ? CONFINE_RUNS_BY_HELPER : CONFINE_RUNS_FOLDER;
}

static void grant_start(struct confine *c, int ruleset)
{
    char path[PATH_MAX], loader[PATH_MAX] = "";
    for (size_t i = 0; i < sizeof START_READ / sizeof *START_READ; i++)
        landlock_allow(ruleset, START_READ[i], LAND_READ); /* not everywhere */
    landlock_allow(ruleset, "/dev/null",
                   LAND_READ | LAND_WRITE); /* in place of closed descriptors */
    dl_iterate_phdr(loader_find, loader);
    if (loader[0]) landlock_allow(ruleset, loader, LAND_READ | LAND_RUN);
    if (!process_program_path(path) || stat(path, &c->program) != 0) return;
    landlock_allow(ruleset, path, LAND_READ | LAND_RUN);
    *strrchr(path, '/') = '\0';
    c->runs = runs_of(path);
    if (c->runs != CONFINE_RUNS_FILE) landlock_allow(ruleset, path, LAND_READ | LAND_RUN);
}

const char *confine_forbids_start(const struct confine *c)
{
    char path[PATH_MAX];
    struct stat st;
    if (c->mode == SANDBOX_OFF) return NULL;
    if (c->mode == SANDBOX_STRICT) return "sandbox = strict lets no program be started";
    if (!c->landlock || c->runs == CONFINE_RUNS_FOLDER || c->starter.fd >= 0) return NULL;
    if (c->runs == CONFINE_RUNS_BY_HELPER)
        return "the helper that starts programs from such a folder could not be made (see the log)";
    if (!process_program_path(path) || stat(path, &st) != 0) return NULL;
    if (st.st_dev == c->program.st_dev && st.st_ino == c->program.st_ino) return NULL;
    return "the program's file was replaced, and the sandbox lets only the one that runs be "
           "started; installed in a folder that is not the root, any could";
}

static const char *how_it_starts(const struct confine *c, const struct app_opts *o)
{
    if (o->chroot[0])
        return "not possible with chroot, which has no program in it: stop and start muster";
    if (c->mode == SANDBOX_STRICT)
        return "not possible with sandbox = strict, which starts none: stop and start muster";
    if (c->mode == SANDBOX_OFF || !c->landlock) return NULL;
    if (c->runs == CONFINE_RUNS_FILE)
        return "only while the program's file is not replaced, since it lies in the root";
    if (c->starter.fd >= 0) return "by a helper process, since other programs lie beside this one";
    return confine_forbids_start(c);
}

static void report_starts(const struct confine *c, const struct app_opts *o)
{
    const char *how = how_it_starts(c, o);
    if (how) log_line(LOG_INFO, "upgrade and restart in place: %s", how);
}

/* ---- the layers ---- */

static void show(char out[SHOWN_BYTES_MAX], const struct confine_grants *g, unsigned right)
{
    size_t n = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < g->count; i++) {
        if (!(g->all[i].rights & right)) continue;
        int put = snprintf(out + n, SHOWN_BYTES_MAX - n, " %s", g->all[i].path);
        if (put < 0 || (size_t)put >= SHOWN_BYTES_MAX - n) return;
        n += (size_t)put;
    }
    if (n == 0) snprintf(out, SHOWN_BYTES_MAX, " none");
}

static void grant_all(struct confine *c, int ruleset, const struct confine_grants *g)
{
    for (size_t i = 0; i < sizeof ALWAYS_READ / sizeof *ALWAYS_READ; i++)
        landlock_allow(ruleset, ALWAYS_READ[i], LAND_READ); /* not everywhere */
    if (c->mode == SANDBOX_ON) grant_start(c, ruleset);
    for (uint32_t i = 0; i < g->count; i++)
        if (!landlock_allow(ruleset, g->all[i].path, g->all[i].rights) && errno != ENOENT)
            log_line(LOG_WARN, "sandbox: %s will be out of reach: %s", g->all[i].path,
                     strerror(errno));
    if (g->overflow) log_line(LOG_WARN, "sandbox: too many folders; some will be out of reach");
}

/* False and errno. */
static bool confine_files(struct confine *c, const struct confine_grants *g)
{
    const char *notify = getenv("NOTIFY_SOCKET");
    const struct landlock_limits limits = {.may_bind = c->mode == SANDBOX_ON,
                                           .may_send_abstract = notify && notify[0] == '@'};
    errno = ENOSYS;
    int version = landlock_version(), ruleset = version ? landlock_open(&limits) : -1;
    if (ruleset < 0) return false;
    grant_all(c, ruleset, g);
    bool good = landlock_enforce(ruleset);
    int why = errno;
    close(ruleset);
    if (!good && why == E2BIG) {
        log_line(LOG_WARN,
                 "sandbox: the files in reach stay those of earlier starts, of which there "
                 "were too many in place; stop and start muster");
        good = true;
    }
    if (good) c->landlock = version;
    errno = why;
    return good;
}

static bool refuse(const struct confine *c, const char *layer, int why)
{
    bool strict = c->mode == SANDBOX_STRICT;
    log_line(strict ? LOG_ERROR : LOG_WARN, "sandbox: no %s: %s; %s", layer, strerror(why),
             strict ? "sandbox = strict does not serve without" : "serving without");
    return !strict;
}

/* The base holds for the helper; what comes upon it for this process only. */
static bool leave_starts_to_helper(struct confine *c, const struct option_sources *sources)
{
    if (c->runs != CONFINE_RUNS_BY_HELPER || c->mode != SANDBOX_ON || !c->landlock) return true;
    if (starter_open(&c->starter, sources) != ERR_OK)
        log_line(LOG_WARN, "sandbox: no helper to start programs: %s", strerror(errno));
    int ruleset = landlock_open_without_programs();
    bool good = ruleset >= 0 && landlock_enforce(ruleset);
    int why = errno;
    if (ruleset >= 0) close(ruleset);
    /* then the system calls are what keeps it from running any */
    return good || why == E2BIG || refuse(c, "second layer of Landlock", why);
}

static bool own_load(const struct confine *c, bool strict)
{
    struct call_filter_code own;
    bool is_helped = c->landlock && c->runs == CONFINE_RUNS_BY_HELPER;
    if (!call_filter_make(&own, is_helped ? FILTER_HELPED : FILTER_SERVICE, strict)) return false;
    bool good = call_filter_load(&own);
    int why = errno;
    free(own.instructions);
    errno = why;
    return good;
}

static bool confine_calls(struct confine *c)
{
    if (!call_filter_is_built()) return refuse(c, "filter of system calls in this build", ENOSYS);
    bool strict = c->mode == SANDBOX_STRICT;
    c->calls_filtered =
        call_filter_make(&c->worker_calls, FILTER_WORKER, strict) && own_load(c, strict);
    return c->calls_filtered || refuse(c, "filter of system calls", errno);
}

static void report(const struct confine *c, const struct confine_grants *g)
{
    char reads[SHOWN_BYTES_MAX], writes[SHOWN_BYTES_MAX];
    show(reads, g, LAND_READ);
    show(writes, g, LAND_WRITE);
    log_line(LOG_INFO, "sandbox %s: system calls %s, Landlock %d",
             c->mode == SANDBOX_STRICT ? "strict" : "on",
             c->calls_filtered ? "filtered" : "not filtered", c->landlock);
    if (c->landlock)
        log_line(LOG_INFO, "sandbox: besides the system's, reads in:%s; writes in:%s", reads,
                 writes);
}

static bool confine_both(struct confine *c, const struct settings *s, const char *unix_path,
                         const struct option_sources *sources)
{
    c->mode = s->config.app.sandbox;
    if (c->mode != SANDBOX_OFF && SANITIZED) {
        log_line(LOG_WARN, "sandbox: off, because this build has a sanitizer");
        c->mode = SANDBOX_OFF;
    }
    if (c->mode == SANDBOX_OFF) return true;
    mallopt(M_ARENA_MAX, ARENAS_MAX);
    struct confine_grants *g = calloc(1, sizeof *g);
    if (!g) return refuse(c, "memory", ENOMEM);
    confine_grants_of(s, unix_path, g);
    bool good = confine_files(c, g) || refuse(c, "Landlock", errno);
    if (good) good = leave_starts_to_helper(c, sources);
    if (good) good = confine_calls(c);
    if (good) report(c, g);
    free(g);
    return good;
}

bool confine_process(struct confine *c, const struct settings *s, const char *unix_path,
                     const struct option_sources *sources)
{
    if (!confine_both(c, s, unix_path, sources)) return false;
    report_starts(c, &s->config.app);
    return true;
}

bool confine_worker(const struct confine *c)
{
    if (!c->calls_filtered) return true;
    return call_filter_load(&c->worker_calls) ||
           refuse(c, "filter of a worker's system calls", errno);
}

void confine_free(struct confine *c)
{
    starter_close(&c->starter);
    free(c->worker_calls.instructions);
}

/* ---- paths that change ---- */

struct search {
    const struct option_row *row;
    const char *path;
    bool found;
};

static void search_path(void *ctx, const struct option_row *row, const char *path)
{
    struct search *s = ctx;
    if (row == s->row && strcmp(path, s->path) == 0) s->found = true;
}

/* Refused by the sandbox, that is to say not by the file's mode, which access() looks at alone. */
static bool is_out_of_reach(const struct option_row *row, const char *path)
{
    char folder[CONFIG_PATH_BYTES_MAX];
    const char *slash = strrchr(path, '/');
    if (row->path == PATH_OWN) {
        snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
                 slash ? path : ".");
        path = folder;
    }
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    int why = errno;
    if (fd >= 0) close(fd);
    return fd < 0 && why == EACCES && access(path, R_OK) == 0;
}

struct reach {
    const struct settings *now;
    struct option_error *error;
    enum err err;
};

static void reach_path(void *ctx, const struct option_row *row, const char *path)
{
    struct reach *r = ctx;
    struct search known = {.row = row, .path = path};
    confine_each_path(r->now, search_path, &known);
    if (r->err != ERR_OK || known.found || !is_out_of_reach(row, path)) return;
    r->err =
        option_fail(r->error, ERR_BAD_VALUE,
                    "%s = %.300s lies outside of what the sandbox lets muster open since it "
                    "started: stop and start muster to use it, or put it beside what is in use",
                    row->name, path);
    r->error->names[0] = row->name;
}

enum err confine_check_paths(const struct confine *c, const struct settings *now,
                             const struct settings *next, struct option_error *error)
{
    struct reach r = {.now = now, .error = error, .err = ERR_OK};
    if (c->landlock) confine_each_path(next, reach_path, &r);
    return r.err;
}
