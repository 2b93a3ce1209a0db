/* upgrade_send.c - see upgrade_send.h.
 *
 * Order     store and changes go over one stream, taken turn about: a change is never far from the
 *           moment it was noted, so the journal stays short however long the whole takes. Why changes
 *           may arrive before the part of the store they are about is told in swarm/journal.h.
 * Enough    the rounds end when the other process has taken in all there was and so little has come
 *           meanwhile that the rest fits a pause nobody notices; or when a round is no shorter than
 *           the one before.
 * Rejected  a snapshot in a memfd, loaded when it is whole: a third copy of the store in memory, and a
 *           journal as long as that takes. */
#include "app/upgrade_send.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/os_linux.h"
#include "proto/snapshot.h"
#include "swarm/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_WITHIN_MS  60000 /* lists and databases are read first */
#define CHANGES_FEW       256   /* said again within a millisecond */
#define ROUNDS_MAX        64
#define CHANGES_PER_FRAME 4096

struct sending {
    struct upgrade_send *u;
    struct snapshot_writer writer;
};

/* ---- waiting ---- */

enum err upgrade_send_wait(struct upgrade_send *u, enum handover_type type, uint32_t timeout_ms)
{
    struct handover_frame f;
    enum err err = handover_receive(u->channel, timeout_ms, &f);
    if (err != ERR_OK) return err;
    if (f.take_fd >= 0) close(f.take_fd);
    u->has_files = type == HANDOVER_READY && f.bytes.len >= sizeof u->files;
    if (u->has_files) memcpy(&u->files, f.bytes.ptr, sizeof u->files);
    if (f.type == (uint32_t)type) return ERR_OK;
    bool says_why = u->said_why = f.type == HANDOVER_FAILED;
    snprintf(u->error.text, sizeof u->error.text, "%.*s", says_why ? (int)f.bytes.len : 26,
             says_why ? (const char *)f.bytes.ptr : "it says what nobody asked.");
    return ERR_BAD_VALUE;
}

/* ---- sending ---- */

enum err upgrade_send_changes(struct upgrade_send *u)
{
    const struct swarm_change *changes;
    uint32_t count = swarm_journal_take(u->journal, &changes);
    enum err err = ERR_OK;
    for (uint32_t at = 0; err == ERR_OK && at < count; at += CHANGES_PER_FRAME) {
        uint32_t n = count - at < CHANGES_PER_FRAME ? count - at : CHANGES_PER_FRAME;
        err = handover_send(u->channel, HANDOVER_CHANGES,
                            view_of(changes + at, n * sizeof *changes), -1);
    }
    u->changes += count;
    return err == ERR_OK && swarm_journal_is_torn(u->journal) ? ERR_FULL : err;
}

/* Under a shard's lock. */
static void put(void *ctx, const struct stored_torrent *t)
{
    struct sending *s = ctx;
    snapshot_put(&s->writer, t);
}

static enum err send_store(struct upgrade_send *u, struct sending *s)
{
    struct swarm_dump_at *at = calloc(1, sizeof *at);
    if (!at) return ERR_NO_MEMORY;
    enum err err = ERR_OK;
    for (bool more = true; more && err == ERR_OK;) {
        more = swarm_dump(u->swarm, u->time, at, put, s);
        u->time.now_s = (uint32_t)(clock_now_ms() / 1000);
        if (more && !snapshot_block_is_full(&s->writer)) continue;
        if (writer_used(&s->writer.block))
            err = handover_send(u->channel, HANDOVER_STORE, snapshot_block_finish(&s->writer), -1);
        if (err == ERR_OK) err = upgrade_send_changes(u);
    }
    if (err == ERR_OK && at->skipped) {
        snprintf(u->error.text, sizeof u->error.text, "a stuck worker holds a part of the store");
        err = ERR_BAD_VALUE;
    }
    u->torrents = s->writer.totals.torrents;
    u->peers = s->writer.totals.peers[FAMILY_V4] + s->writer.totals.peers[FAMILY_V6];
    free(at);
    return err;
}

static enum err send_head(struct upgrade_send *u, struct sending *s, uint8_t *buffer)
{
    struct swarm_traits traits;
    uint8_t bytes[SNAPSHOT_HEADER_BYTES];
    swarm_traits(u->swarm, &traits);
    const struct snapshot_header h = {.has_peer_ids = traits.store_peer_ids,
                                      .age_unit_s = traits.age_unit_s,
                                      .lifetime_s = u->time.lifetime_s,
                                      .saved_uptime_s = u->time.now_s,
                                      .tag_check = traits.tag_check};
    snapshot_header_write(&h, bytes);
    snapshot_writer_init(&s->writer, &h, buffer);
    return handover_send(u->channel, HANDOVER_STORE, view_of(bytes, sizeof bytes), -1);
}

