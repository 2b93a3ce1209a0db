/* server_cost.c - see server_cost.h.
 *
 * /proc/PID/task/TID/schedstat counts nanoseconds, but is brought up to date at ticks and switches
 * only: over a second it is right within 0.4 %. utime and stime are counted in ticks of 10 ms;
 * their sum is a cross-check, their ratio tells kernel from program. */
#include "bench/server_cost.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool read_file(const char *path, char *out, size_t max)
{
    FILE *f = fopen(path, "re");
    if (!f) return false;
    size_t n = fread(out, 1, max - 1, f);
    out[n] = '\0';
    fclose(f);
    return n > 0;
}

static uint64_t tasks_run_ns(int pid)
{
    char path[300], text[128];
    uint64_t total = 0;
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    if (!dir) return 0;
    for (struct dirent *e; (e = readdir(dir));) {
        uint64_t ns = 0;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, e->d_name);
        if (read_file(path, text, sizeof text) && sscanf(text, "%" SCNu64, &ns) == 1) total += ns;
    }
    closedir(dir);
    return total;
}

/* Fields 14 and 15 of stat, counted behind the name, which may hold anything but its last ')'. False
 * for a process that ended, also when nobody has asked for its exit status yet. */
static bool ticks_read(int pid, uint64_t *user, uint64_t *sys)
{
    char path[64], text[1024], state;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (!read_file(path, text, sizeof text)) return false;
    const char *at = strrchr(text, ')');
    return at &&
           sscanf(at + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                  &state, user, sys) == 3 &&
           state != 'Z' && state != 'X';
}

static uint64_t rss_bytes(int pid)
{
    char path[64], text[4096];
    uint64_t kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    const char *at = read_file(path, text, sizeof text) ? strstr(text, "VmRSS:") : NULL;
    if (at && sscanf(at, "VmRSS: %" SCNu64, &kib) != 1) kib = 0;
    return kib * 1024;
}

int server_cost_read(const int *pids, unsigned count, struct server_cost *out)
{
    uint64_t tick_us = 1000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    *out = (struct server_cost){0};
    for (unsigned i = 0; i < count; i++) {
        uint64_t user, sys;
        if (!ticks_read(pids[i], &user, &sys)) return pids[i];
        out->user_us += user * tick_us;
        out->sys_us += sys * tick_us;
        out->cpu_ns += tasks_run_ns(pids[i]);
        out->rss_bytes += rss_bytes(pids[i]);
    }
    return 0;
}
