/* settings_change.h - values set while running: checked all together, then in force all at once.
 *
 *   room, begin, set or forget any number of options, check, save if asked for, apply; or drop.
 *
 * Threads   main thread only. */
#ifndef APP_SETTINGS_CHANGE_H
#define APP_SETTINGS_CHANGE_H

#include "app/server.h"

struct settings_change {
    struct server *server;
    struct live *next;        /* as it would be */
    struct settings *sources; /* read again, for values that are forgotten; or NULL */
    bool said[OPTIONS_MAX];   /* the rows it is about */
};

/* Ask before a change that shall be applied. ERR_FULL: there were too many in a minute; counted. */
enum err settings_change_room(const struct server *s) MUST_CHECK;

/* ERR_NO_MEMORY. */
enum err settings_change_begin(struct settings_change *c, struct server *s) MUST_CHECK;

/* Set an option of the table's live ones; a list is replaced. On an error the option is as it was. */
enum err settings_change_set(struct settings_change *c, const struct option_row *row,
                             struct view value, struct option_error *error) MUST_CHECK;

/* Go back to what the file, the environment and the command line say now. */
enum err settings_change_forget(struct settings_change *c, const struct option_row *row,
                                struct option_error *error) MUST_CHECK;

/* Contradictions between values, old and new. */
enum err settings_change_check(const struct settings_change *c,
                               struct option_error *error) MUST_CHECK;

/* Does the value of a row differ from the one in force? */
bool settings_change_differs(const struct settings_change *c, const struct option_row *row);

/* Write the values it is about to the configuration file. They are the file's from then on, unless
 * the environment or the command line says otherwise: those stay SOURCE_LIVE. */
enum err settings_change_save(struct settings_change *c, struct option_error *error) MUST_CHECK;

/* Put in force, as a reload does, and log what changed and who did it. Ends the change. */
void settings_change_apply(struct settings_change *c, const char *who);

void settings_change_drop(struct settings_change *c);

#endif
