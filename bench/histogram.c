/* histogram.c - see histogram.h.
 *
 * A value of b bits (b > LINEAR_BITS) keeps its top LINEAR_BITS bits; the highest of them is always
 * set, so each power of two needs half of the linear part. */
#include "bench/histogram.h"

#define HALF (HISTOGRAM_LINEAR / 2)

static unsigned bucket_of(uint64_t value)
{
    if (value < HISTOGRAM_LINEAR) return (unsigned)value;
    unsigned bits = 64u - (unsigned)__builtin_clzll(value);
    unsigned shift = bits - HISTOGRAM_LINEAR_BITS;
    unsigned top = (unsigned)(value >> shift); /* HALF .. LINEAR-1 */
    return HISTOGRAM_LINEAR + (shift - 1) * HALF + (top - HALF);
}

/* The largest value of a bucket. */
static uint64_t bucket_end(unsigned bucket)
{
    if (bucket < HISTOGRAM_LINEAR) return bucket;
    unsigned shift = (bucket - HISTOGRAM_LINEAR) / HALF + 1;
    uint64_t top = (bucket - HISTOGRAM_LINEAR) % HALF + HALF;
    return ((top + 1) << shift) - 1;
}

static void add(struct histogram *h, uint64_t value, uint64_t count)
{
    h->buckets[bucket_of(value)] += count;
    h->count += count;
    h->sum += value * count;
    if (value > h->max) h->max = value;
}

void histogram_add(struct histogram *h, uint64_t value)
{
    add(h, value < HISTOGRAM_VALUE_MAX ? value : HISTOGRAM_VALUE_MAX, 1);
}

void histogram_add_bounds(struct histogram *h, uint64_t value, uint64_t count)
{
    if (!count) return;
    if (value > HISTOGRAM_VALUE_MAX) value = HISTOGRAM_VALUE_MAX;
    if (!h->bounds || value < h->bound_min) h->bound_min = value;
    h->bounds += count;
    add(h, value, count);
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
    if (h->count == 0) return 0;
    double wanted = (double)h->count * percent / 100.0;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen == 0 || (double)seen < wanted) continue;
        uint64_t end = bucket_end(i);
        return end < h->max ? end : h->max;
    }
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count ? (double)h->sum / (double)h->count : 0;
}
