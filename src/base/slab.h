/* slab.h - objects of many sizes out of one budget of pages, named by 32-bit references.
 *
 * Shape     sizes are rounded up to one of 160 classes (steps of 4 bytes up to 128, then at most
 *           6 %); a page of 32 KiB holds objects of one class. A reference is an offset in
 *           units of 4 bytes, so that slab_at() is one shift and one add.
 * Memory    address space for the whole budget is reserved at once, memory is committed as it is
 *           used. A page whose last object is freed can serve any class; slab_trim() gives the
 *           memory of such pages back to the system.
 * Threads   any; one small lock per class, one for the pages. They are leaves of the lock order. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include "base/err.h"
#include "base/lock.h"

#include <stdint.h>

#define SLAB_PAGE_BYTES       32768u
#define SLAB_UNIT_BYTES       4u
#define SLAB_BYTES_MAX        (((uint64_t)UINT32_MAX + 1) * SLAB_UNIT_BYTES) /* 16 GiB */
#define SLAB_CLASSES          160
#define SLAB_OBJECT_BYTES_MAX SLAB_PAGE_BYTES

typedef uint32_t slab_ref; /* 0: none */

struct slab_page;

struct slab_class {
    struct lock lock;
    /* lists of pages with room, 0: none. Objects come from dense pages first, then from the first
     * sparse one; the other sparse ones are left to drain. */
    uint32_t dense, sparse;
    uint64_t live_bytes;
};

struct slab {
    /* constant after init */
    uint8_t *base;
    struct slab_page *pages;
    uint32_t page_count_max;
    /* pages_lock */
    struct lock pages_lock;
    uint32_t page_next;              /* pages from here on were never used */
    _Atomic uint32_t page_committed; /* pages 1 to before this one are readable, for ever */
    uint32_t free_dirty, free_clean; /* lists of free pages, with and without memory */
    _Atomic uint32_t pages_used;
    /* each with its own lock */
    struct slab_class classes[SLAB_CLASSES];
};

/* Reserve a budget (rounded down to pages, at most SLAB_BYTES_MAX). ERR_NO_MEMORY. */
enum err slab_init(struct slab *s, uint64_t bytes_max) MUST_CHECK;
void slab_fini(struct slab *s);

/* A new object, not zeroed; 0 when the budget is spent or bytes > SLAB_OBJECT_BYTES_MAX. */
slab_ref slab_alloc(struct slab *s, uint32_t bytes);

/* Free an object; 0 is fine. */
void slab_free(struct slab *s, slab_ref ref);

/* Make an object fit `bytes`, moving it (and its first `keep_bytes`) if its class changes; ref 0
 * allocates. 0 when it must grow and there is no memory: the old object is untouched. Shrinking
 * never fails: an object that cannot move stays in its larger class. */
slab_ref slab_resize(struct slab *s, slab_ref ref, uint32_t keep_bytes, uint32_t bytes);

/* If the object lies in a sparse page, move it to a denser one; returns where it is now. Whoever
 * walks all objects now and then and stores what this returns keeps memory compact. */
slab_ref slab_compact(struct slab *s, slab_ref ref);

static inline void *slab_at(const struct slab *s, slab_ref ref)
{
    return s->base + (uint64_t)ref * SLAB_UNIT_BYTES;
}

/* Can `bytes` from there be read at all? For references that may be out of date: what is read may
 * be another object's by now, but reading it does no harm. */
static inline bool slab_holds(const struct slab *s, slab_ref ref, uint32_t bytes)
{
    uint64_t from = (uint64_t)ref * SLAB_UNIT_BYTES;
    uint64_t end = (uint64_t)atomic_load_explicit(&s->page_committed, memory_order_relaxed);
    return from >= SLAB_PAGE_BYTES && from + bytes <= end * SLAB_PAGE_BYTES;
}

/* Give memory of free pages back, at most `pages_max` pages (a system call each);
 * none while somebody else is about pages. */
void slab_trim(struct slab *s, uint32_t pages_max);

/* Bytes in pages that hold objects; bytes of the objects themselves. */
uint64_t slab_used_bytes(const struct slab *s);
uint64_t slab_live_bytes(struct slab *s);

#endif
