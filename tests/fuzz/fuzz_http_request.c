/* fuzz_http_request.c - a connection's first bytes: plain or wrapped in base64, head, then the
 * query as an announce and as a scrape. */
#include <assert.h>

#include "proto/http1.h"
#include "proto/http_tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct view v, struct view bytes)
{
    return v.ptr >= bytes.ptr && v.len <= bytes.len && v.ptr + v.len <= bytes.ptr + bytes.len;
}

/* What was cut anywhere is neither complete nor read differently when the rest comes. */
static void check_split(struct view bytes, int used, size_t cut)
{
    struct http_request r;
    int part = http1_parse(view_of(bytes.ptr, cut), 0, &r);
    assert(part == 0);
    assert(http1_parse(bytes, cut, &r) == used);
}

static void check_announce(struct view query)
{
    struct announce a = {.passkey = query};
    struct http_announce_query q;
    bool has_hash = http_announce_begin(&q, query, &a);
    struct info_hash first = a.info_hash;
    if (http_announce_end(&q) != ERR_OK) return;
    assert(!has_hash || memcmp(&first, &a.info_hash, sizeof first) == 0);
    assert(a.port != 0 || a.event == EVENT_STOPPED);
    assert(a.numwant >= NUMWANT_UNSET && a.event <= EVENT_PAUSED);
    assert(is_inside(a.passkey, query));
}

static void check_scrape(struct view query)
{
    struct info_hash hashes[8];
    struct view passkey = query;
    size_t count;
    if (http_decode_scrape(query, hashes, 8, &count, &passkey) != ERR_OK) return;
    assert(count <= 8 && is_inside(passkey, query));
    for (size_t i = 1; i < count; i++)
        assert(memcmp(&hashes[i - 1], &hashes[i], sizeof *hashes) < 0);
}

/* Where POST is allowed nothing else is read differently. */
static void check_post(struct view bytes, int used)
{
    struct http_request r;
    int used_post = http1_parse_post(bytes, 0, &r);
    assert(used == -405 || used_post == used);
    if (used != -405 || used_post <= 0) return;
    assert(r.method == HTTP_POST && (size_t)used_post <= bytes.len);
    assert(is_inside(r.path, bytes) && is_inside(r.query, bytes));
}

static void check_head(struct view bytes)
{
    struct http_request r;
    int used = http1_parse(bytes, 0, &r);
    check_post(bytes, used);
    assert(used == 0 || used == -400 || used == -405 || used == -414 || used == -431 ||
           used == -505 || (used > 0 && (size_t)used <= bytes.len));
    if (used <= 0) return;
    struct view head = view_of(bytes.ptr, (size_t)used);
    assert(r.path.len > 0 && r.path.ptr[0] == '/' && is_inside(r.path, head));
    assert(is_inside(r.query, head) && r.header_count <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < r.header_count; i++)
        assert(is_inside(r.headers[i].name, head) && is_inside(r.headers[i].value, head));
    struct view query = r.query;
    for (size_t cut = 0; cut < head.len; cut += 1 + head.len / 7)
        check_split(bytes, used, cut);
    check_announce(query);
    check_scrape(query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view bytes = view_of(data, size);
    if (http1_is_base64(bytes)) {
        uint8_t text[HTTP_WRAPPED_BYTES_MAX];
        size_t len = 0;
        int used = http1_unwrap_base64(bytes, text, sizeof text, &len);
        assert(used == 0 || used == -400 || used == -431 || (size_t)used <= size);
        bytes = view_of(text, used > 0 ? len : 0);
        if (used > 0) check_head(bytes);
        return 0;
    }
    check_head(bytes);
    check_announce(bytes);
    check_scrape(bytes);
    return 0;
}
