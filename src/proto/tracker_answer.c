/* tracker_answer.c - HTTP bodies. The packets are in tracker_answer_udp.c.
 *
 * Idea       a client skips what it does not understand, so a wrong answer goes unseen until somebody
 *            wonders why there are no peers. Here every such place is a bit with a name. */
#include "proto/tracker_answer.h"

#include "proto/address_text.h"
#include "proto/bencode_read.h"

#include <assert.h>

#define INTERVAL_S_MAX 86400
#define COUNT_MAX      INT32_MAX

struct flaw_row {
    const char *code, *text;
};

static const struct flaw_row FLAWS[FLAW_COUNT] = {
#define FLAW(id, code, text) [id] = {code, text},
#include "proto/answer_flaw.def"
#undef FLAW
};

const char *answer_flaw_code(enum answer_flaw f)
{
    assert(f < FLAW_COUNT);
    return FLAWS[f].code;
}

const char *answer_flaw_text(enum answer_flaw f)
{
    assert(f < FLAW_COUNT);
    return FLAWS[f].text;
}

/* The dictionary that a body has to be. */
static enum err body_read(struct view body, struct bencode_value *dict, uint32_t *flaws)
{
    size_t used;
    unsigned faults;
    enum err err = bencode_read(body, dict, &used, &faults);
    if (err != ERR_OK) return err;
    if (dict->kind != BENCODE_DICT) return ERR_BAD_VALUE;
    if (faults & BENCODE_UNSORTED) *flaws |= FLAW_BIT(FLAW_UNSORTED_KEYS);
    if (faults & BENCODE_REPEATED) *flaws |= FLAW_BIT(FLAW_REPEATED_KEYS);
    if (used < body.len) *flaws |= FLAW_BIT(FLAW_TRAILING_BYTES);
    return ERR_OK;
}

/* A count that may be missing; an absurd one is as good as missing. */
static int64_t count_of(const struct bencode_value *dict, const char *key, uint32_t *flaws)
{
    struct bencode_value v;
    if (!bencode_find(dict, key, BENCODE_INT, &v)) return COUNT_UNKNOWN;
    if (v.number >= 0 && v.number <= COUNT_MAX) return v.number;
    *flaws |= FLAW_BIT(FLAW_NEGATIVE_COUNT);
    return COUNT_UNKNOWN;
}

static struct view bytes_of(const struct bencode_value *dict, const char *key)
{
    struct bencode_value v;
    return bencode_find(dict, key, BENCODE_BYTES, &v) ? v.bytes : view_of(NULL, 0);
}

static void read_intervals(const struct bencode_value *dict, struct answer_announce *out)
{
    struct bencode_value v;
    if (bencode_find(dict, "interval", BENCODE_INT, &v)) {
        out->interval_s = v.number;
        if (v.number < 1 || v.number > INTERVAL_S_MAX) out->flaws |= FLAW_BIT(FLAW_INTERVAL_RANGE);
    } else {
        out->flaws |= FLAW_BIT(FLAW_NO_INTERVAL);
    }
    if (!bencode_find(dict, "min interval", BENCODE_INT, &v)) return;
    out->min_interval_s = v.number;
    bool is_over = out->interval_s != COUNT_UNKNOWN && v.number > out->interval_s;
    if (v.number < 1 || is_over) out->flaws |= FLAW_BIT(FLAW_MIN_INTERVAL);
}

/* ---- peers ---- */

static bool is_nowhere(const struct address *a)
{
    static const uint8_t ZEROS[16];
    return memcmp(a->ip, ZEROS, sizeof ZEROS) == 0;
}

static void peer_add(struct answer_announce *out, const struct address *a, uint16_t port)
{
    if (port == 0 || is_nowhere(a)) out->flaws |= FLAW_BIT(FLAW_BAD_PEER);
    if (out->peer_count < ANSWER_PEERS_MAX)
        out->peers[out->peer_count] = (struct endpoint){.address = *a, .port = port};
    out->peer_count++;
}

void answer_peers_compact(struct view records, enum family family, struct answer_announce *out)
{
    struct cursor c = cursor_of(records.ptr, records.len);
    while (cursor_left(&c) >= COMPACT_BYTES(family)) {
        struct address a = {.family = family};
        cursor_copy(&c, a.ip, ADDRESS_BYTES(family));
        peer_add(out, &a, cursor_u16be(&c));
    }
    if (cursor_left(&c)) out->flaws |= FLAW_BIT(FLAW_PEERS_SIZE);
}

