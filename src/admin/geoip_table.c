/* geoip_table.c - see geoip_table.h.
 *
 * A range is kept as its first address and its place; it ends where the next one begins. A gap is a
 * range whose place is PLACE_NONE. A place is
 *
 *      31      23 22       12 11          0
 *      | country |  latitude |  longitude |     tenths of a degree, counted from -90 and -180
 *
 * Countries are numbered as they appear. Latitude 2047 means that there is no position.
 *
 * Rejected   the file itself in memory (MMDB: 60 to 120 MB, and a crash when somebody overwrites it
 *            while it is mapped); 64-bit floats by range, as etracker (16 bytes an entry). */
#include "admin/geoip_table.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#define COUNTRIES_MAX   511 /* ISO has 249; 0 stands for none */
#define LATITUDE_NONE   2047u
#define TENTHS          10.0
#define GROW_RANGES_MIN 4096u
#define PLACE_NONE      (LATITUDE_NONE << 12)
#define LATITUDE_OF(p)  (((p) >> 12) & 2047u)
#define COUNTRY_OF(p)   ((p) >> 23)

/* Ranges of one family. */
struct ranges {
    void *first;     /* uint32_t or uint64_t each */
    uint32_t *place; /* packed */
    uint32_t count, room;
    uint32_t known;     /* of them with a place */
    uint64_t last;      /* address of the last range added */
    uint8_t step_bytes; /* of a `first` */
};

struct geoip_table {
    struct ranges v4, v6;
    uint32_t country_count;
    bool has_positions;
    char countries[COUNTRIES_MAX + 1][2];
};

enum err geoip_table_new(struct geoip_table **out)
{
    struct geoip_table *t = calloc(1, sizeof *t);
    if (!t) return ERR_NO_MEMORY;
    t->v4.step_bytes = sizeof(uint32_t);
    t->v6.step_bytes = sizeof(uint64_t);
    *out = t;
    return ERR_OK;
}

void geoip_table_free(struct geoip_table *t)
{
    if (!t) return;
    free(t->v4.first);
    free(t->v4.place);
    free(t->v6.first);
    free(t->v6.place);
    free(t);
}

/* ---- places ---- */

/* The number of a country; 0 for none, or when there are too many. */
static uint32_t country_number(struct geoip_table *t, const char country[3])
{
    if (!country[0]) return 0;
    for (uint32_t i = 1; i <= t->country_count; i++)
        if (memcmp(t->countries[i], country, 2) == 0) return i;
    if (t->country_count == COUNTRIES_MAX) return 0;
    memcpy(t->countries[++t->country_count], country, 2);
    return t->country_count;
}

static uint32_t place_pack(struct geoip_table *t, const struct geoip_place *p)
{
    if (!p) return PLACE_NONE;
    uint32_t packed = country_number(t, p->country) << 23;
    if (!p->has_position) return packed | PLACE_NONE;
    assert(fabs(p->latitude) <= 90 && fabs(p->longitude) <= 180);
    t->has_positions = true;
    return packed | (uint32_t)lrint((p->latitude + 90) * TENTHS) << 12 |
           (uint32_t)lrint((p->longitude + 180) * TENTHS);
}

static void place_unpack(const struct geoip_table *t, uint32_t packed, struct geoip_place *out)
{
    *out = (struct geoip_place){.has_position = LATITUDE_OF(packed) != LATITUDE_NONE};
    if (COUNTRY_OF(packed)) memcpy(out->country, t->countries[COUNTRY_OF(packed)], 2);
    if (!out->has_position) return;
    out->latitude = ((double)LATITUDE_OF(packed) - 90 * TENTHS) / TENTHS;
    out->longitude = ((double)(packed & 4095u) - 180 * TENTHS) / TENTHS;
}

/* ---- ranges ---- */

static uint64_t first_at(const struct ranges *r, uint32_t i)
{
    return r->step_bytes == sizeof(uint32_t) ? ((const uint32_t *)r->first)[i]
                                             : ((const uint64_t *)r->first)[i];
}

