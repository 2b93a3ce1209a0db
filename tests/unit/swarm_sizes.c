/* swarm_sizes.c - the bytes that design.md's memory numbers rest on. */
#include "unit.h"

#include "../store_kit.h"
#include "swarm/store.h"

static void structs_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct lock), 4);
    assert_int_equal(sizeof(struct shard), 32);
    assert_int_equal(sizeof(struct table), 16);
    assert_int_equal(sizeof(struct bucket), 8);
    assert_int_equal(RECORD_HEAD_BYTES, 26);
    assert_in_range(sizeof(struct large), 1, 144);
    assert_int_equal(PEER4_BYTES, 10);
    assert_int_equal(PEER6_BYTES, 22);
}

static void shards_lie_on_whole_lines(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    struct kit *k = kit_open(&opts, 1);
    assert_int_equal((uintptr_t)k->swarm->shards % 64, 0);
    kit_close(k);
}

static uint64_t small_record_bytes(bool peer_ids, unsigned n4, unsigned n6)
{
    struct swarm_opts opts = kit_opts(1);
    opts.store_peer_ids = peer_ids;
    struct kit *k = kit_open(&opts, 1);
    for (uint32_t i = 0; i < n4 + n6; i++) {
        enum family f = i < n4 ? FAMILY_V4 : FAMILY_V6;
        struct announce a = kit_peer(f, i, 1, i, 1, EVENT_STARTED);
        kit_announce(k, &a);
    }
    uint64_t bytes = slab_live_bytes(&k->swarm->slab);
    kit_close(k);
    return bytes;
}

/* The record of one torrent beside its shard's smallest index of 8 slots. */
static void small_torrents_take_what_they_hold(void **state)
{
    (void)state;
    const uint64_t index = 8 * 5;
    assert_int_equal(small_record_bytes(false, 1, 0), index + 36);
    assert_int_equal(small_record_bytes(false, 2, 0), index + 48);
    assert_int_equal(small_record_bytes(false, 0, 1), index + 48);
    assert_int_equal(small_record_bytes(false, 1, 1), index + 60);
    assert_int_equal(small_record_bytes(true, 1, 0), index + 56);
    assert_int_equal(small_record_bytes(true, 0, 1), index + 68);
    assert_in_range(small_record_bytes(false, 32, 0), index + 26 + 320,
                    index + (26 + 320) * 107 / 100);
}

/* Bytes per peer of one swarm of 20 000, its directory and rounding included. */
static void large_torrents_take_little_more_than_their_peers(void **state)
{
    (void)state;
    static const struct {
        enum family family;
        bool peer_ids;
        uint32_t tenths_max; /* bytes per peer, times 10 */
    } CASES[] = {
        {FAMILY_V4, false, 112},
        {FAMILY_V6, false, 235},
        {FAMILY_V4, true, 318},
        {FAMILY_V6, true, 443},
    };
    const uint32_t peers = 20000;
    for (unsigned c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        struct swarm_opts opts = kit_opts(1);
        opts.store_peer_ids = CASES[c].peer_ids;
        struct kit *k = kit_open(&opts, 1);
        k->want_total = 0;
        for (uint32_t i = 0; i < peers; i++) {
            struct announce a = kit_peer(CASES[c].family, i, 1, i, i % 2, EVENT_STARTED);
            assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
        }
        assert_in_range(slab_live_bytes(&k->swarm->slab) * 10 / peers, 1, CASES[c].tenths_max);
        kit_close(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structs_have_their_sizes),
        cmocka_unit_test(shards_lie_on_whole_lines),
        cmocka_unit_test(small_torrents_take_what_they_hold),
        cmocka_unit_test(large_torrents_take_little_more_than_their_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
