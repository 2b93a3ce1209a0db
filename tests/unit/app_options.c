/* app_options.c - the rows are sound, every type is read and printed, sources win in order, errors
 * say where and what, and what is printed can be read again. */
#include "unit.h"

#include "app/options.h"

#include <stdio.h>
#include <stdlib.h>

static struct settings settings; /* large, and reset by every test */
static struct option_error error;

static int reset(void **state)
{
    (void)state;
    settings_default(&settings);
    memset(&error, 0, sizeof error);
    return 0;
}

static struct view text_view(const char *text)
{
    return view_of(text, strlen(text));
}

static const struct option_row *row_of(const char *name)
{
    const struct option_row *row = option_find(text_view(name));
    assert_non_null(row);
    return row;
}

static enum err set(const char *name, const char *value)
{
    struct option_origin origin = {.source = SOURCE_COMMAND_LINE};
    return option_set(&settings, row_of(name), text_view(value), origin, name, &error);
}

#define ARGUMENTS(...)                                                                             \
    settings_read_arguments(&settings, (const char *[]){__VA_ARGS__, NULL}, &error)
#define VARIABLES(...)                                                                             \
    settings_read_environment(&settings, (const char *[]){__VA_ARGS__, NULL}, &error)

static enum err read_text(const char *text)
{
    return settings_read_file_text(&settings, text_view(text), "a.conf", &error);
}

static void assert_value(const char *name, const char *value)
{
    char text[OPTION_VALUE_BYTES_MAX];
    option_print(&settings.config, row_of(name), text);
    assert_string_equal(text, value);
}

static void assert_error(const char *part)
{
    if (!strstr(error.text, part)) fail_msg("\"%s\" is not in \"%s\"", part, error.text);
}

/* ---- rows ---- */

static void every_row_is_complete(void **state)
{
    (void)state;
    assert_true(OPTION_COUNT > 50);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char range[OPTION_RANGE_BYTES_MAX];
        assert_non_null(row->dflt);
        assert_true(strlen(row->help) > 8 && strlen(row->help) < 80);
        assert_true(row->size > 0 && row->at + row->size <= sizeof(struct config));
        assert_true(row->type == OPT_FLAG || row->value);
        assert_true(row->type != OPT_TIME || row->unit_ms);
        assert_true(row->type != OPT_TEXT || (row->may_hold && row->range));
        assert_true(row->type != OPT_LIST || (row->list && row->range));
        assert_true(row->type != OPT_CHOICE || row->choices);
        assert_true(row->min <= row->max);
        option_range_print(row, range);
        assert_true(strlen(range) >= 3 && strlen(range) + 1 < sizeof range);
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        assert_ptr_equal(option_find(text_view(row->name)), row);
        for (int k = 0; k < OPTION_NAMES_MAX - 1; k++)
            if (row->aliases[k]) assert_ptr_equal(option_find(text_view(row->aliases[k])), row);
        if (row->short_name) assert_ptr_equal(option_find_short(row->short_name), row);
        if (row->short_alias) assert_ptr_equal(option_find_short(row->short_alias), row);
        assert_true(row->short_name != 'h' && row->short_name != 'V');
    }
}

static void fields_do_not_overlap(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        for (size_t k = i + 1; k < OPTION_COUNT; k++)
            assert_true(OPTIONS[i].at + OPTIONS[i].size <= OPTIONS[k].at ||
                        OPTIONS[k].at + OPTIONS[k].size <= OPTIONS[i].at);
}

static void ends_of_ranges_fit_their_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        if (row->type != OPT_INT && row->type != OPT_SIZE && row->type != OPT_TIME) continue;
        const char *unit = row->type == OPT_TIME ? "ms" : "";
        uint64_t ends[] = {row->min, row->max};
        for (int k = 0; k < 2; k++) {
            char value[40], printed[OPTION_VALUE_BYTES_MAX], again[OPTION_VALUE_BYTES_MAX];
            snprintf(value, sizeof value, "%llu%s", (unsigned long long)ends[k], unit);
            assert_int_equal(set(row->name, value), ERR_OK);
            option_print(&settings.config, row, printed);
            assert_int_equal(set(row->name, printed), ERR_OK);
            option_print(&settings.config, row, again);
            assert_string_equal(printed, again);
        }
    }
}

