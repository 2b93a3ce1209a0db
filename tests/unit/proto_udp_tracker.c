/* proto_udp_tracker.c - BEP 15 packets, BEP 41 options and connection ids (protocol.md U, G4, AU). */
#include "hex.h"
#include "unit.h"

#include "base/rng.h"
#include "proto/udp_tracker.h"

#include <stdio.h>

#define MAGIC    "0000041727101980"
#define ID       "1122334455667788"
#define HASH     "000102030405060708090a0b0c0d0e0f10111213"
#define PEER_ID  "2d5858303030312d6162636465666768696a6b6c"
#define COUNTERS "0000000000000000 0000000000100000 0000000000000000"
#define ANNOUNCE                                                                                   \
    ID " 00000001 0a0b0c0d " HASH PEER_ID COUNTERS "00000002 00000000 deadbeef ffffffff 1ae1"

static void assert_dropped(struct view packet)
{
    struct udp_request r;
    assert_int_equal(udp_decode_request(packet, &r), ERR_BAD_PACKET);
}

/* ---- the shared head ---- */

static void connect_is_the_magic_and_action_0(void **state)
{
    (void)state;
    struct udp_request r;
    assert_int_equal(udp_decode_request(hex(MAGIC "00000000 01020304"), &r), ERR_OK); /* G4 */
    assert_int_equal(r.action, UDP_CONNECT);
    assert_int_equal(r.transaction_id, 0x01020304);
    assert_int_equal(r.connection_id, 0);
    assert_int_equal(udp_decode_request(hex(MAGIC "00000000 00000000"), &r), ERR_OK); /* U3, AU5 */
    assert_int_equal(r.transaction_id, 0);
    assert_int_equal(udp_decode_request(hex(MAGIC "00000000 ffffffff"), &r), ERR_OK);
    assert_int_equal(r.transaction_id, 0xffffffff);
    assert_dropped(hex("0000041727101981 00000000 01020304")); /* U2, AU3 */
    assert_dropped(hex("8019102717040000 00000000 01020304")); /* AU4 */
    assert_dropped(hex("0000000000000000 00000000 01020304"));
}

static void connect_ignores_what_follows(void **state)
{
    (void)state;
    static const size_t TRAILING[] = {1, 84, 1400}; /* U2, AU6 */
    uint8_t packet[16 + 1400];
    memset(packet, 0xa5, sizeof packet);
    memcpy(packet, hex(MAGIC "00000000 01020304").ptr, 16);
    for (size_t i = 0; i < 3; i++) {
        struct udp_request r;
        size_t len = 16 + TRAILING[i];
        assert_int_equal(udp_decode_request(view_of(guarded(packet, len), len), &r), ERR_OK);
        assert_int_equal(r.action, UDP_CONNECT);
    }
}

static void short_packets_are_dropped(void **state)
{
    (void)state;
    struct view connect = hex(MAGIC "00000000 01020304");
    uint8_t bytes[16];
    memcpy(bytes, connect.ptr, sizeof bytes);
    for (size_t len = 0; len < 16; len++) /* U1, AU1, AU2 */
        assert_dropped(view_of(guarded(bytes, len), len));
}

static void foreign_actions_are_dropped(void **state)
{
    (void)state;
    assert_dropped(hex(ID "00000003 0a0b0c0d 6f6f7073")); /* U6, AU8: an error */
    assert_dropped(hex(ID "00000003 0a0b0c0d"));
    assert_dropped(hex(ID "00000005 0a0b0c0d")); /* AU9 */
    assert_dropped(hex(ID "7fffffff 0a0b0c0d"));
    assert_dropped(hex(ID "ffffffff 0a0b0c0d"));
    assert_dropped(hex("0d0a0d0a000d0a51 5549540a 2112000c c6336407 cb007101")); /* AU61, T76 */
}

