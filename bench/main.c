/* main.c - muster-bench: options, phases, report. */
#include "bench/http_load.h"
#include "bench/report.h"
#include "bench/udp_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2 };

static bool bench_init(struct bench *b, const struct bench_opts *o)
{
    uint64_t outstanding = BENCH_WINDOW_MAX;
    *b = (struct bench){.opts = o};
    sigemptyset(&b->stop_signals);
    sigaddset(&b->stop_signals, SIGINT);
    sigaddset(&b->stop_signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &b->stop_signals, NULL);
    return world_init(&b->world, &o->world) &&
           plan_init(&b->plan, &b->world, &o->mix, outstanding, o->world.seed);
}

/* Announce every peer once. Fills go over UDP whatever is measured: that is the fastest door. */
static bool fill(struct bench *b, struct udp_load *udp, struct report *r)
{
    if (!b->opts->fill) return true;
    udp_load_run(udp, PHASE_FILL, 0);
    r->filled = tally_sum(b->tally.answered);
    r->fill_ns = b->tally.end_ns - b->tally.start_ns;
    if (!tally_flaws(&b->tally)) return true;
    for (int i = FLAW_NONE + 1; i < FLAW_COUNT; i++)
        if (b->tally.flaws[i])
            fprintf(stderr, "muster-bench: while filling: wrong (%s): %" PRIu64 "\n", FLAW_NAMES[i],
                    b->tally.flaws[i]);
    return false;
}

static bool run_udp(struct bench *b, struct report *r)
{
    struct udp_load *udp = udp_load_new(b);
    if (!udp) return false;
    bool is_fine = udp_load_connect(udp);
    if (!is_fine) fprintf(stderr, "muster-bench: no connection id from the target over UDP\n");
    is_fine = is_fine && fill(b, udp, r);
    if (is_fine && !b->opts->http) {
        if (b->opts->warmup_ms) udp_load_run(udp, PHASE_LOAD, b->opts->warmup_ms);
        udp_load_run(udp, PHASE_LOAD, b->opts->duration_ms);
    }
    udp_load_free(udp);
    return is_fine;
}

static bool run_http(struct bench *b)
{
    struct http_load *http = http_load_new(b);
    if (!http) return false;
    if (b->opts->warmup_ms) http_load_run(http, b->opts->warmup_ms);
    http_load_run(http, b->opts->duration_ms);
    http_load_free(http);
    return true;
}

static void hashes_print(const struct bench *b)
{
    for (uint64_t i = 0; i < b->opts->world.torrents; i++) {
        struct info_hash hash;
        world_info_hash(&b->world, i, &hash);
        for (int at = 0; at < INFO_HASH_BYTES; at++)
            printf("%02x", hash.bytes[at]);
        putchar('\n');
    }
}

static bool json_write(const char *name, const struct report *r)
{
    if (!strcmp(name, "-")) {
        report_json(stdout, r);
        return true;
    }
    FILE *f = fopen(name, "we");
    if (!f) {
        fprintf(stderr, "muster-bench: %s: %s\n", name, strerror(errno));
        return false;
    }
    report_json(f, r);
    return fclose(f) == 0;
}

static int tell(const struct bench *b, const struct report *r)
{
    const char *json = b->opts->json;
    if (!b->opts->quiet) fputc('\n', stderr);
    report_text(json && !strcmp(json, "-") ? stderr : stdout, r);
    if (json && !json_write(json, r)) return EXIT_WRONG;
    return tally_flaws(r->load) || !tally_sum(r->load->answered) ? EXIT_WRONG : EXIT_RIGHT;
}

static int run(struct bench *b)
{
    const struct bench_opts *o = b->opts;
    struct report report = {.opts = o, .load = &b->tally};
    struct server_cost idle;
    if (o->hashes) {
        hashes_print(b);
        return EXIT_RIGHT;
    }
    if (o->pid_count && !server_cost_read(o->pids, o->pid_count, &idle)) {
        fprintf(stderr, "muster-bench: no such process: --pid\n");
        return EXIT_USAGE;
    }
    if (o->pid_count) report.rss_before_bytes = idle.rss_bytes;
    bool is_fine = (o->http && !o->fill) || run_udp(b, &report);
    if (is_fine && o->http) is_fine = run_http(b);
    return is_fine ? tell(b, &report) : EXIT_WRONG;
}

int main(int argc, char **argv)
{
    struct bench_opts opts;
    switch (options_read(&opts, argc, argv)) {
    case OPTIONS_DONE: return EXIT_RIGHT;
    case OPTIONS_BAD: return EXIT_USAGE;
    case OPTIONS_RUN: break;
    }
    struct bench *b = malloc(sizeof *b);
    if (!b || !bench_init(b, &opts)) {
        fprintf(stderr, "muster-bench: not enough memory for so many peers\n");
        return EXIT_WRONG;
    }
    int code = run(b);
    plan_fini(&b->plan);
    world_fini(&b->world);
    free(b);
    return code;
}
