/* silence.h - a target that gives no connection ids over UDP: why, and what to do about it. */
#ifndef BENCH_SILENCE_H
#define BENCH_SILENCE_H

#include "bench/options.h"

/* Ask the target's UDP and TCP ports once more and tell on stderr what they say. Takes up to half a
 * second. */
void silence_explain(const struct bench_opts *o);

#endif
