/* geoip_csv.c - IP2LOCATION-LITE-DB5.CSV, the file that etracker used, and its IPv6 form.
 *
 *   "16777216","16777471","US","United States of America","California","San Jose","37.3","-121.9"
 *    first      last      code  country                    region       city       latitude longitude
 *
 * Addresses are decimal numbers: of 32 bits, or of 128 in the IPv6 form, which holds IPv4 ranges as
 * ::ffff:0:0/96. Larger editions have more columns behind these; they are not looked at. Fields may
 * be quoted, with commas inside; a doubled quote is a quote. Numbers are read without the locale.
 *
 * A file is wanted whole and right: ranges in order, every line readable. Anything else is reported
 * by its line, because a half-read file would put people in places where they are not. */
#include "admin/geoip_read.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 262144u

enum column {
    COLUMN_FIRST,
    COLUMN_LAST,
    COLUMN_CODE,
    COLUMN_COUNTRY,
    COLUMN_REGION,
    COLUMN_CITY,
    COLUMN_LATITUDE,
    COLUMN_LONGITUDE,
    COLUMN_COUNT
};

/* ---- a line ---- */

/* The next field of `line`, which becomes what follows its comma, or NULL behind the last one. A
 * quoted field is returned without its quotes and with doubled ones left doubled: no column that is
 * read may hold any. False: a quote stands where none may. */
static bool field_next(struct view *line, struct view *field)
{
    const uint8_t *at = line->ptr, *end = at + line->len;
    if (at < end && *at == '"') {
        const uint8_t *from = ++at;
        while (at < end && (*at != '"' || (at + 1 < end && at[1] == '"')))
            at += *at == '"' ? 2 : 1;
        if (at >= end) return false;
        *field = view_of(from, (size_t)(at - from));
        at++;
        if (at < end && *at != ',') return false;
    } else {
        const uint8_t *from = at;
        while (at < end && *at != ',' && *at != '"')
            at++;
        if (at < end && *at == '"') return false;
        *field = view_of(from, (size_t)(at - from));
    }
    *line = at < end ? view_of(at + 1, (size_t)(end - at - 1)) : view_of(NULL, 0);
    return true;
}

