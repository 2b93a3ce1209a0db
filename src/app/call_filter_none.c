/* call_filter_none.c - see call_filter.h; for builds without libseccomp. */
#include "app/call_filter.h"

#include <errno.h>

bool call_filter_is_built(void)
{
    return false;
}

bool call_filter_make(struct call_filter_code *out, enum call_filter filter, bool strict)
{
    (void)out;
    (void)filter;
    (void)strict;
    errno = ENOSYS;
    return false;
}

bool call_filter_load(const struct call_filter_code *code)
{
    (void)code;
    errno = ENOSYS;
    return false;
}

void call_filter_refused(char out[CALL_NAME_BYTES_MAX])
{
    out[0] = '\0';
}
