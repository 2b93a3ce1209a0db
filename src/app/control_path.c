/* control_path.c - see control_path.h.
 *
 * /tmp       anybody may make a folder there first. So ours must be a folder, not a link, owned by
 *            us and closed to others, or it is not used. */
#include "app/control_path.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A folder of ours that nobody else can write to. */
static bool is_ours(const char *folder)
{
    struct stat st;
    return lstat(folder, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0;
}

static bool folder_is_ready(enum place place)
{
    char folder[CONTROL_PATH_BYTES_MAX];
    if (!folder_of(place, folder)) return false;
    if (place == PLACE_TMP) {
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) return false;
        return is_ours(folder);
    }
    return access(folder, W_OK | X_OK) == 0;
}

/* Root is asked to own nothing that a stranger may have put there. */
static void folder_give(const char *folder, uid_t uid, gid_t gid)
{
    struct stat st;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    if (fstat(fd, &st) == 0 && st.st_uid == 0 && uid != 0 && fchown(fd, uid, gid) != 0)
        errno = 0; /* the next place will do */
    close(fd);
}

void control_path_prepare(const char *root, const char *user)
{
    char folder[CONTROL_PATH_BYTES_MAX];
    int n = snprintf(folder, sizeof folder, "%s" RUN_FOLDER, root);
    if (geteuid() != 0 || n >= (int)sizeof folder) return;
    const struct passwd *p = user[0] ? getpwnam(user) : NULL;
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) return;
    folder_give(folder, p ? p->pw_uid : 0, p ? p->pw_gid : 0);
}

enum err control_path_choose(uint16_t port, char out[CONTROL_PATH_BYTES_MAX])
{
    for (enum place place = 0; place < PLACE_COUNT; place++)
        if (folder_is_ready(place) && socket_of(place, port, out)) return ERR_OK;
    return ERR_OS;
}

/* Not one that a stranger put where ours would be. */
static bool is_found(const char *root, enum place place, const char *path)
{
    struct stat st;
    char folder[CONTROL_PATH_BYTES_MAX];
    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode)) return false;
    return place != PLACE_TMP || (!root[0] && folder_of(place, folder) && is_ours(folder));
}

bool control_path_find(const char *root, uint16_t port, char out[CONTROL_PATH_BYTES_MAX])
{
    char path[CONTROL_PATH_BYTES_MAX];
    for (enum place place = 0; place < PLACE_COUNT; place++) {
        if (!socket_of(place, port, path)) continue;
        int n = snprintf(out, CONTROL_PATH_BYTES_MAX, "%s%s", root, path);
        if (n < CONTROL_PATH_BYTES_MAX && is_found(root, place, out)) return true;
    }
    return false;
}
