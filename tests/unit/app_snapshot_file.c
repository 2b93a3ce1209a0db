/* app_snapshot_file.c - a store to a file while somebody who is stuck keeps a part of it. */
#include "unit.h"

#include "../store_kit.h"
#include "app/snapshot_file.h"
#include "base/clock.h"
#include "swarm/store.h"

#include <fcntl.h>
#include <unistd.h>

#define CROWD  600 /* peers of a large torrent: several holds */
#define OTHERS 3000

static struct kit *k, *fresh;

static int open_stores(void **state)
{
    (void)state;
    struct swarm_opts opts = kit_opts(1);
    k = kit_open(&opts, 1);
    fresh = kit_open(&opts, 2);
    k->time.now_s = fresh->time.now_s = (uint32_t)(clock_now_ms() / 1000);
    return 0;
}

static int close_stores(void **state)
{
    (void)state;
    kit_close(k);
    kit_close(fresh);
    return 0;
}

static void announce(uint32_t torrent, uint32_t host)
{
    struct announce a = kit_peer(FAMILY_V4, host, 6881, host, 5, EVENT_STARTED);
    a.info_hash = kit_torrent(torrent);
    kit_announce(k, &a);
}

static struct shard *shard_of_torrent(uint32_t torrent)
{
    struct info_hash h = kit_torrent(torrent);
    return shard_of(k->swarm, swarm_hash(k->swarm, &h));
}

static int save(int last_fd, struct snapshot_saved *out)
{
    const struct snapshot_job job = {.s = k->swarm, .lifetime_s = 100, .last_fd = last_fd};
    int fd = memfd_create("snapshot", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(snapshot_save(fd, &job, out), ERR_OK);
    return fd;
}

static void load(int fd)
{
    struct snapshot_loaded loaded;
    assert_int_equal(snapshot_load(fd, "test", fresh->swarm, fresh->time, NULL, NULL, &loaded),
                     ERR_OK);
    assert_true(loaded.is_whole);
}

static uint32_t leechers(uint32_t torrent)
{
    return kit_scrape(fresh, torrent).incomplete;
}

/* Torrent 1 is large, all the others have a peer. Saved once; then they get another, and 1 is held. */
static void what_is_kept_from_it_comes_from_the_file_before(void **state)
{
    (void)state;
    struct snapshot_saved saved;
    for (uint32_t host = 1; host <= CROWD; host++)
        announce(1, host);
    for (uint32_t torrent = 2; torrent < OTHERS; torrent++)
        announce(torrent, 1);
    int first = save(-1, &saved);
    assert_int_equal(saved.shards_skipped, 0);
    for (uint32_t torrent = 1; torrent < OTHERS; torrent++)
        announce(torrent, CROWD + 1);
    lock_take(&shard_of_torrent(1)->lock);
    int second = save(first, &saved);
    lock_release(&shard_of_torrent(1)->lock);
    assert_int_equal(saved.shards_skipped, 1);
    assert_true(saved.is_last_read && saved.torrents_kept);
    load(second);
    assert_int_equal(leechers(1), CROWD);
    for (uint32_t torrent = 2; torrent < OTHERS; torrent++)
        assert_int_equal(leechers(torrent), 2 - (shard_of_torrent(torrent) == shard_of_torrent(1)));
    close(first);
    close(second);
}

static void without_a_file_before_the_rest_is_saved(void **state)
{
    (void)state;
    struct snapshot_saved saved;
    for (uint32_t torrent = 1; torrent < OTHERS; torrent++)
        announce(torrent, 1);
    lock_take(&shard_of_torrent(1)->lock);
    int fd = save(-1, &saved);
    lock_release(&shard_of_torrent(1)->lock);
    assert_int_equal(saved.shards_skipped, 1);
    assert_false(saved.is_last_read);
    load(fd);
    for (uint32_t torrent = 1; torrent < OTHERS; torrent++)
        assert_int_equal(leechers(torrent), shard_of_torrent(torrent) != shard_of_torrent(1));
    close(fd);
}

static void count_peers(void *ctx, const struct stored_torrent *t)
{
    *(uint32_t *)ctx += t->count;
}

/* Somebody gets stuck when a large torrent is passed on in part. */
static void the_rest_of_a_torrent_is_skipped(void **state)
{
    (void)state;
    struct swarm_dump_at at = {0};
    uint32_t peers = 0;
    for (uint32_t host = 1; host <= CROWD; host++)
        announce(1, host);
    while (peers == 0)
        assert_true(swarm_dump(k->swarm, k->time, &at, count_peers, &peers));
    assert_true(peers < CROWD);
    lock_take(&shard_of_torrent(1)->lock);
    while (swarm_dump(k->swarm, k->time, &at, count_peers, &peers))
        ;
    lock_release(&shard_of_torrent(1)->lock);
    struct info_hash here = kit_torrent(1), elsewhere = kit_torrent(2);
    assert_int_equal(at.skipped, 1);
    assert_true(swarm_dump_skipped(k->swarm, &at, &here));
    assert_false(swarm_dump_skipped(k->swarm, &at, &elsewhere));
    assert_true(peers < CROWD);
}

static void a_sweep_goes_on_without_what_is_kept_from_it(void **state)
{
    (void)state;
    for (uint32_t torrent = 1; torrent < OTHERS; torrent++)
        announce(torrent, 1);
    k->time.now_s += 200;
    uint32_t held = 0;
    for (uint32_t torrent = 1; torrent < OTHERS; torrent++)
        held += shard_of_torrent(torrent) == shard_of_torrent(1);
    lock_take(&shard_of_torrent(1)->lock);
    assert_int_equal(kit_sweep(k).peers_removed, OTHERS - 1 - held);
    lock_release(&shard_of_torrent(1)->lock);
    assert_int_equal(kit_sweep(k).peers_removed, held);
}

int main(void)
{
#define WITH_STORES(test) cmocka_unit_test_setup_teardown(test, open_stores, close_stores)
    const struct CMUnitTest tests[] = {
        WITH_STORES(what_is_kept_from_it_comes_from_the_file_before),
        WITH_STORES(without_a_file_before_the_rest_is_saved),
        WITH_STORES(the_rest_of_a_torrent_is_skipped),
        WITH_STORES(a_sweep_goes_on_without_what_is_kept_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
