/* state_keys.c - see state_keys.h.
 *
 *   0        8         10    12        28       76     80
 *   | magic  | version | 0 0 | udp_id  | store  | crc  |
 *
 * In a file of their own, so that they are kept from the first start on, whatever becomes of saves,
 * and a snapshot can be given away without them. Deleting it makes new ones: then ids given out
 * before end, and a peer is taken for a new client when it announces again. */
#include "app/state_keys.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>

#define KEYS_BYTES   80
#define KEYS_VERSION 1
#define TEMPORARY    ".tmp"

static const uint8_t MAGIC[8] = {'m', 'u', 's', 't', 'e', 'r', 'K', '\n'};

_Static_assert(sizeof(struct state_keys) == KEYS_BYTES - 16, "both keys, and nothing between");

static uint32_t checksum(const uint8_t *bytes)
{
    return (uint32_t)crc32(0, bytes, KEYS_BYTES - 4);
}

static bool keys_decode(const uint8_t *bytes, struct state_keys *out)
{
    struct cursor c = cursor_of(bytes, KEYS_BYTES);
    if (memcmp(cursor_take(&c, sizeof MAGIC), MAGIC, sizeof MAGIC) != 0) return false;
    if (cursor_u16be(&c) != KEYS_VERSION) return false;
    (void)cursor_u16be(&c);
    cursor_copy(&c, out, sizeof *out);
    return cursor_u32be(&c) == checksum(bytes);
}

static void keys_encode(const struct state_keys *keys, uint8_t *bytes)
{
    struct writer w = writer_of(bytes, KEYS_BYTES);
    writer_put(&w, MAGIC, sizeof MAGIC);
    writer_u16be(&w, KEYS_VERSION);
    writer_u16be(&w, 0);
    writer_put(&w, keys, sizeof *keys);
    writer_u32be(&w, checksum(bytes));
}

int state_temporary_open(int folder_fd, const char *name)
{
    if (unlinkat(folder_fd, name, 0) != 0 && errno != ENOENT) return -1;
    return openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

enum err state_replace(int folder_fd, const char *name, struct view bytes)
{
    char temporary[64];
    snprintf(temporary, sizeof temporary, "%s" TEMPORARY, name);
    int fd = state_temporary_open(folder_fd, temporary);
    if (fd < 0) return ERR_OS;
    bool stored = snapshot_write(fd, bytes) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (stored && renameat(folder_fd, temporary, folder_fd, name) == 0)
        return fsync(folder_fd) == 0 ? ERR_OK : ERR_OS;
    if (stored) why = errno;
    unlinkat(folder_fd, temporary, 0);
    errno = why;
    return ERR_OS;
}

enum err state_keys_open(int folder_fd, struct state_keys *out)
{
    uint8_t bytes[KEYS_BYTES];
    int fd = openat(folder_fd, STATE_KEYS, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, bytes, sizeof bytes) : 0;
    int why = errno;
    if (fd >= 0) close(fd);
    if (n < 0 || (fd < 0 && why != ENOENT)) { /* they are there: do not overwrite them */
        errno = why;
        return ERR_OS;
    }
    bool is_good = n == KEYS_BYTES && keys_decode(bytes, out);
    enum err err = ERR_OK;
    if (!is_good) {
        if (fd >= 0) log_line(LOG_WARN, "state: %s cannot be read: new keys are made", STATE_KEYS);
        randombytes_buf(out, sizeof *out);
        keys_encode(out, bytes);
        err = state_replace(folder_fd, STATE_KEYS, view_of(bytes, sizeof bytes));
    }
    sodium_memzero(bytes, sizeof bytes);
    return err;
}
