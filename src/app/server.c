/* server.c - start, serve, stop.
 *
 * Order of the start   options; limits; sockets, while still root; then the user; then the store;
 *                      then the sandbox, before any thread; doors, and threads last. Nothing is
 *                      served with rights not needed, and nobody told READY before the last
 *                      worker has given up his.
 * Order of the stop    workers drain side by side while this loop goes on reading signals; when all
 *                      are done, everything is freed in reverse.
 * Housekeeping         the main thread's loop: signals, and the rows of periodic.c. */
#include "app/server.h"

#include "app/handover.h"
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
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#define DRAIN_TURN_MS        20
#define WORKERS_START_MS_MAX 10000 /* a process that hands over waits half as long */

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
    struct activation given = {.count = 0};
    enum err err = s->take ? upgrade_take_hello(s->take, &given) : activation_take(&given);
    if (err == ERR_OK && activation_doors(&given))
        err = sockets_adopt(&s->sockets, a, s->worker_count, &given);
    else if (err == ERR_OK)
        err = sockets_open(&s->sockets, a, s->worker_count, upgrade_take_doors(s->take));
    if (err == ERR_OK) admin_sockets_adopt(&s->admin_sockets, &given);
    if (err == ERR_OK)
        err = admin_sockets_open(&s->admin_sockets, settings, upgrade_take_admin(s->take));
    activation_close(&given);
    return err == ERR_OK ? EXIT_FINE : EXIT_LISTEN;
}

static enum err start_state(struct server *s)
{
    const struct app_opts *a = &s->live->settings.config.app;
    return state_open(&s->state, a->state_dir, a->user, &s->loop);
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
    if (!a->chroot[0] && start_state(s) != ERR_OK) return EXIT_RUNTIME;
    if (!sandbox_drop(a->user, a->chroot)) return EXIT_USER;
    if (a->chroot[0] && start_state(s) != ERR_OK) return EXIT_RUNTIME;
    if (admin_sockets_open_unix(&s->admin_sockets, &s->live->settings,
                                upgrade_take_admin(s->take)) != ERR_OK)
        return EXIT_LISTEN;
    if (login_open(s) != ERR_OK) return fail(ERR_NO_MEMORY, "the owner's login");
    s->machine.workers = s->worker_count;
    s->machine.sockets = s->sockets.count;
    return EXIT_FINE;
}

/* Those of the process before; those of the state folder; new ones. */
static void keys_choose(struct server *s)
{
    const struct state_keys *kept = state_keys(s->state);
    if (s->take) {
        s->env.udp_id_key = *upgrade_take_id_key(s->take);
        s->live->swarm.key = upgrade_take_store_key(s->take);
    } else if (kept) {
        s->env.udp_id_key = kept->udp_id;
        s->live->swarm.key = kept->store;
    } else {
        randombytes_buf(&s->env.udp_id_key, sizeof s->env.udp_id_key);
    }
}

static enum exit_code start_store(struct server *s)
{
    live_resolve(s->live, &s->machine);
    if ((!s->take && !state_claim(s->state)) || state_begin(s->state) != ERR_OK)
        return EXIT_RUNTIME;
    keys_choose(s);
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
        return EXIT_LISTS;
    s->tracker.stats_minimal = s->live->settings.config.app.stats == STATS_MINIMAL;
    s->env.tracker = &s->tracker;
    s->env.http_shared = &s->http_shared;
    s->env.peer_ids = s->live->swarm.store_peer_ids;
    s->env.confine = &s->confine;
    s->env.done_loop = &s->loop;
    s->live->swarm.key = NULL; /* the store has its copy */
    struct live *first = s->live;
    s->live = NULL;
    server_publish(s, first);
    if (s->take) return EXIT_FINE;
    err = state_load(s->state, &s->tracker, &s->live->tracker.interval, loop_now_s(&s->loop));
    return err == ERR_OK ? EXIT_FINE : EXIT_RUNTIME;
}

static void udp_fds_note(struct server *s)
{
    for (uint32_t i = 0; i < s->sockets.count; i++) {
        const struct door_socket *d = &s->sockets.all[i];
        if (s->sockets.are_given && d->worker) continue; /* one that workers share is asked once */
        if (!d->is_tcp) s->udp_fds[s->udp_fd_count++] = d->fd;
    }
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

/* Their doors; nobody serves yet. */
static enum exit_code open_workers(struct server *s)
{
    s->workers = calloc(s->worker_count, sizeof *s->workers);
    s->udp_fds = calloc(s->sockets.count + 1, sizeof *s->udp_fds);
    if (!s->workers || !s->udp_fds) return fail(ERR_NO_MEMORY, "workers");
    udp_fds_note(s);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        uint32_t count;
        struct door_socket *mine = sockets_of_worker(&s->sockets, i, &count);
        enum err err = worker_open(&s->workers[i], &s->env, i, mine, count);
        if (err != ERR_OK) return fail(err, "a worker");
    }
    return EXIT_FINE;
}

