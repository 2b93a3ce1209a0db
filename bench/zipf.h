/* zipf.h - draw ranks 0 .. n-1 so that rank k comes with a weight of 1 / (k + 1)^s.
 *
 * Few torrents have most peers: s near 1 is what public trackers show; s = 0 is uniform. */
#ifndef BENCH_ZIPF_H
#define BENCH_ZIPF_H

#include "base/rng.h"

struct zipf {
    uint64_t n;
    double s;
    double area_low, area_all, accept; /* of the hat; see zipf.c */
};

/* n in 1 .. 2^32, s in 0 .. 10. */
void zipf_init(struct zipf *z, uint64_t n, double s);

/* Cost: about 50 ns, whatever n; no memory. */
uint64_t zipf_draw(const struct zipf *z, struct rng *rng);

#endif
