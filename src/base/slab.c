/* slab.c - see slab.h.
 *
 * Idea       pages are shared by all users of the allocator, so what lies half-empty is one page per
 *            class, not one per class and shard. Classes are so close together that a growing object
 *            wastes about 3 %.
 * Fresh      a page's objects are handed out in address order the first time, so that memory never
 *            used is never touched and does not count as resident.
 * Compact    objects that grow leave holes in the pages of the class they came from. A page less than
 *            15/16 full is sparse: new objects avoid it, and slab_compact() moves old ones out of it,
 *            called by the owner, who alone knows where the reference is kept.
 * Page       32 KiB: every class in use has one page that is half empty on average, and a swarm of a
 *            million has 45 classes of runs. 64 KiB costs it 0.9 MB more; 16 KiB saves 0.3 MB, but its
 *            objects are too short for the index of a shard at 30 M torrents.
 * Rejected   malloc: 8 bytes of header and 16 of alignment on objects of 36; page lists per shard:
 *            thousands of half-empty pages. */
#include "base/slab.h"

#include "base/metrics.h"
#include "base/os_linux.h"

#include <assert.h>
#include <string.h>

#define COMMIT_PAGES 128 /* 4 MiB a system call */
#define NO_OBJECT    UINT16_MAX

struct slab_page {
    uint32_t prev, next; /* in the list of its class, or in a free list (next only) */
    uint16_t class_index;
    _Atomic uint16_t used; /* live objects; read without the lock as a hint */
    uint16_t fresh;        /* objects from here on were never handed out */
    uint16_t free;         /* first freed object, NO_OBJECT: none */
};

_Static_assert(sizeof(struct slab_page) == 16, "16 bytes per 32 KiB page");

#define FINE_BYTES   128u
#define FINE_CLASSES (FINE_BYTES / SLAB_UNIT_BYTES) /* 4, 8, ... 128 */

/* Above FINE_BYTES each doubling has 16 classes. */
static uint32_t class_of(uint32_t bytes)
{
    if (bytes <= FINE_BYTES) return (bytes + SLAB_UNIT_BYTES - 1) / SLAB_UNIT_BYTES - 1;
    uint32_t doubling = 31u - (uint32_t)__builtin_clz(bytes - 1); /* 2^doubling < bytes */
    uint32_t step = 1u << (doubling - 4);
    uint32_t within = (bytes - (1u << doubling) + step - 1) / step; /* 1..16 */
    return FINE_CLASSES + (doubling - 7) * 16 + within - 1;
}

static uint32_t class_bytes(uint32_t index)
{
    if (index < FINE_CLASSES) return (index + 1) * SLAB_UNIT_BYTES;
    uint32_t doubling = 7 + (index - FINE_CLASSES) / 16;
    return (1u << doubling) + ((index - FINE_CLASSES) % 16 + 1) * (1u << (doubling - 4));
}

