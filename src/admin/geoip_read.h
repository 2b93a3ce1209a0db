/* geoip_read.h - the files that hold places, each read into a geoip_table; private to geoip*.c.
 *
 *   geoip_csv.c    IP2LOCATION-LITE-DB5.CSV and its IPv6 form
 *   geoip_mmdb.c   MaxMind's MMDB, as MaxMind, DB-IP and IP2Location publish it
 *
 * Threads   a reading belongs to the thread that reads, but for what is atomic.
 * Memory    an MMDB is held as a whole while it is read, a CSV never; see geoip_table.h for what
 *           stays. */
#ifndef ADMIN_GEOIP_READ_H
#define ADMIN_GEOIP_READ_H

#include "admin/geoip_table.h"

#include <stdatomic.h>

#define GEOIP_ERROR_BYTES_MAX 128
#define GEOIP_TYPE_BYTES_MAX  64

struct geoip_reading {
    const char *path;
    _Atomic uint32_t progress_pct; /* written by who reads */
    _Atomic bool cancelled;        /* written by who waits: stop soon */
    /* when it is done */
    struct geoip_table *table;       /* NULL: it failed */
    char type[GEOIP_TYPE_BYTES_MAX]; /* "DBIP-City-Lite", "IP2LOCATION CSV" */
    uint64_t rows;                   /* lines, or networks */
    uint64_t built_unix_s;           /* when its maker made it; a CSV: when it was last written */
    uint64_t took_ms;
    char error[GEOIP_ERROR_BYTES_MAX];
};

/* Read the whole file: r->table, or r->error with the line where there are lines. */
void geoip_read_csv(struct geoip_reading *r);
void geoip_read_mmdb(struct geoip_reading *r);

/* Is it an MMDB, whatever its name? */
bool geoip_is_mmdb(const char *path);

/* Tell how far it is, from 0 to 1; logs each quarter. False: stop, it was cancelled. */
bool geoip_progress(struct geoip_reading *r, double done);

/* One line of the CSV, without its line end. */
struct geoip_csv_row {
    enum family family;
    geoip_ip6 first, last; /* of FAMILY_V4: 32 bits */
    bool is_known;         /* "-" stands for nobody's and private ranges */
    struct geoip_place place;
};

#define GEOIP_CSV_LINE_BYTES_MAX 4096

/* NULL, or what is wrong with it: a constant text. Pure. */
const char *geoip_csv_line(struct view line, struct geoip_csv_row *out);

#endif