static void packets_of_other_protocols_are_dropped(void **state)
{
    (void)state;
    struct view dht = VIEW("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"); /* AU53 */
    assert_dropped(view_of(guarded(dht.ptr, dht.len), dht.len));
    struct view sip = VIEW("OPTIONS sip:nm SIP/2.0\r\n\r\n");
    assert_dropped(view_of(guarded(sip.ptr, sip.len), sip.len));
    assert_dropped(hex("000100002112a442 b7e7a701bc34d686fa87dfae"));          /* STUN */
    assert_dropped(hex("abcd01000001000000000000 07 6578616d706c65 00 0001")); /* DNS */
    assert_dropped(hex("4100123400000000 00000000 00000000 00000000"));        /* uTP */
}

static void a_heartbeat_is_exactly_16_bytes(void **state)
{
    (void)state;
    struct udp_request r;
    assert_int_equal(udp_decode_request(hex("0000000000000000 00000004 01020304"), &r), ERR_OK);
    assert_int_equal(r.action, UDP_HEARTBEAT);
    assert_dropped(hex("0000000000000000 00000004 01020304 00")); /* U6, AU9 */
}

static void announces_below_98_bytes_are_dropped(void **state)
{
    (void)state;
    uint8_t packet[98];
    memcpy(packet, hex(ANNOUNCE).ptr, sizeof packet);
    for (size_t len = 16; len < 98; len++) { /* U4, AU18, AU19 */
        struct view v = view_of(guarded(packet, len), len);
        struct announce a;
        uint8_t url[UDP_URL_BYTES_MAX];
        size_t url_bytes = 1;
        assert_dropped(v);
        assert_int_equal(udp_decode_announce(v, &a, url, &url_bytes), ERR_BAD_PACKET);
        assert_int_equal(url_bytes, 0);
    }
}

/* ---- announce ---- */

struct decoded {
    struct announce a;
    uint8_t url[UDP_URL_BYTES_MAX];
    size_t url_bytes;
    enum err err;
};

static struct decoded decode(struct view packet)
{
    struct decoded d = {.url_bytes = 1};
    d.err = udp_decode_announce(packet, &d.a, d.url, &d.url_bytes);
    return d;
}

static void announce_of_the_golden_vector(void **state)
{
    (void)state;
    struct udp_request r;
    assert_int_equal(udp_decode_request(hex(ANNOUNCE), &r), ERR_OK); /* G4 */
    assert_int_equal(r.action, UDP_ANNOUNCE);
    assert_int_equal(r.transaction_id, 0x0a0b0c0d);
    assert_int_equal(r.connection_id, 0x1122334455667788);
    struct decoded d = decode(hex(ANNOUNCE));
    assert_int_equal(d.err, ERR_OK);
    assert_bytes_are(d.a.info_hash.bytes, 20, HASH);
    assert_bytes_are(d.a.peer_id.bytes, 20, PEER_ID);
    assert_int_equal(d.a.downloaded, 0);
    assert_int_equal(d.a.left, 1 << 20);
    assert_int_equal(d.a.uploaded, 0);
    assert_int_equal(d.a.event, EVENT_STARTED);
    assert_int_equal(d.a.key, 0xdeadbeef);
    assert_int_equal(d.a.numwant, NUMWANT_UNSET);
    assert_int_equal(d.a.port, 6881);
    assert_false(d.a.address_is_proxy);
    assert_int_equal(d.url_bytes, 0);
}

/* The golden announce with one field overwritten. */
static struct view announce_with(size_t offset, const char *field)
{
    uint8_t packet[98], bytes[20];
    memcpy(packet, hex(ANNOUNCE).ptr, sizeof packet);
    struct view v = hex(field);
    memcpy(bytes, v.ptr, v.len);
    memcpy(packet + offset, bytes, v.len);
    return view_of(guarded(packet, sizeof packet), sizeof packet);
}

