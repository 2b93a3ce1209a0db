/* base_log.c - a log line is one printable line: date, level, text. */
#include "unit.h"

#include "base/log.h"
#include "base/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int stdout_fd, pipe_fds[2];

/* Standard output is a pipe while lines are written, and the test's again to report. */
static void capture_start(void)
{
    fflush(stdout);
    stdout_fd = dup(STDOUT_FILENO);
    assert_int_equal(pipe2(pipe_fds, O_NONBLOCK | O_CLOEXEC), 0);
    assert_true(dup2(pipe_fds[1], STDOUT_FILENO) >= 0);
}

static const char *capture_end(void)
{
    static char text[8192];
    dup2(stdout_fd, STDOUT_FILENO);
    ssize_t n = read(pipe_fds[0], text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    close(stdout_fd);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return text;
}

#define LOGGED(...) (capture_start(), log_line(__VA_ARGS__), capture_end())

/* Behind "2026-01-31 23:59:59.999 level ". */
static const char *text_of(const char *line)
{
    static const char SHAPE[] = "9999-99-99 99:99:99.999 ";
    for (size_t i = 0; i < sizeof SHAPE - 1; i++) {
        if (SHAPE[i] == '9') assert_in_range(line[i], '0', '9');
        else assert_int_equal(line[i], SHAPE[i]);
    }
    return line + sizeof SHAPE - 1;
}

static int without_journal(void **state)
{
    (void)state;
    unsetenv("JOURNAL_STREAM");
    log_level_set(LOG_INFO);
    return 0;
}

static void a_line_has_date_level_and_text(void **state)
{
    (void)state;
    assert_string_equal(text_of(LOGGED(LOG_INFO, "port %d", 6969)), "info  port 6969\n");
    assert_string_equal(text_of(LOGGED(LOG_ERROR, "x")), "error x\n");
    assert_string_equal(text_of(LOGGED(LOG_WARN, "x")), "warn  x\n");
    assert_in_range(strtol(LOGGED(LOG_INFO, "x"), NULL, 10), 2020, 2200);
}

static void lines_above_the_level_are_left_out(void **state)
{
    (void)state;
    assert_string_equal(LOGGED(LOG_DEBUG, "x"), "");
    log_level_set(LOG_DEBUG);
    assert_true(log_is_enabled(LOG_DEBUG));
    assert_string_equal(text_of(LOGGED(LOG_DEBUG, "x")), "debug x\n");
    log_level_set(LOG_ERROR);
    assert_string_equal(LOGGED(LOG_WARN, "x"), "");
}

static void nothing_reaches_a_terminal_raw(void **state)
{
    (void)state;
    assert_string_equal(text_of(LOGGED(LOG_INFO, "%s", "a\x1b[2J\r\nb\x7f\t")), /* AU29, AH70 */
                        "info  a\\x1b[2J\\x0d\\x0ab\\x7f\\x09\n");
    assert_string_equal(text_of(LOGGED(LOG_INFO, "%s",
                                       "\x9b"
                                       "1m \xc2\x9b \xff")),
                        "info  \\x9b1m \\xc2\\x9b \\xff\n");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const char *line = LOGGED(LOG_INFO, "%s", text);
    assert_in_range(strlen(line), LOG_LINE_BYTES_MAX - 16, LOG_LINE_BYTES_MAX);
    assert_int_equal(line[strlen(line) - 1], '\n');
    memset(text, '\n', sizeof text - 1); /* each takes four bytes */
    line = LOGGED(LOG_INFO, "%s", text);
    assert_in_range(strlen(line), LOG_LINE_BYTES_MAX - 16, LOG_LINE_BYTES_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* A reader that stalls loses lines; nobody waits for it. */
static void a_full_pipe_is_not_waited_for(void **state)
{
    (void)state;
    capture_start();
    fcntl(pipe_fds[1], F_SETFL, 0); /* write() would wait */
    fcntl(pipe_fds[1], F_SETPIPE_SZ, 4096);
    uint64_t lost = metrics_sum(METRIC_LOG_LOST);
    alarm(10);
    for (int i = 0; i < 1000; i++)
        log_line(LOG_INFO, "line %d", i);
    alarm(0);
    lost = metrics_sum(METRIC_LOG_LOST) - lost;
    const char *text = capture_end();
    assert_non_null(strstr(text, "line 0\n"));
    assert_in_range(lost, 800, 999);
}

static void the_journal_gets_a_priority_and_no_date(void **state)
{
    (void)state;
    setenv("JOURNAL_STREAM", "8:1", 1);
    assert_string_equal(LOGGED(LOG_WARN, "x"), "<4>x\n");
    assert_string_equal(LOGGED(LOG_ERROR, "x"), "<3>x\n");
    unsetenv("JOURNAL_STREAM");
}

static void limited_lines_come_once_a_second(void **state)
{
    (void)state;
    uint64_t before = metrics_sum(METRIC_LOG_SUPPRESSED);
    capture_start();
    for (int i = 0; i < 100; i++)
        log_limited(LOG_WARN, "bad packet %d", i);
    const char *line = text_of(capture_end());
    assert_string_equal(line, "warn  bad packet 0\n");
    assert_int_equal(metrics_sum(METRIC_LOG_SUPPRESSED), before + 99);
}

static void the_next_line_tells_what_was_left_out(void **state)
{
    (void)state;
    struct log_throttle throttle = {0};
    uint32_t suppressed = 77;
    assert_true(log_throttle_pass(&throttle, &suppressed));
    assert_int_equal(suppressed, 0);
    for (int i = 0; i < 3; i++)
        assert_false(log_throttle_pass(&throttle, &suppressed));
    throttle.next_ms = 0; /* a second later */
    assert_true(log_throttle_pass(&throttle, &suppressed));
    assert_int_equal(suppressed, 3);
}

static void errors_can_be_had_a_second_time(void **state)
{
    (void)state;
    char text[24];
    log_errors_copy(text, sizeof text);
    assert_string_equal(text, "");
    LOGGED(LOG_ERROR, "first");
    LOGGED(LOG_WARN, "no error");
    LOGGED(LOG_ERROR, "%s", "second");
    assert_string_equal(text, "first; second");
    for (int i = 0; i < 3; i++)
        LOGGED(LOG_ERROR, "too long for the room");
    assert_string_equal(text, "first; second; too long");
    log_errors_copy(NULL, 0);
    LOGGED(LOG_ERROR, "later");
    assert_string_equal(text, "first; second; too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_has_date_level_and_text, without_journal),
        cmocka_unit_test_setup(lines_above_the_level_are_left_out, without_journal),
        cmocka_unit_test_setup(nothing_reaches_a_terminal_raw, without_journal),
        cmocka_unit_test_setup(long_lines_are_cut, without_journal),
        cmocka_unit_test_setup(a_full_pipe_is_not_waited_for, without_journal),
        cmocka_unit_test_setup(the_journal_gets_a_priority_and_no_date, without_journal),
        cmocka_unit_test_setup(limited_lines_come_once_a_second, without_journal),
        cmocka_unit_test_setup(the_next_line_tells_what_was_left_out, without_journal),
        cmocka_unit_test_setup(errors_can_be_had_a_second_time, without_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