enum err slab_init(struct slab *s, uint64_t bytes_max)
{
    if (bytes_max > SLAB_BYTES_MAX) bytes_max = SLAB_BYTES_MAX;
    uint32_t pages = (uint32_t)(bytes_max / SLAB_PAGE_BYTES);
    if (pages < 2) return ERR_NO_MEMORY;
    *s = (struct slab){.page_count_max = pages, .page_next = 1, .page_committed = 1};
    s->base = os_reserve((uint64_t)pages * SLAB_PAGE_BYTES);
    if (!s->base) return ERR_NO_MEMORY;
    s->pages = os_reserve(pages * sizeof *s->pages);
    if (!s->pages || !os_commit(s->pages, pages * sizeof *s->pages)) {
        slab_fini(s);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

void slab_fini(struct slab *s)
{
    if (s->base) os_unreserve(s->base, (uint64_t)s->page_count_max * SLAB_PAGE_BYTES);
    if (s->pages) os_unreserve(s->pages, s->page_count_max * sizeof *s->pages);
    *s = (struct slab){0};
}

static uint8_t *page_at(const struct slab *s, uint32_t page)
{
    return s->base + (uint64_t)page * SLAB_PAGE_BYTES;
}

static uint32_t page_index(slab_ref ref)
{
    return (uint32_t)((uint64_t)ref * SLAB_UNIT_BYTES / SLAB_PAGE_BYTES);
}

/* ---- pages ---- */

static uint32_t page_take_fresh(struct slab *s)
{
    if (s->page_next == s->page_count_max) return 0;
    if (s->page_next == s->page_committed) {
        uint32_t count = s->page_count_max - s->page_committed;
        if (count > COMMIT_PAGES) count = COMMIT_PAGES;
        if (!os_commit(page_at(s, s->page_committed), (size_t)count * SLAB_PAGE_BYTES)) return 0;
        s->page_committed += count;
    }
    return s->page_next++;
}

static uint32_t page_take(struct slab *s)
{
    lock_take(&s->pages_lock);
    uint32_t page = s->free_dirty;
    if (page) s->free_dirty = s->pages[page].next;
    else if ((page = s->free_clean) != 0) s->free_clean = s->pages[page].next;
    else page = page_take_fresh(s);
    lock_release(&s->pages_lock);
    if (page) atomic_fetch_add_explicit(&s->pages_used, 1, memory_order_relaxed);
    return page;
}

static void page_give(struct slab *s, uint32_t page)
{
    atomic_fetch_sub_explicit(&s->pages_used, 1, memory_order_relaxed);
    lock_take(&s->pages_lock);
    s->pages[page].next = s->free_dirty;
    s->free_dirty = page;
    lock_release(&s->pages_lock);
}

void slab_trim(struct slab *s, uint32_t pages_max)
{
    while (pages_max--) {
        if (!lock_take_within(&s->pages_lock, 0)) return;
        uint32_t page = s->free_dirty;
        if (page) s->free_dirty = s->pages[page].next;
        lock_release(&s->pages_lock);
        if (!page) return;
        os_discard(page_at(s, page), SLAB_PAGE_BYTES);
        lock_take(&s->pages_lock);
        s->pages[page].next = s->free_clean;
        s->free_clean = page;
        lock_release(&s->pages_lock);
    }
}

uint64_t slab_used_bytes(const struct slab *s)
{
    return (uint64_t)atomic_load_explicit(&s->pages_used, memory_order_relaxed) * SLAB_PAGE_BYTES;
}

uint64_t slab_live_bytes(struct slab *s)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < SLAB_CLASSES; i++) {
        lock_take(&s->classes[i].lock);
        bytes += s->classes[i].live_bytes;
        lock_release(&s->classes[i].lock);
    }
    return bytes;
}

/* ---- objects ---- */

enum density { PAGE_SPARSE, PAGE_DENSE, PAGE_FULL };

static enum density density_of(const struct slab_page *p, uint32_t bytes)
{
    uint32_t capacity = SLAB_PAGE_BYTES / bytes, used = p->used;
    if (used == capacity) return PAGE_FULL;
    return used * 16 >= capacity * 15 ? PAGE_DENSE : PAGE_SPARSE;
}

static void list_add(struct slab *s, struct slab_class *c, uint32_t page, enum density density)
{
    struct slab_page *p = &s->pages[page];
    uint32_t *head = density == PAGE_DENSE ? &c->dense : &c->sparse;
    p->prev = p->next = 0;
    if (density == PAGE_SPARSE && *head) { /* behind the first, which is being filled */
        p->prev = *head;
        p->next = s->pages[*head].next;
        s->pages[*head].next = page;
    } else {
        p->next = *head;
        *head = page;
    }
    if (p->next) s->pages[p->next].prev = page;
}

static void list_remove_page(struct slab *s, struct slab_class *c, uint32_t page)
{
    struct slab_page *p = &s->pages[page];
    if (p->prev) s->pages[p->prev].next = p->next;
    else if (c->dense == page) c->dense = p->next;
    else c->sparse = p->next;
    if (p->next) s->pages[p->next].prev = p->prev;
}

/* Keep the page in the list it belongs to after its count changed. */
static void list_follow(struct slab *s, struct slab_class *c, uint32_t page, enum density before,
                        enum density after)
{
    if (before == after) return;
    if (before != PAGE_FULL) list_remove_page(s, c, page);
    if (after != PAGE_FULL) list_add(s, c, page, after);
}

