/* memory_file.c - see memory_file.h. Room doubles, so that long texts are copied few times. */
#include "base/memory_file.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES_MIN 4096

static bool room_make(struct memory_file *m, size_t bytes)
{
    size_t room = m->room ? m->room : ROOM_BYTES_MIN;
    while (room < bytes)
        room *= 2;
    if (room == m->room) return true;
    char *larger = realloc(m->bytes, room);
    if (!larger) return false;
    m->bytes = larger;
    m->room = room;
    return true;
}

static ssize_t bytes_put(void *cookie, const char *bytes, size_t count)
{
    struct memory_file *m = cookie;
    if (m->has_failed || !room_make(m, m->used + count + 1)) {
        m->has_failed = true;
        return 0;
    }
    memcpy(m->bytes + m->used, bytes, count);
    m->used += count;
    m->bytes[m->used] = '\0';
    return (ssize_t)count;
}

FILE *memory_file_open(struct memory_file *m)
{
    *m = (struct memory_file){.bytes = NULL};
    return fopencookie(m, "w", (cookie_io_functions_t){.write = bytes_put});
}

bool memory_file_close(FILE *take_file, struct memory_file *m, char **take_bytes, size_t *count)
{
    *take_bytes = NULL;
    bool is_whole = fclose(take_file) == 0 && !m->has_failed && room_make(m, m->used + 1);
    if (!is_whole) {
        free(m->bytes);
        return false;
    }
    m->bytes[m->used] = '\0';
    *take_bytes = m->bytes;
    *count = m->used;
    return true;
}
