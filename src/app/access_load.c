/* access_load.c - see access_load.h.
 *
 * Settling   a change of a file is read SETTLE_MS after the last one, because files come in pieces and
 *            folders file by file, but no later than SETTLE_MAX_MS after the first.
 * One        reads at a time, and trials of options come before changes of files, which wait until what
 *            was tried is in force or forgotten: so what is put in force is never older than what was.
 * A trial    belongs to nobody: whoever comes with its options takes it. One that nobody comes for is
 *            forgotten, for its connection is gone. */
#include "app/access_load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SETTLE_MS     300
#define SETTLE_MAX_MS 3000

struct access_loading {
    struct access_reading *reading;
    bool is_trial;
    struct loop *loop;
    pthread_t thread;
    uint64_t took_ms;
    _Atomic bool done;
};

static void *loading_main(void *arg)
{
    struct access_loading *g = arg;
    os_thread_name("lists");
    uint64_t started_ms = clock_now_ms();
    access_read(g->reading);
    g->took_ms = clock_now_ms() - started_ms;
    atomic_store_explicit(&g->done, true, memory_order_release);
    loop_wake(g->loop);
    return NULL;
}

/* ---- sets ---- */

static void set_release(struct access_loader *l, struct access *x)
{
    if (!x || --x->users) return;
    l->bytes -= access_bytes(x);
    l->sets--;
    access_free(x);
}

const struct access *access_loader_hold(struct access_loader *l)
{
    if (l->current) l->current->users++;
    return l->current;
}

void access_loader_release(struct access_loader *l, const struct access *x)
{
    set_release(l, (struct access *)x);
}

static void log_loaded(const struct access *x, uint64_t took_ms)
{
    for (enum access_list list = 0; x && list < ACCESS_LISTS; list++)
        if (x->used[list])
            log_line(LOG_INFO, "lists: %s: %llu entries", access_list_name(list),
                     (unsigned long long)x->entries[list]);
    if (!x) {
        log_line(LOG_INFO, "lists: none is in force");
        return;
    }
    char memory[TEXT_NUMBER_BYTES_MAX];
    text_print_bytes(memory, (access_bytes(x) / 1024 + 1) * 1024);
    log_line(LOG_INFO, "lists: in force, read in %llu ms, %s of memory",
             (unsigned long long)took_ms, memory);
}

static void note_failure(struct access_loader *l, const char *error)
{
    snprintf(l->error, sizeof l->error, "%s", error);
    metrics_inc(METRIC_ACCESS_LOAD_FAILURES);
    log_line(LOG_ERROR, "lists: %s; those before stay in force", error);
}

/* What was read takes the place of what was there; what could not be stays. */
static void take_over(struct access_loader *l, struct access_reading *r, uint64_t took_ms)
{
    l->error[0] = '\0';
    for (enum access_list list = 0; list < ACCESS_LISTS; list++)
        if (r->kept[list][0]) note_failure(l, r->kept[list]);
    if (r->is_stale) return;
    set_release(l, l->current);
    l->current = r->access;
    r->access = NULL;
    if (l->current) {
        l->current->users = 1;
        l->sets++;
        l->bytes += access_bytes(l->current);
    }
    l->loaded_unix_s = (uint64_t)time(NULL);
    metrics_inc(METRIC_ACCESS_LOADS);
    log_loaded(l->current, took_ms);
}

/* Of a reading that broke off, too: the next one need not read these files again. */
static void keep_seen(struct access_loader *l, struct access_reading *r)
{
    bool is_more = !r->error[0] || r->seen.count > r->before.count;
    struct seen_torrents *kept = is_more ? &r->seen : &r->before;
    l->seen = *kept;
    *kept = (struct seen_torrents){0};
}

/* ---- a reading ---- */

static struct access_reading *reading_new(struct access_loader *l, const struct access_opts *o)
{
    struct access_reading *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->opts = *o;
    r->swarm = l->swarm;
    r->before = l->seen;
    l->seen = (struct seen_torrents){0};
    r->in_force = access_loader_hold(l);
    r->in_force_opts = l->opts;
    return r;
}

/* It is done, or was never begun. */
static void reading_settle(struct access_loader *l, struct access_reading *r)
{
    keep_seen(l, r);
    access_loader_release(l, r->in_force);
    r->in_force = NULL;
}

static void reading_free(struct access_reading *r)
{
    if (!r) return;
    access_reading_fini(r);
    free(r);
}

static struct access_watch *watch_of(struct access_loader *l, bool is_trial)
{
    return &l->watch[l->watching ^ (uint32_t)is_trial];
}

