/* tap.c - see tap.h. Steps between lights are uniform in [1, 2n-1], so that a pattern in the order
 * of announces cannot hide from the sample or fill it. */
#include "front/tap.h"

#include <stddef.h>
#include <stdlib.h>

struct tap *tap_new(void)
{
    struct tap *t = aligned_alloc(_Alignof(struct tap), sizeof *t);
    if (t) memset(t, 0, offsetof(struct tap, lights));
    return t;
}

void tap_free(struct tap *t)
{
    free(t);
}

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static bool is_chosen(struct tap *t, struct rng *rng, uint32_t every)
{
    if (t->skip >= 2 * every - 1) t->skip = 0; /* drawn when there were more */
    if (t->skip) {
        t->skip--;
        return false;
    }
    t->skip = rng_below(rng, 2 * every - 1);
    return true;
}

void tap_offer(struct tap *t, struct rng *rng, uint32_t every, enum tap_door door,
               const struct address *a)
{
    count(&t->seen);
    if (!is_chosen(t, rng, every)) return;
    uint32_t head = atomic_load_explicit(&t->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&t->tail, memory_order_acquire) >= TAP_LIGHTS_MAX) {
        count(&t->lost);
        return;
    }
    struct tap_light *light = &t->lights[head % TAP_LIGHTS_MAX];
    memcpy(light->ip, a->ip, sizeof light->ip);
    light->family = (uint8_t)a->family;
    light->door = (uint8_t)door;
    atomic_store_explicit(&t->head, head + 1, memory_order_release);
}

bool tap_take(struct tap *t, struct tap_light *out)
{
    uint32_t tail = atomic_load_explicit(&t->tail, memory_order_relaxed);
    if (tail == atomic_load_explicit(&t->head, memory_order_acquire)) return false;
    *out = t->lights[tail % TAP_LIGHTS_MAX];
    atomic_store_explicit(&t->tail, tail + 1, memory_order_release);
    return true;
}
