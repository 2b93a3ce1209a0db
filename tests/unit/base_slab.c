/* base_slab.c - objects keep their bytes, pages come back, and nothing is lost when memory is spent. */
#include "unit.h"

#include "base/os_linux.h"
#include "base/rng.h"
#include "base/slab.h"

#define MIB (1u << 20)

static struct slab slab;

static int open_slab(void **state)
{
    (void)state;
    return slab_init(&slab, 16 * MIB) == ERR_OK ? 0 : -1;
}

static int close_slab(void **state)
{
    (void)state;
    slab_fini(&slab);
    return 0;
}

static void fill(slab_ref ref, uint32_t bytes, uint8_t with)
{
    memset(slab_at(&slab, ref), with, bytes);
}

static void assert_filled(slab_ref ref, uint32_t bytes, uint8_t with)
{
    const uint8_t *at = slab_at(&slab, ref);
    for (uint32_t i = 0; i < bytes; i++)
        if (at[i] != with) fail_msg("byte %u of %u is %u, not %u", i, bytes, at[i], with);
}

/* Sizes at both edges of every class, up to a whole page. */
static void every_size_has_its_room(void **state)
{
    (void)state;
    static slab_ref refs[SLAB_CLASSES * 4];
    static uint32_t sizes[SLAB_CLASSES * 4];
    unsigned n = 0;
    for (uint32_t bytes = 1; bytes <= 128; bytes++)
        sizes[n++] = bytes;
    for (uint32_t step = 8, base = 128; base < SLAB_OBJECT_BYTES_MAX; base *= 2, step *= 2)
        for (uint32_t at = base; at < 2 * base; at += step) {
            sizes[n++] = at + 1;
            sizes[n++] = at + step;
        }
    assert_int_equal(sizes[n - 1], SLAB_OBJECT_BYTES_MAX);
    uint64_t asked = 0;
    for (unsigned i = 0; i < n; i++) {
        refs[i] = slab_alloc(&slab, sizes[i]);
        assert_int_not_equal(refs[i], 0);
        fill(refs[i], sizes[i], (uint8_t)i);
        asked += sizes[i];
    }
    for (unsigned i = 0; i < n; i++)
        assert_filled(refs[i], sizes[i], (uint8_t)i);
    assert_in_range(slab_live_bytes(&slab), asked, asked + asked / 16);
    for (unsigned i = 0; i < n; i++)
        slab_free(&slab, refs[i]);
    assert_int_equal(slab_live_bytes(&slab), 0);
    assert_int_equal(slab_used_bytes(&slab), 0);
}

static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    assert_int_equal(slab_alloc(&slab, 0), 0);
    assert_int_equal(slab_alloc(&slab, SLAB_OBJECT_BYTES_MAX + 1), 0);
    assert_int_equal(slab_alloc(&slab, UINT32_MAX), 0);
    slab_free(&slab, 0);
    slab_ref ref = slab_alloc(&slab, 100);
    assert_int_equal(slab_resize(&slab, ref, 100, SLAB_OBJECT_BYTES_MAX + 1), 0);
    slab_free(&slab, ref);
}

static unsigned spend(uint32_t bytes, slab_ref *refs, unsigned max)
{
    unsigned n = 0;
    while (n < max && (refs[n] = slab_alloc(&slab, bytes)) != 0)
        n++;
    return n;
}

static void the_budget_is_spent_whole_and_comes_back(void **state)
{
    (void)state;
    static slab_ref refs[16 * MIB / 1000];
    unsigned pages = 16 * MIB / SLAB_PAGE_BYTES - 1, per_page = SLAB_PAGE_BYTES / 1024;
    for (int round = 0; round < 2; round++) {
        unsigned n = spend(1000, refs, sizeof refs / sizeof *refs);
        assert_int_equal(n, pages * per_page);
        assert_int_equal(slab_used_bytes(&slab), (uint64_t)pages * SLAB_PAGE_BYTES);
        assert_int_equal(slab_alloc(&slab, 2000), 0); /* other classes get no page either */
        slab_free(&slab, refs[0]);
        assert_int_not_equal(refs[0] = slab_alloc(&slab, 1000), 0);
        for (unsigned i = 0; i < n; i++)
            slab_free(&slab, refs[i]);
        assert_int_equal(slab_used_bytes(&slab), 0);
    }
    assert_int_not_equal(spend(SLAB_PAGE_BYTES, refs, 1), 0); /* pages serve any class */
}

