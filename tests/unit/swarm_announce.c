/* swarm_announce.c - who is a peer, who is counted, who is forgotten: each rule by name, in a swarm
 * that is scanned and again in one that is a table. */
#include "unit.h"

#include "../store_kit.h"

#define LEECHING 1000u
#define CROWD    40u /* peers that make the swarm of torrent 1 a large one */

enum { SMALL, LARGE };

/* ---- fixture: `k`, and `others` IPv4 leechers in torrent 1 ---- */

static struct kit *k;
static unsigned others;

static int open_store(void **state)
{
    struct swarm_opts opts = kit_opts(1);
    k = kit_open(&opts, 1);
    others = *(int *)*state == LARGE ? CROWD : 0;
    for (uint32_t i = 0; i < others; i++) {
        struct announce a =
            kit_peer(FAMILY_V4, 100000 + i, 4000, 100000 + i, LEECHING, EVENT_STARTED);
        assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
    }
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    kit_close(k);
    return 0;
}

static void limits(struct swarm_opts opts)
{
    opts.completed_ttl_s = 1000;
    swarm_limits_set(k->swarm, &opts);
}

static enum swarm_verdict announce(enum family f, uint32_t host, uint16_t port, uint32_t id,
                                   uint64_t left, enum event event)
{
    struct announce a = kit_peer(f, host, port, id, left, event);
    return kit_announce(k, &a);
}

/* Host 1, port 6881, id 1: the client of most tests. */
static enum swarm_verdict alice(uint64_t left, enum event event)
{
    return announce(FAMILY_V4, 1, 6881, 1, left, event);
}

static enum swarm_verdict alice6(uint64_t left, enum event event)
{
    return announce(FAMILY_V6, 1, 6881, 1, left, event);
}

static enum swarm_verdict bob(uint64_t left, enum event event)
{
    return announce(FAMILY_V4, 2, 6881, 2, left, event);
}

/* Everybody else keeps announcing. */
static void others_refresh(void)
{
    for (uint32_t i = 0; i < others; i++)
        announce(FAMILY_V4, 100000 + i, 4000, 100000 + i, LEECHING, EVENT_NONE);
}

/* Large swarms are exact once swept. */
static void assert_numbers(uint32_t complete, uint32_t incomplete, uint32_t downloaded)
{
    kit_sweep(k);
    struct swarm_numbers n = kit_scrape(k, 1);
    assert_int_equal(n.complete, complete);
    assert_int_equal(n.incomplete, others + incomplete);
    assert_int_equal(n.downloaded, downloaded);
}

static void assert_peers(uint64_t v4, uint64_t v6)
{
    struct swarm_counts n = kit_counts(k);
    assert_int_equal(n.peers[FAMILY_V4], others + v4);
    assert_int_equal(n.peers[FAMILY_V6], v6);
}

/* Does the answer to a leecher who is nobody's twin list this endpoint? */
static bool is_listed(enum family f, uint32_t host, uint16_t port)
{
    announce(FAMILY_V4, 77, 7777, 77, LEECHING, EVENT_NONE);
    struct announce a = kit_peer(f, host, port, 0, 0, EVENT_NONE);
    unsigned times = kit_times_listed(k, &a);
    assert_int_equal(announce(FAMILY_V4, 77, 7777, 77, LEECHING, EVENT_STOPPED), SWARM_REMOVED);
    assert_in_range(times, 0, 1);
    return times == 1;
}

/* ---- identity (M1, M10..M15) ---- */

static void an_endpoint_is_one_peer(void **state)
{
    (void)state;
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_REFRESHED);
    assert_int_equal(alice(LEECHING, EVENT_NONE), SWARM_REFRESHED);
    assert_peers(1, 0);
    assert_numbers(0, 1, 0);
}

