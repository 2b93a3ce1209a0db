/* proto_http_tracker_scrape.c - scrape queries: which hashes are answered, in which order. */
#include "unit.h"

#include "proto/http_tracker.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

struct scrape {
    struct info_hash hashes[HTTP_SCRAPE_HASHES_MAX];
    size_t count;
    struct view passkey;
    enum err err;
};

static struct scrape scrape_of(struct view query)
{
    struct scrape s = {.passkey = VIEW("before")};
    s.err = http_decode_scrape(view_of(guarded(query.ptr, query.len), query.len), s.hashes,
                               HTTP_SCRAPE_HASHES_MAX, &s.count, &s.passkey);
    return s;
}

#define A    "info_hash=aaaaaaaaaaaaaaaaaaaa"
#define B    "info_hash=bbbbbbbbbbbbbbbbbbbb"
#define HIGH "info_hash=%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff%ff"

static void scrape_sorts_and_drops_repeats_s2_as4_as5(void **state)
{
    (void)state;
    struct scrape s = scrape_of(VIEW(HIGH "&" B "&" A "&" B "&" HIGH "&" A));
    assert_int_equal(s.err, ERR_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.hashes[0].bytes[0], 'a');
    assert_int_equal(s.hashes[1].bytes[19], 'b');
    assert_int_equal(s.hashes[2].bytes[0], 0xff);
    assert_true(view_equal(s.passkey, VIEW("before")));
}

static void scrape_without_hash_is_a_full_one_s8_as1(void **state)
{
    (void)state;
    assert_int_equal(scrape_of(VIEW("")).count, 0);
    struct scrape s = scrape_of(VIEW("info_hash&passkey=k&x=1"));
    assert_int_equal(s.err, ERR_OK);
    assert_int_equal(s.count, 0);
    assert_true(view_equal(s.passkey, VIEW("k")));
}

static void scrape_with_a_bad_hash_fails_s7_as3(void **state)
{
    (void)state;
    const struct view rows[] = {VIEW(A "&info_hash=bbbbbbbbbbbbbbbbbbb"), VIEW("info_hash=&" A),
                                VIEW(A "&info_hash=bbbbbbbbbbbbbbbbbbb%4")};
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(scrape_of(rows[i]).err, ERR_INVALID_INFO_HASH);
    struct scrape s = scrape_of(VIEW("info_hash=x&passkey=k&" A));
    assert_int_equal(s.err, ERR_INVALID_INFO_HASH);
    assert_true(view_equal(s.passkey, VIEW("k"))); /* A29 judges it first */
}

static void scrape_ignores_the_rest_s11_as8(void **state)
{
    (void)state;
    struct scrape s = scrape_of(VIEW("azsf=1&port=x&" A "&peer_id=y&left=z&compact=1"));
    assert_int_equal(s.err, ERR_OK);
    assert_int_equal(s.count, 1);
}

/* `count` distinct hashes in descending order, and then one bad hash when asked for. */
static struct scrape scrape_many(unsigned count, struct view tail)
{
    static uint8_t query[32768];
    struct writer w = writer_of(query, sizeof query);
    for (unsigned i = count; i-- > 0;) {
        writer_literal(&w, "info_hash=aaaaaaaaaaaaaaaaaa");
        writer_u8(&w, (uint8_t)('0' + i / 64));
        writer_u8(&w, (uint8_t)('0' + i % 64));
        writer_literal(&w, "&");
    }
    writer_view(&w, tail);
    return scrape_of(view_of(query, writer_used(&w)));
}

static void scrape_has_a_limit_s9_s10_as6(void **state)
{
    (void)state;
    static const unsigned COUNTS[] = {60, 64, 100, 101, 500};
    for (size_t i = 0; i < ROWS(COUNTS); i++) {
        struct scrape s = scrape_many(COUNTS[i], VIEW(""));
        size_t most = COUNTS[i] < HTTP_SCRAPE_HASHES_MAX ? COUNTS[i] : HTTP_SCRAPE_HASHES_MAX;
        assert_int_equal(s.err, ERR_OK);
        assert_int_equal(s.count, most);
        for (size_t j = 1; j < s.count; j++)
            assert_true(memcmp(&s.hashes[j - 1], &s.hashes[j], INFO_HASH_BYTES) < 0);
    }
    assert_int_equal(scrape_many(101, VIEW("info_hash=x")).err, ERR_INVALID_INFO_HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scrape_sorts_and_drops_repeats_s2_as4_as5),
        cmocka_unit_test(scrape_without_hash_is_a_full_one_s8_as1),
        cmocka_unit_test(scrape_with_a_bad_hash_fails_s7_as3),
        cmocka_unit_test(scrape_ignores_the_rest_s11_as8),
        cmocka_unit_test(scrape_has_a_limit_s9_s10_as6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
