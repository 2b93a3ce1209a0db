/* notify_systemd.c - see notify.h; in its place notify_none.c, where libsystemd is not built in. */
#include "app/notify.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#define STATUS_BYTES_MAX 256

bool notify_is_heard(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    return socket && *socket;
}

void notify_ready(void)
{
    sd_notify(0, "READY=1");
}

/* The time tells a manager that has asked for the reload which of several this is. */
void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_us());
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1");
}

void notify_mainpid(pid_t pid)
{
    sd_notifyf(0, "MAINPID=%ld", (long)pid);
}

void notify_status(const char *format, ...)
{
    char text[STATUS_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sd_notifyf(0, "STATUS=%s", text);
}

uint64_t notify_watchdog_us(void)
{
    uint64_t us = 0;
    return sd_watchdog_enabled(0, &us) > 0 ? us : 0;
}

void notify_alive(void)
{
    sd_notify(0, "WATCHDOG=1");
}

int notify_sockets(char ***take_names)
{
    *take_names = NULL;
    int count = sd_listen_fds_with_names(1, take_names);
    return count > 0 ? count : 0;
}

_Static_assert(NOTIFY_SOCKETS_FIRST == SD_LISTEN_FDS_START, "where they begin");
