/* full_scrape.c - see full_scrape.h.
 *
 * Idea      a pipeline that is pulled once per writable socket: shards are copied into a batch, the
 *           batch is sorted and written as text, the text is deflated and framed. Each pull does a
 *           bounded part of it, so other connections of the worker wait less than a millisecond.
 * Order     bencode wants keys in byte order, but the store is ordered by a keyed hash, and sorting
 *           ten million torrents would mean holding them. A batch spans as many shards as fit, so
 *           the answer is wholly sorted up to BATCH_ENTRIES torrents, and in sorted runs beyond.
 * Framing   HTTP/1.1 gets chunks of four hex digits; HTTP/1.0 gets the bytes until the end.
 * Rejected  counting before sending, for a Content-Length: the store changes while it is read. */
#include "front/full_scrape.h"

#include "base/hash.h"
#include "base/lock.h"
#include "proto/http_tracker.h"

#include <assert.h>
#include <stdlib.h>
#include <zlib.h>

#define BATCH_ENTRIES    4096
#define SHARDS_PER_PIECE 1024  /* an empty store is all shards and no entries */
#define TEXT_BYTES       32768 /* of bencode per piece */
#define GZIP_LEVEL       1 /* hashes do not compress at all, the text around them at any level */
#define GZIP_WINDOW_BITS (15 + 16) /* zlib's way to ask for the gzip format */
#define CHUNK_HEAD_BYTES 6
#define CHUNK_TAIL_BYTES 2
#define LAST_CHUNK       "0\r\n\r\n"

/* ---- the gate ---- */

#define GATE_SETS 1024
#define GATE_WAYS 4

struct gate_slot {
    uint64_t who; /* keyed hash of the address; 0: free */
    uint32_t at_s;
};

struct full_scrape_gate {
    /* constant after new */
    struct hash_key key;
    /* lock */
    struct lock lock;
    uint32_t running;
    struct gate_slot slots[GATE_SETS][GATE_WAYS];
};

enum err full_scrape_gate_new(struct full_scrape_gate **out)
{
    struct full_scrape_gate *g = calloc(1, sizeof *g);
    if (!g) return ERR_NO_MEMORY;
    randombytes_buf(g->key.bytes, sizeof g->key.bytes);
    *out = g;
    return ERR_OK;
}

void full_scrape_gate_free(struct full_scrape_gate *g)
{
    assert(!g || g->running == 0);
    free(g);
}

/* The slot of `who`, or the one to give up for it: a free one, else the oldest. */
static struct gate_slot *gate_slot_find(struct gate_slot set[GATE_WAYS], uint64_t who)
{
    struct gate_slot *best = &set[0];
    for (int i = 0; i < GATE_WAYS; i++) {
        if (set[i].who == who) return &set[i];
        if (best->who && (!set[i].who || set[i].at_s < best->at_s)) best = &set[i];
    }
    return best;
}

static enum err gate_enter(struct full_scrape_gate *g, const struct address *client,
                           uint32_t interval_s, uint32_t now_s, uint32_t *retry_in_min)
{
    uint64_t who = hash64(&g->key, client->ip, HOST_BYTES(client->family)) | 1;
    enum err err = ERR_FULL_SCRAPE_BUSY;
    *retry_in_min = 1;
    lock_take(&g->lock);
    struct gate_slot *slot = gate_slot_find(g->slots[(who >> 32) % GATE_SETS], who);
    uint32_t waited_s = now_s - slot->at_s;
    if (slot->who == who && waited_s < interval_s) {
        *retry_in_min = (interval_s - waited_s + 59) / 60;
    } else if (g->running < FULL_SCRAPES_MAX) {
        *slot = (struct gate_slot){.who = who, .at_s = now_s};
        g->running++;
        err = ERR_OK;
    }
    lock_release(&g->lock);
    return err;
}

static void gate_leave(struct full_scrape_gate *g)
{
    lock_take(&g->lock);
    assert(g->running > 0);
    g->running--;
    lock_release(&g->lock);
}

/* ---- one full scrape ---- */

struct entry {
    struct info_hash hash;
    struct swarm_numbers numbers;
};

enum stage { STAGE_HEAD, STAGE_ENTRIES, STAGE_TAIL, STAGE_DONE };

