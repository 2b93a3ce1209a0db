/* fuzz_handover.c - any bytes as what the other process of an upgrade sends: frames, and the changes to
 * the store that are in them. */
#include "fuzz_store.h"

#include "app/handover.h"
#include "swarm/journal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEN_MAX 65536 /* a socket takes it without a reader */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* As upgrade_take.c does. */
static void replay(struct swarm *s, struct view bytes)
{
    struct rng rng;
    struct swarm_change c;
    rng_init(&rng, 1);
    for (; bytes.len >= sizeof c; bytes = view_from(bytes, sizeof c)) {
        memcpy(&c, bytes.ptr, sizeof c);
        if (!swarm_change_is_valid(&c)) return;
        c.now_s = FUZZ_NOW.now_s;
        swarm_replay(s, &c, FUZZ_NOW.lifetime_s, &rng);
    }
}

/* Frame after frame, each what the bytes say, until they end. */
static void receive_all(struct handover *h, struct view sent)
{
    struct swarm *s = fuzz_store(true);
    struct handover_frame f;
    enum err err;
    while ((err = handover_receive(h, 0, &f)) == ERR_OK) {
        assert(f.take_fd == -1 && sent.len >= 8 + f.bytes.len);
        assert(memcmp(sent.ptr, &f.type, sizeof f.type) == 0);
        assert(f.bytes.len == 0 || memcmp(sent.ptr + 8, f.bytes.ptr, f.bytes.len) == 0);
        sent = view_from(sent, 8 + f.bytes.len);
        if (f.type == HANDOVER_CHANGES) replay(s, f.bytes);
    }
    assert(err == ERR_FULL || (err == ERR_OS && errno == ECONNRESET));
    fuzz_store_empty(s, 4000, 2);
}

/* The receiver's buffer is kept: frames may say that they have 64 MiB, and making room for that takes
 * a hundred times as long as the rest. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct handover here;
    struct handover fresh, there;
    if (len > LEN_MAX) return 0;
    if (handover_pair(&fresh, &there) != ERR_OK) abort();
    if (len && send(there.fd, bytes, len, 0) != (ssize_t)len) abort();
    handover_close(&there);
    here.fd = fresh.fd;
    receive_all(&here, view_of(bytes, len));
    close(here.fd);
    return 0;
}
