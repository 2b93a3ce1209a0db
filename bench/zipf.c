/* zipf.c - rejection-inversion after W. Hoermann and G. Derflinger, "Rejection-inversion to
 * generate variates from monotone discrete distributions", ACM TOMACS 6(3), 1996.
 *
 * Idea      x^-s is integrated in closed form; a point drawn from under that curve is rounded to a
 *           rank and kept when it also lies under the rank's own bar. Over 3 of 4 points are kept,
 *           whatever n and s.
 * Why       the usual table of cumulative weights takes 8 bytes a torrent and a cache miss or two a
 *           draw; the generator must outrun the server.
 * s = 1     has a logarithm for an integral; both forms come out of expm1(t)/t and log1p(t)/t,
 *           which are smooth there. */
#include "bench/zipf.h"

#include <assert.h>
#include <math.h>

/* expm1(t) / t and log1p(t) / t, also for t near 0. */
static double expm1_over(double t)
{
    return fabs(t) > 1e-8 ? expm1(t) / t : 1 + t / 2;
}

static double log1p_over(double t)
{
    return fabs(t) > 1e-8 ? log1p(t) / t : 1 - t / 2;
}

static double weight(const struct zipf *z, double x)
{
    return exp(-z->s * log(x));
}

/* The integral of x^-s, and its inverse. */
static double area(const struct zipf *z, double x)
{
    double l = log(x);
    return l * expm1_over((1 - z->s) * l);
}

static double area_inverse(const struct zipf *z, double a)
{
    double t = a * (1 - z->s);
    if (t < -1) t = -1; /* rounding */
    return exp(a * log1p_over(t));
}

void zipf_init(struct zipf *z, uint64_t n, double s)
{
    assert(n >= 1 && n <= 1ull << 32 && s >= 0 && s <= 10);
    *z = (struct zipf){.n = n, .s = s};
    z->area_low = area(z, 1.5) - 1;
    z->area_all = area(z, (double)n + 0.5);
    z->accept = 2 - area_inverse(z, area(z, 2.5) - weight(z, 2));
}

static double uniform(struct rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

uint64_t zipf_draw(const struct zipf *z, struct rng *rng)
{
    if (z->s == 0) return (uint64_t)(((__uint128_t)rng_u64(rng) * z->n) >> 64);
    for (;;) {
        double a = z->area_all + uniform(rng) * (z->area_low - z->area_all);
        double x = area_inverse(z, a);
        double rank = floor(x + 0.5);
        if (rank < 1) rank = 1;
        if (rank > (double)z->n) rank = (double)z->n;
        if (rank - x <= z->accept || a >= area(z, rank + 0.5) - weight(z, rank))
            return (uint64_t)rank - 1;
    }
}
