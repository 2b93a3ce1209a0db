/* upgrade.c - the side of the process that hands over. Sending: upgrade_send.c. The other side:
 * upgrade_take.c.
 *
 * Which program   the file that lies where this one was started from: what a package has replaced.
 *                 starter.c starts it.
 * The point       of no return is COMMIT and the answer READY. Until that has come the workers can go
 *                 on at once: nobody else has read from a socket. A process that does not answer is
 *                 killed and waited for before they do, so that never two serve.
 * Connections     that wait for their next request go over with what has come of it; one that is
 *                 being answered is finished here and then goes over. So no client sees an end. */
#include "app/upgrade.h"

#include "app/notify.h"
#include "app/process.h"
#include "app/server.h"
#include "app/starter.h"
#include "app/upgrade_send.h"
#include "app/upgrade_state.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MS_MAX 2000
#define READY_MS_MAX 5000

struct upgrade {
    struct http_heir heir; /* first: it is us */
    struct server *server;
    struct loop_source done; /* the sender has come to its end */
    int keeper_fd;           /* of who waits for this process; -1: nobody of ours */
    bool under_way;
    bool is_waiting; /* for a save, or the upgrade before, to end */
    char failure[sizeof((struct option_error *)0)->text];
    pid_t successor;
    int kept_fd;          /* of the successor's reports, once this process is the keeper */
    pthread_mutex_t lock; /* of the channel, once workers send connections */
    /* of the one under way */
    struct handover channel;
    pid_t child;
    uint64_t start_ms;
    struct upgrade_send send;
    struct upgrade_socket *sockets;
    int keeper_pipe[2];
};

/* ---- the new process ---- */

/* End it and wait for that; what to tell of its end, if that tells anything. */
static void child_end(struct upgrade *u, bool was_killed, char *out, size_t size)
{
    int status = 0;
    out[0] = '\0';
    if (u->child <= 0) return;
    /* it may be about to end by itself, and say why by its exit code */
    for (int i = 0; i < 40 && !was_killed; i++) {
        if (waitpid(u->child, &status, WNOHANG) == u->child) break;
        process_sleep_ms(5);
        if (i == 39) was_killed = true;
    }
    if (was_killed) {
        kill(u->child, SIGKILL);
        while (waitpid(u->child, &status, 0) < 0 && errno == EINTR)
            ;
    } else if (WIFEXITED(status)) {
        snprintf(out, size, " (exit code %d)", WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        snprintf(out, size, " (signal %d)", WTERMSIG(status));
    }
    u->child = 0;
}

/* ---- begin ---- */

static uint32_t doors_list(const struct sockets *doors, struct upgrade_socket *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < doors->count; i++) {
        const struct door_socket *d = &doors->all[i];
        enum handover_socket kind = HANDOVER_DOOR;
        if (doors->are_given && d->worker) continue; /* the same ones */
        if (doors->are_given) kind = d->proxy ? HANDOVER_GIVEN_PROXY : HANDOVER_GIVEN_DOOR;
        out[n++] = (struct upgrade_socket){kind, d->lent_fd};
    }
    return n;
}

static uint32_t admin_list(const struct admin_sockets *admin, struct upgrade_socket *out)
{
    uint32_t n = 0;
    for (; n < admin->tcp_count; n++)
        out[n] = (struct upgrade_socket){
            admin->tcp_is_given ? HANDOVER_GIVEN_ADMIN : HANDOVER_ADMIN_TCP, admin->tcp_lent[n]};
    if (admin->unix_lent < 0) return n;
    out[n++] = (struct upgrade_socket){admin->unix_ino ? HANDOVER_ADMIN_UNIX : HANDOVER_GIVEN_ADMIN,
                                       admin->unix_lent};
    return n;
}

static void sockets_list(struct upgrade *u)
{
    const struct sockets *doors = &u->server->sockets;
    u->sockets = calloc(doors->count + ADMIN_LISTEN_MAX + 1, sizeof *u->sockets);
    if (!u->sockets) return;
    uint32_t n = doors_list(doors, u->sockets);
    n += admin_list(&u->server->admin_sockets, u->sockets + n);
    u->send.sockets = u->sockets;
    u->send.socket_count = n;
}

