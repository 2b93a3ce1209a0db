/* fuzz_snapshot.c - any bytes as the header and as a block of a snapshot, into a store and out again.
 * The first byte says whether peers have ids and in how many seconds ages count. */
#include "proto/snapshot.h"
#include "swarm/dump.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct swarm_time NOW = {.now_s = 100000, .lifetime_s = 3600};

static void check_header(const uint8_t *bytes, size_t len)
{
    struct snapshot_header h, again;
    uint8_t written[SNAPSHOT_HEADER_BYTES];
    if (len < SNAPSHOT_HEADER_BYTES || snapshot_header_read(bytes, &h) != ERR_OK) return;
    snapshot_header_write(&h, written);
    enum err err = snapshot_header_read(written, &again);
    assert(err == ERR_OK && h.tag_check == again.tag_check && h.age_unit_s == again.age_unit_s);
}

static void check_head(const uint8_t *bytes, size_t len)
{
    struct snapshot_head head;
    if (len < SNAPSHOT_HEAD_BYTES || snapshot_head_read(bytes, &head) != ERR_OK) return;
    assert(head.payload_bytes <= SNAPSHOT_BLOCK_BYTES_MAX - SNAPSHOT_HEAD_BYTES);
    if (len - SNAPSHOT_HEAD_BYTES < head.payload_bytes) return;
    (void)snapshot_payload_is_whole(&head, bytes + SNAPSHOT_HEAD_BYTES);
}

static void put_part(void *ctx, const struct stored_torrent *t)
{
    snapshot_put(ctx, t);
}

/* All that the store took is in what it dumps. */
static void check_store(const struct swarm *s, const struct snapshot_header *h)
{
    static uint8_t buffer[SNAPSHOT_BLOCK_BYTES_MAX];
    struct snapshot_writer w;
    struct swarm_dump_at at = {0};
    struct swarm_counts n;
    snapshot_writer_init(&w, h, buffer);
    while (swarm_dump(s, NOW, &at, put_part, &w))
        if (snapshot_block_is_full(&w)) (void)snapshot_block_finish(&w);
    swarm_counts(s, &n);
    assert(w.totals.torrents == n.torrents);
    assert(w.totals.peers[FAMILY_V4] == n.peers[FAMILY_V4]);
    assert(w.totals.peers[FAMILY_V6] == n.peers[FAMILY_V6]);
}

static void check_payload(const struct snapshot_header *h, struct view payload)
{
    static const uint8_t KEY[SWARM_KEY_BYTES] = {1, 2, 3};
    struct swarm_opts opts = {.memory_bytes_max = 8u << 20,
                              .completed_ttl_s = 3600,
                              .lifetime_s_max = 3600,
                              .ip_peers_max = 20,
                              .key = KEY,
                              .store_peer_ids = h->has_peer_ids};
    struct swarm *s;
    struct snapshot_reader r;
    struct restore_report report = {0};
    const struct stored_torrent *t;
    if (swarm_new(&s, &opts) != ERR_OK) abort();
    snapshot_reader_init(&r, h, payload);
    while (snapshot_next(&r, &t) == ERR_OK && t)
        swarm_restore(s, t, NOW, &report);
    check_store(s, h);
    struct sweep_report swept = {0};
    struct swarm_time later = {NOW.now_s + 4000, NOW.lifetime_s};
    for (int i = 0; i < 2; i++, later.now_s += 4000)
        swarm_sweep(s, later, 0, swarm_shard_count(s), &swept);
    struct swarm_counts n;
    swarm_counts(s, &n);
    assert(n.peers[0] + n.peers[1] == 0 && n.torrents == 0);
    swarm_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_header(bytes, len);
    check_head(bytes, len);
    if (!len) return 0;
    struct snapshot_header h = {.has_peer_ids = bytes[0] & 1, .age_unit_s = 1u + (bytes[0] >> 1)};
    check_payload(&h, view_of(bytes + 1, len - 1));
    return 0;
}
