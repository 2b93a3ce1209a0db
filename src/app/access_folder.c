/* access_folder.c - see access_folder.h. */
#include "app/access_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ROWS_MIN  64
#define SUFFIX    ".torrent"
#define NO_MEMORY "out of memory"

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(struct seen_torrent, file));
}

_Static_assert(offsetof(struct seen_torrent, file) == 5 * sizeof(uint64_t), "no holes: compared");

void seen_torrents_sort(struct seen_torrents *s)
{
    if (s->count) qsort(s->rows, s->count, sizeof *s->rows, compare);
}

void seen_torrents_free(struct seen_torrents *s)
{
    free(s->rows);
    *s = (struct seen_torrents){0};
}

static uint64_t time_ns(struct timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool remember(struct seen_torrents *s, const struct seen_torrent *row)
{
    if (s->count == s->size) {
        uint32_t size = s->size ? 2 * s->size : ROWS_MIN;
        struct seen_torrent *rows = realloc(s->rows, size * sizeof *rows);
        if (!rows) return false;
        s->rows = rows;
        s->size = size;
    }
    s->rows[s->count++] = *row;
    return true;
}

static const char *read_whole(int fd, uint8_t *bytes, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = read(fd, bytes + used, size - used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return strerror(errno);
        if (got == 0) return "it became shorter while it was read";
        used += (size_t)got;
    }
    return NULL;
}

static const char *read_torrent(int fd, size_t size, struct torrent_file *out)
{
    if (size > TORRENT_FILE_BYTES_MAX) return "it is larger than 64 MiB";
    uint8_t *bytes = malloc(size + 1);
    if (!bytes) return NO_MEMORY;
    const char *why = read_whole(fd, bytes, size);
    if (!why) why = torrent_file_read(view_of(bytes, size), out);
    free(bytes);
    return why;
}

static const char *load_open(int fd, const struct seen_torrents *before, struct seen_torrents *now,
                             struct torrent_file *out)
{
    struct stat status;
    if (fstat(fd, &status) != 0) return strerror(errno);
    if (!S_ISREG(status.st_mode)) return "it is no regular file";
    struct seen_torrent row = {.dev = status.st_dev,
                               .ino = status.st_ino,
                               .size = (uint64_t)status.st_size,
                               .mtime_ns = time_ns(status.st_mtim),
                               .ctime_ns = time_ns(status.st_ctim)};
    const struct seen_torrent *was =
        before->count ? bsearch(&row, before->rows, before->count, sizeof row, compare) : NULL;
    const char *why = NULL;
    if (was) row.file = was->file;
    else why = read_torrent(fd, (size_t)status.st_size, &row.file);
    *out = row.file;
    if (why) return why;
    return remember(now, &row) ? NULL : NO_MEMORY;
}

const char *torrent_file_load(int folder_fd, const char *name, const struct seen_torrents *before,
                              struct seen_torrents *now, struct torrent_file *out)
{
    errno = 0;
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return strerror(errno);
    const char *why = load_open(fd, before, now, out);
    close(fd);
    return why;
}

bool torrent_file_is_named(const char *name)
{
    size_t bytes = strlen(name), suffix = strlen(SUFFIX);
    return name[0] != '.' && bytes > suffix && strcasecmp(name + bytes - suffix, SUFFIX) == 0;
}
