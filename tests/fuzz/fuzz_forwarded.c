/* fuzz_forwarded.c - any text as an address, a prefix, X-Forwarded-For, Forwarded. */
#include "proto/address_text.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_reads_back(const struct address *a)
{
    char text[ADDRESS_TEXT_BYTES_MAX];
    struct address again;
    size_t len = address_print(a, text);
    assert(address_parse(view_of(text, len), &again) == ERR_OK);
    assert(address_equal(a, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct prefix TRUSTED = {.address = {.ip = {127}}, .bits = 8};
    struct view text = view_of(bytes, len);
    struct address a;
    struct prefix p;
    uint16_t port;
    if (address_port_parse(text, &a, &port) == ERR_OK) check_reads_back(&a);
    if (prefix_parse(text, &p) == ERR_OK) {
        check_reads_back(&p.address);
        assert(p.bits <= 8 * ADDRESS_BYTES(p.address.family));
        assert(prefix_contains(&p, &p.address));
    }
    for (int is_forwarded = 0; is_forwarded < 2; is_forwarded++) {
        if (forwarded_client(&text, 1, is_forwarded, &TRUSTED, 1, &a) != ERR_OK) continue;
        check_reads_back(&a);
        assert(!prefix_contains(&TRUSTED, &a));
    }
    return 0;
}
