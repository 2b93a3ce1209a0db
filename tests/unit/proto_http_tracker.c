/* proto_http_tracker.c - announce queries as clients and attackers write them. */
#include "unit.h"

#include "proto/http_tracker.h"

#define ROWS(table) (sizeof(table) / sizeof *(table))

#define HASH    "info_hash=aaaaaaaaaaaaaaaaaaaa"
#define PEER_ID "peer_id=-XX0001-abcdefghijkl"
#define GOOD    HASH "&" PEER_ID "&port=6881"

static enum err decode(struct view query, struct announce *out)
{
    struct http_announce_query q;
    memset(out, 0, sizeof *out);
    http_announce_begin(&q, view_of(guarded(query.ptr, query.len), query.len), out);
    return http_announce_end(&q);
}

static enum err verdict(struct view query)
{
    struct announce a;
    return decode(query, &a);
}

/* A good announce and then `tail`. */
static struct announce with(struct view tail)
{
    static uint8_t query[20000];
    struct announce a;
    struct writer w = writer_of(query, sizeof query);
    writer_literal(&w, GOOD "&");
    writer_view(&w, tail);
    assert_int_equal(decode(view_of(query, writer_used(&w)), &a), ERR_OK);
    return a;
}

struct verdict_row {
    struct view query;
    enum err err;
};

static void check_verdicts(const struct verdict_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_string_equal(err_text(verdict(rows[i].query)), err_text(rows[i].err));
}

#define CHECK(rows) check_verdicts((rows), ROWS(rows))

static void absent_parameters_have_defaults_a4_a12(void **state)
{
    (void)state;
    struct announce a = with(VIEW(""));
    assert_memory_equal(a.info_hash.bytes, "aaaaaaaaaaaaaaaaaaaa", 20);
    assert_memory_equal(a.peer_id.bytes, "-XX0001-abcdefghijkl", 20);
    assert_int_equal(a.port, 6881);
    assert_int_equal(a.event, EVENT_NONE);
    assert_int_equal(a.numwant, NUMWANT_UNSET);
    assert_true(a.left == LEFT_UNKNOWN);
    assert_int_equal(a.uploaded + a.downloaded + a.key, 0);
    assert_true(a.compact);
    assert_false(a.no_peer_id);
}

static void what_is_not_the_querys_stays(void **state)
{
    (void)state;
    struct announce a;
    memset(&a, 0x5a, sizeof a);
    a.passkey = VIEW("from-path");
    struct announce before = a;
    struct http_announce_query q;
    http_announce_begin(&q, VIEW(GOOD), &a);
    assert_int_equal(http_announce_end(&q), ERR_OK);
    assert_true(address_equal(&a.address, &before.address));
    assert_true(view_equal(a.passkey, VIEW("from-path")));
    http_announce_begin(&q, VIEW(GOOD "&passkey=a%2D&passkey=Bc"), &a);
    assert_int_equal(http_announce_end(&q), ERR_OK);
    assert_true(view_equal(a.passkey, VIEW("Bc")));
}

static void the_hash_is_known_before_the_rest(void **state)
{
    (void)state;
    struct announce a = {.port = 1};
    struct http_announce_query q;
    assert_false(http_announce_begin(&q, VIEW("left=5&" GOOD), &a));
    assert_int_equal(http_announce_end(&q), ERR_OK);
    assert_true(a.left == 5);
    assert_true(http_announce_begin(&q, VIEW(GOOD), &a));
    assert_memory_equal(a.info_hash.bytes, "aaaaaaaaaaaaaaaaaaaa", INFO_HASH_BYTES);
    assert_int_equal(a.port, 0);
    assert_int_equal(http_announce_end(&q), ERR_OK);
    assert_int_equal(a.port, 6881);
    assert_false(http_announce_begin(&q, VIEW(PEER_ID "&port=6881"), &a));
    assert_int_equal(http_announce_end(&q), ERR_MISSING_INFO_HASH);
    assert_false(http_announce_begin(&q, VIEW("info_hash=a&" GOOD), &a));
    assert_int_equal(http_announce_end(&q), ERR_MULTIPLE_INFO_HASH);
    assert_true(http_announce_begin(&q, VIEW(GOOD "&" HASH), &a));
    assert_int_equal(http_announce_end(&q), ERR_MULTIPLE_INFO_HASH);
}

