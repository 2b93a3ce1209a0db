/* access_read.c - see access_read.h.
 *
 * Strict      half a list is worse than the one before: whatever cannot be read ends the reading, and says
 *             where. So a download that broke off, a truncated .gz or a wrong file changes nothing.
 * gzip        zlib reads plain files through the same calls, so nobody has to say which it is. */
#include "app/access_read.h"

#include "proto/hash_list.h"
#include "proto/ip_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#define GZIP_BUFFER_BYTES (128u << 10)
#define CANCEL_LINES      4096 /* between two looks at whether it is still wanted */
#define LINE_ROOM         (LIST_LINE_BYTES_MAX + 3) /* with its end, and a terminator */

static const char *const LIST_NAMES[ACCESS_LISTS] = {
    [ACCESS_ALLOW_TORRENTS] = "allow_torrents", [ACCESS_DENY_TORRENTS] = "deny_torrents",
    [ACCESS_ALLOW_IPS] = "allow_ips",           [ACCESS_DENY_IPS] = "deny_ips",
    [ACCESS_ALLOW_CLIENTS] = "allow_clients",   [ACCESS_DENY_CLIENTS] = "deny_clients",
};

const char *access_list_name(enum access_list list)
{
    return LIST_NAMES[list];
}

/* One file of a list. */
struct list_file {
    struct access_reading *r;
    enum access_list list;
    const char *path;
    uint64_t line; /* 0: none yet */
};

static bool fail(struct list_file *f, const char *why)
{
    char *out = f->r->error;
    size_t room = sizeof f->r->error;
    if (f->line) snprintf(out, room, "%s:%llu: %s", f->path, (unsigned long long)f->line, why);
    else snprintf(out, room, "%s: %s", f->path, why);
    return false;
}

static bool is_cancelled(struct list_file *f)
{
    if (!atomic_load_explicit(&f->r->cancelled, memory_order_relaxed)) return false;
    fail(f, "cancelled");
    return true;
}

/* ---- entries ---- */

static bool added(struct list_file *f, enum err err)
{
    if (err == ERR_OK) return true;
    return fail(f, err == ERR_FULL ? "the list is too long" : err_text(err));
}

static bool take_hash(struct list_file *f, struct view line)
{
    struct hash_entry e;
    const char *why = hash_list_line(line, &e);
    if (why) return fail(f, why);
    if (!e.is_entry) return true;
    return added(f, access_add_torrent(f->r->access, f->list, &e.info_hash, e.reason));
}

static bool take_ips(struct list_file *f, struct view line)
{
    struct ip_entry e;
    const char *why = ip_list_line(line, &e);
    if (why) return fail(f, why);
    if (!e.is_entry) return true;
    return added(f, access_add_ips(f->r->access, f->list, &e.first, &e.last, e.reason));
}

static bool take_client(struct list_file *f, struct view line)
{
    struct client_entry e;
    const char *why = client_rule_line(line, &e);
    if (why) return fail(f, why);
    if (!e.is_entry) return true;
    return added(f, access_add_client(f->r->access, f->list, &e.rule, e.reason));
}

static bool take_line(struct list_file *f, struct view line)
{
    switch (f->list) {
    case ACCESS_ALLOW_TORRENTS:
    case ACCESS_DENY_TORRENTS: return take_hash(f, line);
    case ACCESS_ALLOW_IPS:
    case ACCESS_DENY_IPS: return take_ips(f, line);
    case ACCESS_ALLOW_CLIENTS:
    case ACCESS_DENY_CLIENTS: return take_client(f, line);
    case ACCESS_LISTS: break;
    }
    return false;
}

/* ---- files of lines ---- */

/* The line in `text` without its end; a byte order mark may begin the first. */
static struct view line_of(const struct list_file *f, const char *text, size_t bytes)
{
    struct view line = view_of(text, bytes - (bytes && text[bytes - 1] == '\n'));
    if (f->line == 1 && line.len >= 3 && memcmp(line.ptr, "\xef\xbb\xbf", 3) == 0)
        line = view_from(line, 3);
    return line;
}

static bool read_end(struct list_file *f, gzFile file)
{
    int code = Z_OK;
    const char *text = gzerror(file, &code);
    if (code == Z_ERRNO) return fail(f, strerror(errno));
    if (code == Z_BUF_ERROR) return fail(f, "the gzip file is cut off");
    return code == Z_OK || code == Z_STREAM_END ? true : fail(f, text);
}

