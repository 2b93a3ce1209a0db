/* options.c - the rows: every option there is, and nothing about how one is read or printed.
 *
 * To add one  a row here, in the group where a reader looks for it, and a field in the struct of
 *             the module that uses it. `./dev docs` then brings the generated documents up to date.
 * Defaults    are texts and go through the same parser as the operator's values, so a default out
 *             of its own range cannot exist (tests/unit/app_options.c sets every one).
 * Names       those of etracker's documents are names or aliases here; where its documents and its
 *             code differ, the documents win (-e is the timeout, -m the peers of an answer). */
#include "app/options.h"

#include "app/options_list.h"

#define AT(member)                                                                                 \
    .at = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)
#define LIVE       .reload = RELOAD_LIVE
#define RESTART    .reload = RELOAD_RESTART
#define IN(name)   .group = GROUP_##name
#define SECONDS(n) ((n)*1000ull)
#define MINUTES(n) ((n)*60000ull)
#define HOURS(n)   ((n)*3600000ull)
#define KIB(n)     ((n)*1024ull)
#define MIB(n)     ((n)*1048576ull)
#define GIB(n)     ((n)*1073741824ull)
#define PEERS_MAX  1000000000000ull

#define ACCESS_FILES_RANGE "paths without a comma; up to 16"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
    return is_alnum(c) || (c && strchr("_-.@", c));
}

static bool is_name_list(char c)
{
    return is_alnum(c) || (c && strchr("-._, ", c));
}

