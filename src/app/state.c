/* state.c - see state.h.
 *
 * Saving     to a temporary file, which reaches the disk before it takes the name; the one before
 *            stays as snapshot.old. Whatever stops a save, the last good file stands.
 * Loading    the snapshot; where it is not whole, what can be read of it, and then snapshot.old, of
 *            which everything counts that is newer or not there. A damaged file is set aside, so that
 *            the next save does not push the good one before it out.
 * Stuck      watchdog.c wants a save as soon as a worker is: it may be the last before the service manager
 *            ends the process.
 * Import     a snapshot of its own beside ours. It is merged, and deleted when a save has stored what
 *            it brought: a crash in between merges it again, which changes nothing.
 * Other keys tags of another key are kept, though no client has one: they still tell clients of the file
 *            apart and pair their families, until each has announced. The log says so.
 * Decided    docs/decisions/0016-snapshots.md
 * Rejected   saving from housekeeping's loop (a slow disk would stop the sweep and the pages); a
 *            journal of announces (peers announce again; what is lost after a crash is one interval
 *            of saves, and an fsync per announce is not for a tracker). */
#include "app/state.h"

#include "app/state_keys.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLD       STATE_SNAPSHOT ".old"
#define TEMPORARY STATE_SNAPSHOT ".tmp"
#define DAMAGED   STATE_SNAPSHOT ".damaged"

enum job { JOB_NONE, JOB_SAVE, JOB_IMPORT };

struct state {
    /* constant after open */
    char *folder;        /* as it was said */
    char path[PATH_MAX]; /* as it is found from anywhere */
    int folder_fd;
    struct state_keys keys;
    struct loop *loop;
    /* owner thread only */
    const char *save_wanted; /* why; NULL: not */
    bool import_wanted, has_imported;
    struct stat last_read; /* which file was loaded last */
    uint64_t due_ms;       /* 0: not counted from yet */
    struct state_status status;
    pthread_t thread;
    enum job job; /* under way */
    /* the thread's, until `finished` */
    struct swarm *swarm;
    uint32_t lifetime_s;
    enum err err;
    int why;
    struct snapshot_saved saved;
    struct snapshot_loaded loaded;
    _Atomic bool finished;
};

/* ---- opening ---- */

static enum err fail(const struct state *s, const char *what)
{
    log_line(LOG_ERROR, "state_dir: %s: %s: %s", s->folder, what, strerror(errno));
    return ERR_OS;
}

/* A folder that root makes is for the user he is about to become. Who owns the one around it may put a
 * link in its place meanwhile: it is not followed, nor is the path walked twice. */
static enum err folder_make(struct state *s, const char *user)
{
    char around[PATH_MAX], last[PATH_MAX];
    snprintf(around, sizeof around, "%s", s->folder);
    snprintf(last, sizeof last, "%s", s->folder);
    const char *name = basename(last);
    int at = open(dirname(around), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at >= 0 && mkdirat(at, name, 0700) == 0)
        s->folder_fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int why = errno;
    if (at >= 0) close(at);
    errno = why;
    if (s->folder_fd < 0) return fail(s, "cannot be made");
    const struct passwd *p = geteuid() == 0 && user[0] ? getpwnam(user) : NULL;
    if (p && fchown(s->folder_fd, p->pw_uid, p->pw_gid) != 0)
        return fail(s, "cannot be given away");
    return ERR_OK;
}

static enum err folder_open(struct state *s, const char *user)
{
    s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->folder_fd < 0 && errno != ENOENT) return fail(s, "cannot be opened");
    enum err err = s->folder_fd < 0 ? folder_make(s, user) : ERR_OK;
    if (err == ERR_OK && !realpath(s->folder, s->path)) return fail(s, "cannot be found");
    return err;
}