static void two_clients_of_one_address_are_two_peers(void **state)
{
    (void)state;
    assert_int_equal(announce(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(announce(FAMILY_V4, 1, 6882, 2, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_numbers(0, 2, 0);
}

static void a_moved_port_is_the_same_peer(void **state)
{
    (void)state;
    alice(0, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V4, 1, 6999, 1, LEECHING, EVENT_NONE), SWARM_MOVED);
    assert_peers(1, 0);
    assert_numbers(0, 1, 0);
    assert_false(is_listed(FAMILY_V4, 1, 6881));
    assert_true(is_listed(FAMILY_V4, 1, 6999));
}

static void a_peer_moves_onto_a_port_that_another_left(void **state)
{
    (void)state;
    for (uint64_t left = 0; left <= LEECHING; left += LEECHING) {
        announce(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_STARTED);
        announce(FAMILY_V4, 1, 6882, 2, left, EVENT_STARTED);
        assert_peers(2, 0);
        assert_int_equal(announce(FAMILY_V4, 1, 6882, 1, LEECHING, EVENT_NONE), SWARM_REFRESHED);
        assert_peers(1, 0);
        assert_numbers(0, 1, 0);
        assert_int_equal(announce(FAMILY_V4, 1, 6882, 1, LEECHING, EVENT_STOPPED), SWARM_REMOVED);
    }
}

static void the_silence_of_a_known_peer_is_told(void **state)
{
    (void)state;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_STARTED);
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, SWARM_NEVER_HEARD);
    k->time.now_s += 30;
    a.event = EVENT_NONE;
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, 30);
    k->time.now_s += 40;
    a.port = 6882;
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, 40); /* a moved port is the same peer */
    k->time.now_s -= 1;                    /* by another thread's clock */
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, 0);
    a.peer_id = kit_peer_id(2);
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, SWARM_NEVER_HEARD); /* a restart is somebody new */
    a.event = EVENT_STOPPED;
    kit_announce(k, &a);
    assert_int_equal(k->out.silent_s, SWARM_NEVER_HEARD);
}

static void a_restart_with_a_new_id_replaces_in_place(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice(0, EVENT_COMPLETED);
    assert_int_equal(announce(FAMILY_V4, 1, 6881, 9, LEECHING, EVENT_STARTED), SWARM_REFRESHED);
    assert_peers(1, 0);
    assert_numbers(0, 1, 1);
    announce(FAMILY_V4, 1, 6881, 9, 0, EVENT_COMPLETED); /* a new session counts anew */
    assert_numbers(1, 0, 2);
}

static void a_stop_of_an_earlier_session_changes_nothing(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    announce(FAMILY_V4, 1, 6881, 9, LEECHING, EVENT_STARTED);
    assert_int_equal(alice(LEECHING, EVENT_STOPPED), SWARM_UNKNOWN);
    assert_numbers(0, 1, 0);
}

static void a_stop_for_a_port_of_another_client_changes_nothing(void **state)
{
    (void)state;
    announce(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_STARTED);
    announce(FAMILY_V4, 1, 6882, 2, LEECHING, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V4, 1, 6882, 1, LEECHING, EVENT_STOPPED), SWARM_UNKNOWN);
    assert_peers(2, 0);
}

static void a_stop_finds_the_peer_on_its_old_port(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V4, 1, 6999, 1, LEECHING, EVENT_STOPPED), SWARM_REMOVED);
    assert_peers(0, 0);
}

static void a_stop_from_another_address_changes_nothing(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V4, 3, 6881, 1, LEECHING, EVENT_STOPPED), SWARM_UNKNOWN);
    assert_int_equal(alice6(LEECHING, EVENT_STOPPED), SWARM_UNKNOWN);
    assert_numbers(0, 1, 0);
}

static void a_stolen_peer_id_moves_nobody(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V4, 3, 6881, 1, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_numbers(0, 2, 0);
    assert_true(is_listed(FAMILY_V4, 1, 6881));
    assert_true(is_listed(FAMILY_V4, 3, 6881));
}

