/* full_scrape.h - the numbers of every torrent in one answer, streamed piece by piece.
 *
 * Threads   a full_scrape belongs to one door; the gate is shared by all.
 * Memory    one batch of entries (about 150 KB, more where a shard is larger) and, with gzip, zlib's
 *           window; never the whole answer.
 * Locks     one shard at a time, for as long as copying its entries takes. */
#ifndef FRONT_FULL_SCRAPE_H
#define FRONT_FULL_SCRAPE_H

#include "base/bytes.h"
#include "tracker/tracker.h"

#define FULL_SCRAPE_PIECE_BYTES_MAX 65536u /* framing included */
#define FULL_SCRAPES_MAX            4      /* at one time, in the whole process */
#define FULL_SCRAPE_BYTES_PER_S_MIN 32768u /* on average, else it ends: places are few ... */
#define FULL_SCRAPE_GRACE_S         10     /* ... looked at after so long */

/* Who had one lately: a bounded table, keyed by address (IPv6: by /64, which is one customer). When
 * its slots are short the oldest entry is forgotten; FULL_SCRAPES_MAX still holds. */
struct full_scrape_gate;
enum err full_scrape_gate_new(struct full_scrape_gate **out) MUST_CHECK;
void full_scrape_gate_free(struct full_scrape_gate *g);

struct full_scrape;

struct full_scrape_opts {
    const struct tracker *tracker;
    bool gzip, chunked;
    uint32_t min_request_interval_s; /* flags; 0 leaves them out */
};

/* Start one for `client`, at most one per interval_s (0: any number).
 *   retry_in_min  set on ERR_FULL_SCRAPE_BUSY, which also tells of too many at one time or of no
 *                 memory */
enum err full_scrape_new(struct full_scrape **out, const struct full_scrape_opts *opts,
                         struct full_scrape_gate *gate, const struct address *client,
                         uint32_t interval_s, uint32_t now_s, uint32_t *retry_in_min) MUST_CHECK;
void full_scrape_free(struct full_scrape *f);

enum full_scrape_step { FULL_SCRAPE_MORE, FULL_SCRAPE_END, FULL_SCRAPE_FAILED, FULL_SCRAPE_SLOW };

/* Append the next piece to `w`, which has FULL_SCRAPE_PIECE_BYTES_MAX of room; it may be empty.
 * FAILED: no memory for a large shard; SLOW: the client takes less than
 * FULL_SCRAPE_BYTES_PER_S_MIN; the answer cannot be completed.
 *   cost   bounded, about a millisecond */
enum full_scrape_step full_scrape_piece(struct full_scrape *f, uint32_t now_s, struct writer *w);

#endif
