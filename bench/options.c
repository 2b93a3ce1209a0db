/* options.c - one table of rows: getopt_long, --help and the range checks come from it. */
#include "bench/options.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define MIX_WEIGHT_MAX 1000000u

enum kind { FLAG, FLAG_OFF, COUNT_32, COUNT_64, TIME, NUMBER, MIX, PID, TEXT, HELP };

struct row {
    const char *name;
    char letter; /* 0: none */
    enum kind kind;
    size_t at; /* of the field */
    uint64_t min, max;
    const char *value, *help;
};

#define AT(field) offsetof(struct bench_opts, field)

static const struct row ROWS[] = {
    {"torrents", 't', COUNT_64, AT(world.torrents), 1, 1ull << 32, "N", "torrents [10k]"},
    {"peers", 'p', COUNT_64, AT(world.peers), 1, 1ull << 32, "N",
     "live peers over all torrents [100k]"},
    {"zipf", 'z', NUMBER, AT(world.zipf_s), 0, 10, "S", "popularity 1/rank^S; 0: uniform [0]"},
    {"seeders", 'S', COUNT_32, AT(world.seeders_pct), 0, 100, "PCT", "share of seeders [0]"},
    {"no-fill", 'F', FLAG_OFF, AT(fill), 0, 0, NULL,
     "do not announce every peer once (over UDP) before measuring: how many peers\n"
     "a torrent has is not known then, so numbers are not looked at"},
    {"mix", 'm', MIX, AT(mix), 0, 0, "KIND=N,...",
     "weights of connect, announce, started, stopped, completed, scrape,\n"
     "churn (the oldest peer leaves, another comes), bad_id [announce=1]"},
    {"numwant", 'n', COUNT_32, AT(numwant), 0, BENCH_NUMWANT_MAX, "N", "peers asked for [50]"},
    {"scrape-hashes", 'H', COUNT_32, AT(scrape_hashes), 1, BENCH_HASHES_MAX, "N",
     "hashes of a scrape [74]"},
    {"sources", 's', COUNT_32, AT(world.sources), 1, BENCH_SOURCES_MAX, "N",
     "source addresses, 127.1.0.0 upward; IPv6 has ::1 only [256]"},
    {"first-source", 'o', COUNT_32, AT(world.source_first), 0, BENCH_SOURCES_MAX, "N",
     "of these addresses, begin with number N [0]"},
    {"source-gap", 'g', COUNT_32, AT(world.source_gap), 0, 255, "N",
     "leave N addresses out between two; 255: one of each /24 [0]"},
    {"sockets", 'k', COUNT_32, AT(sockets), 1, BENCH_SOCKETS_MAX, "N",
     "UDP: source ports; each goes with every source address [2]"},
    {"window", 'w', COUNT_32, AT(window), 1, BENCH_WINDOW_MAX, "N",
     "UDP, closed loop: outstanding requests [512]"},
    {"batch", 'b', COUNT_32, AT(batch), 1, BENCH_BATCH_MAX, "N", "UDP: datagrams a call [64]"},
    {"connections", 'c', COUNT_32, AT(connections), 1, BENCH_CONNECTIONS_MAX, "N",
     "HTTP: connections open at a time [64]"},
    {"pipeline", 'P', COUNT_32, AT(pipeline), 1, BENCH_PIPELINE_MAX, "N",
     "HTTP: requests under way on a connection [1]"},
    {"close", 'C', FLAG, AT(close), 0, 0, NULL, "HTTP: a connection per request"},
    {"rate", 'r', COUNT_64, AT(rate), 1, 100000000, "N",
     "open loop: so many requests a second, whatever the server does; latency\n"
     "counts from when a request was due [closed loop: the next when one is answered]"},
    {"duration", 'd', TIME, AT(duration_ms), 10, 86400000, "TIME", "measure for so long [5s]"},
    {"requests", 'N', COUNT_64, AT(requests_max), 1, 1ull << 40, "N", "or for so many requests"},
    {"warmup", 'W', TIME, AT(warmup_ms), 0, 600000, "TIME", "load before measuring [500ms]"},
    {"timeout", 'T', TIME, AT(timeout_ms), 1, 60000, "TIME",
     "an answer is lost after this; a late one still counts with its latency [1s]"},
    {"loss-max", 'L', NUMBER, AT(loss_max_pct), 0, 100, "PERCENT",
     "exit status 3 when more of what was due is lost or never sent [1]"},
    {"pid", 'i', PID, 0, 1, 1ull << 30, "PID",
     "report CPU and memory of this process (repeatable)"},
    {"deep", 'D', COUNT_32, AT(deep_every), 0, 1000000, "N",
     "look at every Nth answer closely: each peer was announced for the torrent,\n"
     "comes once and is not the asker; scrapes are of the torrents asked for.\n"
     "After this run's own fill, and without churn, stopped or completed: seeders\n"
     "and leechers are as many as there are, and half of the peers that there are\n"
     "(never more than 10 are demanded) are given. 0: never [64]"},
    {"seed", 'e', COUNT_64, AT(world.seed), 0, UINT64_MAX, "N",
     "the same seed is the same load [1]"},
    {"sleep", 'l', FLAG, AT(sleep), 0, 0, NULL, "sleep between answers instead of spinning"},
    {"json", 'j', TEXT, AT(json), 0, 0, "FILE",
     "write the report as JSON, too; -: to standard output"},
    {"hashes", 'x', FLAG, AT(hashes), 0, 0, NULL,
     "only print the info hashes, for trackers that want a whitelist"},
    {"quiet", 'q', FLAG, AT(quiet), 0, 0, NULL, "no progress line"},
    {"allow-remote", 'R', FLAG, AT(allow_remote), 0, 0, NULL,
     "targets other than loopback; only with their owner's consent"},
    {"help", 'h', HELP, 0, 0, 0, NULL, "print this and stop"},
};

