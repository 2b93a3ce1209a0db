/* confine_paths.h - the files and folders that the options name, and what serving does with them. */
#ifndef APP_CONFINE_PATHS_H
#define APP_CONFINE_PATHS_H

#include "app/options.h"

typedef void confine_path_fn(void *ctx, const struct option_row *row, const char *path);

/* Every path that the settings name, those of lists one by one; empty ones and "off" are left out. */
void confine_each_path(const struct settings *s, confine_path_fn *fn, void *ctx);

#define CONFINE_GRANTS_MAX 64

struct confine_grant {
    char path[CONFIG_PATH_BYTES_MAX];
    unsigned rights; /* of enum landlock_right */
};

struct confine_grants {
    struct confine_grant all[CONFINE_GRANTS_MAX];
    uint32_t count;
    bool overflow; /* there was no room for more */
};

/* Add what must stay in reach for the settings to work on. */
void confine_grants_of(const struct settings *s, const char *unix_path, struct confine_grants *out);

/* Add one; rights of a path that is there already are joined. */
void confine_grant(struct confine_grants *g, const char *path, unsigned rights);

#endif
