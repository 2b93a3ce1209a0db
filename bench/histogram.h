/* histogram.h - how often each latency was seen, in little memory and without rounding the tail
 * away.
 *
 * Log-linear: values below HISTOGRAM_LINEAR have a bucket each; above, every power of two is cut
 * into HISTOGRAM_LINEAR / 2 equal buckets, so a percentile is wrong by less than 1.6 %.
 * Values are nanoseconds by habit; nothing here depends on it.
 * A bound is a value of which only "at least so much" is known. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define HISTOGRAM_LINEAR_BITS 7
#define HISTOGRAM_LINEAR      (1u << HISTOGRAM_LINEAR_BITS)
#define HISTOGRAM_VALUE_MAX                                                                        \
    ((1ull << 40) - 1) /* 18 minutes of nanoseconds; larger ones count here */
#define HISTOGRAM_BUCKETS (HISTOGRAM_LINEAR + (40 - HISTOGRAM_LINEAR_BITS) * HISTOGRAM_LINEAR / 2)

struct histogram {
    uint64_t count, sum, max;
    uint64_t bounds, bound_min; /* how many of the values are bounds, and the smallest of them */
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t value);

/* `count` times at least `value`. */
void histogram_add_bounds(struct histogram *h, uint64_t value, uint64_t count);

/* Is this percentile, or the mean or the maximum, itself only a bound? It is when a bound is among
 * the values up to it. */
static inline bool histogram_is_bound(const struct histogram *h, uint64_t percentile)
{
    return h->bounds && h->bound_min <= percentile;
}

/* The smallest value that at least `percent` of all values do not exceed, rounded up to the end of
 * its bucket but never above the largest value seen; 0 when there are none. */
uint64_t histogram_percentile(const struct histogram *h, double percent);

double histogram_mean(const struct histogram *h);

#endif