/* RFC 9110, token */
static bool is_token(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_path(char c)
{
    return (unsigned char)c >= 0x20 && c != 0x7f;
}

/* What a line of crypto_pwhash_str() is made of. */
static bool is_password_hash(char c)
{
    return is_alnum(c) || (c && strchr("$=,+/", c));
}

/* A row is a paragraph, not a column of fields. */
/* clang-format off */
const struct option_row OPTIONS[] = {
    /* ---- start ---- */
    {.name = "config", .short_name = 'c', .type = OPT_TEXT, IN(START), RESTART,
     AT(app.config_file), .may_hold = is_path, .path = PATH_SAVE, .value = "FILE",
     .range = "a path", .dflt = "",
     .help = "read options from this file",
     .more = "One `name = value` a line; `#` and `;` start comments; sections in brackets may "
             "group lines and mean nothing. Of a value said in several places the command line "
             "wins, then the environment, then the file. SIGHUP reads the file again: it must "
             "then be readable by `user`."},
    {.name = "log_level", .type = OPT_CHOICE, IN(START), LIVE, AT(app.log_level),
     .choices = "error warn info debug", .value = "LEVEL", .dflt = "info",
     .help = "least important lines to log"},
    {.name = "failed", .short_name = 'f', .type = OPT_INT, IN(START), RESTART, AT(app.failed),
     .min = 0, .max = UINT32_MAX, .value = "N", .dflt = "0",
     .help = "how often a run loop restarted muster; logged at start"},

    /* ---- listening ---- */
    {.name = "port", .short_name = 'p', .type = OPT_INT, IN(LISTEN), RESTART, AT(app.port),
     .min = 1, .max = 65535, .environment = "PORT", .value = "PORT", .dflt = "6969",
     .help = "one port for UDP and TCP",
     .more = "Of every `listen` address that names none. A plain PORT in the environment, as "
             "application platforms set it, counts too; MUSTER_PORT wins over it."},
    {.name = "listen", .type = OPT_LIST, IN(LISTEN), RESTART, AT(app.listen),
     .list = &OPTION_LIST_LISTEN, .value = "ADDRESS", .dflt = "",
     .range = "[udp://|tcp://|proxy://|udp+proxy://|tcp+proxy://]ADDRESS[:PORT], or PORT",
     .help = "where to listen; none given: 0.0.0.0 and [::]",
     .more = "A port alone, 8000 or udp://8000, means both of those. IPv4 and IPv6 are separate "
             "sockets. Without a scheme an address serves UDP and TCP. With `proxy` every "
             "connection or datagram must begin with a PROXY protocol header from one of "
             "`trusted_proxies`. A machine that has no IPv6 is served over IPv4 alone where no "
             "address is written down; one that is must work."},
    {.name = "no_tcp", .type = OPT_FLAG, IN(LISTEN), RESTART, AT(app.no_tcp), .dflt = "no",
     .help = "serve no HTTP"},
    {.name = "no_udp", .type = OPT_FLAG, IN(LISTEN), RESTART, AT(app.no_udp), .dflt = "no",
     .help = "serve no UDP"},
    {.name = "no_ipv4", .type = OPT_FLAG, IN(LISTEN), RESTART, AT(app.no_ipv4), .dflt = "no",
     .help = "listen on no IPv4 address"},
    {.name = "no_ipv6", .type = OPT_FLAG, IN(LISTEN), RESTART, AT(app.no_ipv6), .dflt = "no",
     .help = "listen on no IPv6 address"},
    {.name = "backlog", .type = OPT_INT, IN(LISTEN), RESTART, AT(app.sockets.backlog), .min = 1,
     .max = 1048576, .value = "N", .dflt = "4096",
     .help = "connections that may wait to be accepted, per socket",
     .more = "The kernel lowers it to net.core.somaxconn."},
    {.name = "udp_recv_buffer", .type = OPT_SIZE, IN(LISTEN), RESTART,
     AT(app.sockets.udp_recv_bytes), .min = KIB(4), .max = GIB(1), .zero = "the kernel's default",
     .value = "SIZE", .dflt = "4M",
     .help = "receive buffer of a UDP socket",
     .more = "Holds what arrives while a worker is busy. Without privileges the kernel lowers it "
             "to net.core.rmem_max."},
    {.name = "udp_send_buffer", .type = OPT_SIZE, IN(LISTEN), RESTART,
     AT(app.sockets.udp_send_bytes), .min = KIB(4), .max = GIB(1), .zero = "the kernel's default",
     .value = "SIZE", .dflt = "1M",
     .help = "send buffer of a UDP socket"},

    /* ---- interval and load ---- */
    {.name = "interval", .short_name = 'i', .type = OPT_TIME, IN(INTERVAL), LIVE,
     AT(tracker.interval.start_s), .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(3),
     .value = "TIME", .dflt = "1799",
     .help = "announce interval at start",
     .more = "Clamped into [min_interval, max_interval], between which it then follows the load. "
             "A peer is forgotten when nothing was heard of it for two intervals. At a reload the "
             "announced interval changes only if this option did."},
    {.name = "min_interval", .type = OPT_TIME, IN(INTERVAL), LIVE, AT(tracker.interval.min_s),
     .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(3), .value = "TIME", .dflt = "300",
     .help = "shortest interval, announced when there is no load",
     .more = "Tracker lists refuse trackers that announce less than five minutes."},
    {.name = "max_interval", .type = OPT_TIME, IN(INTERVAL), RESTART, AT(tracker.interval.max_s),
     .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(3), .value = "TIME", .dflt = "1799",
     .help = "longest interval, announced under load"},
    {.name = "interval_jitter", .type = OPT_INT, IN(INTERVAL), LIVE,
     AT(tracker.interval.jitter_pct), .min = 0, .max = 50, .value = "PERCENT", .dflt = "10",
     .help = "random part added to each answer's interval, in percent of it",
     .more = "Spreads clients that came all at once."},
    {.name = "answer_min_interval", .type = OPT_INT, IN(INTERVAL), LIVE,
     AT(tracker.interval.min_pct), .min = 0, .max = 100, .zero = "leave it out",
     .value = "PERCENT", .dflt = "50",
     .help = "`min interval` in answers, in percent of the interval"},
    {.name = "max_load_avg", .short_name = 'a', .type = OPT_FRACTION, IN(INTERVAL), LIVE,
     AT(tracker.interval.load_max), .fraction_max = 10000, .zero = "CPUs - 0.5", .value = "LOAD",
     .dflt = "0",
     .help = "load average above which the interval grows",
     .more = "When the averages over 1, 5 and 15 minutes are all below it, the wanted interval "
             "falls by 60 s; when all are above, it rises by 60 s; the announced interval follows "
             "a second at a time. In a container whose CPU time is limited, the system's load "
             "average tells of other people's programs: there the averages are of muster's own "
             "CPU use, scaled so that using up the limit counts as a load equal to the limit's "
             "CPUs (rounded up). In both cases a second in which the kernel dropped one in 100 UDP "
             "datagrams for want of room counts as a load of CPUs + 1, averaged alike, and the "
             "larger average of the two is taken."},

    /* ---- answers ---- */
    {.name = "numwant", .type = OPT_INT, IN(ANSWER), LIVE, AT(tracker.numwant_default), .min = 0,
     .max = NUMWANT_PEERS_MAX, .value = "N", .dflt = "50",
     .help = "peers in an answer when the client does not say"},
    {.name = "max_peers_per_response", .short_name = 'm', .aliases = {"peers"}, .type = OPT_INT,
     IN(ANSWER), LIVE, AT(tracker.numwant_max), .min = 1, .max = NUMWANT_PEERS_MAX, .value = "N",
     .dflt = "200",
     .help = "most peers in one answer, whatever the client says"},
    {.name = "mode", .type = OPT_CHOICE, IN(ANSWER), LIVE, AT(tracker.mode),
     .choices = "tracker info", .value = "MODE", .dflt = "tracker",
     .help = "info: announces get an empty list and a day's interval",
     .more = "For a tracker that is to end, or rests: clients are told to come back in a day, HTTP "
             "and UDP scrapes get zeros, and nothing new is stored. Pages and "
             "heartbeats go on."},
    {.name = "external_ip", .type = OPT_FLAG, IN(ANSWER), LIVE, AT(http.external_ip),
     .dflt = "yes",
     .help = "tell HTTP clients their own address (BEP 24)"},
    {.name = "store_peer_ids", .type = OPT_FLAG, IN(ANSWER), RESTART, AT(swarm.store_peer_ids),
     .dflt = "no",
     .help = "keep peer ids for old, non-compact answers; 20 bytes a peer"},
    {.name = "passkey", .type = OPT_TEXT, IN(ANSWER), LIVE, AT(tracker.passkey),
     .may_hold = tracker_passkey_may_hold, .secret = true, .value = "KEY", .dflt = "",
     .range = "letters, digits, _ and -",
     .help = "a key that every announce and scrape must carry",
     .more = "As /KEY/announce, ?passkey=KEY, or BEP 41 URL data. Other users of the machine can "
             "read command lines: prefer the file or the environment."},

    /* ---- UDP ---- */
    {.name = "connection_id_ttl", .type = OPT_TIME, IN(UDP), LIVE, AT(udp.id_ttl_s),
     .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(1), .value = "TIME", .dflt = "10m",
     .help = "how long a UDP connection id is accepted",
     .more = "BEP 15 says two minutes; uTorrent uses an id for five and more."},
    {.name = "udp_answer_bytes", .type = OPT_INT, IN(UDP), LIVE, AT(udp.answer_bytes_max),
     .min = 548, .max = 1472, .value = "BYTES", .dflt = "1232",
     .help = "most payload of a UDP announce answer",
     .more = "1232 passes every path without fragments: IPv6's smallest MTU less the headers."},

    /* ---- HTTP ---- */
    {.name = "timeout", .short_name = 't', .short_alias = 'e', .aliases = {"socket_timeout"},
     .type = OPT_TIME, IN(HTTP), LIVE, AT(http.timeout_ms), .unit_ms = 1, .min = SECONDS(1),
     .max = MINUTES(10), .value = "TIME", .dflt = "10s",
     .help = "a request must be complete within this time",
     .more = "-e is this option in etracker's documents. etracker's program, and the run scripts "
             "that came with it, meant the peers of an answer by -e: write -m there."},
    {.name = "idle_timeout", .type = OPT_TIME, IN(HTTP), LIVE, AT(http.idle_timeout_ms),
     .unit_ms = 1, .min = SECONDS(1), .max = HOURS(1), .value = "TIME", .dflt = "30s",
     .help = "how long a kept connection waits for its next request"},
    {.name = "keep_alive", .short_name = 'k', .aliases = {"keep"}, .type = OPT_FLAG, IN(HTTP),
     LIVE, AT(http.keep_alive), .dflt = "yes",
     .help = "let clients keep connections open"},
    {.name = "max_connections", .type = OPT_INT, IN(HTTP), LIVE, AT(http.connections_max),
     .min = 1, .max = 10000000, .value = "N", .dflt = "16384",
     .help = "TCP connections open at a time",
     .more = "Lowered, with a log line, to what `nofile` leaves room for."},
    {.name = "max_request_size", .type = OPT_SIZE, IN(HTTP), LIVE, AT(http.request_bytes_max),
     .min = KIB(1), .max = KIB(64), .value = "SIZE", .dflt = "16K",
     .help = "largest request head"},
    {.name = "max_requests_per_connection", .type = OPT_INT, IN(HTTP), LIVE,
     AT(http.connection_requests_max), .min = 1, .max = UINT32_MAX, .value = "N", .dflt = "10000",
     .help = "requests on one connection before it is closed"},
    {.name = "scrape", .type = OPT_FLAG, IN(HTTP), LIVE, AT(http.scrape), .dflt = "yes",
     .help = "answer HTTP scrapes"},
    {.name = "scrape_interval", .type = OPT_TIME, IN(HTTP), LIVE, AT(http.scrape_interval_s),
     .unit_ms = 1000, .min = 0, .max = HOURS(24), .zero = "leave it out", .value = "TIME",
     .dflt = "15m",
     .help = "`min_request_interval` in scrape answers"},
    {.name = "full_scrape", .type = OPT_FLAG, IN(HTTP), LIVE, AT(http.full_scrape), .dflt = "no",
     .help = "answer scrapes without info_hash with all torrents"},
    {.name = "full_scrape_interval", .type = OPT_TIME, IN(HTTP), LIVE,
     AT(http.full_scrape_interval_s), .unit_ms = 1000, .min = 0, .max = HOURS(24),
     .zero = "as often as they like", .value = "TIME", .dflt = "5m",
     .help = "least time between full scrapes of one client"},

    /* ---- behind a proxy ---- */
    {.name = "real_ip_header", .short_name = 'x', .aliases = {"x_forwarded_for"},
     .type = OPT_TEXT, IN(PROXY), LIVE, AT(http.forwarded_header), .may_hold = is_token,
     .value = "HEADER",
     .range = "a header's name", .dflt = "",
     .help = "header that holds the client's address, e.g. X-Forwarded-For",
     .more = "Believed only from `trusted_proxies`. The last address that is no trusted proxy's "
             "is the client. `Forwarded` is read as RFC 7239 says. Empty: no header is believed."},
    {.name = "trusted_proxies", .type = OPT_LIST, IN(PROXY), LIVE, AT(app.trusted),
     .list = &OPTION_LIST_TRUSTED, .value = "PREFIX", .dflt = "127.0.0.0/8,::1",
     .range = "addresses, or prefixes without host bits: 10.0.0.0/8, 2001:db8::/32",
     .help = "whose headers and PROXY protocol are believed"},

    /* ---- the store ---- */
    {.name = "max_memory", .type = OPT_SIZE, IN(STORE), RESTART, AT(swarm.memory_bytes_max),
     .min = MIB(16), .max = SWARM_MEMORY_BYTES_MAX,
     .zero = "3/4 of the machine's or the container's, at most 16G",
     .value = "SIZE", .dflt = "0",
     .help = "memory for torrents and peers",
     .more = "At any of these limits newcomers are answered, with peers, but not stored: a metric "
             "counts them, and a `warning message` tells them over HTTP."},
    {.name = "max_torrents", .type = OPT_INT, IN(STORE), LIVE, AT(swarm.torrents_max), .min = 0,
     .max = PEERS_MAX, .zero = "no limit", .value = "N", .dflt = "0",
     .help = "torrents stored"},
    {.name = "max_peers", .type = OPT_INT, IN(STORE), LIVE, AT(swarm.peers_max), .min = 0,
     .max = PEERS_MAX, .zero = "no limit", .value = "N", .dflt = "0",
     .help = "peers stored"},
    {.name = "max_peers_per_torrent", .type = OPT_INT, IN(STORE), LIVE,
     AT(swarm.torrent_peers_max), .min = 0, .max = UINT32_MAX, .zero = "no limit", .value = "N",
     .dflt = "0",
     .help = "peers stored in one torrent"},
    {.name = "max_peers_per_ip", .type = OPT_INT, IN(STORE), LIVE, AT(swarm.ip_peers_max),
     .min = 0, .max = SWARM_IP_PEERS_MAX, .zero = "no limit", .value = "N", .dflt = "16",
     .help = "peers stored in one torrent per IPv4 address or IPv6 /64",
     .more = "Loopback addresses are spared; see `limit_loopback`."},
    {.name = "limit_loopback", .type = OPT_FLAG, IN(STORE), LIVE, AT(swarm.ip_limit_loopback),
     .dflt = "no",
     .help = "hold loopback addresses to max_peers_per_ip too"},
    {.name = "completed_ttl", .type = OPT_TIME, IN(STORE), LIVE, AT(swarm.completed_ttl_s),
     .unit_ms = 1000, .min = 0, .max = HOURS(24 * 365), .value = "TIME", .dflt = "1d",
     .help = "how long an empty torrent's completed count is kept"},
    {.name = "sweep_period", .type = OPT_TIME, IN(STORE), LIVE, AT(app.sweep_period_s),
     .unit_ms = 1000, .min = 0, .max = MINUTES(10),
     .zero = "1/16 of a peer's lifetime, between 1s and 1m", .value = "TIME", .dflt = "0",
     .help = "time to look at every peer for expiry once; at most 1/8 of its lifetime"},

    /* ---- limits ---- */
    {.name = "rate_connect", .type = OPT_FRACTION, IN(LIMITS), LIVE,
     AT(tracker.rate.per_s[RATE_CONNECT]), .fraction_max = RATE_PER_S_MAX, .zero = "no limit",
     .value = "PER-SECOND", .dflt = "200",
     .help = "UDP connects, and heartbeats, of one address",
     .more = "An address is an IPv4 address or an IPv6 /64; behind a trusted proxy it is the "
             "client's. Each of these budgets is its own; `rate_burst` says what may come at once, "
             "`rate_prefix` what a whole network may ask, `rate_exempt` who has no limit. Whole "
             "towns may share one address: set these for abuse, not for use. Over this one is "
             "silence."},
    {.name = "rate_announce", .type = OPT_FRACTION, IN(LIMITS), LIVE,
     AT(tracker.rate.per_s[RATE_ANNOUNCE]), .fraction_max = RATE_PER_S_MAX, .zero = "no limit",
     .value = "PER-SECOND", .dflt = "200",
     .help = "announces of one address",
     .more = "Over UDP only those with a valid connection id count, so nobody can spend another's. "
             "Over it: a failure with `retry in`, a UDP error; silence when `rate_errors` is spent, "
             "too."},
    {.name = "rate_scrape", .type = OPT_FRACTION, IN(LIMITS), LIVE,
     AT(tracker.rate.per_s[RATE_SCRAPE]), .fraction_max = RATE_PER_S_MAX, .zero = "no limit",
     .value = "PER-SECOND", .dflt = "50",
     .help = "scrapes of one address",
     .more = "Of any number of torrents; full scrapes have `full_scrape_interval`."},
    {.name = "rate_connections", .type = OPT_FRACTION, IN(LIMITS), LIVE,
     AT(tracker.rate.per_s[RATE_CONNECTION]), .fraction_max = RATE_PER_S_MAX, .zero = "no limit",
     .value = "PER-SECOND", .dflt = "200",
     .help = "new TCP connections of one address",
     .more = "Over it a connection is closed unread. Those of a proxy that `real_ip_header` "
             "believes do not count; its clients' requests do."},
    {.name = "rate_errors", .type = OPT_FRACTION, IN(LIMITS), LIVE,
     AT(tracker.rate.per_s[RATE_ERROR]), .fraction_max = RATE_PER_S_MAX, .zero = "no limit",
     .value = "PER-SECOND", .dflt = "50",
     .help = "errors that one address is told",
     .more = "Whatever the error: a wrong connection id, a refusal, a bad request. After that, "
             "silence over UDP; over HTTP the connection closes without an answer."},
    {.name = "rate_burst", .type = OPT_TIME, IN(LIMITS), LIVE, AT(tracker.rate.burst_s),
     .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(1), .value = "TIME", .dflt = "10s",
     .help = "what may come at once, as the time in which it would come evenly",
     .more = "A client that starts announces everything it has. 10s and 200 a second: 2000 at "
             "once, then 200 a second."},
    {.name = "rate_prefix", .type = OPT_INT, IN(LIMITS), LIVE, AT(tracker.rate.prefix_times),
     .min = 1, .max = 65536, .zero = "no limit", .value = "TIMES", .dflt = "8",
     .help = "a /24 or an IPv6 /56 may ask so many times what an address may"},
    {.name = "rate_exempt", .type = OPT_LIST, IN(LIMITS), LIVE, AT(app.rate_exempt),
     .list = &OPTION_LIST_EXEMPT, .value = "PREFIX", .dflt = "127.0.0.0/8,::1",
     .range = "addresses, or prefixes without host bits: 10.0.0.0/8, 2001:db8::/32",
     .help = "whose requests are not limited"},
    {.name = "max_buffer_memory", .type = OPT_SIZE, IN(LIMITS), LIVE, AT(http.buffer_bytes_max),
     .min = MIB(1), .max = GIB(64), .value = "SIZE", .dflt = "256M",
     .help = "memory for what TCP clients sent in part, and what they do not take",
     .more = "Connections that need more when it is used up are closed. An idle connection needs "
             "none."},
    /* ---- access lists ---- */
    {.name = "allow_torrents", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_ALLOW_TORRENTS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_ALLOW_TORRENTS], .value = "PATH", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files or folders of torrents; no others are served",
     .more = "A file has an info hash a line: 40 or 64 hexadecimal digits, or 32 of base32. Of a folder "
             "every .torrent file counts, v1, v2 and hybrid; so does a .torrent file named alone. "
             "Lists may be packed by gzip. They are read at start, when a file changes, and at every "
             "reload, beside the work; a broken one is told by file and line, and the lists before "
             "stay. At start it is an error. Files must be readable by `user`."},
    {.name = "deny_torrents", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_DENY_TORRENTS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_DENY_TORRENTS], .value = "PATH", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files or folders of torrents that are not served",
     .more = "What follows a hash in its line is the reason that clients are told. Of a torrent in both "
             "lists this one holds."},
    {.name = "allow_ips", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_ALLOW_IPS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_ALLOW_IPS], .value = "FILE", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files of addresses; nobody else is served",
     .more = "A line is an address, a prefix, or a range FIRST-LAST, of IPv4 or IPv6; lines of eMule's "
             "ipfilter.dat and of PeerGuardian (P2P) are read as well."},
    {.name = "deny_ips", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_DENY_IPS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_DENY_IPS], .value = "FILE", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files of addresses that are not served",
     .more = "With reasons, as above: behind the address, or the name that the other formats have. Of an "
             "address in both lists this one holds."},
    {.name = "allow_clients", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_ALLOW_CLIENTS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_ALLOW_CLIENTS], .value = "FILE", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files of client software; no other is served",
     .more = "A line is how peer ids begin, then versions if not all: `-TR 2.00-2.93`, `-qB 4.2-`. "
             "Versions are compared character by character as the peer id has them, dots ignored, with "
             "A for 10 and so on. Peer ids are easily forged."},
    {.name = "deny_clients", .type = OPT_LIST, IN(ACCESS), LIVE,
     AT(access.files[ACCESS_DENY_CLIENTS]),
     .path = PATH_READ, .list = &OPTION_LIST_ACCESS[ACCESS_DENY_CLIENTS], .value = "FILE", .dflt = "",
     .range = ACCESS_FILES_RANGE,
     .help = "files of client software that is not served",
     .more = "With reasons: `-XL * not welcome here`. Of a client in both lists this one holds."},
    {.name = "deny_ports", .type = OPT_LIST, IN(ACCESS), LIVE, AT(access.ports),
     .list = &OPTION_LIST_PORTS, .value = "PORTS", .dflt = "",
     .range = "PORT or FIRST-LAST, 1..65535; up to 64",
     .help = "ports that no peer may announce",
     .more = "Such as 1-1023, so that nobody makes others connect to a web or mail server."},

    /* ---- the system ---- */
    {.name = "workers", .short_name = 'w', .type = OPT_INT, IN(SYSTEM), RESTART, AT(app.workers),
     .min = 0, .max = 256, .zero = "one per CPU that may be used", .value = "N", .dflt = "0",
     .help = "threads that serve"},
    {.name = "user", .type = OPT_TEXT, IN(SYSTEM), RESTART, AT(app.user), .may_hold = is_name,
     .value = "NAME",
     .range = "a user's name; empty: stay", .dflt = "nobody",
     .help = "who to become after binding, when started as root"},
    {.name = "nofile", .type = OPT_LIMIT, IN(SYSTEM), RESTART, AT(app.nofile), .value = "N",
     .dflt = "-1",
     .help = "open files limit; -1 raises it to the hard limit"},
    {.name = "core", .type = OPT_LIMIT, IN(SYSTEM), RESTART, AT(app.core), .value = "N",
     .dflt = "unchanged",
     .help = "core file size limit, bytes; -1 as above"},
    {.name = "drain_timeout", .type = OPT_TIME, IN(SYSTEM), LIVE, AT(app.drain_ms), .unit_ms = 1,
     .min = 0, .max = MINUTES(10), .value = "TIME", .dflt = "5s",
     .help = "how long a stop waits for requests in hand"},
    {.name = "chroot", .type = OPT_TEXT, IN(SYSTEM), RESTART, AT(app.chroot),
     .may_hold = is_path, .value = "FOLDER", .dflt = "", .range = "a path; empty: none",
     .help = "make this folder the root, when started as root",
     .more = "After everything that a start reads and before anybody is served. What is opened later "
             "is looked for in there, by the same names: the configuration file at a reload, web_root, "
             "the admin socket, databases, lists and state. The commands find the socket when they "
             "are given this option, too. A restart in place is not possible from inside."},
    {.name = "sandbox", .type = OPT_CHOICE, IN(SYSTEM), RESTART, AT(app.sandbox),
     .choices = "off on strict", .value = "HOW", .dflt = "on",
     .help = "after the start, allow only what serving needs",
     .more = "`on`: system calls are filtered (seccomp), workers most of all; files in reach are those "
             "of folders that options name (Landlock); the only program that can be started is muster "
             "itself, for a restart in place or an upgrade. `strict`: not even that; a call that is "
             "not allowed ends the process; and where the kernel lacks either layer muster does not "
             "serve. A reload that names a path elsewhere is refused."},
    {.name = "watchdog", .type = OPT_TIME, IN(SYSTEM), LIVE, AT(app.watchdog_ms), .unit_ms = 1,
     .min = SECONDS(1), .max = MINUTES(10), .zero = "never", .value = "TIME", .dflt = "10s",
     .help = "report a worker that has been stuck for so long",
     .more = "By a log line and metrics; and a service manager that waits for signs of life "
             "(WatchdogSec= of systemd) gets none while a worker is stuck, and restarts muster."},

    /* ---- operator pages ---- */
    {.name = "admin_listen", .type = OPT_LIST, IN(PAGES), RESTART, AT(app.admin_listen),
     .list = &OPTION_LIST_ADMIN, .value = "ADDRESS", .dflt = "127.0.0.1:6970",
     .range = "ADDRESS[:PORT], a PORT of 127.0.0.1, or off",
     .help = "where operators find every page, metrics and settings",
     .more = "Keep it off the Internet, or behind a proxy that speaks TLS. Without a port: 6970. "
             "When another program has the default address, muster warns and serves without; one "
             "that is written down must work."},
    {.name = "admin_socket", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.admin_socket),
     .may_hold = is_path, .path = PATH_OWN, .value = "FILE", .dflt = "",
     .range = "a path; off; empty: chosen by the port",
     .help = "Unix socket that `muster status` and its like speak to",
     .more = "Whoever may open it is the owner; its mode is 0600. Chosen: /run/muster/PORT.sock "
             "where that folder is or can be made, else muster-PORT.sock in $XDG_RUNTIME_DIR, "
             "else PORT.sock in /tmp/muster-UID."},
    {.name = "admin_hosts", .type = OPT_TEXT, IN(PAGES), LIVE, AT(app.admin_hosts),
     .may_hold = is_name_list, .value = "NAMES", .dflt = "",
     .range = "names of hosts, separated by commas",
     .help = "names under which browsers find the admin listener",
     .more = "Addresses and localhost need none. Another name in a request's Host is refused (421): "
             "else a page on the Internet could have its own name lead here and read the pages "
             "from within a visitor's browser. While this names any, `real_ip_header` of a trusted "
             "proxy is believed on the admin listener, too."},
    {.name = "public_stats", .type = OPT_FLAG, IN(PAGES), LIVE, AT(app.public_stats),
     .dflt = "yes",
     .help = "show the statistics on the main port"},
    {.name = "public_metrics", .type = OPT_FLAG, IN(PAGES), LIVE, AT(app.public_metrics),
     .dflt = "no",
     .help = "serve /metrics on the main port"},
    {.name = "web_root", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.web_root),
     .may_hold = is_path, .path = PATH_READ, .value = "FOLDER", .dflt = "", .range = "a path; empty: none",
     .help = "a folder of your own pages, served too",
     .more = "Must be readable by `user`. Built-in pages win, but for /, /robots.txt, /favicon.ico "
             "and /dmca. Files up to 8 MiB; no hidden files, no symbolic links; NAME.gz beside "
             "NAME is sent to clients that take gzip; a folder's page is its index.html."},
    {.name = "admin_password", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.admin_password),
     .may_hold = is_password_hash, .secret = true, .value = "HASH", .dflt = "",
     .range = "a hash that `muster password` prints",
     .help = "the owner's password, hashed: asked for where settings change",
     .more = "`muster password` asks for a password and prints the line for the configuration file. "
             "Without one the token in `admin_token_file` is asked for. The Unix socket asks for "
             "nothing: who can open it is the owner."},
    {.name = "admin_token_file", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.admin_token_file),
     .may_hold = is_path, .path = PATH_OWN, .value = "FILE", .dflt = "",
     .range = "a path; empty: beside the admin socket",
     .help = "holds the token that is the password where none is set",
     .more = "Made at the first start, readable by its owner only, and kept. It may be written by "
             "hand too: one word of 20 characters or more. The log says where it is. A file that "
             "others can read is not used."},
    {.name = "compat_api", .type = OPT_FLAG, IN(PAGES), LIVE, AT(app.compat_api), .dflt = "no",
     .help = "serve etracker's /api/set: settings by GET, off for a reason",
     .more = "GET /api/set?keep_alive=&interval=&max_peers_response=&socket_timeout= with the header "
             "X-Requested-With: XMLHttpRequest and, by HTTP Basic, user etracker and the owner's "
             "password or token. A GET that changes something may be sent twice by browsers and "
             "proxies, its values stand in their logs, and on the main port the password travels "
             "unencrypted. For programs that know nothing else; /api/settings has none of this."},
    {.name = "map", .type = OPT_CHOICE, IN(PAGES), LIVE, AT(map.mode),
     .choices = "off local public", .value = "WHO", .dflt = "public",
     .help = "who may watch the live world map",
     .more = "`local`: only those who reach the operators' listener or socket. Places are rounded to "
             "0.1 degree, announces are sampled, and no address leaves the server."},
    {.name = "geoip_file", .type = OPT_TEXT, IN(PAGES), LIVE, AT(map.geoip_file),
     .may_hold = is_path, .path = PATH_READ, .value = "FILE", .dflt = "",
     .range = "a path; empty: etracker's file, where it is",
     .help = "where addresses are: an MMDB, or IP2LOCATION-LITE-DB5.CSV",
     .more = "Loaded beside the work; a SIGHUP looks whether the file has changed, so replace it by "
             "renaming the new one over it. A broken file is reported by its line, and the one "
             "before stays. Empty: IP2LOCATION-LITE-DB5.CSV, or its IPV6 form, in the working "
             "directory or its parent. `muster geoip` tells what is found, and where to get one."},
    {.name = "map_viewers_max", .type = OPT_INT, IN(PAGES), LIVE, AT(map.viewers_max), .min = 1,
     .max = MAP_VIEWERS_MAX, .value = "N", .dflt = "100",
     .help = "viewers of the map at a time; at most 8 of one address"},
    {.name = "map_lights_per_s", .type = OPT_INT, IN(PAGES), LIVE, AT(map.lights_per_s), .min = 1,
     .max = MAP_LIGHTS_PER_S_MAX, .value = "N", .dflt = "200",
     .help = "lights a second that a viewer is sent; of more announces, a random sample"},
    {.name = "no_locations", .type = OPT_FLAG, IN(PAGES), LIVE, AT(map.no_locations),
     .dflt = "no",
     .help = "load no database of locations"},
    {.name = "stats", .type = OPT_CHOICE, IN(PAGES), RESTART, AT(app.stats),
     .choices = "full minimal", .value = "LEVEL", .dflt = "full",
     .help = "how much is counted",
     .more = "Minimal leaves out latency, client software, top talkers, re-announce delays and "
             "the history of charts. Full costs less than 2 % of a UDP announce."},
    {.name = "top_swarms", .type = OPT_CHOICE, IN(PAGES), LIVE, AT(app.top_swarms),
     .choices = "off local public", .value = "WHO", .dflt = "local",
     .help = "who may see the info hashes of the largest swarms",
     .more = "Local: the admin listener and the Unix socket. Public: the main port, too."},
    {.name = "charset", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.charset),
     .may_hold = is_name, .value = "NAME",
     .range = "a character set's name", .dflt = "utf-8",
     .help = "character set of the plain statistics page, /stats"},
    {.name = "locale", .type = OPT_TEXT, IN(PAGES), RESTART, AT(app.locale),
     .may_hold = is_name, .value = "NAME",
     .range = "a locale's name; empty: the environment's", .dflt = "",
     .help = "locale whose thousands separators /stats has",
     .more = "When it is given, the log line has them too, if they are ASCII, and a space for a "
             "no-break space. A locale that the system does not know is logged, and numbers stay "
             "plain."},

    /* ---- state ---- */
    {.name = "state_dir", .type = OPT_TEXT, IN(STATE), RESTART, AT(app.state_dir),
     .may_hold = is_path, .path = PATH_STATE, .value = "FOLDER", .dflt = "",
     .range = "a path; empty: a restart forgets everything",
     .help = "where torrents and peers outlive a restart",
     .more = "Made when it is missing; it must belong to `user`, and no other muster may use it. "
             "Snapshots of the store are saved there every `save_interval`, on SIGUSR1, by "
             "`muster save` and at the end, and loaded at the start. Connection ids stay valid, too. "
             "Up to three snapshots lie there at a time: each some 22 bytes a torrent and 12 a peer."},
    {.name = "save_interval", .type = OPT_TIME, IN(STATE), LIVE, AT(app.save_interval_s),
     .unit_ms = 1000, .min = SECONDS(1), .max = HOURS(24), .value = "TIME", .dflt = "5m",
     .zero = "only when asked, and at the end",
     .help = "time between two snapshots: what a crash may lose"},
};
/* clang-format on */