static void short_names_are_etrackers_documents(void **state)
{
    (void)state;
    assert_string_equal(option_find_short('e')->name, "timeout");
    assert_string_equal(option_find_short('m')->name, "max_peers_per_response");
    static const char *const NAMES[] = {
        "keep-alive",   "keep",
        "max-load-avg", "socket-timeout",
        "failed",       "max-peers-per-response",
        "peers",        "x-forwarded-for",
        "charset",      "locale",
        "nofile",       "core",
        "no-tcp",       "no-udp",
        "no-locations", "port",
        "interval",     "workers",
        "timeout",      "min-interval",
        "max-interval",
    };
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        assert_non_null(option_find(text_view(NAMES[i])));
    for (const char *c = "piwktamefx"; *c; c++)
        assert_non_null(option_find_short(*c));
}

/* ---- types ---- */

static void types_are_read(void **state)
{
    (void)state;
    struct config *c = &settings.config;
    assert_int_equal(set("port", "65535"), ERR_OK);
    assert_int_equal(c->app.port, 65535);
    assert_int_equal(set("keep_alive", "off"), ERR_OK);
    assert_false(c->http.keep_alive);
    assert_int_equal(set("max_memory", "2G"), ERR_OK);
    assert_int_equal(c->swarm.memory_bytes_max, 2ull << 30);
    assert_int_equal(set("timeout", "1500ms"), ERR_OK);
    assert_int_equal(c->http.timeout_ms, 1500);
    assert_int_equal(set("interval", "30m"), ERR_OK);
    assert_int_equal(c->tracker.interval.start_s, 1800);
    assert_int_equal(set("max_load_avg", "0.25"), ERR_OK);
    assert_true(c->tracker.interval.load_max == 0.25);
    assert_int_equal(set("log_level", "debug"), ERR_OK);
    assert_int_equal(c->app.log_level, LOG_DEBUG);
    assert_int_equal(set("core", "-1"), ERR_OK);
    assert_int_equal(c->app.core, -1);
    assert_int_equal(set("core", "unchanged"), ERR_OK);
    assert_true(c->app.core == LIMIT_UNCHANGED);
    assert_int_equal(set("passkey", "a_B-9"), ERR_OK);
    assert_string_equal(c->tracker.passkey, "a_B-9");
}

static void lists_are_read(void **state)
{
    (void)state;
    assert_int_equal(set("trusted_proxies", " 10.0.0.0/8 ,2001:db8::/32,"), ERR_OK);
    assert_value("trusted_proxies", "10.0.0.0/8,2001:db8::/32");
    assert_int_equal(set("trusted_proxies", "192.0.2.1"), ERR_OK); /* same source: appended */
    assert_value("trusted_proxies", "10.0.0.0/8,2001:db8::/32,192.0.2.1");
    assert_int_equal(set("trusted_proxies", "192.0.2.2,x"), ERR_BAD_ADDRESS);
    assert_value("trusted_proxies", "10.0.0.0/8,2001:db8::/32,192.0.2.1");
    assert_int_equal(set("listen", "udp://[::1]:7000,127.0.0.1,8000"), ERR_OK);
    assert_value("listen", "udp://[::1]:7000,127.0.0.1,8000");
    for (int i = 0; i < LISTEN_MAX - 3; i++)
        assert_int_equal(set("listen", "tcp+proxy://[::1]:7000"), ERR_OK);
    assert_int_equal(set("listen", "127.0.0.1"), ERR_FULL);
}