static void stop_and_scrape_create_nothing(void **state)
{
    (void)state;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_STOPPED);
    a.info_hash = kit_torrent(2);
    assert_int_equal(kit_announce(k, &a), SWARM_UNKNOWN);
    assert_int_equal(k->out.numbers.incomplete, 0);
    struct swarm_numbers n = kit_scrape(k, 3);
    assert_int_equal(n.complete + n.incomplete + n.downloaded, 0);
    assert_int_equal(kit_counts(k).torrents, others ? 1 : 0);
    assert_int_equal(alice(LEECHING, EVENT_STOPPED), SWARM_UNKNOWN);
    assert_peers(0, 0);
}

/* ---- seeders (M2, M15, M23, R53) ---- */

static void left_decides_who_seeds(void **state)
{
    (void)state;
    alice(0, EVENT_STARTED);
    assert_numbers(1, 0, 0);
    alice(1, EVENT_NONE); /* a recheck */
    assert_numbers(0, 1, 0);
    alice(0, EVENT_NONE);
    assert_numbers(1, 0, 0);
    assert_int_equal(kit_counts(k).seeders[FAMILY_V4], 1);
    alice(LEFT_UNKNOWN, EVENT_NONE);
    assert_numbers(0, 1, 0);
    assert_int_equal(kit_counts(k).seeders[FAMILY_V4], 0);
}

static void completed_with_something_left_is_no_completion(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice(5, EVENT_COMPLETED);
    assert_false(k->out.completed_now);
    assert_numbers(0, 1, 0);
}

static void completed_without_left_is_one(void **state)
{
    (void)state;
    alice(LEFT_UNKNOWN, EVENT_COMPLETED);
    assert_true(k->out.completed_now);
    assert_numbers(1, 0, 1);
}

/* ---- downloaded (M20..M23, V16) ---- */

static void a_completion_counts_once(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice(0, EVENT_COMPLETED);
    assert_true(k->out.completed_now);
    assert_int_equal(k->out.numbers.downloaded, 1);
    for (int i = 0; i < 3; i++) {
        alice(0, EVENT_COMPLETED); /* retransmitted */
        assert_false(k->out.completed_now);
    }
    alice(LEECHING, EVENT_NONE);
    alice(0, EVENT_COMPLETED); /* the same session again */
    announce(FAMILY_V4, 1, 6999, 1, LEECHING, EVENT_NONE);
    announce(FAMILY_V4, 1, 6999, 1, 0, EVENT_COMPLETED); /* and on another port */
    assert_numbers(1, 0, 1);
}

static void a_completion_on_both_families_counts_once(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice6(LEECHING, EVENT_STARTED);
    alice6(0, EVENT_COMPLETED);
    alice(0, EVENT_COMPLETED);
    alice6(0, EVENT_COMPLETED);
    assert_numbers(1, 0, 1);
}

static void a_completion_of_a_stranger_counts(void **state)
{
    (void)state;
    alice(0, EVENT_COMPLETED);
    assert_numbers(1, 0, 1);
}

static void a_seeder_completes_nothing(void **state)
{
    (void)state;
    alice(0, EVENT_STARTED);
    alice(0, EVENT_COMPLETED);
    bob(LEECHING, EVENT_STARTED);
    bob(0, EVENT_NONE);
    assert_numbers(2, 0, 0);
}

static void the_completed_count_survives_growth(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice6(LEECHING, EVENT_STARTED);
    alice(0, EVENT_COMPLETED);
    for (uint32_t i = 0; i < 40; i++)
        announce(FAMILY_V4, 200000 + i, 1, 200000 + i, LEECHING, EVENT_STARTED);
    alice6(0, EVENT_COMPLETED);
    for (uint32_t i = 0; i < 40; i++)
        announce(FAMILY_V4, 200000 + i, 1, 200000 + i, LEECHING, EVENT_STOPPED);
    assert_numbers(1, 0, 1);
}

/* ---- partial seeds (E1..E4) ---- */

