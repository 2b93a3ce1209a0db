/* fuzz_snapshot.c - any bytes as the header and as a block of a snapshot, into a store and out again.
 * The first byte says whether peers have ids and in how many seconds ages count. */
#include "fuzz_store.h"

#include "proto/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

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
    struct snapshot_writer *w = ctx;
    if (snapshot_block_is_full(w)) (void)snapshot_block_finish(w);
    snapshot_put(w, t);
}

/* All that the store took is in what it dumps. */
static void check_store(const struct swarm *s, const struct snapshot_header *h)
{
    static uint8_t buffer[SNAPSHOT_BLOCK_BYTES_MAX];
    struct snapshot_writer w;
    struct swarm_counts n;
    snapshot_writer_init(&w, h, buffer);
    fuzz_store_dump(s, put_part, &w);
    swarm_counts(s, &n);
    assert(w.totals.torrents == n.torrents);
    assert(w.totals.peers[FAMILY_V4] == n.peers[FAMILY_V4]);
    assert(w.totals.peers[FAMILY_V6] == n.peers[FAMILY_V6]);
}

static void check_payload(const struct snapshot_header *h, struct view payload)
{
    struct swarm *s = fuzz_store(h->has_peer_ids);
    struct snapshot_reader r;
    struct restore_report report = {0};
    const struct stored_torrent *t;
    snapshot_reader_init(&r, h, payload);
    while (snapshot_next(&r, &t) == ERR_OK && t)
        swarm_restore(s, t, FUZZ_NOW, &report);
    check_store(s, h);
    fuzz_store_empty(s, 4000, 2); /* a lifetime later, and another */
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
