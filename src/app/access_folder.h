/* access_folder.h - the info hashes of the .torrent files of a folder, each file read once.
 *
 * What was read of a file is remembered by its inode, size and times, so that a folder of 100 000
 * files to which one is added costs one file. */
#ifndef APP_ACCESS_FOLDER_H
#define APP_ACCESS_FOLDER_H

#include "proto/torrent_file.h"

#include <stdint.h>
#include <sys/stat.h>

#define TORRENT_FILE_BYTES_MAX (64u << 20)

struct seen_torrent {
    uint64_t dev, ino, size, mtime_ns, ctime_ns;
    struct torrent_file file;
};

/* Zeroed is empty. */
struct seen_torrents {
    struct seen_torrent *rows; /* sorted, after seen_torrents_sort() */
    uint32_t count, size;
};

void seen_torrents_sort(struct seen_torrents *s);
void seen_torrents_free(struct seen_torrents *s);

/* Read a file, or remember it.
 *   before    what was seen by the reading before
 *   now       it is added to these
 *   returns   NULL, or why it cannot be used: borrowed until the next call of strerror(); errno is
 *             ENOENT if, and only if, the file is not there */
const char *torrent_file_load(int folder_fd, const char *name, const struct seen_torrents *before,
                              struct seen_torrents *now, struct torrent_file *out);

/* Is this the name of a file that a folder is read for? */
bool torrent_file_is_named(const char *name);

#endif