static bool number_parse(struct view digits, geoip_ip6 *out)
{
    const geoip_ip6 max = ~(geoip_ip6)0;
    geoip_ip6 n = 0;
    if (!digits.len) return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = digits.ptr[i] - (unsigned)'0';
        if (digit > 9 || n > (max - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

static bool degrees_parse(struct view text, double max, double *out)
{
    bool is_negative = text.len && text.ptr[0] == '-';
    if (is_negative) text = view_from(text, 1);
    if (text_fraction(text, out) != ERR_OK || *out > max) return false;
    if (is_negative) *out = -*out;
    return true;
}

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

static const char *place_parse(const struct view *fields, struct geoip_csv_row *out)
{
    struct view code = fields[COLUMN_CODE];
    out->place = (struct geoip_place){.has_position = true};
    out->is_known = !view_equal(code, VIEW("-")) && code.len;
    if (out->is_known) {
        if (code.len != 2 || !is_upper(code.ptr[0]) || !is_upper(code.ptr[1]))
            return "column 3 is no country code";
        memcpy(out->place.country, code.ptr, 2);
    }
    if (!degrees_parse(fields[COLUMN_LATITUDE], 90, &out->place.latitude))
        return "column 7 is no latitude";
    if (!degrees_parse(fields[COLUMN_LONGITUDE], 180, &out->place.longitude))
        return "column 8 is no longitude";
    return NULL;
}

/* What family is the range of? */
static const char *family_find(struct geoip_csv_row *row)
{
    const geoip_ip6 ip4_max = 0xffffffffu, mapped = (geoip_ip6)0xffff << 32;
    if (row->first > row->last) return "the range ends before it begins";
    row->family = FAMILY_V6;
    if (row->last <= ip4_max) row->family = FAMILY_V4;
    if (row->first >= mapped && row->last <= mapped + ip4_max) {
        row->family = FAMILY_V4;
        row->first -= mapped;
        row->last -= mapped;
    }
    return NULL;
}

const char *geoip_csv_line(struct view line, struct geoip_csv_row *out)
{
    struct view fields[COLUMN_COUNT];
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (!line.ptr) return "fewer than 8 columns (a DB5 file has them)";
        if (!field_next(&line, &fields[i])) return "a quote where none may be";
    }
    if (!number_parse(fields[COLUMN_FIRST], &out->first)) return "column 1 is no address";
    if (!number_parse(fields[COLUMN_LAST], &out->last)) return "column 2 is no address";
    const char *wrong = place_parse(fields, out);
    return wrong ? wrong : family_find(out);
}

/* ---- the file ---- */

struct csv {
    struct geoip_reading *r;
    int fd;
    uint64_t bytes_read, bytes_total, line;
    size_t used; /* of `buffer` */
    uint8_t buffer[BUFFER_BYTES];
};

static bool fail(struct csv *c, const char *wrong)
{
    snprintf(c->r->error, sizeof c->r->error, "line %llu: %s", (unsigned long long)c->line, wrong);
    return false;
}

static bool add_row(struct csv *c, const struct geoip_csv_row *row)
{
    const struct geoip_place *place = row->is_known ? &row->place : NULL;
    enum err err =
        row->family == FAMILY_V4
            ? geoip_table_add4(c->r->table, (uint32_t)row->first, (uint32_t)row->last, place)
            : geoip_table_add6(c->r->table, row->first, row->last, place);
    if (err == ERR_OK) return true;
    return fail(c,
                err == ERR_BAD_VALUE ? "the range does not follow the one before" : err_text(err));
}

static bool take_line(struct csv *c, struct view line)
{
    struct geoip_csv_row row;
    c->line++;
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    if (!line.len) return true;
    const char *wrong = geoip_csv_line(line, &row);
    if (wrong) return fail(c, wrong);
    c->r->rows++;
    return add_row(c, &row);
}

/* Take the whole lines of the buffer, and at the end of the file what is left; keep the rest. */
static bool take_lines(struct csv *c, bool is_end)
{
    struct view rest = view_of(c->buffer, c->used);
    while (rest.len) {
        const uint8_t *end = memchr(rest.ptr, '\n', rest.len);
        if (!end && !is_end) break;
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        if (len > GEOIP_CSV_LINE_BYTES_MAX) break;
        if (!take_line(c, view_of(rest.ptr, len))) return false;
        rest = view_from(rest, end ? len + 1 : len);
    }
    memmove(c->buffer, rest.ptr, rest.len);
    c->used = rest.len;
    if (rest.len <= GEOIP_CSV_LINE_BYTES_MAX) return true;
    c->line++;
    return fail(c, "longer than a line may be");
}

static bool read_all(struct csv *c)
{
    for (;;) {
        ssize_t got = read(c->fd, c->buffer + c->used, sizeof c->buffer - c->used);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(c, strerror(errno));
        c->used += (size_t)got;
        c->bytes_read += (uint64_t)got;
        if (got == 0 && c->bytes_read < c->bytes_total)
            return fail(c, "the file became shorter while it was read");
        if (!take_lines(c, got == 0)) return false;
        if (got == 0) return c->r->rows ? true : fail(c, "the file is empty");
        double total = (double)(c->bytes_total ? c->bytes_total : 1);
        if (!geoip_progress(c->r, (double)c->bytes_read / total)) return false;
    }
}

static bool read_open(struct csv *c)
{
    struct stat status;
    c->fd = open(c->r->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (c->fd < 0 || fstat(c->fd, &status) != 0) {
        snprintf(c->r->error, sizeof c->r->error, "%s", strerror(errno));
        return false;
    }
    c->bytes_total = (uint64_t)status.st_size;
    c->r->built_unix_s = (uint64_t)status.st_mtime;
    snprintf(c->r->type, sizeof c->r->type, "IP2LOCATION CSV");
    return true;
}

void geoip_read_csv(struct geoip_reading *r)
{
    struct csv *c = malloc(sizeof *c);
    if (!c || geoip_table_new(&r->table) != ERR_OK) {
        snprintf(r->error, sizeof r->error, "%s", err_text(ERR_NO_MEMORY));
        free(c);
        return;
    }
    *c = (struct csv){.r = r, .fd = -1};
    if (read_open(c) && read_all(c)) {
        geoip_table_finish(r->table);
    } else {
        geoip_table_free(r->table);
        r->table = NULL;
    }
    if (c->fd >= 0) close(c->fd);
    free(c);
}
