/* buckets.c - see buckets.h. */
#include "base/buckets.h"

#include <assert.h>

void buckets_add(struct buckets *h, const struct buckets_scale *scale, uint64_t value,
                 uint64_t times)
{
    unsigned bucket = 0;
    assert(scale->count < BUCKETS_MAX);
    while (bucket < scale->count && value > scale->le[bucket])
        bucket++;
    buckets_add_at(h, bucket, value, times);
}

void buckets_read(const struct buckets *h, struct buckets_total *out)
{
    for (unsigned i = 0; i < BUCKETS_MAX; i++) {
        uint64_t in = atomic_load_explicit(&h->in[i], memory_order_relaxed);
        out->in[i] += in;
        out->count += in;
    }
    out->sum += atomic_load_explicit(&h->sum, memory_order_relaxed);
}

uint32_t buckets_quantile(const struct buckets_total *h, const struct buckets_scale *scale,
                          double share)
{
    double wanted = (double)h->count * share;
    uint64_t seen = 0;
    if (h->count == 0) return 0;
    for (unsigned i = 0; i < scale->count; i++) {
        seen += h->in[i];
        if (seen && (double)seen >= wanted) return scale->le[i];
    }
    return scale->le[scale->count - 1];
}
