/* fuzz_snapshot_file.c - any bytes as a snapshot file, damage and all, into a store. The first byte
 * says where a right header or a right head is put over the rest, or the searcher would need years to
 * guess its checksums. */
#include "app/snapshot_file.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define LEN_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Checksums of the head there, and of the payload behind it, as far as there is one. */
static void head_mend(uint8_t *at, size_t left)
{
    struct writer w = writer_of(at, SNAPSHOT_HEAD_BYTES);
    size_t payload = left - SNAPSHOT_HEAD_BYTES, wanted = load_u16be(at + 14);
    if (payload > wanted) payload = wanted;
    writer_literal(&w, "mBlk");
    w.at += 4;
    writer_u32be(&w, 0);
    writer_u32be(&w, (uint32_t)payload);
    writer_u32be(&w, (uint32_t)crc32(0, at + SNAPSHOT_HEAD_BYTES, (uInt)payload));
    writer_u32be(&w, (uint32_t)crc32(0, at, (uInt)writer_used(&w)));
}

static void mend(uint8_t *file, size_t len, uint8_t how)
{
    struct snapshot_header h = {.age_unit_s = 1, .has_peer_ids = how & 1};
    if (how & 2 && len >= SNAPSHOT_HEADER_BYTES) snapshot_header_write(&h, file);
    size_t at = SNAPSHOT_HEADER_BYTES + (how >> 4);
    if (how & 4 && len >= at + SNAPSHOT_HEAD_BYTES) head_mend(file + at, len - at);
}

static void load(int fd)
{
    static const uint8_t KEY[SWARM_KEY_BYTES] = {1, 2, 3};
    struct swarm_opts opts = {
        .memory_bytes_max = 8u << 20, .completed_ttl_s = 3600, .lifetime_s_max = 3600, .key = KEY};
    struct swarm_time now = {.now_s = 100000, .lifetime_s = 3600};
    struct snapshot_loaded loaded;
    struct swarm *s;
    struct swarm_counts n;
    if (swarm_new(&s, &opts) != ERR_OK) abort();
    if (snapshot_load(fd, "fuzz", s, now, NULL, NULL, &loaded) == ERR_OK) {
        swarm_counts(s, &n);
        assert(n.torrents == loaded.store.torrents);
        assert(n.peers[0] + n.peers[1] == loaded.store.peers);
        assert(!loaded.is_whole || loaded.blocks);
    }
    swarm_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static uint8_t file[LEN_MAX];
    if (len < 1 || len > LEN_MAX) return 0;
    log_level_set(LOG_ERROR);
    memcpy(file, bytes + 1, len - 1);
    mend(file, len - 1, bytes[0]);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || !snapshot_write(fd, view_of(file, len - 1))) abort();
    load(fd);
    close(fd);
    return 0;
}
