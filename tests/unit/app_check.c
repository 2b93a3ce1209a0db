/* app_check.c - every rule of the doctor on facts that are made up. */
#include "unit.h"

#include "app/check_facts.h"
#include "app/live.h"

#include <errno.h>
#include <stdio.h>

static struct settings settings;
static struct check_facts facts;

/* A machine on which all is well, and muster does not run. */
static void all_well(void)
{
    settings_default(&settings);
    facts = (struct check_facts){
        .config = &settings.config,
        .is_root = false,
        .user_name = "somebody",
        .user_exists = true,
        .rmem_max = 16 << 20,
        .somaxconn = 4096,
        .syn_backlog = 4096,
        .syn_cookies = 1,
        .tw_buckets = 65536,
        .tw_count = 10,
        .conntrack_max = FACT_UNKNOWN,
        .conntrack_count = FACT_UNKNOWN,
        .conntrack_ours = FACT_UNKNOWN,
        .udp_drops = 0,
        .nofile_hard = 1 << 20,
        .nr_open = 1 << 20,
        .memory_bytes = 8ull << 30,
        .workers = 2,
        .ipv6_kernel = true,
        .ipv6_global = true,
        .clock_known = true,
        .clock_synchronized = true,
        .unix_s = 1800000000,
        .sockets_per_worker = 1,
        .address_count = 1,
        .addresses = {{.url = "udp://0.0.0.0:6969", .state = HEARTBEAT_OK, .port = 6969}}};
}

static struct finding judge(const char *name)
{
    struct finding found = {0};
    for (size_t i = 0; i < CHECK_RULE_COUNT; i++) {
        if (strcmp(CHECK_RULES[i].name, name) != 0) continue;
        CHECK_RULES[i].judge(&facts, &found);
        assert_true(found.text[0] != '\0');
        assert_true((found.verdict == FINDING_OK) == (found.command[0] == '\0'));
        return found;
    }
    fail_msg("no rule %s", name);
    return found;
}

#define assert_finding(name, wanted, part_of_command)                                              \
    do {                                                                                           \
        struct finding found_ = judge(name);                                                       \
        assert_int_equal(found_.verdict, wanted);                                                  \
        assert_non_null(strstr(found_.command, part_of_command));                                  \
    } while (0)

static void a_good_machine_is_fine(void **state)
{
    (void)state;
    all_well();
    for (size_t i = 0; i < CHECK_RULE_COUNT; i++)
        assert_int_equal(judge(CHECK_RULES[i].name).verdict, FINDING_OK);
}

static void what_cannot_be_seen_is_no_finding(void **state)
{
    (void)state;
    all_well();
    facts.rmem_max = facts.somaxconn = facts.syn_backlog = facts.syn_cookies = FACT_UNKNOWN;
    facts.tw_buckets = facts.tw_count = facts.udp_drops = facts.nofile_hard = FACT_UNKNOWN;
    facts.clock_known = false;
    for (size_t i = 0; i < CHECK_RULE_COUNT; i++)
        assert_int_equal(judge(CHECK_RULES[i].name).verdict, FINDING_OK);
}

static void small_buffers(void **state)
{
    (void)state;
    all_well();
    facts.rmem_max = 212992;
    assert_finding("udp-receive-buffer", FINDING_ADVICE, "sysctl -w net.core.rmem_max=4194304");
    facts.is_root = true;
    assert_finding("udp-receive-buffer", FINDING_OK, "");
    facts.is_root = false;
    settings.config.app.no_udp = true;
    assert_finding("udp-receive-buffer", FINDING_OK, "");
}

/* The remedy is where the mistake is. */
static void root_is_left_where_it_was_asked_for(void **state)
{
    (void)state;
    all_well();
    facts.is_root = true;
    settings.config.app.user[0] = '\0';
    facts.user_source = SOURCE_FILE;
    assert_finding("user", FINDING_ADVICE, "in the configuration file");
    facts.user_source = SOURCE_COMMAND_LINE;
    assert_finding("user", FINDING_ADVICE, "without --user \"\"");
    facts.user_source = SOURCE_ENVIRONMENT;
    assert_finding("user", FINDING_ADVICE, "MUSTER_USER");
}

static void a_folder_that_the_user_cannot_enter(void **state)
{
    (void)state;
    all_well();
    assert_finding("web-root", FINDING_OK, "");
    snprintf(settings.config.app.web_root, sizeof settings.config.app.web_root, "/srv/pages");
    assert_finding("web-root", FINDING_OK, "");
    facts.web_root_why = EACCES;
    assert_finding("web-root", FINDING_PROBLEM, "chmod -R g+rX /srv/pages");
    assert_finding("lists", FINDING_OK, "");
    snprintf(facts.lists_error, sizeof facts.lists_error, "/srv/deny:2: no address");
    assert_finding("lists", FINDING_PROBLEM, "muster help deny-ips");
    assert_non_null(strstr(judge("lists").text, "/srv/deny:2: no address"));
    facts.list = "/srv/deny";
    facts.list_why = EACCES;
    assert_finding("lists", FINDING_PROBLEM, "chmod g+r /srv/deny");
    assert_non_null(strstr(judge("lists").text, "/srv/deny: Permission denied for somebody"));
}

static void short_queues(void **state)
{
    (void)state;
    all_well();
    facts.somaxconn = facts.syn_backlog = 128;
    assert_finding("tcp-backlog", FINDING_ADVICE, "sysctl -w net.core.somaxconn=4096");
    assert_finding("tcp-syn-backlog", FINDING_OK, "");
    facts.syn_cookies = 0;
    assert_finding("tcp-syn-backlog", FINDING_ADVICE, "net.ipv4.tcp_syncookies=1");
    facts.tw_count = 60000;
    assert_finding("tcp-time-wait", FINDING_ADVICE, "net.ipv4.tcp_max_tw_buckets=131072");
}

