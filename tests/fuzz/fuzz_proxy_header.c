/* fuzz_proxy_header.c - any bytes as a PROXY header: what is used is there, what is MORE grows. */
#include "proto/proxy_header.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(struct view bytes, bool datagram)
{
    struct proxy_header h, again;
    int used = proxy_header_parse(bytes, datagram, &h);
    assert(used >= -1 && used <= PROXY_HEADER_BYTES_MAX && (used < 0 || (size_t)used <= bytes.len));
    assert(used != 0 || !datagram);
    if (used <= 0) return;
    struct address normalized = h.source;
    address_normalize(&normalized);
    assert(h.is_local || address_equal(&h.source, &normalized));
    assert(proxy_header_parse(view_of(bytes.ptr, (size_t)used), datagram, &again) == used);
    assert(again.is_local == h.is_local && address_equal(&again.source, &h.source));
    for (size_t n = 0; n < (size_t)used && n < 256; n++)
        assert(proxy_header_parse(view_of(bytes.ptr, n), datagram, &again) == (datagram ? -1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check(view_of(bytes, len), false);
    check(view_of(bytes, len), true);
    return 0;
}
