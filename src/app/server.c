/* server.c - start, serve, stop.
 *
 * Order of the start   options; limits; sockets, while still root; then the user; then the store;
 *                      then the sandbox, before any thread; doors, and threads last. Nothing is
 *                      served with rights not needed.
 * Order of the stop    workers drain side by side while this loop goes on reading signals; when all
 *                      are done, everything is freed in reverse.
 * Housekeeping         the main thread's loop: signals, and the rows of periodic.c. */
#include "app/server.h"

#include "app/login_api.h"
#include "app/notify.h"
#include "app/report.h"
#include "app/restart.h"
#include "app/sandbox.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define DRAIN_TURN_MS 20

/* ---- generations ---- */

void server_publish(struct server *s, struct live *next)
{
    struct live *old = s->live;
    s->live = next;
    next->tracker.access = access_loader_hold(&s->lists);
    access_loader_want(&s->lists, &next->settings.config.access, false);
    log_level_set(next->settings.config.app.log_level);
    atomic_store(&s->tracker.opts, &next->tracker);
    atomic_store(&s->env.udp_opts, &next->udp);
    atomic_store(&s->env.http_opts, &next->http);
    atomic_store(&s->http_shared.buffers.bytes_max, next->http.buffer_bytes_max);
    atomic_store(&s->env.drain_ms, next->settings.config.app.drain_ms);
    swarm_limits_set(s->swarm, &next->swarm);
    if (s->map) map_configure(s->map, &next->settings.config.map);
    if (!old) return;
    old->free_at_ms = clock_now_ms() + LIVE_GRACE_MS;
    old->next = s->retired;
    s->retired = old;
}

void server_take_lists(struct server *s)
{
    struct live *next = calloc(1, sizeof *next);
    s->lists_waiting = !next || !server_has_room(s);
    if (s->lists_waiting) {
        free(next);
        return;
    }
    next->settings = s->live->settings;
    server_put_in_force(s, next, false);
}

bool server_has_room(const struct server *s)
{
    uint32_t retired = 0;
    for (const struct live *l = s->retired; l; l = l->next)
        retired++;
    return retired < LIVE_RETIRED_MAX;
}

void server_free_retired(struct server *s, uint64_t now_ms)
{
    struct live **at = &s->retired;
    while (*at && (*at)->free_at_ms > now_ms)
        at = &(*at)->next;
    struct live *gone = *at; /* those behind it are older */
    *at = NULL;
    while (gone) {
        struct live *next = gone->next;
        access_loader_release(&s->lists, gone->tracker.access);
        free(gone);
        gone = next;
    }
}

/* ---- start ---- */

static enum exit_code fail(enum err err, const char *what)
{
    log_line(LOG_ERROR, "cannot start %s: %s", what,
             err == ERR_OS ? strerror(errno) : err_text(err));
    return err == ERR_NO_MEMORY ? EXIT_MEMORY : EXIT_RUNTIME;
}

static enum exit_code start_sockets(struct server *s)
{
    const struct settings *settings = &s->live->settings;
    const struct app_opts *a = &settings->config.app;
    struct activation given;
    enum err err = activation_take(&given);
    if (err == ERR_OK && activation_doors(&given))
        err = sockets_adopt(&s->sockets, a, s->worker_count, &given);
    else if (err == ERR_OK) err = sockets_open(&s->sockets, a, s->worker_count);
    if (err == ERR_OK) admin_sockets_adopt(&s->admin_sockets, &given);
    if (err == ERR_OK) err = admin_sockets_open(&s->admin_sockets, settings);
    activation_close(&given);
    return err == ERR_OK ? EXIT_FINE : EXIT_LISTEN;
}

/* What must happen while still root. */
static enum exit_code start_privileged(struct server *s)
{
    const struct app_opts *a = &s->live->settings.config.app;
    s->machine.cores = os_cpu_usable();
    s->machine.memory_bytes = os_memory_bytes();
    s->worker_count = a->workers ? a->workers : s->machine.cores;
    report_start(&s->live->settings, &s->sources, &s->machine, s->worker_count);
    s->machine.nofile = sandbox_limits(a);
    enum exit_code code = start_sockets(s);
    if (code != EXIT_FINE) return code;
    if (!sandbox_drop(a->user, a->chroot)) return EXIT_USER;
    if (admin_sockets_open_unix(&s->admin_sockets, &s->live->settings) != ERR_OK)
        return EXIT_LISTEN;
    if (login_open(s) != ERR_OK) return fail(ERR_NO_MEMORY, "the owner's login");
    s->machine.workers = s->worker_count;
    s->machine.sockets = s->sockets.count;
    return EXIT_FINE;
}

