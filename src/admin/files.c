/* files.c - see files.h.
 *
 * Walk       openat() with O_NOFOLLOW name by name: it works on every kernel and in every sandbox,
 *            and refuses links altogether, so there is no question where one leads. The path is
 *            decoded once, and then a name may begin with no dot and hold no slash and no NUL.
 * Caching    `no-cache` with an ETag: always fresh, and one small answer when nothing changed.
 * Rejected   openat2(RESOLVE_BENEATH): allows links inside the folder, but some containers forbid
 *            the call, and two ways to be safe are one too many. Reading files into memory at the
 *            start: an operator edits a page and wants to see it. */
#include "admin/files.h"

#include "base/log.h"
#include "base/metrics.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Own pages may style themselves inline and show pictures from elsewhere; scripts stay ours. */
#define OWN_POLICY                                                                                 \
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src * data:; base-uri 'none'; "     \
    "form-action 'self'; frame-ancestors 'none'"

#define ETAG_BYTES_MAX 40

/* ---- types ---- */

struct type_row {
    const char *suffix, *type;
};

static const struct type_row TYPES[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/plain; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"torrent", "application/x-bittorrent"},
};

static const char *type_of(struct view path)
{
    const uint8_t *dot = path.len ? memrchr(path.ptr, '.', path.len) : NULL;
    struct view suffix = {0};
    if (dot) suffix = view_from(path, (size_t)(dot - path.ptr) + 1);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (view_equal_nocase(suffix, view_of_text(TYPES[i].suffix))) return TYPES[i].type;
    return "application/octet-stream";
}

/* ---- what both kinds share ---- */

/* Is the client's copy this one? The tags compare weakly: a hash or a date in quotes. */
static bool is_fresh(const struct admin_request *r, const char *etag)
{
    struct view tags;
    char quoted[ETAG_BYTES_MAX + 3];
    if (!http1_header(r->head, "If-None-Match", &tags)) return false;
    if (view_equal(tags, VIEW("*"))) return true;
    size_t len = (size_t)snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    return tags.len && memmem(tags.ptr, tags.len, quoted, len);
}

/* Headers and status; true when a body is to follow. */
static bool head_fill(const struct admin_request *r, struct view path, const char *etag,
                      bool has_gzip, bool is_gzip, struct admin_response *out)
{
    snprintf(out->extra, sizeof out->extra, "ETag: W/\"%s\"\r\nCache-Control: no-cache\r\n%s%s",
             etag, has_gzip ? "Vary: Accept-Encoding\r\n" : "",
             is_gzip ? "Content-Encoding: gzip\r\n" : "");
    out->type = type_of(path);
    out->status = is_fresh(r, etag) ? 304 : 200;
    return out->status == 200;
}

/* ---- embedded ---- */

bool files_embedded(const struct admin_request *r, struct view path, struct admin_response *out)
{
    for (size_t i = 0; i < EMBEDDED_FILE_COUNT; i++) {
        const struct embedded_file *f = &EMBEDDED_FILES[i];
        if (!view_equal(path, view_of_text(f->path))) continue;
        bool has_gzip = f->gzip.len > 0, is_gzip = has_gzip && http1_accepts_gzip(r->head);
        if (head_fill(r, path, f->etag, has_gzip, is_gzip, out))
            out->constant_body = is_gzip ? f->gzip : f->body;
        return true;
    }
    return false;
}

