/* swarm_dump.c - the store out and in again: all of it, while it changes, within limits, with ages. */
#include "unit.h"

#include "../store_dump.h"
#include "../store_kit.h"
#include "swarm/store.h"

static struct kit *k, *fresh;

static void open_both(const struct swarm_opts *opts)
{
    k = kit_open(opts, 1);
    fresh = kit_open(opts, 2);
}

static int open_stores(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    open_both(&opts);
    return 0;
}

static int close_stores(void **state)
{
    (void)state;
    kit_close(k);
    kit_close(fresh);
    return 0;
}

static void announce(uint32_t torrent, enum family f, uint32_t host, uint64_t left,
                     enum event event)
{
    struct announce a = kit_peer(f, host, 6881, host, left, event);
    a.info_hash = kit_torrent(torrent);
    kit_announce(k, &a);
}

static void restore_part(void *ctx, const struct stored_torrent *t)
{
    swarm_restore(fresh->swarm, t, fresh->time, ctx);
}

static struct restore_report restore_all(void)
{
    struct restore_report report = {0};
    struct swarm_dump_at at = {0};
    while (swarm_dump(k->swarm, k->time, &at, restore_part, &report))
        ;
    return report;
}

static void assert_same_content(void)
{
    struct dumped a = dumped_of(k->swarm, k->time), b = dumped_of(fresh->swarm, fresh->time);
    assert_true(dumped_equal(&a, &b));
    dumped_free(&a);
    dumped_free(&b);
    struct swarm_counts n = kit_counts(k), m = kit_counts(fresh);
    assert_int_equal(n.torrents, m.torrents);
    for (int f = 0; f < FAMILY_COUNT; f++) {
        assert_int_equal(n.peers[f], m.peers[f]);
        assert_int_equal(n.seeders[f], m.seeders[f]);
    }
}

static void fill(void)
{
    for (uint32_t torrent = 1; torrent <= 3000; torrent++)
        for (uint32_t host = 0; host < torrent % 4; host++)
            announce(torrent, host % 2, torrent * 8 + host, host, EVENT_STARTED);
    for (uint32_t host = 0; host < 5000; host++)
        announce(7, host % 3 == 0, host, host % 5, host % 7 ? EVENT_STARTED : EVENT_PAUSED);
    for (uint32_t host = 0; host < 40; host++)
        announce(8, FAMILY_V4, host, 0, EVENT_COMPLETED);
}

/* ---- everything comes back ---- */

static void a_restored_store_is_the_same(void **state)
{
    (void)state;
    fill();
    struct restore_report report = restore_all();
    assert_int_equal(report.peers, kit_counts(k).peers[0] + kit_counts(k).peers[1]);
    assert_int_equal(report.torrents, kit_counts(k).torrents);
    assert_int_equal(report.peers_refused + report.peers_expired + report.peers_known, 0);
    assert_same_content();
    for (uint32_t torrent = 1; torrent <= 3000; torrent++) {
        struct swarm_numbers a = kit_scrape(k, torrent), b = kit_scrape(fresh, torrent);
        assert_memory_equal(&a, &b, sizeof a);
    }
}

static void restoring_twice_changes_nothing(void **state)
{
    (void)state;
    fill();
    restore_all();
    struct restore_report report = restore_all();
    assert_int_equal(report.peers + report.torrents, 0);
    assert_same_content();
}

static void a_client_is_known_again(void **state)
{
    (void)state;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 77, 5, EVENT_STARTED);
    kit_announce(k, &a);
    restore_all();
    a.port = 6999; /* its tag came along: a move, not a newcomer */
    assert_int_equal(kit_announce(fresh, &a), SWARM_MOVED);
    a.event = EVENT_STOPPED;
    assert_int_equal(kit_announce(fresh, &a), SWARM_REMOVED);
}

static void a_completion_is_not_counted_again(void **state)
{
    (void)state;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 77, 0, EVENT_COMPLETED);
    a.left = 5, a.event = EVENT_STARTED;
    kit_announce(k, &a);
    a.left = 0, a.event = EVENT_COMPLETED;
    kit_announce(k, &a);
    restore_all();
    kit_announce(fresh, &a);
    assert_int_equal(kit_scrape(fresh, 1).downloaded, 1);
}

static void peer_ids_come_back(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(3), other = kit_opts(4);
    opts.store_peer_ids = other.store_peer_ids = true;
    k = kit_open(&opts, 1);
    fresh = kit_open(&other, 2); /* another key: the tag is made from the id */
    struct announce a = kit_peer(FAMILY_V6, 1, 6881, 77, 5, EVENT_STARTED);
    kit_announce(k, &a);
    restore_all();
    a.event = EVENT_STOPPED;
    assert_int_equal(kit_announce(fresh, &a), SWARM_REMOVED);
}

/* ---- ages ---- */

