/* snapshot_file.c - see snapshot_file.h.
 *
 * Damage     a block that is not whole is skipped by its length, where the head is right, and else by
 *            looking for the next head. What can be read counts; the caller may know another file
 *            for the rest.
 * Elapsed    what passed since a file was saved is asked of the clock that runs since the machine's
 *            start, if it is the same start: the wall clock may have been set meanwhile.
 * Pace       a block is dumped at full speed and followed by a write and a short sleep. Who sleeps
 *            often is seldom preempted while it runs, and so seldom with a lock in its hand.
 * Stuck      who keeps a shard that long will not let it go: what the file before has of it is copied,
 *            which is older, but there. Peers of it that stopped since come back for a lifetime.
 * Rejected   leaving such a shard out (the file would replace one that has it), or failing the save (all
 *            the others' changes would go with one shard's); mmap() for reading: a file that is cut
 *            meanwhile would kill the process. */
#include "app/snapshot_file.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAUSE_NS     200000
#define BOOT_ID      "/proc/sys/kernel/random/boot_id"
#define DAMAGE_LINES 5
#define SCAN_BYTES   65536

/* What a reader does with a torrent, or a part of one. */
typedef void torrent_fn(void *ctx, const struct stored_torrent *t);

static enum err file_read(int fd, const char *name, torrent_fn *take, void *ctx,
                          snapshot_progress_fn *progress, void *progress_ctx,
                          struct snapshot_loaded *out);

/* ---- clocks ---- */

/* The kernel's text of 32 digits and 4 hyphens as 16 bytes; zeros when there is none. */
static void boot_id_read(uint8_t out[SNAPSHOT_BOOT_ID_BYTES])
{
    char text[64] = "";
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) close(fd);
    unsigned digits = 0;
    memset(out, 0, SNAPSHOT_BOOT_ID_BYTES);
    for (ssize_t i = 0; i < n && digits < 2 * SNAPSHOT_BOOT_ID_BYTES; i++) {
        static const char HEX[] = "0123456789abcdef";
        const char *digit = text[i] ? strchr(HEX, text[i]) : NULL;
        if (!digit) continue;
        out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | (digit - HEX));
        digits++;
    }
}

static uint64_t uptime_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec;
}

void snapshot_header_now(struct snapshot_header *out, uint32_t age_unit_s)
{
    *out = (struct snapshot_header){.age_unit_s = age_unit_s,
                                    .saved_unix_s = (uint64_t)time(NULL),
                                    .saved_uptime_s = uptime_s()};
    boot_id_read(out->boot_id);
}

static uint64_t elapsed_since(const struct snapshot_header *h)
{
    static const uint8_t UNKNOWN[SNAPSHOT_BOOT_ID_BYTES];
    struct snapshot_header now;
    snapshot_header_now(&now, 1);
    bool same_boot = memcmp(h->boot_id, UNKNOWN, sizeof UNKNOWN) != 0 &&
                     memcmp(h->boot_id, now.boot_id, sizeof now.boot_id) == 0;
    uint64_t then_s = same_boot ? h->saved_uptime_s : h->saved_unix_s;
    uint64_t now_s = same_boot ? now.saved_uptime_s : now.saved_unix_s;
    return now_s > then_s ? now_s - then_s : 0;
}

/* ---- saving ---- */

bool snapshot_write(int fd, struct view bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            if (n == 0) errno = EIO;
            return false;
        }
        bytes = view_from(bytes, (size_t)n);
    }
    return true;
}

static void put_part(void *ctx, const struct stored_torrent *t)
{
    snapshot_put(ctx, t);
}

struct save {
    int fd;
    const struct snapshot_job *job;
    struct swarm_dump_at at;
    struct snapshot_writer writer;
    uint64_t told_ms;
    enum err err; /* of what was kept */
    struct snapshot_saved *out;
};

static bool put_out(struct save *v, struct view bytes)
{
    v->out->bytes += bytes.len;
    return snapshot_write(v->fd, bytes);
}