/* NULL: it has begun. */
static const char *loading_begin(struct access_loader *l, bool is_trial)
{
    const struct access_opts *o = is_trial ? &l->trial.opts : &l->opts;
    struct access_loading *g = calloc(1, sizeof *g);
    struct access_reading *r = g ? reading_new(l, o) : NULL;
    int why = ENOMEM;
    if (r) {
        *g = (struct access_loading){.reading = r, .is_trial = is_trial, .loop = l->loop};
        access_watch_set(watch_of(l, is_trial), o);
        why = pthread_create(&g->thread, NULL, loading_main, g);
    }
    if (why == 0) {
        l->loading = g;
        return NULL;
    }
    if (r) reading_settle(l, r);
    reading_free(r);
    free(g);
    return strerror(why);
}

/* The thread has ended, or is told to. Returns what it read, and whether for a trial. */
static struct access_reading *loading_end(struct access_loader *l, bool *is_trial,
                                          uint64_t *took_ms)
{
    struct access_loading *g = l->loading;
    struct access_reading *r = g->reading;
    l->loading = NULL;
    pthread_join(g->thread, NULL);
    reading_settle(l, r);
    *is_trial = g->is_trial;
    *took_ms = g->took_ms;
    free(g);
    return r;
}

static bool has_room(struct access_loader *l)
{
    bool has = l->sets <= 1 || (l->sets < ACCESS_SETS_MAX && l->bytes < ACCESS_BYTES_MAX);
    if (!has && !l->is_waiting)
        log_line(
            LOG_INFO,
            "lists: %u sets take %llu MiB: a reading waits until no worker uses the older ones",
            l->sets, (unsigned long long)(l->bytes >> 20));
    l->is_waiting = !has;
    return has;
}

/* ---- trials ---- */

static void trial_drop(struct access_loader *l)
{
    reading_free(l->trial.reading);
    l->trial = (struct access_trial){.is_wanted = false};
    access_watch_fini(watch_of(l, true));
}

static void trial_turn(struct access_loader *l, uint64_t now_ms)
{
    struct access_trial *t = &l->trial;
    if (t->reading) {
        if (now_ms > t->done_ms + ACCESS_TRIAL_KEEP_MS) trial_drop(l);
        return;
    }
    if (l->loading || !has_room(l)) return;
    const char *why = loading_begin(l, true);
    if (why) log_limited(LOG_ERROR, "lists: cannot be read: %s", why);
}

/* At once where possible; else the next turns begin it. */
static void trial_begin(struct access_loader *l, const struct access_opts *o)
{
    l->trial = (struct access_trial){.is_wanted = true, .opts = *o};
    trial_turn(l, clock_now_ms());
}

enum err access_loader_read(struct access_loader *l, const struct access_opts *o)
{
    if (memcmp(&l->opts, o, sizeof *o) == 0) return ERR_OK;
    assert(!l->loading && !l->trial.is_wanted);
    uint64_t started_ms = clock_now_ms();
    struct access_reading *r = reading_new(l, o);
    if (!r) return ERR_NO_MEMORY;
    access_watch_set(watch_of(l, true), o);
    access_read(r);
    reading_settle(l, r);
    l->trial = (struct access_trial){.is_wanted = true, .opts = *o, .reading = r};
    l->trial.done_ms = clock_now_ms();
    l->trial.took_ms = l->trial.done_ms - started_ms;
    if (!r->error[0]) return ERR_OK;
    log_line(LOG_ERROR, "lists: %s", r->error);
    trial_drop(l);
    return ERR_OS;
}

static const char *kept_error(const struct access_reading *r)
{
    for (enum access_list list = 0; list < ACCESS_LISTS; list++)
        if (r->kept[list][0]) return r->kept[list];
    return "";
}

enum access_verdict access_loader_try(struct access_loader *l, const struct access_opts *o,
                                      bool again, char error[ACCESS_ERROR_BYTES_MAX])
{
    struct access_trial *t = &l->trial;
    bool is_same = memcmp(&l->opts, o, sizeof *o) == 0;
    error[0] = '\0';
    if (is_same && (!again || access_opts_are_empty(o))) return ACCESS_FINE;
    if (!t->is_wanted) trial_begin(l, o);
    if (!t->reading || memcmp(&t->opts, o, sizeof *o) != 0) return ACCESS_LATER;
    bool is_fine = !t->reading->error[0];
    const char *why = is_fine ? kept_error(t->reading) : t->reading->error;
    snprintf(error, ACCESS_ERROR_BYTES_MAX, "%s", why);
    if (is_fine) return ACCESS_FINE;
    metrics_inc(METRIC_ACCESS_LOAD_FAILURES);
    log_line(LOG_ERROR, "lists: %s; all stays as it is", error);
    trial_drop(l);
    return ACCESS_REFUSED;
}