static void ages_go_on_and_the_old_stay_out(void **state)
{
    (void)state;
    announce(1, FAMILY_V4, 1, 5, EVENT_STARTED);
    k->time.now_s += 60;
    announce(1, FAMILY_V4, 2, 5, EVENT_STARTED);
    k->time.now_s += 60;
    fresh->time.now_s = 7; /* another clock, just started */
    struct restore_report report = restore_all();
    assert_int_equal(report.peers, 1); /* the other one was silent for 120 s */
    assert_int_equal(report.peers_expired, 1);
    assert_int_equal(kit_scrape(fresh, 1).incomplete, 1);
    fresh->time.now_s += 39;
    assert_int_equal(kit_sweep(fresh).peers_removed, 0);
    fresh->time.now_s += 3; /* and this one by now for 102 */
    assert_int_equal(kit_sweep(fresh).peers_removed, 1);
    assert_int_equal(kit_counts(fresh).torrents, 0);
}

static void completed_counts_outlive_their_peers(void **state)
{
    (void)state;
    announce(1, FAMILY_V4, 1, 5, EVENT_STARTED);
    announce(1, FAMILY_V4, 1, 0, EVENT_COMPLETED);
    announce(1, FAMILY_V4, 1, 0, EVENT_STOPPED);
    k->time.now_s += 600;
    fresh->time.now_s = 7;
    restore_all();
    assert_int_equal(kit_scrape(fresh, 1).downloaded, 1);
    fresh->time.now_s += 399;
    assert_int_equal(kit_sweep(fresh).torrents_removed, 0);
    fresh->time.now_s += 2; /* completed_ttl is 1000 s */
    assert_int_equal(kit_sweep(fresh).torrents_removed, 1);
    k->time.now_s += 401;
    assert_int_equal(restore_all().torrents, 0);
}

static void the_newer_of_two_stays(void **state)
{
    (void)state;
    struct restore_report report = {0};
    struct stored_peer p = {.address = kit_address(FAMILY_V4, 1), .port = 1, .age_s = 50};
    struct stored_torrent t = {
        .info_hash = kit_torrent(1), .count = 1, .peers = &p, .completed = 3};
    swarm_restore(fresh->swarm, &t, fresh->time, &report);
    p.age_s = 10, p.is_seeder = true, t.completed = 2;
    swarm_restore(fresh->swarm, &t, fresh->time, &report);
    p.age_s = 20, p.is_seeder = false;
    swarm_restore(fresh->swarm, &t, fresh->time, &report);
    assert_int_equal(report.peers, 1);
    assert_int_equal(report.peers_known, 2);
    assert_int_equal(kit_scrape(fresh, 1).complete, 1);
    assert_int_equal(kit_scrape(fresh, 1).incomplete, 0);
    assert_int_equal(kit_scrape(fresh, 1).downloaded, 3);
}

/* A new torrent, one that is there, a large one: the same three stay out of each. */
static void who_cannot_be_stays_out(void **state)
{
    (void)state;
    for (uint32_t host = 0; host < 100; host++)
        announce(3, FAMILY_V4, host, 5, EVENT_STARTED);
    announce(2, FAMILY_V4, 1, 5, EVENT_STARTED);
    restore_all();
    const struct stored_peer peers[] = {
        {.address = kit_address(FAMILY_V4, 777), .port = 0},
        {.address = kit_address(FAMILY_V4, 778), .port = 1},
        {.address = {FAMILY_V4, {224, 0, 0, 1}}, .port = 1, .is_seeder = true},
        {.address = {FAMILY_V6, {0xff, 2, [15] = 1}}, .port = 1, .age_s = 5000},
        {.address = kit_address(FAMILY_V6, 777), .port = 1, .age_s = 5000},
    };
    for (uint32_t torrent = 1; torrent <= 3; torrent++) {
        struct restore_report report = {0};
        struct swarm_numbers before = kit_scrape(fresh, torrent);
        struct stored_torrent t = {
            .info_hash = kit_torrent(torrent), .count = 5, .peers = peers, .completed = 1};
        swarm_restore(fresh->swarm, &t, fresh->time, &report);
        assert_int_equal(report.peers, 1);
        assert_int_equal(report.peers_impossible, 3); /* one of them is old as well */
        assert_int_equal(report.peers_expired, 1);
        assert_int_equal(kit_scrape(fresh, torrent).incomplete, before.incomplete + 1);
        assert_int_equal(kit_scrape(fresh, torrent).complete, 0);
    }
}

/* ---- limits ---- */

static void limits_hold(void **state)
{
    (void)state;
    fill();
    struct swarm_opts opts = kit_opts(1);
    opts.torrents_max = 100;
    opts.peers_max = 400;
    opts.torrent_peers_max = 50;
    opts.ip_peers_max = 1;
    swarm_limits_set(fresh->swarm, &opts);
    struct restore_report report = restore_all();
    struct swarm_counts all = kit_counts(k), n = kit_counts(fresh);
    assert_int_equal(n.torrents, 100);
    assert_true(n.peers[0] + n.peers[1] <= 400);
    assert_int_equal(report.peers, n.peers[0] + n.peers[1]);
    assert_int_equal(report.peers + report.peers_refused, all.peers[0] + all.peers[1]);
    assert_true(kit_scrape(fresh, 7).incomplete + kit_scrape(fresh, 7).complete <= 50);
}

