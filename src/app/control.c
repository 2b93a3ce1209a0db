/* control.c - status, stop, restart, reload.
 *
 * Where it listens   is asked of the running muster itself, so that `status` looks at the addresses it
 *                    has, not at those it would get from today's file. Where it does not answer, the
 *                    options of this command say where to look. */
#include "app/control.h"

#include "app/control_client.h"
#include "app/heartbeat.h"
#include "app/process.h"

#include <stdlib.h>
#include <sys/stat.h>

#define STOP_WAIT_MS    120000 /* behind drain_timeout: a large store is saved last */
#define RESTART_WAIT_MS 180000 /* behind drain_timeout, too: it is saved, and loaded again */
#define LISTS_WAIT_MS   120000 /* a minute for older ones to go, when they are large */
#define RESTART_GONE_MS 5000   /* for a service manager to start another */
#define POLL_MS         50

/* ---- status ---- */

struct status {
    struct control *c;
    json_t *stats; /* NULL: it does not answer */
    struct heartbeat beats[HEARTBEATS_MAX];
    uint32_t beat_count;
    bool all_beat;
};

static void status_fill(struct status *s)
{
    struct settings *running = calloc(1, sizeof *running);
    char why[CONTROL_ERROR_BYTES];
    s->stats = control_ask(s->c, "/stats.json");
    snprintf(why, sizeof why, "%s", s->c->error);
    bool tells = running && s->stats && control_running_settings(s->c, running);
    snprintf(s->c->error, sizeof s->c->error, "%s", why);
    s->beat_count =
        heartbeat_all(tells ? &running->config.app : &s->c->settings.config.app, s->beats);
    s->all_beat = s->beat_count > 0;
    for (uint32_t i = 0; i < s->beat_count; i++)
        if (s->beats[i].state == HEARTBEAT_SILENT) s->all_beat = false;
    free(running);
}

static const char *mark(bool good)
{
    return good ? "ok  " : "FAIL";
}

static void print_process(const struct status *s)
{
    char uptime[CONTROL_UPTIME_BYTES];
    if (!s->stats) {
        printf("%s  process    %s\n", mark(false), s->c->error);
        return;
    }
    control_uptime_text(control_number(s->stats, "uptime_s"), uptime);
    printf("%s  process    %.0f, muster %s, up %s, %.0f restarts, %s\n", mark(true),
           control_number(s->stats, "pid"), control_text(s->stats, "version"), uptime,
           control_number(s->stats, "restarts"), s->c->path);
}

static void print_beat(const struct heartbeat *h)
{
    char url[HEARTBEAT_URL_BYTES];
    heartbeat_url(h, url);
    switch (h->state) {
    case HEARTBEAT_OK:
        printf("%s  heartbeat  %s, %.2f ms\n", mark(true), url, h->us / 1000.0);
        break;
    case HEARTBEAT_SILENT:
        printf("%s  heartbeat  %s: %s\n", mark(false), url, strerror(h->why));
        break;
    default:
        printf("--    heartbeat  %s, not asked: %s\n", url,
               h->asked.proxy ? "it wants a PROXY header" : "this machine has no IPv6");
    }
}

static void print_numbers(const json_t *stats)
{
    printf("      peers      %.0f: %.0f seeders, %.0f leechers, in %.0f torrents\n",
           control_number(stats, "peers"), control_number(stats, "seeders"),
           control_number(stats, "leechers"), control_number(stats, "swarms"));
    printf("      requests   %.0f a second, at most %.0f so far\n",
           control_number(stats, "rates.total.now"), control_number(stats, "rates.total.max"));
    printf("      interval   %.0f s, between %.0f and %.0f\n",
           control_number(stats, "interval.now_s"), control_number(stats, "interval.min_s"),
           control_number(stats, "interval.max_s"));
}

static void status_print(const struct status *s)
{
    print_process(s);
    for (uint32_t i = 0; i < s->beat_count; i++)
        print_beat(&s->beats[i]);
    if (s->stats) print_numbers(s->stats);
}

static json_t *beat_json(const struct heartbeat *h)
{
    static const char *const STATES[] = {"ok", "silent", "skipped"};
    char url[HEARTBEAT_URL_BYTES];
    heartbeat_url(h, url);
    return json_pack("{s:s, s:s, s:f, s:s}", "url", url, "state", STATES[h->state], "ms",
                     h->us / 1000.0, "error", h->why ? strerror(h->why) : "");
}

static void status_print_json(const struct status *s, bool good)
{
    json_t *beats = json_array();
    for (uint32_t i = 0; i < s->beat_count; i++)
        (void)json_array_append_new(beats, beat_json(&s->beats[i]));
    json_t *o = json_pack("{s:b, s:b, s:s, s:o}", "ok", good, "running", s->stats != NULL, "socket",
                          s->c->path, "heartbeats", beats);
    if (s->stats) (void)json_object_set(o, "stats", s->stats);
    else (void)json_object_set_new(o, "error", json_string(s->c->error));
    (void)json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    printf("\n");
    json_decref(o);
}

enum exit_code control_status(const struct command_input *in)
{
    static const struct argument_flag FLAGS[] = {{.name = "json"}};
    static const struct control_needs NEEDS = {.flags = FLAGS, .flag_count = 1};
    enum exit_code code;
    struct status *s = calloc(1, sizeof *s);
    if (!s) return EXIT_MEMORY;
    s->c = control_open(in, &NEEDS, &code);
    if (s->c) {
        status_fill(s);
        bool good = s->stats && s->all_beat;
        if (s->c->arguments.values[0]) status_print_json(s, good);
        else status_print(s);
        code = command_printed();
        if (code == EXIT_FINE && !good) code = EXIT_RUNTIME;
        json_decref(s->stats);
        control_close(s->c);
    }
    free(s);
    return code;
}