#define ROW_COUNT (sizeof ROWS / sizeof *ROWS)

static void help_print(void)
{
    printf("muster-bench - ask a tracker as fast as it can answer, or as fast as told, and check "
           "it\n\n"
           "Usage: muster-bench [OPTIONS] URL\n\n"
           "  URL  udp://ADDRESS:PORT or http://ADDRESS:PORT[/PATH]; [::1] for IPv6\n\n"
           "Options (N may end in k or M):\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *r = &ROWS[i];
        char left[48];
        snprintf(left, sizeof left, "-%c, --%s%s%s", r->letter, r->name, r->value ? " " : "",
                 r->value ? r->value : "");
        printf("  %-26s ", left);
        for (const char *at = r->help; *at; at++)
            *at == '\n' ? printf("\n%29s", "") : putchar(*at);
        putchar('\n');
    }
    printf("\nEvery answer is checked for its form, lengths, ids, source address, keys; some for "
           "their\n"
           "contents, too (--deep). A run that finds peers of a run with other options calls them\n"
           "wrong: give it another --seed.\n"
           "In an open loop every request counts that was due: one that is lost or finds no room\n"
           "with the time it waited, which makes a latency be told as \"at least\".\n"
           "\nExamples:\n"
           "  muster-bench --pid $(pidof muster) udp://127.0.0.1:6969\n"
           "  muster-bench -t 1M -p 2M -z 1.0 --mix announce=90,scrape=5,churn=5 "
           "udp://127.0.0.1:6969\n"
           "  muster-bench --close -c 128 http://127.0.0.1:6969/announce\n"
           "  muster-bench --rate 100k -d 30s --json - udp://[::1]:6969\n"
           "\nExit status: 0 every answer was right; 1 some were not, or none came; 2 usage;\n"
           "3 more was lost than --loss-max, or a process of --pid ended.\n");
}

/* ---- values ---- */

static bool count_parse(const char *text, uint64_t *out)
{
    size_t len = strlen(text);
    uint64_t factor = 1;
    if (len && (text[len - 1] == 'k' || text[len - 1] == 'K')) factor = 1000;
    if (len && (text[len - 1] == 'm' || text[len - 1] == 'M')) factor = 1000000;
    if (factor > 1) len--;
    return text_u64(view_of(text, len), out) == ERR_OK &&
           !__builtin_mul_overflow(*out, factor, out);
}

