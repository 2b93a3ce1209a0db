/* fuzz_geoip_csv.c - any text as a line of IP2LOCATION's CSV. */
#include "admin/geoip_read.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct geoip_csv_row row;
    struct geoip_table *t;
    if (geoip_csv_line(view_of(bytes, len), &row) != NULL) return 0;
    assert(row.first <= row.last);
    assert(row.place.latitude >= -90 && row.place.latitude <= 90);
    assert(row.place.longitude >= -180 && row.place.longitude <= 180);
    assert(row.is_known == (strlen(row.place.country) == 2));
    if (geoip_table_new(&t) != ERR_OK) return 0;
    enum err err = row.family == FAMILY_V4
                       ? geoip_table_add4(t, (uint32_t)row.first, (uint32_t)row.last, &row.place)
                       : geoip_table_add6(t, row.first, row.last, &row.place);
    assert(err == ERR_OK);
    geoip_table_finish(t);
    geoip_table_free(t);
    return 0;
}
