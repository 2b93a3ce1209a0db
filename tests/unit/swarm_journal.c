/* swarm_journal.c - a store that is copied while announces go on: dump and journal together make the
 * other one equal, in whatever order they arrive. */
#include "unit.h"

#include "../store_dump.h"
#include "../store_kit.h"
#include "swarm/journal.h"

#define CHANGES_MAX 100000u

static struct kit *k, *copy;
static struct swarm_journal *journal;
static struct restore_report report;

static int open_stores(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    k = kit_open(&opts, 1);
    copy = kit_open(&opts, 2);
    report = (struct restore_report){0};
    return swarm_journal_new(&journal, CHANGES_MAX) == ERR_OK ? 0 : -1;
}

static int close_stores(void **state)
{
    (void)state;
    swarm_journal_attach(k->swarm, NULL);
    swarm_journal_free(journal);
    kit_close(k);
    kit_close(copy);
    return 0;
}

/* ---- the load: few clients and torrents, so that the same ones are met again and again ---- */

static void announce_any(void)
{
    static const enum event EVENTS[] = {EVENT_NONE,    EVENT_NONE,    EVENT_STARTED,
                                        EVENT_STOPPED, EVENT_STOPPED, EVENT_COMPLETED,
                                        EVENT_PAUSED};
    uint32_t host = rng_below(&k->rng, 300), torrent = 1 + rng_below(&k->rng, 60);
    if (torrent > 30) torrent = 1; /* half of all in one, which is large */
    struct announce a =
        kit_peer(rng_below(&k->rng, 2) ? FAMILY_V4 : FAMILY_V6, host,
                 (uint16_t)(6881 + rng_below(&k->rng, 2)), host, rng_below(&k->rng, 3) ? 1000 : 0,
                 EVENTS[rng_below(&k->rng, sizeof EVENTS / sizeof *EVENTS)]);
    if (rng_below(&k->rng, 20) == 0) a.left = LEFT_UNKNOWN;
    a.info_hash = kit_torrent(torrent);
    kit_announce(k, &a);
}

static void announce_some(uint32_t count)
{
    while (count--)
        announce_any();
}

/* ---- the copy ---- */

static void restore_part(void *ctx, const struct stored_torrent *t)
{
    struct swarm_time *time = ctx;
    swarm_restore(copy->swarm, t, *time, &report);
}

static void replay(void)
{
    const struct swarm_change *changes;
    uint32_t count = swarm_journal_take(journal, &changes);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(swarm_change_is_valid(&changes[i]));
        assert_true(swarm_replay(copy->swarm, &changes[i], k->time.lifetime_s, &copy->rng));
    }
}

static void assert_equal(void)
{
    struct dumped a = dumped_of(k->swarm, k->time), b = dumped_of(copy->swarm, k->time);
    assert_int_equal(a.torrent_count, b.torrent_count);
    assert_int_equal(a.peer_count, b.peer_count);
    for (size_t i = 0; i < a.torrent_count; i++) {
        assert_memory_equal(&a.torrents[i].info_hash, &b.torrents[i].info_hash,
                            sizeof a.torrents[i].info_hash);
        assert_int_equal(a.torrents[i].completed, b.torrents[i].completed);
    }
    assert_true(dumped_equal(&a, &b));
    dumped_free(&a);
    dumped_free(&b);
    struct swarm_counts n = kit_counts(k), m = kit_counts(copy);
    assert_int_equal(n.torrents, m.torrents);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        assert_int_equal(n.peers[f], m.peers[f]);
        assert_int_equal(n.seeders[f], m.seeders[f]);
    }
}

/* ---- tests ---- */

