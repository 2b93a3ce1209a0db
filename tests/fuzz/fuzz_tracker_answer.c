/* fuzz_tracker_answer.c - whatever a foreign tracker sends: as bencode, as the body of an announce and
 * of a scrape, as a datagram. The first byte chooses the family and the hashes asked for. */
#include "proto/bencode_read.h"
#include "proto/tracker_answer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct answer_announce announce;
static struct answer_scrape scrape;

static size_t walk(const struct bencode_value *v, struct view text)
{
    struct view rest = v->bytes, key;
    struct bencode_value item;
    size_t count = 1;
    bool inside = v->kind == BENCODE_INT || v->bytes.len == 0 ||
                  (v->bytes.ptr >= text.ptr && v->bytes.ptr + v->bytes.len <= text.ptr + text.len);
    assert(inside);
    if (v->kind == BENCODE_LIST)
        while (bencode_next(&rest, &item))
            count += walk(&item, text);
    if (v->kind == BENCODE_DICT)
        while (bencode_next_pair(&rest, &key, &item))
            count += walk(&item, text);
    return count;
}

static void check_bencode(struct view text)
{
    struct bencode_value v;
    size_t used;
    unsigned faults;
    if (bencode_read(text, &v, &used, &faults) != ERR_OK) return;
    assert(used > 0 && used <= text.len && walk(&v, text) <= text.len);
    struct bencode_value again;
    size_t same;
    assert(bencode_read(view_of(text.ptr, used), &again, &same, &faults) == ERR_OK && same == used);
    assert(bencode_read(view_of(text.ptr, used - 1), &again, &same, &faults) != ERR_OK);
}

static void check_counts(int64_t a, int64_t b, int64_t c)
{
    assert(a >= COUNT_UNKNOWN && b >= COUNT_UNKNOWN && c >= COUNT_UNKNOWN);
}

static void check_announce(enum err err)
{
    if (err != ERR_OK) return;
    check_counts(announce.seeders, announce.leechers, announce.downloaded);
    assert(announce.failure.len == 0 || announce.peer_count == 0);
}

static void check_scrape(enum err err, size_t count)
{
    for (size_t i = 0; err == ERR_OK && i < ANSWER_HASHES_MAX; i++) {
        check_counts(scrape.of[i].seeders, scrape.of[i].leechers, scrape.of[i].downloaded);
        assert(i < count || !scrape.of[i].present);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct info_hash HASHES[ANSWER_HASHES_MAX] = {{"aaaaaaaaaaaaaaaaaaa"}};
    if (len == 0) return 0;
    enum family family = bytes[0] & 1 ? FAMILY_V6 : FAMILY_V4;
    size_t count = bytes[0] / 2 % (ANSWER_HASHES_MAX + 1);
    struct view text = view_of(bytes + 1, len - 1);
    uint64_t connection_id;
    uint32_t action, id, flaws = 0;
    check_bencode(text);
    check_announce(http_read_announce(text, &announce));
    check_scrape(http_read_scrape(text, HASHES, count, &scrape), count);
    bool has_head = udp_read_head(text, &action, &id);
    assert(has_head == (text.len >= 8));
    assert((udp_read_connect(text, &connection_id, &flaws) == ERR_OK) == (text.len >= 16));
    check_announce(udp_read_announce(text, family, &announce));
    check_scrape(udp_read_scrape(text, count, &scrape), count);
    assert(udp_read_error(text).len <= text.len);
    return 0;
}
