/* process.c - see process.h. */
#include "app/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The state stands behind the name in brackets, which may hold brackets itself. */
static bool is_zombie(int pid)
{
    char path[32], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f) return false;
    const char *got = fgets(line, sizeof line, f);
    fclose(f);
    const char *bracket = got ? strrchr(line, ')') : NULL;
    return bracket && strncmp(bracket, ") Z", 3) == 0;
}

bool process_is_alive(int pid)
{
    if (pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) return false;
    return !is_zombie(pid);
}

bool process_program_path(char out[PATH_MAX])
{
    static const char REPLACED[] = " (deleted)"; /* what the kernel appends */
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    if (n <= 0) return false;
    out[n] = '\0';
    size_t end = sizeof REPLACED - 1;
    if ((size_t)n > end && strcmp(out + n - end, REPLACED) == 0) out[(size_t)n - end] = '\0';
    return true;
}

void process_sleep_ms(uint32_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    while (nanosleep(&t, &t) != 0 && errno == EINTR)
        ;
}
