/* fuzz_torrent_file.c - any bytes as a .torrent file. */
#include "proto/torrent_file.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct torrent_file t;
    const char *why = torrent_file_read(view_of(bytes, len), &t);
    assert(why || (t.count >= 1 && t.count <= TORRENT_FILE_HASHES_MAX));
    return 0;
}
