/* control_state.c - save, import: what outlives a restart.
 *
 * Import   turns a file of another tracker into a snapshot beside ours, called `import`, whether a
 *          muster runs or not. One that runs is told to take it in; else the next start does. So
 *          there is one way in, and it is tested with every start. */
#include "app/control.h"

#include "app/control_client.h"
#include "app/import.h"
#include "app/process.h"
#include "app/state.h"
#include "base/text.h"

#include <stdlib.h>

#define POLL_MS 50

enum progress { PROGRESS_NONE, PROGRESS_DONE, PROGRESS_FAILED };

/* What was taken in is to be stored as well. */
static const char *const SAVE[] = {"save", NULL}, *const IMPORT[] = {"import", "save", NULL};

/* Has a save, or an import, that began after job `*after` ended, and how? Its number is then in *after. */
static enum progress job_progress(struct control *c, const json_t *state, const char *kind,
                                  double *after)
{
    const json_t *job = json_object_get(state, kind);
    const char *error = control_text(job, "error");
    if (control_number(job, "job") <= *after) return PROGRESS_NONE;
    *after = control_number(job, "job");
    if (error[0]) snprintf(c->error, sizeof c->error, "%s", error);
    return error[0] ? PROGRESS_FAILED : PROGRESS_DONE;
}

/* Wait for these kinds of job, one after the other, which the answer promises; NULL, with c->error written,
 * when one failed or nobody answers any more. The caller owns the state. */
static json_t *wait_for_jobs(struct control *c, const json_t *promised, const char *const *kinds)
{
    double after = control_number(promised, "after");
    for (;; process_sleep_ms(POLL_MS)) {
        json_t *state = control_ask(c, "/api/state");
        enum progress progress = state && c->status == 200 ? PROGRESS_DONE : PROGRESS_FAILED;
        while (progress == PROGRESS_DONE && *kinds) {
            progress = job_progress(c, state, *kinds, &after);
            kinds += progress == PROGRESS_DONE;
        }
        if (progress == PROGRESS_DONE) return state;
        json_decref(state);
        if (progress == PROGRESS_FAILED) return NULL;
    }
}

static bool do_jobs(struct control *c, const char *target, const char *const *kinds)
{
    json_t *promised = control_command(c, target);
    json_t *state = promised ? wait_for_jobs(c, promised, kinds) : NULL;
    if (state) {
        char size[TEXT_NUMBER_BYTES_MAX];
        text_print_bytes(size, (uint64_t)control_number(state, "bytes"));
        printf("%.0f torrents and %.0f peers saved: %s bytes in %.2f s\n",
               control_number(state, "torrents"), control_number(state, "peers"), size,
               control_number(state, "seconds"));
    }
    json_decref(promised);
    json_decref(state);
    return state != NULL;
}

/* ---- save ---- */

static bool state_is_on(struct control *c)
{
    json_t *state = control_ask(c, "/api/state");
    bool is_on = state && c->status == 200 && json_is_true(json_object_get(state, "on"));
    json_decref(state);
    return is_on;
}

/* Was any option set while it ran? */
static bool has_live_settings(struct control *c)
{
    json_t *answer = control_ask(c, "/api/settings");
    const json_t *option;
    size_t i;
    bool has = false;
    json_array_foreach(json_object_get(answer, "options"), i, option) has |=
        strcmp(control_text(option, "origin.source"), "live") == 0;
    json_decref(answer);
    return has;
}

static bool save_settings(struct control *c)
{
    json_t *answer = control_command(c, "/api/control/save");
    if (answer) control_print_saved(answer);
    json_decref(answer);
    return answer != NULL;
}

/* Without a state folder it is about settings alone, and says so when there is no file for them. */
enum exit_code control_save(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){0}, &code);
    if (!c) return code;
    bool is_on = state_is_on(c);
    bool good = !is_on || do_jobs(c, "/api/control/snapshot", SAVE);
    if (good && (!is_on || has_live_settings(c))) good = save_settings(c);
    code = good ? command_printed() : control_failed(c);
    control_close(c);
    return code;
}

/* ---- import ---- */

/* The folder of the muster that runs, or of the one that these options would start, as it is found from
 * here; "" for none, NULL without memory. The caller frees it. */
static char *folder_of(struct control *c, bool *runs)
{
    const struct app_opts *o = &c->settings.config.app;
    json_t *state = control_ask(c, "/api/state");
    *runs = state && c->status == 200;
    const char *folder = *runs ? control_text(state, "folder") : o->state_dir;
    char *path = NULL;
    if (!folder[0]) path = strdup("");
    else if (asprintf(&path, "%s%s", o->chroot, folder) < 0) path = NULL;
    json_decref(state);
    return path;
}

/* Where there is no folder yet, it is made as the start would. */
static bool folder_is_there(struct control *c, const char *folder)
{
    struct state *s;
    enum err err = state_open(&s, folder, c->settings.config.app.user, NULL);
    state_close(s);
    return err == ERR_OK;
}

static void print_imported(const struct import_report *r)
{
    printf("%llu torrents read, with %llu peers and %llu downloads counted\n",
           (unsigned long long)r->torrents, (unsigned long long)r->peers,
           (unsigned long long)r->completed);
}

static enum exit_code import_into(struct control *c, const char *folder, bool runs)
{
    struct import_report report;
    char error[IMPORT_ERROR_BYTES];
    const char *const *words = c->arguments.words;
    if (!runs && !folder_is_there(c, folder)) return EXIT_RUNTIME;
    if (!import_file(words[0], words[1], folder, runs, &report, error)) {
        fprintf(stderr, "muster: import: %s\n", error);
        return EXIT_RUNTIME;
    }
    print_imported(&report);
    if (!runs) printf("the next start takes them in\n");
    else if (!do_jobs(c, "/api/control/import", IMPORT)) return control_failed(c);
    return command_printed();
}

static enum exit_code import(struct control *c)
{
    bool runs;
    enum exit_code code = EXIT_RUNTIME;
    char *folder = folder_of(c, &runs);
    if (!folder) fprintf(stderr, "muster: import: out of memory\n");
    else if (folder[0]) code = import_into(c, folder, runs);
    else if (!runs) code = command_usage("import: where to? --state-dir FOLDER");
    else
        fprintf(stderr,
                "muster: import: the muster that runs has no state_dir: stop it, and start it "
                "with one\n");
    free(folder);
    return code;
}

enum exit_code control_import(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){.has_words = true}, &code);
    if (!c) return code;
    if (c->arguments.word_count == 2) code = import(c);
    else code = command_usage("import: KIND FILE; kinds: " IMPORT_KINDS);
    control_close(c);
    return code;
}