static void info_hash_a1_a22_ah26_ah34(void **state)
{
    (void)state;
    const struct verdict_row rows[] = {
        {VIEW(""), ERR_MISSING_INFO_HASH},
        {VIEW(PEER_ID "&port=1"), ERR_MISSING_INFO_HASH},
        {VIEW("Info_Hash=aaaaaaaaaaaaaaaaaaaa&" PEER_ID "&port=1"), ERR_MISSING_INFO_HASH},
        {VIEW("info%5Fhash=aaaaaaaaaaaaaaaaaaaa&" PEER_ID "&port=1"), ERR_MISSING_INFO_HASH},
        {VIEW("sha_ih=aaaaaaaaaaaaaaaaaaaa"), ERR_MISSING_INFO_HASH}, /* E60 */
        {VIEW("x=1?" GOOD), ERR_MISSING_INFO_HASH},                   /* AH49 */
        {VIEW("x=1;" GOOD), ERR_MISSING_INFO_HASH},                   /* AH48 */
        {VIEW("info_hash"), ERR_MISSING_INFO_HASH},
        {VIEW("info_hash="), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaaaa"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=000102030405060708090a0b0c0d0e0f10111213"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
         ERR_INVALID_INFO_HASH},
        {VIEW(HASH "#x"), ERR_INVALID_INFO_HASH}, /* AH50 */
        {VIEW(HASH "&" HASH), ERR_MULTIPLE_INFO_HASH},
        {VIEW(HASH "&info_hash=x"), ERR_MULTIPLE_INFO_HASH},
        {VIEW("info_hash=x&" HASH), ERR_MULTIPLE_INFO_HASH},
        {VIEW(GOOD "&info%5Fhash=x"), ERR_OK},
        {VIEW(GOOD "&info_hash"), ERR_OK},
    };
    CHECK(rows);
}

static void broken_escapes_p8_p9_ah28_ah29(void **state)
{
    (void)state;
    const struct verdict_row rows[] = {
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%4"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%zz"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%4g"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%%41"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=aaaaaaaaaaaaaaaaaaa%4&x=1"), ERR_INVALID_INFO_HASH},
        {VIEW("info_hash=%2541%2541%2541%2541%2541%2541%2541%2541%2541%2541"
              "%2541%2541%2541%2541%2541%2541%2541%2541%2541%2541"),
         ERR_INVALID_INFO_HASH},
        {VIEW(HASH "&peer_id=-XX0001-abcdefghijk%"), ERR_INVALID_PEER_ID},
        {VIEW(GOOD "&trackerid=%&ip=%4&x=%zz&key=%"), ERR_OK},
    };
    CHECK(rows);
}

/* G2: nine clients, one hash. */
static void spellings_of_one_hash_p2_p7_g2(void **state)
{
    (void)state;
    static const uint8_t HASH_BYTES[] = {0x00, 0x2b, 0x20, 0x25, 0x26, 0x3d, 0x23,
                                         0x7f, 0x80, 0xff, 0x7e, 0x21, 0x2a, 0x28,
                                         0x29, 0x27, 0x2f, 0x3f, 0x41, 0x7a};
    const struct view rows[] = {
        VIEW("%00%2b%20%25%26%3d%23%7f%80%ff~!*()%27%2f%3fAz"),
        VIEW("%00%2B%20%25%26%3D%23%7F%80%FF~%21%2A%28%29%27%2F%3FAz"),
        VIEW("%00%2B%20%25%26%3D%23%7F%80%FF%7E%21%2A%28%29%27%2F%3FAz"),
        VIEW("%00%2B%20%25%26%3D%23%7F%80%FF%7E%21*%28%29%27%2F%3FAz"),
        VIEW("%00%2b%20%25%26%3d%23%7f%80%ff%7e%21%2a%28%29%27%2f%3fAz"),
        VIEW("%00%2b%20%25%26%3d%23%7f%80%ff%7e!*()%27%2f%3fAz"),
        VIEW("%00%2b%20%25%26%3d%23%7f%80%ff%7e%21%2a%28%29%27%2f%3f%41%7a"),
        VIEW("%00+%20%25%26=%23%7F%80%FF~!*()'/?Az"),
        VIEW("%00+%20%25%26=%23%7F\x80\xff~!*()'/?Az"),
        VIEW("%00%2b%20%25%26%3D%23%7f%80%fF%7e%21%2a%28%29%27%2f%3f%41%7a"),
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        uint8_t out[INFO_HASH_BYTES];
        size_t len;
        const uint8_t *at = guarded(rows[i].ptr, rows[i].len);
        assert_true(http_unescape(view_of(at, rows[i].len), out, sizeof out, &len));
        assert_int_equal(len, sizeof out);
        assert_memory_equal(out, HASH_BYTES, sizeof out);
    }
}

