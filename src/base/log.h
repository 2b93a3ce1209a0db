/* log.h - levelled lines on standard output, with date and year; safe from any thread.
 *
 * A line is one write(2) of at most LOG_LINE_BYTES_MAX bytes; bytes outside printable ASCII are
 * written as \xNN, so nothing a client sends reaches a terminal raw. Under systemd's journal
 * (JOURNAL_STREAM is set) the date is left out and a <N> priority goes in front.
 * No call waits for the reader: a line that standard output does not take at once is lost and
 * counted (METRIC_LOG_LOST). */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_BYTES_MAX 1024

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are not written. Call before threads start, or at a reload. */
void log_level_set(enum log_level level);
bool log_is_enabled(enum log_level level);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Errors are copied to `buffer` as well, one behind the other, as far as there is room; NULL: no more. It
 * stays the caller's, who reads it when he has taken it back. */
void log_errors_copy(char *buffer, size_t size);

/* For lines that a client can cause: at most one line per second and call site; how many were
 * left out is told by the next one and counted (METRIC_LOG_SUPPRESSED). */
struct log_throttle {
    _Atomic uint64_t next_ms;
    _Atomic uint32_t suppressed;
};
bool log_throttle_pass(struct log_throttle *t, uint32_t *suppressed);

#define log_limited(level, ...)                                                                    \
    do {                                                                                           \
        static struct log_throttle throttle_;                                                      \
        uint32_t suppressed_;                                                                      \
        if (log_is_enabled(level) && log_throttle_pass(&throttle_, &suppressed_)) {                \
            if (suppressed_)                                                                       \
                log_line(level, "(%u like the next line were left out)", suppressed_);             \
            log_line(level, __VA_ARGS__);                                                          \
        }                                                                                          \
    } while (0)

#endif