static enum exit_code start_store(struct server *s)
{
    live_resolve(s->live, &s->machine);
    enum err err = swarm_new(&s->swarm, &s->live->swarm);
    if (err == ERR_OK) err = http_shared_init(&s->http_shared);
    if (err == ERR_OK) err = rate_new(&s->rate);
    if (err != ERR_OK) {
        log_line(LOG_ERROR, "cannot make the store: %s (see max_memory)", err_text(err));
        return EXIT_MEMORY;
    }
    tracker_init(&s->tracker, s->swarm, &s->live->tracker, loop_now_s(&s->loop));
    s->tracker.rate = s->rate;
    if (access_loader_start(&s->lists, s->swarm, &s->live->settings.config.access) != ERR_OK)
        return EXIT_USAGE;
    s->tracker.stats_minimal = s->live->settings.config.app.stats == STATS_MINIMAL;
    s->env.tracker = &s->tracker;
    s->env.http_shared = &s->http_shared;
    s->env.peer_ids = s->live->swarm.store_peer_ids;
    s->env.confine = &s->confine;
    s->env.done_loop = &s->loop;
    randombytes_buf(&s->env.udp_id_key, sizeof s->env.udp_id_key);
    struct live *first = s->live;
    s->live = NULL;
    server_publish(s, first);
    return EXIT_FINE;
}

static void udp_fds_note(struct server *s)
{
    uint32_t count = s->sockets.are_given ? s->sockets.per_worker : s->sockets.count;
    for (uint32_t i = 0; i < count; i++) /* one that workers share is asked once */
        if (!s->sockets.all[i].is_tcp) s->udp_fds[s->udp_fd_count++] = s->sockets.all[i].fd;
}

static enum exit_code start_pages(struct server *s)
{
    enum err err = map_open(&s->map, &s->loop, s->worker_count);
    if (err == ERR_OK) err = pages_open(s);
    if (err == ERR_BAD_VALUE) return EXIT_USAGE;
    if (err != ERR_OK) return fail(err, "the operators' pages");
    map_configure(s->map, &s->live->settings.config.map);
    s->env.map = s->map;
    s->env.pages = admin_handoff(s->admin);
    return EXIT_FINE;
}

static enum exit_code start_workers(struct server *s)
{
    s->workers = calloc(s->worker_count, sizeof *s->workers);
    s->udp_fds = calloc(s->sockets.count + 1, sizeof *s->udp_fds);
    if (!s->workers || !s->udp_fds) return fail(ERR_NO_MEMORY, "workers");
    udp_fds_note(s);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        struct door_socket *mine = &s->sockets.all[i * s->sockets.per_worker];
        enum err err = worker_open(&s->workers[i], &s->env, i, mine, s->sockets.per_worker);
        if (err != ERR_OK) return fail(err, "a worker");
    }
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (worker_start(&s->workers[i]) != ERR_OK) return EXIT_RUNTIME;
    return EXIT_FINE;
}

/* ---- housekeeping ---- */

void server_stop(struct server *s, const char *why, bool again)
{
    if (s->stopping) {
        s->interrupted = true;
        return;
    }
    s->stopping = true;
    s->restart_wanted = again;
    notify_stopping();
    s->udp_fd_count = 0; /* the doors will close them */
    log_line(LOG_INFO, "%s: %s after the requests in hand", why,
             again ? "starting again" : "stopping");
    for (uint32_t i = 0; i < s->worker_count; i++)
        worker_stop(&s->workers[i]);
    admin_drain(s->admin);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
    struct server *s = (struct server *)((char *)source - offsetof(struct server, signals));
    const char *name = "";
    (void)events;
    for (enum signal_wish w; (w = signals_take(source->fd, &name)) != WISH_NONE;) {
        if (w == WISH_STOP) server_stop(s, name, false);
        else s->reload_wanted = true; /* periodic.c does it */
    }
}

static enum exit_code start_housekeeping(struct server *s)
{
    enum err err = loop_open(&s->loop);
    if (err != ERR_OK) return fail(err, "the housekeeping loop");
    s->signals = (struct loop_source){.fd = signals_open(), .ready = signals_ready};
    if (s->signals.fd < 0) return fail(ERR_OS, "reading signals");
    access_loader_init(&s->lists, &s->loop);
    err = loop_add(&s->loop, &s->signals, EPOLLIN);
    return err == ERR_OK ? EXIT_FINE : fail(err, "reading signals");
}