static void events_are_bep_15_plus_paused(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        enum event event;
    } CASES[] = {
        {"00000000", EVENT_NONE},    {"00000001", EVENT_COMPLETED}, {"00000002", EVENT_STARTED},
        {"00000003", EVENT_STOPPED}, {"00000004", EVENT_PAUSED}, /* AU30 */
        {"00000005", EVENT_NONE},    {"00000100", EVENT_NONE},   /* U7, AU31 */
        {"80000001", EVENT_NONE},    {"ffffffff", EVENT_NONE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct decoded d = decode(announce_with(80, CASES[i].code));
        assert_int_equal(d.err, ERR_OK);
        assert_int_equal(d.a.event, CASES[i].event);
    }
}

static void num_want_is_signed(void **state)
{
    (void)state;
    assert_int_equal(decode(announce_with(92, "ffffffff")).a.numwant, NUMWANT_UNSET); /* U8, AU37 */
    assert_int_equal(decode(announce_with(92, "80000000")).a.numwant, NUMWANT_UNSET);
    assert_int_equal(decode(announce_with(92, "7fffffff")).a.numwant, INT32_MAX);
    assert_int_equal(decode(announce_with(92, "00000000")).a.numwant, 0); /* AU36 */
    assert_int_equal(decode(announce_with(92, "000000c8")).a.numwant, 200);
}

static void port_0_is_for_stopped_only(void **state)
{
    (void)state;
    assert_int_equal(decode(announce_with(96, "0000")).err, ERR_INVALID_PORT); /* U9, AU38 */
    assert_int_equal(decode(announce_with(96, "ffff")).a.port, 65535);
    uint8_t packet[98];
    memcpy(packet, announce_with(96, "0000").ptr, sizeof packet);
    packet[83] = EVENT_STOPPED;
    struct decoded d = decode(view_of(guarded(packet, 98), 98));
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.a.port, 0);
}

static void the_address_field_is_ignored(void **state)
{
    (void)state;
    struct announce a = {.address = {.family = FAMILY_V4, .ip = {198, 51, 100, 7}},
                         .passkey = VIEW("k")};
    uint8_t url[UDP_URL_BYTES_MAX];
    size_t url_bytes;
    struct view packet = announce_with(84, "cb007101"); /* U10, V22, AU39, AU40 */
    assert_int_equal(udp_decode_announce(packet, &a, url, &url_bytes), ERR_OK);
    assert_memory_equal(a.address.ip, ((uint8_t[16]){198, 51, 100, 7}), 16);
    assert_int_equal(a.passkey.len, 1);
}

static void numbers_are_64_bits_wide(void **state)
{
    (void)state;
    assert_true(decode(announce_with(64, "0000000100000000")).a.left == 1ull << 32); /* AU41 */
    assert_true(decode(announce_with(64, "8000000000000000")).a.left == 1ull << 63);
    assert_true(decode(announce_with(64, "ffffffffffffffff")).a.left == UINT64_MAX);
    assert_true(decode(announce_with(56, "ffffffffffffffff")).a.downloaded ==
                UINT64_MAX); /* AU42 */
    assert_true(decode(announce_with(72, "ffffffffffffffff")).a.uploaded == UINT64_MAX);
}

static void any_hash_and_any_id_will_do(void **state)
{
    (void)state;
    static const char ONES[] = "ffffffffffffffffffffffffffffffffffffffff";
    assert_int_equal(decode(announce_with(16, ONES)).err, ERR_OK); /* AU49 */
    assert_int_equal(decode(announce_with(36, ONES)).err, ERR_OK);
    assert_int_equal(decode(announce_with(16, "0000000000000000000000000000000000000000")).err,
                     ERR_OK);
}

/* ---- BEP 41 ---- */

static struct decoded decode_options(const char *options)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", ANNOUNCE, options);
    return decode(hex(text));
}

static void assert_url(const char *options, const char *url)
{
    struct decoded d = decode_options(options);
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.url_bytes, strlen(url));
    assert_memory_equal(d.url, url, d.url_bytes);
}