enum err state_open(struct state **out, const char *folder, const char *user, struct loop *loop)
{
    enum err err = ERR_NO_MEMORY;
    *out = NULL;
    if (!folder[0]) return ERR_OK;
    struct state *s = calloc(1, sizeof *s);
    if (!s) return ERR_NO_MEMORY;
    s->folder = strdup(folder);
    s->folder_fd = -1;
    s->loop = loop;
    s->status.is_on = true;
    if (s->folder) err = folder_open(s, user);
    if (err == ERR_OK) *out = s;
    else state_close(s);
    return err;
}

/* Who can replace what lies in it can forge peers and, knowing the keys, connection ids. */
static bool is_safe(const struct state *s)
{
    struct stat st;
    if (fstat(s->folder_fd, &st) != 0) return false;
    if ((st.st_uid == geteuid() || st.st_uid == 0) && !(st.st_mode & S_IWOTH)) return true;
    log_line(LOG_ERROR,
             "state_dir: %s: it is another user's, or everybody may write in it: it must belong to "
             "who serves or to root (chown), and be closed (chmod o-w)",
             s->folder);
    return false;
}

enum err state_begin(struct state *s)
{
    if (!s) return ERR_OK;
    if (!is_safe(s)) return ERR_BAD_VALUE;
    if (faccessat(s->folder_fd, ".", W_OK | X_OK, AT_EACCESS) != 0)
        return fail(s, "cannot be written");
    return state_keys_open(s->folder_fd, &s->keys) == ERR_OK ? ERR_OK : fail(s, STATE_KEYS);
}

void state_close(struct state *s)
{
    if (!s) return;
    if (s->job != JOB_NONE) pthread_join(s->thread, NULL);
    if (s->folder_fd >= 0) close(s->folder_fd);
    free(s->folder);
    sodium_memzero(&s->keys, sizeof s->keys);
    free(s);
}

