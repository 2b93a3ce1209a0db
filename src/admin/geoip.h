/* geoip.h - where an address is: a database file, loaded beside the work, looked up at once.
 *
 * Threads   everything on one thread, the owner's. A file is read by a thread of its own, which hands
 *           over a finished table; until then, and when the file is broken, what was there stays.
 * Privacy   places are kept to 0.1 degree (geoip_table.h).
 * Errors    go to the log, with the file and the line. */
#ifndef ADMIN_GEOIP_H
#define ADMIN_GEOIP_H

#include "admin/geoip_read.h"
#include "net/loop.h"

#include <pthread.h>
#include <sys/stat.h>

#define GEOIP_PATH_BYTES_MAX 256

/* What a person needs to know who has no database; lines, for a terminal or a log. */
extern const char GEOIP_WHERE_FROM[];

/* The file to use: `wanted`, or where that is empty one that etracker would have found, in the
 * working directory or its parent. Empty: there is none. */
void geoip_file_find(const char *wanted, char out[GEOIP_PATH_BYTES_MAX]);

/* What is loaded. */
struct geoip_database {
    struct geoip_table *table; /* NULL: nothing */
    char path[GEOIP_PATH_BYTES_MAX];
    char type[GEOIP_TYPE_BYTES_MAX];
    uint64_t rows, built_unix_s, loaded_unix_s, took_ms;
    /* why the last file could not be loaded; empty: it could */
    char error[GEOIP_PATH_BYTES_MAX + 2 + GEOIP_ERROR_BYTES_MAX];
};

/* Load a file and wait for it; false: db->error. For commands. */
bool geoip_load(struct geoip_database *db, const char *path);
void geoip_unload(struct geoip_database *db);

struct geoip {
    struct geoip_database db;
    char wanted[GEOIP_PATH_BYTES_MAX]; /* the file that was chosen; empty: none */
    /* private */
    struct loop *loop; /* woken when a file is loaded */
    struct geoip_load *load;
    struct stat loaded_status; /* of the file that is loaded */
    bool wants_load;
};

void geoip_init(struct geoip *g, struct loop *loop);
void geoip_fini(struct geoip *g);

/* Use this file from now on, "" for none. A file that is loaded and unchanged is left alone. */
void geoip_choose(struct geoip *g, const char *path);

/* Take over what was loaded meanwhile; call about every 100 ms. */
void geoip_turn(struct geoip *g);

static inline bool geoip_is_loading(const struct geoip *g)
{
    return g->load != NULL;
}
uint32_t geoip_progress_pct(const struct geoip *g);

/* False when nothing is known about the address. */
static inline bool geoip_find(const struct geoip *g, const struct address *a,
                              struct geoip_place *out)
{
    return g->db.table && geoip_table_find(g->db.table, a, out);
}

#endif
