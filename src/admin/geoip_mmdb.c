/* geoip_mmdb.c - MMDB files: a binary tree of address bits whose leaves are records.
 *
 * Idea       the tree is walked once, in order of addresses, into the same table as the CSV; then the
 *            file is closed. libmaxminddb reads nodes and records; the walk is ours.
 * Why        a mapped file that somebody overwrites in place kills the process that reads it; a table
 *            of 0.1 degree is a fifth of the file; and there is one way to look up.
 * Copy       the walk itself is such a reader, so it walks a private copy in memory, which lives as
 *            long as the reading. libmaxminddb takes names only: the copy is opened through /proc.
 *            In a chroot without /proc the file itself is mapped.
 * Rejected   catching SIGBUS: it is the process's, and jumping out of a library leaks what it holds.
 * Records    MaxMind's form (country.iso_code, location.latitude) and the flat one of some makers
 *            (country_code, latitude).
 * Bounded    a broken file may lead in circles: no more nodes are visited than it says it has. */
#include "admin/geoip_read.h"

#include "base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_RECORDS 4096 /* neighbours share records */
#define NODES_REPORT  65536
#define IP4_BITS      32
#define IP6_BITS      128

struct cached {
    uint32_t offset; /* of the record, + 1; 0: nothing */
    struct geoip_place place;
};

struct walk {
    struct geoip_reading *r;
    MMDB_s *db;
    enum family family;
    uint64_t nodes;
    struct cached cache[CACHE_RECORDS];
};

/* ---- records ---- */

static bool value_at(MMDB_entry_s *entry, const char *const *path, MMDB_entry_data_s *out)
{
    return MMDB_aget_value(entry, out, path) == MMDB_SUCCESS && out->has_data;
}

static bool number_at(MMDB_entry_s *entry, const char *const *path, double max, double *out)
{
    MMDB_entry_data_s data;
    if (!value_at(entry, path, &data)) return false;
    if (data.type == MMDB_DATA_TYPE_DOUBLE) *out = data.double_value;
    else if (data.type == MMDB_DATA_TYPE_FLOAT) *out = (double)data.float_value;
    else return false;
    return *out >= -max && *out <= max;
}

static bool country_at(MMDB_entry_s *entry, const char *const *path, char out[3])
{
    MMDB_entry_data_s data;
    if (!value_at(entry, path, &data)) return false;
    if (data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size != 2) return false;
    for (int i = 0; i < 2; i++)
        if (data.utf8_string[i] < 'A' || data.utf8_string[i] > 'Z') return false;
    memcpy(out, data.utf8_string, 2);
    return true;
}

static void record_read(MMDB_entry_s *entry, struct geoip_place *out)
{
    static const char *const COUNTRIES[][3] = {{"country", "iso_code", NULL},
                                               {"country_code", NULL, NULL},
                                               {"registered_country", "iso_code", NULL}};
    static const char *const LATITUDES[][3] = {{"location", "latitude", NULL},
                                               {"latitude", NULL, NULL}};
    static const char *const LONGITUDES[][3] = {{"location", "longitude", NULL},
                                                {"longitude", NULL, NULL}};
    *out = (struct geoip_place){.has_position = false};
    for (size_t i = 0; i < sizeof COUNTRIES / sizeof *COUNTRIES; i++)
        if (country_at(entry, COUNTRIES[i], out->country)) break;
    for (size_t i = 0; i < sizeof LATITUDES / sizeof *LATITUDES && !out->has_position; i++)
        out->has_position = number_at(entry, LATITUDES[i], 90, &out->latitude) &&
                            number_at(entry, LONGITUDES[i], 180, &out->longitude);
}

static const struct geoip_place *record_cached(struct walk *w, MMDB_entry_s *entry)
{
    struct cached *c = &w->cache[(entry->offset * 2654435761u) % CACHE_RECORDS];
    if (c->offset != entry->offset + 1) {
        record_read(entry, &c->place);
        c->offset = entry->offset + 1;
    }
    return c->place.has_position || c->place.country[0] ? &c->place : NULL;
}

/* ---- the tree ---- */

static bool fail(struct walk *w, const char *wrong)
{
    snprintf(w->r->error, sizeof w->r->error, "%s", wrong);
    return false;
}

static bool add_leaf(struct walk *w, MMDB_entry_s *entry, geoip_ip6 first, geoip_ip6 last)
{
    const struct geoip_place *place = record_cached(w, entry);
    enum err err = w->family == FAMILY_V4
                       ? geoip_table_add4(w->r->table, (uint32_t)first, (uint32_t)last, place)
                       : geoip_table_add6(w->r->table, first, last, place);
    w->r->rows++;
    return err == ERR_OK || fail(w, err_text(err));
}

static bool walk_node(struct walk *w, uint64_t node, geoip_ip6 first, unsigned bits_left);

static bool walk_record(struct walk *w, uint64_t record, uint8_t type, MMDB_entry_s *entry,
                        geoip_ip6 first, unsigned bits_left)
{
    const geoip_ip6 one = 1;
    switch (type) {
    case MMDB_RECORD_TYPE_EMPTY: return true;
    case MMDB_RECORD_TYPE_DATA: return add_leaf(w, entry, first, first + ((one << bits_left) - 1));
    case MMDB_RECORD_TYPE_SEARCH_NODE:
        if (!bits_left) return fail(w, "the tree is deeper than an address is long");
        return walk_node(w, record, first, bits_left);
    default: return fail(w, "a node leads outside the file");
    }
}

/* The IPv4 tree hangs at ::/96 and, so that mapped and tunnelled addresses are found, at other
 * places of the IPv6 tree too: it is walked once, for itself. */