/* {"ip": "1.2.3.4", "port": 6881}; a name instead of an address is allowed by BEP 3 and of no use. */
static void peer_dictionary(const struct bencode_value *peer, struct answer_announce *out)
{
    struct bencode_value port;
    struct address a = {.family = FAMILY_V4};
    bool has_port = bencode_find(peer, "port", BENCODE_INT, &port) && port.number > 0 &&
                    port.number <= UINT16_MAX;
    if (address_parse(bytes_of(peer, "ip"), &a) != ERR_OK) out->flaws |= FLAW_BIT(FLAW_BAD_PEER);
    peer_add(out, &a, has_port ? (uint16_t)port.number : 0);
}

static void read_peers(const struct bencode_value *dict, struct answer_announce *out)
{
    struct bencode_value peers, peers6, item;
    bool has6 = bencode_find(dict, "peers6", BENCODE_BYTES, &peers6);
    if (bencode_find(dict, "peers", BENCODE_BYTES, &peers)) {
        answer_peers_compact(peers.bytes, FAMILY_V4, out);
    } else if (bencode_find(dict, "peers", BENCODE_LIST, &peers)) {
        struct view rest = peers.bytes;
        if (rest.len) out->flaws |= FLAW_BIT(FLAW_NOT_COMPACT);
        while (bencode_next(&rest, &item))
            peer_dictionary(&item, out);
    } else if (!has6) {
        out->flaws |= FLAW_BIT(FLAW_NO_PEERS);
    }
    if (has6) answer_peers_compact(peers6.bytes, FAMILY_V6, out);
}

static void read_external_ip(const struct bencode_value *dict, struct answer_announce *out)
{
    struct view ip = bytes_of(dict, "external ip");
    if (ip.len != 4 && ip.len != 16) return;
    out->has_external_ip = true;
    out->external_ip.family = ip.len == 4 ? FAMILY_V4 : FAMILY_V6;
    memcpy(out->external_ip.ip, ip.ptr, ip.len);
}

enum err http_read_announce(struct view body, struct answer_announce *out)
{
    struct bencode_value dict;
    *out = (struct answer_announce){.interval_s = COUNT_UNKNOWN,
                                    .min_interval_s = COUNT_UNKNOWN,
                                    .seeders = COUNT_UNKNOWN,
                                    .leechers = COUNT_UNKNOWN,
                                    .downloaded = COUNT_UNKNOWN};
    enum err err = body_read(body, &dict, &out->flaws);
    if (err != ERR_OK) return err;
    out->failure = bytes_of(&dict, "failure reason");
    out->warning = bytes_of(&dict, "warning message");
    if (out->failure.len) return ERR_OK;
    read_intervals(&dict, out);
    read_peers(&dict, out);
    read_external_ip(&dict, out);
    out->seeders = count_of(&dict, "complete", &out->flaws);
    out->leechers = count_of(&dict, "incomplete", &out->flaws);
    out->downloaded = count_of(&dict, "downloaded", &out->flaws);
    bool was_absurd = out->flaws & FLAW_BIT(FLAW_NEGATIVE_COUNT);
    if (!was_absurd && (out->seeders == COUNT_UNKNOWN || out->leechers == COUNT_UNKNOWN))
        out->flaws |= FLAW_BIT(FLAW_NO_COUNTS);
    return ERR_OK;
}

/* ---- scrape ---- */

static void scrape_entry(struct view hash, const struct bencode_value *entry,
                         const struct info_hash *hashes, size_t count, struct answer_scrape *out)
{
    for (size_t i = 0; i < count; i++) {
        if (!view_equal(hash, view_of(hashes[i].bytes, INFO_HASH_BYTES))) continue;
        out->of[i].present = true;
        out->of[i].seeders = count_of(entry, "complete", &out->flaws);
        out->of[i].leechers = count_of(entry, "incomplete", &out->flaws);
        out->of[i].downloaded = count_of(entry, "downloaded", &out->flaws);
        return;
    }
    out->flaws |= FLAW_BIT(FLAW_SCRAPE_UNASKED);
}

enum err http_read_scrape(struct view body, const struct info_hash *hashes, size_t count,
                          struct answer_scrape *out)
{
    struct bencode_value dict, files, entry;
    assert(count <= ANSWER_HASHES_MAX);
    *out = (struct answer_scrape){0};
    enum err err = body_read(body, &dict, &out->flaws);
    if (err != ERR_OK) return err;
    out->failure = bytes_of(&dict, "failure reason");
    if (out->failure.len) return ERR_OK;
    if (!bencode_find(&dict, "files", BENCODE_DICT, &files)) return ERR_BAD_VALUE;
    struct view rest = files.bytes, hash;
    while (bencode_next_pair(&rest, &hash, &entry))
        scrape_entry(hash, &entry, hashes, count, out);
    for (size_t i = 0; i < count; i++)
        if (!out->of[i].present) out->flaws |= FLAW_BIT(FLAW_SCRAPE_INCOMPLETE);
    return ERR_OK;
}