static void unescape_decodes_once_and_stays_inside_p1_p5(void **state)
{
    (void)state;
    uint8_t out[3];
    size_t len;
    assert_true(http_unescape(VIEW("%2541"), out, sizeof out, &len));
    assert_int_equal(len, 3);
    assert_memory_equal(out, "%41", 3);
    assert_true(http_unescape(VIEW("%C3%A9"), out, sizeof out, &len));
    assert_int_equal(len, 2);
    assert_memory_equal(out, "\xc3\xa9", 2);
    assert_true(http_unescape(VIEW(""), out, sizeof out, &len));
    assert_int_equal(len, 0);
    assert_false(http_unescape(VIEW("%41%42%43%44"), out, sizeof out, &len));
    assert_false(http_unescape(VIEW("abcd"), out, sizeof out, &len));
}

static void peer_id_a2_ah35(void **state)
{
    (void)state;
    struct announce a;
    const struct verdict_row rows[] = {
        {VIEW(HASH "&port=1"), ERR_MISSING_PEER_ID},
        {VIEW(HASH "&peer_id=&port=1"), ERR_INVALID_PEER_ID},
        {VIEW(HASH "&peer_id=-XX0001-abcdefghijk&port=1"), ERR_INVALID_PEER_ID},
        {VIEW(HASH "&peer_id=-XX0001-abcdefghijklm&port=1"), ERR_INVALID_PEER_ID},
        {VIEW(HASH "&peer_id=x&" PEER_ID "&port=1"), ERR_OK}, /* A23 */
    };
    CHECK(rows);
    assert_int_equal(decode(VIEW(HASH "&port=1&peer_id=%00%00%00%00%00%00%00%00%00%00"
                                      "%00%00%00%00%00%00%00%00%00%00"),
                            &a),
                     ERR_OK);
    assert_memory_equal(a.peer_id.bytes, (const uint8_t[20]){0}, 20);
}