const size_t OPTION_COUNT = sizeof OPTIONS / sizeof *OPTIONS;
_Static_assert(sizeof OPTIONS / sizeof *OPTIONS <= OPTIONS_MAX,
               "struct settings has one origin a row");

static const char *const GROUP_TITLES[GROUP_COUNT] = {
    [GROUP_START] = "Start and log",
    [GROUP_LISTEN] = "Listening",
    [GROUP_INTERVAL] = "Interval and load",
    [GROUP_ANSWER] = "Answers",
    [GROUP_UDP] = "UDP",
    [GROUP_HTTP] = "HTTP",
    [GROUP_PROXY] = "Behind a proxy",
    [GROUP_STORE] = "Torrents and peers",
    [GROUP_LIMITS] = "Limits",
    [GROUP_ACCESS] = "Access",
    [GROUP_SYSTEM] = "System",
    [GROUP_PAGES] = "Operator pages",
    [GROUP_STATE] = "State",
};

const char *option_group_title(enum option_group group)
{
    return GROUP_TITLES[group];
}

/* Programs know groups by these; they do not change. */
static const char *const GROUP_IDS[GROUP_COUNT] = {
    [GROUP_START] = "start",   [GROUP_LISTEN] = "listen", [GROUP_INTERVAL] = "interval",
    [GROUP_ANSWER] = "answer", [GROUP_UDP] = "udp",       [GROUP_HTTP] = "http",
    [GROUP_PROXY] = "proxy",   [GROUP_STORE] = "store",   [GROUP_LIMITS] = "limits",
    [GROUP_ACCESS] = "access", [GROUP_SYSTEM] = "system", [GROUP_PAGES] = "pages",
    [GROUP_STATE] = "state",
};

const char *option_group_id(enum option_group group)
{
    return GROUP_IDS[group];
}

static const char *const SOURCE_NAMES[] = {
    [SOURCE_DEFAULT] = "default",
    [SOURCE_FILE] = "file",
    [SOURCE_ENVIRONMENT] = "environment",
    [SOURCE_COMMAND_LINE] = "command line",
    [SOURCE_LIVE] = "live",
};

const char *option_source_name(enum option_source source)
{
    return SOURCE_NAMES[source];
}
