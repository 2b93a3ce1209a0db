/* admin_stats.c - what the printers print for known numbers: other trackers' forms byte by byte,
 * histograms that add up, names that are all there, text that cannot break a document. */
#include "unit.h"

#include "admin/json_out.h"
#include "admin/stats.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct stats s;
static struct swarm_top by_peers, by_seeders;

static int known_numbers(void **state)
{
    (void)state;
    s = (struct stats){.version = "1.2.3", .mode = "tracker", .uptime_s = 7300, .pid = 77};
    s.store.torrents = 13;
    s.store.peers[FAMILY_V4] = 20;
    s.store.peers[FAMILY_V6] = 11;
    s.store.seeders[FAMILY_V4] = 11;
    s.nofile_soft = 64000;
    s.nofile_hard = 1048576;
    s.connections_open = 1055;
    s.metrics.count[METRIC_TCP_ACCEPTS] = 14600;
    s.metrics.count[METRIC_UDP4_REQUESTS] = 7000;
    s.metrics.count[METRIC_UDP6_REQUESTS] = 300;
    s.metrics.count[METRIC_UDP4_CONNECTS] = 1;
    s.metrics.count[METRIC_UDP6_ANNOUNCES] = 7299;
    s.metrics.count[METRIC_HTTP4_ANNOUNCES] = 7300;
    s.metrics.count[METRIC_HTTP6_SCRAPES] = 5;
    s.metrics.count[METRIC_UDP4_SCRAPES] = 2;
    s.metrics.count[METRIC_HTTP_SENT_BYTES] = 9444661553;
    s.metrics.count[METRIC_COMPLETIONS] = 10;
    s.metrics.count[METRIC_HTTP_400] = 3;
    s.metrics.count[METRIC_HTTP_FAILURES] = 2;
    s.metrics.count[METRIC_HTTP_404] = 1;
    s.metrics.errors[METRIC_DOOR_HTTP][ERR_FULL_SCRAPE] = 2;
    s.metrics.errnos[CALL_SEND][EPIPE] = 188;
    s.metrics.latency[METRIC_DOOR_UDP] =
        (struct buckets_total){.in = {1, 2, 0, 4}, .count = 7, .sum = 60};
    s.metrics.reannounce.in[29] = 6;
    return 0;
}

typedef void print_fn(FILE *out);