/* Keys as text; wiped by who frees it. */
static char *hello_write(const struct upgrade *u)
{
    const struct server *s = u->server;
    uint8_t key[SWARM_KEY_BYTES];
    char store[2 * sizeof key + 1], ids[2 * sizeof s->env.udp_id_key + 1];
    swarm_key_copy(s->swarm, key);
    sodium_bin2hex(store, sizeof store, key, sizeof key);
    sodium_bin2hex(ids, sizeof ids, (const uint8_t *)&s->env.udp_id_key, sizeof s->env.udp_id_key);
    json_t *o =
        json_pack("{s:i, s:s, s:i, s:I, s:s, s:s, s:s}", "handover", HANDOVER_VERSION, "version",
                  MUSTER_VERSION, "pid", (int)getpid(), "sockets", (json_int_t)u->send.socket_count,
                  "store_key", store, "id_key", ids, "unix_path", s->admin_sockets.unix_path);
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    sodium_memzero(key, sizeof key);
    sodium_memzero(store, sizeof store);
    sodium_memzero(ids, sizeof ids);
    return text;
}

static bool prepare(struct upgrade *u)
{
    struct server *s = u->server;
    u->send = (struct upgrade_send){
        .channel = &u->channel,
        .swarm = s->swarm,
        .time = {.lifetime_s = interval_lifetime_s(&s->tracker.interval)},
        .keeper_fd = u->keeper_fd >= 0 ? u->keeper_fd : u->keeper_pipe[1],
        .done = &u->done,
    };
    sockets_list(u);
    u->send.hello = hello_write(u);
    u->send.live = upgrade_live_write(s);
    u->send.history = upgrade_history_write(s);
    enum err err = swarm_journal_new(&u->send.journal, UPGRADE_CHANGES_MAX);
    return err == ERR_OK && u->sockets && u->send.hello && u->send.live && u->send.history;
}

static void release(struct upgrade *u)
{
    if (u->send.hello) sodium_memzero(u->send.hello, strlen(u->send.hello));
    free(u->send.hello);
    free(u->send.live);
    free(u->send.history);
    free(u->sockets);
    if (u->send.journal) swarm_journal_attach(u->server->swarm, NULL);
    swarm_journal_free(u->send.journal);
    for (int i = 0; i < 2; i++)
        if (u->keeper_pipe[i] >= 0) close(u->keeper_pipe[i]);
    u->send = (struct upgrade_send){0};
    u->sockets = NULL;
    u->keeper_pipe[0] = u->keeper_pipe[1] = -1;
    u->under_way = false;
}

/* It is over, and this process goes on. */
static void fail(struct upgrade *u, bool kill_it, const char *why)
{
    char end[64];
    handover_close(&u->channel);
    child_end(u, kill_it, end, sizeof end);
    snprintf(u->failure, sizeof u->failure, "%.600s%s", why, u->send.said_why ? "" : end);
    log_line(LOG_ERROR, "upgrade: failed, this process goes on: %s", u->failure);
    metrics_inc(METRIC_UPGRADES_FAILED);
    release(u);
}