static void a_partial_seed_is_incomplete_but_downloads_nothing(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_PAUSED);
    assert_numbers(0, 1, 0);
    assert_int_equal(kit_scrape(k, 1).downloaders, others);
    alice(LEECHING, EVENT_NONE); /* without the event the state is gone */
    assert_int_equal(kit_scrape(k, 1).downloaders, others + 1);
    alice(0, EVENT_PAUSED);
    assert_numbers(1, 0, 0);
}

static void who_only_uploads_gets_downloaders_only(void **state)
{
    (void)state;
    announce(FAMILY_V4, 11, 1, 11, LEECHING, EVENT_STARTED);
    announce(FAMILY_V6, 12, 1, 12, LEECHING, EVENT_STARTED);
    announce(FAMILY_V4, 13, 1, 13, 0, EVENT_STARTED);
    announce(FAMILY_V6, 14, 1, 14, 0, EVENT_STARTED);
    announce(FAMILY_V4, 15, 1, 15, LEECHING, EVENT_PAUSED);
    alice(0, EVENT_NONE);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others + 1);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 1);
    alice(LEECHING, EVENT_PAUSED);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others + 1);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 1);
    alice(LEECHING, EVENT_NONE);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others + 3);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 2);
}

/* ---- both families (V14..V17) ---- */

static void a_client_on_both_families_counts_once(void **state)
{
    (void)state;
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(alice6(LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_peers(1, 1);
    assert_numbers(0, 1, 0);
    alice(0, EVENT_NONE); /* a seeder if it seeds on either */
    assert_numbers(1, 0, 0);
    alice6(0, EVENT_NONE);
    assert_numbers(1, 0, 0);
    assert_int_equal(alice(0, EVENT_STOPPED), SWARM_REMOVED);
    assert_peers(0, 1);
    assert_numbers(1, 0, 0);
}

static void a_client_with_two_ipv6_addresses_counts_once(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice6(LEECHING, EVENT_STARTED);
    assert_int_equal(announce(FAMILY_V6, 5, 6881, 1, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_peers(1, 2);
    assert_numbers(0, 1, 0);
}

static void the_other_family_of_the_asker_is_not_listed(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice6(LEECHING, EVENT_STARTED);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 0);
    assert_true(is_listed(FAMILY_V4, 1, 6881));
    assert_true(is_listed(FAMILY_V6, 1, 6881));
}

/* ---- answers (M30, M34, M35, V11, V30) ---- */

static void the_asker_is_never_listed(void **state)
{
    (void)state;
    struct announce a = kit_peer(FAMILY_V4, 1, 6881, 1, LEECHING, EVENT_NONE);
    bob(LEECHING, EVENT_STARTED);
    for (int i = 0; i < 50; i++) {
        kit_announce(k, &a);
        assert_int_equal(kit_times_listed(k, &a), 0);
        assert_int_equal(k->out.peers.count[FAMILY_V4], others + 1);
    }
}

static void an_answer_keeps_every_bound(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 14; i++) {
        announce(FAMILY_V4, 20 + i, 1, 20 + i, LEECHING, EVENT_STARTED);
        announce(FAMILY_V6, 40 + i, 1, 40 + i, LEECHING, EVENT_STARTED);
    }
    static const uint16_t CASES[][5] = {
        /* want4 want6 total -> v4 v6, for an asker on IPv4 */
        {5, 5, 10, 5, 5}, {5, 5, 7, 5, 2}, {10, 10, 10, 10, 0},  {0, 5, 9, 0, 5},
        {5, 0, 9, 5, 0},  {9, 9, 0, 0, 0}, {1, 1000, 12, 1, 11}, {4, 1000, 1000, 4, 14},
    };
    for (unsigned c = 0; c < sizeof CASES / sizeof *CASES; c++) {
        const uint16_t *row = CASES[c];
        k->want[FAMILY_V4] = row[0], k->want[FAMILY_V6] = row[1], k->want_total = row[2];
        alice(LEECHING, EVENT_NONE);
        assert_int_equal(k->out.peers.count[FAMILY_V4], row[3]);
        assert_int_equal(k->out.peers.count[FAMILY_V6], row[4]);
    }
    k->want[FAMILY_V4] = 9, k->want[FAMILY_V6] = 9, k->want_total = 10;
    announce(FAMILY_V6, 99, 1, 99, LEECHING, EVENT_NONE); /* its own family first */
    assert_int_equal(k->out.peers.count[FAMILY_V4], 1);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 9);
}

static void a_stop_is_answered_without_peers(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    bob(LEECHING, EVENT_STARTED);
    bob(LEECHING, EVENT_STOPPED);
    assert_int_equal(k->out.peers.count[FAMILY_V4] + k->out.peers.count[FAMILY_V6], 0);
    assert_int_equal(k->out.numbers.incomplete, others + 1);
}

static struct announce private_peer(enum family f)
{
    struct announce a = kit_peer(f, 7, 6881, 7 + (uint32_t)f, LEECHING, EVENT_STARTED);
    if (f == FAMILY_V4) a.address.ip[0] = 10;
    else a.address.ip[0] = 0xfd;
    return a;
}

static void private_peers_are_for_private_askers(void **state)
{
    (void)state;
    struct announce lan4 = private_peer(FAMILY_V4), lan6 = private_peer(FAMILY_V6);
    kit_announce(k, &lan4);
    kit_announce(k, &lan6);
    alice(LEECHING, EVENT_STARTED);
    assert_int_equal(kit_times_listed(k, &lan4) + kit_times_listed(k, &lan6), 0);
    struct announce asker = private_peer(FAMILY_V4);
    asker.address.ip[3] = 99;
    asker.peer_id = kit_peer_id(99);
    kit_announce(k, &asker);
    assert_int_equal(kit_times_listed(k, &lan4), 1);
    assert_int_equal(kit_times_listed(k, &lan6), 1);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others + 2); /* and the global ones */
}