/* Each type of item, and the word for none: as it is written, and as it is printed. */
static void every_kind_of_list_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *printed;
        enum err err;
    } CASES[] = {
        {"listen", "tcp://80", "tcp://80", ERR_OK},
        {"rate_exempt", "192.0.2.1/32, ::/0", "192.0.2.1,::/0", ERR_OK},
        {"allow_ips", "/a, /b c", "/a,/b c", ERR_OK},
        {"deny_ports", "1-1023,6881,7-7", "1-1023,6881,7", ERR_OK},
        {"deny_ports", "9-8", "", ERR_BAD_VALUE},
        {"deny_ports", "0", "", ERR_OUT_OF_RANGE},
        {"admin_listen", "8000,[::1],192.0.2.1:7", "127.0.0.1:8000,[::1]:6970,192.0.2.1:7", ERR_OK},
        {"admin_listen", "off", "off", ERR_OK},
        {"admin_listen", "off,8000", "127.0.0.1:6970", ERR_BAD_VALUE},
        {"admin_listen", "8000,off", "127.0.0.1:6970", ERR_BAD_VALUE},
        {"admin_listen", "udp://8000", "127.0.0.1:6970", ERR_BAD_VALUE},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        settings_default(&settings);
        assert_int_equal(set(CASES[i].name, CASES[i].text), CASES[i].err);
        assert_value(CASES[i].name, CASES[i].printed);
    }
}

