/* reload.c - SIGHUP: read everything again, put in force what can change while running.
 *
 * All or nothing   anything wrong in the new configuration leaves the old one as it is, an access list
 *                  that it names and that cannot be read included. They are read beside the work, so a
 *                  reload is asked for again and again until that is done, and reads the sources anew
 *                  each time.
 * Set live         a value set while running stays on top of the sources, or a reload for something
 *                  else would undo it; once the sources say the same it is theirs again.
 * Restart-only     the old value is carried over, and the log names what waits for a restart. What
 *                  is in force is always one configuration, so it is checked once more for
 *                  contradictions between old and new values. */
#include "app/server.h"

#include "app/options_list.h"
#include "base/log.h"

#include <stdlib.h>

static const char *shown(const struct option_row *row, const char *value)
{
    if (row->secret) return "(not shown)";
    return value[0] ? value : "(empty)";
}

/* Does the option differ? Both values are left as text. */
static bool differs(const struct settings *a, const struct settings *b,
                    const struct option_row *row, char a_text[OPTION_VALUE_BYTES_MAX],
                    char b_text[OPTION_VALUE_BYTES_MAX])
{
    option_print(&a->config, row, a_text);
    option_print(&b->config, row, b_text);
    return strcmp(a_text, b_text) != 0;
}

static enum err carry_over(struct settings *next, const struct settings *old,
                           struct option_error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char was[OPTION_VALUE_BYTES_MAX], now[OPTION_VALUE_BYTES_MAX];
        if (row->reload == RELOAD_LIVE || !differs(old, next, row, was, now)) continue;
        if (row->list) option_list_clear(row->list, &next->config);
        enum err err = option_set(next, row, view_of_text(was), old->origin[i], row->name, error);
        if (err != ERR_OK) return err;
    }
    return settings_check(next, error);
}

/* Values set while running stay on top of what was read. */
static enum err keep_live(struct settings *wanted, const struct settings *old,
                          struct option_error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char was[OPTION_VALUE_BYTES_MAX], read[OPTION_VALUE_BYTES_MAX];
        if (old->origin[i].source != SOURCE_LIVE || !differs(old, wanted, row, was, read)) continue;
        enum err err = option_set(wanted, row, view_of_text(was), old->origin[i], row->name, error);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}

static void note_changes(const struct settings *old, const struct settings *wanted,
                         struct reload_report *out)
{
    unsigned changed = 0, waiting = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char was[OPTION_VALUE_BYTES_MAX], now[OPTION_VALUE_BYTES_MAX];
        if (!differs(old, wanted, row, was, now)) continue;
        if (row->reload == RELOAD_LIVE) {
            log_line(LOG_INFO, "reload: %s: %s -> %s", row->name, shown(row, was), shown(row, now));
            out->changed[i] = true;
            changed++;
        } else {
            log_line(LOG_WARN, "reload: %s = %s needs a restart; it stays %s", row->name,
                     shown(row, now), shown(row, was));
            out->waiting[i] = true;
            waiting++;
        }
    }
    log_line(LOG_INFO, "reload: done; changed: %u, waiting for a restart: %u", changed, waiting);
}

void server_put_in_force(struct server *s, struct live *next, bool interval_said)
{
    const struct interval_opts *was = &s->live->tracker.interval, *now = &next->tracker.interval;
    bool interval_changed = interval_said || was->start_s != now->start_s;
    live_resolve(next, &s->machine);
    server_publish(s, next);
    if (interval_changed)
        interval_set(&s->tracker.interval, now, now->start_s, loop_now_s(&s->loop));
}

/* Is what was read so far fit to be in force? */
static enum err prepare(struct server *s, struct live *next, struct settings *wanted,
                        struct reload_report *out)
{
    enum err err = settings_read(wanted, &s->sources, &out->error);
    if (err == ERR_OK) err = keep_live(wanted, &s->live->settings, &out->error);
    if (err != ERR_OK) return err;
    next->settings = *wanted;
    err = carry_over(&next->settings, &s->live->settings, &out->error);
    if (err != ERR_OK) return err;
    return confine_check_paths(&s->confine, &s->live->settings, &next->settings, &out->error);
}

static enum reload_end reload(struct server *s, struct live *next, struct settings *wanted,
                              const char *who, struct reload_report *out)
{
    char why[ACCESS_ERROR_BYTES_MAX];
    if (prepare(s, next, wanted, out) != ERR_OK) return RELOAD_REFUSED;
    switch (access_loader_try(&s->lists, &next->settings.config.access, true, why)) {
    case ACCESS_LATER: return RELOAD_LATER;
    case ACCESS_REFUSED:
        (void)option_fail(&out->error, ERR_BAD_VALUE, "lists: %s", why);
        return RELOAD_REFUSED;
    case ACCESS_FINE: break;
    }
    log_line(LOG_INFO, "reload: asked for by %s", who);
    note_changes(&s->live->settings, wanted, out);
    server_put_in_force(s, next, false);
    return RELOAD_DONE;
}

enum reload_end server_reload(struct server *s, const char *who, struct reload_report *out)
{
    *out = (struct reload_report){.error = {.text = "out of memory"}};
    struct live *next = calloc(1, sizeof *next);
    struct settings *wanted = calloc(1, sizeof *wanted);
    enum reload_end end = next && wanted ? reload(s, next, wanted, who, out) : RELOAD_REFUSED;
    if (end == RELOAD_REFUSED)
        log_line(LOG_ERROR, "reload, asked for by %s: %s; all stays as it is", who,
                 out->error.text);
    if (end != RELOAD_DONE) free(next);
    free(wanted);
    return end;
}
