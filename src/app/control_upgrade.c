/* control_upgrade.c - `muster upgrade`: ask for it, then watch who serves.
 *
 * The answer to the request says only that it has begun. Success is another process at the same socket;
 * failure is told by the process that goes on. Between the two somebody always listens there: silence
 * means that the new process has its socket elsewhere, or that there is none. */
#include "app/control.h"

#include "app/control_client.h"
#include "app/process.h"

#define POLL_MS      50
#define WAIT_MS_MAX  1800000 /* it gives up by itself, much earlier */
#define SILENCES_MAX 100     /* 5 s */

/* Who answers, and what became of it; false: nobody answers just now. */
static bool look(struct control *c, int *pid, char *version, size_t size, const char **state,
                 json_t **upgrade)
{
    json_t *stats = control_ask(c, "/stats.json");
    if (!stats || c->status != 200) {
        json_decref(stats);
        return false;
    }
    *pid = (int)control_number(stats, "pid");
    snprintf(version, size, "%s", control_text(stats, "version"));
    json_decref(stats);
    *upgrade = control_ask(c, "/api/control/upgrade");
    *state = *upgrade && c->status == 200 ? control_text(*upgrade, "state") : "";
    return true;
}

static enum exit_code failed(const json_t *upgrade, int pid)
{
    fprintf(stderr, "muster: upgrade failed, process %d goes on: %s\n", pid,
            control_text(upgrade, "error"));
    return EXIT_RUNTIME;
}

static enum exit_code lost(const struct control *c, int before)
{
    fprintf(stderr,
            "muster: nobody answers at %s any more, where process %d did: if `port` or "
            "`admin_socket` changed, ask there; else the log says why\n",
            c->path, before);
    return EXIT_RUNTIME;
}

static enum exit_code watch(struct control *c, int before)
{
    uint32_t silences = 0;
    for (uint32_t ms = 0; ms < WAIT_MS_MAX; ms += POLL_MS) {
        char version[64];
        const char *state;
        int pid;
        json_t *upgrade = NULL;
        process_sleep_ms(POLL_MS);
        if (!look(c, &pid, version, sizeof version, &state, &upgrade)) {
            silences = c->status == 0 ? silences + 1 : 0;
            if (silences == SILENCES_MAX) return lost(c, before);
            continue;
        }
        silences = 0;
        if (pid == before && strcmp(state, "failed") == 0) {
            enum exit_code code = failed(upgrade, pid);
            json_decref(upgrade);
            return code;
        }
        json_decref(upgrade);
        if (pid == before) continue;
        printf("upgraded: process %d, muster %s; it was process %d\n", pid, version, before);
        return command_printed();
    }
    fprintf(stderr, "muster: no end of the upgrade to be seen; the log says why\n");
    return EXIT_RUNTIME;
}

enum exit_code control_upgrade(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){0}, &code);
    if (!c) return code;
    json_t *answer = control_command(c, "/api/control/upgrade");
    code = answer ? watch(c, (int)control_number(answer, "pid")) : control_failed(c);
    json_decref(answer);
    control_close(c);
    return code;
}