struct full_scrape {
    struct full_scrape_opts opts;
    struct full_scrape_gate *gate;
    uint32_t shard, shard_count;
    enum stage stage;
    /* entries [at, count) of the batch are sorted and not yet written; while `filling`, it grows */
    struct entry *batch;
    size_t batch_room, batch_count, batch_at;
    bool filling;
    uint32_t start_s;
    uint64_t written_bytes;
    size_t missed; /* entries of the shard at hand that found no room */
    z_stream z;
    bool z_ended;
    uint8_t text[TEXT_BYTES]; /* where z reads */
};

enum err full_scrape_new(struct full_scrape **out, const struct full_scrape_opts *opts,
                         struct full_scrape_gate *gate, const struct address *client,
                         uint32_t interval_s, uint32_t now_s, uint32_t *retry_in_min)
{
    enum err err = gate_enter(gate, client, interval_s, now_s, retry_in_min);
    if (err != ERR_OK) return err;
    struct full_scrape *f = calloc(1, sizeof *f);
    if (!f) goto fail;
    f->opts = *opts;
    f->gate = gate;
    f->start_s = now_s;
    f->shard_count = swarm_shard_count(opts->tracker->swarm);
    f->filling = true;
    f->batch_room = BATCH_ENTRIES;
    f->batch = malloc(f->batch_room * sizeof *f->batch);
    if (!f->batch) goto fail;
    if (opts->gzip && deflateInit2(&f->z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8,
                                   Z_DEFAULT_STRATEGY) != Z_OK)
        goto fail;
    *out = f;
    return ERR_OK;
fail:
    if (f) free(f->batch);
    free(f);
    gate_leave(gate);
    return ERR_FULL_SCRAPE_BUSY;
}

void full_scrape_free(struct full_scrape *f)
{
    if (f->opts.gzip) deflateEnd(&f->z);
    gate_leave(f->gate);
    free(f->batch);
    free(f);
}

/* ---- shards to batch ---- */

static void entry_copy(void *ctx, const struct info_hash *h, const struct swarm_numbers *n)
{
    struct full_scrape *f = ctx;
    if (f->batch_count == f->batch_room) {
        f->missed++;
        return;
    }
    f->batch[f->batch_count++] = (struct entry){.hash = *h, .numbers = *n};
}

/* Copy the next shard. One that does not fit ends the batch; one that fits no batch enlarges it. */
static bool shard_copy(struct full_scrape *f, struct swarm_time time)
{
    size_t before = f->batch_count;
    f->missed = 0;
    swarm_visit(f->opts.tracker->swarm, f->shard, time, entry_copy, f);
    if (f->missed == 0) {
        f->shard++;
        return true;
    }
    f->batch_count = before;
    if (before) {
        f->filling = false;
        return true;
    }
    size_t room = f->batch_room + f->missed + f->missed / 4 + 64; /* it may grow meanwhile */
    struct entry *larger = realloc(f->batch, room * sizeof *larger);
    if (!larger) return false;
    f->batch = larger;
    f->batch_room = room;
    return true;
}

static int entry_compare(const void *a, const void *b)
{
    return memcmp(a, b, INFO_HASH_BYTES);
}

_Static_assert(offsetof(struct entry, hash) == 0, "entry_compare() compares hashes");

/* A torrent that came twice (swarm_visit) is one key: the last numbers count. */
static void batch_unique(struct full_scrape *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->batch_count; i++) {
        bool again = kept && entry_compare(&f->batch[kept - 1], &f->batch[i]) == 0;
        f->batch[kept - again] = f->batch[i];
        kept += !again;
    }
    f->batch_count = kept;
}

/* False when memory is short. */
static bool batch_fill(struct full_scrape *f, uint32_t now_s)
{
    struct swarm_time time = {.now_s = now_s,
                              .lifetime_s = interval_lifetime_s(&f->opts.tracker->interval)};
    for (int i = 0; i < SHARDS_PER_PIECE && f->filling && f->shard < f->shard_count; i++)
        if (!shard_copy(f, time)) return false;
    if (f->filling && f->shard < f->shard_count) return true;
    f->filling = false;
    f->batch_at = 0;
    qsort(f->batch, f->batch_count, sizeof *f->batch, entry_compare);
    batch_unique(f);
    return true;
}

/* ---- batch to text ---- */

static void entries_write(struct full_scrape *f, struct writer *w)
{
    while (f->batch_at < f->batch_count && writer_left(w) >= HTTP_SCRAPE_ENTRY_BYTES_MAX) {
        const struct entry *e = &f->batch[f->batch_at++];
        http_encode_scrape_entry(w, &e->hash, &e->numbers);
    }
    if (f->batch_at < f->batch_count) return;
    f->batch_count = 0;
    if (f->shard == f->shard_count) f->stage = STAGE_TAIL;
    else f->filling = true;
}

