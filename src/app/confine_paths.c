/* confine_paths.c - see confine_paths.h.
 *
 * Folders     a file that is replaced by renaming another over it is a new inode, and rules name
 *             inodes: so the folder that holds the file is granted, of a symbolic link both folders.
 *             A folder of the root ("/etc") is granted for reading its files, which is said in the
 *             log, and never for writing; of the root itself only the file.
 * Writing     is granted where the user could write anyhow: `muster save` needs it. */
#include "app/confine_paths.h"

#include "admin/geoip.h"
#include "app/landlock.h"
#include "app/options_list.h"
#include "base/log.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what the options name ---- */

static void list_paths(const struct settings *s, const struct option_row *row, confine_path_fn *fn,
                       void *ctx)
{
    char path[OPTION_VALUE_BYTES_MAX];
    for (size_t i = 0; i < option_list_count(row->list, &s->config); i++) {
        option_list_print(row->list, &s->config, i, path, sizeof path);
        if (path[0]) fn(ctx, row, path);
    }
}

void confine_each_path(const struct settings *s, confine_path_fn *fn, void *ctx)
{
    char path[OPTION_VALUE_BYTES_MAX];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        if (row->path == PATH_NONE) continue;
        if (row->list) {
            list_paths(s, row, fn, ctx);
            continue;
        }
        option_print(&s->config, row, path);
        if (path[0] && strcmp(path, "off") != 0) fn(ctx, row, path);
    }
}

/* ---- grants ---- */

void confine_grant(struct confine_grants *g, const char *path, unsigned rights)
{
    for (uint32_t i = 0; i < g->count; i++)
        if (strcmp(g->all[i].path, path) == 0) {
            g->all[i].rights |= rights;
            return;
        }
    if (g->count == CONFINE_GRANTS_MAX || strlen(path) >= CONFIG_PATH_BYTES_MAX) {
        g->overflow = true;
        return;
    }
    struct confine_grant *new = &g->all[g->count++];
    *new = (struct confine_grant){.rights = rights};
    memcpy(new->path, path, strlen(path) + 1);
}

/* "/" is 0 deep, "/etc" 1. */
static unsigned depth(const char *path)
{
    unsigned n = 0;
    for (const char *p = path; *p; p++)
        n += p[0] == '/' && p[1];
    return n;
}

static void grant_folder(struct confine_grants *g, const char *folder, unsigned rights,
                         const char *file)
{
    bool writes = rights & LAND_WRITE && access(folder, W_OK) == 0;
    if (depth(folder) == 0) {
        confine_grant(g, file, LAND_READ);
        log_line(LOG_WARN,
                 "sandbox: %s may be read as it is now, not another in its place; put it into a "
                 "folder of its own",
                 file);
        return;
    }
    if (depth(folder) == 1) {
        log_line(LOG_INFO,
                 "sandbox: all of %s may be read because of %s; a folder of its own is tighter",
                 folder, file);
        writes = false;
    }
    confine_grant(g, folder, writes ? rights : rights & ~(unsigned)LAND_WRITE);
}

/* The folder of a path, links in it followed; false: there is none. */
static bool folder_of(const char *path, char out[PATH_MAX])
{
    char text[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof text) return false;
    memcpy(text, path, length);
    text[length] = '\0';
    return realpath(!slash ? "." : length ? text : "/", out) != NULL;
}

/* A file that is read, and may be replaced. */
static void grant_file(struct confine_grants *g, const char *path, unsigned rights)
{
    char folder[PATH_MAX], target[PATH_MAX];
    if (folder_of(path, folder)) grant_folder(g, folder, rights, path);
    if (realpath(path, target) && folder_of(target, folder))
        grant_folder(g, folder, rights, target);
}

/* A file that muster makes, and removes in the end: whatever else lies in its folder. */
static void grant_own(struct confine_grants *g, const char *path, unsigned rights)
{
    char folder[PATH_MAX];
    if (folder_of(path, folder)) confine_grant(g, folder, rights);
}

static void grant_option(void *ctx, const struct option_row *row, const char *path)
{
    struct confine_grants *g = ctx;
    struct stat st;
    bool is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    switch (row->path) {
    case PATH_NONE: break;
    case PATH_READ:
        if (is_folder) confine_grant(g, path, LAND_READ);
        else grant_file(g, path, LAND_READ);
        break;
    case PATH_SAVE: grant_file(g, path, LAND_READ | LAND_WRITE); break;
    case PATH_OWN: grant_own(g, path, LAND_READ | LAND_WRITE | LAND_SOCKET); break;
    case PATH_STATE: confine_grant(g, path, LAND_READ | LAND_WRITE); break;
    }
}

void confine_grants_of(const struct settings *s, const char *unix_path, struct confine_grants *out)
{
    char geoip[GEOIP_PATH_BYTES_MAX];
    confine_each_path(s, grant_option, out);
    if (unix_path[0]) grant_own(out, unix_path, LAND_READ | LAND_WRITE | LAND_SOCKET);
    if (s->config.map.geoip_file[0]) return;
    geoip_file_find("", geoip); /* one that etracker would have found */
    if (geoip[0]) grant_file(out, geoip, LAND_READ);
}
