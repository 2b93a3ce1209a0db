/* check_rules.c - the doctor's judgements: a row and a pure function each.
 *
 * Problem   muster will not start, or clients feel it now.
 * Advice    it works, and will not under load or after a restart.
 * The commands are for root and for this boot; the summary of the command says how to keep them. */
#include "app/check_facts.h"

#include "app/live.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#define SYN_BACKLOG_MIN 4096
#define TW_SHARE        10 /* in tenths: full when above 9 */
#define YEAR_2025_S     1735689600

__attribute__((format(printf, 3, 4))) static void found(struct finding *out,
                                                        enum finding_verdict verdict,
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    out->verdict = verdict;
    vsnprintf(out->text, sizeof out->text, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void mend(struct finding *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out->command, sizeof out->command, format, args);
    va_end(args);
}

static void hidden(struct finding *out, const char *what)
{
    found(out, FINDING_OK, "%s cannot be seen from here (a container, or no right to)", what);
}

/* ---- kernel buffers and queues ---- */

/* Started as root, muster passes the limit (SO_RCVBUFFORCE). Nothing is said of the send buffer and of
 * net.core.wmem_max: a larger one gained nothing (docs/performance.md). */
static void judge_recv_buffer(const struct check_facts *f, struct finding *out)
{
    uint32_t wanted = f->config->app.sockets.udp_recv_bytes;
    if (f->config->app.no_udp) found(out, FINDING_OK, "no UDP is served");
    else if (f->rmem_max == FACT_UNKNOWN) hidden(out, "net.core.rmem_max");
    else if (f->rmem_max >= wanted)
        found(out, FINDING_OK, "udp_recv_buffer %u fits into net.core.rmem_max %" PRId64, wanted,
              f->rmem_max);
    else if (f->is_root)
        found(out, FINDING_OK,
              "udp_recv_buffer %u is above net.core.rmem_max %" PRId64 ", which root may pass",
              wanted, f->rmem_max);
    else {
        found(out, FINDING_ADVICE,
              "udp_recv_buffer asks for %u bytes, the kernel gives %" PRId64
              " to who is not root: bursts of packets will be lost",
              wanted, f->rmem_max);
        mend(out, "sysctl -w net.core.rmem_max=%u", wanted);
    }
}

static void judge_drops(const struct check_facts *f, struct finding *out)
{
    if (f->config->app.no_udp || !f->running) found(out, FINDING_OK, "no UDP is served now");
    else if (f->udp_drops == FACT_UNKNOWN) hidden(out, "the drops of the sockets");
    else if (f->udp_drops == 0) found(out, FINDING_OK, "the kernel has dropped no datagram so far");
    else {
        found(out, FINDING_ADVICE,
              "the kernel has dropped %" PRId64
              " datagrams at full sockets: more workers or a larger udp_recv_buffer",
              f->udp_drops);
        mend(out, "muster restart after udp_recv_buffer = %u in the configuration file",
             f->config->app.sockets.udp_recv_bytes * 2u);
    }
}

static void judge_backlog(const struct check_facts *f, struct finding *out)
{
    uint32_t wanted = f->config->app.sockets.backlog;
    if (f->config->app.no_tcp) found(out, FINDING_OK, "no HTTP is served");
    else if (f->somaxconn == FACT_UNKNOWN) hidden(out, "net.core.somaxconn");
    else if (f->somaxconn >= wanted)
        found(out, FINDING_OK, "backlog %u fits into net.core.somaxconn %" PRId64, wanted,
              f->somaxconn);
    else {
        found(out, FINDING_ADVICE,
              "backlog %u is cut to net.core.somaxconn %" PRId64
              ": a rush of connections is refused",
              wanted, f->somaxconn);
        mend(out, "sysctl -w net.core.somaxconn=%u", wanted);
    }
}

static void judge_syn_backlog(const struct check_facts *f, struct finding *out)
{
    uint32_t backlog = f->config->app.sockets.backlog;
    uint32_t wanted = backlog < SYN_BACKLOG_MIN ? backlog : SYN_BACKLOG_MIN;
    if (f->config->app.no_tcp) found(out, FINDING_OK, "no HTTP is served");
    else if (f->syn_cookies > 0)
        found(out, FINDING_OK, "net.ipv4.tcp_syncookies is on: no handshake is lost");
    else if (f->syn_backlog == FACT_UNKNOWN) hidden(out, "net.ipv4.tcp_max_syn_backlog");
    else if (f->syn_backlog >= wanted)
        found(out, FINDING_OK, "net.ipv4.tcp_max_syn_backlog is %" PRId64, f->syn_backlog);
    else {
        found(out, FINDING_ADVICE,
              "net.ipv4.tcp_max_syn_backlog %" PRId64 " is small and there are no SYN cookies: "
              "connections are lost when many begin at once",
              f->syn_backlog);
        if (f->syn_cookies == 0) mend(out, "sysctl -w net.ipv4.tcp_syncookies=1");
        else mend(out, "sysctl -w net.ipv4.tcp_max_syn_backlog=%u", wanted);
    }
}

static void judge_time_wait(const struct check_facts *f, struct finding *out)
{
    if (f->config->app.no_tcp) found(out, FINDING_OK, "no HTTP is served");
    else if (f->tw_buckets == FACT_UNKNOWN || f->tw_count == FACT_UNKNOWN) hidden(out, "TIME_WAIT");
    else if (f->tw_count * TW_SHARE < f->tw_buckets * (TW_SHARE - 1))
        found(out, FINDING_OK, "%" PRId64 " connections in TIME_WAIT, room for %" PRId64,
              f->tw_count, f->tw_buckets);
    else {
        found(out, FINDING_ADVICE,
              "%" PRId64 " connections in TIME_WAIT of at most %" PRId64
              ": above, they are cut without waiting",
              f->tw_count, f->tw_buckets);
        mend(out, "sysctl -w net.ipv4.tcp_max_tw_buckets=%" PRId64, f->tw_buckets * 2);
    }
}

/* ---- connection tracking ---- */

static void mend_tracking(struct finding *out, uint16_t port)
{
    mend(out,
         "nft add table inet muster && "
         "nft add chain inet muster in '{ type filter hook prerouting priority raw; }' && "
         "nft add chain inet muster out '{ type filter hook output priority raw; }' && "
         "nft add rule inet muster in udp dport %u notrack && "
         "nft add rule inet muster out udp sport %u notrack",
         port, port);
}

static void judge_conntrack(const struct check_facts *f, struct finding *out)
{
    uint16_t port = f->config->app.port;
    if (f->conntrack_max == FACT_UNKNOWN || f->conntrack_count == FACT_UNKNOWN) {
        found(out, FINDING_OK, "no connection tracking here");
    } else if (f->conntrack_max > 0 && f->conntrack_count * 10 >= f->conntrack_max * 9) {
        found(out, FINDING_PROBLEM,
              "connection tracking is full, %" PRId64 " of %" PRId64
              ": the kernel drops packets of new clients",
              f->conntrack_count, f->conntrack_max);
        mend(out, "sysctl -w net.netfilter.nf_conntrack_max=%" PRId64, f->conntrack_max * 4);
    } else if (f->conntrack_ours > 0) {
        found(out, FINDING_ADVICE,
              "port %u is tracked (%" PRId64 " of %" PRId64 " entries, room for %" PRId64
              "): each client takes one for minutes, which fills the table",
              port, f->conntrack_ours, f->conntrack_count, f->conntrack_max);
        mend_tracking(out, port);
    } else if (f->conntrack_ours == FACT_UNKNOWN && f->conntrack_count > 0) {
        found(out, FINDING_ADVICE,
              "connection tracking is on (%" PRId64 " of %" PRId64
              " entries); whether it tracks port %u only root can see",
              f->conntrack_count, f->conntrack_max, port);
        mend_tracking(out, port);
    } else {
        found(out, FINDING_OK, "connection tracking is loaded, and does not track port %u", port);
    }
}

/* ---- limits and memory ---- */

static void judge_files(const struct check_facts *f, struct finding *out)
{
    uint32_t sockets = f->sockets_per_worker * f->workers;
    int64_t wanted = (int64_t)(f->config->http.connections_max +
                               live_fds_beside(f->config, f->workers, sockets));
    int64_t limit = f->config->app.nofile >= 0 ? f->config->app.nofile : f->nofile_hard;
    if (f->config->app.no_tcp) found(out, FINDING_OK, "no HTTP is served: few files are open");
    else if (limit == FACT_UNKNOWN) hidden(out, "the limit of open files");
    else if (limit >= wanted)
        found(out, FINDING_OK, "open files: at most %" PRId64 ", enough for max_connections %u",
              limit, f->config->http.connections_max);
    else {
        found(out, FINDING_ADVICE,
              "open files: at most %" PRId64 ", so max_connections %u will be lowered", limit,
              f->config->http.connections_max);
        mend(out, "ulimit -n %" PRId64 "    (in a systemd unit: LimitNOFILE=%" PRId64 ")", wanted,
             wanted);
    }
}

static void judge_memory(const struct check_facts *f, struct finding *out)
{
    uint64_t most = f->config->swarm.memory_bytes_max;
    double share = f->running && f->store_bytes_max > 0 ? f->store_bytes / f->store_bytes_max : 0;
    if (most > f->memory_bytes) {
        found(out, FINDING_PROBLEM,
              "max_memory %" PRIu64 "M is more than the %" PRIu64
              "M that there are: the kernel may "
              "end muster",
              most >> 20, f->memory_bytes >> 20);
        mend(out, "max_memory = %" PRIu64 "M in the configuration file, then muster restart",
             f->memory_bytes / 4 * 3 >> 20);
    } else if (share > 0.9) {
        found(out, FINDING_ADVICE,
              "the store has used %.0f %% of max_memory: when it is full, newcomers are not listed",
              share * 100);
        mend(out, "max_memory = %" PRIu64 "M in the configuration file, then muster restart",
             (uint64_t)f->store_bytes_max * 2 >> 20);
    } else if (most) {
        found(out, FINDING_OK, "max_memory %" PRIu64 "M of %" PRIu64 "M", most >> 20,
              f->memory_bytes >> 20);
    } else {
        found(out, FINDING_OK, "max_memory is chosen: 3/4 of %" PRIu64 "M, at most 16G",
              f->memory_bytes >> 20);
    }
}

/* ---- addresses, IPv6, clock ---- */

static void mend_bind(const struct check_address *a, struct finding *out)
{
    if (a->why == EACCES)
        mend(out, "setcap cap_net_bind_service=+ep /path/to/muster    (or start it as root)");
    else if (a->why == EADDRINUSE)
        mend(out, "ss -lntup 'sport = :%u'    (tells who has it)", a->port);
    else mend(out, "ip address    (lists the addresses of this machine)");
}

static void judge_addresses(const struct check_facts *f, struct finding *out)
{
    uint32_t good = 0;
    for (uint32_t i = 0; i < f->address_count; i++) {
        const struct check_address *a = &f->addresses[i];
        good += a->state == HEARTBEAT_OK;
        if (a->state != HEARTBEAT_SILENT) continue;
        found(out, FINDING_PROBLEM, "%s %s: %s", a->url,
              f->running ? "does not answer" : "cannot be listened on", strerror(a->why));
        if (f->running) mend(out, "muster status    (then look at the firewall: nft list ruleset)");
        else mend_bind(a, out);
        return;
    }
    found(out, FINDING_OK,
          f->running ? "%u of %u answer a heartbeat" : "%u of %u can be listened on", good,
          f->address_count);
}

static void judge_ipv6(const struct check_facts *f, struct finding *out)
{
    if (f->config->app.no_ipv6) {
        found(out, FINDING_OK, "no IPv6 is served, as no_ipv6 says");
    } else if (!f->ipv6_kernel) {
        found(out, FINDING_ADVICE, "this machine has no IPv6: half of the clients have it");
        mend(out, "sysctl -w net.ipv6.conf.all.disable_ipv6=0");
    } else if (!f->ipv6_global) {
        found(out, FINDING_ADVICE,
              "IPv6 is on, but no address is one that the Internet reaches: ask the provider for "
              "one");
        mend(out, "ip -6 address add 2001:db8::1/64 dev eth0    (with your own prefix)");
    } else {
        found(out, FINDING_OK, "IPv6 is on, with a global address");
    }
}

static void judge_clock(const struct check_facts *f, struct finding *out)
{
    if (f->unix_s < YEAR_2025_S) {
        found(out, FINDING_PROBLEM, "the clock is years behind: the log and the charts will lie");
        mend(out, "timedatectl set-ntp true");
    } else if (!f->clock_known) {
        hidden(out, "the clock's state");
    } else if (!f->clock_synchronized) {
        found(out, FINDING_ADVICE, "nothing keeps the clock right, as far as the kernel knows");
        mend(out, "timedatectl set-ntp true");
    } else {
        found(out, FINDING_OK, "the clock is synchronized");
    }
}

/* ---- rights ---- */

/* Where it was said it must be taken back; a restart in place keeps words, environment and root. */
static void mend_user(const struct check_facts *f, struct finding *out)
{
    if (f->user_source == SOURCE_COMMAND_LINE)
        mend(out, "stop it, and start it without --user %s, or with --user nobody",
             f->config->app.user[0] ? f->config->app.user : "\"\"");
    else if (f->user_source == SOURCE_ENVIRONMENT)
        mend(out, "take MUSTER_USER out of its environment, then stop and start it");
    else mend(out, "user = nobody in the configuration file, then muster restart");
}

static void judge_user(const struct check_facts *f, struct finding *out)
{
    const char *user = f->config->app.user;
    if (!f->is_root) {
        found(out, FINDING_OK, "not root: muster stays %s", f->user_name);
    } else if (!user[0] || strcmp(user, "root") == 0) {
        found(out, FINDING_ADVICE, "it will serve as root");
        mend_user(f, out);
    } else if (!f->user_exists) {
        found(out, FINDING_PROBLEM, "there is no user \"%s\": it will not start", user);
        mend(out, "useradd --system --shell /usr/sbin/nologin %s", user);
    } else {
        found(out, FINDING_OK, "it will serve as %s", user);
    }
}

static void judge_config_file(const struct check_facts *f, struct finding *out)
{
    const struct app_opts *a = &f->config->app;
    if (!a->config_file[0]) {
        found(out, FINDING_OK, "no configuration file is used");
    } else if (f->config_file_why == 0) {
        found(out, FINDING_OK, "%.200s can be read again by a reload", a->config_file);
    } else {
        found(out, FINDING_PROBLEM, "%.200s: %s for %s: a reload will fail", a->config_file,
              strerror(f->config_file_why), f->is_root && a->user[0] ? a->user : f->user_name);
        mend(out, "chgrp $(id -gn %s) %.200s && chmod g+r %.200s    (and x for its folders)",
             f->is_root && a->user[0] ? a->user : f->user_name, a->config_file, a->config_file);
    }
}

static void judge_web_root(const struct check_facts *f, struct finding *out)
{
    const struct app_opts *a = &f->config->app;
    const char *user = f->is_root && a->user[0] ? a->user : f->user_name;
    if (!a->web_root[0]) {
        found(out, FINDING_OK, "no folder of own pages");
    } else if (f->web_root_why == 0) {
        found(out, FINDING_OK, "%.200s can be entered by %s", a->web_root, user);
    } else {
        found(out, FINDING_PROBLEM, "%.200s: %s for %s: it will not start", a->web_root,
              strerror(f->web_root_why), user);
        mend(out, "chgrp -R $(id -gn %s) %.200s && chmod -R g+rX %.200s    (and x for its folders)",
             user, a->web_root, a->web_root);
    }
}

static void judge_lists(const struct check_facts *f, struct finding *out)
{
    const struct app_opts *a = &f->config->app;
    const char *user = f->is_root && a->user[0] ? a->user : f->user_name;
    if (f->list) {
        found(out, FINDING_PROBLEM, "%.200s: %s for %s: it will not start", f->list,
              strerror(f->list_why), user);
        mend(out, "chgrp $(id -gn %s) %.200s && chmod g+r %.200s    (and x for its folders)", user,
             f->list, f->list);
    } else if (f->lists_error[0]) {
        found(out, FINDING_PROBLEM, "%.300s: it will not start", f->lists_error);
        mend(out, "muster help deny-ips    (tells what such a file may hold)");
    } else if (access_opts_are_empty(&f->config->access)) {
        found(out, FINDING_OK, "no access list");
    } else {
        found(out, FINDING_OK, "the access lists can be read");
    }
}

const struct check_rule CHECK_RULES[] = {
    {"addresses", judge_addresses},
    {"user", judge_user},
    {"config-file", judge_config_file},
    {"web-root", judge_web_root},
    {"lists", judge_lists},
    {"memory", judge_memory},
    {"open-files", judge_files},
    {"udp-receive-buffer", judge_recv_buffer},
    {"udp-drops", judge_drops},
    {"connection-tracking", judge_conntrack},
    {"tcp-backlog", judge_backlog},
    {"tcp-syn-backlog", judge_syn_backlog},
    {"tcp-time-wait", judge_time_wait},
    {"ipv6", judge_ipv6},
    {"clock", judge_clock},
};

const size_t CHECK_RULE_COUNT = sizeof CHECK_RULES / sizeof *CHECK_RULES;