static void url_data_is_reassembled(void **state)
{
    (void)state;
    assert_url("02 0c 2f6469723f613d6226633d64", "/dir?a=b&c=d");             /* G4, U81 */
    assert_url("02 00", "");                                                  /* AU23 */
    assert_url("02 02 2f61 02 01 62 02 00 01 02 01 63 02 02 6465", "/abcde"); /* AU27 */
    assert_url("02 06 2f253030 0d0a", "/%00\r\n"); /* AU29: bytes, undecoded */
}

static void options_end_where_they_say(void **state)
{
    (void)state;
    assert_url("", "");            /* U4, AU20: 98 bytes */
    assert_url("00", "");          /* 99 */
    assert_url("0000", "");        /* 100: aria2, rain; U85 */
    assert_url("00 02 01 61", ""); /* U80, AU25 */
    assert_url("02 01 61 00 02 01 62", "a");
    assert_url("00 ff02fe0102", "");
    assert_url("01 01 01 02 01 61", "a");
}

static void unknown_options_are_skipped(void **state)
{
    (void)state;
    assert_url("7f 03 aabbcc 02 01 61", "a"); /* U82, AU26 */
    assert_url("03 00 ff 00 02 01 61", "a");
}

static void broken_options_keep_the_announce(void **state)
{
    (void)state;
    assert_url("02 ff 616263", "");       /* U83, AU21 */
    assert_url("02", "");                 /* AU22 */
    assert_url("02 01 61 02 05 62", "a"); /* what came before the broken one stays */
    assert_url("02 01 61 7f", "a");
    assert_url("7f ff 02 01 61", "");
}

static struct view announce_with_options(uint8_t *packet, const uint8_t *options, size_t len)
{
    memcpy(packet, hex(ANNOUNCE).ptr, 98);
    memcpy(packet + 98, options, len);
    return view_of(guarded(packet, 98 + len), 98 + len);
}

static void url_data_is_bounded(void **state)
{
    (void)state;
    uint8_t packet[4096], options[9 * 257];
    memset(options, 'u', sizeof options);
    for (size_t i = 0; i < 9; i++) {
        options[i * 257] = 2;
        options[i * 257 + 1] = 255;
    }
    options[8 * 257 + 1] = 2048 - 8 * 255; /* U84: exactly 2048 */
    size_t len = 8 * 257 + 2 + (2048 - 8 * 255);
    struct decoded d = decode(announce_with_options(packet, options, len));
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.url_bytes, UDP_URL_BYTES_MAX);
    options[8 * 257 + 1]++; /* AU28: one more */
    d = decode(announce_with_options(packet, options, len + 1));
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.url_bytes, 0);
}

static void nops_cost_one_step_each(void **state)
{
    (void)state;
    uint8_t packet[98 + 1303], options[1303];
    memset(options, 1, sizeof options); /* AU24 */
    memcpy(options + 1300, "\x02\x01x", 3);
    struct decoded d = decode(announce_with_options(packet, options, sizeof options));
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.url_bytes, 1);
    assert_int_equal(d.url[0], 'x');
}

static void the_largest_datagram_is_an_announce(void **state)
{
    (void)state;
    static uint8_t packet[65507]; /* AU52 */
    memset(packet, 0xff, sizeof packet);
    memcpy(packet, hex(ANNOUNCE).ptr, 98);
    struct decoded d = decode(view_of(guarded(packet, sizeof packet), sizeof packet));
    assert_int_equal(d.err, ERR_OK);
    assert_int_equal(d.url_bytes, 0);
}

/* ---- scrape ---- */

static size_t scraped(size_t packet_bytes)
{
    static uint8_t packet[60016];
    memcpy(packet, hex(ID "00000002 0a0b0c0e").ptr, 16);
    for (size_t i = 16; i < sizeof packet; i++)
        packet[i] = (uint8_t)((i - 16) / 20);
    struct view v = view_of(guarded(packet, packet_bytes), packet_bytes);
    struct udp_request r;
    assert_int_equal(udp_decode_request(v, &r), ERR_OK);
    assert_int_equal(r.action, UDP_SCRAPE);
    const struct info_hash *hashes;
    size_t count;
    enum err err = udp_decode_scrape(v, &hashes, &count);
    assert_int_equal(err, count ? ERR_OK : ERR_NO_INFO_HASH);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hashes[i].bytes[19], (uint8_t)i);
    return count;
}

