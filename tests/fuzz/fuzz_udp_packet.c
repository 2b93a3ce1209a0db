/* fuzz_udp_packet.c - any datagram: decoded fields are the packet's bytes, within their bounds. */
#include "proto/udp_tracker.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_announce(struct view packet)
{
    uint8_t url[UDP_URL_BYTES_MAX];
    size_t url_bytes;
    struct announce a;
    enum err err = udp_decode_announce(packet, &a, url, &url_bytes);
    assert(err == (a.port || a.event == EVENT_STOPPED ? ERR_OK : ERR_INVALID_PORT));
    assert(url_bytes <= UDP_URL_BYTES_MAX && url_bytes <= packet.len - UDP_ANNOUNCE_BYTES);
    assert(a.event <= EVENT_PAUSED && a.numwant >= NUMWANT_UNSET);
    assert(memcmp(a.info_hash.bytes, packet.ptr + 16, 20) == 0);
    assert(memcmp(a.peer_id.bytes, packet.ptr + 36, 20) == 0);
    assert(a.left == load_u64be(packet.ptr + 64) && a.port == load_u16be(packet.ptr + 96));
}

static void check_scrape(struct view packet)
{
    const struct info_hash *hashes;
    size_t count;
    if (udp_decode_scrape(packet, &hashes, &count) != ERR_OK) return;
    assert(count >= 1 && count <= UDP_SCRAPE_HASHES_MAX);
    assert(hashes[0].bytes == packet.ptr + 16 &&
           hashes[count - 1].bytes + 20 <= packet.ptr + packet.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct view packet = view_of(bytes, len);
    struct udp_request r;
    if (udp_decode_request(packet, &r) != ERR_OK) return 0;
    uint8_t head[16];
    store_u64be(head, r.action == UDP_CONNECT ? load_u64be(bytes) : r.connection_id);
    store_u32be(head + 8, r.action);
    store_u32be(head + 12, r.transaction_id);
    assert(memcmp(head, bytes, sizeof head) == 0);
    if (r.action == UDP_ANNOUNCE) check_announce(packet);
    if (r.action == UDP_SCRAPE) check_scrape(packet);
    return 0;
}
