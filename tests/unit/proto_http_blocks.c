/* proto_http_blocks.c - what is read by blocks (base/block.h) is the same wherever blocks end. */
#include "unit.h"

#include "base/rng.h"
#include "proto/http1.h"
#include "proto/http_tracker.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define PEER_ID "peer_id=-XX0001-abcdefghijkl"
#define GOOD    "info_hash=aaaaaaaaaaaaaaaaaaaa&" PEER_ID "&port=6881"

static int head(struct view bytes, struct http_request *r)
{
    return http1_parse(view_of(guarded(bytes.ptr, bytes.len), bytes.len), 0, r);
}

static enum err decode(struct view query, struct announce *out)
{
    struct http_announce_query q;
    memset(out, 0, sizeof *out);
    http_announce_begin(&q, view_of(guarded(query.ptr, query.len), query.len), out);
    return http_announce_end(&q);
}

/* Letters, dashes and the other bytes of a name, wherever they meet. */
static void header_names_of_any_length(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++)
        for (size_t odd = 0; odd < len; odd++) {
            uint8_t text[128];
            struct http_request r;
            struct writer w = writer_of(text, sizeof text);
            writer_literal(&w, "GET / HTTP/1.1\r\n");
            for (size_t i = 0; i < len; i++)
                writer_u8(&w, i == odd ? '_' : i % 5 ? 'Z' : '-');
            size_t colon = writer_used(&w);
            writer_literal(&w, ":v\r\n\r\n");
            struct view bytes = view_of(text, writer_used(&w));
            assert_int_equal(head(bytes, &r), bytes.len);
            assert_int_equal(r.headers[0].name.len, len);
            text[colon - len + odd] = '@';
            assert_int_equal(head(bytes, &r), -400);
        }
}

/* One byte of a hash in some spelling, seldom a broken one. */
static void put_spelling(struct writer *w, struct rng *rng)
{
    const struct view broken[] = {VIEW("%"), VIEW("%4"), VIEW("%g0"), VIEW("%0g"), VIEW("%%41")};
    static const char HEX[] = "0123456789abcdefABCDEF";
    uint32_t kind = rng_below(rng, 64);
    writer_u8(w, kind < 32 ? 'a' : '%');
    if (kind >= 32)
        for (int i = 0; i < 2; i++)
            writer_u8(w, (uint8_t)HEX[rng_below(rng, sizeof HEX - 1)]);
    if (kind == 63) writer_view(w, broken[rng_below(rng, ROWS(broken))]);
}

static void hashes_are_decoded_as_all_else(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 1);
    for (int i = 0; i < 20000; i++) {
        uint8_t text[256], wanted[INFO_HASH_BYTES];
        struct writer w = writer_of(text, sizeof text);
        writer_literal(&w, PEER_ID "&port=6881&info_hash=");
        size_t at = writer_used(&w), len, bytes = 19 + rng_below(&rng, 3);
        for (size_t k = 0; k < bytes; k++)
            put_spelling(&w, &rng);
        struct view hash = view_of(text + at, writer_used(&w) - at);
        bool is_good = http_unescape(hash, wanted, sizeof wanted, &len) && len == sizeof wanted;
        struct announce a;
        enum err err = decode(view_of(text, writer_used(&w)), &a);
        assert_int_equal(err, is_good ? ERR_OK : ERR_INVALID_INFO_HASH);
        if (is_good) assert_memory_equal(a.info_hash.bytes, wanted, sizeof wanted);
    }
}

static void pairs_at_any_place_of_any_length(void **state)
{
    (void)state;
    for (size_t before = 0; before < 40; before++)
        for (size_t after = 0; after < 40; after++) {
            uint8_t text[256];
            struct announce a;
            struct writer w = writer_of(text, sizeof text);
            writer_literal(&w, GOOD "&");
            for (size_t i = 0; i < before; i++)
                writer_u8(&w, 'x');
            writer_literal(&w, "=1=2&&=&y&left=7&");
            for (size_t i = 0; i < after; i++)
                writer_u8(&w, i == 3 ? '=' : 'z');
            assert_int_equal(decode(view_of(text, writer_used(&w)), &a), ERR_OK);
            assert_true(a.left == 7);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_names_of_any_length),
        cmocka_unit_test(hashes_are_decoded_as_all_else),
        cmocka_unit_test(pairs_at_any_place_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
