/* fuzz_foreign_store.c - any bytes as each of the files that `muster import` reads. */
#include "proto/foreign_store.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(void *ctx, const struct stored_torrent *t)
{
    (void)ctx;
    assert(t->count <= STORED_PEERS_MAX);
    for (uint32_t i = 0; i < t->count; i++)
        assert(t->peers[i].address.family < FAMILY_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static foreign_read_fn *const READS[] = {foreign_read_trakx, foreign_read_scrape,
                                             foreign_read_lines};
    for (size_t i = 0; i < sizeof READS / sizeof *READS; i++) {
        struct foreign_text text = {.bytes = view_of(bytes, len), .now_unix_s = 1000000};
        enum err err = READS[i](&text, check, NULL);
        assert(text.understood <= len && (err != ERR_OK || text.understood == len));
    }
    return 0;
}