static enum err resize(struct ranges *r, uint32_t room)
{
    void *first = realloc(r->first, (size_t)room * r->step_bytes);
    if (!first) return ERR_NO_MEMORY;
    r->first = first;
    uint32_t *place = realloc(r->place, (size_t)room * sizeof *place);
    if (!place) return ERR_NO_MEMORY;
    r->place = place;
    r->room = room;
    return ERR_OK;
}

/* Room for three more: a gap, a range, and the gap that finish() may put behind it. */
static enum err reserve(struct ranges *r)
{
    if (r->count + 3 <= r->room) return ERR_OK;
    if (r->count + 3 > GEOIP_RANGES_MAX) return ERR_FULL;
    return resize(r, r->room < GROW_RANGES_MIN ? GROW_RANGES_MIN : r->room + r->room / 2);
}

static void append(struct ranges *r, uint64_t first, uint32_t place)
{
    if (r->count && r->place[r->count - 1] == place) return;
    if (r->step_bytes == sizeof(uint32_t)) ((uint32_t *)r->first)[r->count] = (uint32_t)first;
    else ((uint64_t *)r->first)[r->count] = first;
    r->place[r->count++] = place;
    if (place != PLACE_NONE) r->known++;
}

static enum err add(struct ranges *r, uint64_t first, uint64_t last, uint32_t place)
{
    if (first > last || (r->count && first <= r->last)) return ERR_BAD_VALUE;
    enum err err = reserve(r);
    if (err != ERR_OK) return err;
    if (r->count ? first > r->last + 1 : first > 0)
        append(r, r->count ? r->last + 1 : 0, PLACE_NONE);
    append(r, first, place);
    r->last = last;
    return ERR_OK;
}

enum err geoip_table_add4(struct geoip_table *t, uint32_t first, uint32_t last,
                          const struct geoip_place *place)
{
    return add(&t->v4, first, last, place_pack(t, place));
}

enum err geoip_table_add6(struct geoip_table *t, geoip_ip6 first, geoip_ip6 last,
                          const struct geoip_place *place)
{
    uint64_t from = (uint64_t)(first >> 64), to = (uint64_t)(last >> 64);
    if (first > last) return ERR_BAD_VALUE;
    if ((uint64_t)first != 0) { /* another range has this /64 */
        if (from == to) return ERR_OK;
        from++;
    }
    return add(&t->v6, from, to, place_pack(t, place));
}

static void finish(struct ranges *r)
{
    if (!r->count) return;
    if (r->last != (r->step_bytes == sizeof(uint32_t) ? UINT32_MAX : UINT64_MAX))
        append(r, r->last + 1, PLACE_NONE);
    enum err err = resize(r, r->count); /* a failure to shrink changes nothing */
    (void)err;
}

void geoip_table_finish(struct geoip_table *t)
{
    finish(&t->v4);
    finish(&t->v6);
}

/* ---- looking up ---- */

static uint32_t place_of(const struct ranges *r, uint64_t ip)
{
    uint32_t from = 0, to = r->count; /* the range is in [from, to) */
    if (!to || ip < first_at(r, 0)) return PLACE_NONE;
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        if (first_at(r, middle) <= ip) from = middle;
        else to = middle;
    }
    return r->place[from];
}

bool geoip_table_find(const struct geoip_table *t, const struct address *a, struct geoip_place *out)
{
    bool is_v4 = a->family == FAMILY_V4;
    uint64_t ip = is_v4 ? load_u32be(a->ip) : load_u64be(a->ip);
    uint32_t packed = place_of(is_v4 ? &t->v4 : &t->v6, ip);
    place_unpack(t, packed, out);
    return packed != PLACE_NONE;
}

uint64_t geoip_table_ranges(const struct geoip_table *t)
{
    return (uint64_t)t->v4.known + t->v6.known;
}

uint64_t geoip_table_bytes(const struct geoip_table *t)
{
    return sizeof *t + (uint64_t)t->v4.room * (sizeof(uint32_t) + t->v4.step_bytes) +
           (uint64_t)t->v6.room * (sizeof(uint32_t) + t->v6.step_bytes);
}

bool geoip_table_has_positions(const struct geoip_table *t)
{
    return t->has_positions;
}
