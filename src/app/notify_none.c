/* notify_none.c - see notify.h; for builds without libsystemd. */
#include "app/notify.h"

#include <stddef.h>

bool notify_is_heard(void)
{
    return false;
}

void notify_ready(void)
{
}

void notify_reloading(void)
{
}

void notify_stopping(void)
{
}

void notify_mainpid(pid_t pid)
{
    (void)pid;
}

void notify_status(const char *format, ...)
{
    (void)format;
}

uint64_t notify_watchdog_us(void)
{
    return 0;
}

void notify_alive(void)
{
}

int notify_sockets(char ***take_names)
{
    *take_names = NULL;
    return 0;
}
