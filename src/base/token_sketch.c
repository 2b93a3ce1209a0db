/* token_sketch.c - see token_sketch.h.
 *
 * Idea      a bucket is one number, the moment at which it is full again: a token moves it on by what
 *           a token is worth, a request that would move it too far is refused and moves nothing. So
 *           there is nothing to refill, and whoever goes on after his tokens are gone gets exactly
 *           the rate. Two cells a key and the lower one counts, as in a count-min sketch whose cells
 *           are raised no further than they must (Estan, Varghese 2002).
 * One line  both cells lie in one cache line: half the misses, for which a second collision becomes
 *           1 in 16 instead of 1 in 131072. Measured by how many honest keys suffer, a table of
 *           twice the size is worth the same.
 * 64 bits   of microseconds never wrap. Half as many would need a look at how old a cell is: what
 *           nobody touched for a turn of the clock would come back as a full bucket's opposite.
 * Rejected  a table of addresses with an eviction: whoever brings a million addresses owns it. A
 *           sketch per worker: the kernel spreads the ports of one address over all workers, so a
 *           limit would mean `workers` times as much. Decision 12 has the rest. */
#include "base/token_sketch.h"

#include "base/os_linux.h"

#include <stddef.h>

_Static_assert(TOKEN_LINE_CELLS * sizeof(uint64_t) == 64, "a line is a cache line");
_Static_assert((TOKEN_SKETCH_LINES & (TOKEN_SKETCH_LINES - 1)) == 0, "a mask chooses the line");

struct token_rule token_rule_of(double per_s, uint32_t burst_s)
{
    if (per_s <= 0) return (struct token_rule){.burst_us = UINT64_MAX};
    double cost = 1e6 / per_s, burst = 1e6 * burst_s;
    if (cost > (double)TOKEN_BURST_US_MAX) cost = (double)TOKEN_BURST_US_MAX;
    if (burst < cost) burst = cost;
    return (struct token_rule){.cost_us = (uint64_t)cost, .burst_us = (uint64_t)burst};
}

enum err token_sketch_new(struct token_sketch **out)
{
    *out = os_reserve(sizeof **out);
    if (!*out) return ERR_NO_MEMORY;
    if (os_commit(*out, sizeof **out)) return ERR_OK;
    token_sketch_free(*out);
    *out = NULL;
    return ERR_NO_MEMORY;
}

void token_sketch_free(struct token_sketch *s)
{
    if (s) os_unreserve(s, sizeof *s);
}
