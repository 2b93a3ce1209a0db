/* proto_snapshot.c - the snapshot format (docs/snapshot-format.md): what is written is read again,
 * what was damaged is seen. */
#include "hex.h"
#include "unit.h"

#include "proto/snapshot.h"

#include <zlib.h>

static const struct snapshot_header HEADER = {.age_unit_s = 2,
                                              .lifetime_s = 3598,
                                              .saved_unix_s = 0x65000000,
                                              .saved_uptime_s = 1000,
                                              .boot_id = "0123456789abcde",
                                              .tag_check = 0x1122334455667788};

static uint8_t buffer[SNAPSHOT_BLOCK_BYTES_MAX];

static struct stored_peer peer4(uint8_t last, uint16_t port)
{
    return (struct stored_peer){.address = {.ip = {10, 0, 0, last}}, .port = port, .tag = 0xabcd};
}

static struct stored_peer peer6(uint8_t last, uint16_t port)
{
    struct stored_peer p = {
        .address = {.family = FAMILY_V6, .ip = {0x20, 1}}, .port = port, .tag = 0xef01};
    p.address.ip[15] = last;
    return p;
}

static struct stored_torrent torrent(uint8_t first, const struct stored_peer *peers, uint32_t count)
{
    return (struct stored_torrent){.info_hash = {{first}}, .peers = peers, .count = count};
}

/* ---- the header ---- */

static void a_header_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[SNAPSHOT_HEADER_BYTES];
    struct snapshot_header got;
    snapshot_header_write(&HEADER, bytes);
    assert_memory_equal(bytes, "musterS\n\0\1\0\0\0\0\0\2\0\0\0\0\x65\0\0\0", 24);
    assert_int_equal(snapshot_header_read(guarded(bytes, sizeof bytes), &got), ERR_OK);
    assert_false(got.has_peer_ids);
    assert_int_equal(got.age_unit_s, 2);
    assert_int_equal(got.lifetime_s, 3598);
    assert_int_equal(got.saved_unix_s, HEADER.saved_unix_s);
    assert_int_equal(got.saved_uptime_s, 1000);
    assert_memory_equal(got.boot_id, HEADER.boot_id, sizeof got.boot_id);
    assert_true(got.tag_check == HEADER.tag_check);
}

