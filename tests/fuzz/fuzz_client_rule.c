/* fuzz_client_rule.c - any bytes as a line: read or refused, and what is read lies within the line. */
#include "proto/client_rule.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct client_entry e;
    const char *why = client_rule_line(view_of(bytes, len), &e);
    if (!why && e.is_entry) {
        assert(e.reason.len == 0 || (e.reason.ptr >= bytes && e.reason.len <= len));
        assert(e.reason.len == 0 || e.reason.ptr + e.reason.len <= bytes + len);
        struct peer_id id = {{0}};
        memcpy(id.bytes, bytes, len < sizeof id ? len : sizeof id);
        assert(e.rule.prefix_bytes <= CLIENT_PREFIX_BYTES_MAX && e.rule.first <= e.rule.last);
        (void)client_rule_matches(&e.rule, &id);
    }
    return 0;
}
