/* talkers.c - see talkers.h. A change is framed by two steps of `version`, as in a sequence lock;
 * every word is atomic, so a reader never sees half of one, only a mixture that it throws away. */
#include "base/talkers.h"

#include <stdlib.h>

#define READ_TRIES 8

static uint32_t load32(const _Atomic uint32_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static void store32(_Atomic uint32_t *at, uint32_t value)
{
    atomic_store_explicit(at, value, memory_order_relaxed);
}

/* ---- noting ---- */

static void window_clear(struct talker_slot *slots)
{
    for (unsigned i = 0; i < TALKERS_KEPT; i++) {
        store32(&slots[i].count, 0);
        store32(&slots[i].error, 0);
    }
}

static void window_follow(struct talkers *t, uint32_t window)
{
    uint32_t before = load32(&t->window);
    if (window == before) return;
    window_clear(t->slots[window & 1]);
    if (window != before + 1) window_clear(t->slots[~window & 1]);
    store32(&t->window, window);
}

static bool slot_is(const struct talker_slot *s, struct talker_key key)
{
    return atomic_load_explicit(&s->key[0], memory_order_relaxed) == key.word[0] &&
           atomic_load_explicit(&s->key[1], memory_order_relaxed) == key.word[1];
}

/* The key's slot, or the one whose key is the rarest. */
static struct talker_slot *slot_for(struct talker_slot *slots, struct talker_key key)
{
    struct talker_slot *rarest = slots;
    for (unsigned i = 0; i < TALKERS_KEPT; i++) {
        if (load32(&slots[i].count) && slot_is(&slots[i], key)) return &slots[i];
        if (load32(&slots[i].count) < load32(&rarest->count)) rarest = &slots[i];
    }
    return rarest;
}

static void slot_count(struct talker_slot *s, struct talker_key key)
{
    uint32_t count = load32(&s->count);
    if (!count || !slot_is(s, key)) {
        atomic_store_explicit(&s->key[0], key.word[0], memory_order_relaxed);
        atomic_store_explicit(&s->key[1], key.word[1], memory_order_relaxed);
        store32(&s->error, count);
    }
    store32(&s->count, count + 1);
}

void talkers_note(struct talkers *t, struct talker_key key, uint32_t now_s)
{
    uint32_t window = now_s / TALKERS_WINDOW_S, version = load32(&t->version);
    store32(&t->version, version + 1);
    atomic_thread_fence(memory_order_release);
    window_follow(t, window);
    slot_count(slot_for(t->slots[window & 1], key), key);
    atomic_store_explicit(&t->version, version + 2, memory_order_release);
}

/* ---- reading ---- */

/* Of a full table the lightest gives its place to who is heavier. */
static void talker_add(struct talker *out, unsigned *count, unsigned max, struct talker_key key,
                       uint32_t samples)
{
    struct talker *lightest = out;
    for (struct talker *t = out; t < out + *count; t++) {
        if (t->key.word[0] == key.word[0] && t->key.word[1] == key.word[1]) {
            t->samples += samples;
            return;
        }
        if (t->samples < lightest->samples) lightest = t;
    }
    if (*count < max) lightest = &out[(*count)++];
    else if (max == 0 || lightest->samples >= samples) return;
    *lightest = (struct talker){.key = key, .samples = samples};
}

/* One slot as it was at one moment; false when there is nothing to tell. */
struct slot_copy {
    struct talker_key key;
    uint32_t samples;
};

static unsigned copy_window(const struct talker_slot *slots, struct slot_copy *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < TALKERS_KEPT; i++) {
        uint32_t samples = load32(&slots[i].count) - load32(&slots[i].error);
        if (!samples) continue;
        out[n].samples = samples;
        for (int w = 0; w < 2; w++)
            out[n].key.word[w] = atomic_load_explicit(&slots[i].key[w], memory_order_relaxed);
        n++;
    }
    return n;
}

static unsigned copy_once(const struct talkers *t, uint32_t window, struct slot_copy *out)
{
    uint32_t filled = load32(&t->window);
    unsigned n = 0;
    if (filled == window || filled + 1 == window) n = copy_window(t->slots[filled & 1], out);
    if (filled == window) n += copy_window(t->slots[~filled & 1], out + n);
    return n;
}

void talkers_read(const struct talkers *t, uint32_t now_s, struct talker *out, unsigned *count,
                  unsigned max)
{
    struct slot_copy copy[2 * TALKERS_KEPT];
    for (int tries = 0; tries < READ_TRIES; tries++) {
        uint32_t version = atomic_load_explicit(&t->version, memory_order_acquire);
        unsigned n = copy_once(t, now_s / TALKERS_WINDOW_S, copy);
        atomic_thread_fence(memory_order_acquire);
        if (version & 1 || version != load32(&t->version)) continue;
        for (unsigned i = 0; i < n; i++)
            talker_add(out, count, max, copy[i].key, copy[i].samples);
        return;
    }
}

static int by_samples(const void *a, const void *b)
{
    const struct talker *x = a, *y = b;
    return (x->samples < y->samples) - (x->samples > y->samples);
}

void talkers_sort(struct talker *all, unsigned count)
{
    qsort(all, count, sizeof *all, by_samples);
}