static bool all_done(const struct server *s)
{
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (!worker_is_done(&s->workers[i])) return false;
    return true;
}

/* Workers first: until the last is done, connections may be handed over. */
static void drain(struct server *s)
{
    uint64_t until_ms = s->loop.now_ms + atomic_load(&s->env.drain_ms);
    while (!s->interrupted && !all_done(s)) {
        loop_turn(&s->loop, DRAIN_TURN_MS);
        admin_tick(s->admin);
    }
    while (!s->interrupted && !admin_is_idle(s->admin) && s->loop.now_ms < until_ms) {
        loop_turn(&s->loop, DRAIN_TURN_MS);
        admin_tick(s->admin);
    }
}

static enum exit_code serve(struct server *s)
{
    while (!s->stopping)
        loop_turn(&s->loop, periodic_run(s, s->loop.now_ms));
    drain(s);
    if (s->interrupted) {
        log_line(LOG_WARN, "second signal: requests in hand are dropped");
        admin_sockets_close(&s->admin_sockets);
        _exit(EXIT_INTERRUPTED); /* workers still run: nothing can be freed */
    }
    report_end(s);
    return EXIT_FINE;
}

/* ---- stop ---- */

/* Works for a start that failed anywhere: what was not made is zero. */
static void server_free(struct server *s)
{
    for (uint32_t i = 0; s->workers && i < s->worker_count; i++)
        if (s->workers[i].is_started && !s->stopping) worker_stop(&s->workers[i]);
    for (uint32_t i = 0; s->workers && i < s->worker_count; i++)
        worker_close(&s->workers[i]);
    free(s->workers);
    free(s->udp_fds);
    periodic_fini(&s->periodic);
    watchdog_close(&s->watchdog);
    stats_fini(s);
    sockets_close(&s->sockets);
    pages_close(s);
    map_close(s->map);
    admin_sockets_close(&s->admin_sockets);
    auth_close(s->auth);
    if (s->swarm) {
        http_shared_fini(&s->http_shared);
        swarm_free(s->swarm);
    }
    rate_free(s->rate);
    server_free_retired(s, UINT64_MAX);
    access_loader_release(&s->lists, s->live ? s->live->tracker.access : NULL);
    free(s->live);
    access_loader_fini(&s->lists);
    if (s->signals.ready && s->signals.fd >= 0) close(s->signals.fd);
    if (s->loop.wake.ready) loop_close(&s->loop);
    free(s);
}

/* The last that reads files of the system: locales. */
static enum exit_code start_confined(struct server *s)
{
    stats_init(s);
    bool good = confine_process(&s->confine, &s->live->settings, s->admin_sockets.unix_path);
    return good ? EXIT_FINE : EXIT_RUNTIME;
}

static enum exit_code start(struct server *s)
{
    enum exit_code code = start_privileged(s);
    if (code == EXIT_FINE) code = start_housekeeping(s);
    if (code == EXIT_FINE) code = start_store(s);
    if (code == EXIT_FINE) code = start_confined(s);
    if (code == EXIT_FINE) code = start_pages(s);
    if (code == EXIT_FINE) code = start_workers(s);
    if (code != EXIT_FINE) return code;
    enum err err = periodic_init(&s->periodic, s, s->loop.now_ms);
    if (err == ERR_OK) err = watchdog_open(&s->watchdog, s, s->loop.now_ms);
    return err == ERR_OK ? EXIT_FINE : fail(err, "housekeeping");
}

enum exit_code server_run(const struct option_sources *sources)
{
    struct option_error error;
    struct server *s = calloc(1, sizeof *s);
    if (s) s->live = calloc(1, sizeof *s->live);
    if (!s || !s->live) {
        free(s);
        return fail(ERR_NO_MEMORY, "muster");
    }
    s->sources = *sources;
    s->web_root_fd = -1;
    s->admin_sockets.unix_fd = -1;
    if (settings_read(&s->live->settings, sources, &error) != ERR_OK) {
        fprintf(stderr, "muster: %s\n", error.text);
        server_free(s);
        return EXIT_USAGE;
    }
    signals_block();
    metrics_thread_init();
    log_level_set(s->live->settings.config.app.log_level);
    enum exit_code code = start(s);
    if (code == EXIT_FINE) {
        os_thread_name("muster");
        report_listening(s);
        notify_ready();
        code = serve(s);
        log_line(LOG_INFO, "stopped");
    }
    bool again = code == EXIT_FINE && s->restart_wanted;
    server_free(s);
    return again ? restart_now(sources) : code;
}
