/* access_reasons.c - see access_reasons.h. */
#include "tracker/access_reasons.h"

#include "base/hash.h"

#include <stdlib.h>

#define SLOTS_MIN 64
#define SIZE_MIN  4096

/* The operator's own lists: nobody outside chooses what collides. */
static uint32_t hash_of(struct view text)
{
    static const struct hash_key KEY = {{0}};
    return (uint32_t)hash64(&KEY, text.ptr, text.len);
}

static struct view cleaned(struct view reason, uint8_t room[ACCESS_REASON_BYTES_MAX])
{
    size_t n = reason.len < ACCESS_REASON_BYTES_MAX ? reason.len : ACCESS_REASON_BYTES_MAX;
    while (n < reason.len && n && (reason.ptr[n] & 0xc0) == 0x80) /* not amid a character */
        n--;
    for (size_t i = 0; i < n; i++)
        room[i] = reason.ptr[i] < ' ' || reason.ptr[i] == 0x7f ? ' ' : reason.ptr[i];
    return view_of(room, n);
}

/* The slot that has the text, or the free one where it belongs. */
static uint32_t *slot_find(const struct access_reasons *r, struct view text)
{
    uint32_t at = hash_of(text) & (r->slot_count - 1);
    while (r->slots[at] && !view_equal(access_reasons_get(r, r->slots[at]), text))
        at = (at + 1) & (r->slot_count - 1);
    return &r->slots[at];
}

static enum err slots_grow(struct access_reasons *r)
{
    uint32_t *before = r->slots, count = r->slot_count;
    if (r->count < count / 2) return ERR_OK;
    uint32_t *slots = calloc(count ? 2 * (size_t)count : SLOTS_MIN, sizeof *slots);
    if (!slots) return ERR_NO_MEMORY;
    r->slots = slots;
    r->slot_count = count ? 2 * count : SLOTS_MIN;
    for (uint32_t i = 0; i < count; i++)
        if (before[i]) *slot_find(r, access_reasons_get(r, before[i])) = before[i];
    free(before);
    return ERR_OK;
}

static enum err bytes_grow(struct access_reasons *r, size_t more)
{
    if (r->used + more <= r->size) return ERR_OK;
    uint32_t size = r->size ? 2 * r->size : SIZE_MIN;
    if (size > ACCESS_REASONS_BYTES_MAX) return ERR_FULL;
    uint8_t *bytes = realloc(r->bytes, size);
    if (!bytes) return ERR_NO_MEMORY;
    if (!r->size) {
        bytes[0] = 0;
        r->used = 1;
    }
    r->bytes = bytes;
    r->size = size;
    return ERR_OK;
}

enum err access_reasons_add(struct access_reasons *r, struct view reason, uint32_t *id)
{
    uint8_t room[ACCESS_REASON_BYTES_MAX];
    struct view text = cleaned(reason, room);
    *id = 0;
    if (text.len == 0) return ERR_OK;
    enum err err = slots_grow(r);
    if (err == ERR_OK) err = bytes_grow(r, 2 + text.len);
    if (err != ERR_OK) return err;
    uint32_t *slot = slot_find(r, text);
    if (!*slot) {
        *slot = r->used;
        r->bytes[r->used] = (uint8_t)text.len;
        memcpy(r->bytes + r->used + 1, text.ptr, text.len);
        r->used += 1 + (uint32_t)text.len;
        r->count++;
    }
    *id = *slot;
    return ERR_OK;
}

void access_reasons_finish(struct access_reasons *r)
{
    free(r->slots);
    r->slots = NULL;
    r->slot_count = 0;
}

void access_reasons_free(struct access_reasons *r)
{
    free(r->slots);
    free(r->bytes);
    *r = (struct access_reasons){0};
}

_Static_assert(ACCESS_REASON_BYTES_MAX <= UINT8_MAX, "a length is one byte");