static void port_a3_a23_a33_ah36_ah46(void **state)
{
    (void)state;
#define P HASH "&" PEER_ID "&"
    const struct verdict_row rows[] = {
        {VIEW(HASH "&" PEER_ID), ERR_MISSING_PORT},
        {VIEW(P "port"), ERR_MISSING_PORT},
        {VIEW(P "port="), ERR_INVALID_PORT},
        {VIEW(P "port=0"), ERR_INVALID_PORT},
        {VIEW(P "port=65536"), ERR_INVALID_PORT},
        {VIEW(P "port=99999999999999999999"), ERR_INVALID_PORT},
        {VIEW(P "port=-1"), ERR_INVALID_PORT},
        {VIEW(P "port=+6881"), ERR_INVALID_PORT},
        {VIEW(P "port=%206881"), ERR_INVALID_PORT},
        {VIEW(P "port=6881x"), ERR_INVALID_PORT},
        {VIEW(P "port=0x1AE1"), ERR_INVALID_PORT},
        {VIEW(P "port=1e3"), ERR_INVALID_PORT},
        {VIEW(P "port=%zz"), ERR_INVALID_PORT},
        {VIEW(P "port=6881&port=x"), ERR_INVALID_PORT},
    };
    CHECK(rows);
    const struct {
        struct view query;
        uint16_t port;
    } good[] = {
        {VIEW(P "port=006881"), 6881},
        {VIEW(P "port=1"), 1}, /* A32 */
        {VIEW(P "port=65535"), 65535},
        {VIEW(P "port=%36881"), 6881},
        {VIEW(P "port=1&port=2"), 2},
        {VIEW(P "port=x&port=2"), 2},
        {VIEW("&foo&port=1&" P), 1},
        {VIEW("=x&" P "port=3"), 3},
        {VIEW("port&" P "port=4&port&=port"), 4},
        {VIEW("&&" P "&&port=5&&"), 5},
        {VIEW("port=6&" PEER_ID "&" HASH), 6}, /* A20, AH47 */
        {VIEW(P "port=0&cryptoport=7"), 7},    /* A31 */
        {VIEW("cryptoport=8&" P "port=0"), 8},
        {VIEW(P "port=9&cryptoport=10"), 9},
    };
    for (size_t i = 0; i < ROWS(good); i++) {
        struct announce a;
        assert_int_equal(decode(good[i].query, &a), ERR_OK);
        assert_int_equal(a.port, good[i].port);
    }
}

static void port_zero_a30_a31(void **state)
{
    (void)state;
    struct announce a;
    const struct verdict_row rows[] = {
        {VIEW(P "port=0&event=started"), ERR_INVALID_PORT},
        {VIEW(P "port=0&cryptoport=0"), ERR_INVALID_PORT},
        {VIEW(P "port=0&cryptoport=65536"), ERR_INVALID_PORT},
        {VIEW(P "port=0&cryptoport=5&cryptoport=x"), ERR_INVALID_PORT},
        {VIEW(P "event=stopped"), ERR_MISSING_PORT},
        {VIEW(P "port=x&event=stopped"), ERR_INVALID_PORT},
    };
    CHECK(rows);
    assert_int_equal(decode(VIEW(P "port=0&event=stopped"), &a), ERR_OK);
    assert_int_equal(a.port, 0);
#undef P
}

static void the_first_error_speaks_a29(void **state)
{
    (void)state;
    const struct verdict_row rows[] = {
        {VIEW("downloaded=x&uploaded=x&left=x&port=x&peer_id=x&info_hash=x"),
         ERR_INVALID_INFO_HASH},
        {VIEW("downloaded=x&uploaded=x&left=x&port=x&peer_id=x&" HASH), ERR_INVALID_PEER_ID},
        {VIEW("downloaded=x&uploaded=x&left=x&port=x&" PEER_ID "&" HASH), ERR_INVALID_PORT},
        {VIEW("downloaded=x&uploaded=x&left=x&" GOOD), ERR_INVALID_LEFT},
        {VIEW("downloaded=x&uploaded=x&left=1&" GOOD), ERR_INVALID_UPLOADED},
        {VIEW("downloaded=x&uploaded=1&left=1&" GOOD), ERR_INVALID_DOWNLOADED},
        {VIEW("left=x"), ERR_MISSING_INFO_HASH},
    };
    CHECK(rows);
}

static void left_a6_ah37(void **state)
{
    (void)state;
    const struct verdict_row rows[] = {
        {VIEW(GOOD "&left="), ERR_INVALID_LEFT},
        {VIEW(GOOD "&left=-1"), ERR_INVALID_LEFT},
        {VIEW(GOOD "&left=1.5"), ERR_INVALID_LEFT},
        {VIEW(GOOD "&left=1e9"), ERR_INVALID_LEFT},
        {VIEW(GOOD "&left=10000000000000000000000000000000000000000"), ERR_INVALID_LEFT},
    };
    CHECK(rows);
    assert_true(with(VIEW("left=0")).left == 0);
    assert_true(with(VIEW("left=00")).left == 0);
    assert_true(with(VIEW("left=4294967296")).left == 4294967296u);
    assert_true(with(VIEW("left=9223372036854775807")).left == INT64_MAX);
    assert_true(with(VIEW("left=18446744073709551615")).left == UINT64_MAX);
    assert_true(with(VIEW("left=18446744073709551616")).left == UINT64_MAX);
    assert_true(with(VIEW("left=99999999999999999999")).left == UINT64_MAX);
    assert_true(with(VIEW("left=5&left=0")).left == 0);
}

