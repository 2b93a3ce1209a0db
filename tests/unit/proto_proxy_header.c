/* proto_proxy_header.c - PROXY v1 and v2, whole, split and broken (T70..T77, AT8..AT16, AU62). */
#include "hex.h"
#include "unit.h"

#include "proto/address_text.h"
#include "proto/proxy_header.h"

#define BAD  (-1)
#define MORE 0

#define SIGNATURE "0d0a0d0a000d0a515549540a"
#define V4_BLOCK  "c6336407 cb007101 c8d5 1b39"
#define V6_BLOCK  "20010db8000000000000000000000007 20010db8000000000000000000000001 c8d5 1b39"

static int parse(struct view bytes, bool datagram, struct proxy_header *h)
{
    return proxy_header_parse(view_of(guarded(bytes.ptr, bytes.len), bytes.len), datagram, h);
}

static int parse_text(const char *text)
{
    struct proxy_header h;
    return parse(view_of(text, strlen(text)), false, &h);
}

static int parse_hex(const char *text, bool datagram)
{
    struct proxy_header h;
    return proxy_header_parse(hex(text), datagram, &h);
}

static void assert_source(const struct proxy_header *h, const char *text)
{
    char printed[ADDRESS_TEXT_BYTES_MAX];
    assert_false(h->is_local);
    address_print(&h->source, printed);
    assert_string_equal(printed, text);
}

/* Every shorter prefix is MORE (AT16), bytes behind the header are not looked at (AT15). */
static void assert_header(struct view whole, struct proxy_header *h)
{
    uint8_t bytes[512];
    size_t len = whole.len;
    assert_true(len + 3 <= sizeof bytes);
    memcpy(bytes, whole.ptr, len);
    memcpy(bytes + len, "GET", 3);
    for (size_t n = 0; n < len; n++)
        assert_int_equal(parse(view_of(bytes, n), false, h), MORE);
    assert_int_equal(parse(view_of(bytes, len + 3), false, h), len);
    assert_int_equal(parse(view_of(bytes, len), false, h), len);
}

static void assert_line(const char *line, const char *source)
{
    struct proxy_header h;
    assert_header(view_of(line, strlen(line)), &h);
    if (source) assert_source(&h, source);
    else assert_true(h.is_local);
}

static void v1_lines(void **state)
{
    (void)state;
    assert_line("PROXY TCP4 198.51.100.7 203.0.113.1 51413 6969\r\n", "198.51.100.7"); /* T71 */
    assert_line("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255");
    assert_line("PROXY TCP6 2001:db8::7 2001:db8::1 51413 6969\r\n", "2001:db8::7");
    assert_line("PROXY TCP4 1.2.3.4 5.6.7.8 0 1\r\n", "1.2.3.4");
    assert_line("PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n", "10.0.0.1"); /* AT14, V2 */
    assert_line("PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", "127.0.0.1");
}

static void v1_unknown_is_the_proxy_itself(void **state)
{
    (void)state;
    assert_line("PROXY UNKNOWN\r\n", NULL); /* T75, AT11 */
    assert_line("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", NULL);
}

static void v1_is_at_most_107_bytes(void **state)
{
    (void)state;
    char line[128];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + 105, "\r\n", 2);
    struct proxy_header h;
    assert_header(view_of(line, 107), &h);
    memcpy(line + 105, "x\r\n", 3); /* AT10 */
    assert_int_equal(parse(view_of(line, 108), false, &h), BAD);
    assert_int_equal(parse(view_of(line, 107), false, &h), BAD);
    assert_int_equal(parse(view_of(line, 106), false, &h), MORE);
}

static void v1_faults_are_refused(void **state)
{
    (void)state;
    static const char *const BAD_LINES[] = {
        /* T71, AT10 */
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
        "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
        "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
        "PROXY TCP4 1.2.3.4\n5.6.7.8 1 2\r\n",
        "PROXY TCP4 1.2.3.4\r5.6.7.8 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXY unknown\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        "PROXYTCP4",
        "GET / HTTP/1.1\r\n\r\n", /* T70, AT9 */
        " PROXY",
        "P ",
    };
    for (size_t i = 0; i < sizeof BAD_LINES / sizeof *BAD_LINES; i++)
        if (parse_text(BAD_LINES[i]) != BAD) fail_msg("accepted: %s", BAD_LINES[i]);
}

static void v2_streams(void **state)
{
    (void)state;
    struct proxy_header h;
    assert_header(hex(SIGNATURE "21 11 000c" V4_BLOCK), &h); /* T72 */
    assert_source(&h, "198.51.100.7");
    assert_header(hex(SIGNATURE "21 21 0024" V6_BLOCK), &h);
    assert_source(&h, "2001:db8::7");
    assert_header(hex(SIGNATURE "21 11 000c 7f000001 cb007101 c8d5 1b39"), &h); /* AT14 */
    assert_source(&h, "127.0.0.1");
    assert_header(hex(SIGNATURE "21 21 0024 00000000000000000000ffff0a000001"
                                "00000000000000000000000000000001 c8d5 1b39"),
                  &h);
    assert_source(&h, "10.0.0.1");
    assert_int_equal(h.source.family, FAMILY_V4);
}

static void v2_tlvs_are_skipped(void **state)
{
    (void)state;
    struct proxy_header h; /* T73: a wrong CRC32C among them */
    assert_header(hex(SIGNATURE "21 11 0016" V4_BLOCK "03 0004 deadbeef 04 0000"), &h);
    assert_source(&h, "198.51.100.7");
}