static void scrapes_take_whole_hashes(void **state)
{
    (void)state;
    assert_int_equal(scraped(16), 0);      /* U5, AU43 */
    assert_int_equal(scraped(16 + 19), 0); /* AU44 */
    assert_int_equal(scraped(16 + 20), 1);
    assert_int_equal(scraped(16 + 21), 1);
    assert_int_equal(scraped(16 + 39), 1);
    assert_int_equal(scraped(1496), 74); /* U60, AU45, AU47 */
    assert_int_equal(scraped(1496 + 20), 74);
    assert_int_equal(scraped(60016), 74); /* AU46 */
}

/* ---- answers ---- */

static void answers_of_the_golden_vectors(void **state)
{
    (void)state;
    const struct swarm_numbers n = {.complete = 2, .incomplete = 3, .downloaded = 5};
    uint8_t bytes[64];
    struct writer w = writer_of(bytes, sizeof bytes); /* G4 */
    udp_encode_connect(&w, 0x01020304, 0x1122334455667788);
    assert_bytes_are(bytes, writer_used(&w), "00000000 01020304 " ID);

    w = writer_of(bytes, sizeof bytes);
    udp_encode_announce_head(&w, 0x0a0b0c0d, 1800, &n);
    assert_bytes_are(bytes, writer_used(&w), "00000001 0a0b0c0d 00000708 00000003 00000002");

    w = writer_of(bytes, sizeof bytes);
    udp_encode_scrape_head(&w, 0x0a0b0c0e);
    udp_encode_scrape_entry(&w, &n);
    assert_bytes_are(bytes, writer_used(&w), "00000002 0a0b0c0e 00000002 00000005 00000003");

    w = writer_of(bytes, sizeof bytes);
    udp_encode_error(&w, 0x0a0b0c0d, ERR_INVALID_PORT);
    assert_bytes_are(bytes, writer_used(&w), "00000003 0a0b0c0d 696e76616c696420706f7274");
}

static void unknown_torrents_scrape_as_zeros(void **state)
{
    (void)state;
    uint8_t bytes[20];
    struct writer w = writer_of(bytes, sizeof bytes);
    udp_encode_scrape_head(&w, 1);
    udp_encode_scrape_entry(&w, &(struct swarm_numbers){0}); /* U13, AU48 */
    assert_bytes_are(bytes, writer_used(&w), "00000002 00000001 000000000000000000000000");
}

static void a_full_scrape_answer_is_896_bytes(void **state)
{
    (void)state;
    uint8_t bytes[1232];
    struct writer w = writer_of(bytes, sizeof bytes);
    udp_encode_scrape_head(&w, 1);
    for (size_t i = 0; i < UDP_SCRAPE_HASHES_MAX; i++)
        udp_encode_scrape_entry(&w, &(struct swarm_numbers){.complete = (uint32_t)i});
    assert_int_equal(writer_used(&w), 896); /* AU45 */
    assert_int_equal(bytes[8 + 12 * 73 + 3], 73);
}

static void errors_are_short_printable_text(void **state)
{
    (void)state;
    for (int err = 0; err < ERR_COUNT; err++) { /* U63, U64 */
        uint8_t bytes[128];
        struct writer w = writer_of(bytes, sizeof bytes);
        udp_encode_error(&w, 7, (enum err)err);
        assert_in_range(writer_used(&w), 8 + 1, 8 + 80);
        assert_true(bytes[8] != 'd' || bytes[9] < '0' || bytes[9] > '9');
        for (size_t i = 8; i < writer_used(&w); i++)
            assert_in_range(bytes[i], 0x20, 0x7e);
    }
    uint8_t bytes[25]; /* U25: fits into a request of 36 bytes */
    struct writer w = writer_of(bytes, sizeof bytes);
    udp_encode_error(&w, 7, ERR_BAD_CONNECTION_ID);
    assert_false(w.overflow);
    assert_int_equal(writer_used(&w), 25);
}

