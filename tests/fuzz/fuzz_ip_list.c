/* fuzz_ip_list.c - any bytes as a line: read or refused, and what is read lies within the line. */
#include "proto/ip_list.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct ip_entry e;
    const char *why = ip_list_line(view_of(bytes, len), &e);
    assert(!why || !e.hides_range);
    assert(!e.is_entry || !e.hides_range);
    if (!why && e.is_entry) {
        assert(e.reason.len == 0 || (e.reason.ptr >= bytes && e.reason.len <= len));
        assert(e.reason.len == 0 || e.reason.ptr + e.reason.len <= bytes + len);
        assert(e.first.family == e.last.family);
        assert(memcmp(e.first.ip, e.last.ip, ADDRESS_BYTES(e.first.family)) <= 0);
    }
    return 0;
}
