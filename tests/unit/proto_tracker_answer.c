/* proto_tracker_answer.c - answers as a client reads them, and the flaws that it sees. What muster's
 * own encoders write has none. */
#include "unit.h"

#include "proto/http_tracker.h"
#include "proto/tracker_answer.h"
#include "proto/udp_tracker.h"

static struct answer_announce answer;
static struct answer_scrape scrape;
static const struct info_hash HASHES[2] = {{{1}}, {{2}}};

#define ANNOUNCE(literal)                                                                          \
    http_read_announce(view_of(guarded(literal, sizeof(literal) - 1), sizeof(literal) - 1), &answer)
#define SCRAPE(literal)                                                                            \
    http_read_scrape(view_of(guarded(literal, sizeof(literal) - 1), sizeof(literal) - 1), HASHES,  \
                     2, &scrape)

static void our_own_announce_has_no_flaw(void **state)
{
    (void)state;
    uint8_t out[1024], compact[2][36] = {{127, 0, 0, 1, 26, 225}, {[15] = 1, [17] = 9}};
    struct peer_list peers = {.compact = {compact[0], compact[1]}, .count = {1, 1}};
    struct address ip = {.family = FAMILY_V4, .ip = {192, 0, 2, 9}};
    struct http_announce_reply reply = {
        .interval_s = 1800,
        .min_interval_s = 900,
        .numbers = {.complete = 3, .incomplete = 4, .downloaded = 5},
        .peers = &peers,
        .external_ip = &ip,
        .compact = true};
    struct writer w = writer_of(out, sizeof out);
    http_encode_announce(&w, &reply);
    assert_int_equal(http_read_announce(view_of(out, writer_used(&w)), &answer), ERR_OK);
    assert_int_equal(answer.flaws, 0);
    assert_int_equal(answer.interval_s, 1800);
    assert_int_equal(answer.min_interval_s, 900);
    assert_int_equal(answer.seeders, 3);
    assert_int_equal(answer.leechers, 4);
    assert_int_equal(answer.downloaded, 5);
    assert_int_equal(answer.peer_count, 2);
    assert_int_equal(answer.peers[0].port, 6881);
    assert_int_equal(answer.peers[1].address.family, FAMILY_V6);
    assert_true(answer.has_external_ip && address_equal(&answer.external_ip, &ip));
}

static void a_failure_is_all_there_is(void **state)
{
    (void)state;
    assert_int_equal(ANNOUNCE("d14:failure reason3:no!e"), ERR_OK);
    assert_true(view_equal(answer.failure, VIEW("no!")));
    assert_int_equal(answer.flaws, 0);
}

static void what_is_no_dictionary_is_refused(void **state)
{
    (void)state;
    assert_int_equal(ANNOUNCE("le"), ERR_BAD_VALUE);
    assert_int_equal(ANNOUNCE("<html>"), ERR_BAD_VALUE);
    assert_int_equal(ANNOUNCE("d"), ERR_BAD_VALUE);
    assert_int_equal(SCRAPE("de"), ERR_BAD_VALUE);
    assert_int_equal(SCRAPE("d5:filesi1ee"), ERR_BAD_VALUE);
}

#define GOOD_COUNTS "8:completei1e10:incompletei1e"

