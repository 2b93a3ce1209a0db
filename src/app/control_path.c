/* control_path.c - see control_path.h.
 *
 * Trust      who may write in the folder may put a socket or a token there before us. So the server
 *            uses a folder that is its own or root's and that nobody else may write in; in /tmp, where
 *            anybody may make one first, only its own, closed to others.
 * /run       the folder stays with the user who served before. Root, who needs no gift, takes it
 *            back; and a command believes only sockets of the folder's owner, of root and of its own
 *            user, so that what the one before left there speaks for nobody. */
#include "app/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN_FOLDER "/run/muster"

enum place { PLACE_RUN, PLACE_SESSION, PLACE_TMP, PLACE_COUNT };

/* The folder of a place; false when the place does not exist for us. */
static bool folder_of(enum place place, char out[CONTROL_PATH_BYTES_MAX])
{
    const char *session = getenv("XDG_RUNTIME_DIR");
    int n = -1;
    switch (place) {
    case PLACE_RUN: n = snprintf(out, CONTROL_PATH_BYTES_MAX, RUN_FOLDER); break;
    case PLACE_SESSION:
        if (session && session[0] == '/') n = snprintf(out, CONTROL_PATH_BYTES_MAX, "%s", session);
        break;
    default: n = snprintf(out, CONTROL_PATH_BYTES_MAX, "/tmp/muster-%u", (unsigned)geteuid());
    }
    return n > 0 && n < CONTROL_PATH_BYTES_MAX;
}

static bool socket_of(enum place place, uint16_t port, char out[CONTROL_PATH_BYTES_MAX])
{
    char folder[CONTROL_PATH_BYTES_MAX];
    const char *form = place == PLACE_SESSION ? "%s/muster-%u.sock" : "%s/%u.sock";
    if (!folder_of(place, folder)) return false;
    int n = snprintf(out, CONTROL_PATH_BYTES_MAX, form, folder, port);
    return n > 0 && n < CONTROL_PATH_BYTES_MAX;
}

/* A folder that strangers cannot write in. */
static bool folder_look(const char *folder, struct stat *st)
{
    return lstat(folder, st) == 0 && S_ISDIR(st->st_mode) && (st->st_mode & 022) == 0;
}

static bool is_ours(const struct stat *st)
{
    return st->st_uid == geteuid() || st->st_uid == 0;
}

static bool is_closed(const struct stat *st)
{
    return st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static bool folder_is_ready(enum place place)
{
    char folder[CONTROL_PATH_BYTES_MAX];
    struct stat st;
    if (!folder_of(place, folder)) return false;
    if (place == PLACE_TMP && mkdir(folder, 0700) != 0 && errno != EEXIST) return false;
    if (!folder_look(folder, &st)) return false;
    return place == PLACE_TMP ? is_closed(&st) : is_ours(&st) && access(folder, W_OK | X_OK) == 0;
}

/* From root to the user, or back; not from one user to another. */
static void folder_give(const char *folder, uid_t uid, gid_t gid)
{
    struct stat st;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    bool is_roots = fstat(fd, &st) == 0 && st.st_uid == 0;
    if (is_roots != (uid == 0) && fchown(fd, uid, gid) != 0) errno = 0; /* the next place will do */
    close(fd);
}

void control_path_prepare(const char *root, const char *user)
{
    char folder[CONTROL_PATH_BYTES_MAX], above[CONTROL_PATH_BYTES_MAX];
    int n = snprintf(folder, sizeof folder, "%s" RUN_FOLDER, root);
    if (geteuid() != 0 || n >= (int)sizeof folder) return;
    const struct passwd *p = user[0] ? getpwnam(user) : NULL;
    /* to be passed by the user, whatever the umask; of an empty root /run is missing, too */
    snprintf(above, sizeof above, "%s/run", root);
    if (root[0] && mkdir(above, 0755) == 0 && chmod(above, 0755) != 0) return;
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return;
    folder_give(folder, p ? p->pw_uid : 0, p ? p->pw_gid : 0);
}

enum err control_path_choose(uint16_t port, char out[CONTROL_PATH_BYTES_MAX])
{
    for (enum place place = 0; place < PLACE_COUNT; place++)
        if (folder_is_ready(place) && socket_of(place, port, out)) return ERR_OK;
    return ERR_OS;
}

static bool is_socket(const char *path, struct stat *st)
{
    return lstat(path, st) == 0 && S_ISSOCK(st->st_mode);
}

/* Not one that a stranger put where ours would be. */
static bool is_believed(const char *root, enum place place, const char *path)
{
    struct stat st, at;
    char folder[CONTROL_PATH_BYTES_MAX], inside[CONTROL_PATH_BYTES_MAX];
    if (!is_socket(path, &st)) return false;
    if (!folder_of(place, folder) || (root[0] && place == PLACE_TMP)) return false;
    int n = snprintf(inside, sizeof inside, "%s%s", root, folder);
    if (n >= (int)sizeof inside || !folder_look(inside, &at)) return false;
    switch (place) {
    case PLACE_RUN: return is_ours(&st) || st.st_uid == at.st_uid;
    case PLACE_SESSION: return is_ours(&at);
    default: return is_closed(&at);
    }
}

enum control_path_found control_path_find(const char *root, uint16_t port,
                                          char out[CONTROL_PATH_BYTES_MAX])
{
    char path[CONTROL_PATH_BYTES_MAX], at[CONTROL_PATH_BYTES_MAX];
    enum control_path_found found = CONTROL_PATH_NONE;
    struct stat st;
    for (enum place place = 0; place < PLACE_COUNT; place++) {
        if (!socket_of(place, port, path)) continue;
        int n = snprintf(at, sizeof at, "%s%s", root, path);
        if (n >= (int)sizeof at || !is_socket(at, &st)) continue;
        memcpy(out, at, sizeof at);
        if (is_believed(root, place, at)) return CONTROL_PATH_OURS;
        found = CONTROL_PATH_STRANGE;
    }
    return found;
}
