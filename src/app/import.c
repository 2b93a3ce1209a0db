/* import.c - see import.h. The result belongs to whom the folder belongs: the command may be root's. */
#include "app/import.h"

#include "app/state_keys.h"
#include "proto/foreign_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEMPORARY  STATE_IMPORT ".tmp"
#define AGE_UNIT_S 2 /* ages up to 4.5 h: longer than any peer lives */

struct kind {
    const char *name;
    foreign_read_fn *read;
};

static const struct kind KINDS[] = {
    {"trakx", foreign_read_trakx},
    {"scrape", foreign_read_scrape},
    {"tpbs", foreign_read_lines},
    {"statedump", foreign_read_lines},
};

struct importing {
    int folder_fd, fd;
    struct snapshot_writer writer;
    uint64_t completed;
    bool failed;
};

static const struct kind *kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (strcmp(KINDS[i].name, name) == 0) return &KINDS[i];
    return NULL;
}

static void put(void *ctx, const struct stored_torrent *t)
{
    struct importing *w = ctx;
    snapshot_put(&w->writer, t);
    w->completed += t->completed;
    if (snapshot_block_is_full(&w->writer))
        w->failed |= !snapshot_write(w->fd, snapshot_block_finish(&w->writer));
}

static bool head_out(struct importing *w, uint8_t *buffer)
{
    struct snapshot_header h;
    uint8_t head[SNAPSHOT_HEADER_BYTES];
    snapshot_header_now(&h, AGE_UNIT_S);
    h.has_peer_ids = true;
    snapshot_header_write(&h, head);
    snapshot_writer_init(&w->writer, &h, buffer);
    return snapshot_write(w->fd, view_of(head, sizeof head));
}

static bool finish(struct importing *w)
{
    struct stat folder;
    bool good =
        !w->failed && snapshot_write(w->fd, snapshot_block_finish(&w->writer)) &&
        snapshot_write(w->fd, snapshot_end(&w->writer)) && fstat(w->folder_fd, &folder) == 0 &&
        (fchown(w->fd, folder.st_uid, folder.st_gid) == 0 || errno == EPERM) && fsync(w->fd) == 0;
    return good && renameat(w->folder_fd, TEMPORARY, w->folder_fd, STATE_IMPORT) == 0 &&
           fsync(w->folder_fd) == 0;
}

/* Into the temporary file and to its place. */
static bool convert(struct importing *w, const struct kind *kind, const char *path,
                    struct view bytes, char error[IMPORT_ERROR_BYTES])
{
    struct foreign_text text = {.bytes = bytes, .now_unix_s = (uint64_t)time(NULL)};
    uint8_t *buffer = malloc(SNAPSHOT_BLOCK_BYTES_MAX);
    bool good = buffer && head_out(w, buffer);
    enum err err = good ? kind->read(&text, put, w) : ERR_OK;
    if (err == ERR_OK) good = good && finish(w);
    if (err != ERR_OK)
        snprintf(error, IMPORT_ERROR_BYTES, "%.300s: no %s file: byte %zu makes no sense", path,
                 kind->name, text.understood);
    else if (!good) snprintf(error, IMPORT_ERROR_BYTES, "%s: %s", TEMPORARY, strerror(errno));
    free(buffer);
    return good && err == ERR_OK;
}

static bool write_beside(const struct kind *kind, const char *path, struct view bytes,
                         const char *folder, struct import_report *out,
                         char error[IMPORT_ERROR_BYTES])
{
    struct importing w = {.fd = -1};
    w.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w.folder_fd >= 0) w.fd = state_temporary_open(w.folder_fd, TEMPORARY);
    bool good = w.fd >= 0;
    if (!good) snprintf(error, IMPORT_ERROR_BYTES, "%.300s: %s", folder, strerror(errno));
    else good = convert(&w, kind, path, bytes, error);
    if (w.fd >= 0 && !good) unlinkat(w.folder_fd, TEMPORARY, 0);
    if (w.fd >= 0) close(w.fd);
    if (w.folder_fd >= 0) close(w.folder_fd);
    const struct snapshot_totals *t = &w.writer.totals;
    *out = (struct import_report){.torrents = t->torrents,
                                  .peers = t->peers[FAMILY_V4] + t->peers[FAMILY_V6],
                                  .completed = w.completed};
    return good;
}

/* Of a regular file; its size at *len. -1 with the reason in words. */
static int file_open(const char *path, size_t *len, char error[IMPORT_ERROR_BYTES])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const char *why = NULL;
    if (fd < 0 || fstat(fd, &st) != 0) why = strerror(errno);
    else if (!S_ISREG(st.st_mode)) why = "it is no regular file";
    else if (st.st_size == 0) why = "is empty";
    else *len = (size_t)st.st_size;
    if (!why) return fd;
    snprintf(error, IMPORT_ERROR_BYTES, "%.300s: %s", path, why);
    if (fd >= 0) close(fd);
    return -1;
}

static bool one_waits(const char *folder, char error[IMPORT_ERROR_BYTES])
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool waits = fd >= 0 && faccessat(fd, STATE_IMPORT, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    if (fd >= 0) close(fd);
    if (waits)
        snprintf(error, IMPORT_ERROR_BYTES,
                 "%.300s/" STATE_IMPORT " waits for a start already: start muster, then import "
                 "again; or remove that file",
                 folder);
    return waits;
}

bool import_file(const char *kind, const char *path, const char *folder, bool replaces,
                 struct import_report *out, char error[IMPORT_ERROR_BYTES])
{
    const struct kind *k = kind_find(kind);
    size_t len = 0;
    if (!k) {
        snprintf(error, IMPORT_ERROR_BYTES, "no kind \"%.100s\": " IMPORT_KINDS, kind);
        return false;
    }
    if (!replaces && one_waits(folder, error)) return false;
    int fd = file_open(path, &len, error);
    if (fd < 0) return false;
    void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    bool good = false;
    if (map == MAP_FAILED) snprintf(error, IMPORT_ERROR_BYTES, "%.300s: %s", path, strerror(errno));
    else good = write_beside(k, path, view_of(map, len), folder, out, error);
    if (map != MAP_FAILED) munmap(map, len);
    close(fd);
    return good;
}
