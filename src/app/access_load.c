/* access_load.c - see access_load.h.
 *
 * Settling   a change is read SETTLE_MS after the last one, because files come in pieces and folders file by
 *            file, but no later than SETTLE_MAX_MS after the first.
 * One        reads at a time. What changes meanwhile is read afterwards; only when other files are named is
 *            it void at once, so files that change all the time are still taken over now and then. */
#include "app/access_load.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"
#include "base/text.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SETTLE_MS     300
#define SETTLE_MAX_MS 3000

struct access_loading {
    struct access_reading reading;
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
    access_read(&g->reading);
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

/* What was read takes the place of what was there. */
static void take_over(struct access_loader *l, struct access_reading *r, uint64_t took_ms)
{
    set_release(l, l->current);
    l->current = r->access;
    r->access = NULL;
    if (l->current) {
        l->current->users = 1;
        l->sets++;
        l->bytes += access_bytes(l->current);
    }
    l->loaded_unix_s = (uint64_t)time(NULL);
    l->error[0] = '\0';
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

static bool reading_end(struct access_loader *l, struct access_reading *r, uint64_t took_ms)
{
    keep_seen(l, r);
    bool is_fine = !r->error[0];
    if (is_fine) take_over(l, r, took_ms);
    access_reading_fini(r);
    return is_fine;
}

/* ---- beside the work ---- */

static void note_failure(struct access_loader *l, const char *error)
{
    snprintf(l->error, sizeof l->error, "%s", error);
    metrics_inc(METRIC_ACCESS_LOAD_FAILURES);
    log_line(LOG_ERROR, "lists: %s; those before stay in force", error);
}

static void reading_init(struct access_loader *l, struct access_reading *r)
{
    *r = (struct access_reading){.opts = l->opts, .swarm = l->swarm, .before = l->seen};
    l->seen = (struct seen_torrents){0};
}

static void loading_begin(struct access_loader *l)
{
    struct access_loading *g = calloc(1, sizeof *g);
    if (!g) {
        note_failure(l, err_text(ERR_NO_MEMORY));
        return;
    }
    g->loop = l->loop;
    reading_init(l, &g->reading);
    access_watch_set(&l->watch, &l->opts);
    int why = pthread_create(&g->thread, NULL, loading_main, g);
    if (why == 0) {
        l->loading = g;
        return;
    }
    note_failure(l, strerror(why));
    keep_seen(l, &g->reading);
    access_reading_fini(&g->reading);
    free(g);
}

/* The thread has ended, or is told to. True: what it read is in force. */
static bool loading_end(struct access_loader *l)
{
    struct access_loading *g = l->loading;
    l->loading = NULL;
    pthread_join(g->thread, NULL);
    bool is_void = atomic_load(&g->reading.cancelled);
    if (is_void && !g->reading.error[0])
        snprintf(g->reading.error, sizeof g->reading.error, "cancelled");
    if (!is_void && g->reading.error[0]) note_failure(l, g->reading.error);
    bool changed = reading_end(l, &g->reading, g->took_ms);
    free(g);
    return changed;
}

/* ---- the owner's calls ---- */

void access_loader_init(struct access_loader *l, struct loop *loop)
{
    *l = (struct access_loader){.loop = loop};
    access_watch_init(&l->watch, loop);
}

void access_loader_fini(struct access_loader *l)
{
    if (l->loading) {
        atomic_store(&l->loading->reading.cancelled, true);
        (void)loading_end(l);
    }
    if (l->watch.loop) access_watch_fini(&l->watch);
    seen_torrents_free(&l->seen);
    set_release(l, l->current);
    l->current = NULL;
}

enum err access_loader_start(struct access_loader *l, const struct swarm *swarm,
                             const struct access_opts *o)
{
    struct access_reading *r = malloc(sizeof *r);
    if (!r) return ERR_NO_MEMORY;
    l->swarm = swarm;
    l->opts = *o;
    uint64_t started_ms = clock_now_ms();
    reading_init(l, r);
    access_watch_set(&l->watch, o);
    access_read(r);
    if (r->error[0]) log_line(LOG_ERROR, "cannot start: lists: %s", r->error);
    bool is_silent = !r->access && !r->error[0];
    bool is_fine = is_silent || reading_end(l, r, clock_now_ms() - started_ms);
    if (is_silent) access_reading_fini(r);
    free(r);
    return is_fine ? ERR_OK : ERR_BAD_VALUE;
}

static bool has_room(const struct access_loader *l)
{
    return l->sets <= 1 || (l->sets < ACCESS_SETS_MAX && l->bytes < ACCESS_BYTES_MAX);
}

static void want_at(struct access_loader *l, uint64_t at_ms, uint64_t now_ms)
{
    if (!l->due_ms) l->due_max_ms = now_ms + SETTLE_MAX_MS;
    l->due_ms = at_ms < l->due_max_ms ? at_ms : l->due_max_ms;
}

void access_loader_want(struct access_loader *l, const struct access_opts *o, bool again)
{
    bool is_same = memcmp(&l->opts, o, sizeof *o) == 0;
    uint64_t now_ms = clock_now_ms();
    if (is_same && (!again || access_opts_are_empty(o))) return;
    if (l->loading && !is_same) atomic_store(&l->loading->reading.cancelled, true);
    l->opts = *o;
    want_at(l, now_ms, now_ms);
}

bool access_loader_is_busy(const struct access_loader *l)
{
    return l->loading || l->due_ms || l->watch.changed;
}

bool access_loader_turn(struct access_loader *l, uint64_t now_ms)
{
    bool changed = false;
    if (l->watch.changed) want_at(l, now_ms + SETTLE_MS, now_ms);
    l->watch.changed = false;
    if (l->loading && atomic_load_explicit(&l->loading->done, memory_order_acquire))
        changed = loading_end(l);
    if (l->loading || !l->due_ms || now_ms < l->due_ms || !has_room(l)) return changed;
    l->due_ms = 0;
    loading_begin(l);
    return changed;
}