static bool is_time_to_tell(uint64_t *told_ms)
{
    uint64_t now_ms = clock_now_ms();
    if (now_ms < *told_ms + SNAPSHOT_PROGRESS_MS) return false;
    *told_ms = now_ms;
    return true;
}

/* One block's worth; false when that was the last. */
static bool fill_block(struct save *v)
{
    uint64_t before_us = clock_now_us();
    bool more = true;
    while (more && !snapshot_block_is_full(&v->writer)) {
        struct swarm_time time = {.now_s = (uint32_t)(before_us / 1000000),
                                  .lifetime_s = v->job->lifetime_s};
        more = swarm_dump(v->job->s, time, &v->at, put_part, &v->writer);
        uint64_t now_us = clock_now_us();
        if (now_us - before_us > v->out->hold_us_max) v->out->hold_us_max = now_us - before_us;
        before_us = now_us;
    }
    return more;
}

/* ---- shards that could not be had ---- */

static void keep_torrent(void *ctx, const struct stored_torrent *t)
{
    struct save *v = ctx;
    if (v->err != ERR_OK || !swarm_dump_skipped(v->job->s, &v->at, &t->info_hash)) return;
    snapshot_put(&v->writer, t);
    v->out->torrents_kept++;
    if (snapshot_block_is_full(&v->writer) && !put_out(v, snapshot_block_finish(&v->writer)))
        v->err = ERR_OS;
}

/* What the file before cannot give is lost, and reported: the rest is worth saving. */
static enum err keep_skipped(struct save *v)
{
    struct snapshot_loaded last;
    if (v->job->last_fd < 0) return ERR_OK;
    enum err err =
        file_read(v->job->last_fd, "the last snapshot", keep_torrent, v, NULL, NULL, &last);
    v->out->is_last_read = err == ERR_OK && last.is_whole;
    if (v->err == ERR_OK && writer_used(&v->writer.block) &&
        !put_out(v, snapshot_block_finish(&v->writer)))
        v->err = ERR_OS;
    return v->err;
}

static enum err save_blocks(struct save *v)
{
    static const struct timespec PAUSE = {.tv_nsec = PAUSE_NS};
    enum err err = ERR_OK;
    for (bool more = true; more;) {
        more = fill_block(v);
        if (!put_out(v, snapshot_block_finish(&v->writer))) return ERR_OS;
        if (v->job->progress && is_time_to_tell(&v->told_ms))
            v->job->progress(v->job->ctx, v->at.shard, swarm_shard_count(v->job->s));
        if (more) nanosleep(&PAUSE, NULL);
    }
    v->out->shards_skipped = v->at.skipped;
    if (v->at.skipped) err = keep_skipped(v);
    if (err != ERR_OK) return err;
    return put_out(v, snapshot_end(&v->writer)) ? ERR_OK : ERR_OS;
}

static enum err save_all(struct save *v, uint8_t *buffer)
{
    struct swarm_traits traits;
    struct snapshot_header h;
    uint8_t head[SNAPSHOT_HEADER_BYTES];
    swarm_traits(v->job->s, &traits);
    snapshot_header_now(&h, traits.age_unit_s);
    h.has_peer_ids = traits.store_peer_ids;
    h.tag_check = traits.tag_check;
    h.lifetime_s = v->job->lifetime_s;
    snapshot_header_write(&h, head);
    snapshot_writer_init(&v->writer, &h, buffer);
    enum err err = put_out(v, view_of(head, sizeof head)) ? ERR_OK : ERR_OS;
    if (err == ERR_OK) err = save_blocks(v);
    v->out->totals = v->writer.totals;
    return err;
}

enum err snapshot_save(int fd, const struct snapshot_job *job, struct snapshot_saved *out)
{
    uint64_t start_us = clock_now_us();
    *out = (struct snapshot_saved){0};
    struct save *v = calloc(1, sizeof *v);
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_BYTES_MAX);
    enum err err = ERR_NO_MEMORY;
    if (v && buffer) {
        *v = (struct save){.fd = fd, .job = job, .told_ms = start_us / 1000, .out = out};
        err = save_all(v, buffer);
    }
    out->us = clock_now_us() - start_us;
    int why = errno;
    free(buffer);
    free(v);
    errno = why;
    return err;
}

