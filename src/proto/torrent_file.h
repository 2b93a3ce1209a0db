/* torrent_file.h - the info hashes of a .torrent file.
 *
 * Sources   BEP 3 (v1: SHA-1 of the info dictionary), BEP 52 (v2: SHA-256, cut to 20 bytes; a hybrid
 *           has both) */
#ifndef PROTO_TORRENT_FILE_H
#define PROTO_TORRENT_FILE_H

#include "proto/types.h"

#define TORRENT_FILE_HASHES_MAX 2

struct torrent_file {
    unsigned count; /* 1, or 2 for a hybrid */
    struct info_hash info_hashes[TORRENT_FILE_HASHES_MAX];
};

/* Read a whole file. Returns NULL, or what is wrong with it.
 *   cost   some passes over the file, and a hash of its info dictionary */
const char *torrent_file_read(struct view bytes, struct torrent_file *out);

#endif