static void a_torrent_without_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    fill();
    struct swarm_opts opts = kit_opts(1);
    opts.memory_bytes_max = 300u << 10;
    kit_close(fresh);
    fresh = kit_open(&opts, 2);
    struct restore_report report = restore_all();
    assert_true(report.peers_refused > 0);
    struct swarm_counts n = kit_counts(fresh);
    struct dumped d = dumped_of(fresh->swarm, fresh->time);
    assert_int_equal(d.peer_count, n.peers[0] + n.peers[1]);
    assert_int_equal(d.torrent_count, n.torrents);
    dumped_free(&d);
}

/* ---- while announces go on ---- */

/* Peers that are there all the while; between two holds others come and go in their torrent, so
 * that its tables split and merge. */
static void a_large_torrent_that_changes_loses_nobody(void **state)
{
    (void)state;
    for (uint32_t host = 0; host < 2000; host++)
        announce(7, FAMILY_V4, host, 5, EVENT_STARTED);
    struct dumped d = {0};
    struct swarm_dump_at at = {0};
    struct rng rng;
    rng_init(&rng, 5);
    uint32_t come = 10000, gone = 10000;
    for (uint32_t calls = 0; swarm_dump(k->swarm, k->time, &at, dumped_add, &d); calls++) {
        bool grows = calls / 8 % 2 == 0;
        for (uint32_t i = 0; at.large_count && i < 1500; i++) {
            if (grows) announce(7, FAMILY_V4, come++, 5, EVENT_STARTED);
            else if (gone < come) announce(7, FAMILY_V4, gone++, 5, EVENT_STOPPED);
        }
    }
    assert_true(come > 12000);
    for (uint32_t host = 0; host < 2000; host++) {
        struct announce a = kit_peer(FAMILY_V4, host, 6881, host, 5, EVENT_NONE);
        a.info_hash = kit_torrent(7);
        assert_true(dumped_has(&d, &a));
    }
    dumped_free(&d);
}

/* The index of a shard grows and shrinks between holds: every torrent that stays is met once. */
static void a_shard_that_changes_loses_no_torrent(void **state)
{
    (void)state;
    uint32_t all[1200], count = 0;
    for (uint32_t torrent = 1; count < 1200; torrent++) {
        struct info_hash h = kit_torrent(torrent);
        if (shard_of(k->swarm, swarm_hash(k->swarm, &h)) == k->swarm->shards)
            all[count++] = torrent;
    }
    for (uint32_t i = 0; i < 400; i++)
        announce(all[i], FAMILY_V4, i, 5, EVENT_STARTED);
    struct dumped d = {0};
    struct swarm_dump_at at = {0};
    bool has_more = false;
    while (swarm_dump(k->swarm, k->time, &at, dumped_add, &d) && at.shard == 0) {
        for (uint32_t i = 400; i < 1200; i++)
            announce(all[i], FAMILY_V4, i, 5, has_more ? EVENT_STOPPED : EVENT_STARTED);
        has_more = !has_more;
        if (!has_more) kit_sweep(k);
    }
    uint32_t times[400] = {0};
    for (size_t t = 0; t < d.torrent_count; t++)
        for (uint32_t i = 0; i < 400; i++) {
            struct info_hash h = kit_torrent(all[i]);
            times[i] += memcmp(&d.torrents[t].info_hash, &h, sizeof h) == 0;
        }
    for (uint32_t i = 0; i < 400; i++)
        assert_int_equal(times[i], 1);
    dumped_free(&d);
}

/* ---- holds ---- */

struct tally_of_call {
    uint32_t torrents, peers;
};

static void count_part(void *ctx, const struct stored_torrent *t)
{
    struct tally_of_call *n = ctx;
    n->torrents++;
    n->peers += t->count;
}

static void no_call_passes_on_much(void **state)
{
    (void)state;
    fill();
    struct swarm_dump_at at = {0};
    for (bool more = true; more;) {
        struct tally_of_call n = {0};
        more = swarm_dump(k->swarm, k->time, &at, count_part, &n);
        assert_true(n.torrents <= SWARM_DUMP_TORRENTS_MAX);
        assert_true(n.peers <= 1024);
    }
}

int main(void)
{
#define WITH_STORES(test) cmocka_unit_test_setup_teardown(test, open_stores, close_stores)
    const struct CMUnitTest tests[] = {
        WITH_STORES(a_restored_store_is_the_same),
        WITH_STORES(restoring_twice_changes_nothing),
        WITH_STORES(a_client_is_known_again),
        WITH_STORES(a_completion_is_not_counted_again),
        cmocka_unit_test_teardown(peer_ids_come_back, close_stores),
        WITH_STORES(ages_go_on_and_the_old_stay_out),
        WITH_STORES(completed_counts_outlive_their_peers),
        WITH_STORES(the_newer_of_two_stays),
        WITH_STORES(who_cannot_be_stays_out),
        WITH_STORES(limits_hold),
        WITH_STORES(a_torrent_without_memory_leaves_nothing_behind),
        WITH_STORES(a_large_torrent_that_changes_loses_nobody),
        WITH_STORES(a_shard_that_changes_loses_no_torrent),
        WITH_STORES(no_call_passes_on_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