/* The next part of the body; false when memory is short. */
static bool text_write(struct full_scrape *f, uint32_t now_s, struct writer *w)
{
    if (f->stage == STAGE_HEAD) {
        http_encode_scrape_head(w);
        f->stage = STAGE_ENTRIES;
    }
    if (f->stage == STAGE_ENTRIES) {
        if (f->filling && !batch_fill(f, now_s)) return false;
        if (!f->filling) entries_write(f, w);
    }
    if (f->stage == STAGE_TAIL && writer_left(w) >= HTTP_SCRAPE_ENTRY_BYTES_MAX) {
        http_encode_scrape_tail(w, f->opts.min_request_interval_s);
        f->stage = STAGE_DONE;
    }
    return true;
}

/* ---- text to piece ---- */

/* Deflate what is left of the text, or a new text, into `w`. */
static bool gzip_write(struct full_scrape *f, uint32_t now_s, struct writer *w)
{
    if (f->z.avail_in == 0 && f->stage != STAGE_DONE) {
        struct writer text = writer_of(f->text, sizeof f->text);
        if (!text_write(f, now_s, &text)) return false;
        f->z.next_in = f->text;
        f->z.avail_in = (uInt)writer_used(&text);
    }
    f->z.next_out = w->at;
    f->z.avail_out = (uInt)writer_left(w);
    int rc = deflate(&f->z, f->stage == STAGE_DONE ? Z_FINISH : Z_NO_FLUSH);
    assert(rc != Z_STREAM_ERROR);
    f->z_ended = rc == Z_STREAM_END;
    writer_take(w, writer_left(w) - f->z.avail_out);
    return true;
}

static bool content_write(struct full_scrape *f, uint32_t now_s, struct writer *w)
{
    if (f->opts.gzip) return gzip_write(f, now_s, w);
    struct writer text = writer_of(w->at, TEXT_BYTES);
    bool ok = text_write(f, now_s, &text);
    writer_take(w, writer_used(&text));
    return ok;
}

static void chunk_head_write(uint8_t *at, size_t len)
{
    static const char HEX[] = "0123456789abcdef";
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)HEX[len >> (12 - 4 * i) & 15];
    memcpy(at + 4, "\r\n", 2);
}

static bool content_chunk(struct full_scrape *f, uint32_t now_s, struct writer *w)
{
    struct writer content =
        writer_of(w->at + CHUNK_HEAD_BYTES, FULL_SCRAPE_PIECE_BYTES_MAX - CHUNK_HEAD_BYTES -
                                                CHUNK_TAIL_BYTES - sizeof LAST_CHUNK);
    if (!content_write(f, now_s, &content)) return false;
    size_t len = writer_used(&content);
    if (len == 0) return true; /* an empty chunk would be the last one */
    chunk_head_write(w->at, len);
    writer_take(w, CHUNK_HEAD_BYTES + len);
    writer_literal(w, "\r\n");
    return true;
}

/* Who takes it slower than this on average holds one of few places for too long. */
static bool is_slow(const struct full_scrape *f, uint32_t now_s)
{
    uint32_t passed_s = now_s - f->start_s;
    return passed_s > FULL_SCRAPE_GRACE_S &&
           f->written_bytes / passed_s < FULL_SCRAPE_BYTES_PER_S_MIN;
}

enum full_scrape_step full_scrape_piece(struct full_scrape *f, uint32_t now_s, struct writer *w)
{
    assert(writer_left(w) >= FULL_SCRAPE_PIECE_BYTES_MAX);
    if (is_slow(f, now_s)) return FULL_SCRAPE_SLOW;
    const uint8_t *from = w->at;
    bool ok = f->opts.chunked ? content_chunk(f, now_s, w) : content_write(f, now_s, w);
    if (!ok) return FULL_SCRAPE_FAILED;
    f->written_bytes += (uint64_t)(w->at - from);
    if (f->opts.gzip ? !f->z_ended : f->stage != STAGE_DONE) return FULL_SCRAPE_MORE;
    if (f->opts.chunked) writer_literal(w, LAST_CHUNK);
    assert(!w->overflow);
    return FULL_SCRAPE_END;
}
