/* geoip_table.h - address ranges to places, sorted and small; whatever file they came from.
 *
 * Memory    8 bytes per IPv4 range, 12 per IPv6 range; neighbours with the same place are one range.
 * Place     latitude and longitude to 0.1 degree, which is all that anything here ever keeps (the
 *           map's privacy rule), and the country's ISO 3166-1 code: 32 bits together.
 * IPv6      by /64: that is what one customer has. A /64 belongs to the range of its first address.
 * Threads   one builds; when it is built it is constant. */
#ifndef ADMIN_GEOIP_TABLE_H
#define ADMIN_GEOIP_TABLE_H

#include "base/err.h"
#include "proto/types.h"

#define GEOIP_RANGES_MAX (1u << 27) /* of each family */

/* A place as it is read from a file and as it is looked up. */
struct geoip_place {
    double latitude, longitude; /* degrees */
    bool has_position;
    char country[3]; /* upper case, terminated; empty: not known */
};

typedef unsigned __int128 geoip_ip6; /* host order */

struct geoip_table;

enum err geoip_table_new(struct geoip_table **out) MUST_CHECK;
void geoip_table_free(struct geoip_table *t);

/* Append a range, both ends included. Within a family ranges come in ascending order and do not
 * overlap; gaps are fine. `place` NULL: nothing is known about it.
 * ERR_BAD_VALUE (order), ERR_FULL, ERR_NO_MEMORY; the table is unchanged then. */
enum err geoip_table_add4(struct geoip_table *t, uint32_t first, uint32_t last,
                          const struct geoip_place *place) MUST_CHECK;
enum err geoip_table_add6(struct geoip_table *t, geoip_ip6 first, geoip_ip6 last,
                          const struct geoip_place *place) MUST_CHECK;

/* No more will be added: give back what was borrowed for growing. */
void geoip_table_finish(struct geoip_table *t);

/* False when nothing is known about the address. Cost: a binary search. */
bool geoip_table_find(const struct geoip_table *t, const struct address *a,
                      struct geoip_place *out);

uint64_t geoip_table_ranges(const struct geoip_table *t); /* with a known place */
uint64_t geoip_table_bytes(const struct geoip_table *t);
/* Does any range know a position? Country databases do not. */
bool geoip_table_has_positions(const struct geoip_table *t);

#endif
