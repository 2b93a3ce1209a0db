/* access_watch.h - tells that a file or folder of an access list has changed.
 *
 * A file is looked for in its folder by name, so that renaming a new one over it counts, and is
 * watched itself, so that writing to what a symbolic link leads to counts, too. Where links lead on the
 * way to it is looked at once a second.
 *
 * Threads   main thread. Network file systems tell nothing: there a reload must be asked for. */
#ifndef APP_ACCESS_WATCH_H
#define APP_ACCESS_WATCH_H

#include "app/config.h"
#include "net/loop.h"

#define ACCESS_WATCHES_MAX (2 * ACCESS_LISTS * ACCESS_FILES_MAX)

struct access_watched {
    int id;                           /* of inotify */
    char name[CONFIG_PATH_BYTES_MAX]; /* in that folder; empty: anything that matters counts */
};

/* A path that is not the file's own: it begins nowhere, or leads over links. */
struct access_linked {
    char path[CONFIG_PATH_BYTES_MAX];
    uint64_t leads_to; /* a hash of the file's own path; 0: there was none */
};

struct access_watch {
    struct loop_source source; /* first; fd -1: nothing is watched */
    struct loop *loop;
    struct access_watched all[ACCESS_WATCHES_MAX];
    uint32_t count;
    struct access_linked links[ACCESS_LISTS * ACCESS_FILES_MAX];
    uint32_t link_count;
    uint64_t links_due_ms;
    bool changed; /* until the owner clears it */
};

void access_watch_init(struct access_watch *w, struct loop *loop);
void access_watch_fini(struct access_watch *w);

/* Watch what these options name, and nothing else. Call before it is read. */
void access_watch_set(struct access_watch *w, const struct access_opts *o);

/* Look where the links lead; call now and then. */
void access_watch_turn(struct access_watch *w, uint64_t now_ms);

#endif
