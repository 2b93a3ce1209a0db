/* buckets.h - how often values fell into fixed ranges: one writer, any number of readers.
 *
 * Threads   one thread adds; any thread may read at any time, a value or two behind.
 * Cost      an add is two loads and two stores, no locked instruction, and finding the bucket:
 *           nothing where the caller knows it (buckets_add_at). */
#ifndef BASE_BUCKETS_H
#define BASE_BUCKETS_H

#include <stdatomic.h>
#include <stdint.h>

#define BUCKETS_MAX 64

/* The upper ends of the buckets, ascending; one more bucket takes what is above them all. */
struct buckets_scale {
    unsigned count; /* of `le`; < BUCKETS_MAX */
    uint32_t le[BUCKETS_MAX - 1];
};

struct buckets {
    _Atomic uint64_t in[BUCKETS_MAX], sum;
};

/* What was read of one histogram, or of several added up. */
struct buckets_total {
    uint64_t in[BUCKETS_MAX], sum, count;
};

static inline void buckets_add_at(struct buckets *h, unsigned bucket, uint64_t value,
                                  uint64_t times)
{
    _Atomic uint64_t *in = &h->in[bucket];
    atomic_store_explicit(in, atomic_load_explicit(in, memory_order_relaxed) + times,
                          memory_order_relaxed);
    atomic_store_explicit(&h->sum,
                          atomic_load_explicit(&h->sum, memory_order_relaxed) + value * times,
                          memory_order_relaxed);
}

/* Count `value` as often as `times` says. */
void buckets_add(struct buckets *h, const struct buckets_scale *scale, uint64_t value,
                 uint64_t times);

/* Add what `h` holds to `out`. */
void buckets_read(const struct buckets *h, struct buckets_total *out);

/* The upper end of the bucket in which the value lies that `share` (0..1) of all do not exceed; the
 * highest end for values above it; 0 when there are none. */
uint32_t buckets_quantile(const struct buckets_total *h, const struct buckets_scale *scale,
                          double share);

#endif
