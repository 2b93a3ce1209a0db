/* access_watch.c - see access_watch.h.
 *
 * Links      inotify tells nothing of a link on the way that leads elsewhere from now on, as release folders
 *            and containers' volumes are switched. So where paths lead is asked, of those alone that
 *            are not the file's own.
 * Rejected   looking at times and sizes now and then: a folder of torrents would be read again and
 *            again, a change would wait, and a file that is being written would be read. */
#include "app/access_watch.h"

#include "app/access_folder.h"
#include "base/hash.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define EVENT_BYTES 4096
#define READS_MAX   16 /* then other sources have their turn */
#define NEW_CONTENT (IN_CLOSE_WRITE | IN_MOVED_TO)
#define FOLDER_MASK (NEW_CONTENT | IN_DELETE | IN_MOVED_FROM)
#define ANY_NAME    ""
#define LINKS_MS    1000

/* ---- what is told ---- */

static bool matters(const struct access_watched *at, const struct inotify_event *e)
{
    const char *name = e->len ? e->name : "";
    if (at->id != e->wd) return false;
    if (at->name[0]) return (e->mask & NEW_CONTENT) && strcmp(at->name, name) == 0;
    return !name[0] || torrent_file_is_named(name);
}

static void note_event(struct access_watch *w, const struct inotify_event *e)
{
    if (e->mask & IN_Q_OVERFLOW) w->changed = true;
    if (e->mask & IN_IGNORED) return; /* the watch has ended: another event told why */
    for (uint32_t i = 0; i < w->count && !w->changed; i++)
        w->changed = matters(&w->all[i], e);
}

static void watch_ready(struct loop_source *source, uint32_t events)
{
    struct access_watch *w = (struct access_watch *)source;
    _Alignas(struct inotify_event) char bytes[EVENT_BYTES];
    (void)events;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = read(w->source.fd, bytes, sizeof bytes);
        if (got <= 0) return;
        for (ssize_t at = 0; at < got;) {
            const struct inotify_event *e = (const struct inotify_event *)(bytes + at);
            note_event(w, e);
            at += (ssize_t)(sizeof *e + e->len);
        }
    }
}

_Static_assert(offsetof(struct access_watch, source) == 0, "watch_ready() casts back");

/* ---- what is watched ---- */

static void watch_add(struct access_watch *w, const char *path, const char *name, uint32_t mask)
{
    assert(w->count < ACCESS_WATCHES_MAX);
    int id = inotify_add_watch(w->source.fd, path, mask | IN_MASK_ADD);
    if (id < 0) {
        if (errno != ENOENT)
            log_line(LOG_WARN, "lists: %s: cannot be watched (%s): changes need a reload", path,
                     strerror(errno));
        return;
    }
    struct access_watched *at = &w->all[w->count++];
    at->id = id;
    snprintf(at->name, sizeof at->name, "%s", name);
}

/* By name in its folder, and itself. */
static void watch_path(struct access_watch *w, const char *path)
{
    char folder[CONFIG_PATH_BYTES_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash) snprintf(folder, sizeof folder, "%.*s", (int)(slash - path) + (slash == path), path);
    watch_add(w, path, ANY_NAME, FOLDER_MASK);
    watch_add(w, folder, slash ? slash + 1 : path, NEW_CONTENT);
}

static bool watch_open(struct access_watch *w)
{
    w->source =
        (struct loop_source){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = watch_ready};
    bool is_open = w->source.fd >= 0 && loop_add(w->loop, &w->source, EPOLLIN) == ERR_OK;
    if (is_open) return true;
    log_line(LOG_WARN, "lists: cannot be watched (%s): changes need a reload", strerror(errno));
    if (w->source.fd >= 0) close(w->source.fd);
    w->source.fd = -1;
    return false;
}

void access_watch_init(struct access_watch *w, struct loop *loop)
{
    *w = (struct access_watch){.source = {.fd = -1}, .loop = loop};
}

void access_watch_fini(struct access_watch *w)
{
    if (w->source.fd >= 0) {
        loop_remove(w->loop, &w->source);
        close(w->source.fd);
    }
    w->source.fd = -1;
    w->count = w->link_count = 0;
    w->changed = false;
}

/* ---- links ---- */

static uint64_t hash_of(const char *text)
{
    static const struct hash_key KEY = {{0}};
    return hash64(&KEY, text, strlen(text)) | 1;
}

static void link_add(struct access_watch *w, const char *path)
{
    char own[PATH_MAX];
    bool exists = realpath(path, own) != NULL;
    if (exists && strcmp(own, path) == 0) return;
    struct access_linked *at = &w->links[w->link_count++];
    snprintf(at->path, sizeof at->path, "%s", path);
    at->leads_to = exists ? hash_of(own) : 0;
}

void access_watch_turn(struct access_watch *w, uint64_t now_ms)
{
    char own[PATH_MAX];
    if (now_ms < w->links_due_ms) return;
    w->links_due_ms = now_ms + LINKS_MS;
    for (uint32_t i = 0; i < w->link_count; i++) {
        struct access_linked *at = &w->links[i];
        if (!realpath(at->path, own)) continue; /* on its way */
        uint64_t leads_to = hash_of(own);
        w->changed |= leads_to != at->leads_to;
        at->leads_to = leads_to;
    }
}

void access_watch_set(struct access_watch *w, const struct access_opts *o)
{
    uint32_t files = 0;
    access_watch_fini(w);
    for (int list = 0; list < ACCESS_LISTS; list++)
        files += o->file_count[list];
    if (files == 0 || !watch_open(w)) return;
    for (int list = 0; list < ACCESS_LISTS; list++)
        for (uint32_t i = 0; i < o->file_count[list]; i++)
            watch_path(w, o->files[list][i]);
    for (int list = 0; list < ACCESS_LISTS; list++)
        for (uint32_t i = 0; i < o->file_count[list]; i++)
            link_add(w, o->files[list][i]);
}