/* Announces between any two steps of the dump; changes are said again at any moment. */
static void copy_and_original_are_equal(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        rng_init(&k->rng, seed);
        announce_some(2000);
        swarm_journal_attach(k->swarm, journal);
        struct swarm_dump_at at = {0};
        struct swarm_time time = k->time;
        for (bool more = true; more;) {
            more = swarm_dump(k->swarm, time, &at, restore_part, &time);
            announce_some(rng_below(&k->rng, 40));
            if (rng_below(&k->rng, 3) == 0) k->time.now_s += rng_below(&k->rng, 2);
            if (rng_below(&k->rng, 4) == 0) replay();
        }
        announce_some(500);
        replay();
        swarm_journal_attach(k->swarm, NULL);
        assert_equal();
        close_stores(NULL);
        open_stores(NULL);
    }
}

static void what_changes_nothing_is_not_noted(void **state)
{
    (void)state;
    const struct swarm_change *changes;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 1, 1000, EVENT_STOPPED);
    kit_announce(k, &a); /* before */
    swarm_journal_attach(k->swarm, journal);
    kit_announce(k, &a);
    assert_int_equal(swarm_journal_take(journal, &changes), 0);
    a.event = EVENT_COMPLETED;
    a.left = 0;
    kit_announce(k, &a);
    assert_int_equal(swarm_journal_take(journal, &changes), 1);
    assert_int_equal(changes->completed, k->out.numbers.downloaded);
    assert_int_equal(changes->port, 6881);
    swarm_journal_attach(k->swarm, NULL);
    kit_announce(k, &a); /* behind */
    assert_int_equal(swarm_journal_take(journal, &changes), 0);
}

static void a_full_journal_says_so(void **state)
{
    (void)state;
    const struct swarm_change *changes;
    struct swarm_journal *small;
    assert_int_equal(swarm_journal_new(&small, 10), ERR_OK);
    swarm_journal_attach(k->swarm, small);
    for (uint32_t host = 0; host < 11; host++) {
        struct announce a = kit_peer(FAMILY_V4, host, 6881, host, 1000, EVENT_STARTED);
        assert_false(swarm_journal_is_torn(small));
        kit_announce(k, &a);
    }
    assert_true(swarm_journal_is_torn(small));
    assert_int_equal(swarm_journal_take(small, &changes), 10);
    assert_true(swarm_journal_is_torn(small)); /* for good */
    swarm_journal_attach(k->swarm, NULL);
    swarm_journal_free(small);
}

static void a_change_without_room_is_told(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    opts.memory_bytes_max = 1u << 20;
    struct kit *tight = kit_open(&opts, 3);
    struct swarm_change c = {.event = EVENT_STARTED, .left = CHANGE_LEFT_SOME, .port = 6881};
    struct swarm_counts n;
    uint64_t stored = 0;
    c.now_s = tight->time.now_s;
    for (uint32_t i = 0; i < 100000; i++) {
        c.info_hash = kit_torrent(i);
        stored += swarm_replay(tight->swarm, &c, tight->time.lifetime_s, &tight->rng);
    }
    swarm_counts(tight->swarm, &n);
    assert_in_range(stored, 1, 99999);
    assert_int_equal(n.peers[FAMILY_V4], stored);
    kit_close(tight);
}

static void strange_changes_are_refused(void **state)
{
    (void)state;
    struct swarm_change c = {.family = FAMILY_V6, .event = EVENT_PAUSED};
    assert_true(swarm_change_is_valid(&c));
    c.family = FAMILY_COUNT;
    assert_false(swarm_change_is_valid(&c));
    c = (struct swarm_change){.event = EVENT_PAUSED + 1};
    assert_false(swarm_change_is_valid(&c));
    c = (struct swarm_change){.left = CHANGE_LEFT_COUNT};
    assert_false(swarm_change_is_valid(&c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copy_and_original_are_equal, open_stores, close_stores),
        cmocka_unit_test_setup_teardown(what_changes_nothing_is_not_noted, open_stores,
                                        close_stores),
        cmocka_unit_test_setup_teardown(a_full_journal_says_so, open_stores, close_stores),
        cmocka_unit_test(a_change_without_room_is_told),
        cmocka_unit_test(strange_changes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