/* How long the other process needs to come as far as this. */
static enum err send_round(struct upgrade_send *u, uint64_t *us)
{
    uint64_t start_us = clock_now_us();
    enum err err = upgrade_send_changes(u);
    if (err == ERR_OK) err = handover_send(u->channel, HANDOVER_MARK, view_of(NULL, 0), -1);
    if (err == ERR_OK) err = upgrade_send_wait(u, HANDOVER_MARK, HANDOVER_STALL_MS);
    *us = clock_now_us() - start_us;
    return err;
}

static enum err send_rounds(struct upgrade_send *u)
{
    uint64_t before_us = UINT64_MAX, us;
    for (int i = 0; i < ROUNDS_MAX; i++) {
        uint64_t before = u->changes;
        enum err err = send_round(u, &us);
        if (err != ERR_OK) return err;
        bool is_few = u->changes - before <= CHANGES_FEW;
        if (is_few || (i > 3 && us >= before_us)) return ERR_OK;
        before_us = us;
    }
    return ERR_OK;
}

static enum err send_start(struct upgrade_send *u)
{
    enum err err = handover_send(u->channel, HANDOVER_HELLO, view_of_text(u->hello), -1);
    for (uint32_t i = 0; err == ERR_OK && i < u->socket_count; i++) {
        uint8_t kind = (uint8_t)u->sockets[i].kind;
        err = handover_send(u->channel, HANDOVER_SOCKET, view_of(&kind, 1), u->sockets[i].fd);
    }
    if (err == ERR_OK && u->keeper_fd >= 0)
        err = handover_send(u->channel, HANDOVER_KEEPER, view_of(NULL, 0), u->keeper_fd);
    if (err == ERR_OK) err = handover_send(u->channel, HANDOVER_LIVE, view_of_text(u->live), -1);
    if (err == ERR_OK)
        err = handover_send(u->channel, HANDOVER_HISTORY, view_of_text(u->history), -1);
    return err == ERR_OK ? upgrade_send_wait(u, HANDOVER_ACCEPT, ACCEPT_WITHIN_MS) : err;
}

static enum err send_all(struct upgrade_send *u)
{
    struct sending *s = calloc(1, sizeof *s);
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_BYTES_MAX);
    enum err err = s && buffer ? send_start(u) : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        swarm_journal_attach(u->swarm, u->journal);
        u->time.now_s = (uint32_t)(clock_now_ms() / 1000);
        err = send_head(u, s, buffer);
    }
    if (err == ERR_OK) err = send_store(u, s);
    if (err == ERR_OK) err = send_rounds(u);
    free(buffer);
    free(s);
    return err;
}

/* Sending failed because the other end is gone: it may have said why. */
static void last_words(struct upgrade_send *u)
{
    struct handover_frame f;
    while (handover_receive(u->channel, 0, &f) == ERR_OK) {
        if (f.take_fd >= 0) close(f.take_fd);
        if (f.type != HANDOVER_FAILED) continue;
        snprintf(u->error.text, sizeof u->error.text, "%.*s", (int)f.bytes.len,
                 (const char *)f.bytes.ptr);
        u->said_why = true;
        return;
    }
}

static void say_why(struct upgrade_send *u)
{
    int why = errno;
    if (u->err == ERR_OS) last_words(u);
    if (u->error.text[0]) return;
    const char *text = u->err == ERR_OS ? strerror(why) : err_text(u->err);
    if (u->err == ERR_OS && (why == ECONNRESET || why == EPIPE)) text = "the new process ended";
    if (u->err == ERR_FULL) text = "it takes changes in more slowly than they come";
    snprintf(u->error.text, sizeof u->error.text, "%s", text);
}

static void *send_main(void *arg)
{
    struct upgrade_send *u = arg;
    os_thread_name("upgrade");
    u->err = send_all(u);
    if (u->err != ERR_OK) say_why(u);
    uint64_t one = 1;
    ssize_t put = write(u->done->fd, &one, sizeof one);
    (void)put; /* an eventfd takes it */
    return NULL;
}

enum err upgrade_send_start(struct upgrade_send *u)
{
    errno = pthread_create(&u->thread, NULL, send_main, u);
    return errno == 0 ? ERR_OK : ERR_OS;
}

void upgrade_send_join(struct upgrade_send *u)
{
    pthread_join(u->thread, NULL);
}