static void totals_a4_a5_ah38(void **state)
{
    (void)state;
    const struct verdict_row rows[] = {
        {VIEW(GOOD "&uploaded=-1"), ERR_INVALID_UPLOADED},
        {VIEW(GOOD "&uploaded="), ERR_INVALID_UPLOADED},
        {VIEW(GOOD "&downloaded=-1"), ERR_INVALID_DOWNLOADED},
        {VIEW(GOOD "&corrupt=-1&redundant=x"), ERR_OK}, /* A17, A18 */
    };
    CHECK(rows);
    struct announce a = with(VIEW("uploaded=5&downloaded=18446744073709551616"));
    assert_true(a.uploaded == 5);
    assert_true(a.downloaded == UINT64_MAX);
}

static void events_a7_e1_ah39(void **state)
{
    (void)state;
    assert_int_equal(with(VIEW("event=started")).event, EVENT_STARTED);
    assert_int_equal(with(VIEW("event=stopped")).event, EVENT_STOPPED);
    assert_int_equal(with(VIEW("event=completed")).event, EVENT_COMPLETED);
    assert_int_equal(with(VIEW("event=paused")).event, EVENT_PAUSED);
    assert_int_equal(with(VIEW("event=%73topped")).event, EVENT_STOPPED);
    const struct view regular[] = {
        VIEW("event="),    VIEW("event=empty"),   VIEW("event=STARTED"),
        VIEW("event=foo"), VIEW("event=%zz"),     VIEW("event=startedx"),
        VIEW("event"),     VIEW("Event=started"), VIEW("event=started&event="),
    };
    for (size_t i = 0; i < ROWS(regular); i++)
        assert_int_equal(with(regular[i]).event, EVENT_NONE);
    uint8_t text[8192 + 6];
    memset(text, 'a', sizeof text);
    memcpy(text, "event=", 6);
    assert_int_equal(with(view_of(text, sizeof text)).event, EVENT_NONE);
}

static void numwant_a9_ah40(void **state)
{
    (void)state;
    const struct {
        struct view tail;
        int32_t numwant;
    } rows[] = {
        {VIEW("numwant=-1"), NUMWANT_UNSET},
        {VIEW("numwant="), NUMWANT_UNSET},
        {VIEW("numwant=abc"), NUMWANT_UNSET},
        {VIEW("numwant=0"), 0},
        {VIEW("numwant=1"), 1},
        {VIEW("numwant=201"), 201},
        {VIEW("numwant=2147483647"), INT32_MAX},
        {VIEW("numwant=2147483648"), INT32_MAX},
        {VIEW("numwant=4294967295"), INT32_MAX},
        {VIEW("numwant=99999999999999999999"), INT32_MAX},
        {VIEW("numwant=999999999999999999999999999999"), NUMWANT_UNSET},
        {VIEW("numwant=10&numwant=-5"), NUMWANT_UNSET},
    };
    for (size_t i = 0; i < ROWS(rows); i++)
        assert_int_equal(with(rows[i].tail).numwant, rows[i].numwant);
}

static void keys_a10_u11_ah44(void **state)
{
    (void)state;
    assert_int_equal(with(VIEW("key=DEADBEEF")).key, 0xdeadbeef);
    assert_int_equal(with(VIEW("key=deadbeef")).key, 0xdeadbeef);
    assert_int_equal(with(VIEW("key=0000000a")).key, 10);
    assert_int_equal(with(VIEW("key=")).key, 0);
    const struct view spelled[] = {
        VIEW("key=-1234567"),
        VIEW("key=3735928559"),
        VIEW("key=aZ09xY12"),
        VIEW("key=deadbee"),
        VIEW("key=%00%01%02%03%04%05%06%07"),
        VIEW("key=dGVzdA=="),
    };
    for (size_t i = 0; i < ROWS(spelled); i++) {
        uint32_t key = with(spelled[i]).key;
        assert_int_not_equal(key, 0);
        assert_int_equal(key, with(spelled[i]).key);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(key, with(spelled[j]).key);
    }
    uint8_t text[8192];
    memset(text, 'k', sizeof text);
    memcpy(text, "key=", 4);
    assert_int_equal(with(view_of(text, sizeof text)).port, 6881);
}