static void answers_never_leave_their_room(void **state)
{
    (void)state;
    const struct swarm_numbers n = {0};
    for (size_t room = 0; room < 16; room++) {
        uint8_t *at = guarded("0123456789abcdef", room);
        struct writer w = writer_of(at, room);
        udp_encode_connect(&w, 1, 2);
        udp_encode_announce_head(&w, 1, 2, &n);
        udp_encode_error(&w, 1, ERR_INVALID_PASSKEY);
        assert_true(w.overflow);
        assert_int_equal(writer_used(&w), 0);
        assert_memory_equal(at, "0123456789abcdef", room);
    }
}

/* ---- connection ids ---- */

static const struct hash_key KEY = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct address V4 = {.family = FAMILY_V4, .ip = {198, 51, 100, 7}};
static const struct address V6 = {.family = FAMILY_V6, .ip = {0x20, 1, 0x0d, 0xb8, [15] = 7}};

static bool is_valid(const struct address *a, uint32_t now_s, uint32_t ttl_s, uint64_t id)
{
    return udp_connection_id_is_valid(&KEY, a, now_s, ttl_s, id);
}

static void ids_live_for_their_ttl(void **state)
{
    (void)state;
    static const uint32_t TTLS_S[] = {1, 2, 120, 600, 3600};
    static const uint32_t ISSUED_S[] = {0, 1, 65535, 65536, 100000, UINT32_MAX - 10};
    for (size_t t = 0; t < 5; t++) {
        for (size_t i = 0; i < 6; i++) {
            uint32_t at = ISSUED_S[i], ttl = TTLS_S[t];
            uint64_t id = udp_connection_id(&KEY, &V4, at);
            assert_true(is_valid(&V4, at, ttl, id)); /* U21 */
            assert_true(is_valid(&V4, at + ttl, ttl, id));
            assert_false(is_valid(&V4, at + ttl + 1, ttl, id)); /* U22 */
            assert_false(is_valid(&V4, at + 3601, ttl, id));
        }
    }
    uint64_t id = udp_connection_id(&KEY, &V6, 5000);
    assert_true(is_valid(&V6, 5119, 600, id)); /* AU16 */
    assert_false(is_valid(&V6, 8600, 600, id));
}

static void old_ids_do_not_come_back_when_the_time_wraps(void **state)
{
    (void)state;
    uint64_t id = udp_connection_id(&KEY, &V4, 100);
    for (uint32_t turn = 1; turn < 2000; turn++)
        assert_false(is_valid(&V4, 100 + turn * 65536, 3600, id));
    for (uint32_t age = 3601; age < 3 * 65536; age++)
        assert_false(is_valid(&V4, 100 + age, 3600, id));
}

static void ids_from_the_future_are_rejected(void **state)
{
    (void)state;
    for (uint32_t ahead = 2; ahead < 70000; ahead += 7) /* U28; one second is two workers' skew */
        assert_false(is_valid(&V4, 5000, 3600, udp_connection_id(&KEY, &V4, 5000 + ahead)));
    uint64_t id = udp_connection_id(&KEY, &V4, 5000);
    for (uint64_t ahead = 1; ahead < 65536; ahead++) /* AU17: the time part moved */
        assert_false(is_valid(&V4, 5000, 3600, id + (ahead << 48)));
    assert_true(is_valid(&V4, 4999, 3600, id));
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    for (uint32_t now_s = 60000; now_s < 70000; now_s += 97) { /* AU15 */
        uint64_t id = udp_connection_id(&KEY, &V4, now_s);
        for (int bit = 0; bit < 64; bit++)
            assert_false(is_valid(&V4, now_s + 30, 3600, id ^ (1ull << bit)));
    }
}

