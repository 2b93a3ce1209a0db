/* upgrade_take.c - see upgrade_take.h.
 *
 * Limits    do not hold while the store is filled: what the old process had let in stays. They hold
 *           again before the first request.
 * Late      once COMMIT has come this process serves, whatever becomes of the old one: it holds all
 *           there is. */
#include "app/upgrade_take.h"

#include "app/handover.h"
#include "app/server.h"
#include "app/upgrade_state.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/snapshot.h"
#include "swarm/dump.h"
#include "swarm/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WHY_BYTES 512

struct upgrade_take {
    struct loop_source source; /* first: an event is its channel */
    struct handover channel;
    struct server *server;
    bool is_watched;
    bool said;              /* that it failed */
    char errors[WHY_BYTES]; /* logged since the start */
    struct inherited doors;
    struct admin_inherited admin;
    uint8_t store_key[SWARM_KEY_BYTES];
    struct hash_key id_key;
    int keeper_fd;
    bool has_head;
    struct snapshot_header head; /* of the store */
    struct snapshot_reader reader;
    struct restore_report restored;
    uint64_t changes;
    struct rng rng;
    uint32_t next_worker; /* to be given a connection */
};

/* ---- open ---- */

/* The descriptor that the variable names, if it is a socket of our parent; -1: none. */
static int channel_fd(void)
{
    const char *text = getenv(HANDOVER_ENVIRONMENT);
    char *end = NULL;
    long fd = text ? strtol(text, &end, 10) : -1;
    bool is_number = text && *text && !*end && fd > 2 && fd < INT32_MAX;
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    unsetenv(HANDOVER_ENVIRONMENT);
    if (!is_number || getsockopt((int)fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) return -1;
    if (peer.pid != getppid() || fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0) return -1;
    return (int)fd;
}

enum err upgrade_take_open(struct upgrade_take **out)
{
    int fd = channel_fd();
    *out = NULL;
    if (fd < 0) return ERR_OK;
    struct upgrade_take *t = calloc(1, sizeof *t);
    if (!t) return ERR_NO_MEMORY;
    t->channel.fd = fd;
    t->keeper_fd = t->admin.unix_fd = -1;
    rng_init_secure(&t->rng);
    log_errors_copy(t->errors, sizeof t->errors);
    *out = t;
    return ERR_OK;
}

static void inherited_end(struct upgrade_take *t)
{
    inherited_close(&t->doors);
    inherited_close(&t->admin.tcp);
    if (t->admin.unix_fd >= 0) close(t->admin.unix_fd);
    t->admin.unix_fd = -1;
    sodium_memzero(t->store_key, sizeof t->store_key);
    sodium_memzero(&t->id_key, sizeof t->id_key);
}

void upgrade_take_close(struct upgrade_take *t)
{
    if (!t) return;
    log_errors_copy(NULL, 0);
    if (t->is_watched) loop_remove(&t->server->loop, &t->source);
    handover_close(&t->channel);
    inherited_end(t);
    if (t->keeper_fd >= 0) close(t->keeper_fd);
    free(t);
}

static void tell(struct upgrade_take *t, const char *why)
{
    t->said = true;
    enum err err = handover_send(&t->channel, HANDOVER_FAILED, view_of_text(why), -1);
    (void)err; /* it sees the end of the channel, too */
}

void upgrade_take_fail(struct upgrade_take *t, const char *why, enum exit_code code)
{
    char text[WHY_BYTES + 32];
    if (!t || t->said) return;
    log_errors_copy(NULL, 0);
    if (!why) why = t->errors[0] ? t->errors : "it does not start";
    snprintf(text, sizeof text, "%.*s (exit code %d)", WHY_BYTES, why, (int)code);
    tell(t, text);
}

__attribute__((format(printf, 2, 3))) static bool fail(struct upgrade_take *t, const char *format,
                                                       ...)
{
    char why[WHY_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
    va_end(args);
    log_line(LOG_ERROR, "upgrade: %s", why);
    if (!t->said) tell(t, why);
    return false;
}

static bool receive(struct upgrade_take *t, struct handover_frame *f)
{
    enum err err = handover_receive(&t->channel, HANDOVER_STALL_MS, f);
    if (err == ERR_OK) return true;
    return fail(t, "the process that hands over is gone or stuck: %s",
                err == ERR_OS ? strerror(errno) : err_text(err));
}

/* ---- hello ---- */

static bool key_read(const json_t *o, const char *name, uint8_t *key, size_t bytes)
{
    const char *text = json_string_value(json_object_get(o, name));
    size_t got;
    return text && sodium_hex2bin(key, bytes, text, strlen(text), NULL, &got, NULL) == 0 &&
           got == bytes;
}

static bool hello_read(struct upgrade_take *t, struct view bytes, size_t *sockets)
{
    json_t *o = json_loadb((const char *)bytes.ptr, bytes.len, 0, NULL);
    int version = (int)json_integer_value(json_object_get(o, "handover"));
    const char *path = json_string_value(json_object_get(o, "unix_path"));
    const char *from = json_string_value(json_object_get(o, "version"));
    *sockets = (size_t)json_integer_value(json_object_get(o, "sockets"));
    bool good = version == HANDOVER_VERSION && *sockets < 65536 &&
                key_read(o, "store_key", t->store_key, sizeof t->store_key) &&
                key_read(o, "id_key", (uint8_t *)&t->id_key, sizeof t->id_key);
    if (path && strlen(path) < sizeof t->admin.unix_path)
        memcpy(t->admin.unix_path, path, strlen(path) + 1);
    if (good)
        log_line(LOG_INFO, "taking over from process %d, muster %.40s",
                 (int)json_integer_value(json_object_get(o, "pid")), from ? from : "?");
    json_decref(o);
    return good || fail(t,
                        "muster " MUSTER_VERSION " cannot take over from this version (hand-over "
                        "%d, not %d): restart instead",
                        version, HANDOVER_VERSION);
}

static bool socket_keep(struct upgrade_take *t, const struct handover_frame *f,
                        struct activation *given)
{
    uint8_t kind = f->bytes.len == 1 ? *f->bytes.ptr : 0xff;
    enum err err = ERR_OK;
    switch (kind) {
    case HANDOVER_DOOR: t->doors.fds[t->doors.count++] = f->take_fd; break;
    case HANDOVER_ADMIN_TCP: t->admin.tcp.fds[t->admin.tcp.count++] = f->take_fd; break;
    case HANDOVER_ADMIN_UNIX:
        if (t->admin.unix_fd >= 0) close(t->admin.unix_fd);
        t->admin.unix_fd = f->take_fd;
        break;
    case HANDOVER_GIVEN_DOOR: err = activation_add(given, f->take_fd, ""); break;
    case HANDOVER_GIVEN_PROXY: err = activation_add(given, f->take_fd, "proxy"); break;
    case HANDOVER_GIVEN_ADMIN: err = activation_add(given, f->take_fd, "admin"); break;
    default: close(f->take_fd);
    }
    return err == ERR_OK || fail(t, "a socket of the service manager cannot serve");
}

static bool hello(struct upgrade_take *t, struct activation *given)
{
    struct handover_frame f;
    size_t sockets;
    if (!receive(t, &f)) return false;
    if (f.type != HANDOVER_HELLO) return fail(t, "the hand-over begins with frame %u", f.type);
    if (!hello_read(t, f.bytes, &sockets)) return false;
    t->doors.fds = calloc(sockets + 1, sizeof *t->doors.fds);
    t->admin.tcp.fds = calloc(sockets + 1, sizeof *t->admin.tcp.fds);
    if (!t->doors.fds || !t->admin.tcp.fds) return fail(t, "out of memory");
    for (size_t i = 0; i < sockets; i++) {
        if (!receive(t, &f)) return false;
        if (f.type != HANDOVER_SOCKET || f.take_fd < 0)
            return fail(t, "a socket did not arrive: are there enough descriptors (nofile)?");
        if (!socket_keep(t, &f, given)) return false;
    }
    return true;
}

enum err upgrade_take_hello(struct upgrade_take *t, struct activation *given)
{
    return hello(t, given) ? ERR_OK : ERR_OS;
}

struct inherited *upgrade_take_doors(struct upgrade_take *t)
{
    return t ? &t->doors : NULL;
}

struct admin_inherited *upgrade_take_admin(struct upgrade_take *t)
{
    return t ? &t->admin : NULL;
}

const uint8_t *upgrade_take_store_key(const struct upgrade_take *t)
{
    return t->store_key;
}

const struct hash_key *upgrade_take_id_key(const struct upgrade_take *t)
{
    return &t->id_key;
}

int upgrade_take_keeper(struct upgrade_take *t)
{
    int fd = t ? t->keeper_fd : -1;
    if (t) t->keeper_fd = -1;
    return fd;
}

/* ---- the store ---- */

static uint32_t lifetime_s(const struct upgrade_take *t)
{
    uint32_t max_s = t->server->live->swarm.lifetime_s_max;
    return t->head.lifetime_s < max_s ? t->head.lifetime_s : max_s;
}

static bool no_room(struct upgrade_take *t)
{
    return fail(t, "max_memory has no room for the store");
}

static bool take_block(struct upgrade_take *t, struct view bytes)
{
    struct snapshot_head head;
    if (bytes.len < SNAPSHOT_HEAD_BYTES || snapshot_head_read(bytes.ptr, &head) != ERR_OK ||
        bytes.len != SNAPSHOT_HEAD_BYTES + head.payload_bytes)
        return fail(t, "a block of the store arrived damaged");
    struct swarm_time time = {(uint32_t)t->head.saved_uptime_s, lifetime_s(t)};
    const struct stored_torrent *torrent;
    enum err err;
    snapshot_reader_init(&t->reader, &t->head, view_from(bytes, SNAPSHOT_HEAD_BYTES));
    while ((err = snapshot_next(&t->reader, &torrent)) == ERR_OK && torrent)
        swarm_restore(t->server->swarm, torrent, time, &t->restored);
    if (err != ERR_OK) return fail(t, "a block of the store arrived damaged");
    bool is_full = t->restored.peers_refused || t->restored.torrents_refused;
    return !is_full || no_room(t);
}

/* The first frame is the head, and each that follows a block. */
static bool take_store(struct upgrade_take *t, struct view bytes)
{
    if (t->has_head) return take_block(t, bytes);
    t->has_head =
        bytes.len == SNAPSHOT_HEADER_BYTES && snapshot_header_read(bytes.ptr, &t->head) == ERR_OK;
    return t->has_head || fail(t, "the store is in a form that muster " MUSTER_VERSION
                                  " cannot read: restart instead");
}

static bool take_changes(struct upgrade_take *t, struct view bytes)
{
    struct swarm_change c;
    for (; bytes.len >= sizeof c; bytes = view_from(bytes, sizeof c), t->changes++) {
        memcpy(&c, bytes.ptr, sizeof c);
        if (!swarm_change_is_valid(&c)) return fail(t, "a change arrived damaged");
        if (!swarm_replay(t->server->swarm, &c, lifetime_s(t), &t->rng)) return no_room(t);
    }
    return bytes.len == 0 || fail(t, "a change arrived damaged");
}

static bool take_json(struct upgrade_take *t, const struct handover_frame *f)
{
    enum err err = f->type == HANDOVER_STATE  ? upgrade_state_read(t->server, f->bytes)
                   : f->type == HANDOVER_LIVE ? upgrade_live_read(t->server, f->bytes)
                                              : upgrade_history_read(t->server, f->bytes);
    if (err == ERR_NO_MEMORY) return fail(t, "no memory for counters and settings");
    if (err == ERR_OS) return false; /* logged, and so told */
    return err == ERR_OK || fail(t, "the counters arrived damaged");
}

static bool answer(struct upgrade_take *t, enum handover_type type)
{
    enum err err = handover_send(&t->channel, type, view_of(NULL, 0), -1);
    return err == ERR_OK || fail(t, "the process that hands over is gone: %s", strerror(errno));
}

static bool take_frame(struct upgrade_take *t, const struct handover_frame *f)
{
    switch (f->type) {
    case HANDOVER_STORE: return take_store(t, f->bytes);
    case HANDOVER_CHANGES: return take_changes(t, f->bytes);
    case HANDOVER_LIVE:
    case HANDOVER_HISTORY:
    case HANDOVER_STATE: return take_json(t, f);
    case HANDOVER_MARK: return answer(t, HANDOVER_MARK);
    case HANDOVER_COMMIT: return true;
    case HANDOVER_KEEPER: t->keeper_fd = f->take_fd; return true;
    default: return fail(t, "frame %u is not understood", f->type);
    }
}

static bool take_until(struct upgrade_take *t, enum handover_type last)
{
    struct handover_frame f = {0};
    while (f.type != (uint32_t)last)
        if (!receive(t, &f) || !take_frame(t, &f)) return false;
    return true;
}

bool upgrade_take_load(struct upgrade_take *t, struct server *s)
{
    t->server = s;
    if (!take_until(t, HANDOVER_HISTORY)) return false;
    struct swarm_opts unlimited = s->live->swarm;
    unlimited.torrents_max = unlimited.peers_max = 0;
    unlimited.torrent_peers_max = unlimited.ip_peers_max = 0;
    swarm_limits_set(s->swarm, &unlimited);
    inherited_end(t);
    if (!answer(t, HANDOVER_ACCEPT) || !take_until(t, HANDOVER_COMMIT)) return false;
    swarm_limits_set(s->swarm, &s->live->swarm);
    return state_claim(s->state) || fail(t, "the state folder is another's");
}

/* ---- connections ---- */

static void take_connection(struct upgrade_take *t, const struct handover_frame *f)
{
    struct handover_connection head;
    struct server *s = t->server;
    if (f->take_fd < 0) return;
    if (f->bytes.len < sizeof head || s->stopping) {
        close(f->take_fd);
        return;
    }
    memcpy(&head, f->bytes.ptr, sizeof head);
    struct http_handed c = {.fd = f->take_fd,
                            .client = {.family = head.family ? FAMILY_V6 : FAMILY_V4},
                            .proxy_expected = head.proxy_expected,
                            .is_proxy_itself = head.is_proxy_itself,
                            .requests = head.requests,
                            .input = view_from(f->bytes, sizeof head)};
    memcpy(c.client.ip, head.ip, sizeof head.ip);
    worker_adopt(&s->workers[t->next_worker++ % s->worker_count], &c);
}

#define CONNECTIONS_PER_TURN 256

static void channel_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct upgrade_take *t = (struct upgrade_take *)source;
    for (int i = 0; i < CONNECTIONS_PER_TURN; i++) {
        struct handover_frame f;
        enum err err = handover_receive(&t->channel, 0, &f);
        if (err == ERR_OK) {
            if (f.type == HANDOVER_CONNECTION) take_connection(t, &f);
            else if (f.take_fd >= 0) close(f.take_fd);
            continue;
        }
        if (err == ERR_OS && errno == ETIMEDOUT) return;
        log_line(LOG_INFO, "upgrade: the process before has given everything on");
        t->server->take = NULL;
        upgrade_take_close(t);
        return;
    }
}

_Static_assert(offsetof(struct upgrade_take, source) == 0, "channel_ready() casts back");

void upgrade_take_finish(struct upgrade_take *t, struct server *s)
{
    metrics_inc(METRIC_UPGRADES);
    const struct handover_ready ready = {
        .socket = {.dev = s->admin_sockets.unix_dev, .ino = s->admin_sockets.unix_ino},
        .token = {.dev = s->token.dev, .ino = s->token.ino}};
    enum err err = handover_send(&t->channel, HANDOVER_READY, view_of(&ready, sizeof ready), -1);
    admin_sockets_own(&s->admin_sockets);
    log_errors_copy(NULL, 0);
    t->source = (struct loop_source){.fd = t->channel.fd, .ready = channel_ready};
    t->is_watched = err == ERR_OK && loop_add(&s->loop, &t->source, EPOLLIN) == ERR_OK;
    log_line(LOG_INFO, "upgrade: took over %llu torrents, %llu peers and %llu changes",
             (unsigned long long)t->restored.torrents, (unsigned long long)t->restored.peers,
             (unsigned long long)t->changes);
    if (t->is_watched) return;
    log_line(LOG_WARN, "upgrade: the process before cannot give its connections on");
    s->take = NULL;
    upgrade_take_close(t);
}