static void every_http_flaw_is_seen(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        uint32_t flaws;
    } CASES[] = {
        {"d" GOOD_COUNTS "8:intervali60e5:peers0:e", 0},
        {"d" GOOD_COUNTS "8:intervali60e5:peers0:ex", FLAW_BIT(FLAW_TRAILING_BYTES)},
        {"d8:intervali60e" GOOD_COUNTS "5:peers0:e", FLAW_BIT(FLAW_UNSORTED_KEYS)},
        {"d" GOOD_COUNTS "8:intervali60e5:peers0:5:peers0:e", FLAW_BIT(FLAW_REPEATED_KEYS)},
        {"d" GOOD_COUNTS "5:peers0:e", FLAW_BIT(FLAW_NO_INTERVAL)},
        {"d" GOOD_COUNTS "8:intervali0e5:peers0:e", FLAW_BIT(FLAW_INTERVAL_RANGE)},
        {"d" GOOD_COUNTS "8:intervali-5e5:peers0:e", FLAW_BIT(FLAW_INTERVAL_RANGE)},
        {"d" GOOD_COUNTS "8:intervali60e12:min intervali61e5:peers0:e",
         FLAW_BIT(FLAW_MIN_INTERVAL)},
        {"d" GOOD_COUNTS "8:intervali60ee", FLAW_BIT(FLAW_NO_PEERS)},
        {"d" GOOD_COUNTS "8:intervali60e5:peers5:12345e", FLAW_BIT(FLAW_PEERS_SIZE)},
        {"d" GOOD_COUNTS "8:intervali60e6:peers619:1234567890123456789e",
         FLAW_BIT(FLAW_PEERS_SIZE)},
        {"d" GOOD_COUNTS "8:intervali60e5:peersld2:ip9:127.0.0.14:porti80eeee",
         FLAW_BIT(FLAW_NOT_COMPACT)},
        {"d" GOOD_COUNTS "8:intervali60e5:peersle"
         "e",
         0},
        {"d" GOOD_COUNTS "8:intervali60e5:peersld2:ip4:name4:porti80eeee",
         FLAW_BIT(FLAW_NOT_COMPACT) | FLAW_BIT(FLAW_BAD_PEER)},
        {"d" GOOD_COUNTS "8:intervali60e5:peersli5eee",
         FLAW_BIT(FLAW_NOT_COMPACT) | FLAW_BIT(FLAW_BAD_PEER)},
        {"d8:intervali60e5:peers0:e", FLAW_BIT(FLAW_NO_COUNTS)},
        {"d8:completei-1e10:incompletei1e8:intervali60e5:peers0:e", FLAW_BIT(FLAW_NEGATIVE_COUNT)},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        size_t len = strlen(CASES[i].body);
        struct view body = view_of(guarded(CASES[i].body, len), len);
        assert_int_equal(http_read_announce(body, &answer), ERR_OK);
        if (answer.flaws != CASES[i].flaws) print_error("%s\n", CASES[i].body);
        assert_int_equal(answer.flaws, CASES[i].flaws);
    }
}

static void more_peers_than_kept_are_counted(void **state)
{
    (void)state;
    static char body[16 + (ANSWER_PEERS_MAX + 1) * 6];
    size_t records = (ANSWER_PEERS_MAX + 1) * 6;
    int n = snprintf(body, sizeof body, "d5:peers%zu:", records);
    memset(body + n, 'p', records);
    body[(size_t)n + records] = 'e';
    assert_int_equal(http_read_announce(view_of(body, (size_t)n + records + 1), &answer), ERR_OK);
    assert_int_equal(answer.peer_count, ANSWER_PEERS_MAX + 1);
}

#define HASH_1 "20:\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define HASH_2 "20:\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define HASH_3 "20:\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define ENTRY  "d8:completei7e10:downloadedi8e10:incompletei9ee"

static void scrape_entries_find_their_hash(void **state)
{
    (void)state;
    assert_int_equal(SCRAPE("d5:filesd" HASH_1 ENTRY HASH_2 "de"
                            "ee"),
                     ERR_OK);
    assert_int_equal(scrape.flaws, 0);
    assert_int_equal(scrape.of[0].seeders, 7);
    assert_int_equal(scrape.of[0].downloaded, 8);
    assert_int_equal(scrape.of[0].leechers, 9);
    assert_true(scrape.of[1].present);
    assert_int_equal(scrape.of[1].seeders, COUNT_UNKNOWN);
    assert_int_equal(SCRAPE("d5:filesd" HASH_1 ENTRY "ee"), ERR_OK);
    assert_int_equal(scrape.flaws, FLAW_BIT(FLAW_SCRAPE_INCOMPLETE));
    assert_int_equal(SCRAPE("d5:filesd" HASH_1 ENTRY HASH_2 ENTRY HASH_3 ENTRY "ee"), ERR_OK);
    assert_int_equal(scrape.flaws, FLAW_BIT(FLAW_SCRAPE_UNASKED));
    assert_int_equal(SCRAPE("d14:failure reason2:noe"), ERR_OK);
    assert_true(view_equal(scrape.failure, VIEW("no")));
}