static const char *printed(print_fn *print)
{
    static char *text;
    size_t bytes;
    free(text);
    FILE *out = open_memstream(&text, &bytes);
    assert_non_null(out);
    print(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void assert_has(const char *text, const char *part)
{
    assert_non_null(text);
    if (!strstr(text, part)) fail_msg("there is no: %s", part);
}

/* ---- opentracker ---- */

static const char *mode_name;

static void print_mode(FILE *out)
{
    assert_true(stats_print_opentracker(out, &s, view_of_text(mode_name)));
}

static const char *mode(const char *name)
{
    mode_name = name;
    return printed(print_mode);
}

/* The forms that Debian's opentracker answers. */
static void opentracker_forms(void **state)
{
    (void)state;
    assert_string_equal(mode("peer"), "31\n11\nopentracker serving 13 torrents\nopentracker");
    assert_string_equal(mode("torr"), "13\n0\nopentracker serving 13 torrents\nopentracker");
    assert_string_equal(mode("conn"), "21900\n14600\n7300 seconds (2 hours)\n"
                                      "opentracker connections, 3 conns/s :: 2 success/s.");
    assert_string_equal(mode("udp4"), "7300\n7300\n7300 seconds (2 hours)\n"
                                      "opentracker udp4 stats, 1 conns/s :: 1 success/s.");
    assert_string_equal(mode("tcp4"), "14600\n7300\n7300 seconds (2 hours)\n"
                                      "opentracker tcp4 stats, 2 conns/s :: 1 success/s.");
    assert_string_equal(mode("scrp"), "5\n2\n7300 seconds (2 hours)\n"
                                      "opentracker scrape stats, 0 scrape/s (tcp and udp)");
    assert_string_equal(mode("fscr"), "0\n0\n7300 seconds (2 hours)\n"
                                      "opentracker full scrape stats, 0 conns/s :: 0 bytes/s.");
    assert_string_equal(mode("completed"), "10\n0\n7300 seconds (2 hours)\n"
                                           "opentracker, 4 completed/h.");
    assert_string_equal(mode("herr"), "302 RED 0\n400 ... 3\n400 PAR 2\n400 COM 0\n403 IP  0\n"
                                      "404 INV 1\n500 SRV 0\n");
    assert_string_equal(mode("version"), "muster 1.2.3\n");
    assert_has(mode("renew"), "00 0\n01 0\n");
    assert_has(mode("renew"), "\n29 6\n");
    assert_has(mode("renew"), "\n44 0\n");
    assert_false(stats_mode_exists(VIEW("nope")));
    assert_false(stats_mode_exists(VIEW("")));
}

static void opentracker_tops(void **state)
{
    (void)state;
    struct info_hash h = {.bytes = {0xab, 0xcd}};
    struct swarm_numbers n = {.complete = 4, .incomplete = 9};
    by_peers = (struct swarm_top){.by_seeders = false};
    by_seeders = (struct swarm_top){.by_seeders = true};
    swarm_top_add(&by_peers, &h, &n);
    swarm_top_add(&by_seeders, &h, &n);
    assert_string_equal(mode("top10"), "Top 10 torrents by peers:\nTop 10 torrents by seeds:\n");
    s.by_peers = &by_peers;
    s.by_seeders = &by_seeders;
    assert_string_equal(mode("top10"), "Top 10 torrents by peers:\n"
                                       "\t13\tABCD000000000000000000000000000000000000\n"
                                       "Top 10 torrents by seeds:\n"
                                       "\t4\tABCD000000000000000000000000000000000000\n");
}

static void opentracker_everything(void **state)
{
    (void)state;
    const char *xml = mode("everything");
    assert_has(xml, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<stats>\n  <tracker_id>77<");
    assert_has(xml, "  <peers>\n    <count>31</count>\n  </peers>\n");
    assert_has(xml, "    <tcp>\n      <accept>14600</accept>\n      <announce>7300</announce>\n");
    assert_has(xml, "      <missmatch>0</missmatch>\n");
    assert_has(xml, "      <count interval=\"29\">6</count>\n");
    assert_has(xml, "      <count code=\"400 Invalid Parameter\">2</count>\n");
    assert_string_equal(xml + strlen(xml) - 9, "</stats>\n");
}

static enum stats_dump dump_format;

static void print_dump(FILE *out)
{
    struct info_hash h = {.bytes = {1, 0xff}};
    struct swarm_numbers n = {.complete = 3, .incomplete = 258, .downloaded = 7};
    stats_print_dump(out, dump_format, &h, &n);
}

static void opentracker_lists(void **state)
{
    (void)state;
    static const char HASH[] = "01FF000000000000000000000000000000000000";
    char wanted[80];
    assert_true(stats_dump_format(VIEW("txt"), &dump_format));
    snprintf(wanted, sizeof wanted, "%s:3:258\n", HASH);
    assert_string_equal(printed(print_dump), wanted);
    assert_true(stats_dump_format(VIEW("txtp"), &dump_format));
    snprintf(wanted, sizeof wanted, "%s:3:258:7\n", HASH);
    assert_string_equal(printed(print_dump), wanted);
    assert_true(stats_dump_format(VIEW("url"), &dump_format));
    assert_has(printed(print_dump), "%01%FF%00");
    assert_true(stats_dump_format(VIEW("bin"), &dump_format));
    static const uint8_t BINARY[28] = {1, 0xff, [23] = 3, [26] = 1, [27] = 2};
    assert_memory_equal(printed(print_dump), BINARY, sizeof BINARY);
    assert_false(stats_dump_format(VIEW("ben"), &dump_format));
}

/* ---- text ---- */

static const char *separator;

static void print_text(FILE *out)
{
    stats_print_text(out, &s, separator);
}

static void text_has_thousands_where_the_locale_does(void **state)
{
    (void)state;
    separator = ",";
    const char *text = printed(print_text);
    assert_has(text, "\nactive_sockets = 1,055 (rlimit 64,000/1,048,576)\n");
    assert_has(text, "\nstats.sent_bytes = 9,444,661,553\n");
    assert_has(text, "\nstats.http_403 =            2 (Full Scrape)\n");
    assert_has(text, "\nsend_errno\n   32          188 Broken pipe\n");
    separator = "\xe2\x80\xaf";
    text = printed(print_text);
    assert_has(text, "\nactive_sockets = 1\xe2\x80\xaf"
                     "055 (");
    assert_has(text, "\nstats.sent_bytes = 9\xe2\x80\xaf"
                     "444\xe2\x80\xaf"
                     "661\xe2\x80\xaf"
                     "553\n");
    separator = "";
    assert_has(printed(print_text), "\nstats.sent_bytes =   9444661553\n");
}

/* ---- Prometheus ---- */

static void print_prometheus(FILE *out)
{
    stats_print_prometheus(out, &s);
}

static void histograms_add_up(void **state)
{
    (void)state;
    const char *text = printed(print_prometheus);
    assert_has(text, "# TYPE muster_request_duration_seconds histogram\n"
                     "muster_request_duration_seconds_bucket{door=\"udp\",le=\"5e-06\"} 1\n"
                     "muster_request_duration_seconds_bucket{door=\"udp\",le=\"7e-06\"} 3\n"
                     "muster_request_duration_seconds_bucket{door=\"udp\",le=\"1e-05\"} 3\n"
                     "muster_request_duration_seconds_bucket{door=\"udp\",le=\"1.5e-05\"} 7\n");
    assert_has(text, "muster_request_duration_seconds_bucket{door=\"udp\",le=\"+Inf\"} 7\n"
                     "muster_request_duration_seconds_sum{door=\"udp\"} 6e-05\n"
                     "muster_request_duration_seconds_count{door=\"udp\"} 7\n");
    assert_has(text, "\nmuster_reannounce_delay_seconds_sum 0\n");
}

static void a_family_is_introduced_once(void **state)
{
    (void)state;
    const char *text = printed(print_prometheus), *line = text;
    char name[160];
    unsigned families = 0;
    while ((line = strstr(line, "# TYPE "))) {
        size_t length = strcspn(line, "\n");
        assert_true(length + 2 < sizeof name);
        memcpy(name, line, length + 1);
        name[strcspn(name + 7, " ") + 8] = '\0';
        assert_null(strstr(line + length, name));
        line += length;
        families++;
    }
    assert_true(families > 60);
    assert_has(text, "\nmuster_errors_total{door=\"http\",kind=\"full_scrape\"} 2\n");
    assert_has(text, "\nmuster_errors_total{door=\"udp\",kind=\"bad_connection_id\"} 0\n");
    assert_has(text, "\nmuster_syscall_errors_total{call=\"send\",errno=\"EPIPE\"} 188\n");
    assert_has(text, "\nmuster_peers{family=\"ipv6\"} 11\n");
}

/* ---- clients, talkers, JSON ---- */

static uint64_t announces_of(const char *name)
{
    for (uint32_t i = 0; i < s.client_count; i++)
        if (strcmp(s.clients[i].name, name) == 0) return s.clients[i].announces;
    return 0;
}

static void clients_have_names_and_the_rest_is_one_row(void **state)
{
    (void)state;
    metrics_thread_init();
    static const char *const IDS[] = {"-qB4500-abcdefghijkl", "-qB4600-abcdefghijkl",
                                      "S58B-----abcdefghijk", "-!!0000-abcdefghijkl",
                                      "-Zz0000-abcdefghijkl"};
    for (size_t i = 0; i < sizeof IDS / sizeof *IDS; i++)
        metrics_client((const uint8_t *)IDS[i], i != 1);
    stats_clients(&s);
    assert_string_equal(s.clients[0].name, "qBittorrent");
    assert_string_equal(s.clients[0].code, "qB");
    assert_int_equal(s.clients[0].peers_added, 1);
    assert_int_equal(s.clients[s.client_count - 1].peers_added, 2);
    assert_int_equal(announces_of("qBittorrent"), 2);
    assert_int_equal(announces_of("Shadow's client"), 1);
    assert_int_equal(announces_of("other"), 2);
    assert_string_equal(s.clients[s.client_count - 1].name, "other");
}

static void talkers_are_printed_by_family(void **state)
{
    (void)state;
    static const uint8_t V6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1}, V4[4] = {192, 0, 2, 7};
    char text[ADDRESS_TEXT_BYTES_MAX];
    struct talker t = {.key = talker_key_of(V6, true)};
    stats_talker_address(&t, text);
    assert_string_equal(text, "2001:db8::1");
    t.key = talker_key_of(V4, false);
    stats_talker_address(&t, text);
    assert_string_equal(text, "192.0.2.7");
}

static void print_awkward_json(FILE *out)
{
    struct json_out j = {.out = out};
    json_open(&j, NULL, '{');
    json_text(&j, "a\"b", "c\\d\n\x01");
    json_open(&j, "list", '[');
    json_i64(&j, NULL, -1);
    json_double(&j, NULL, 0.5);
    json_nothing(&j, NULL);
    json_close(&j, ']');
    json_u64(&j, "max", UINT64_MAX);
    json_close(&j, '}');
}

static void json_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(printed(print_awkward_json),
                        "{\"a\\\"b\":\"c\\\\d\\u000a\\u0001\",\"list\":[-1,0.500,null],"
                        "\"max\":18446744073709551615}");
}

static void print_json(FILE *out)
{
    stats_print_json(out, &s);
}

static void json_shows_private_rows_only_when_they_are_there(void **state)
{
    (void)state;
    assert_null(strstr(printed(print_json), "top_swarms"));
    assert_null(strstr(printed(print_json), "top_talkers"));
    s.by_peers = &by_peers;
    s.shows_talkers = true;
    assert_has(printed(print_json), "\"top_swarms\":[");
    assert_has(printed(print_json), "\"top_talkers\":[]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(opentracker_forms, known_numbers),
        cmocka_unit_test_setup(opentracker_tops, known_numbers),
        cmocka_unit_test_setup(opentracker_everything, known_numbers),
        cmocka_unit_test_setup(opentracker_lists, known_numbers),
        cmocka_unit_test_setup(text_has_thousands_where_the_locale_does, known_numbers),
        cmocka_unit_test_setup(histograms_add_up, known_numbers),
        cmocka_unit_test_setup(a_family_is_introduced_once, known_numbers),
        cmocka_unit_test_setup(clients_have_names_and_the_rest_is_one_row, known_numbers),
        cmocka_unit_test_setup(talkers_are_printed_by_family, known_numbers),
        cmocka_unit_test_setup(json_is_escaped, known_numbers),
        cmocka_unit_test_setup(json_shows_private_rows_only_when_they_are_there, known_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