static void dropped_datagrams(void **state)
{
    (void)state;
    all_well();
    facts.udp_drops = 5;
    assert_finding("udp-drops", FINDING_OK, ""); /* somebody else's: muster does not run */
    facts.running = true;
    assert_finding("udp-drops", FINDING_ADVICE, "udp_recv_buffer = 8388608");
}

static void connection_tracking(void **state)
{
    (void)state;
    all_well();
    facts.conntrack_max = 1000;
    facts.conntrack_count = 10;
    facts.conntrack_ours = 0;
    assert_finding("connection-tracking", FINDING_OK, "");
    facts.conntrack_ours = 3;
    assert_finding("connection-tracking", FINDING_ADVICE, "udp dport 6969 notrack");
    facts.conntrack_ours = FACT_UNKNOWN;
    assert_finding("connection-tracking", FINDING_ADVICE, "notrack");
    facts.conntrack_count = 950;
    assert_finding("connection-tracking", FINDING_PROBLEM, "nf_conntrack_max=4000");
    facts.conntrack_max = 0; /* no limit */
    facts.conntrack_ours = 0;
    assert_finding("connection-tracking", FINDING_OK, "");
}

static void open_files(void **state)
{
    (void)state;
    all_well();
    int64_t wanted =
        (int64_t)(settings.config.http.connections_max + live_fds_beside(&settings.config, 2, 2));
    char in_unit[64], in_shell[64];
    snprintf(in_unit, sizeof in_unit, "LimitNOFILE=%lld", (long long)wanted);
    snprintf(in_shell, sizeof in_shell, "ulimit -n %lld", (long long)wanted);
    facts.nofile_hard = wanted;
    assert_finding("open-files", FINDING_OK, "");
    facts.nofile_hard = wanted - 1;
    assert_finding("open-files", FINDING_ADVICE, in_unit);
    settings.config.app.nofile = 100;
    facts.nofile_hard = 1 << 20;
    assert_finding("open-files", FINDING_ADVICE, in_shell);
    settings.config.app.no_tcp = true;
    assert_finding("open-files", FINDING_OK, "");
}

static void memory(void **state)
{
    (void)state;
    all_well();
    settings.config.swarm.memory_bytes_max = 16ull << 30;
    assert_finding("memory", FINDING_PROBLEM, "max_memory = 6144M");
    settings.config.swarm.memory_bytes_max = 1 << 30;
    facts.running = true;
    facts.store_bytes_max = 1 << 30;
    facts.store_bytes = facts.store_bytes_max * 0.95;
    assert_finding("memory", FINDING_ADVICE, "max_memory = 2048M");
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        int why;
        const char *command;
    } CASES[] = {{EACCES, "setcap"},
                 {EADDRINUSE, "ss -lntup 'sport = :6969'"},
                 {EADDRNOTAVAIL, "ip address"}};
    all_well();
    facts.addresses[0].state = HEARTBEAT_SILENT;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        facts.addresses[0].why = CASES[i].why;
        assert_finding("addresses", FINDING_PROBLEM, CASES[i].command);
    }
    facts.running = true;
    assert_finding("addresses", FINDING_PROBLEM, "muster status");
    facts.addresses[0].state = HEARTBEAT_SKIPPED;
    assert_finding("addresses", FINDING_OK, "");
}

static void ipv6_and_the_clock(void **state)
{
    (void)state;
    all_well();
    facts.ipv6_global = false;
    assert_finding("ipv6", FINDING_ADVICE, "ip -6 address add");
    facts.ipv6_kernel = false;
    assert_finding("ipv6", FINDING_ADVICE, "disable_ipv6=0");
    settings.config.app.no_ipv6 = true;
    assert_finding("ipv6", FINDING_OK, "");
    facts.clock_synchronized = false;
    assert_finding("clock", FINDING_ADVICE, "timedatectl set-ntp true");
    facts.unix_s = 1000;
    assert_finding("clock", FINDING_PROBLEM, "timedatectl");
}

static void the_user_and_the_file(void **state)
{
    (void)state;
    all_well();
    facts.is_root = true;
    assert_finding("user", FINDING_OK, "");
    facts.user_exists = false;
    assert_finding("user", FINDING_PROBLEM, "useradd --system");
    settings.config.app.user[0] = '\0';
    assert_finding("user", FINDING_ADVICE, "user = nobody");
    snprintf(settings.config.app.config_file, CONFIG_PATH_BYTES_MAX, "/etc/muster.conf");
    assert_finding("config-file", FINDING_OK, "");
    facts.config_file_why = EACCES;
    assert_finding("config-file", FINDING_PROBLEM, "chmod g+r /etc/muster.conf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_machine_is_fine),
        cmocka_unit_test(what_cannot_be_seen_is_no_finding),
        cmocka_unit_test(small_buffers),
        cmocka_unit_test(root_is_left_where_it_was_asked_for),
        cmocka_unit_test(a_folder_that_the_user_cannot_enter),
        cmocka_unit_test(short_queues),
        cmocka_unit_test(dropped_datagrams),
        cmocka_unit_test(connection_tracking),
        cmocka_unit_test(open_files),
        cmocka_unit_test(memory),
        cmocka_unit_test(addresses),
        cmocka_unit_test(ipv6_and_the_clock),
        cmocka_unit_test(the_user_and_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
