/* http_tracker.c - reading announce and scrape queries; see http_tracker.h.
 *
 * Idea      The query is walked once, pair by pair, undecoded. A name leads by its length and one
 *           comparison to its parameter; values that do not matter are skipped unseen. Only
 *           info_hash and peer_id are copied, into their place, while they are decoded.
 * Errors    Each required field keeps its own verdict while the pairs come in any order; at the end
 *           the verdicts are asked in the order of A29, so what a client is told does not depend on
 *           the order of its parameters.
 * Rejected  A dictionary of all pairs first: most of a query is never asked for. */
#include "proto/http_tracker.h"

#include "base/block.h"
#include "base/text.h"

/* ---- percent-encoding (P) ---- */

/* The value of a hexadecimal digit plus one; 0 for every other byte. */
static const uint8_t HEX_PLUS_1[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* The byte that two digits make; more than 255 when one of them is no digit. */
static inline unsigned hex_byte(const uint8_t digits[2])
{
    return (HEX_PLUS_1[digits[0]] - 1u) << 4 | (HEX_PLUS_1[digits[1]] - 1u);
}

bool http_unescape(struct view v, uint8_t *out, size_t max, size_t *len)
{
    size_t n = 0;
    const uint8_t *at = v.ptr, *end = at + v.len;
    while (at < end) {
        if (n == max) return false;
        if (*at != '%') {
            out[n++] = *at++;
            continue;
        }
        if (end - at < 3) return false;
        unsigned byte = hex_byte(at + 1);
        if (byte > 255) return false;
        out[n++] = (uint8_t)byte;
        at += 3;
    }
    *len = n;
    return true;
}

#define ID_BYTES INFO_HASH_BYTES
_Static_assert(ID_BYTES == PEER_ID_BYTES, "hashes and ids are decoded by the same code");

#define ESCAPED_MAX (3 * ID_BYTES)
#define RUN_COPIED  24 /* without looking how much of it is wanted: up to ID_BYTES are */
_Static_assert(ESCAPED_MAX <= 64 && ID_BYTES > BLOCK_BYTES && RUN_COPIED >= ID_BYTES, "fits");

/* Copy ID_BYTES..ESCAPED_MAX bytes, with zeros behind; a bit for each: is it '%'? */
static inline uint64_t copy_marking_escapes(struct view v, uint8_t copy[ESCAPED_MAX + RUN_COPIED])
{
    uint64_t escapes = 0;
    for (size_t i = 0; i < v.len; i += BLOCK_BYTES) {
        size_t at = i < v.len - BLOCK_BYTES ? i : v.len - BLOCK_BYTES; /* the last overlaps */
        block b = block_load(v.ptr + at);
        memcpy(copy + at, &b, sizeof b);
        escapes |= (uint64_t)block_mask(block_is(b, '%')) << at;
    }
    memset(copy + v.len, 0, RUN_COPIED);
    return escapes;
}

/* As http_unescape(), to ID_BYTES exactly. Which bytes of a hash are escaped is random: a loop that
 * asks at each one is wrong at every fourth, which costs more than all its other work. So this one goes
 * from escape to escape, and copies what is between them without asking how much it is. */
static bool unescape_id(struct view v, uint8_t out[ID_BYTES])
{
    uint8_t text[ESCAPED_MAX + RUN_COPIED], bytes[ESCAPED_MAX + RUN_COPIED];
    if (v.len < ID_BYTES || v.len > ESCAPED_MAX) return false;
    const uint8_t *at = text;
    uint8_t *to = bytes;
    for (uint64_t escapes = copy_marking_escapes(v, text); escapes; escapes &= escapes - 1) {
        const uint8_t *escape = text + (unsigned)__builtin_ctzll(escapes);
        memcpy(to, at, RUN_COPIED);
        to += escape - at;
        unsigned byte = hex_byte(escape + 1);
        if (byte > 255) return false; /* so no digit is taken for the next escape */
        *to++ = (uint8_t)byte;
        at = escape + 3;
    }
    if (to - bytes + (text + v.len - at) != ID_BYTES) return false;
    memcpy(to, at, RUN_COPIED);
    memcpy(out, bytes, ID_BYTES);
    return true;
}

/* ---- the pairs of a query (A20..A27) ---- */

struct pair {
    struct view name, value;
};

/* The next pair of any length; segments without a name or without '=' are skipped (A25). */
static bool query_next_long(struct cursor *c, struct pair *out)
{
    while (c->at < c->end) {
        const uint8_t *name = c->at, *at = find_either(name, c->end, '=', '&');
        if (at == c->end || *at == '&') {
            c->at = at + (at < c->end);
            continue;
        }
        const uint8_t *value = at + 1, *end = find_byte(value, c->end, '&');
        c->at = end + (end < c->end);
        if (at == name) continue;
        out->name = view_of(name, (size_t)(at - name));
        out->value = view_of(value, (size_t)(end - value));
        return true;
    }
    return false;
}

/* The next pair. Most fit in one block, with the '&' behind. */
static inline bool query_next(struct cursor *c, struct pair *out)
{
    const uint8_t *at = c->at;
    if (c->end - at >= BLOCK_BYTES) {
        block b = block_load(at);
        unsigned name = block_first(block_is(b, '=')), both = block_first(block_is(b, '&'));
        if (name - 1 < both - 1 && both - 1 < BLOCK_BYTES - 1) { /* 0 < name < both < BLOCK_BYTES */
            out->name = view_of(at, name);
            out->value = view_of(at + name + 1, both - name - 1);
            c->at = at + both + 1;
            return true;
        }
    }
    return query_next_long(c, out);
}

enum param {
    PARAM_OTHER, /* accepted and ignored */
    PARAM_INFO_HASH,
    PARAM_PEER_ID,
    PARAM_PORT,
    PARAM_CRYPTOPORT,
    PARAM_LEFT,
    PARAM_UPLOADED,
    PARAM_DOWNLOADED,
    PARAM_EVENT,
    PARAM_NUMWANT,
    PARAM_KEY,
    PARAM_COMPACT,
    PARAM_NO_PEER_ID,
    PARAM_PASSKEY,
};

/* Names are compared as they are: case matters, escapes are not looked through (A24, P10). */
static inline enum param param_of(struct view name)
{
#define IS(text, id)                                                                               \
    if (view_equal(name, VIEW(text))) return id
    switch (name.len) {
    case 3: IS("key", PARAM_KEY); break;
    case 4:
        IS("port", PARAM_PORT);
        IS("left", PARAM_LEFT);
        break;
    case 5: IS("event", PARAM_EVENT); break;
    case 7:
        IS("peer_id", PARAM_PEER_ID);
        IS("numwant", PARAM_NUMWANT);
        IS("compact", PARAM_COMPACT);
        IS("passkey", PARAM_PASSKEY);
        break;
    case 8: IS("uploaded", PARAM_UPLOADED); break;
    case 9: IS("info_hash", PARAM_INFO_HASH); break;
    case 10:
        IS("downloaded", PARAM_DOWNLOADED);
        IS("no_peer_id", PARAM_NO_PEER_ID);
        IS("cryptoport", PARAM_CRYPTOPORT);
        break;
    default: break;
    }
    return PARAM_OTHER;
#undef IS
}

/* ---- values ---- */

#define PLAIN_BYTES_MAX 24 /* the longest number has 20 digits */

/* A number with escapes, which nobody needs to write. Apart, as its room costs who has it a canary. */
static __attribute__((noinline)) bool escaped_number(struct view value, uint64_t *out)
{
    uint8_t text[PLAIN_BYTES_MAX];
    size_t len;
    return http_unescape(value, text, sizeof text, &len) &&
           text_u64(view_of(text, len), out) == ERR_OK;
}

/* Digits only (A33), at most `max`; *out stays as it is otherwise. */
static bool number(struct view value, uint64_t max, uint64_t *out)
{
    uint64_t n;
    if (text_u64(value, &n) != ERR_OK && !escaped_number(value, &n)) return false;
    if (n > max) return false;
    *out = n;
    return true;
}

static bool port_number(struct view value, uint16_t *out)
{
    uint64_t n;
    if (!number(value, UINT16_MAX, &n)) return false;
    *out = (uint16_t)n;
    return true;
}

/* Unknown words are a regular announce (A7); so is one that cannot be decoded. */
static enum event event_of(struct view value)
{
    uint8_t text[PLAIN_BYTES_MAX];
    size_t len;
    if (!http_unescape(value, text, sizeof text, &len)) return EVENT_NONE;
    struct view word = view_of(text, len);
    if (view_equal(word, VIEW("started"))) return EVENT_STARTED;
    if (view_equal(word, VIEW("stopped"))) return EVENT_STOPPED;
    if (view_equal(word, VIEW("completed"))) return EVENT_COMPLETED;
    if (view_equal(word, VIEW("paused"))) return EVENT_PAUSED;
    return EVENT_NONE;
}

/* Negative or no number: ours to choose (A9). */
static int32_t numwant_of(struct view value)
{
    uint64_t n;
    if (!number(value, UINT64_MAX, &n)) return NUMWANT_UNSET;
    return n < INT32_MAX ? (int32_t)n : INT32_MAX;
}

/* Eight hexadecimal digits; false for every other text. */
static bool hex_u32(struct view text, uint32_t *out)
{
    uint32_t value = 0;
    if (text.len != 8) return false;
    for (size_t i = 0; i < 8; i += 2) {
        unsigned byte = hex_byte(text.ptr + i);
        if (byte > 255) return false;
        value = value << 8 | byte;
    }
    *out = value;
    return true;
}

/* Eight hexadecimal digits are the number that the same client sends over UDP (U11). Every other
 * spelling is hashed as it stands (FNV-1a): a client spells its key the same way each time, and
 * nothing depends on its being hard to collide. */
static uint32_t key_of(struct view value)
{
    uint32_t hash = 2166136261u;
    if (value.len == 0) return 0;
    if (hex_u32(value, &hash)) return hash;
    for (size_t i = 0; i < value.len; i++)
        hash = (hash ^ value.ptr[i]) * 16777619u;
    return hash;
}

static bool is_char(struct view value, uint8_t c)
{
    return value.len == 1 && value.ptr[0] == c;
}

/* ---- announce ---- */

/* The fields that can be wrong, in the order in which a client is told (A29). */
enum field { INFO_HASH, PEER_ID, PORT, LEFT, UPLOADED, DOWNLOADED, FIELD_COUNT };

_Static_assert(FIELD_COUNT == HTTP_ANNOUNCE_FIELDS, "a verdict for each field");

static void judge(struct http_announce_query *q, enum field field, bool is_good, enum err if_bad)
{
    q->verdict[field] = is_good ? ERR_OK : if_bad;
}

static void announce_pair(struct http_announce_query *q, const struct pair *p)
{
    struct announce *out = q->out;
    struct view v = p->value;
    switch (param_of(p->name)) {
    case PARAM_INFO_HASH:
        if (q->verdict[INFO_HASH] != ERR_MISSING_INFO_HASH)
            q->verdict[INFO_HASH] = ERR_MULTIPLE_INFO_HASH;
        else judge(q, INFO_HASH, unescape_id(v, out->info_hash.bytes), ERR_INVALID_INFO_HASH);
        break;
    case PARAM_PEER_ID:
        judge(q, PEER_ID, unescape_id(v, out->peer_id.bytes), ERR_INVALID_PEER_ID);
        break;
    case PARAM_PORT: judge(q, PORT, port_number(v, &out->port), ERR_INVALID_PORT); break;
    case PARAM_LEFT: judge(q, LEFT, number(v, UINT64_MAX, &out->left), ERR_INVALID_LEFT); break;
    case PARAM_UPLOADED:
        judge(q, UPLOADED, number(v, UINT64_MAX, &out->uploaded), ERR_INVALID_UPLOADED);
        break;
    case PARAM_DOWNLOADED:
        judge(q, DOWNLOADED, number(v, UINT64_MAX, &out->downloaded), ERR_INVALID_DOWNLOADED);
        break;
    case PARAM_CRYPTOPORT:
        if (!port_number(v, &q->cryptoport)) q->cryptoport = 0;
        break;
    case PARAM_EVENT: out->event = event_of(v); break;
    case PARAM_NUMWANT: out->numwant = numwant_of(v); break;
    case PARAM_KEY: out->key = key_of(v); break;
    case PARAM_COMPACT: out->compact = !is_char(v, '0'); break;
    case PARAM_NO_PEER_ID: out->no_peer_id = is_char(v, '1'); break;
    case PARAM_PASSKEY: out->passkey = v; break;
    case PARAM_OTHER: break;
    }
}

/* Nobody can be reached on port 0; only a goodbye may do without (A30, A31). */
static void port_zero(struct http_announce_query *q)
{
    if (q->verdict[PORT] != ERR_OK || q->out->port != 0) return;
    q->out->port = q->cryptoport;
    if (q->out->port == 0 && q->out->event != EVENT_STOPPED) q->verdict[PORT] = ERR_INVALID_PORT;
}

bool http_announce_begin(struct http_announce_query *q, struct view query, struct announce *out)
{
    *q = (struct http_announce_query){
        .out = out,
        .rest = cursor_of(query.ptr, query.len),
        .verdict = {[INFO_HASH] = ERR_MISSING_INFO_HASH,
                    [PEER_ID] = ERR_MISSING_PEER_ID,
                    [PORT] = ERR_MISSING_PORT},
    };
    out->port = 0;
    out->event = EVENT_NONE;
    out->numwant = NUMWANT_UNSET;
    out->left = LEFT_UNKNOWN;
    out->uploaded = out->downloaded = 0;
    out->key = 0;
    out->compact = true;
    out->no_peer_id = false;

    struct cursor behind = q->rest;
    struct pair p;
    if (!query_next_long(&behind, &p) || param_of(p.name) != PARAM_INFO_HASH) return false;
    bool is_good = unescape_id(p.value, out->info_hash.bytes);
    judge(q, INFO_HASH, is_good, ERR_INVALID_INFO_HASH);
    q->rest = behind;
    return is_good;
}

enum err http_announce_end(struct http_announce_query *q)
{
    struct pair p;
    while (query_next(&q->rest, &p))
        announce_pair(q, &p);
    port_zero(q);
    for (int field = 0; field < FIELD_COUNT; field++)
        if (q->verdict[field] != ERR_OK) return q->verdict[field];
    return ERR_OK;
}

/* ---- scrape ---- */

/* Keep the list sorted and each hash once (S2); a new one that finds it full is left out (S9). */
static void hashes_add(struct info_hash *hashes, size_t max, size_t *count,
                       const struct info_hash *h)
{
    size_t low = 0, high = *count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = memcmp(hashes[middle].bytes, h->bytes, INFO_HASH_BYTES);
        if (order == 0) return;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    if (*count == max) return;
    memmove(hashes + low + 1, hashes + low, (*count - low) * sizeof *hashes);
    hashes[low] = *h;
    (*count)++;
}

enum err http_decode_scrape(struct view query, struct info_hash *hashes, size_t max, size_t *count,
                            struct view *passkey)
{
    struct cursor c = cursor_of(query.ptr, query.len);
    struct pair p;
    enum err err = ERR_OK;
    *count = 0;
    while (query_next(&c, &p)) {
        struct info_hash h;
        switch (param_of(p.name)) {
        case PARAM_INFO_HASH:
            if (unescape_id(p.value, h.bytes)) hashes_add(hashes, max, count, &h);
            else err = ERR_INVALID_INFO_HASH; /* read on: the passkey may follow */
            break;
        case PARAM_PASSKEY: *passkey = p.value; break;
        default: break;
        }
    }
    return err;
}