static bool is_ip4_inside(const struct walk *w, uint64_t node)
{
    return w->family == FAMILY_V6 && node == w->db->ipv4_start_node.node_value &&
           w->db->ipv4_start_node.netmask > 0;
}

static bool walk_node(struct walk *w, uint64_t node, geoip_ip6 first, unsigned bits_left)
{
    MMDB_search_node_s n;
    uint64_t total = w->db->metadata.node_count;
    if (is_ip4_inside(w, node)) return true;
    if (++w->nodes > 2 * total) return fail(w, "the tree leads in circles");
    if (w->nodes % NODES_REPORT == 0 && !geoip_progress(w->r, (double)w->nodes / (double)total))
        return false;
    if (MMDB_read_node(w->db, (uint32_t)node, &n) != MMDB_SUCCESS)
        return fail(w, "a node cannot be read");
    bits_left--;
    return walk_record(w, n.left_record, n.left_record_type, &n.left_record_entry, first,
                       bits_left) &&
           walk_record(w, n.right_record, n.right_record_type, &n.right_record_entry,
                       first | (geoip_ip6)1 << bits_left, bits_left);
}

static bool walk_family(struct walk *w, enum family family, uint64_t root, unsigned bits)
{
    w->family = family;
    return root >= w->db->metadata.node_count || walk_node(w, root, 0, bits);
}

static bool walk_all(struct walk *w)
{
    if (w->db->metadata.ip_version != 6) return walk_family(w, FAMILY_V4, 0, IP4_BITS);
    return walk_family(w, FAMILY_V4, w->db->ipv4_start_node.node_value, IP4_BITS) &&
           walk_family(w, FAMILY_V6, 0, IP6_BITS);
}

/* ---- the file ---- */

#define COPY_STEP_BYTES    (1u << 20)
#define METADATA_BYTES_MAX (128 * 1024)        /* with its mark: the format's limit */
#define COPY_BYTES_MAX     (UINT64_C(1) << 30) /* the largest that are published have half of it */

static bool copy_all(struct geoip_reading *r, int file_fd, int copy_fd)
{
    ssize_t n = 1;
    for (uint64_t bytes = 0; n > 0 && bytes <= COPY_BYTES_MAX; bytes += (uint64_t)n) {
        n = sendfile(copy_fd, file_fd, NULL, COPY_STEP_BYTES);
        if (n < 0) snprintf(r->error, sizeof r->error, "%s", strerror(errno));
        if (n < 0 || !geoip_progress(r, 0)) return false;
    }
    if (n > 0) snprintf(r->error, sizeof r->error, "it is larger than a database can be (1G)");
    return n == 0;
}

/* A copy of the file that nobody else can change; -1: r->error says why there is none. */
static int copy_open(struct geoip_reading *r)
{
    int file_fd = open(r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int copy_fd = file_fd >= 0 ? os_memory_file("locations") : -1;
    if (copy_fd < 0) snprintf(r->error, sizeof r->error, "%s", strerror(errno));
    if (copy_fd >= 0 && !copy_all(r, file_fd, copy_fd)) {
        close(copy_fd);
        copy_fd = -1;
    }
    if (file_fd >= 0) close(file_fd);
    return copy_fd;
}

/* By the mark that stands before the metadata, which are the last of the file. */
bool geoip_is_mmdb(const char *path)
{
    static const char MARK[] = "\xab\xcd\xef"
                               "MaxMind.com";
    bool is_mmdb = false;
    struct stat status;
    uint8_t *end = malloc(METADATA_BYTES_MAX);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (end && fd >= 0 && fstat(fd, &status) == 0) {
        off_t from = status.st_size > METADATA_BYTES_MAX ? status.st_size - METADATA_BYTES_MAX : 0;
        ssize_t got = pread(fd, end, METADATA_BYTES_MAX, from);
        is_mmdb = got > 0 && memmem(end, (size_t)got, MARK, sizeof MARK - 1);
    }
    if (fd >= 0) close(fd);
    free(end);
    return is_mmdb;
}

static int database_open(const char *path, int copy_fd, MMDB_s *out)
{
    char copy_path[32];
    snprintf(copy_path, sizeof copy_path, "/proc/self/fd/%d", copy_fd);
    if (access(copy_path, R_OK) == 0) path = copy_path;
    return MMDB_open(path, MMDB_MODE_MMAP, out);
}

static void read_tree(struct geoip_reading *r, MMDB_s *db)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w || geoip_table_new(&r->table) != ERR_OK) {
        snprintf(r->error, sizeof r->error, "%s", err_text(ERR_NO_MEMORY));
        free(w);
        return;
    }
    w->r = r;
    w->db = db;
    bool is_whole = walk_all(w);
    if (is_whole && !geoip_table_ranges(r->table))
        is_whole = fail(w, "it knows no country and no position of any address");
    if (is_whole) {
        geoip_table_finish(r->table);
    } else {
        geoip_table_free(r->table);
        r->table = NULL;
    }
    free(w);
}

static void read_copy(struct geoip_reading *r, int copy_fd)
{
    MMDB_s db;
    int status = database_open(r->path, copy_fd, &db);
    if (status != MMDB_SUCCESS) {
        snprintf(r->error, sizeof r->error, "%s", MMDB_strerror(status));
        return;
    }
    snprintf(r->type, sizeof r->type, "%.*s", (int)sizeof r->type - 1, db.metadata.database_type);
    r->built_unix_s = db.metadata.build_epoch;
    read_tree(r, &db);
    MMDB_close(&db);
}

void geoip_read_mmdb(struct geoip_reading *r)
{
    int copy_fd = copy_open(r);
    if (copy_fd < 0) return;
    read_copy(r, copy_fd);
    close(copy_fd);
}