static void errors_name_option_value_and_range(void **state)
{
    (void)state;
    static const char *const CASES[][3] = {
        {"port", "70000", "port: \"70000\": out of range (allowed: 1..65535)"},
        {"port", "http", "port: \"http\": not a number (allowed: 1..65535)"},
        {"port", "", "port: \"\": not a number (allowed: 1..65535)"},
        {"port", "0", "out of range"},
        {"keep_alive", "maybe", "keep_alive: \"maybe\": bad value (allowed: yes or no)"},
        {"max_memory", "1M", "max_memory: \"1M\": out of range (allowed: 16M..16G; 0: 3/4"},
        {"max_memory", "1X", "unknown unit"},
        {"timeout", "11m", "timeout: \"11m\": out of range (allowed: 1s..10m)"},
        {"interval", "1500ms", "(allowed: 1s..3h in whole seconds)"},
        {"max_load_avg", "-1", "(allowed: 0..10000; 0: CPUs - 0.5)"},
        {"max_load_avg", "10001", "out of range"},
        {"log_level", "loud", "(allowed: error, warn, info or debug)"},
        {"nofile", "-2", "(allowed: 0 or more, -1 for the hard limit, or unchanged)"},
        {"passkey", "a/b",
         "\"(not shown)\": bad value (allowed: letters, digits, _ and -, at most 64"},
        {"real_ip_header", "X Forwarded", "real_ip_header: \"X Forwarded\": bad value"},
        {"trusted_proxies", "10.0.0.1/8", "trusted_proxies: \"10.0.0.1/8\": bad value"},
        {"listen", "example.org", "listen: \"example.org\": not an address (allowed: [udp://"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_not_equal(set(CASES[i][0], CASES[i][1]), ERR_OK);
        assert_error(CASES[i][2]);
    }
    char long_key[80];
    memset(long_key, 'k', sizeof long_key);
    struct option_origin origin = {.source = SOURCE_COMMAND_LINE};
    assert_int_equal(option_set(&settings, row_of("passkey"), view_of(long_key, 65), origin,
                                "--passkey", &error),
                     ERR_OUT_OF_RANGE);
    assert_value("passkey", "");
}

/* ---- command line ---- */

static void arguments_have_many_spellings(void **state)
{
    (void)state;
    assert_int_equal(ARGUMENTS("--port", "80", "--max-peers=9", "-w3", "-kt", "7", "--no-scrape",
                               "--no_external_ip", "--no-tcp", "-a", "0.5", "--core", "-1"),
                     ERR_OK);
    assert_value("port", "80");
    assert_value("max_peers", "9");
    assert_value("workers", "3");
    assert_value("keep_alive", "yes");
    assert_value("timeout", "7s");
    assert_value("scrape", "no");
    assert_value("external_ip", "no");
    assert_value("no_tcp", "yes");
    assert_value("max_load_avg", "0.5");
    assert_value("core", "-1");
    assert_int_equal(ARGUMENTS("--port", "81"), ERR_OK);
    assert_value("port", "81");
}

static void etrackers_run_script_works(void **state)
{
    (void)state;
    assert_int_equal(ARGUMENTS("-p", "6969", "-i", "300", "--min-interval", "300", "-e", "300",
                               "-k", "--nofile", "64000", "--core", "-1", "--charset", "utf-8",
                               "--locale", "en_US.UTF-8", "-f", "2", "-a", "0.5"),
                     ERR_OK);
    assert_value("timeout", "5m");
    assert_value("failed", "2");
    assert_value("nofile", "64000");
    assert_value("locale", "en_US.UTF-8");
}

static void positional_form_is_sc6s(void **state)
{
    (void)state;
    assert_int_equal(ARGUMENTS("8000", "600"), ERR_OK);
    assert_value("port", "8000");
    assert_value("interval", "10m");
    assert_int_equal(ARGUMENTS("8001", "--no-udp"), ERR_OK);
    assert_value("port", "8001");
    assert_int_not_equal(ARGUMENTS("0"), ERR_OK);
    assert_error("port: \"0\": out of range (allowed: 1..65535)");
    assert_int_not_equal(ARGUMENTS("8000", "99999999"), ERR_OK);
    assert_error("interval: \"99999999\": out of range (allowed: 1s..3h");
    assert_int_not_equal(ARGUMENTS("1", "2", "3"), ERR_OK);
    assert_error("unexpected argument \"3\"");
    assert_int_not_equal(ARGUMENTS("serve"), ERR_OK);
    assert_error("unexpected argument \"serve\"");
    assert_int_not_equal(ARGUMENTS("-"), ERR_OK);
}

static void wrong_arguments_are_explained(void **state)
{
    (void)state;
    assert_int_not_equal(ARGUMENTS("--prot", "80"), ERR_OK);
    assert_error("unknown option --prot; did you mean --port?");
    assert_int_not_equal(ARGUMENTS("--max-peer-per-response=1"), ERR_OK);
    assert_error("did you mean --max-peers-per-response?");
    assert_int_not_equal(ARGUMENTS("--zzzzzzzzzzzz"), ERR_OK);
    assert_error("unknown option --zzzzzzzzzzzz (see muster --help)");
    assert_int_not_equal(ARGUMENTS("-Z"), ERR_OK);
    assert_error("unknown option -Z");
    assert_int_not_equal(ARGUMENTS("--port"), ERR_OK);
    assert_error("--port: a value is missing (allowed: 1..65535)");
    assert_int_not_equal(ARGUMENTS("-p"), ERR_OK);
    assert_error("-p: a value is missing (allowed: 1..65535)");
    assert_int_not_equal(ARGUMENTS("-p70000"), ERR_OK);
    assert_error("-p: \"70000\": out of range (allowed: 1..65535)");
    assert_int_not_equal(ARGUMENTS("--no-port"), ERR_OK);
    assert_int_not_equal(ARGUMENTS("--no-scrape=yes"), ERR_OK);
    assert_error("--no-scrape: takes no value");
    assert_int_not_equal(ARGUMENTS("--"), ERR_OK);
}

/* ---- file ---- */

static void file_sets_options(void **state)
{
    (void)state;
    assert_int_equal(read_text("# a comment\n; another\n[network]\nport = 80 ; behind\n"
                               "max-peers=5\r\nlisten = 127.0.0.1\nlisten = ::1\nuser =\n"
                               "locale = ; nothing"),
                     ERR_OK);
    assert_value("port", "80");
    assert_value("max_peers", "5");
    assert_value("listen", "127.0.0.1,[::1]");
    assert_value("user", "");
    assert_value("locale", "");
    assert_int_equal(settings.origin[row_of("port") - OPTIONS].source, SOURCE_FILE);
    assert_int_equal(settings.origin[row_of("port") - OPTIONS].line, 4);
}

static void file_errors_have_lines(void **state)
{
    (void)state;
    static const char *const CASES[][2] = {
        {"\n\nport = x\n", "a.conf:3: port: \"x\": not a number (allowed: 1..65535)"},
        {"prot = 80\n", "a.conf:1: unknown option prot; did you mean port?"},
        {"port = 80\nport = 81\n", "a.conf:2: port is already set in line 1"},
        {"port = 80\nwhat is this\n", "a.conf:2: neither `name = value` nor [section]"},
        {"[open\nport = x", "a.conf:1: neither"},
        {"config = b.conf\n", "a.conf:1: config: a file cannot name another one"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        settings_default(&settings);
        assert_int_not_equal(read_text(CASES[i][0]), ERR_OK);
        assert_error(CASES[i][1]);
    }
    char line[6000];
    memset(line, 'x', sizeof line);
    memcpy(line, "port = 1", 8);
    line[sizeof line - 1] = '\0';
    assert_int_not_equal(read_text(line), ERR_OK);
    assert_error("a.conf:1: line too long");
    line[8] = ' ', line[9] = ';';
    assert_int_equal(read_text(line), ERR_OK);
    line[0] = '#';
    assert_int_equal(read_text(line), ERR_OK);
    assert_int_not_equal(
        settings_read_file_text(&settings, VIEW("\nport = 8\0001\n"), "a.conf", &error), ERR_OK);
    assert_error("a.conf:2: not a text file");
}

/* ---- sources ---- */

static void environment_sets_options(void **state)
{
    (void)state;
    assert_int_equal(VARIABLES("PORT=1234", "MUSTER_MAX_PEERS=7", "MUSTER_WORKERS=", "OTHER=1"),
                     ERR_OK);
    assert_value("port", "1234");
    assert_value("max_peers", "7");
    assert_value("workers", "0");
    assert_int_equal(VARIABLES("PORT=1234", "MUSTER_PORT=4321", "MUSTER_USER="), ERR_OK);
    assert_value("port", "4321");
    assert_value("user", "");
    assert_int_not_equal(VARIABLES("PORT=http"), ERR_OK);
    assert_error("PORT: \"http\": not a number (allowed: 1..65535)");
    assert_int_not_equal(VARIABLES("MUSTER_MAX_PEERS=x"), ERR_OK);
    assert_error("MUSTER_MAX_PEERS: \"x\"");
    const char *const odd[] = {"MUSTER_PORT=1", "MUSTER_PROT=2", "HOME=/", "MUSTER_X", NULL};
    size_t at = 0;
    assert_string_equal(settings_unknown_variable(odd, &at), "MUSTER_PROT=2");
    assert_string_equal(settings_unknown_variable(odd, &at), "MUSTER_X");
    assert_null(settings_unknown_variable(odd, &at));
}

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
}

static void later_sources_win(void **state)
{
    (void)state;
    char path[] = "/tmp/muster_options_XXXXXX";
    write_file(path, "port = 1\nworkers = 1\nnumwant = 1\nlisten = 127.0.0.1\n");
    struct option_sources sources = {
        .arguments = (const char *[]){"--config", path, "--port", "3", "--listen", "::1", NULL},
        .environment = (const char *[]){"MUSTER_PORT=2", "MUSTER_WORKERS=2", NULL},
    };
    assert_int_equal(settings_read(&settings, &sources, &error), ERR_OK);
    assert_value("port", "3");
    assert_value("workers", "2");
    assert_value("numwant", "1");
    assert_value("listen", "[::1]");
    assert_int_equal(settings.origin[row_of("port") - OPTIONS].source, SOURCE_COMMAND_LINE);
    assert_int_equal(settings.origin[row_of("workers") - OPTIONS].source, SOURCE_ENVIRONMENT);
    assert_int_equal(settings.origin[row_of("numwant") - OPTIONS].source, SOURCE_FILE);
    assert_int_equal(settings.origin[row_of("numwant") - OPTIONS].line, 3);
    assert_int_equal(settings.origin[row_of("backlog") - OPTIONS].source, SOURCE_DEFAULT);
    remove(path);
    assert_int_not_equal(settings_read(&settings, &sources, &error), ERR_OK);
    assert_error("cannot open: No such file");
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    static const char *const CASES[][6] = {
        {"--no-tcp", "--no-udp", NULL},
        {"--no-ipv4", "--no-ipv6", NULL},
        {"--max-interval", "60", NULL},
        {"-x", "X-Real-IP", "--trusted-proxies=", NULL},
        {"--listen", "::1", "--listen=udp://1.2.3.4", "--no-ipv6", "--no-udp", NULL},
    };
    static const char *const TEXTS[] = {
        "nothing would be served: no_tcp = yes, no_udp = yes",
        "no_ipv4 = yes, no_ipv6 = yes",
        "min_interval is larger than max_interval: min_interval = 5m, max_interval = 1m",
        "real_ip_header = X-Real-IP, trusted_proxies = ",
        "addresses to listen on",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct option_sources sources = {.arguments = CASES[i]};
        assert_int_not_equal(settings_read(&settings, &sources, &error), ERR_OK);
        assert_error(TEXTS[i]);
    }
    struct option_sources fine = {.arguments =
                                      (const char *[]){"--listen", "8000", "--no-ipv6", NULL}};
    assert_int_equal(settings_read(&settings, &fine, &error), ERR_OK);
}

/* ---- round trips ---- */

static char *printed(void (*print)(FILE *out, const struct settings *s))
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    print(f, &settings);
    fclose(f);
    return text;
}