static void resize_keeps_the_bytes(void **state)
{
    (void)state;
    slab_ref ref = slab_resize(&slab, 0, 0, 10);
    fill(ref, 10, 7);
    for (uint32_t bytes = 10; bytes < SLAB_OBJECT_BYTES_MAX; bytes += bytes / 3) {
        ref = slab_resize(&slab, ref, bytes, bytes + bytes / 3);
        assert_filled(ref, bytes, 7);
        fill(ref, bytes + bytes / 3 > SLAB_OBJECT_BYTES_MAX ? bytes : bytes + bytes / 3, 7);
        if (bytes + bytes / 3 > SLAB_OBJECT_BYTES_MAX / 2) break;
    }
    for (uint32_t bytes = SLAB_OBJECT_BYTES_MAX / 4; bytes; bytes /= 2) {
        ref = slab_resize(&slab, ref, bytes, bytes);
        assert_filled(ref, bytes, 7);
    }
    slab_free(&slab, ref);
    assert_int_equal(slab_live_bytes(&slab), 0);
}

static void without_memory_growing_fails_and_shrinking_does_not(void **state)
{
    (void)state;
    static slab_ref refs[16 * MIB / 1000];
    unsigned n = spend(1000, refs, sizeof refs / sizeof *refs);
    fill(refs[5], 1000, 9);
    assert_int_equal(slab_resize(&slab, refs[5], 1000, 1100), 0);
    assert_filled(refs[5], 1000, 9);
    assert_int_equal(slab_resize(&slab, refs[5], 40, 40), refs[5]); /* no page for its class */
    assert_filled(refs[5], 40, 9);
    assert_int_equal(slab_resize(&slab, refs[5], 40, 1000), refs[5]); /* still its old room */
    for (unsigned i = 0; i < n; i++)
        slab_free(&slab, refs[i]);
    assert_int_equal(slab_used_bytes(&slab), 0);
}

/* Nine of ten objects go, at random; one walk that stores what slab_compact() returns later, the
 * rest lie in hardly more pages than they fill. */
static void compaction_drains_sparse_pages(void **state)
{
    (void)state;
    static slab_ref refs[100000];
    struct rng rng;
    rng_init(&rng, 1);
    const unsigned n = 100000;
    for (uint32_t i = 0; i < n; i++) {
        refs[i] = slab_alloc(&slab, 36);
        memcpy(slab_at(&slab, refs[i]), &i, sizeof i);
    }
    uint64_t full_bytes = slab_used_bytes(&slab);
    for (uint32_t i = 0; i < n; i++) {
        if (rng_below(&rng, 10) == 0) continue;
        slab_free(&slab, refs[i]);
        refs[i] = 0;
    }
    assert_int_equal(slab_used_bytes(&slab), full_bytes); /* every page has a survivor */
    for (uint32_t i = 0; i < n; i++)
        if (refs[i]) refs[i] = slab_compact(&slab, refs[i]);
    assert_in_range(slab_used_bytes(&slab), slab_live_bytes(&slab),
                    slab_live_bytes(&slab) * 16 / 15 + 2 * SLAB_PAGE_BYTES);
    for (uint32_t i = 0; i < n; i++) {
        if (!refs[i]) continue;
        assert_memory_equal(slab_at(&slab, refs[i]), &i, sizeof i);
        slab_free(&slab, refs[i]);
    }
    assert_int_equal(slab_used_bytes(&slab), 0);
}