/* "announce=9,scrape=1" */
static bool mix_parse(char *text, struct mix *out)
{
    uint64_t total = 0;
    *out = (struct mix){0};
    for (char *item; (item = strsep(&text, ","));) {
        char *equals = strchr(item, '=');
        uint64_t weight = 1;
        int kind = 0;
        if (equals) *equals = '\0';
        if (equals && (!count_parse(equals + 1, &weight) || weight > MIX_WEIGHT_MAX)) return false;
        while (kind < ASK_COUNT && strcmp(item, ASK_NAMES[kind]) != 0)
            kind++;
        if (kind == ASK_COUNT) return false;
        out->weight[kind] = (uint32_t)weight;
        total += weight;
    }
    return total > 0;
}

static bool pid_add(struct bench_opts *o, uint64_t pid)
{
    if (o->pid_count == SERVER_PIDS_MAX) return false;
    o->pids[o->pid_count++] = (int)pid;
    return true;
}

static bool in_range(const struct row *r, uint64_t value)
{
    return value >= r->min && value <= r->max;
}

static bool row_set(struct bench_opts *o, const struct row *r, char *text)
{
    void *field = (char *)o + r->at;
    uint64_t value = 0;
    switch (r->kind) {
    case FLAG: *(bool *)field = true; return true;
    case FLAG_OFF: *(bool *)field = false; return true;
    case TEXT: *(const char **)field = text; return true;
    case MIX: return mix_parse(text, field);
    case NUMBER:
        return text_fraction(view_of(text, strlen(text)), field) == ERR_OK &&
               *(double *)field <= (double)r->max;
    case TIME:
        if (text_duration_ms(view_of(text, strlen(text)), field) != ERR_OK) return false;
        return in_range(r, *(uint64_t *)field);
    case PID: return count_parse(text, &value) && in_range(r, value) && pid_add(o, value);
    case COUNT_32:
        if (!count_parse(text, &value) || !in_range(r, value)) return false;
        *(uint32_t *)field = (uint32_t)value;
        return true;
    case COUNT_64: return count_parse(text, field) && in_range(r, *(uint64_t *)field);
    case HELP: break;
    }
    return true;
}

/* ---- the target ---- */

static bool is_loopback(const struct address *a)
{
    static const uint8_t V6[16] = {[15] = 1};
    return a->family == FAMILY_V4 ? a->ip[0] == 127 : memcmp(a->ip, V6, sizeof V6) == 0;
}

/* The text between `from` and `to` as an address. */
static bool host_parse(const char *from, size_t len, bool v6, struct address *out)
{
    char host[INET6_ADDRSTRLEN] = "";
    *out = (struct address){.family = v6 ? FAMILY_V6 : FAMILY_V4};
    if (len >= sizeof host) return false;
    memcpy(host, from, len);
    return inet_pton(v6 ? AF_INET6 : AF_INET, host, out->ip) == 1;
}

static bool url_parse(struct bench_opts *o, const char *url)
{
    o->url = url;
    o->http = strncmp(url, "http://", 7) == 0;
    if (!o->http && strncmp(url, "udp://", 6) != 0) return false;
    const char *host = url + (o->http ? 7 : 6);
    bool v6 = *host == '[';
    const char *end = strchr(host, v6 ? ']' : ':');
    if (!end || !host_parse(host + v6, (size_t)(end - host) - v6, v6, &o->target)) return false;
    end += v6;
    if (*end != ':') return false;
    const char *path = strchrnul(end, '/');
    uint64_t port;
    if (text_u64(view_of(end + 1, (size_t)(path - end - 1)), &port) != ERR_OK) return false;
    if (port < 1 || port > 65535) return false;
    o->port = (uint16_t)port;
    o->world.family = o->target.family;
    if (!*path || (path[0] == '/' && !path[1])) path = "/announce";
    if (strlen(path) >= sizeof o->path) return false;
    memcpy(o->path, path, strlen(path) + 1);
    return true;
}

static enum options_result complain(const char *what, const char *value)
{
    fprintf(stderr, "muster-bench: %s '%s'; --help tells more\n", what, value);
    return OPTIONS_BAD;
}