/* ---- UDP: what one side writes, the other reads ---- */

static void udp_requests_are_what_the_server_reads(void **state)
{
    (void)state;
    uint8_t out[UDP_ANNOUNCE_REQUEST_BYTES_MAX], url[UDP_URL_BYTES_MAX];
    char path[600];
    memset(path, 'u', sizeof path);
    struct announce a = {.info_hash = HASHES[0],
                         .peer_id = {{7}},
                         .port = 6881,
                         .left = 5,
                         .event = EVENT_STARTED,
                         .numwant = 20,
                         .key = 99},
                    got = {0};
    struct udp_request request;
    size_t url_bytes;
    struct writer w = writer_of(out, sizeof out);
    udp_write_announce(&w, 0x1122334455667788, 42, &a, view_of(path, sizeof path));
    assert_false(w.overflow);
    assert_int_equal(udp_decode_request(view_of(out, writer_used(&w)), &request), ERR_OK);
    assert_int_equal(request.action, UDP_ANNOUNCE);
    assert_int_equal(request.transaction_id, 42);
    assert_true(request.connection_id == 0x1122334455667788);
    assert_int_equal(udp_decode_announce(view_of(out, writer_used(&w)), &got, url, &url_bytes),
                     ERR_OK);
    assert_int_equal(url_bytes, sizeof path);
    assert_memory_equal(got.info_hash.bytes, a.info_hash.bytes, 20);
    assert_int_equal(got.event, EVENT_STARTED);
    assert_int_equal(got.numwant, 20);
    assert_int_equal(got.left, 5);
    assert_int_equal(got.port, 6881);
}

static void the_longest_url_fits(void **state)
{
    (void)state;
    static char path[UDP_URL_BYTES_MAX + 100];
    uint8_t out[UDP_ANNOUNCE_REQUEST_BYTES_MAX];
    struct announce a = {.numwant = NUMWANT_UNSET};
    struct writer w = writer_of(out, sizeof out);
    udp_write_announce(&w, 1, 2, &a, view_of(path, sizeof path));
    assert_false(w.overflow);
}

static void udp_scrapes_and_connects_are_read(void **state)
{
    (void)state;
    uint8_t out[200];
    struct udp_request request;
    const struct info_hash *hashes;
    size_t count;
    struct writer w = writer_of(out, sizeof out);
    udp_write_scrape(&w, 3, 4, HASHES, 2);
    assert_int_equal(udp_decode_request(view_of(out, writer_used(&w)), &request), ERR_OK);
    assert_int_equal(udp_decode_scrape(view_of(out, writer_used(&w)), &hashes, &count), ERR_OK);
    assert_int_equal(count, 2);
    w = writer_of(out, sizeof out);
    udp_write_connect(&w, 5);
    assert_int_equal(udp_decode_request(view_of(out, writer_used(&w)), &request), ERR_OK);
    assert_int_equal(request.action, UDP_CONNECT);
}

