/* fuzz_bencode.c - the input is what an answer says; whatever it says, a strict reader takes it. */
#include <assert.h>

#include "../bencode_check.h"
#include "proto/http_tracker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PEERS_MAX 64

/* Room that is too small is told, never left; and it must suffice where it was promised to. */
static void check(const struct writer *w, bool must_fit)
{
    assert(writer_used(w) <= (size_t)(w->end - w->start));
    assert(!must_fit || !w->overflow);
    assert(w->overflow || bencode_check(w->start, writer_used(w)));
}

static struct swarm_numbers numbers_of(struct cursor *c)
{
    return (struct swarm_numbers){cursor_u32be(c), cursor_u32be(c), cursor_u32be(c),
                                  cursor_u32be(c)};
}

static void announce(struct cursor *c, struct writer *w, bool must_fit)
{
    uint8_t compact[FAMILY_COUNT][PEERS_MAX * 18], ids[PEERS_MAX * PEER_ID_BYTES];
    uint8_t bits = cursor_u8(c);
    struct address ip = {.family = bits & 1};
    cursor_copy(c, ip.ip, ADDRESS_BYTES(ip.family));
    struct peer_list peers = {.compact = {compact[0], compact[1]}, .peer_ids = {ids, NULL}};
    for (int f = 0; f < FAMILY_COUNT; f++) {
        peers.count[f] = cursor_u8(c) % (PEERS_MAX / 2 + 1);
        cursor_copy(c, compact[f], (size_t)peers.count[f] * COMPACT_BYTES(f));
    }
    cursor_copy(c, ids, sizeof ids);
    struct http_announce_reply r = {
        .interval_s = cursor_u32be(c),
        .min_interval_s = cursor_u32be(c),
        .numbers = numbers_of(c),
        .peers = &peers,
        .external_ip = bits & 2 ? &ip : NULL,
        .warning = view_of("warned", bits & 4 ? 6 : 0),
        .compact = bits & 8,
        .with_peer_ids = bits & 16,
    };
    http_encode_announce(w, &r);
    check(w, must_fit);
}

static void scrape(struct cursor *c, struct writer *w, bool must_fit)
{
    uint32_t interval_s = cursor_u32be(c);
    struct info_hash h = {{0}};
    http_encode_scrape_head(w);
    for (int n = cursor_u8(c) % 40; n > 0; n--) {
        struct swarm_numbers numbers = numbers_of(c);
        h.bytes[0]++; /* entries come sorted */
        cursor_copy(c, h.bytes + 1, INFO_HASH_BYTES - 1);
        http_encode_scrape_entry(w, &h, &numbers);
    }
    http_encode_scrape_tail(w, interval_s);
    check(w, must_fit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[512 + PEERS_MAX * HTTP_PEER_BYTES_MAX];
    struct cursor c = cursor_of(data, size);
    uint8_t what = cursor_u8(&c);
    bool must_fit = what & 4;
    struct writer w = writer_of(out, must_fit ? sizeof out : cursor_u16be(&c) % sizeof out);
    switch (what & 3) {
    case 0: announce(&c, &w, must_fit); break;
    case 1: scrape(&c, &w, must_fit); break;
    default:
        http_encode_failure(&w, 1 + cursor_u8(&c) % (ERR_COUNT - 1), cursor_u32be(&c));
        check(&w, must_fit);
        break;
    }
    return 0;
}
