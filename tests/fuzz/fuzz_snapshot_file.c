/* fuzz_snapshot_file.c - any bytes as a snapshot file, damage and all, into a store. The first byte
 * says where a right header or a right head is put over the rest, or the searcher would need years to
 * guess its checksums. */
#include "fuzz_store.h"

#include "app/snapshot_file.h"
#include "base/log.h"

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

/* What a load says it put into the store is there. */
static void load(int fd)
{
    struct swarm *s = fuzz_store(false);
    struct snapshot_loaded loaded;
    struct swarm_counts n;
    enum err err = snapshot_load(fd, "fuzz", s, FUZZ_NOW, NULL, NULL, &loaded);
    assert(err != ERR_OK || !loaded.is_whole || loaded.blocks);
    swarm_counts(s, &n);
    assert(n.torrents == loaded.store.torrents);
    assert(n.peers[FAMILY_V4] + n.peers[FAMILY_V6] == loaded.store.peers);
    /* a file may say that peers lived longer: in steps that ages cannot wrap in */
    if (n.torrents) fuzz_store_empty(s, 1500, 8);
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