static void v2_local_and_unspecified_speak_for_the_proxy(void **state)
{
    (void)state;
    static const char *const HEADERS[] = {
        SIGNATURE "20 00 0000",          SIGNATURE "20 11 000c" V4_BLOCK, /* AT13 */
        SIGNATURE "20 00 000c" V4_BLOCK, SIGNATURE "21 00 0000",
        SIGNATURE "21 00 0003 010203",
    };
    for (size_t i = 0; i < sizeof HEADERS / sizeof *HEADERS; i++) {
        struct proxy_header h = {.is_local = false};
        struct view v = hex(HEADERS[i]);
        assert_header(v, &h); /* T75 */
        assert_true(h.is_local);
        assert_true(parse_hex(HEADERS[i], true) > 0);
    }
}

static void v2_unix_sources_have_no_address(void **state)
{
    (void)state;
    uint8_t bytes[16 + 216] = {0};
    memcpy(bytes, hex(SIGNATURE "21 31 00d8").ptr, 16);
    struct proxy_header h;
    assert_header(view_of(bytes, sizeof bytes), &h);
    assert_true(h.is_local);
    assert_int_equal(parse(view_of(bytes, sizeof bytes), true, &h), BAD); /* AU62 */
}

static void v2_faults_are_refused(void **state)
{
    (void)state;
    static const char *const BAD_HEADERS[] = {
        /* T72, AT12 */
        SIGNATURE "11 11 000c" V4_BLOCK, /* version 1 */
        SIGNATURE "31 11 000c" V4_BLOCK, /* version 3 */
        SIGNATURE "11",                  /* refused without waiting */
        SIGNATURE "22 11 000c" V4_BLOCK, /* command 2 */
        SIGNATURE "21 41 000c" V4_BLOCK, /* family 4 */
        SIGNATURE "21 13 000c" V4_BLOCK, /* transport 3 */
        SIGNATURE "21 12 000c" V4_BLOCK, /* UDP inside TCP */
        SIGNATURE "21 22 0024" V6_BLOCK,
        SIGNATURE "21 11 000b c6336407cb007101c8d51b",
        SIGNATURE "21 11 0000",
        SIGNATURE "21 21 000c" V4_BLOCK,
        SIGNATURE "21 11 ffff" V4_BLOCK, /* 65535 bytes will not be waited for */
        SIGNATURE "21 31 000c" V4_BLOCK,
        "0d0a0d0a000d0a515549540b",
        "0d0a0d0b",
        "16030100", /* AT1: a ClientHello */
    };
    for (size_t i = 0; i < sizeof BAD_HEADERS / sizeof *BAD_HEADERS; i++)
        if (parse_hex(BAD_HEADERS[i], false) != BAD) fail_msg("accepted: %s", BAD_HEADERS[i]);
}

static void v2_length_is_bounded(void **state)
{
    (void)state;
    static uint8_t bytes[PROXY_HEADER_BYTES_MAX + 1];
    memcpy(bytes, hex(SIGNATURE "21 11 0ff0" V4_BLOCK).ptr, 28);
    struct proxy_header h;
    assert_int_equal(parse(view_of(bytes, PROXY_HEADER_BYTES_MAX - 1), false, &h), MORE);
    assert_int_equal(parse(view_of(bytes, PROXY_HEADER_BYTES_MAX), false, &h),
                     PROXY_HEADER_BYTES_MAX);
    bytes[15]++;
    assert_int_equal(parse(view_of(bytes, sizeof bytes), false, &h), BAD);
}

static void datagrams_hold_a_whole_v2_header(void **state)
{
    (void)state;
    static const char V4_HEADER[] = SIGNATURE "21 12 000c" V4_BLOCK; /* G4, T74 */
    struct proxy_header h;
    assert_int_equal(proxy_header_parse(hex(V4_HEADER), true, &h), 28);
    assert_source(&h, "198.51.100.7");
    assert_int_equal(proxy_header_parse(hex(SIGNATURE "21 22 0024" V6_BLOCK), true, &h), 52);
    assert_source(&h, "2001:db8::7");
    uint8_t bytes[28];
    memcpy(bytes, hex(V4_HEADER).ptr, sizeof bytes);
    for (size_t n = 0; n < sizeof bytes; n++) /* AU62: truncated */
        assert_int_equal(parse(view_of(bytes, n), true, &h), BAD);
    assert_int_equal(parse_hex(SIGNATURE "21 12 ffff" V4_BLOCK, true), BAD);
    assert_int_equal(parse_hex(SIGNATURE "21 11 000c" V4_BLOCK, true), BAD); /* TCP inside UDP */
    assert_int_equal(parse_hex(SIGNATURE "21 32 000c" V4_BLOCK, true), BAD);
    struct view v1 = VIEW("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n");
    assert_int_equal(parse(v1, true, &h), BAD);
    assert_int_equal(parse_hex("0000041727101980 00000000 01020304", true), BAD);
}

static void failures_leave_the_result_alone(void **state)
{
    (void)state;
    struct proxy_header h = {.is_local = true, .source = {.ip = {9}}};
    struct view line = VIEW("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n");
    assert_int_equal(parse(line, false, &h), BAD);
    assert_true(h.is_local);
    assert_int_equal(h.source.ip[0], 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_lines),
        cmocka_unit_test(v1_unknown_is_the_proxy_itself),
        cmocka_unit_test(v1_is_at_most_107_bytes),
        cmocka_unit_test(v1_faults_are_refused),
        cmocka_unit_test(v2_streams),
        cmocka_unit_test(v2_tlvs_are_skipped),
        cmocka_unit_test(v2_local_and_unspecified_speak_for_the_proxy),
        cmocka_unit_test(v2_unix_sources_have_no_address),
        cmocka_unit_test(v2_faults_are_refused),
        cmocka_unit_test(v2_length_is_bounded),
        cmocka_unit_test(datagrams_hold_a_whole_v2_header),
        cmocka_unit_test(failures_leave_the_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