/* A page with room, a new one if need be; the class is locked. 0: no memory. */
static uint32_t page_with_room(struct slab *s, struct slab_class *c, uint32_t index)
{
    if (c->dense) return c->dense;
    if (c->sparse) return c->sparse;
    uint32_t page = page_take(s);
    if (!page) return 0;
    struct slab_page *p = &s->pages[page];
    p->class_index = (uint16_t)index;
    p->used = p->fresh = 0;
    p->free = NO_OBJECT;
    list_add(s, c, page, PAGE_SPARSE);
    return page;
}

static slab_ref object_take(struct slab *s, struct slab_class *c, uint32_t page, uint32_t bytes)
{
    struct slab_page *p = &s->pages[page];
    enum density before = density_of(p, bytes);
    uint32_t object = p->free;
    if (object == NO_OBJECT) object = p->fresh++;
    else memcpy(&p->free, page_at(s, page) + object * bytes, sizeof p->free);
    p->used++;
    c->live_bytes += bytes;
    list_follow(s, c, page, before, density_of(p, bytes));
    return (slab_ref)(((uint64_t)page * SLAB_PAGE_BYTES + object * bytes) / SLAB_UNIT_BYTES);
}

/* True when the page became empty: it left its list and is the caller's to give back. */
static bool object_give(struct slab *s, struct slab_class *c, slab_ref ref, uint32_t bytes)
{
    uint32_t page = page_index(ref);
    struct slab_page *p = &s->pages[page];
    assert(p->used > 0);
    enum density before = density_of(p, bytes);
    memcpy(slab_at(s, ref), &p->free, sizeof p->free);
    p->free = (uint16_t)((uint64_t)ref * SLAB_UNIT_BYTES % SLAB_PAGE_BYTES / bytes);
    p->used--;
    c->live_bytes -= bytes;
    list_follow(s, c, page, before, density_of(p, bytes));
    if (p->used) return false;
    list_remove_page(s, c, page);
    return true;
}

slab_ref slab_alloc(struct slab *s, uint32_t bytes)
{
    if (bytes == 0 || bytes > SLAB_OBJECT_BYTES_MAX) return 0;
    uint32_t index = class_of(bytes);
    struct slab_class *c = &s->classes[index];
    lock_take(&c->lock);
    uint32_t page = page_with_room(s, c, index);
    slab_ref ref = page ? object_take(s, c, page, class_bytes(index)) : 0;
    lock_release(&c->lock);
    metrics_add(METRIC_STORE_ALLOCS, ref != 0);
    return ref;
}

void slab_free(struct slab *s, slab_ref ref)
{
    if (!ref) return;
    uint32_t index = s->pages[page_index(ref)].class_index;
    struct slab_class *c = &s->classes[index];
    lock_take(&c->lock);
    bool is_empty = object_give(s, c, ref, class_bytes(index));
    lock_release(&c->lock);
    metrics_inc(METRIC_STORE_FREES);
    if (is_empty) page_give(s, page_index(ref));
}

slab_ref slab_resize(struct slab *s, slab_ref ref, uint32_t keep_bytes, uint32_t bytes)
{
    if (!ref) return slab_alloc(s, bytes);
    uint32_t index = s->pages[page_index(ref)].class_index;
    if (bytes <= SLAB_OBJECT_BYTES_MAX && class_of(bytes) == index) return ref;
    slab_ref moved = slab_alloc(s, bytes);
    if (!moved) return bytes <= class_bytes(index) ? ref : 0;
    memcpy(slab_at(s, moved), slab_at(s, ref), keep_bytes);
    slab_free(s, ref);
    return moved;
}

slab_ref slab_compact(struct slab *s, slab_ref ref)
{
    uint32_t page = page_index(ref), index = s->pages[page].class_index, bytes = class_bytes(index);
    if (density_of(&s->pages[page], bytes) != PAGE_SPARSE) return ref;
    struct slab_class *c = &s->classes[index];
    bool is_empty = false;
    if (!lock_take_within(&c->lock, 0)) return ref; /* another time */
    uint32_t target = c->dense ? c->dense : c->sparse;
    if (target != page && density_of(&s->pages[page], bytes) == PAGE_SPARSE) {
        slab_ref moved = object_take(s, c, target, bytes);
        memcpy(slab_at(s, moved), slab_at(s, ref), bytes);
        is_empty = object_give(s, c, ref, bytes);
        ref = moved;
    }
    lock_release(&c->lock);
    if (is_empty) page_give(s, page);
    return ref;
}
