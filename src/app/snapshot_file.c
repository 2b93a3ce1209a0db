/* snapshot_file.c - see snapshot_file.h.
 *
 * Damage     a block that is not whole is skipped by its length, where the head is right, and else by
 *            looking for the next head. What can be read counts; the caller may know another file
 *            for the rest.
 * Elapsed    what passed since a file was saved is asked of the clock that runs since the machine's
 *            start, if it is the same start: the wall clock may have been set meanwhile.
 * Pace       a block is dumped at full speed and followed by a write and a short sleep. Who sleeps
 *            often is seldom preempted while it runs, and so seldom with a lock in its hand.
 * Rejected   mmap() for reading: a file that is cut meanwhile would kill the process. */
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

static bool put_out(int fd, struct view bytes, struct snapshot_saved *out)
{
    out->bytes += bytes.len;
    return snapshot_write(fd, bytes);
}

/* One block's worth; *more is false when that was the last. */
static void fill_block(struct snapshot_writer *w, const struct swarm *s, uint32_t lifetime_s,
                       struct swarm_dump_at *at, bool *more, struct snapshot_saved *out)
{
    uint64_t before_us = clock_now_us();
    while (*more && !snapshot_block_is_full(w)) {
        struct swarm_time time = {.now_s = (uint32_t)(before_us / 1000000),
                                  .lifetime_s = lifetime_s};
        *more = swarm_dump(s, time, at, put_part, w);
        uint64_t now_us = clock_now_us();
        if (now_us - before_us > out->hold_us_max) out->hold_us_max = now_us - before_us;
        before_us = now_us;
    }
}

static enum err save_blocks(int fd, const struct swarm *s, uint32_t lifetime_s,
                            struct snapshot_writer *w, struct snapshot_saved *out)
{
    static const struct timespec PAUSE = {.tv_nsec = PAUSE_NS};
    struct swarm_dump_at at = {0};
    for (bool more = true; more;) {
        fill_block(w, s, lifetime_s, &at, &more, out);
        if (!put_out(fd, snapshot_block_finish(w), out)) return ERR_OS;
        if (more) nanosleep(&PAUSE, NULL);
    }
    return put_out(fd, snapshot_end(w), out) ? ERR_OK : ERR_OS;
}

enum err snapshot_save(int fd, const struct swarm *s, uint32_t lifetime_s,
                       struct snapshot_saved *out)
{
    uint64_t start_us = clock_now_us();
    struct swarm_traits traits;
    struct snapshot_header h;
    struct snapshot_writer w;
    uint8_t head[SNAPSHOT_HEADER_BYTES];
    *out = (struct snapshot_saved){0};
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_BYTES_MAX);
    if (!buffer) return ERR_NO_MEMORY;
    swarm_traits(s, &traits);
    snapshot_header_now(&h, traits.age_unit_s);
    h.has_peer_ids = traits.store_peer_ids;
    h.tag_check = traits.tag_check;
    h.lifetime_s = lifetime_s;
    snapshot_header_write(&h, head);
    snapshot_writer_init(&w, &h, buffer);
    enum err err = put_out(fd, view_of(head, sizeof head), out) ? ERR_OK : ERR_OS;
    if (err == ERR_OK) err = save_blocks(fd, s, lifetime_s, &w, out);
    out->totals = w.totals;
    out->us = clock_now_us() - start_us;
    int why = errno;
    free(buffer);
    errno = why;
    return err;
}

/* ---- loading ---- */

struct load {
    int fd;
    const char *name;
    struct swarm *s;
    struct swarm_time time;
    snapshot_progress_fn *progress;
    void *ctx;
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
        swarm_restore(w->s, t, w->time, &w->out->store);
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
    uint64_t now_ms = clock_now_ms();
    if (!w->progress || now_ms < w->told_ms + SNAPSHOT_PROGRESS_MS) return;
    w->told_ms = now_ms;
    w->progress(w->ctx, w->at, w->size);
}

static bool has_other_tags(const struct swarm *s, const struct snapshot_header *h)
{
    struct swarm_traits traits;
    swarm_traits(s, &traits);
    return !h->has_peer_ids && h->tag_check != traits.tag_check;
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
    out->has_other_tags = has_other_tags(w->s, &out->header);
    if (w->time.lifetime_s < out->header.lifetime_s) w->time.lifetime_s = out->header.lifetime_s;
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

enum err snapshot_load(int fd, const char *name, struct swarm *s, struct swarm_time time,
                       snapshot_progress_fn *progress, void *ctx, struct snapshot_loaded *out)
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
                           .s = s,
                           .time = time,
                           .progress = progress,
                           .ctx = ctx,
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
