/* settings_change.c - see settings_change.h.
 *
 * Same way      a change makes another generation and publishes it, exactly as a reload does: workers
 *               see all of it or nothing, and no module has a setter of its own.
 * Only live     what needs a restart belongs into the configuration file; set here it would be shown
 *               as if it were in force.
 * Out of range  etracker takes any `interval`, so a start cuts one into its range and logs that; who
 *               sets one while it runs is there to be told.
 * Interval      said, it is announced from now on: also when the value is the one of the start that
 *               the load has long drifted away from. */
#include "app/settings_change.h"

#include "app/settings_save.h"
#include "base/log.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>

enum err settings_change_room(const struct server *s)
{
    if (server_has_room(s)) return ERR_OK;
    metrics_inc(METRIC_ADMIN_CHANGES_REFUSED);
    return ERR_FULL;
}

enum err settings_change_begin(struct settings_change *c, struct server *s)
{
    *c = (struct settings_change){.server = s};
    c->next = calloc(1, sizeof *c->next);
    if (!c->next) return ERR_NO_MEMORY;
    c->next->settings = s->live->settings;
    return ERR_OK;
}

void settings_change_drop(struct settings_change *c)
{
    free(c->next);
    free(c->sources);
    *c = (struct settings_change){0};
}

/* Set whatever was there: a list is not appended to. */
static enum err replace(struct settings_change *c, const struct option_row *row, struct view value,
                        struct option_origin origin, struct option_error *error)
{
    struct option_origin *had = &c->next->settings.origin[row - OPTIONS], was = *had;
    assert(row->reload == RELOAD_LIVE);
    had->source = origin.source == SOURCE_DEFAULT ? SOURCE_LIVE : SOURCE_DEFAULT;
    enum err err = option_set(&c->next->settings, row, value, origin, row->name, error);
    if (err == ERR_OK) c->said[row - OPTIONS] = true;
    else *had = was;
    return err;
}

enum err settings_change_set(struct settings_change *c, const struct option_row *row,
                             struct view value, struct option_error *error)
{
    return replace(c, row, value, (struct option_origin){.source = SOURCE_LIVE}, error);
}

enum err settings_change_forget(struct settings_change *c, const struct option_row *row,
                                struct option_error *error)
{
    char value[OPTION_VALUE_BYTES_MAX];
    if (!c->sources) {
        c->sources = calloc(1, sizeof *c->sources);
        if (!c->sources) return ERR_NO_MEMORY;
        enum err err = settings_read(c->sources, &c->server->sources, error);
        if (err != ERR_OK) {
            free(c->sources);
            c->sources = NULL;
            return err;
        }
    }
    option_print(&c->sources->config, row, value);
    return replace(c, row, view_of_text(value), c->sources->origin[row - OPTIONS], error);
}

/* Would no announce get the interval that was set? */
static enum err interval_check(const struct settings_change *c, struct option_error *error)
{
    const struct option_row *row = option_find(VIEW("interval"));
    const struct interval_opts *o = &c->next->settings.config.tracker.interval;
    bool is_set =
        c->said[row - OPTIONS] && c->next->settings.origin[row - OPTIONS].source == SOURCE_LIVE;
    if (!is_set || (o->start_s >= o->min_s && o->start_s <= o->max_s)) return ERR_OK;
    bool is_low = o->start_s < o->min_s;
    error->names[0] = row->name;
    return option_fail(error, ERR_BAD_VALUE, "interval: %u s is %s, which is %u s", o->start_s,
                       is_low ? "less than min_interval" : "more than max_interval",
                       is_low ? o->min_s : o->max_s);
}

enum err settings_change_check(const struct settings_change *c, struct option_error *error)
{
    const struct server *s = c->server;
    enum err err = settings_check(&c->next->settings, error);
    if (err == ERR_OK) err = interval_check(c, error);
    if (err != ERR_OK) return err;
    return confine_check_paths(&s->confine, &s->live->settings, &c->next->settings, error);
}

bool settings_change_differs(const struct settings_change *c, const struct option_row *row)
{
    char was[OPTION_VALUE_BYTES_MAX], now[OPTION_VALUE_BYTES_MAX];
    option_print(&c->server->live->settings.config, row, was);
    option_print(&c->next->settings.config, row, now);
    return strcmp(was, now) != 0;
}

enum err settings_change_save(struct settings_change *c, struct option_error *error)
{
    return settings_save(&c->next->settings, &c->server->sources, c->said, error);
}

static void log_change(const struct settings_change *c, const struct option_row *row,
                       const char *who)
{
    char was[OPTION_VALUE_BYTES_MAX], now[OPTION_VALUE_BYTES_MAX];
    option_print(&c->server->live->settings.config, row, was);
    option_print(&c->next->settings.config, row, now);
    if (row->secret) log_line(LOG_INFO, "settings: %s changed (not shown), by %s", row->name, who);
    else
        log_line(LOG_INFO, "settings: %s: %.300s -> %.300s, by %s", row->name,
                 was[0] ? was : "(empty)", now[0] ? now : "(empty)", who);
}

void settings_change_apply(struct settings_change *c, const char *who)
{
    const struct option_row *interval = option_find(VIEW("interval"));
    bool interval_said = c->said[interval - OPTIONS];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (!c->said[i] || !settings_change_differs(c, &OPTIONS[i])) continue;
        log_change(c, &OPTIONS[i], who);
        metrics_inc(METRIC_ADMIN_SETTINGS);
    }
    server_put_in_force(c->server, c->next, interval_said);
    c->next = NULL;
    settings_change_drop(c);
}