void access_loader_forget(struct access_loader *l, const struct access_opts *o)
{
    if (l->trial.reading && memcmp(&l->trial.opts, o, sizeof *o) == 0) trial_drop(l);
}

void access_loader_put(struct access_loader *l, const struct access_opts *o)
{
    struct access_trial *t = &l->trial;
    bool is_tried = t->reading && !t->reading->error[0] && memcmp(&t->opts, o, sizeof *o) == 0;
    assert(is_tried || memcmp(&l->opts, o, sizeof *o) == 0);
    if (!is_tried) return;
    take_over(l, t->reading, t->took_ms);
    l->opts = *o;
    l->watching ^= 1; /* what changed meanwhile is known */
    trial_drop(l);
}

/* ---- the owner's calls ---- */

void access_loader_init(struct access_loader *l, struct loop *loop)
{
    *l = (struct access_loader){.loop = loop};
    for (int i = 0; i < 2; i++)
        access_watch_init(&l->watch[i], loop);
}

void access_loader_fini(struct access_loader *l)
{
    if (l->loading) {
        bool is_trial;
        uint64_t took_ms;
        atomic_store(&l->loading->reading->cancelled, true);
        reading_free(loading_end(l, &is_trial, &took_ms));
    }
    if (l->loop) trial_drop(l);
    if (l->loop) access_watch_fini(watch_of(l, false));
    seen_torrents_free(&l->seen);
    set_release(l, l->current);
    l->current = NULL;
}

enum err access_loader_start(struct access_loader *l, const struct swarm *swarm,
                             const struct access_opts *o)
{
    l->swarm = swarm;
    if (access_opts_are_empty(o)) return ERR_OK;
    uint64_t started_ms = clock_now_ms();
    struct access_reading *r = reading_new(l, o);
    if (!r) return ERR_NO_MEMORY;
    l->opts = *o;
    access_watch_set(watch_of(l, false), o);
    access_read(r);
    reading_settle(l, r);
    bool is_fine = !r->error[0];
    if (is_fine) take_over(l, r, clock_now_ms() - started_ms);
    else log_line(LOG_ERROR, "cannot start: lists: %s", r->error);
    reading_free(r);
    return is_fine ? ERR_OK : ERR_BAD_VALUE;
}

static void want_at(struct access_loader *l, uint64_t at_ms, uint64_t now_ms)
{
    if (!l->due_ms) l->due_max_ms = now_ms + SETTLE_MAX_MS;
    l->due_ms = at_ms < l->due_max_ms ? at_ms : l->due_max_ms;
}

bool access_loader_is_busy(const struct access_loader *l)
{
    return l->loading || l->due_ms || l->watch[l->watching].changed;
}

/* What the thread read is in force now, where it was for no trial: true. */
static bool loading_turn(struct access_loader *l, uint64_t now_ms)
{
    bool is_trial;
    uint64_t took_ms;
    if (!l->loading || !atomic_load_explicit(&l->loading->done, memory_order_acquire)) return false;
    struct access_reading *r = loading_end(l, &is_trial, &took_ms);
    if (is_trial) {
        l->trial.reading = r;
        l->trial.took_ms = took_ms;
        l->trial.done_ms = now_ms;
        return false;
    }
    bool changed = !r->error[0] && !r->is_stale;
    if (r->error[0]) note_failure(l, r->error);
    else take_over(l, r, took_ms);
    reading_free(r);
    return changed;
}

static void due_turn(struct access_loader *l, uint64_t now_ms)
{
    if (l->loading || !l->due_ms || now_ms < l->due_ms || !has_room(l)) return;
    l->due_ms = 0;
    const char *why = loading_begin(l, false);
    if (why) note_failure(l, why);
}

bool access_loader_turn(struct access_loader *l, uint64_t now_ms)
{
    struct access_watch *w = watch_of(l, false);
    access_watch_turn(w, now_ms);
    if (w->changed) want_at(l, now_ms + SETTLE_MS, now_ms);
    w->changed = false;
    bool changed = loading_turn(l, now_ms);
    if (l->trial.is_wanted) trial_turn(l, now_ms);
    else due_turn(l, now_ms);
    return changed;
}
