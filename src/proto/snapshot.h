/* snapshot.h - the file a store outlives its process in: docs/snapshot-format.md. Bytes to struct and
 * back; who opens files is app/state.c.
 *
 *   header    64 bytes: version, when it was saved, what ages count in
 *   blocks    head of 24 bytes (type, number, length, two checksums), then the payload
 *   last      a block with the totals: a file without it was cut off
 *
 * Shape     a block can be understood without any other, and the next be found when one is damaged.
 * Owner     the caller's, everywhere; no malloc.
 * Errors    of the reading half are the file's; the writing half asserts. */
#ifndef PROTO_SNAPSHOT_H
#define PROTO_SNAPSHOT_H

#include "base/err.h"
#include "proto/types.h"

#define SNAPSHOT_VERSION          1
#define SNAPSHOT_HEADER_BYTES     64
#define SNAPSHOT_HEAD_BYTES       24
#define SNAPSHOT_BLOCK_BYTES_MAX  (4u << 20)   /* head and payload */
#define SNAPSHOT_BLOCK_BYTES_FULL (256u << 10) /* a writer begins another block from here on */
#define SNAPSHOT_BOOT_ID_BYTES    16

struct snapshot_header {
    bool has_peer_ids;
    uint32_t age_unit_s;     /* peers' ages are multiples of it; at least 1 */
    uint32_t lifetime_s;     /* of a peer, then: clients were told an interval that fits it */
    uint64_t saved_unix_s;   /* when the ages were right, by the wall clock */
    uint64_t saved_uptime_s; /* and since the machine's start */
    uint8_t boot_id[SNAPSHOT_BOOT_ID_BYTES]; /* which start; zero: not known */
    uint64_t tag_check; /* the store's, see swarm_traits(); 0: tags mean nothing */
};

void snapshot_header_write(const struct snapshot_header *h, uint8_t out[SNAPSHOT_HEADER_BYTES]);
/* ERR_SNAPSHOT_FOREIGN; ERR_SNAPSHOT_VERSION; ERR_SNAPSHOT_DAMAGED. */
enum err snapshot_header_read(const uint8_t in[SNAPSHOT_HEADER_BYTES],
                              struct snapshot_header *out) MUST_CHECK;

/* ---- blocks ---- */

enum snapshot_type { SNAPSHOT_TORRENTS = 1, SNAPSHOT_END = 2 }; /* others: skipped by readers */

struct snapshot_head {
    uint32_t type, number; /* number: 0, 1, 2 .. in the order of the file */
    uint32_t payload_bytes;
    uint32_t payload_crc;
};

/* What the last block says. */
struct snapshot_totals {
    uint64_t torrents, peers[FAMILY_COUNT];
    uint32_t blocks; /* before it */
};

/* ERR_SNAPSHOT_DAMAGED: no head of a block is there. Then look on a byte further: a mark and two
 * checksums make a chance hit one in 2^96. */
enum err snapshot_head_read(const uint8_t in[SNAPSHOT_HEAD_BYTES],
                            struct snapshot_head *out) MUST_CHECK;
bool snapshot_payload_is_whole(const struct snapshot_head *head, const uint8_t *payload);

/* ---- writing ---- */

struct snapshot_writer {
    struct writer block; /* the caller's buffer of SNAPSHOT_BLOCK_BYTES_MAX */
    struct snapshot_totals totals;
    /* private */
    uint32_t age_unit_s;
    bool has_peer_ids, in_torrent, in_block;
    struct info_hash last;
};

/* `buffer`: SNAPSHOT_BLOCK_BYTES_MAX bytes, the caller's until the end. */
void snapshot_writer_init(struct snapshot_writer *w, const struct snapshot_header *h,
                          uint8_t *buffer);
/* Append a torrent or a part of one (at most STORED_PEERS_MAX peers): a few kilobytes at most. */
void snapshot_put(struct snapshot_writer *w, const struct stored_torrent *t);
static inline bool snapshot_block_is_full(const struct snapshot_writer *w)
{
    return writer_used(&w->block) >= SNAPSHOT_BLOCK_BYTES_FULL;
}
/* Complete the block; its bytes stay in the buffer until the next snapshot_put(). */
struct view snapshot_block_finish(struct snapshot_writer *w);
/* The last block, once every other one is finished. */
struct view snapshot_end(struct snapshot_writer *w);

/* ---- reading ---- */

struct snapshot_reader {
    struct cursor in;
    uint32_t later_s; /* added to every age: what has passed since; 0 after init */
    /* private */
    uint32_t age_unit_s;
    bool has_peer_ids, in_torrent;
    struct stored_torrent last;
    struct stored_peer peers[STORED_PEERS_MAX];
};

/* Read the payload of a block of torrents. */
void snapshot_reader_init(struct snapshot_reader *r, const struct snapshot_header *h,
                          struct view payload);
/* The next torrent or part of one; its peers live until the next call. *out is NULL at the end.
 * ERR_SNAPSHOT_DAMAGED: the bytes make no sense, the rest of the block is lost. */
enum err snapshot_next(struct snapshot_reader *r, const struct stored_torrent **out) MUST_CHECK;
/* The payload of the last block. */
enum err snapshot_totals_read(struct view payload, struct snapshot_totals *out) MUST_CHECK;

#endif
