/* access_read.c - see access_read.h.
 *
 * Strict      half a list is worse than the one before: whatever cannot be read ends the reading of that
 *             list, and says where. So a download that broke off, a truncated .gz or a wrong file changes
 *             nothing of it; the others are read all the same.
 * Lines       end with LF, CR LF or, as old programs write them, CR alone.
 * gzip        zlib reads plain files through the same calls, so nobody has to say which it is. */
#include "app/access_read.h"

#include "base/log.h"
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
    uint64_t line;              /* 0: none yet */
    uint64_t hidden, hidden_at; /* comments that hide a range, and the line of the first */
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
    if (e.hides_range && !f->hidden++) f->hidden_at = f->line;
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

struct text_line {
    char text[LIST_LINE_BYTES_MAX];
    size_t bytes;
    bool after_cr; /* a line feed that comes now belongs to the line before */
    bool is_wrong; /* too long, or no text */
};

/* False at the end of the file. */
static bool line_next(struct text_line *l, gzFile file)
{
    l->bytes = 0;
    for (int c; (c = gzgetc(file)) >= 0;) {
        bool is_second = c == '\n' && l->after_cr;
        l->after_cr = c == '\r';
        if (is_second) continue;
        if (c == '\n' || c == '\r') return true;
        l->is_wrong = c == '\0' || l->bytes == sizeof l->text;
        if (l->is_wrong) return true;
        l->text[l->bytes++] = (char)c;
    }
    return l->bytes > 0;
}

/* A byte order mark may begin the first. */
static struct view line_view(const struct list_file *f, const struct text_line *l)
{
    struct view line = view_of(l->text, l->bytes);
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

static void tell_hidden(const struct list_file *f)
{
    if (f->hidden && f->r->swarm)
        log_line(LOG_WARN,
                 "lists: %s: %llu comments are ranges to programs that know no comments; they are "
                 "skipped, the first is line %llu",
                 f->path, (unsigned long long)f->hidden, (unsigned long long)f->hidden_at);
}

static bool read_lines(struct list_file *f, gzFile file)
{
    struct text_line l = {.bytes = 0};
    uint64_t total_bytes = 0;
    while (line_next(&l, file)) {
        f->line++;
        total_bytes += l.bytes + 1;
        if (l.is_wrong) return fail(f, "longer than 1024 bytes, or no text");
        if (total_bytes > ACCESS_FILE_BYTES_MAX) return fail(f, "the file is larger than 1 GiB");
        if (!take_line(f, line_view(f, &l))) return false;
        if (f->line % CANCEL_LINES == 0 && is_cancelled(f)) return false;
    }
    tell_hidden(f);
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

static bool read_list(struct access_reading *r, enum access_list list)
{
    for (uint32_t i = 0; i < r->opts.file_count[list]; i++) {
        struct list_file f = {.r = r, .list = list, .path = r->opts.files[list][i]};
        if (!read_file(&f)) return false;
    }
    return true;
}

static bool is_same_list(const struct access_opts *a, const struct access_opts *b,
                         enum access_list list)
{
    return a->file_count[list] == b->file_count[list] &&
           memcmp(a->files[list], b->files[list], sizeof a->files[list]) == 0;
}

/* A list that cannot be read stays as it is. False, with r->error as it was: it is not in force. */
static bool keep_list(struct access_reading *r, enum access_list list)
{
    if (!r->in_force || !is_same_list(&r->opts, &r->in_force_opts, list)) return false;
    if (atomic_load_explicit(&r->cancelled, memory_order_relaxed)) return false;
    access_rewind(r->access, list);
    if (access_copy(r->access, r->in_force, list) != ERR_OK) return false;
    memcpy(r->kept[list], r->error, sizeof r->error);
    r->error[0] = '\0';
    return true;
}

static bool read_lists(struct access_reading *r)
{
    bool is_new = memcmp(&r->opts, &r->in_force_opts, sizeof r->opts) != 0;
    for (enum access_list list = 0; list < ACCESS_LISTS; list++) {
        if (!r->opts.file_count[list]) continue;
        access_use(r->access, list);
        if (read_list(r, list)) is_new = true;
        else if (!keep_list(r, list)) return false;
    }
    r->is_stale = !is_new;
    return true;
}

static bool add_ports(struct access_reading *r)
{
    const struct access_opts *o = &r->opts;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < o->port_count[ACCESS_ALLOW_PORTS]; i++)
        access_allow_ports(r->access, o->ports[ACCESS_ALLOW_PORTS][i].first,
                           o->ports[ACCESS_ALLOW_PORTS][i].last);
    for (uint32_t i = 0; i < o->port_count[ACCESS_DENY_PORTS] && err == ERR_OK; i++) {
        const struct access_ports *p = &o->ports[ACCESS_DENY_PORTS][i];
        err = access_deny_ports(r->access, p->first, p->last, view_of_text(p->reason));
    }
    return err == ERR_OK;
}

bool access_opts_are_empty(const struct access_opts *o)
{
    uint32_t count = o->port_count[ACCESS_ALLOW_PORTS] + o->port_count[ACCESS_DENY_PORTS];
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
    if (is_fine && r->swarm && !r->is_stale)
        is_fine = add_ports(r) && access_finish(r->access, hash_of, r->swarm) == ERR_OK;
    seen_torrents_sort(&r->seen);
    if (!is_fine && !r->error[0])
        snprintf(r->error, sizeof r->error, "%s", err_text(ERR_NO_MEMORY));
    if (is_fine && r->swarm && !r->is_stale) return;
    access_free(r->access);
    r->access = NULL;
}

bool access_judge(const struct access_opts *o, char error[ACCESS_ERROR_BYTES_MAX])
{
    struct access_reading *r = calloc(1, sizeof *r);
    snprintf(error, ACCESS_ERROR_BYTES_MAX, "%s", r ? "" : err_text(ERR_NO_MEMORY));
    if (!r) return false;
    r->opts = *o;
    access_read(r);
    memcpy(error, r->error, ACCESS_ERROR_BYTES_MAX);
    access_reading_fini(r);
    free(r);
    return !error[0];
}

void access_reading_fini(struct access_reading *r)
{
    access_free(r->access);
    seen_torrents_free(&r->before);
    seen_torrents_free(&r->seen);
}
