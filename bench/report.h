/* report.h - the counts of a run as text for people and as JSON for scripts. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/bench.h"

#include <stdio.h>

struct report {
    const struct bench_opts *opts;
    const struct tally *load;
    uint64_t filled, fill_ns;  /* peers announced before, and how long that took */
    uint64_t rss_before_bytes; /* of the server, before the fill */
};

void report_text(FILE *out, const struct report *r);
void report_json(FILE *out, const struct report *r);

#endif