/* ---- expiry (M40..M43) ---- */

static void a_silent_peer_is_forgotten(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    alice6(0, EVENT_STARTED);
    k->time.now_s += 100;
    others_refresh();
    assert_numbers(1, 0, 0); /* a lifetime old, not older */
    k->time.now_s += 1;
    bob(LEECHING, EVENT_STARTED);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others);
    assert_int_equal(k->out.peers.count[FAMILY_V6], 0);
    if (!others) assert_int_equal(kit_scrape(k, 1).complete, 0); /* without a sweep */
    kit_sweep(k);
    assert_peers(1, 0);
    assert_numbers(0, 1, 0);
}

static void every_announce_renews_a_peer(void **state)
{
    (void)state;
    alice(LEECHING, EVENT_STARTED);
    for (int i = 0; i < 60; i++) { /* past the wrap of stored ages */
        k->time.now_s += 97;
        assert_int_equal(alice(LEECHING, EVENT_NONE), SWARM_REFRESHED);
        others_refresh();
        kit_sweep(k);
    }
    assert_numbers(0, 1, 0);
}

static void a_clock_behind_expires_nobody(void **state)
{
    (void)state;
    alice(0, EVENT_COMPLETED);
    k->time.now_s -= 5;
    assert_int_equal(kit_sweep(k).peers_removed, 0);
    bob(LEECHING, EVENT_STARTED);
    assert_true(is_listed(FAMILY_V4, 1, 6881));
    bob(LEECHING, EVENT_STOPPED);
    k->time.now_s += 5;
    alice(0, EVENT_STOPPED);
    k->time.now_s -= 5;
    kit_sweep(k);
    assert_int_equal(kit_scrape(k, 1).downloaded, 1);
}