/* Pages of the system that are resident in the budget. */
static uint64_t resident_bytes(void)
{
    static unsigned char pages[64 * MIB / 4096];
    size_t bytes = (size_t)slab.page_count_max * SLAB_PAGE_BYTES;
    assert_true(bytes / 4096 <= sizeof pages);
    assert_int_equal(mincore(slab.base, bytes, pages), 0);
    uint64_t resident = 0;
    for (size_t i = 0; i < bytes / 4096; i++)
        resident += (pages[i] & 1) * 4096u;
    return resident;
}

static void trim_gives_memory_back(void **state)
{
    (void)state;
    static slab_ref refs[16 * MIB / SLAB_PAGE_BYTES];
    unsigned n = spend(SLAB_PAGE_BYTES, refs, sizeof refs / sizeof *refs);
    for (unsigned i = 0; i < n; i++)
        fill(refs[i], SLAB_PAGE_BYTES, 1);
    uint64_t full_bytes = (uint64_t)n * SLAB_PAGE_BYTES;
    assert_true(n > 100);
    assert_int_equal(resident_bytes(), full_bytes);
    for (unsigned i = 0; i < n; i++)
        slab_free(&slab, refs[i]);
    slab_trim(&slab, n / 2); /* no more than asked for */
    assert_int_equal(resident_bytes(), full_bytes - n / 2 * SLAB_PAGE_BYTES);
    slab_trim(&slab, UINT32_MAX);
    assert_int_equal(resident_bytes(), 0);
    assert_int_equal(spend(SLAB_PAGE_BYTES, refs, n + 1), n); /* and may be used again */
}

/* Everything at once, at random, near the end of the budget; every object has its own contents. */
static void references_stay_valid(void **state)
{
    (void)state;
    enum { OBJECTS = 2000, STEPS = 60000 };
    static slab_ref refs[OBJECTS];
    static uint32_t sizes[OBJECTS];
    struct rng rng;
    rng_init(&rng, 2);
    memset(refs, 0, sizeof refs);
    for (int step = 0; step < STEPS; step++) {
        uint32_t i = rng_below(&rng, OBJECTS), bytes = 1 + rng_below(&rng, 1u << (4 + step % 12));
        if (!refs[i]) {
            if ((refs[i] = slab_alloc(&slab, bytes)) == 0) continue;
            sizes[i] = bytes;
            fill(refs[i], bytes, (uint8_t)i);
            continue;
        }
        assert_filled(refs[i], sizes[i], (uint8_t)i);
        switch (rng_below(&rng, 3)) {
        case 0:
            slab_free(&slab, refs[i]);
            refs[i] = 0;
            break;
        case 1: refs[i] = slab_compact(&slab, refs[i]); break;
        default: {
            uint32_t keep = bytes < sizes[i] ? bytes : sizes[i];
            slab_ref moved = slab_resize(&slab, refs[i], keep, bytes);
            if (!moved) break;
            refs[i] = moved;
            sizes[i] = bytes;
            assert_filled(moved, keep, (uint8_t)i);
            fill(moved, bytes, (uint8_t)i);
        }
        }
        if (step % 1000 == 0) slab_trim(&slab, 10);
    }
    for (int i = 0; i < OBJECTS; i++)
        slab_free(&slab, refs[i]);
    assert_int_equal(slab_live_bytes(&slab), 0);
    assert_int_equal(slab_used_bytes(&slab), 0);
}

static void a_budget_below_two_pages_is_refused(void **state)
{
    (void)state;
    struct slab s;
    assert_int_equal(slab_init(&s, SLAB_PAGE_BYTES * 2 - 1), ERR_NO_MEMORY);
}

#define IN_SLAB(test) cmocka_unit_test_setup_teardown(test, open_slab, close_slab)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SLAB(every_size_has_its_room),
        IN_SLAB(impossible_sizes_are_refused),
        IN_SLAB(the_budget_is_spent_whole_and_comes_back),
        IN_SLAB(resize_keeps_the_bytes),
        IN_SLAB(without_memory_growing_fails_and_shrinking_does_not),
        IN_SLAB(compaction_drains_sparse_pages),
        IN_SLAB(trim_gives_memory_back),
        IN_SLAB(references_stay_valid),
        cmocka_unit_test(a_budget_below_two_pages_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
