/* proto_http_tracker_encode.c - answers at their edges; golden ones are in tests/vectors/http. */
#include "unit.h"

#include "../bencode_check.h"
#include "proto/http_tracker.h"

#define assert_written(w, literal)                                                                 \
    do {                                                                                           \
        assert_true(bencode_check((w)->start, writer_used(w)));                                    \
        assert_int_equal(writer_used(w), sizeof(literal) - 1);                                     \
        assert_memory_equal((w)->start, literal, sizeof(literal) - 1);                             \
    } while (0)

static uint8_t answer[512 + 1000 * HTTP_PEER_BYTES_MAX];

static void failures_say_when_to_come_back_r40_r44(void **state)
{
    (void)state;
    struct writer w = writer_of(answer, sizeof answer);
    http_encode_failure(&w, ERR_INVALID_PORT, 0);
    assert_written(&w, "d14:failure reason12:invalid porte");
    w = writer_of(answer, sizeof answer);
    http_encode_failure(&w, ERR_FULL_SCRAPE_BUSY, 5);
    assert_written(&w, "d14:failure reason24:full scrape rate limited8:retry in1:5e");
    w = writer_of(answer, sizeof answer);
    http_encode_failure(&w, ERR_INVALID_PASSKEY, UINT32_MAX);
    assert_written(&w, "d14:failure reason15:invalid passkey8:retry in5:nevere");
    w = writer_of(answer, sizeof answer);
    http_encode_failure(&w, ERR_INVALID_PASSKEY, UINT32_MAX - 1);
    assert_written(&w, "d14:failure reason15:invalid passkey8:retry in10:4294967294e");
}

/* Every text that a client can be told makes a good answer (C10, G6). */
static void every_error_is_bencode(void **state)
{
    (void)state;
    for (int err = ERR_OK + 1; err < ERR_COUNT; err++) {
        struct writer w = writer_of(answer, sizeof answer);
        http_encode_failure(&w, err, 0);
        assert_true(bencode_check(answer, writer_used(&w)));
    }
}

static void numbers_are_clamped_c5(void **state)
{
    (void)state;
    struct peer_list none = {0};
    struct http_announce_reply r = {
        .interval_s = UINT32_MAX,
        .numbers = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
        .peers = &none,
        .compact = true,
    };
    struct writer w = writer_of(answer, sizeof answer);
    http_encode_announce(&w, &r);
    assert_written(&w, "d8:completei2147483647e10:downloadedi2147483647e"
                       "10:incompletei2147483647e8:intervali2147483647e5:peers0:e");
}

/* The longest answer there can be: a thousand peers with the longest addresses, every key. */
static void the_promised_room_is_enough(void **state)
{
    (void)state;
    static uint8_t peers[1000 * 18], ids[1000 * PEER_ID_BYTES];
    memset(peers, 0xff, sizeof peers);
    struct address ip = {.family = FAMILY_V6, .ip = {0x20, 1}};
    struct peer_list list = {.compact = {NULL, peers}, .peer_ids = {NULL, ids}, .count = {0, 1000}};
    struct http_announce_reply r = {
        .interval_s = UINT32_MAX,
        .min_interval_s = UINT32_MAX,
        .numbers = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
        .peers = &list,
        .external_ip = &ip,
        .warning = view_of(peers, 80),
        .with_peer_ids = true,
    };
    for (int compact = 0; compact < 2; compact++) {
        r.compact = compact;
        struct writer w = writer_of(answer, sizeof answer);
        http_encode_announce(&w, &r);
        assert_false(w.overflow);
        assert_true(bencode_check(answer, writer_used(&w)));
        assert_true(writer_used(&w) < 128 * 1024); /* C9 */
    }
}

static void scrape_entries_fit_their_room(void **state)
{
    (void)state;
    static const struct info_hash HASHES[2] = {{{0}}, {{1}}};
    static const struct swarm_numbers MOST = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    struct writer w = writer_of(answer, sizeof answer);
    http_encode_scrape_head(&w);
    for (int i = 0; i < 2; i++) {
        size_t before = writer_used(&w);
        http_encode_scrape_entry(&w, &HASHES[i], &MOST);
        assert_true(writer_used(&w) - before <= HTTP_SCRAPE_ENTRY_BYTES_MAX);
    }
    http_encode_scrape_tail(&w, 900);
    assert_true(bencode_check(answer, writer_used(&w)));
}

static void an_empty_scrape_has_files_s3(void **state)
{
    (void)state;
    struct writer w = writer_of(answer, sizeof answer);
    http_encode_scrape_head(&w);
    http_encode_scrape_tail(&w, 0);
    assert_written(&w, "d5:filesdee");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_say_when_to_come_back_r40_r44),
        cmocka_unit_test(every_error_is_bencode),
        cmocka_unit_test(numbers_are_clamped_c5),
        cmocka_unit_test(the_promised_room_is_enough),
        cmocka_unit_test(scrape_entries_fit_their_room),
        cmocka_unit_test(an_empty_scrape_has_files_s3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
