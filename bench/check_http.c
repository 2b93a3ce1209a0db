/* check_http.c - see check.h: bodies of HTTP answers.
 *
 * The bencode reader shares nothing with the server's writer; it is strict about shape (one
 * dictionary, nothing behind it, numbers without leading zeros, keys in the order of their bytes, each
 * once) and looks at the keys that clients need. */
#include "bench/judge.h"
#include "bench/options.h"

#include <stdlib.h>

#define INTERVAL_S_MAX 86400u
#define DEPTH_MAX      8

/* What a reader has come upon. */
struct reader {
    struct cursor c;
    bool disorder; /* a key that does not come after the one before it */
};

/* Digits up to `stop`, which is taken too. */
static bool take_number(struct cursor *c, uint8_t stop, uint64_t *out)
{
    const uint8_t *start = c->at;
    for (*out = 0; cursor_left(c) && *c->at != stop; c->at++) {
        if (*c->at < '0' || *c->at > '9' || c->at - start == 18) return false;
        *out = *out * 10 + (*c->at - '0');
    }
    size_t digits = (size_t)(c->at - start);
    return cursor_take(c, 1) && digits && (digits == 1 || *start != '0');
}

static bool take_string(struct cursor *c, struct view *out)
{
    uint64_t len;
    if (!take_number(c, ':', &len)) return false;
    *out = view_of(cursor_take(c, len), len);
    return out->ptr != NULL;
}

static int compare(struct view a, struct view b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The next key; `last` is the one before, empty (ptr NULL) at first. */
static bool take_key(struct reader *r, struct view *last)
{
    struct view key;
    if (!take_string(&r->c, &key)) return false;
    if (last->ptr && compare(*last, key) >= 0) r->disorder = true;
    *last = key;
    return true;
}

/* Step over one value; recursion is bounded by DEPTH_MAX. */
static bool skip_value(struct reader *r, int depth)
{
    struct view bytes, key = {0};
    struct cursor *c = &r->c;
    uint64_t number;
    if (!cursor_left(c) || depth > DEPTH_MAX) return false;
    uint8_t type = *c->at;
    if (type != 'i' && type != 'l' && type != 'd') return take_string(c, &bytes);
    c->at++;
    if (type == 'i') return take_number(c, 'e', &number);
    while (cursor_left(c) && *c->at != 'e') {
        if (type == 'd' && !take_key(r, &key)) return false;
        if (!skip_value(r, depth + 1)) return false;
    }
    return cursor_take(c, 1) != NULL;
}

/* Calls `take` for each key of the dictionary that `text` is, with its value as it stands there. */
typedef enum flaw (*entry_fn)(void *of, struct view key, struct view value);

static enum flaw dictionary_read(struct view text, entry_fn take, void *of)
{
    struct reader r = {.c = cursor_of(text.ptr, text.len)};
    struct view key = {0};
    if (cursor_u8(&r.c) != 'd') return FLAW_BENCODE;
    while (cursor_left(&r.c) && *r.c.at != 'e') {
        if (!take_key(&r, &key)) return FLAW_BENCODE;
        const uint8_t *start = r.c.at;
        if (!skip_value(&r, 1)) return FLAW_BENCODE;
        enum flaw flaw = take(of, key, view_of(start, (size_t)(r.c.at - start)));
        if (flaw != FLAW_NONE) return flaw;
    }
    if (cursor_u8(&r.c) != 'e' || r.c.short_read || cursor_left(&r.c)) return FLAW_BENCODE;
    return r.disorder ? FLAW_ORDER : FLAW_NONE;
}

/* The keys of an answer that are looked at; their values as they stand in the text. */
struct http_keys {
    struct view failure, interval, peers, peers6, files, complete, incomplete;
};

static enum flaw key_keep(void *of, struct view key, struct view value)
{
    struct http_keys *k = of;
    const struct {
        struct view name;
        struct view *room;
    } rows[] = {{VIEW("failure reason"), &k->failure},
                {VIEW("interval"), &k->interval},
                {VIEW("peers"), &k->peers},
                {VIEW("peers6"), &k->peers6},
                {VIEW("files"), &k->files},
                {VIEW("complete"), &k->complete},
                {VIEW("incomplete"), &k->incomplete}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (view_equal(key, rows[i].name)) *rows[i].room = value;
    return FLAW_NONE;
}

/* `value` is a number. */
static bool number_of(struct view value, uint64_t *out)
{
    struct cursor c = cursor_of(value.ptr, value.len);
    return cursor_u8(&c) == 'i' && take_number(&c, 'e', out);
}

/* Both numbers may be missing. */
static bool counts_of(const struct http_keys *k, struct finding *out)
{
    out->has_counts = k->complete.len && k->incomplete.len;
    return (!k->complete.len || number_of(k->complete, &out->seeders)) &&
           (!k->incomplete.len || number_of(k->incomplete, &out->leechers));
}

/* `value` is a string of compact records, or missing. */
static enum flaw check_compact(struct view value, enum family family, const struct question *q,
                               struct finding *out)
{
    struct cursor c = cursor_of(value.ptr, value.len);
    struct view records;
    if (!value.len) return FLAW_NONE;
    if (!take_string(&c, &records)) return FLAW_BENCODE;
    return check_peers(records, family, q, out);
}

static enum flaw check_announce(const struct http_keys *k, const struct question *q,
                                struct finding *out)
{
    uint64_t interval_s;
    if (!k->peers.len || !number_of(k->interval, &interval_s) || !counts_of(k, out))
        return FLAW_BENCODE;
    if (interval_s == 0 || interval_s > INTERVAL_S_MAX) return FLAW_INTERVAL;
    out->interval_s = (uint32_t)interval_s;
    enum flaw flaw = check_compact(k->peers, FAMILY_V4, q, out);
    if (flaw == FLAW_NONE) flaw = check_compact(k->peers6, FAMILY_V6, q, out);
    return flaw == FLAW_NONE && q->deep ? judge_announce(q, out) : flaw;
}

/* ---- scrapes, when they are looked at deeply ---- */

/* The torrents asked for, by info hash; one may be there twice. */
struct asked {
    const struct question *q;
    struct wanted {
        struct info_hash hash;
        uint64_t torrent;
    } wanted[BENCH_HASHES_MAX];
    uint32_t count, found; /* different ones; of them in the answer */
};

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, INFO_HASH_BYTES);
}