static void an_empty_torrent_keeps_its_count_for_a_while(void **state)
{
    (void)state;
    alice(0, EVENT_COMPLETED);
    k->time.now_s += 101; /* everybody goes at once */
    kit_sweep(k);
    struct swarm_counts n = kit_counts(k);
    assert_int_equal(n.peers[FAMILY_V4], 0);
    assert_int_equal(n.torrents, 1);
    k->time.now_s += 1000;
    kit_sweep(k);
    assert_int_equal(kit_scrape(k, 1).downloaded, 1);
    k->time.now_s += 1;
    assert_int_equal(kit_sweep(k).torrents_removed, 1);
    n = kit_counts(k);
    assert_int_equal(n.torrents, 0);
    assert_int_equal(n.memory_bytes, 0);
}

static void an_empty_torrent_without_a_count_goes(void **state)
{
    (void)state;
    alice(0, EVENT_STARTED);
    if (!others) {
        alice(0, EVENT_STOPPED);
        assert_int_equal(kit_counts(k).torrents, 0);
    }
    k->time.now_s += 101;
    kit_sweep(k);
    kit_sweep(k);
    assert_int_equal(kit_counts(k).torrents, 0);
    assert_int_equal(kit_counts(k).memory_bytes, 0);
}

/* ---- limits: the last one in, the first one out ---- */

static void assert_full(enum swarm_verdict expected)
{
    bob(LEECHING, EVENT_STARTED);
    assert_int_equal(k->out.verdict, expected);
    assert_int_equal(k->out.peers.count[FAMILY_V4], others + 1); /* answered all the same */
    assert_int_equal(k->out.numbers.incomplete, others + 1);
    assert_int_equal(alice(LEECHING, EVENT_NONE), SWARM_REFRESHED);
    assert_peers(1, 0);
    bob(0, EVENT_COMPLETED); /* not stored: nothing to count it once by */
    assert_int_equal(kit_scrape(k, 1).downloaded, 0);
    limits((struct swarm_opts){0});
    assert_int_equal(bob(LEECHING, EVENT_STARTED), SWARM_ADDED);
}

static void peers_max_holds(void **state)
{
    (void)state;
    limits((struct swarm_opts){.peers_max = others + 1});
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_full(SWARM_FULL_PEERS);
}

static void peers_max_leaves_no_empty_torrent(void **state)
{
    (void)state;
    limits((struct swarm_opts){.peers_max = others + 1});
    alice(LEECHING, EVENT_STARTED);
    struct announce a = kit_peer(FAMILY_V4, 2, 1, 2, 0, EVENT_COMPLETED);
    a.info_hash = kit_torrent(2);
    assert_int_equal(kit_announce(k, &a), SWARM_FULL_PEERS);
    assert_int_equal(kit_counts(k).torrents, 1);
}

static void torrent_peers_max_holds(void **state)
{
    (void)state;
    limits((struct swarm_opts){.torrent_peers_max = others + 1});
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_full(SWARM_FULL_TORRENT);
}

static void torrents_max_holds(void **state)
{
    (void)state;
    limits((struct swarm_opts){.torrents_max = 1});
    assert_int_equal(alice(LEECHING, EVENT_STARTED), SWARM_ADDED);
    struct announce a = kit_peer(FAMILY_V4, 2, 1, 2, LEECHING, EVENT_STARTED);
    a.info_hash = kit_torrent(2);
    assert_int_equal(kit_announce(k, &a), SWARM_FULL_TORRENTS);
    assert_int_equal(k->out.peers.count[FAMILY_V4], 0);
    assert_int_equal(kit_counts(k).torrents, 1);
    limits((struct swarm_opts){.torrents_max = 2});
    assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
}

static void torrents_max_drops_kept_counts_first(void **state)
{
    (void)state;
    limits((struct swarm_opts){.torrents_max = 1});
    alice(0, EVENT_COMPLETED);
    k->time.now_s += 101;
    kit_sweep(k);
    kit_sweep(k);
    assert_int_equal(kit_counts(k).torrents, 0);
}

