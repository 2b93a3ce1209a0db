/* load.h - how busy: three averages for the interval rule, of use in a container too. */
#ifndef APP_LOAD_H
#define APP_LOAD_H

#include "tracker/interval.h"

#include <stdbool.h>

struct load {
    /* constant after init */
    unsigned cores;   /* usable: by affinity and by the container's limit, rounded up */
    double cpu_limit; /* CPUs; 0: none below what the affinity allows */
    /* owner thread only */
    uint64_t at_us, cpu_us;
    double own[3], dropping[3]; /* damped averages over 1, 5 and 15 minutes */
};

void load_init(struct load *l, uint64_t now_us);

/* Measure the time since the last call; about once a second. `is_dropping`: overload_is() says so of it. */
void load_measure(struct load *l, uint64_t now_us, bool is_dropping, struct interval_load *out);

#endif
