/* app_settings_save.c - values go back into a configuration file that somebody wrote by hand: comments,
 * order and layout stay, and what cannot be written so that it is read back is refused. */
#include "unit.h"

#include "app/settings_save.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct settings settings;
static bool rows[OPTIONS_MAX];
static struct option_error error;
static char *text;

static int reset(void **state)
{
    (void)state;
    settings_default(&settings);
    memset(rows, 0, sizeof rows);
    memset(&error, 0, sizeof error);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static void set(const char *name, const char *value)
{
    const struct option_row *row = option_find(view_of_text(name));
    assert_non_null(row);
    if (row->list) settings.origin[row - OPTIONS].source = SOURCE_DEFAULT;
    struct option_origin live = {.source = SOURCE_LIVE};
    assert_int_equal(option_set(&settings, row, view_of_text(value), live, name, &error), ERR_OK);
    rows[row - OPTIONS] = true;
}

static enum err save(const char *old)
{
    size_t bytes;
    free(text);
    return settings_save_text(view_of_text(old), "a.conf", &settings, rows, &text, &bytes, &error);
}

static void assert_saved(const char *old, const char *new)
{
    if (save(old) != ERR_OK) fail_msg("%s", error.text);
    assert_string_equal(text, new);
}

static void a_value_is_changed_in_its_line(void **state)
{
    (void)state;
    set("interval", "10m");
    set("numwant", "20");
    assert_saved("# mine\n[a]\n  interval=30m\t; half an hour\nport = 7000 ; p\nnumwant : 5\n",
                 "# mine\n[a]\n  interval=10m\t; half an hour\nport = 7000 ; p\nnumwant : 20\n");
    assert_saved("interval=1m\nnumwant=7", "interval=10m\nnumwant=20\n");
    assert_saved("interval = 30m\r\nnumwant = 7 \r\n", "interval = 10m\r\nnumwant = 20 \r\n");
}

static void a_value_may_have_been_empty(void **state)
{
    (void)state;
    set("passkey", "key");
    assert_saved("passkey = ; none\n", "passkey = key ; none\n");
    assert_saved("passkey =\n", "passkey =key\n");
    set("passkey", "");
    assert_saved("passkey = key ; mine\n", "passkey =  ; mine\n");
}

static void a_name_may_be_an_alias(void **state)
{
    (void)state;
    set("timeout", "20s");
    assert_saved("socket-timeout = 5\n", "socket-timeout = 20s\n");
}

static void a_new_value_goes_to_its_sample(void **state)
{
    (void)state;
    set("interval", "10m");
    assert_saved(
        "# interval: see below\n# (1s..3h)\n#interval = 1799\n\n#numwant = 50\n",
        "# interval: see below\n# (1s..3h)\n#interval = 1799\ninterval = 10m\n\n#numwant = 50\n");
    assert_saved("#interval = 1\n#interval = 2\n",
                 "#interval = 1\ninterval = 10m\n#interval = 2\n");
    assert_saved("#interval = 1\ninterval = 5m\n", "#interval = 1\ninterval = 10m\n");
    assert_saved("#interval = 1", "#interval = 1\ninterval = 10m\n");
}

static void a_new_value_goes_to_the_end(void **state)
{
    (void)state;
    set("interval", "10m");
    set("keep_alive", "no");
    assert_saved("", "interval = 10m\nkeep_alive = no\n");
    assert_saved("# only this", "# only this\ninterval = 10m\nkeep_alive = no\n");
    assert_saved("numwant = 5", "numwant = 5\ninterval = 10m\nkeep_alive = no\n");
}

static void a_list_stands_in_one_line_or_many(void **state)
{
    (void)state;
    set("trusted_proxies", "10.0.0.0/8,192.0.2.1");
    assert_saved("trusted_proxies = 127.0.0.1\n  172.16.0.0/12\n\n  ::1\n# next\nnumwant = 5\n"
                 "trusted_proxies = 192.0.2.9\n",
                 "trusted_proxies = 10.0.0.0/8,192.0.2.1\n\n# next\nnumwant = 5\n");
    char value[4000] = "", *end = value;
    for (int i = 0; i < 100; i++)
        end += snprintf(end, 40, "%s10.1.%d.0/24", i ? "," : "", i);
    set("trusted_proxies", value);
    assert_int_equal(save("trusted_proxies = 127.0.0.1 ; us\nnumwant = 5\n"), ERR_OK);
    assert_non_null(strstr(text, "trusted_proxies = 10.1.0.0/24 ; us\n"));
    assert_non_null(strstr(text, "\ntrusted_proxies = 10.1.99.0/24\nnumwant = 5\n"));
    set("trusted_proxies", "");
    assert_saved("trusted_proxies = 127.0.0.1 ; us\n", "trusted_proxies =  ; us\n");
}

static void every_live_option_can_be_saved(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        rows[i] = OPTIONS[i].reload == RELOAD_LIVE;
    assert_int_equal(save("# nothing\n"), ERR_OK);
    char *once = strdup(text);
    assert_saved(once, once);
    free(once);
}

static void the_sample_file_takes_every_live_option(void **state)
{
    (void)state;
    char *sample = NULL;
    size_t bytes;
    FILE *out = open_memstream(&sample, &bytes);
    options_print_sample(out);
    fclose(out);
    set("interval", "10m");
    set("mode", "info");
    assert_int_equal(save(sample), ERR_OK);
    assert_non_null(strstr(text, "\n#interval = 1799\ninterval = 10m\n"));
    assert_non_null(strstr(text, "\n#mode = tracker\nmode = info\n"));
    assert_int_equal(strlen(text), bytes + strlen("interval = 10m\nmode = info\n"));
    free(sample);
}

static void what_cannot_be_read_back_is_refused(void **state)
{
    (void)state;
    set("interval", "10m");
    assert_int_equal(save("numwant = banana\n"), ERR_BAD_VALUE);
    assert_non_null(strstr(error.text, "a.conf:1: numwant"));
    assert_null(text);
    reset(state);
    set("config", "/a ;b");
    assert_int_equal(save(""), ERR_BAD_VALUE);
}

/* ---- the file ---- */

static char path[64], folder[32];

static void write_file(const char *bytes, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(bytes, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void assert_file(const char *at, const char *want)
{
    char got[512] = "";
    FILE *f = fopen(at, "r");
    assert_non_null(f);
    got[fread(got, 1, sizeof got - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(got, want);
}

static enum err save_file(const char *const *arguments)
{
    struct option_sources sources = {.arguments = arguments,
                                     .environment = (const char *const[]){NULL}};
    return settings_save(&settings, &sources, rows, &error);
}

static void the_file_keeps_mode_and_link(void **state)
{
    (void)state;
    struct stat st;
    char link[80];
    size_t interval = (size_t)(option_find(VIEW("interval")) - OPTIONS);
    snprintf(folder, sizeof folder, "/tmp/muster-unit-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/a.conf", folder);
    snprintf(link, sizeof link, "%s/link.conf", folder);
    write_file("# mine\ninterval = 30m\n", 0640);
    assert_int_equal(symlink(path, link), 0);
    snprintf(settings.config.app.config_file, CONFIG_PATH_BYTES_MAX, "%s", link);

    set("interval", "10m");
    const char *arguments[] = {"--config", link, NULL, NULL};
    assert_int_equal(save_file(arguments), ERR_OK);
    assert_file(path, "# mine\ninterval = 10m\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(lstat(link, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(settings.origin[interval].source, SOURCE_FILE);
    assert_int_equal(settings.origin[interval].line, 2);

    set("interval", "15m");
    arguments[2] = "--interval=20m"; /* wins over the file: what was set stays set live */
    assert_int_equal(save_file(arguments), ERR_OK);
    assert_file(path, "# mine\ninterval = 15m\n");
    assert_int_equal(settings.origin[interval].source, SOURCE_LIVE);

    unlink(path);
    assert_int_equal(save_file(arguments), ERR_BAD_VALUE);
    assert_non_null(strstr(error.text, link));
    unlink(link);
    assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

static void without_a_file_the_error_says_how(void **state)
{
    (void)state;
    set("interval", "10m");
    assert_int_equal(save_file((const char *const[]){NULL}), ERR_BAD_VALUE);
    assert_non_null(strstr(error.text, "--config"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_value_is_changed_in_its_line),
        TEST(a_value_may_have_been_empty),
        TEST(a_name_may_be_an_alias),
        TEST(a_new_value_goes_to_its_sample),
        TEST(a_new_value_goes_to_the_end),
        TEST(a_list_stands_in_one_line_or_many),
        TEST(every_live_option_can_be_saved),
        TEST(the_sample_file_takes_every_live_option),
        TEST(what_cannot_be_read_back_is_refused),
        TEST(the_file_keeps_mode_and_link),
        TEST(without_a_file_the_error_says_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
