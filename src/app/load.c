/* load.c - the load that the interval follows.
 *
 * Free machine   the system's load averages, as etracker takes them.
 * CPU limit      with a limit below the CPUs the system's averages tell of other people's programs.
 *                There the averages are of the CPU time this process used, scaled so that using up
 *                the limit is a load of `cores` - above the default threshold of cores - 0.5.
 * Drops          a process may be too slow without using all its time (a CPU busy with interrupts).
 *                So a second of overload (tracker/overload.h) counts as a load of cores + 1;
 *                the averages of that and of the above are compared, and the larger one holds.
 * Averages       damped exponentially over 1, 5 and 15 minutes, like the kernel's, so the rule
 *                "all three below / above" keeps its meaning.
 * The option max_load_avg tells the operator the same. */
#include "app/load.h"

#include "base/os_linux.h"

static const double WINDOWS_S[3] = {60, 300, 900};

void load_init(struct load *l, uint64_t now_us)
{
    *l = (struct load){.cores = os_cpu_usable(),
                       .cpu_limit = os_cpu_limit(),
                       .at_us = now_us,
                       .cpu_us = os_cpu_time_us()};
}

/* exp(-x) but for the first 1/6 x^3: a millionth at a second in a minute. It stays between 0 and 1 for
 * any x, and libm stays out of memory (meson.build). */
static double decay(double x)
{
    return 1 / (1 + x + x * x / 2);
}

static void damp(double averages[3], double value, double elapsed_s)
{
    for (int i = 0; i < 3; i++) {
        double keep = decay(elapsed_s / WINDOWS_S[i]);
        averages[i] = averages[i] * keep + value * (1 - keep);
    }
}

static void system_load(double load[3])
{
    int got = os_load_average(load);
    for (int i = got < 0 ? 0 : got; i < 3; i++)
        load[i] = 0;
}

void load_measure(struct load *l, uint64_t now_us, bool is_dropping, struct interval_load *out)
{
    uint64_t cpu_us = os_cpu_time_us();
    double elapsed_s = (double)(now_us - l->at_us) / 1e6;
    if (elapsed_s > 0) {
        double cpus_used = (double)(cpu_us - l->cpu_us) / 1e6 / elapsed_s;
        double share = l->cpu_limit > 0 ? cpus_used / l->cpu_limit : 0;
        damp(l->own, share * l->cores, elapsed_s);
        damp(l->dropping, is_dropping ? l->cores + 1.0 : 0, elapsed_s);
    }
    l->at_us = now_us;
    l->cpu_us = cpu_us;
    out->cores = l->cores;
    system_load(out->load);
    for (int i = 0; i < 3; i++) {
        if (l->cpu_limit > 0) out->load[i] = l->own[i];
        if (l->dropping[i] > out->load[i]) out->load[i] = l->dropping[i];
    }
}
