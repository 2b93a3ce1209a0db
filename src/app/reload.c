/* reload.c - SIGHUP: read everything again, put in force what can change while running.
 *
 * All or nothing   anything wrong in the new configuration leaves the old one as it is.
 * Restart-only     a changed value is named in the log, and the old one is carried over; what is in
 *                  force is always one configuration, so it is checked once more for contradictions
 *                  between old and new values. */
#include "app/server.h"

#include "base/log.h"

#include <stdlib.h>

static void log_change(const struct option_row *row, const char *was, const char *now)
{
    if (row->secret) was = now = "(not shown)";
    if (row->reload == RELOAD_LIVE) log_line(LOG_INFO, "reload: %s: %s -> %s", row->name, was, now);
    else log_line(LOG_WARN, "reload: %s = %s needs a restart; it stays %s", row->name, now, was);
}

static void carry_over(struct settings *next, const struct settings *old,
                       const struct option_row *row)
{
    size_t index = (size_t)(row - OPTIONS);
    if (row->list) {
        char value[OPTION_VALUE_BYTES_MAX];
        option_print(&old->config, row, value);
        row->list->clear(&next->config);
        struct option_error error;
        enum err err = option_set(next, row, view_of(value, strlen(value)), old->origin[index],
                                  row->name, &error);
        if (err != ERR_OK) log_line(LOG_ERROR, "reload: %s", error.text);
    } else {
        memcpy((char *)&next->config + row->at, (const char *)&old->config + row->at, row->size);
    }
    next->origin[index] = old->origin[index];
}

/* Returns how many options change. */
static unsigned merge(struct settings *next, const struct settings *old)
{
    unsigned changes = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char was[OPTION_VALUE_BYTES_MAX], now[OPTION_VALUE_BYTES_MAX];
        option_print(&old->config, row, was);
        option_print(&next->config, row, now);
        if (strcmp(was, now) == 0) continue;
        log_change(row, was, now);
        if (row->reload == RELOAD_LIVE) changes++;
        else carry_over(next, old, row);
    }
    return changes;
}

static void put_in_force(struct server *s, struct live *next)
{
    const struct interval_opts *was = &s->live->tracker.interval, *now = &next->tracker.interval;
    bool interval_changed = was->start_s != now->start_s;
    server_publish(s, next);
    if (interval_changed)
        interval_set(&s->tracker.interval, now, now->start_s, loop_now_s(&s->loop));
}

void server_reload(struct server *s)
{
    struct option_error error;
    struct live *next = calloc(1, sizeof *next);
    if (!next) {
        log_line(LOG_ERROR, "reload: %s; all stays as it is", err_text(ERR_NO_MEMORY));
        return;
    }
    enum err err = settings_read(&next->settings, &s->sources, &error);
    unsigned changes = 0;
    if (err == ERR_OK) {
        changes = merge(&next->settings, &s->live->settings);
        err = settings_check(&next->settings, &error);
    }
    if (err != ERR_OK) {
        log_line(LOG_ERROR, "reload: %s; all stays as it is", error.text);
        free(next);
        return;
    }
    live_resolve(next, &s->machine);
    put_in_force(s, next);
    log_line(LOG_INFO, "reload: done, %u options changed", changes);
}
