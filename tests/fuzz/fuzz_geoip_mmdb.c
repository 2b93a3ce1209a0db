/* fuzz_geoip_mmdb.c - any bytes as a database of locations in MMDB form.
 *
 * Leaks of libmaxminddb are not looked at: it forgets what it has read of metadata that then make no sense,
 * some kilobytes for each broken file. */
#include "admin/geoip_read.h"

#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    log_level_set(LOG_ERROR);
    struct geoip_reading r = {.path = path};
    geoip_read_mmdb(&r);
    assert(!r.table == (r.error[0] != '\0'));
    if (r.table) geoip_table_free(r.table);
    close(fd);
    return 0;
}
