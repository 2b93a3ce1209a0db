/* foreign_store.h - what other trackers write of what they hold, read torrent by torrent.
 *
 *   trakx      its file backup: torrents with their peers
 *   scrape     a bencoded full scrape, as opentracker and etracker answer it: completed counts
 *   lines      opentracker's text lists of all torrents that have completed counts:
 *              HASH:SEEDERS:LEECHERS:COMPLETED (mode=tpbs&format=txtp), HASH:TIME:COMPLETED
 *              (mode=statedump); HASH is 40 hexadecimal digits
 *
 * Owner     views are borrowed for the call, what fn gets as well.
 * Errors    ERR_BAD_VALUE, and how far it was understood; what was passed on before stands. */
#ifndef PROTO_FOREIGN_STORE_H
#define PROTO_FOREIGN_STORE_H

#include "base/err.h"
#include "proto/types.h"

/* A torrent, or a part of one: at most STORED_PEERS_MAX peers. */
typedef void foreign_torrent_fn(void *ctx, const struct stored_torrent *t);

struct foreign_text {
    struct view bytes;
    uint64_t now_unix_s; /* ages are told as of now */
    size_t understood;   /* out: bytes */
};

typedef enum err foreign_read_fn(struct foreign_text *text, foreign_torrent_fn *fn, void *ctx);
foreign_read_fn foreign_read_trakx MUST_CHECK;
foreign_read_fn foreign_read_scrape MUST_CHECK;
foreign_read_fn foreign_read_lines MUST_CHECK;

#endif