static void ids_are_bound_to_the_address(void **state)
{
    (void)state;
    struct address a = V4;
    uint64_t id = udp_connection_id(&KEY, &V4, 100); /* U23, AU12..AU14: no port in it */
    for (int bit = 0; bit < 32; bit++) {
        a.ip[bit / 8] = V4.ip[bit / 8] ^ (uint8_t)(1 << bit % 8);
        assert_false(is_valid(&a, 100, 600, id));
        a = V4;
    }
    struct address b = V6;
    b.ip[15] ^= 1;
    assert_false(is_valid(&b, 100, 600, udp_connection_id(&KEY, &V6, 100)));
    const struct hash_key other = {{2}};
    assert_false(udp_connection_id_is_valid(&other, &V4, 100, 600, id));
    assert_true(udp_connection_id(&KEY, &V4, 101) != id);
}

static void ids_are_never_0_nor_the_magic(void **state)
{
    (void)state;
    static const uint64_t NEVER[] = {0, 0x41727101980ull}; /* U26, U27, AU10, AU11 */
    for (uint32_t now_s = 0; now_s < 200000; now_s += 11) {
        uint64_t id = udp_connection_id(&KEY, &V4, now_s);
        assert_int_equal(id & 1, 1);
        assert_true(id != NEVER[0] && id != NEVER[1]);
        assert_false(is_valid(&V4, now_s, 3600, NEVER[0]));
        assert_false(is_valid(&V4, now_s, 3600, NEVER[1]));
    }
}

static void guessed_ids_are_rejected(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 41);
    for (int i = 0; i < 200000; i++) /* U20, U29 */
        assert_false(is_valid(&V4, 5000, 3600, rng_u64(&rng)));
    for (uint64_t i = 0; i < 200000; i++)
        assert_false(is_valid(&V4, 5000, 3600, (5000ull << 48) | (rng_u64(&rng) >> 16)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connect_is_the_magic_and_action_0),
        cmocka_unit_test(connect_ignores_what_follows),
        cmocka_unit_test(short_packets_are_dropped),
        cmocka_unit_test(foreign_actions_are_dropped),
        cmocka_unit_test(packets_of_other_protocols_are_dropped),
        cmocka_unit_test(a_heartbeat_is_exactly_16_bytes),
        cmocka_unit_test(announces_below_98_bytes_are_dropped),
        cmocka_unit_test(announce_of_the_golden_vector),
        cmocka_unit_test(events_are_bep_15_plus_paused),
        cmocka_unit_test(num_want_is_signed),
        cmocka_unit_test(port_0_is_for_stopped_only),
        cmocka_unit_test(the_address_field_is_ignored),
        cmocka_unit_test(numbers_are_64_bits_wide),
        cmocka_unit_test(any_hash_and_any_id_will_do),
        cmocka_unit_test(url_data_is_reassembled),
        cmocka_unit_test(options_end_where_they_say),
        cmocka_unit_test(unknown_options_are_skipped),
        cmocka_unit_test(broken_options_keep_the_announce),
        cmocka_unit_test(url_data_is_bounded),
        cmocka_unit_test(nops_cost_one_step_each),
        cmocka_unit_test(the_largest_datagram_is_an_announce),
        cmocka_unit_test(scrapes_take_whole_hashes),
        cmocka_unit_test(answers_of_the_golden_vectors),
        cmocka_unit_test(unknown_torrents_scrape_as_zeros),
        cmocka_unit_test(a_full_scrape_answer_is_896_bytes),
        cmocka_unit_test(errors_are_short_printable_text),
        cmocka_unit_test(answers_never_leave_their_room),
        cmocka_unit_test(ids_live_for_their_ttl),
        cmocka_unit_test(old_ids_do_not_come_back_when_the_time_wraps),
        cmocka_unit_test(ids_from_the_future_are_rejected),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(ids_are_bound_to_the_address),
        cmocka_unit_test(ids_are_never_0_nor_the_magic),
        cmocka_unit_test(guessed_ids_are_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
