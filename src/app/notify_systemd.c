/* notify_systemd.c - see notify.h; in its place notify_none.c, where libsystemd is not built in.
 *
 * Late     the library is loaded where a service manager started us, and nowhere else: it brings six
 *          more, a megabyte of resident memory that most would have for nothing, and their code. The
 *          first call is before the sandbox, which lets no library be opened. */
#include "app/notify.h"

#include "base/clock.h"
#include "base/log.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define STATUS_BYTES_MAX 256
#define LIBRARY          "libsystemd.so.0"

/* What a manager says to those that it starts. */
static bool has_manager(void)
{
    return getenv("NOTIFY_SOCKET") || getenv("LISTEN_FDS") || getenv("WATCHDOG_USEC");
}

/* A function of the library; NULL where there is no manager or no such library. */
static void *function(const char *name)
{
    void *library = has_manager() ? dlopen(LIBRARY, RTLD_NOW) : NULL; /* once; then only counted */
    return library ? dlsym(library, name) : NULL;
}

static void tell(const char *state)
{
    __typeof__(sd_notify) *notify = function("sd_notify");
    if (notify) notify(0, state);
}

bool notify_is_heard(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");
    return socket && *socket;
}

void notify_ready(void)
{
    if (notify_is_heard() && !function("sd_notify"))
        log_line(LOG_WARN, "the service manager cannot be told anything: there is no %s", LIBRARY);
    tell("READY=1");
}

/* The time tells a manager that has asked for the reload which of several this is. */
void notify_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_us());
    tell(text);
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

void notify_mainpid(pid_t pid)
{
    char text[32];
    snprintf(text, sizeof text, "MAINPID=%ld", (long)pid);
    tell(text);
}

void notify_status(const char *format, ...)
{
    char text[STATUS_BYTES_MAX] = "STATUS=";
    const size_t len = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + len, sizeof text - len, format, args);
    va_end(args);
    tell(text);
}

uint64_t notify_watchdog_us(void)
{
    __typeof__(sd_watchdog_enabled) *enabled = function("sd_watchdog_enabled");
    uint64_t us = 0;
    return enabled && enabled(0, &us) > 0 ? us : 0;
}

void notify_alive(void)
{
    tell("WATCHDOG=1");
}

int notify_sockets(char ***take_names)
{
    __typeof__(sd_listen_fds_with_names) *listen_fds = function("sd_listen_fds_with_names");
    *take_names = NULL;
    int count = listen_fds ? listen_fds(1, take_names) : 0;
    return count > 0 ? count : 0;
}

_Static_assert(NOTIFY_SOCKETS_FIRST == SD_LISTEN_FDS_START, "where they begin");