static void forms_of_the_list_a11_a12_ah41(void **state)
{
    (void)state;
    assert_false(with(VIEW("compact=0")).compact);
    const struct view compact[] = {
        VIEW("compact=1"), VIEW("compact=2"),  VIEW("compact=abc"),        VIEW("compact="),
        VIEW("compact"),   VIEW("compact=00"), VIEW("compact=0&compact=1")};
    for (size_t i = 0; i < ROWS(compact); i++)
        assert_true(with(compact[i]).compact);
    assert_true(with(VIEW("no_peer_id=1")).no_peer_id);
    assert_false(with(VIEW("no_peer_id=0")).no_peer_id);
    assert_false(with(VIEW("no_peer_id")).no_peer_id);
}

static void the_rest_is_ignored_a8_a13_a19_a21_ah42_ah46(void **state)
{
    (void)state;
    const struct view rows[] = {
        VIEW("ip=8.8.8.8&ipv4=1.2.3.4:25&ipv6=%5B::1%5D:80&ip=evil.example&ip=%00"),
        VIEW("trackerid=%0d%0aSet-Cookie:x=1&supportcrypto=1&requirecrypto=1&cryptoport=x"),
        VIEW("azudp=6881&azhttp=1&azver=3&azq=1&hide=1&localip=10.0.0.1&natmapped=1&compact6=1"),
        VIEW("seed_id=1&check_seeded=1&last=0&tracker=1&lognet=1&torrent_pass=x&unknown&=&==&&"),
    };
    struct announce plain = with(VIEW(""));
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct announce a = with(rows[i]);
        assert_memory_equal(&a, &plain, sizeof a);
    }
}

static void many_parameters_ah45(void **state)
{
    (void)state;
    static uint8_t text[12000];
    memset(text, '&', sizeof text);
    assert_int_equal(with(view_of(text, sizeof text)).port, 6881);
    for (size_t i = 0; i + 4 <= sizeof text; i += 4)
        memcpy(text + i, "a=b&", 4);
    assert_int_equal(with(view_of(text, sizeof text)).port, 6881);
    memset(text, 'a', sizeof text);
    assert_int_equal(with(view_of(text, sizeof text)).port, 6881);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_parameters_have_defaults_a4_a12),
        cmocka_unit_test(what_is_not_the_querys_stays),
        cmocka_unit_test(the_hash_is_known_before_the_rest),
        cmocka_unit_test(info_hash_a1_a22_ah26_ah34),
        cmocka_unit_test(broken_escapes_p8_p9_ah28_ah29),
        cmocka_unit_test(spellings_of_one_hash_p2_p7_g2),
        cmocka_unit_test(unescape_decodes_once_and_stays_inside_p1_p5),
        cmocka_unit_test(peer_id_a2_ah35),
        cmocka_unit_test(port_a3_a23_a33_ah36_ah46),
        cmocka_unit_test(port_zero_a30_a31),
        cmocka_unit_test(the_first_error_speaks_a29),
        cmocka_unit_test(left_a6_ah37),
        cmocka_unit_test(totals_a4_a5_ah38),
        cmocka_unit_test(events_a7_e1_ah39),
        cmocka_unit_test(numwant_a9_ah40),
        cmocka_unit_test(keys_a10_u11_ah44),
        cmocka_unit_test(forms_of_the_list_a11_a12_ah41),
        cmocka_unit_test(the_rest_is_ignored_a8_a13_a19_a21_ah42_ah46),
        cmocka_unit_test(many_parameters_ah45),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