/* ---- stop, restart, reload ---- */

/* Who runs now; 0 when nobody answers. */
static int ask_process(struct control *c)
{
    json_t *stats = control_ask(c, "/stats.json");
    int pid = stats && c->status == 200 ? (int)control_number(stats, "pid") : 0;
    json_decref(stats);
    return pid;
}

static double drain_s(struct control *c)
{
    struct settings *running = calloc(1, sizeof *running);
    bool tells = running && control_running_settings(c, running);
    double s = tells ? running->config.app.drain_ms / 1000.0 : 0;
    free(running);
    return s;
}

/* Where saves fail, the one at the end does, too, and nobody is left to tell. */
static void warn_of_failed_saves(struct control *c)
{
    json_t *state = control_ask(c, "/api/state");
    const char *error = c->status == 200 ? control_text(state, "save.error") : "";
    if (error[0])
        fprintf(stderr, "muster: warning: %s; the log says whether the save at the end worked\n",
                error);
    json_decref(state);
}

static enum exit_code stop(struct control *c)
{
    int pid = ask_process(c);
    if (!pid) return control_failed(c);
    warn_of_failed_saves(c);
    uint32_t wait_ms = (uint32_t)(drain_s(c) * 1000) + STOP_WAIT_MS;
    json_t *answer = control_command(c, "/api/control/stop");
    if (!answer) return control_failed(c);
    json_decref(answer);
    for (uint32_t ms = 0; ms < wait_ms; ms += POLL_MS) {
        if (!process_is_alive(pid)) {
            printf("stopped, it was process %d\n", pid);
            return command_printed();
        }
        process_sleep_ms(POLL_MS);
    }
    fprintf(stderr, "muster: process %d still runs after %u s\n", pid, wait_ms / 1000);
    return EXIT_RUNTIME;
}

enum exit_code control_stop(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){0}, &code);
    if (c) code = stop(c);
    control_close(c);
    return code;
}

/* When the socket was made: it tells one start from the next, which may have the same process id and
 * come within the same second. */
static struct timespec socket_made(const struct control *c)
{
    struct stat st;
    return stat(c->path, &st) == 0 ? st.st_ctim : (struct timespec){0};
}

/* Who runs instead of the one whose socket was made then; 0: nobody yet. */
static int ask_next(struct control *c, struct timespec before)
{
    control_find(c);
    struct timespec now = socket_made(c);
    if (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec) return 0;
    return ask_process(c);
}

/* A restart keeps the process. One that ended was not able to; a service manager may start another. */
static enum exit_code restart_wait(struct control *c, int pid, struct timespec before,
                                   uint32_t wait_ms)
{
    uint32_t gone_ms = 0;
    for (uint32_t ms = 0; ms < wait_ms && gone_ms < RESTART_GONE_MS; ms += POLL_MS) {
        process_sleep_ms(POLL_MS);
        int next = ask_next(c, before);
        if (!next) {
            if (!process_is_alive(pid)) gone_ms += POLL_MS;
            continue;
        }
        printf("restarted, process %d\n", next);
        return command_printed();
    }
    if (gone_ms < RESTART_GONE_MS)
        fprintf(stderr, "muster: it does not answer again, within %u s: its log says why\n",
                wait_ms / 1000);
    else fprintf(stderr, "muster: process %d ended and nobody answers: its log says why\n", pid);
    return EXIT_RUNTIME;
}

static enum exit_code restart(struct control *c)
{
    struct timespec before = socket_made(c);
    int pid = ask_process(c);
    if (!pid) return control_failed(c);
    uint32_t wait_ms = (uint32_t)(drain_s(c) * 1000) + RESTART_WAIT_MS;
    c->timeout_ms = CONTROL_LISTS_MS;
    json_t *answer = control_command(c, "/api/control/restart");
    c->timeout_ms = CONTROL_TIMEOUT_MS;
    if (!answer) return control_failed(c);
    json_decref(answer);
    return restart_wait(c, pid, before, wait_ms);
}

enum exit_code control_restart(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){0}, &code);
    if (c) code = restart(c);
    control_close(c);
    return code;
}

bool control_lists_are_read(struct control *c)
{
    for (uint32_t ms = 0; ms < LISTS_WAIT_MS; ms += POLL_MS) {
        json_t *lists = control_ask(c, "/api/lists");
        bool is_busy = c->status == 200 && json_is_true(json_object_get(lists, "busy"));
        bool is_wrong = c->status == 200 && !is_busy && control_text(lists, "error")[0];
        if (is_wrong)
            snprintf(c->error, sizeof c->error, "lists: %s; those before stay in force",
                     control_text(lists, "error"));
        json_decref(lists);
        if (!is_busy) return !is_wrong;
        process_sleep_ms(POLL_MS);
    }
    snprintf(c->error, sizeof c->error, "lists: still being read; the log tells the end");
    return false;
}

static void print_reload(const json_t *answer)
{
    const char *name;
    json_t *value;
    size_t i;
    json_object_foreach((json_t *)json_object_get(answer, "changed"), name, value)
        printf("%s = %s\n", name, json_is_string(value) ? json_string_value(value) : "(not shown)");
    json_array_foreach(json_object_get(answer, "waiting"), i, value)
        printf("%s waits for a restart\n", json_string_value(value));
    printf("reloaded\n");
}

enum exit_code control_reload(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){0}, &code);
    if (!c) return code;
    c->timeout_ms = CONTROL_LISTS_MS;
    json_t *answer = control_command(c, "/api/control/reload");
    bool good = answer && control_lists_are_read(c) && control_locations_are_read(c);
    if (answer) print_reload(answer);
    code = good ? command_printed() : control_failed(c);
    json_decref(answer);
    control_close(c);
    return code;
}