static void every_flipped_bit_of_a_header_is_seen(void **state)
{
    (void)state;
    uint8_t bytes[SNAPSHOT_HEADER_BYTES];
    struct snapshot_header got;
    snapshot_header_write(&HEADER, bytes);
    for (unsigned bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err err = snapshot_header_read(bytes, &got);
        assert_int_equal(err, bit < 64   ? ERR_SNAPSHOT_FOREIGN
                              : bit < 80 ? ERR_SNAPSHOT_VERSION
                                         : ERR_SNAPSHOT_DAMAGED);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void an_age_unit_of_0_is_no_header(void **state)
{
    (void)state;
    uint8_t bytes[SNAPSHOT_HEADER_BYTES];
    struct snapshot_header h = HEADER, got;
    h.age_unit_s = 0;
    snapshot_header_write(&h, bytes);
    assert_int_equal(snapshot_header_read(bytes, &got), ERR_SNAPSHOT_DAMAGED);
}

/* ---- blocks ---- */

static struct view payload_of(struct view block, struct snapshot_head *head)
{
    assert_int_equal(snapshot_head_read(block.ptr, head), ERR_OK);
    assert_int_equal(head->payload_bytes, block.len - SNAPSHOT_HEAD_BYTES);
    assert_true(snapshot_payload_is_whole(head, block.ptr + SNAPSHOT_HEAD_BYTES));
    return view_from(block, SNAPSHOT_HEAD_BYTES);
}

static void torrents_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct snapshot_writer w;
    struct snapshot_head head;
    struct snapshot_reader r;
    const struct stored_torrent *got;
    struct stored_peer peers[] = {peer6(1, 1), peer4(2, 2), peer4(3, 3)};
    peers[0].is_seeder = peers[0].has_counted = true;
    peers[1].is_partial = true;
    peers[2].age_s = 101; /* the unit is 2 */
    struct stored_torrent a = torrent(1, peers, 3), b = torrent(2, NULL, 0);
    a.completed = 300;
    a.pairs_complete = 1, a.pairs_incomplete = UINT32_MAX;
    b.completed = UINT32_MAX;
    b.empty_s = 127;
    snapshot_writer_init(&w, &HEADER, buffer);
    snapshot_put(&w, &a);
    snapshot_put(&w, &b);
    struct view payload = payload_of(snapshot_block_finish(&w), &head);
    assert_int_equal(head.type, SNAPSHOT_TORRENTS);
    snapshot_reader_init(&r, &HEADER, view_of(guarded(payload.ptr, payload.len), payload.len));

    assert_int_equal(snapshot_next(&r, &got), ERR_OK);
    assert_memory_equal(&got->info_hash, &a.info_hash, sizeof a.info_hash);
    assert_int_equal(got->completed, 300);
    assert_int_equal(got->pairs_complete, 1);
    assert_int_equal(got->pairs_incomplete, UINT32_MAX);
    assert_int_equal(got->count, 3);
    assert_int_equal(got->peers[0].address.family, FAMILY_V4); /* IPv4 comes first */
    assert_memory_equal(got->peers[0].address.ip, peers[1].address.ip, 16);
    assert_int_equal(got->peers[0].port, 2);
    assert_int_equal(got->peers[0].tag, 0xabcd);
    assert_true(got->peers[0].is_partial && !got->peers[0].is_seeder);
    assert_int_equal(got->peers[1].age_s, 100);
    assert_memory_equal(got->peers[2].address.ip, peers[0].address.ip, 16);
    assert_true(got->peers[2].is_seeder && got->peers[2].has_counted);
    assert_false(got->peers[2].has_id);

    assert_int_equal(snapshot_next(&r, &got), ERR_OK);
    assert_int_equal(got->completed, UINT32_MAX);
    assert_int_equal(got->empty_s, 127);
    assert_int_equal(got->count, 0);
    assert_int_equal(snapshot_next(&r, &got), ERR_OK);
    assert_null(got);
}

static void the_bytes_are_those_of_the_document(void **state)
{
    (void)state;
    struct snapshot_writer w;
    struct stored_peer peers[] = {peer4(2, 6881), peer6(1, 80)};
    peers[0].is_seeder = true;
    peers[0].age_s = 8;
    struct stored_torrent t = torrent(0xaa, peers, 2);
    t.completed = 300;
    snapshot_writer_init(&w, &HEADER, buffer);
    snapshot_put(&w, &t);
    snapshot_put(&w, &t);
    struct view block = snapshot_block_finish(&w);
    struct view want = hex("00 aa00000000000000000000000000000000000000 ac02 00 01 01"
                           "0a000002 1ae1 abcd 8004"
                           "20010000000000000000000000000001 0050 ef01 0000"
                           "01 01 01 0a000002 1ae1 abcd 8004"
                           "20010000000000000000000000000001 0050 ef01 0000");
    assert_int_equal(block.len, SNAPSHOT_HEAD_BYTES + want.len);
    assert_memory_equal(block.ptr + SNAPSHOT_HEAD_BYTES, want.ptr, want.len);
}

static void peer_ids_are_kept(void **state)
{
    (void)state;
    struct snapshot_header h = HEADER;
    struct snapshot_writer w;
    struct snapshot_head head;
    struct snapshot_reader r;
    const struct stored_torrent *got;
    struct stored_peer p = peer4(1, 1);
    memcpy(&p.peer_id, "-XX0001-abcdefghijkl", 20);
    struct stored_torrent t = torrent(1, &p, 1);
    h.has_peer_ids = true;
    snapshot_writer_init(&w, &h, buffer);
    snapshot_put(&w, &t);
    snapshot_reader_init(&r, &h, payload_of(snapshot_block_finish(&w), &head));
    assert_int_equal(snapshot_next(&r, &got), ERR_OK);
    assert_true(got->peers[0].has_id);
    assert_memory_equal(&got->peers[0].peer_id, &p.peer_id, 20);
}

/* ---- parts, blocks, the end ---- */

static void a_block_needs_no_other(void **state)
{
    (void)state;
    struct snapshot_writer w;
    struct snapshot_head head;
    struct snapshot_reader r;
    struct snapshot_totals totals;
    const struct stored_torrent *got;
    struct stored_peer p = peer4(1, 1);
    struct stored_torrent t = torrent(1, &p, 1);
    t.completed = 9;
    snapshot_writer_init(&w, &HEADER, buffer);
    snapshot_put(&w, &t);
    payload_of(snapshot_block_finish(&w), &head);
    assert_int_equal(head.number, 0);
    snapshot_put(&w, &t); /* goes on in another block: named again */
    snapshot_reader_init(&r, &HEADER, payload_of(snapshot_block_finish(&w), &head));
    assert_int_equal(head.number, 1);
    assert_int_equal(snapshot_next(&r, &got), ERR_OK);
    assert_int_equal(got->completed, 9);
    struct view end = payload_of(snapshot_end(&w), &head);
    assert_int_equal(head.type, SNAPSHOT_END);
    assert_int_equal(snapshot_totals_read(end, &totals), ERR_OK);
    assert_int_equal(totals.torrents, 1);
    assert_int_equal(totals.peers[FAMILY_V4], 2);
    assert_int_equal(totals.peers[FAMILY_V6], 0);
    assert_int_equal(totals.blocks, 2);
    assert_int_equal(snapshot_totals_read(view_from(end, 1), &totals), ERR_SNAPSHOT_DAMAGED);
}

static void every_flipped_bit_of_a_block_is_seen(void **state)
{
    (void)state;
    struct snapshot_writer w;
    struct snapshot_head head;
    struct stored_peer p = peer4(1, 1);
    struct stored_torrent t = torrent(1, &p, 1);
    snapshot_writer_init(&w, &HEADER, buffer);
    snapshot_put(&w, &t);
    struct view block = snapshot_block_finish(&w);
    for (size_t bit = 0; bit < block.len * 8; bit++) {
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
        enum err err = snapshot_head_read(block.ptr, &head);
        if (bit < SNAPSHOT_HEAD_BYTES * 8) assert_int_equal(err, ERR_SNAPSHOT_DAMAGED);
        else assert_false(snapshot_payload_is_whole(&head, block.ptr + SNAPSHOT_HEAD_BYTES));
        buffer[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

/* ---- what no writer writes ---- */

static void assert_refused(struct view payload)
{
    struct snapshot_reader r;
    const struct stored_torrent *got;
    snapshot_reader_init(&r, &HEADER, view_of(guarded(payload.ptr, payload.len), payload.len));
    assert_int_equal(snapshot_next(&r, &got), ERR_SNAPSHOT_DAMAGED);
    assert_null(got);
}

static void senseless_payloads_are_refused(void **state)
{
    (void)state;
#define HASH "aa00000000000000000000000000000000000000"
    assert_refused(hex("00"));
    assert_refused(hex("04" HASH "00 00 00 00"));          /* unknown flag */
    assert_refused(hex("01 00 00"));                       /* goes on with nothing */
    assert_refused(hex("00" HASH "00 00 00"));             /* one count is missing */
    assert_refused(hex("00" HASH "00 00 41 00"));          /* 65 peers */
    assert_refused(hex("00" HASH "00 00 21 20"));          /* 33 + 32 */
    assert_refused(hex("00" HASH "00 00 01 00 0a000001")); /* half a peer */
    assert_refused(hex("00" HASH "ffffffff10 00 00 00"));  /* 2^32 and more */
    assert_refused(hex("00" HASH "808080808080 00 00 00"));
}

/* A head of that length, its checksum right. */
static enum err read_head_of(uint32_t payload_bytes)
{
    uint8_t bytes[SNAPSHOT_HEAD_BYTES] = "mBlk\0\0\0\1";
    struct snapshot_head head;
    store_u32be(bytes + 12, payload_bytes);
    store_u32be(bytes + 20, (uint32_t)crc32(0, bytes, 20));
    return snapshot_head_read(guarded(bytes, sizeof bytes), &head);
}

static void a_block_of_impossible_length_is_no_block(void **state)
{
    (void)state;
    assert_int_equal(read_head_of(SNAPSHOT_BLOCK_BYTES_MAX - SNAPSHOT_HEAD_BYTES), ERR_OK);
    assert_int_equal(read_head_of(SNAPSHOT_BLOCK_BYTES_MAX - SNAPSHOT_HEAD_BYTES + 1),
                     ERR_SNAPSHOT_DAMAGED);
    assert_int_equal(read_head_of(UINT32_MAX), ERR_SNAPSHOT_DAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read_as_it_was_written),
        cmocka_unit_test(every_flipped_bit_of_a_header_is_seen),
        cmocka_unit_test(an_age_unit_of_0_is_no_header),
        cmocka_unit_test(torrents_are_read_as_they_were_written),
        cmocka_unit_test(the_bytes_are_those_of_the_document),
        cmocka_unit_test(peer_ids_are_kept),
        cmocka_unit_test(a_block_needs_no_other),
        cmocka_unit_test(every_flipped_bit_of_a_block_is_seen),
        cmocka_unit_test(senseless_payloads_are_refused),
        cmocka_unit_test(a_block_of_impossible_length_is_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