/* ---- the operator's own ---- */

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode one character at *at; -1 for a bad escape. */
static int char_decode(struct view path, size_t *at)
{
    uint8_t c = path.ptr[(*at)++];
    if (c != '%') return c;
    if (path.len - *at < 2) return -1;
    int high = hex_value(path.ptr[*at]), low = hex_value(path.ptr[*at + 1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* One name, up to the next slash or the end, into `out`. False when it must not be looked for. */
static bool name_decode(struct view path, size_t *at, char out[NAME_MAX + 1])
{
    size_t len = 0;
    while (*at < path.len && path.ptr[*at] != '/') {
        int c = char_decode(path, at);
        if (c < ' ' || c == '/' || c == 0x7f || len == NAME_MAX) return false;
        out[len++] = (char)c;
    }
    out[len] = '\0';
    return len > 0 && out[0] != '.';
}

static int open_file(int folder_fd, const char *name)
{
    return openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Walk to the folder that holds the path's last name; its fd, or -1. `name` is empty when the path
 * ends with a slash. */
static int walk(int root_fd, struct view path, char name[NAME_MAX + 1])
{
    int folder = openat(root_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t at = 0;
    name[0] = '\0';
    while (folder >= 0 && at < path.len) {
        at++; /* the slash */
        if (at == path.len && !name[0]) return folder;
        if (name[0]) {
            int inner = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            close(folder);
            folder = inner;
            name[0] = '\0';
            if (folder < 0 || at == path.len) return folder;
        }
        if (name_decode(path, &at, name)) continue;
        close(folder);
        return -1;
    }
    return folder;
}

/* A regular file that may be sent; else its fd is closed and -1 is the answer. */
static int file_check(int fd, struct stat *st)
{
    if (fd < 0) return -1;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode)) {
        if (st->st_size <= (off_t)FILES_OWN_BYTES_MAX) return fd;
        metrics_inc(METRIC_ADMIN_FILES_LARGE);
        log_limited(LOG_WARN, "web_root: a file of %" PRIu64 " bytes is too large to serve",
                    (uint64_t)st->st_size);
    }
    close(fd);
    return -1;
}

static void own_send(const struct admin_request *r, const char *name, int fd, const struct stat *st,
                     bool has_gzip, bool is_gzip, struct admin_response *out)
{
    char etag[ETAG_BYTES_MAX];
    uint64_t changed_ns =
        (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
    snprintf(etag, sizeof etag, "%" PRIx64 "-%" PRIx64, changed_ns, (uint64_t)st->st_size);
    out->policy = OWN_POLICY;
    if (!head_fill(r, view_of_text(name), etag, has_gzip, is_gzip, out)) {
        close(fd);
        return;
    }
    out->take_file_fd = fd;
    out->body_bytes = (size_t)st->st_size;
}

/* Send NAME, or NAME.gz beside it to who takes gzip. */
static bool own_file(int folder, const char *name, const struct admin_request *r,
                     struct admin_response *out)
{
    struct stat st, gzip_st;
    char gzip_name[NAME_MAX + 4];
    int fd = file_check(open_file(folder, name), &st);
    if (fd < 0) return false;
    snprintf(gzip_name, sizeof gzip_name, "%s.gz", name);
    int gzip_fd = file_check(open_file(folder, gzip_name), &gzip_st);
    bool has_gzip = gzip_fd >= 0, is_gzip = has_gzip && http1_accepts_gzip(r->head);
    if (has_gzip) close(is_gzip ? fd : gzip_fd);
    own_send(r, name, is_gzip ? gzip_fd : fd, is_gzip ? &gzip_st : &st, has_gzip, is_gzip, out);
    return true;
}

/* A folder asked for without its slash: relative links of its page would lead astray. */
static bool redirect_folder(int folder, const char *name, struct view path,
                            struct admin_response *out)
{
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode)) return false;
    if (path.len > ADMIN_EXTRA_BYTES_MAX / 2) return false;
    admin_respond_status(out, 301);
    snprintf(out->extra, sizeof out->extra, "Location: %.*s/\r\n", (int)path.len,
             (const char *)path.ptr);
    return true;
}

int files_root_open(const char *path)
{
    return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool files_own(int root_fd, const struct admin_request *r, struct view path,
               struct admin_response *out)
{
    char name[NAME_MAX + 1];
    if (root_fd < 0 || path.len == 0 || path.len > FILES_PATH_BYTES_MAX) return false;
    int folder = walk(root_fd, path, name);
    if (folder < 0) return false;
    bool found = own_file(folder, name[0] ? name : "index.html", r, out) ||
                 (name[0] && redirect_folder(folder, name, path, out));
    close(folder);
    return found;
}