static void asked_fill(struct asked *a, const struct question *q)
{
    a->q = q;
    for (uint32_t i = 0; i < q->hashes; i++) {
        a->wanted[i].torrent = plan_scrape_torrent(q->plan, q->request, i);
        world_info_hash(q->plan->world, a->wanted[i].torrent, &a->wanted[i].hash);
    }
    qsort(a->wanted, q->hashes, sizeof *a->wanted, by_hash);
    for (uint32_t i = 0; i < q->hashes; i++)
        if (!a->count || by_hash(&a->wanted[a->count - 1], &a->wanted[i]) != 0)
            a->wanted[a->count++] = a->wanted[i];
}

static enum flaw file_take(void *of, struct view key, struct view value)
{
    struct asked *a = of;
    struct http_keys keys = {0};
    struct finding numbers = {0};
    if (key.len != INFO_HASH_BYTES) return FLAW_HASHES;
    const struct wanted *w = bsearch(key.ptr, a->wanted, a->count, sizeof *a->wanted, by_hash);
    if (!w) return FLAW_HASHES;
    a->found++; /* one that comes twice is out of order */
    enum flaw flaw = dictionary_read(value, key_keep, &keys);
    if (flaw != FLAW_NONE) return flaw;
    if (!counts_of(&keys, &numbers) || !numbers.has_counts) return FLAW_BENCODE;
    bool can_be = judge_counts(a->q, w->torrent, numbers.seeders, numbers.leechers);
    return can_be ? FLAW_NONE : FLAW_COUNTS;
}

/* Torrents that a tracker does not know it may leave out; those that we filled it knows. */
static enum flaw check_files(struct view files, const struct question *q)
{
    struct asked a = {0};
    asked_fill(&a, q);
    enum flaw flaw = dictionary_read(files, file_take, &a);
    if (flaw == FLAW_NONE && q->must_hold && a.found < a.count) return FLAW_HASHES;
    return flaw;
}

enum flaw check_http_body(struct view body, const struct question *q, struct finding *out)
{
    struct http_keys keys = {0};
    *out = (struct finding){0};
    enum flaw flaw = dictionary_read(body, key_keep, &keys);
    if (flaw != FLAW_NONE) return flaw;
    if (keys.failure.len) return FLAW_REFUSED;
    if (q->kind != ASK_SCRAPE) return check_announce(&keys, q, out);
    if (!keys.files.len || keys.files.ptr[0] != 'd') return FLAW_BENCODE;
    return q->deep ? check_files(keys.files, q) : FLAW_NONE;
}