static bool read_lines(struct list_file *f, gzFile file)
{
    char text[LINE_ROOM];
    uint64_t total_bytes = 0;
    while (gzgets(file, text, sizeof text)) {
        size_t bytes = strlen(text);
        bool is_whole = bytes && (text[bytes - 1] == '\n' || gzeof(file));
        f->line++;
        total_bytes += bytes;
        if (!is_whole) return fail(f, "longer than 1024 bytes, or no text");
        if (total_bytes > ACCESS_FILE_BYTES_MAX) return fail(f, "the file is larger than 1 GiB");
        if (!take_line(f, line_of(f, text, bytes))) return false;
        if (f->line % CANCEL_LINES == 0 && is_cancelled(f)) return false;
    }
    return read_end(f, file);
}

static bool read_text(struct list_file *f)
{
    gzFile file = gzopen(f->path, "rbe");
    if (!file) return fail(f, errno ? strerror(errno) : err_text(ERR_NO_MEMORY));
    gzbuffer(file, GZIP_BUFFER_BYTES);
    bool is_fine = read_lines(f, file);
    gzclose_r(file);
    return is_fine;
}

/* ---- .torrent files ---- */

/* A file that is gone by now was never there. */
static bool read_torrent(struct list_file *f, int folder_fd, const char *name)
{
    struct torrent_file torrent;
    struct access_reading *r = f->r;
    const char *why = torrent_file_load(folder_fd, name, &r->before, &r->seen, &torrent);
    if (why && errno == ENOENT && folder_fd != AT_FDCWD) return true;
    if (why) {
        char text[ACCESS_ERROR_BYTES_MAX - CONFIG_PATH_BYTES_MAX];
        bool is_alone = folder_fd == AT_FDCWD;
        snprintf(text, sizeof text, "%s%s%s", is_alone ? "" : name, is_alone ? "" : ": ", why);
        return fail(f, text);
    }
    for (unsigned i = 0; i < torrent.count; i++) {
        enum err err =
            access_add_torrent(r->access, f->list, &torrent.info_hashes[i], (struct view){0});
        if (!added(f, err)) return false;
    }
    return true;
}

static bool read_folder(struct list_file *f)
{
    DIR *folder = opendir(f->path);
    if (!folder) return fail(f, strerror(errno));
    bool is_fine = true;
    for (struct dirent *e; is_fine && (errno = 0, e = readdir(folder));)
        if (torrent_file_is_named(e->d_name))
            is_fine = !is_cancelled(f) && read_torrent(f, dirfd(folder), e->d_name);
    if (is_fine && errno) is_fine = fail(f, strerror(errno));
    closedir(folder);
    return is_fine;
}

/* ---- all ---- */

static bool read_file(struct list_file *f)
{
    struct stat status;
    bool is_torrents = f->list == ACCESS_ALLOW_TORRENTS || f->list == ACCESS_DENY_TORRENTS;
    if (stat(f->path, &status) != 0) return fail(f, strerror(errno));
    if (S_ISDIR(status.st_mode) && is_torrents) return read_folder(f);
    if (!S_ISREG(status.st_mode)) return fail(f, "it is no regular file");
    if (is_torrents && torrent_file_is_named(f->path)) return read_torrent(f, AT_FDCWD, f->path);
    return read_text(f);
}

static bool read_lists(struct access_reading *r)
{
    const struct access_opts *o = &r->opts;
    for (enum access_list list = 0; list < ACCESS_LISTS; list++) {
        if (o->file_count[list]) access_use(r->access, list);
        for (uint32_t i = 0; i < o->file_count[list]; i++) {
            struct list_file f = {.r = r, .list = list, .path = o->files[list][i]};
            if (!read_file(&f)) return false;
        }
    }
    for (uint32_t i = 0; i < o->port_count; i++)
        access_deny_ports(r->access, o->ports[i].first, o->ports[i].last);
    return true;
}

bool access_opts_are_empty(const struct access_opts *o)
{
    uint32_t count = o->port_count;
    for (int list = 0; list < ACCESS_LISTS; list++)
        count += o->file_count[list];
    return count == 0;
}

static uint64_t hash_of(const void *ctx, const struct info_hash *h)
{
    return swarm_hash(ctx, h);
}

void access_read(struct access_reading *r)
{
    if (access_opts_are_empty(&r->opts)) return;
    bool is_fine = access_new(&r->access) == ERR_OK;
    if (is_fine) is_fine = read_lists(r);
    if (is_fine) is_fine = access_finish(r->access, hash_of, r->swarm) == ERR_OK;
    seen_torrents_sort(&r->seen);
    if (is_fine) return;
    if (!r->error[0]) snprintf(r->error, sizeof r->error, "%s", err_text(ERR_NO_MEMORY));
    access_free(r->access);
    r->access = NULL;
}

void access_reading_fini(struct access_reading *r)
{
    access_free(r->access);
    seen_torrents_free(&r->before);
    seen_torrents_free(&r->seen);
}