static bool start(struct upgrade *u)
{
    struct handover end;
    bool wants_keeper = u->keeper_fd < 0 && !notify_is_heard();
    if (wants_keeper && pipe2(u->keeper_pipe, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    if (handover_pair(&u->channel, &end) != ERR_OK) return false;
    bool good = prepare(u);
    if (good) u->child = starter_start(&u->server->confine.starter, &u->server->sources, end.fd);
    good = good && u->child > 0;
    int why = errno;
    handover_close(&end);
    errno = why;
    return good && upgrade_send_start(&u->send) == ERR_OK;
}

static uint64_t store_bytes(const struct server *s)
{
    struct swarm_counts counts;
    swarm_counts(s->swarm, &counts);
    return counts.memory_bytes;
}

enum err upgrade_begin(struct upgrade *u, const char *who, struct option_error *error)
{
    char path[PATH_MAX];
    if (u->server->stopping) return option_fail(error, ERR_BAD_VALUE, "it is stopping already");
    if (u->under_way) return option_fail(error, ERR_BAD_VALUE, "an upgrade is under way already");
    const char *forbidden = confine_forbids_start(&u->server->confine);
    if (forbidden) return option_fail(error, ERR_BAD_VALUE, "%s: restart muster", forbidden);
    if (u->server->live->settings.config.app.chroot[0])
        return option_fail(error, ERR_BAD_VALUE,
                           "no program is in reach of chroot: restart muster");
    if (!process_program_path(path))
        return option_fail(error, ERR_BAD_VALUE, "cannot tell where this program is");
    if (access(path, X_OK) != 0)
        return option_fail(error, ERR_BAD_VALUE, "%.300s: %s", path, strerror(errno));
    uint64_t needed = store_bytes(u->server), free_bytes = os_memory_available_bytes();
    if (needed > free_bytes)
        return option_fail(error, ERR_BAD_VALUE,
                           "two stores need %llu MB more for a moment, %llu MB are free",
                           (unsigned long long)needed >> 20, (unsigned long long)free_bytes >> 20);
    log_line(LOG_INFO, "upgrade: %s asks for it", who);
    u->under_way = u->is_waiting = true;
    u->failure[0] = '\0';
    upgrade_tick(u);
    return u->under_way ? ERR_OK : option_fail(error, ERR_BAD_VALUE, "%s", u->failure);
}

void upgrade_tick(struct upgrade *u)
{
    char path[PATH_MAX] = "this program";
    if (!u->is_waiting || u->server->take || !state_is_idle(u->server->state)) return;
    u->is_waiting = false;
    u->server->reload_after = false;
    u->start_ms = clock_now_ms();
    if (process_program_path(path) && start(u)) return;
    char text[sizeof u->failure];
    snprintf(text, sizeof text, "cannot start %.400s: %s", path, strerror(errno));
    fail(u, true, text);
}

/* ---- passing on ---- */

static bool workers_pause(struct server *s)
{
    uint64_t until_ms = clock_now_ms() + PAUSE_MS_MAX;
    for (uint32_t i = 0; i < s->worker_count; i++)
        worker_pause(&s->workers[i]);
    for (uint32_t i = 0; i < s->worker_count; i++)
        if (!worker_wait_paused(&s->workers[i], until_ms)) return false;
    return true;
}

/* Nobody announces anything any more: what is sent now is the end of it. */
static enum err send_rest(struct upgrade *u)
{
    enum err err = upgrade_send_changes(&u->send);
    char *state = err == ERR_OK ? upgrade_state_write(u->server) : NULL;
    if (!state) return err == ERR_OK ? ERR_NO_MEMORY : err;
    err = handover_send(&u->channel, HANDOVER_STATE, view_of_text(state), -1);
    free(state);
    if (err == ERR_OK) err = handover_send(&u->channel, HANDOVER_COMMIT, view_of(NULL, 0), -1);
    return err == ERR_OK ? upgrade_send_wait(&u->send, HANDOVER_READY, READY_MS_MAX) : err;
}

static void leave(struct upgrade *u, uint64_t pause_us)
{
    struct server *s = u->server;
    log_line(LOG_INFO,
             "upgrade: process %d serves; %llu torrents, %llu peers, %llu changes in %.2f s, the "
             "pause was %.1f ms",
             (int)u->child, (unsigned long long)u->send.torrents, (unsigned long long)u->send.peers,
             (unsigned long long)u->send.changes, (double)(clock_now_ms() - u->start_ms) / 1000,
             (double)pause_us / 1000);
    u->successor = u->child;
    notify_mainpid(u->child);
    u->kept_fd = u->keeper_pipe[0];
    u->keeper_pipe[0] = -1;
    const struct handover_ready files = u->send.files;
    bool is_known = u->send.has_files;
    release(u);
    s->env.heir = &u->heir;
    server_leave(s, is_known ? &files : NULL);
}

static void pass_on(struct upgrade *u)
{
    struct server *s = u->server;
    uint64_t start_us = clock_now_us();
    enum err err = ERR_FULL;
    state_release(s->state);
    if (workers_pause(s)) {
        log_line(LOG_DEBUG, "upgrade: the doors stand still");
        err = send_rest(u);
    }
    if (err == ERR_OK) {
        leave(u, clock_now_us() - start_us);
        return;
    }
    const char *why = err == ERR_OS ? strerror(errno) : err_text(err);
    if (err == ERR_FULL) why = "a worker does not stand still";
    if (err == ERR_BAD_VALUE) why = u->send.error.text;
    char text[sizeof u->failure];
    snprintf(text, sizeof text, "%s", why);
    fail(u, true, text);
    (void)state_claim(s->state); /* nobody else had it but the process that is gone */
    for (uint32_t i = 0; i < s->worker_count; i++)
        worker_resume(&s->workers[i]);
}

static void sender_done(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct upgrade *u = (struct upgrade *)((char *)source - offsetof(struct upgrade, done));
    uint64_t count;
    if (read(source->fd, &count, sizeof count) < 0 || !u->under_way) return;
    upgrade_send_join(&u->send);
    if (u->send.err == ERR_OK) {
        pass_on(u);
        return;
    }
    char text[sizeof u->failure];
    snprintf(text, sizeof text, "%s", u->send.error.text);
    fail(u, false, text);
}

/* ---- connections ---- */

/* Called by workers that leave. */
static bool heir_take(struct http_heir *heir, const struct http_handed *c)
{
    struct upgrade *u = (struct upgrade *)heir;
    size_t bytes = sizeof(struct handover_connection) + c->input.len;
    uint8_t *frame = malloc(bytes);
    if (!frame) return false;
    struct handover_connection head = {.family = (uint8_t)c->client.family,
                                       .proxy_expected = c->proxy_expected,
                                       .is_proxy_itself = c->is_proxy_itself,
                                       .requests = c->requests};
    memcpy(head.ip, c->client.ip, sizeof head.ip);
    memcpy(frame, &head, sizeof head);
    if (c->input.len) memcpy(frame + sizeof head, c->input.ptr, c->input.len);
    pthread_mutex_lock(&u->lock);
    enum err err = handover_send(&u->channel, HANDOVER_CONNECTION, view_of(frame, bytes), c->fd);
    pthread_mutex_unlock(&u->lock);
    free(frame);
    return err == ERR_OK;
}

_Static_assert(offsetof(struct upgrade, heir) == 0, "heir_take() casts back");

/* ---- life ---- */

enum err upgrade_open(struct upgrade **out, struct server *s, int take_keeper_fd)
{
    struct upgrade *u = calloc(1, sizeof *u);
    enum err err = ERR_NO_MEMORY;
    if (!u) goto fail;
    *u = (struct upgrade){.heir = {.take = heir_take},
                          .server = s,
                          .keeper_fd = take_keeper_fd,
                          .kept_fd = -1,
                          .lock = PTHREAD_MUTEX_INITIALIZER,
                          .channel = {.fd = -1},
                          .keeper_pipe = {-1, -1}};
    u->done =
        (struct loop_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = sender_done};
    err = ERR_OS;
    if (u->done.fd < 0) goto fail_upgrade;
    err = loop_add(&s->loop, &u->done, EPOLLIN);
    if (err != ERR_OK) goto fail_fd;
    *out = u;
    return ERR_OK;
fail_fd:
    close(u->done.fd);
fail_upgrade:
    free(u);
fail:
    if (take_keeper_fd >= 0) close(take_keeper_fd);
    return err;
}

void upgrade_cancel(struct upgrade *u, const char *why)
{
    if (!u || !u->under_way) return;
    if (!u->is_waiting) {
        shutdown(u->channel.fd, SHUT_RDWR);
        upgrade_send_join(&u->send);
    }
    u->is_waiting = false;
    fail(u, true, why);
}

void upgrade_close(struct upgrade *u)
{
    if (!u) return;
    upgrade_cancel(u, "it ends");
    handover_close(&u->channel);
    if (u->keeper_fd >= 0) close(u->keeper_fd);
    if (u->kept_fd >= 0) close(u->kept_fd);
    loop_remove(&u->server->loop, &u->done);
    close(u->done.fd);
    free(u);
}

bool upgrade_is_sending(const struct upgrade *u)
{
    return u->under_way && !u->is_waiting;
}

bool upgrade_is_under_way(const struct upgrade *u)
{
    return u->under_way;
}

const char *upgrade_failure(const struct upgrade *u)
{
    return u->failure;
}

pid_t upgrade_successor(const struct upgrade *u)
{
    return u ? u->successor : 0;
}

int upgrade_keeper_take(struct upgrade *u)
{
    int fd = u ? u->kept_fd : -1;
    if (u) u->kept_fd = -1;
    return fd;
}