bool state_claim(struct state *s)
{
    if (!s || flock(s->folder_fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) {
        log_line(LOG_WARN, "state_dir: %s: no locks here (%s): let no other muster use it",
                 s->folder, strerror(errno));
        return true;
    }
    log_line(LOG_ERROR, "state_dir: %s: another muster uses it", s->folder);
    return false;
}

void state_release(struct state *s)
{
    if (s) flock(s->folder_fd, LOCK_UN);
}

const struct state_keys *state_keys(const struct state *s)
{
    return s ? &s->keys : NULL;
}

static int file_open(const struct state *s, const char *name)
{
    return openat(s->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* ---- loading ---- */

static void tell_progress(void *ctx, uint64_t done, uint64_t all)
{
    log_line(LOG_INFO, "state: %s: %u %%", (const char *)ctx,
             (unsigned)(all ? done * 100 / all : 100));
}

static void tell_loaded(const char *name, const struct snapshot_loaded *l)
{
    const struct restore_report *r = &l->store;
    log_line(LOG_INFO,
             "state: %s, saved %llu s ago: %llu torrents, %llu peers taken in within %.2f s; "
             "%llu peers known, %llu too old, %llu impossible; refused for limits: %llu peers, "
             "%llu torrents",
             name, (unsigned long long)l->elapsed_s, (unsigned long long)r->torrents,
             (unsigned long long)r->peers, (double)l->us / 1e6, (unsigned long long)r->peers_known,
             (unsigned long long)r->peers_expired, (unsigned long long)r->peers_impossible,
             (unsigned long long)r->peers_refused, (unsigned long long)r->torrents_refused);
    metrics_add(METRIC_STATE_IMPOSSIBLE, r->peers_impossible);
    if (l->has_other_tags)
        log_line(LOG_WARN,
                 "state: %s was saved with other keys: its clients are known again once they have "
                 "announced; who stops before that stays for a lifetime",
                 name);
    if (!l->is_whole)
        log_line(LOG_WARN, "state: %s is not whole: %u damaged places, %llu bytes%s", name,
                 l->blocks_damaged, (unsigned long long)l->bytes_damaged,
                 l->blocks_damaged ? "" : "; its end or a block is missing");
}

enum outcome { OUTCOME_NONE, OUTCOME_WHOLE, OUTCOME_PART, OUTCOME_REFUSED };

/* Log what became of it. A file that we were not given memory or a descriptor for is not damaged. */
static enum outcome load_file(struct state *s, struct tracker *t, const char *name, uint32_t now_s,
                              struct snapshot_loaded *out)
{
    struct swarm_time time = {now_s, interval_lifetime_s(&t->interval)};
    char loading[64];
    snprintf(loading, sizeof loading, "loading %s", name);
    int fd = file_open(s, name);
    if (fd < 0 && errno == ENOENT) return OUTCOME_NONE;
    enum err err = fd < 0 || fstat(fd, &s->last_read) != 0
                       ? ERR_OS
                       : snapshot_load(fd, name, t->swarm, time, tell_progress, loading, out);
    const char *why = err == ERR_OS ? strerror(errno) : err_text(err);
    bool is_refused = fd < 0 || err == ERR_NO_MEMORY;
    if (fd >= 0) close(fd);
    metrics_add(METRIC_STATE_DAMAGES, err == ERR_OK ? out->blocks_damaged : 1);
    if (err == ERR_OK) {
        tell_loaded(name, out);
        return out->is_whole ? OUTCOME_WHOLE : OUTCOME_PART;
    }
    log_line(LOG_ERROR, "state: cannot read %s/%s: %s", s->folder, name, why);
    return is_refused ? OUTCOME_REFUSED : OUTCOME_PART;
}

enum err state_load(struct state *s, struct tracker *t, const struct interval_opts *o,
                    uint32_t now_s)
{
    struct snapshot_loaded l = {0};
    if (!s) return ERR_OK;
    enum outcome got = load_file(s, t, STATE_SNAPSHOT, now_s, &l), old = OUTCOME_NONE;
    if (got == OUTCOME_REFUSED) return ERR_NO_MEMORY;
    uint32_t lifetime_s = l.header.lifetime_s;
    s->status.saved_unix_s = l.header.saved_unix_s;
    if (got == OUTCOME_PART) {
        log_line(LOG_WARN, "state: what is missing is looked for in %s; %s is kept as %s", OLD,
                 STATE_SNAPSHOT, DAMAGED);
    }
    if (got != OUTCOME_WHOLE) old = load_file(s, t, OLD, now_s, &l);
    if (old == OUTCOME_REFUSED) return ERR_NO_MEMORY;
    if (got == OUTCOME_PART && old == OUTCOME_NONE)
        log_line(LOG_WARN, "state: there is no %s: what is missing is lost", OLD);
    if (!s->status.saved_unix_s) s->status.saved_unix_s = l.header.saved_unix_s;
    if (got == OUTCOME_PART) { /* what was read of it is in no other file */
        (void)renameat(s->folder_fd, STATE_SNAPSHOT, s->folder_fd, DAMAGED);
        state_want_save(s, DAMAGED);
    }
    if (got == OUTCOME_NONE && old == OUTCOME_NONE)
        log_line(LOG_INFO, "state: %s: nothing was saved yet", s->folder);
    if (lifetime_s < l.header.lifetime_s) lifetime_s = l.header.lifetime_s;
    interval_lifetime_keep(&t->interval, o, lifetime_s, now_s);
    l.blocks = 0;
    enum outcome imported = load_file(s, t, STATE_IMPORT, now_s, &l);
    if (imported == OUTCOME_REFUSED) return ERR_NO_MEMORY;
    s->has_imported = imported != OUTCOME_NONE && l.blocks;
    if (s->has_imported) state_want_save(s, STATE_IMPORT);
    return ERR_OK;
}

/* ---- the thread ---- */

/* The snapshot that is there becomes .old. Where there is none, as it was damaged and set aside, .old is
 * the only good one and stays. */
static bool keep_last(int at)
{
    struct stat st;
    if (fstatat(at, STATE_SNAPSHOT, &st, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
    if (unlinkat(at, OLD, 0) != 0 && errno != ENOENT) return false;
    /* a link, where there are links: the name is never without a file */
    return linkat(at, STATE_SNAPSHOT, at, OLD, 0) == 0 ||
           renameat(at, STATE_SNAPSHOT, at, OLD) == 0;
}

static bool take_place(const struct state *s)
{
    int at = s->folder_fd;
    return keep_last(at) && renameat(at, TEMPORARY, at, STATE_SNAPSHOT) == 0 && fsync(at) == 0;
}

static enum err save_to(struct state *s, int fd)
{
    static char saving[] = "saving " STATE_SNAPSHOT;
    const struct snapshot_job job = {.s = s->swarm,
                                     .lifetime_s = s->lifetime_s,
                                     .last_fd = file_open(s, STATE_SNAPSHOT),
                                     .progress = tell_progress,
                                     .ctx = saving};
    enum err err = snapshot_save(fd, &job, &s->saved);
    if (err == ERR_OK && fsync(fd) != 0) err = ERR_OS;
    int why = errno;
    close(fd);
    if (job.last_fd >= 0) close(job.last_fd);
    errno = why;
    if (err == ERR_OK && !take_place(s)) err = ERR_OS;
    return err;
}

static void save(struct state *s)
{
    int fd = state_temporary_open(s->folder_fd, TEMPORARY);
    s->err = fd < 0 ? ERR_OS : save_to(s, fd);
    s->why = errno;
    if (s->err != ERR_OK) unlinkat(s->folder_fd, TEMPORARY, 0);
}

static void import(struct state *s)
{
    struct swarm_time time = {(uint32_t)(clock_now_ms() / 1000), s->lifetime_s};
    static char loading[] = "loading " STATE_IMPORT;
    int fd = file_open(s, STATE_IMPORT);
    s->err =
        fd < 0 || fstat(fd, &s->last_read) != 0
            ? ERR_OS
            : snapshot_load(fd, STATE_IMPORT, s->swarm, time, tell_progress, loading, &s->loaded);
    s->why = errno;
    if (fd >= 0) close(fd);
}

static void *job_main(void *arg)
{
    struct state *s = arg;
    os_thread_name("state");
    if (s->job == JOB_SAVE) save(s);
    else import(s);
    atomic_store_explicit(&s->finished, true, memory_order_release);
    loop_wake(s->loop);
    return NULL;
}

/* ---- beginning and ending ---- */

/* `why`: NULL, it worked. */
static void job_end(struct state *s, const char *what, const char *why)
{
    struct state_job *ended = s->job == JOB_SAVE ? &s->status.save : &s->status.import;
    s->job = JOB_NONE;
    ended->number = s->status.begun;
    ended->error[0] = '\0';
    if (!why) return;
    s->status.failures++;
    metrics_inc(METRIC_STATE_FAILURES);
    snprintf(ended->error, sizeof ended->error, "%s: %s failed: %s", s->folder, what, why);
    log_line(LOG_ERROR, "state: %s: %s failed: %s; the last good snapshot stays", s->folder, what,
             why);
}

static void job_begin(struct state *s, enum job job, struct tracker *t)
{
    s->swarm = t->swarm;
    s->lifetime_s = interval_lifetime_s(&t->interval);
    atomic_store(&s->finished, false);
    s->job = job;
    s->status.begun++;
    int why = pthread_create(&s->thread, NULL, job_main, s);
    if (why != 0) job_end(s, "a thread", strerror(why));
}

/* Remove the file that was taken in, unless `muster import` has put another in its place, which is
 * still to come. */
static void import_drop(struct state *s)
{
    const struct stat *was = &s->last_read;
    struct stat now;
    s->has_imported = false;
    if (fstatat(s->folder_fd, STATE_IMPORT, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        now.st_ino != was->st_ino || now.st_size != was->st_size ||
        now.st_mtim.tv_sec != was->st_mtim.tv_sec || now.st_mtim.tv_nsec != was->st_mtim.tv_nsec)
        return;
    if (unlinkat(s->folder_fd, STATE_IMPORT, 0) == 0)
        log_line(LOG_INFO, "state: what was imported is in the snapshot");
}

/* A shard was kept from us: nobody may take the file for all that there was. */
static void tell_skipped(const struct snapshot_saved *v)
{
    if (!v->shards_skipped) return;
    metrics_add(METRIC_STATE_SKIPPED, v->shards_skipped);
    log_line(LOG_WARN,
             "state: a stuck worker keeps %u of the store's parts: of them it has what the last "
             "snapshot had, %llu torrents%s",
             v->shards_skipped, (unsigned long long)v->torrents_kept,
             v->is_last_read ? ""
                             : "; that one is missing or damaged, so the rest of them is lost");
}

static void save_done(struct state *s)
{
    const struct snapshot_saved *v = &s->saved;
    uint64_t peers = v->totals.peers[FAMILY_V4] + v->totals.peers[FAMILY_V6];
    char size[TEXT_NUMBER_BYTES_MAX];
    text_print_bytes(size, v->bytes);
    log_line(LOG_INFO,
             "state: saved %llu torrents, %llu peers: %s bytes in %.2f s; longest step %llu us",
             (unsigned long long)v->totals.torrents, (unsigned long long)peers, size,
             (double)v->us / 1e6, (unsigned long long)v->hold_us_max);
    tell_skipped(v);
    s->status.saved = *v;
    s->status.saves++;
    s->status.saved_unix_s = (uint64_t)time(NULL);
    metrics_inc(METRIC_STATE_SAVES);
    metrics_add(METRIC_STATE_SAVED_BYTES, v->bytes);
    if (s->has_imported) import_drop(s);
}

static void import_done(struct state *s)
{
    tell_loaded(STATE_IMPORT, &s->loaded);
    s->status.imports++;
    s->has_imported = true;
    state_want_save(s, STATE_IMPORT);
}

static void job_finish(struct state *s)
{
    bool was_save = s->job == JOB_SAVE;
    pthread_join(s->thread, NULL);
    const char *why = s->err == ERR_OS ? strerror(s->why) : err_text(s->err);
    job_end(s, was_save ? "a save" : "the import", s->err == ERR_OK ? NULL : why);
    if (s->err != ERR_OK) return;
    if (was_save) save_done(s);
    else import_done(s);
}

void state_want_save(struct state *s, const char *why)
{
    if (s) s->save_wanted = why;
}

void state_want_import(struct state *s)
{
    if (s) s->import_wanted = true;
}

static bool is_due(struct state *s, uint64_t interval_ms, uint64_t now_ms)
{
    if (s->due_ms == 0 || s->due_ms > now_ms + interval_ms) s->due_ms = now_ms + interval_ms;
    return interval_ms && now_ms >= s->due_ms;
}

void state_tick(struct state *s, struct tracker *t, uint64_t interval_ms, uint64_t now_ms)
{
    if (!s) return;
    if (s->job != JOB_NONE) {
        if (!atomic_load_explicit(&s->finished, memory_order_acquire)) return;
        job_finish(s);
    }
    if (s->import_wanted) {
        s->import_wanted = false;
        job_begin(s, JOB_IMPORT, t);
    } else if (s->save_wanted || is_due(s, interval_ms, now_ms)) {
        if (s->save_wanted) log_line(LOG_DEBUG, "state: saving: %s", s->save_wanted);
        s->save_wanted = NULL;
        s->due_ms = now_ms + interval_ms;
        job_begin(s, JOB_SAVE, t);
    }
}

bool state_is_idle(const struct state *s)
{
    return !s || (s->job == JOB_NONE && !s->save_wanted && !s->import_wanted);
}

void state_status(const struct state *s, struct state_status *out)
{
    *out = s ? s->status : (struct state_status){0};
    out->folder = s ? s->path : "";
    out->is_busy = !state_is_idle(s);
}

bool state_wants_import(const struct state *s)
{
    return s && s->import_wanted;
}

void state_resume(struct state *s, const struct state_status *before)
{
    if (!s) return;
    s->status = *before;
    s->status.is_on = true;
}
