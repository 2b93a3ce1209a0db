/* log.c - see log.h.
 *
 * Lost lines   standard output is often a pipe, and its reader may stall. A worker that waits for it
 *              would serve nobody, so a line is written only while the output takes it at once.
 *              After poll() a pipe has a page of room, which one line never fills; the lock keeps
 *              another thread from taking it in between.
 * Rejected     O_NONBLOCK: it belongs to the open file, which is our parent's too. */
#include "base/log.h"

#include "base/clock.h"
#include "base/lock.h"
#include "base/metrics.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const NAMES[] = {"error", "warn", "info", "debug"};
static const char PRIORITIES[] = {'3', '4', '6', '7'}; /* syslog's numbers */

static _Atomic int level_max = LOG_INFO;
static struct lock writing;

/* Under the lock. */
static struct {
    char *text;
    size_t used, size;
} copy;

void log_level_set(enum log_level level)
{
    level_max = (int)level;
}

bool log_is_enabled(enum log_level level)
{
    return (int)level <= level_max;
}

bool log_throttle_pass(struct log_throttle *t, uint32_t *suppressed)
{
    uint64_t now_ms = clock_now_ms(), next_ms = atomic_load(&t->next_ms);
    if (now_ms < next_ms || !atomic_compare_exchange_strong(&t->next_ms, &next_ms, now_ms + 1000)) {
        atomic_fetch_add(&t->suppressed, 1);
        metrics_inc(METRIC_LOG_SUPPRESSED);
        return false;
    }
    *suppressed = atomic_exchange(&t->suppressed, 0);
    return true;
}

static size_t prefix_write(char *line, size_t size, enum log_level level)
{
    if (getenv("JOURNAL_STREAM")) return (size_t)snprintf(line, size, "<%c>", PRIORITIES[level]);
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    size_t n = strftime(line, size, "%Y-%m-%d %H:%M:%S", &local);
    return n + (size_t)snprintf(line + n, size - n, ".%03ld %-5s ", now.tv_nsec / 1000000,
                                NAMES[level]);
}

/* Copy `text`, writing what is not printable as \xNN; returns the bytes written. */
static size_t text_escape(char *out, size_t size, const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 5 < size; p++) {
        if (*p >= 0x20 && *p < 0x7f) out[n++] = (char)*p;
        else n += (size_t)snprintf(out + n, size - n, "\\x%02x", *p);
    }
    return n;
}

static void line_write(const char *line, size_t bytes)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    lock_take(&writing);
    bool takes_it = poll(&out, 1, 0) == 1 && out.revents & POLLOUT;
    if (!takes_it || write(STDOUT_FILENO, line, bytes) < 0) metrics_inc(METRIC_LOG_LOST);
    lock_release(&writing);
}

void log_errors_copy(char *buffer, size_t size)
{
    lock_take(&writing);
    copy.text = buffer;
    copy.used = 0;
    copy.size = size;
    if (size) buffer[0] = '\0';
    lock_release(&writing);
}

static void error_copy(const char *text)
{
    lock_take(&writing);
    size_t room = copy.size - copy.used;
    int wanted =
        room ? snprintf(copy.text + copy.used, room, "%s%s", copy.used ? "; " : "", text) : 0;
    if (wanted > 0) copy.used += (size_t)wanted < room ? (size_t)wanted : room - 1;
    lock_release(&writing);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_is_enabled(level)) return;
    char text[LOG_LINE_BYTES_MAX], line[LOG_LINE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (level == LOG_ERROR) error_copy(text);
    size_t n = prefix_write(line, sizeof line, level);
    n += text_escape(line + n, sizeof line - n - 1, text);
    line[n++] = '\n';
    line_write(line, n);
}
