/* watchdog.c - see watchdog.h.
 *
 * Signs of life   a worker comes round twice a second, work or none (worker.c), and counts; once would
 *                 not do: its second and ours drift, so that now and then none of its turns is in ours.
 *                 A count that stands still for the time of `watchdog` is a worker that waits for
 *                 something or goes in circles; the service manager then hears nothing more from us,
 *                 and nothing when it is this thread that hangs.
 * Saving          comes first: what the store holds is saved as soon as a worker is stuck, and all is well
 *                 until that is done, for at most SAVE_MS_MAX. Then the service manager may do what it does.
 * Pauses          of the whole process (SIGSTOP, a suspended machine) stop this thread, too: when it
 *                 comes late everybody's time starts again, or a woken process would report itself.
 * Rejected        ending the process here: without a service manager nobody would start it again, and
 *                 one worker's share is better lost than all. */
#include "app/watchdog.h"

#include "app/call_filter.h"
#include "app/notify.h"
#include "app/server.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdlib.h>

#define LATE_MS     3000 /* this thread is looked for once a second */
#define SAVE_MS_MAX 60000
#define USUAL_US    2000000 /* the shortest period that it can serve well */

struct watched {
    uint32_t turns;
    bool is_stuck;
    uint64_t since_ms; /* when `turns` was first seen */
};

enum err watchdog_open(struct watchdog *w, const struct server *s, uint64_t now_ms)
{
    *w = (struct watchdog){.at_ms = now_ms, .notify_us = notify_watchdog_us()};
    w->workers = calloc(s->worker_count, sizeof *w->workers);
    if (!w->workers) return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < s->worker_count; i++)
        w->workers[i].since_ms = now_ms;
    if (w->notify_us && w->notify_us < USUAL_US)
        log_line(LOG_WARN, "the service manager's watchdog waits for %u ms only; give it 10 s",
                 (unsigned)(w->notify_us / 1000));
    return ERR_OK;
}

void watchdog_close(struct watchdog *w)
{
    free(w->workers);
    *w = (struct watchdog){0};
}

static void start_again(struct watchdog *w, const struct server *s, uint64_t now_ms)
{
    for (uint32_t i = 0; i < s->worker_count; i++)
        w->workers[i].since_ms = now_ms;
}

static void came_round(struct watched *it, uint32_t index, uint32_t turns, uint64_t now_ms)
{
    if (it->is_stuck)
        log_line(LOG_WARN, "worker %u is back after %u s", (unsigned)index,
                 (unsigned)((now_ms - it->since_ms) / 1000));
    *it = (struct watched){.turns = turns, .since_ms = now_ms};
}

static void look_at(struct watched *it, const struct worker *worker, uint64_t limit_ms,
                    uint64_t now_ms)
{
    uint32_t turns = atomic_load_explicit(&worker->turns, memory_order_relaxed);
    if (turns != it->turns || worker_is_done(worker)) {
        came_round(it, worker->index, turns, now_ms);
        return;
    }
    if (!limit_ms) it->is_stuck = false;
    if (!limit_ms || it->is_stuck || now_ms - it->since_ms < limit_ms) return;
    it->is_stuck = true;
    metrics_inc(METRIC_WORKER_STALLS);
    log_line(LOG_ERROR, "worker %u has been stuck for %u s: what comes to its sockets waits",
             (unsigned)worker->index, (unsigned)((now_ms - it->since_ms) / 1000));
}

static void tell_refusals(struct watchdog *w)
{
    char call[CALL_NAME_BYTES_MAX];
    uint64_t denied = metrics_sum(METRIC_SANDBOX_DENIED);
    if (denied == w->denied) return;
    call_filter_refused(call);
    log_limited(LOG_ERROR,
                "sandbox: a worker was refused a system call (%s, %llu times): a bug of muster's, "
                "or somebody has got inside",
                call, (unsigned long long)(denied - w->denied));
    w->denied = denied;
}

void watchdog_turn(struct watchdog *w, struct server *s, uint64_t now_ms)
{
    bool were_fine = w->stuck == 0;
    if (now_ms - w->at_ms > LATE_MS) start_again(w, s, now_ms);
    w->at_ms = now_ms;
    w->stuck = 0;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        look_at(&w->workers[i], &s->workers[i], s->live->settings.config.app.watchdog_ms, now_ms);
        w->stuck += w->workers[i].is_stuck;
    }
    tell_refusals(w);
    if (w->stuck && were_fine) {
        state_want_save(s->state, "a worker is stuck");
        w->save_until_ms = now_ms + SAVE_MS_MAX;
    }
    bool is_saving = !state_is_idle(s->state) && now_ms < w->save_until_ms;
    if (w->notify_us && (!w->stuck || is_saving)) notify_alive();
}