/* ---- upgrades ---- */

static void keeper_ready(struct loop_source *source, uint32_t events)
{
    struct server *s = (struct server *)((char *)source - offsetof(struct server, keeper));
    if (!(events & (EPOLLERR | EPOLLHUP))) return;
    loop_remove(&s->loop, source);
    server_stop(s, "the process that was started first is gone", false);
}

/* That it is there. */
static enum err keeper_watch(struct server *s, int fd)
{
    s->keeper = (struct loop_source){.fd = fd, .ready = keeper_ready};
    return fd < 0 ? ERR_OK : loop_add(&s->loop, &s->keeper, 0);
}

/* Who serves. */
static void keeper_tell(const struct server *s)
{
    pid_t pid = getpid();
    if (s->keeper.fd < 0) return;
    ssize_t put = write(s->keeper.fd, &pid, sizeof pid);
    (void)put; /* a pipe that is full holds hundreds of them */
}

static enum exit_code start_upgrades(struct server *s)
{
    int keeper = upgrade_take_keeper(s->take);
    enum err err = upgrade_open(&s->upgrade, s, keeper);
    if (err == ERR_OK) err = keeper_watch(s, keeper);
    return err == ERR_OK ? EXIT_FINE : fail(err, "upgrades");
}

/* All have locked themselves in before the first serves, and before anybody is told that we do. */
static bool workers_wait(struct server *s)
{
    uint64_t until_ms = clock_now_ms() + WORKERS_START_MS_MAX;
    for (uint32_t i = 0; i < s->worker_count; i++) {
        if (worker_wait_paused(&s->workers[i], until_ms)) continue;
        log_line(LOG_ERROR, "worker %u does not start", i);
        return false;
    }
    return true;
}

/* The last: nothing can fail once the process before knows that we serve. */
static enum exit_code start_workers(struct server *s)
{
    if (s->take && !upgrade_take_load(s->take, s)) return EXIT_RUNTIME;
    enum exit_code code = start_upgrades(s);
    if (code != EXIT_FINE) return code;
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (worker_start(&s->workers[i]) != ERR_OK) return EXIT_RUNTIME;
    if (!workers_wait(s)) return EXIT_RUNTIME;
    for (uint32_t i = 0; i < s->worker_count; i++)
        worker_resume(&s->workers[i]);
    if (s->take) upgrade_take_finish(s->take, s);
    keeper_tell(s);
    return EXIT_FINE;
}

static bool is_same_file(const struct handover_file *f, uint64_t dev, uint64_t ino)
{
    return f->dev == dev && f->ino == ino;
}

/* The token goes with the socket that it lies beside. */
static void leave_files(struct server *s, const struct handover_ready *files)
{
    const struct admin_sockets *a = &s->admin_sockets;
    bool is_used = !files || is_same_file(&files->socket, a->unix_dev, a->unix_ino);
    if (!is_used && !is_same_file(&files->token, s->token.dev, s->token.ino))
        login_token_remove(&s->token);
    admin_sockets_leave(&s->admin_sockets, is_used);
}

void server_leave(struct server *s, const struct handover_ready *files)
{
    s->stopping = true;
    s->udp_fd_count = 0;
    for (uint32_t i = 0; i < s->worker_count; i++)
        worker_leave(&s->workers[i]);
    leave_files(s, files);
    admin_drain(s->admin);
}

/* ---- housekeeping ---- */