static void ip_peers_max_holds_for_an_address(void **state)
{
    (void)state;
    limits((struct swarm_opts){.ip_peers_max = 3});
    for (uint16_t port = 1; port <= 3; port++)
        assert_int_equal(announce(FAMILY_V4, 1, port, port, port % 2, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(announce(FAMILY_V4, 1, 4, 4, LEECHING, EVENT_STARTED), SWARM_FULL_IP);
    assert_int_equal(announce(FAMILY_V4, 1, 5, 3, LEECHING, EVENT_NONE), SWARM_MOVED);
    assert_int_equal(announce(FAMILY_V4, 2, 4, 4, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(announce(FAMILY_V4, 1, 1, 1, 0, EVENT_STOPPED), SWARM_REMOVED);
    assert_int_equal(announce(FAMILY_V4, 1, 4, 5, LEECHING, EVENT_STARTED), SWARM_ADDED);
}

static void ip_peers_max_holds_for_an_ipv6_network(void **state)
{
    (void)state;
    limits((struct swarm_opts){.ip_peers_max = 3});
    struct announce a = kit_peer(FAMILY_V6, 1, 6881, 1, LEECHING, EVENT_STARTED);
    for (uint32_t i = 1; i <= 4; i++) {
        a.address.ip[15] = (uint8_t)i;
        a.peer_id = kit_peer_id(i);
        assert_int_equal(kit_announce(k, &a), i <= 3 ? SWARM_ADDED : SWARM_FULL_IP);
    }
    a.address.ip[7]++; /* the next /64 */
    assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
}

static void ip_peers_max_spares_loopback_unless_told(void **state)
{
    (void)state;
    limits((struct swarm_opts){.ip_peers_max = 2});
    struct announce a = kit_peer(FAMILY_V4, 1, 1, 1, LEECHING, EVENT_STARTED);
    a.address.ip[0] = 127;
    for (uint16_t i = 1; i <= 5; i++) {
        a.port = i;
        a.peer_id = kit_peer_id(i);
        assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
    }
    limits((struct swarm_opts){.ip_peers_max = 2, .ip_limit_loopback = true});
    a.port = 6;
    a.peer_id = kit_peer_id(6);
    assert_int_equal(kit_announce(k, &a), SWARM_FULL_IP);
    a = kit_peer(FAMILY_V6, 1, 1, 1, LEECHING, EVENT_STARTED);
    memset(a.address.ip, 0, 15);
    assert_int_equal(kit_announce(k, &a), SWARM_ADDED);
}

static void ip_peers_max_never_means_more_than_can_be_counted(void **state)
{
    (void)state;
    limits((struct swarm_opts){.ip_peers_max = 1000});
    for (uint16_t i = 1; i <= SWARM_IP_PEERS_MAX; i++)
        assert_int_equal(announce(FAMILY_V4, 1, i, i, LEECHING, EVENT_STARTED), SWARM_ADDED);
    assert_int_equal(announce(FAMILY_V4, 1, 9999, 9999, LEECHING, EVENT_STARTED), SWARM_FULL_IP);
}

/* ---- store_peer_ids ---- */

/* Ports are ids here: every listed peer must come with its own. */
static void peer_ids_follow_their_peers(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    opts.store_peer_ids = true;
    kit_close(k);
    k = kit_open(&opts, 1);
    uint16_t count = others ? 200 : 24;
    for (uint16_t i = 1; i <= count; i++)
        announce(i % 2 ? FAMILY_V4 : FAMILY_V6, i, i, i, i % 3 ? LEECHING : 0, EVENT_STARTED);
    for (uint16_t i = 1; i <= count; i += 5) /* holes, and a new id in place */
        announce(i % 2 ? FAMILY_V4 : FAMILY_V6, i, i, i, 0, EVENT_STOPPED);
    announce(FAMILY_V4, 3, 3, 999, LEECHING, EVENT_STARTED);
    announce(FAMILY_V4, 5000, 1, 5000, LEECHING, EVENT_NONE);
    unsigned listed = 0;
    for (int f = 0; f < FAMILY_COUNT; f++) {
        const uint8_t *ids = f == FAMILY_V4 ? k->ids4 : k->ids6;
        for (unsigned i = 0; i < k->out.peers.count[f]; i++, listed++) {
            uint16_t port = load_u16be(kit_listed(k, f, i) + ADDRESS_BYTES(f));
            struct peer_id id = kit_peer_id(port == 3 ? 999 : port);
            assert_memory_equal(ids + i * PEER_ID_BYTES, id.bytes, PEER_ID_BYTES);
        }
    }
    assert_int_equal(listed, count - (count + 4) / 5);
}

/* ---- main ---- */

#define IN_BOTH(test)                                                                              \
    {#test " [small]", test, open_store, close_store, &(int){SMALL}},                              \
    {                                                                                              \
#test " [large]", test, open_store, close_store, &(int)                                    \
        {                                                                                          \
            LARGE                                                                                  \
        }                                                                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_BOTH(an_endpoint_is_one_peer),
        IN_BOTH(two_clients_of_one_address_are_two_peers),
        IN_BOTH(a_moved_port_is_the_same_peer),
        IN_BOTH(a_peer_moves_onto_a_port_that_another_left),
        IN_BOTH(the_silence_of_a_known_peer_is_told),
        IN_BOTH(a_restart_with_a_new_id_replaces_in_place),
        IN_BOTH(a_stop_of_an_earlier_session_changes_nothing),
        IN_BOTH(a_stop_for_a_port_of_another_client_changes_nothing),
        IN_BOTH(a_stop_finds_the_peer_on_its_old_port),
        IN_BOTH(a_stop_from_another_address_changes_nothing),
        IN_BOTH(a_stolen_peer_id_moves_nobody),
        IN_BOTH(stop_and_scrape_create_nothing),
        IN_BOTH(left_decides_who_seeds),
        IN_BOTH(completed_with_something_left_is_no_completion),
        IN_BOTH(completed_without_left_is_one),
        IN_BOTH(a_completion_counts_once),
        IN_BOTH(a_completion_on_both_families_counts_once),
        IN_BOTH(a_completion_of_a_stranger_counts),
        IN_BOTH(a_seeder_completes_nothing),
        IN_BOTH(the_completed_count_survives_growth),
        IN_BOTH(a_partial_seed_is_incomplete_but_downloads_nothing),
        IN_BOTH(who_only_uploads_gets_downloaders_only),
        IN_BOTH(a_client_on_both_families_counts_once),
        IN_BOTH(a_client_with_two_ipv6_addresses_counts_once),
        IN_BOTH(the_other_family_of_the_asker_is_not_listed),
        IN_BOTH(the_asker_is_never_listed),
        IN_BOTH(an_answer_keeps_every_bound),
        IN_BOTH(a_stop_is_answered_without_peers),
        IN_BOTH(private_peers_are_for_private_askers),
        IN_BOTH(a_silent_peer_is_forgotten),
        IN_BOTH(every_announce_renews_a_peer),
        IN_BOTH(a_clock_behind_expires_nobody),
        IN_BOTH(an_empty_torrent_keeps_its_count_for_a_while),
        IN_BOTH(an_empty_torrent_without_a_count_goes),
        IN_BOTH(peers_max_holds),
        IN_BOTH(peers_max_leaves_no_empty_torrent),
        IN_BOTH(torrent_peers_max_holds),
        IN_BOTH(torrents_max_holds),
        IN_BOTH(torrents_max_drops_kept_counts_first),
        IN_BOTH(ip_peers_max_holds_for_an_address),
        IN_BOTH(ip_peers_max_holds_for_an_ipv6_network),
        IN_BOTH(ip_peers_max_spares_loopback_unless_told),
        IN_BOTH(ip_peers_max_never_means_more_than_can_be_counted),
        IN_BOTH(peer_ids_follow_their_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