/* ---- loading ---- */

struct load {
    int fd;
    const char *name;
    torrent_fn *take;
    void *ctx;
    snapshot_progress_fn *progress;
    void *progress_ctx;
    uint64_t at, size, told_ms;
    uint8_t *payload; /* room for the largest block of the file, and for SCAN_BYTES */
    bool has_end;
    struct snapshot_reader reader;
    struct snapshot_totals totals;
    struct snapshot_loaded *out;
};

/* As many bytes as there are from `at` on, up to `len`; -1 and errno. */
static ssize_t read_at(int fd, uint64_t at, void *out, size_t len)
{
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, (uint8_t *)out + got, len - got, (off_t)(at + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static void note_damage(struct load *w, uint64_t bytes, const char *what)
{
    struct snapshot_loaded *out = w->out;
    out->bytes_damaged += bytes;
    if (out->blocks_damaged++ < DAMAGE_LINES)
        log_line(LOG_WARN, "state: %s: %s at byte %llu: %llu bytes skipped", w->name, what,
                 (unsigned long long)w->at, (unsigned long long)bytes);
}

static void take_torrents(struct load *w, const struct snapshot_head *head)
{
    const struct stored_torrent *t;
    snapshot_reader_init(&w->reader, &w->out->header, view_of(w->payload, head->payload_bytes));
    w->reader.later_s = w->out->elapsed_s > UINT32_MAX ? UINT32_MAX : (uint32_t)w->out->elapsed_s;
    for (;;) {
        enum err err = snapshot_next(&w->reader, &t);
        if (err != ERR_OK) note_damage(w, cursor_left(&w->reader.in), "a block makes no sense");
        if (err != ERR_OK || !t) return;
        w->take(w->ctx, t);
    }
}

static void take_block(struct load *w, const struct snapshot_head *head)
{
    w->out->blocks++;
    if (head->type == SNAPSHOT_TORRENTS) take_torrents(w, head);
    if (head->type == SNAPSHOT_END)
        w->has_end =
            snapshot_totals_read(view_of(w->payload, head->payload_bytes), &w->totals) == ERR_OK;
}

/* The next place from `at` on where a head is right, or the end of the file. */
static enum err find_head(struct load *w, uint64_t *at)
{
    for (; *at < w->size; *at += SCAN_BYTES - SNAPSHOT_HEAD_BYTES + 1) {
        ssize_t n = read_at(w->fd, *at, w->payload, SCAN_BYTES);
        if (n < 0) return ERR_OS;
        for (ssize_t i = 0; i + SNAPSHOT_HEAD_BYTES <= n; i++) {
            struct snapshot_head head;
            if (snapshot_head_read(w->payload + i, &head) != ERR_OK) continue;
            *at += (uint64_t)i;
            return ERR_OK;
        }
    }
    *at = w->size;
    return ERR_OK;
}

static enum err skip_to_head(struct load *w, const char *what)
{
    uint64_t next = w->at + 1;
    enum err err = find_head(w, &next);
    if (err != ERR_OK) return err;
    note_damage(w, next - w->at, what);
    w->at = next;
    return ERR_OK;
}

static enum err load_block(struct load *w)
{
    struct snapshot_head head;
    uint8_t bytes[SNAPSHOT_HEAD_BYTES];
    ssize_t n = read_at(w->fd, w->at, bytes, sizeof bytes);
    if (n < 0) return ERR_OS;
    if ((size_t)n < sizeof bytes || snapshot_head_read(bytes, &head) != ERR_OK)
        return skip_to_head(w, "no block begins");
    uint64_t all = sizeof bytes + head.payload_bytes;
    if (all > w->size - w->at) return skip_to_head(w, "the file ends within a block"); /* unread */
    n = read_at(w->fd, w->at + sizeof bytes, w->payload, head.payload_bytes);
    if (n < 0) return ERR_OS;
    if ((size_t)n < head.payload_bytes) return skip_to_head(w, "the file ends within a block");
    if (snapshot_payload_is_whole(&head, w->payload)) take_block(w, &head);
    else note_damage(w, all, "a block is damaged");
    w->at += all;
    return ERR_OK;
}

static void tell(struct load *w)
{
    if (w->progress && is_time_to_tell(&w->told_ms)) w->progress(w->progress_ctx, w->at, w->size);
}

static enum err load_all(struct load *w)
{
    uint8_t head[SNAPSHOT_HEADER_BYTES];
    struct snapshot_loaded *out = w->out;
    ssize_t n = read_at(w->fd, 0, head, sizeof head);
    if (n < 0) return ERR_OS;
    if ((size_t)n < sizeof head) return ERR_SNAPSHOT_FOREIGN;
    enum err err = snapshot_header_read(head, &out->header);
    if (err != ERR_OK) return err;
    out->elapsed_s = elapsed_since(&out->header);
    for (w->at = sizeof head; err == ERR_OK && w->at < w->size && !w->has_end; tell(w))
        err = load_block(w);
    out->bytes = w->at;
    out->is_whole =
        err == ERR_OK && w->has_end && !out->blocks_damaged && w->totals.blocks + 1 == out->blocks;
    return err;
}

static size_t payload_room(uint64_t file_bytes)
{
    if (file_bytes > SNAPSHOT_BLOCK_BYTES_MAX) return SNAPSHOT_BLOCK_BYTES_MAX;
    return file_bytes > SCAN_BYTES ? (size_t)file_bytes : SCAN_BYTES;
}

static enum err file_read(int fd, const char *name, torrent_fn *take, void *ctx,
                          snapshot_progress_fn *progress, void *progress_ctx,
                          struct snapshot_loaded *out)
{
    uint64_t start_us = clock_now_us();
    struct stat st;
    *out = (struct snapshot_loaded){0};
    if (fstat(fd, &st) != 0) return ERR_OS;
    uint64_t size = (uint64_t)st.st_size;
    struct load *w = calloc(1, sizeof *w);
    uint8_t *payload = malloc(payload_room(size));
    enum err err = ERR_NO_MEMORY;
    if (w && payload) {
        *w = (struct load){.fd = fd,
                           .name = name,
                           .take = take,
                           .ctx = ctx,
                           .progress = progress,
                           .progress_ctx = progress_ctx,
                           .size = size,
                           .told_ms = start_us / 1000,
                           .payload = payload,
                           .out = out};
        err = load_all(w);
    }
    int why = errno;
    free(payload);
    free(w);
    errno = why;
    out->us = clock_now_us() - start_us;
    return err;
}

struct restoring {
    struct swarm *s;
    struct swarm_time time;
    struct snapshot_loaded *out;
};

static void restore_torrent(void *ctx, const struct stored_torrent *t)
{
    const struct restoring *r = ctx;
    struct swarm_time time = r->time;
    uint32_t lifetime_s = r->out->header.lifetime_s;
    if (time.lifetime_s < lifetime_s) time.lifetime_s = lifetime_s;
    swarm_restore(r->s, t, time, &r->out->store);
}

static bool has_other_tags(const struct swarm *s, const struct snapshot_header *h)
{
    struct swarm_traits traits;
    swarm_traits(s, &traits);
    return !h->has_peer_ids && h->tag_check != traits.tag_check;
}

enum err snapshot_load(int fd, const char *name, struct swarm *s, struct swarm_time time,
                       snapshot_progress_fn *progress, void *ctx, struct snapshot_loaded *out)
{
    struct restoring r = {s, time, out};
    enum err err = file_read(fd, name, restore_torrent, &r, progress, ctx, out);
    out->has_other_tags = err == ERR_OK && has_other_tags(s, &out->header);
    return err;
}