void server_stop(struct server *s, const char *why, bool again)
{
    if (s->stopping) {
        s->interrupted = true;
        return;
    }
    upgrade_cancel(s->upgrade, "it is told to stop");
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

static void upgrade_ask(struct server *s, const char *who)
{
    struct option_error error;
    if (upgrade_begin(s->upgrade, who, &error) != ERR_OK)
        log_line(LOG_ERROR, "upgrade: %s", error.text);
}

/* For the process that serves by now. */
static int signal_of(enum signal_wish w)
{
    if (w == WISH_RELOAD) return SIGHUP;
    if (w == WISH_SAVE) return SIGUSR1;
    return w == WISH_UPGRADE ? SIGUSR2 : SIGTERM;
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
    struct server *s = (struct server *)((char *)source - offsetof(struct server, signals));
    const char *name = "";
    (void)events;
    for (enum signal_wish w; (w = signals_take(source->fd, &name)) != WISH_NONE;) {
        if (upgrade_successor(s->upgrade)) kill(upgrade_successor(s->upgrade), signal_of(w));
        else if (w == WISH_STOP) server_stop(s, name, false);
        else if (w == WISH_UPGRADE) upgrade_ask(s, name);
        else if (w == WISH_SAVE) state_want_save(s->state, name);
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

/* Nobody announces any more: the snapshot is what clients were told. A second signal does without. */
static void save_last(struct server *s)
{
    state_want_save(s->state, "the end");
    while (!s->interrupted && !state_is_idle(s->state)) {
        state_tick(s->state, &s->tracker, 0, s->loop.now_ms);
        loop_turn(&s->loop, DRAIN_TURN_MS);
    }
}

static enum exit_code serve(struct server *s)
{
    while (!s->stopping)
        loop_turn(&s->loop, periodic_run(s, s->loop.now_ms));
    drain(s);
    if (!upgrade_successor(s->upgrade)) save_last(s);
    if (s->interrupted) {
        log_line(LOG_WARN, "second signal: requests in hand are dropped");
        admin_sockets_close(&s->admin_sockets);
        _exit(EXIT_INTERRUPTED); /* workers still run: nothing can be freed */
    }
    if (!upgrade_successor(s->upgrade)) report_end(s);
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
    upgrade_close(s->upgrade);
    upgrade_take_close(s->take);
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
    state_close(s->state);
    if (s->swarm) {
        http_shared_fini(&s->http_shared);
        swarm_free(s->swarm);
    }
    rate_free(s->rate);
    confine_free(&s->confine);
    server_free_retired(s, UINT64_MAX);
    access_loader_release(&s->lists, s->live ? s->live->tracker.access : NULL);
    free(s->live);
    free(s->rounds.turns);
    access_loader_fini(&s->lists);
    if (s->signals.ready && s->signals.fd >= 0) close(s->signals.fd);
    if (s->loop.wake.ready) loop_close(&s->loop);
    free(s);
}

/* The last that reads files of the system: locales. */
static enum exit_code start_confined(struct server *s)
{
    stats_init(s);
    bool good =
        confine_process(&s->confine, &s->live->settings, s->admin_sockets.unix_path, &s->sources);
    return good ? EXIT_FINE : EXIT_RUNTIME;
}

static enum exit_code start(struct server *s)
{
    enum exit_code code = start_privileged(s);
    if (code == EXIT_FINE) code = start_housekeeping(s);
    if (code == EXIT_FINE) code = start_store(s);
    if (code == EXIT_FINE) code = start_confined(s);
    if (code == EXIT_FINE) code = start_pages(s);
    if (code == EXIT_FINE) code = open_workers(s);
    if (code != EXIT_FINE) return code;
    enum err err = periodic_init(&s->periodic, s, s->loop.now_ms);
    if (err == ERR_OK) err = watchdog_open(&s->watchdog, s, s->loop.now_ms);
    if (err != ERR_OK) return fail(err, "housekeeping");
    return start_workers(s);
}

enum exit_code server_run(const struct option_sources *sources)
{
    struct option_error error;
    if (starter_is_meant()) return starter_serve(sources);
    struct server *s = calloc(1, sizeof *s);
    if (s) s->live = calloc(1, sizeof *s->live);
    if (!s || !s->live) {
        free(s);
        return fail(ERR_NO_MEMORY, "muster");
    }
    s->sources = *sources;
    s->web_root_fd = -1;
    s->admin_sockets.unix_fd = s->admin_sockets.unix_lent = -1;
    s->keeper.fd = s->confine.starter.fd = -1;
    if (upgrade_take_open(&s->take) != ERR_OK) {
        server_free(s);
        return fail(ERR_NO_MEMORY, "muster");
    }
    if (settings_read(&s->live->settings, sources, &error) != ERR_OK) {
        fprintf(stderr, "muster: %s\n", error.text);
        upgrade_take_fail(s->take, error.text, EXIT_USAGE);
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
        if (!upgrade_successor(s->upgrade)) log_line(LOG_INFO, "stopped");
    } else {
        upgrade_take_fail(s->take, NULL, code);
    }
    bool again = code == EXIT_FINE && s->restart_wanted;
    pid_t successor = upgrade_successor(s->upgrade);
    int keeper = upgrade_keeper_take(s->upgrade);
    struct starter starter = {.fd = -1};
    if (again) {
        starter = s->confine.starter;
        s->confine.starter.fd = -1;
    }
    server_free(s);
    if (keeper >= 0) return upgrade_keep(successor, keeper);
    return again ? restart_now(sources, &starter) : code;
}