static void print_sample(FILE *out, const struct settings *s)
{
    (void)s;
    options_print_sample(out);
}

static void assert_same_values(const struct config *a, const struct config *b)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[OPTION_VALUE_BYTES_MAX], right[OPTION_VALUE_BYTES_MAX];
        option_print(a, &OPTIONS[i], left);
        option_print(b, &OPTIONS[i], right);
        assert_string_equal(left, right);
    }
}

/* "#name = default" lines lose their mark; "# text" stays a comment. */
static void the_sample_file_says_the_defaults(void **state)
{
    (void)state;
    char *text = printed(print_sample);
    unsigned lines = 0;
    for (char *c = text; c && *c; c = strchr(c, '\n'), c = c ? c + 1 : NULL) {
        if (c[0] != '#' || c[1] == ' ') continue;
        memmove(c, c + 1, strlen(c));
        lines++;
    }
    assert_int_equal(lines, OPTION_COUNT - 1);
    struct config before = settings.config;
    assert_int_equal(read_text(text), ERR_OK);
    assert_same_values(&before, &settings.config);
    free(text);
}

static void what_config_prints_is_a_file(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++)
        assert_int_equal(ARGUMENTS("--listen", "tcp+proxy://[2001:db8::1234]:65535"), ERR_OK);
    assert_int_equal(ARGUMENTS("--config", "/etc/x.conf"), ERR_OK);
    assert_int_equal(ARGUMENTS("--listen", "udp://1.2.3.4:5", "--listen", "::1", "--user=", "-i",
                               "77", "--trusted-proxies=", "-a", "1.25", "--no-keep",
                               "--passkey=x"),
                     ERR_OK);
    char *text = printed(options_print_config);
    assert_non_null(strstr(text, "; command line\n"));
    assert_non_null(strstr(text, "; default\n"));
    assert_non_null(strstr(text, "; command line: /etc/x.conf\n"));
    memset(settings.config.app.config_file, 0, sizeof settings.config.app.config_file);
    struct config before = settings.config;
    settings_default(&settings);
    assert_int_equal(read_text(text), ERR_OK);
    assert_same_values(&before, &settings.config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_row_is_complete, reset),
        cmocka_unit_test_setup(names_are_unique, reset),
        cmocka_unit_test_setup(fields_do_not_overlap, reset),
        cmocka_unit_test_setup(ends_of_ranges_fit_their_fields, reset),
        cmocka_unit_test_setup(short_names_are_etrackers_documents, reset),
        cmocka_unit_test_setup(types_are_read, reset),
        cmocka_unit_test_setup(lists_are_read, reset),
        cmocka_unit_test_setup(every_kind_of_list_is_read, reset),
        cmocka_unit_test_setup(errors_name_option_value_and_range, reset),
        cmocka_unit_test_setup(arguments_have_many_spellings, reset),
        cmocka_unit_test_setup(etrackers_run_script_works, reset),
        cmocka_unit_test_setup(positional_form_is_sc6s, reset),
        cmocka_unit_test_setup(wrong_arguments_are_explained, reset),
        cmocka_unit_test_setup(file_sets_options, reset),
        cmocka_unit_test_setup(file_errors_have_lines, reset),
        cmocka_unit_test_setup(environment_sets_options, reset),
        cmocka_unit_test_setup(later_sources_win, reset),
        cmocka_unit_test_setup(contradictions_are_refused, reset),
        cmocka_unit_test_setup(the_sample_file_says_the_defaults, reset),
        cmocka_unit_test_setup(what_config_prints_is_a_file, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