static enum options_result range_complain(const struct row *r, const char *value)
{
    char min[TEXT_NUMBER_BYTES_MAX], max[TEXT_NUMBER_BYTES_MAX];
    fprintf(stderr, "muster-bench: --%s: bad value '%s'", r->name, value);
    if (r->kind == TIME) {
        text_print_duration(min, r->min);
        text_print_duration(max, r->max);
        fprintf(stderr, " (%s to %s; units are ms, s, m, h, d)", min, max);
    } else if (r->kind == MIX) {
        fprintf(stderr, " (KIND=WEIGHT,... of");
        for (int i = 0; i < ASK_COUNT; i++)
            fprintf(stderr, " %s", ASK_NAMES[i]);
        fprintf(stderr, "; weights up to %u, not all 0)", MIX_WEIGHT_MAX);
    } else if (r->max) {
        fprintf(stderr, " (%" PRIu64 " to %" PRIu64 ")", r->min, r->max);
    }
    fprintf(stderr, "\n");
    return OPTIONS_BAD;
}

/* Do the source addresses fit into 127.0.0.0/8, without its last one, a broadcast? */
static bool sources_fit(const struct bench_opts *o)
{
    if (o->world.family == FAMILY_V6 || world_last_source(&o->world) < (1u << 24) - 1) return true;
    uint64_t most = ((1u << 24) - 2 - 0x10000) / (o->world.source_gap + 1) + 1;
    fprintf(stderr,
            "muster-bench: --sources %u leaves 127.0.0.0/8: with --source-gap %u there are %" PRIu64
            " from 127.1.0.0 on, and --first-source is one of them\n",
            o->world.sources, o->world.source_gap, most);
    return false;
}

static enum options_result target_read(struct bench_opts *o, const char *url)
{
    if (!url_parse(o, url)) return complain("not a URL of a tracker:", url);
    if (!is_loopback(&o->target) && !o->allow_remote)
        return complain("only loopback is asked without --allow-remote:", url);
    o->is_remote = !is_loopback(&o->target);
    if (o->is_remote || o->world.family == FAMILY_V6) o->world.sources = 1;
    if (o->pipeline > 1 && o->close) return complain("does not go with --close:", "--pipeline");
    if (o->world.peers < o->world.sources) return complain("fewer peers than", "--sources");
    if (o->http && (o->mix.weight[ASK_CONNECT] || o->mix.weight[ASK_BAD_ID]))
        return complain("HTTP has no connection ids:", "--mix");
    return sources_fit(o) ? OPTIONS_RUN : OPTIONS_BAD;
}

static const struct bench_opts DEFAULTS = {
    .world = {.torrents = 10000, .peers = 100000, .sources = 256, .seed = 1},
    .fill = true,
    .mix = {.weight = {[ASK_ANNOUNCE] = 1}},
    .numwant = 50,
    .scrape_hashes = 74,
    .duration_ms = 5000,
    .warmup_ms = 500,
    .timeout_ms = 1000,
    .loss_max_pct = 1,
    .window = 512,
    .batch = 64,
    .sockets = 2,
    .connections = 64,
    .pipeline = 1,
    .deep_every = 64,
};

enum options_result options_read(struct bench_opts *o, int argc, char **argv)
{
    struct option longs[ROW_COUNT + 1] = {0};
    char letters[2 * ROW_COUNT + 1] = "", *at = letters;
    *o = DEFAULTS;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        bool has_value = ROWS[i].value != NULL;
        longs[i] = (struct option){ROWS[i].name, has_value, NULL, ROWS[i].letter};
        *at++ = ROWS[i].letter;
        if (has_value) *at++ = ':';
    }
    for (int letter; (letter = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        const struct row *r = ROWS;
        while (r < ROWS + ROW_COUNT && r->letter != letter)
            r++;
        if (r == ROWS + ROW_COUNT) return OPTIONS_BAD; /* getopt told it */
        if (r->kind == HELP) {
            help_print();
            return OPTIONS_DONE;
        }
        if (!row_set(o, r, optarg)) return range_complain(r, optarg);
    }
    if (argc - optind != 1)
        return complain("one URL is needed, not", optind < argc ? argv[argc - 1] : "");
    return target_read(o, argv[optind]);
}
