/* fuzz_http_response.c - any bytes as an HTTP answer, whole and cut. The first byte says where. */
#include "proto/http_response.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Parsing moves chunks, so it works on a copy. */
static void check(const uint8_t *bytes, size_t len, bool ended, int64_t *used)
{
    struct http_response r;
    struct view value;
    uint8_t *copy = malloc(len + 1);
    assert(copy);
    memcpy(copy, bytes, len);
    *used = http_response_parse(copy, len, ended, false, &r);
    assert(*used >= -1 && *used <= (int64_t)len);
    if (*used > 0) {
        assert(r.status >= 200 && r.status <= 599);
        assert(r.body.ptr >= copy && r.body.ptr + r.body.len <= copy + *used);
        (void)http_response_header(&r, "Location", &value);
    } else {
        assert(!ended || *used == -1);
        assert(memcmp(copy, bytes, len) == 0);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    int64_t used, part;
    if (len == 0) return 0;
    size_t cut = bytes[0];
    bytes++;
    len--;
    check(bytes, len, true, &used);
    check(bytes, len, false, &used);
    if (used <= 0 || cut == 0 || cut > (size_t)used) return 0;
    check(bytes, (size_t)used - cut, false, &part);
    assert(part == 0);
    return 0;
}
