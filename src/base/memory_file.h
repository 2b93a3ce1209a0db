/* memory_file.h - a stream whose bytes end up in memory, whole or not at all.
 *
 * open_memstream() loses what it cannot store and does not set the stream's error: the text has a
 * hole that nobody is told of. Here a refused allocation fails memory_file_close(). */
#ifndef BASE_MEMORY_FILE_H
#define BASE_MEMORY_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct memory_file {
    /* private */
    char *bytes;
    size_t used, room;
    bool has_failed;
};

/* A stream to write to, or NULL for want of memory. `m` must stay until it is closed. */
FILE *memory_file_open(struct memory_file *m);

/* Close it. True: *take_bytes is the caller's, malloc'ed, with a NUL behind its *count bytes.
 * False: memory was refused meanwhile, and there is nothing to free. */
bool memory_file_close(FILE *take_file, struct memory_file *m, char **take_bytes, size_t *count);

#endif
