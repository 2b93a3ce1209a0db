/* main.c - muster-bench: options, phases, report. */
#include "bench/http_load.h"
#include "bench/report.h"
#include "bench/silence.h"
#include "bench/udp_load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { EXIT_RIGHT = 0, EXIT_WRONG = 1, EXIT_USAGE = 2, EXIT_LOSS = 3 };

static bool bench_init(struct bench *b, const struct bench_opts *o)
{
    uint64_t outstanding = BENCH_WINDOW_MAX;
    *b = (struct bench){.opts = o, .interval_s = UINT32_MAX};
    return world_init(&b->world, &o->world) &&
           plan_init(&b->plan, &b->world, &o->mix, outstanding, o->world.seed);
}

/* What can make right answers look wrong. */
static void hint_tell(const struct tally *t)
{
    if (t->flaws[FLAW_FOREIGN] || t->flaws[FLAW_COUNTS] || t->flaws[FLAW_TOO_FEW])
        fprintf(stderr, "muster-bench: if a run with other options left its peers there, take "
                        "another --seed; if the tracker sees other addresses than we send from, or "
                        "makes its answers up, --deep 0\n");
}

static void flaws_tell(const struct bench *b, const char *when)
{
    for (int i = FLAW_NONE + 1; i < FLAW_COUNT; i++)
        if (b->tally.flaws[i])
            fprintf(stderr, "muster-bench: while %s: wrong (%s): %" PRIu64 ": %s\n", when,
                    FLAW_NAMES[i], b->tally.flaws[i], FLAW_HELP[i]);
    hint_tell(&b->tally);
}

static void failures_tell(const struct bench *b)
{
    for (int i = 0; i < TALLY_ERRNOS_MAX && b->tally.errnos[i].number; i++)
        fprintf(stderr, "muster-bench: failed to send %" PRIu64 " times: %s\n",
                b->tally.errnos[i].count, strerror(b->tally.errnos[i].number));
}

/* Get connection ids for all addresses. */
static bool connect_all(struct bench *b, struct udp_load *udp)
{
    if (udp_load_connect(udp) || b->interrupted) return !b->interrupted;
    flaws_tell(b, "connecting");
    failures_tell(b);
    silence_explain(b->opts);
    return false;
}

/* Announce every peer once. Fills go over UDP whatever is measured: that is the fastest door. */
static bool fill(struct bench *b, struct udp_load *udp, struct report *r)
{
    const struct bench_opts *o = b->opts;
    if (!o->fill) return true;
    b->filled_ns = bench_now_ns();
    udp_load_run(udp, PHASE_FILL, 0);
    r->filled = tally_sum(b->tally.answered);
    r->fill_ns = b->tally.end_ns - b->tally.start_ns;
    b->is_filled = !plan_has_more(&b->plan);
    flaws_tell(b, "filling");
    if (!b->is_filled && !b->interrupted) {
        fprintf(stderr,
                "muster-bench: %s answers no more, after %" PRIu64 " announces of the fill\n",
                o->url, r->filled);
        failures_tell(b);
    }
    return !tally_flaws(&b->tally) && b->is_filled;
}

static bool run_udp(struct bench *b, struct report *r)
{
    struct udp_load *udp = udp_load_new(b);
    if (!udp) return false;
    bool is_fine = connect_all(b, udp) && fill(b, udp, r);
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

static bool file_complain(const char *name)
{
    fprintf(stderr, "muster-bench: --json %s: %s\n", name, strerror(errno));
    return false;
}

/* The report's file, opened before the run, so that the run is not for nothing; NULL: none, or it
 * cannot be had, which is told. What it holds stays until there is a report. */
static FILE *json_open(const char *name)
{
    if (!strcmp(name, "-")) return stdout;
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f) file_complain(name);
    return f;
}

static bool json_write(FILE *f, const char *name, const struct report *r)
{
    if (f != stdout && ftruncate(fileno(f), 0) != 0 && errno != EINVAL) return file_complain(name);
    report_json(f, r); /* EINVAL: a pipe or a device */
    return fflush(f) == 0 || file_complain(name);
}

/* What stands between this run and exit status 0, on stderr. */
static int verdict(const struct bench *b, const struct report *r)
{
    const struct tally *t = r->load;
    double loss_pct = tally_loss_percent(t);
    int code = EXIT_RIGHT;
    if (b->opts->pid_count && t->gone_pid) {
        fprintf(stderr,
                "muster-bench: process %d (--pid) ended: its CPU and memory are not known\n",
                t->gone_pid);
        code = EXIT_LOSS;
    }
    if (loss_pct > b->opts->loss_max_pct) {
        fprintf(stderr, "muster-bench: %.2f %% lost or never sent, more than --loss-max %g\n",
                loss_pct, b->opts->loss_max_pct);
        code = EXIT_LOSS;
    }
    hint_tell(t);
    if (!tally_sum(t->answered)) {
        fprintf(stderr, "muster-bench: %s answered nothing\n", b->opts->url);
        failures_tell(b);
        return EXIT_WRONG;
    }
    return tally_flaws(t) ? EXIT_WRONG : code;
}

static int tell(const struct bench *b, const struct report *r, FILE *json)
{
    if (!b->opts->quiet) fputc('\n', stderr);
    report_text(json == stdout ? stderr : stdout, r);
    bool is_written = !json || json_write(json, b->opts->json, r);
    int code = verdict(b, r);
    return code == EXIT_RIGHT && !is_written ? EXIT_WRONG : code;
}

static bool pids_are_there(const struct bench_opts *o)
{
    for (unsigned i = 0; i < o->pid_count; i++) {
        struct server_cost one;
        if (server_cost_read(&o->pids[i], 1, &one) == 0) continue;
        fprintf(stderr, "muster-bench: --pid %d: no such process\n", o->pids[i]);
        return false;
    }
    return true;
}

static int measure(struct bench *b, FILE *json)
{
    const struct bench_opts *o = b->opts;
    struct report report = {.opts = o, .load = &b->tally};
    struct server_cost idle = {0};
    if (o->pid_count && server_cost_read(o->pids, o->pid_count, &idle) == 0)
        report.rss_before_bytes = idle.rss_bytes;
    bench_signals_hold(b);
    bool is_fine = (o->http && !o->fill) || run_udp(b, &report);
    if (is_fine && o->http) is_fine = run_http(b);
    bench_signals_release(b);
    if (is_fine) return tell(b, &report, json);
    if (b->interrupted) fprintf(stderr, "muster-bench: stopped before anything was measured\n");
    return EXIT_WRONG;
}

static int run(struct bench *b)
{
    const struct bench_opts *o = b->opts;
    if (o->hashes) {
        hashes_print(b);
        return EXIT_RIGHT;
    }
    if (!pids_are_there(o)) return EXIT_USAGE;
    FILE *json = o->json ? json_open(o->json) : NULL;
    if (o->json && !json) return EXIT_USAGE;
    /* what deep answers are held against */
    bool counts = o->fill && o->deep_every && mix_is_steady(&o->mix);
    int code = EXIT_WRONG;
    if (!counts || world_count(&b->world)) code = measure(b, json);
    else
        fprintf(stderr,
                "muster-bench: not enough memory for so many torrents; --deep 0 needs less\n");
    if (json && json != stdout) fclose(json);
    return code;
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