static void udp_answers_are_read(void **state)
{
    (void)state;
    uint8_t out[100];
    struct swarm_numbers n = {.complete = 7, .incomplete = 9, .downloaded = 8};
    struct writer w = writer_of(out, sizeof out);
    udp_encode_announce_head(&w, 42, 1800, &n);
    writer_put(&w, "\x7f\0\0\1\x1a\xe1", 6);
    uint32_t action, id, flaws = 0;
    uint64_t connection_id;
    struct view packet = view_of(guarded(out, writer_used(&w)), writer_used(&w));
    assert_true(udp_read_head(packet, &action, &id));
    assert_int_equal(action, UDP_ANNOUNCE);
    assert_int_equal(id, 42);
    assert_int_equal(udp_read_announce(packet, FAMILY_V4, &answer), ERR_OK);
    assert_int_equal(answer.flaws, 0);
    assert_int_equal(answer.seeders, 7);
    assert_int_equal(answer.leechers, 9);
    assert_int_equal(answer.peer_count, 1);
    assert_int_equal(answer.peers[0].port, 6881);
    assert_int_equal(udp_read_announce(packet, FAMILY_V6, &answer), ERR_OK);
    assert_int_equal(answer.flaws, FLAW_BIT(FLAW_PEERS_SIZE));
    assert_int_equal(udp_read_announce(view_of(packet.ptr, 19), FAMILY_V4, &answer),
                     ERR_BAD_PACKET);
    w = writer_of(out, sizeof out);
    udp_encode_connect(&w, 42, 77);
    assert_int_equal(udp_read_connect(view_of(out, 16), &connection_id, &flaws), ERR_OK);
    assert_int_equal(connection_id, 77);
    assert_int_equal(flaws, 0);
    assert_int_equal(udp_read_connect(view_of(out, 17), &connection_id, &flaws), ERR_OK);
    assert_int_equal(flaws, FLAW_BIT(FLAW_CONNECT_SIZE));
    assert_int_equal(udp_read_connect(view_of(out, 15), &connection_id, &flaws), ERR_BAD_PACKET);
}

static void udp_scrape_answers_are_read(void **state)
{
    (void)state;
    uint8_t out[100];
    struct swarm_numbers n = {.complete = 7, .incomplete = 9, .downloaded = UINT32_MAX};
    struct writer w = writer_of(out, sizeof out);
    udp_encode_scrape_head(&w, 42);
    udp_encode_scrape_entry(&w, &n);
    struct view packet = view_of(guarded(out, writer_used(&w)), writer_used(&w));
    assert_int_equal(udp_read_scrape(packet, 1, &scrape), ERR_OK);
    assert_int_equal(scrape.of[0].seeders, 7);
    assert_int_equal(scrape.of[0].leechers, 9);
    assert_int_equal(udp_read_scrape(packet, 2, &scrape), ERR_OK);
    assert_true(scrape.flaws & FLAW_BIT(FLAW_SCRAPE_SIZE));
    assert_true(scrape.of[0].present && !scrape.of[1].present);
    assert_int_equal(udp_read_scrape(view_of(packet.ptr, 7), 1, &scrape), ERR_BAD_PACKET);
}

static void error_texts_are_read(void **state)
{
    (void)state;
    assert_true(view_equal(udp_read_error(VIEW("\0\0\0\3\0\0\0\1bad id\0")), VIEW("bad id")));
    assert_int_equal(udp_read_error(VIEW("\0\0\0\3")).len, 0);
    assert_int_equal(udp_read_error(VIEW("")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_announce_has_no_flaw),
        cmocka_unit_test(a_failure_is_all_there_is),
        cmocka_unit_test(what_is_no_dictionary_is_refused),
        cmocka_unit_test(every_http_flaw_is_seen),
        cmocka_unit_test(more_peers_than_kept_are_counted),
        cmocka_unit_test(scrape_entries_find_their_hash),
        cmocka_unit_test(udp_requests_are_what_the_server_reads),
        cmocka_unit_test(the_longest_url_fits),
        cmocka_unit_test(udp_scrapes_and_connects_are_read),
        cmocka_unit_test(udp_answers_are_read),
        cmocka_unit_test(udp_scrape_answers_are_read),
        cmocka_unit_test(error_texts_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
