/* options.h - the one table of options, and the values it leads to.
 *
 * A row is the only description of an option: the command line, the configuration file, the
 * environment, --help, the man page, the Markdown reference, the sample file, `muster config` and
 * the check of a reload are all made from it. A new option is one row (options.c says where) and
 * one field in the struct of the module that reads it.
 *
 * Threads   the table is constant; a struct settings belongs to whoever holds it. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "app/config.h"

#include <stdio.h>

enum option_type {
    OPT_FLAG,     /* bool: yes or no */
    OPT_INT,      /* unsigned, of any width */
    OPT_LIMIT,    /* int64_t: a number, -1 for the hard limit, or `unchanged` */
    OPT_SIZE,     /* bytes, with K M G T */
    OPT_TIME,     /* ms s m h d; the field counts row->unit_ms milliseconds */
    OPT_FRACTION, /* double */
    OPT_TEXT,     /* char[]; the characters that row->may_hold allows */
    OPT_CHOICE,   /* an enum: the index of a word in row->choices */
    OPT_LIST,     /* repeatable, comma separated; row->list says of what */
};

/* What a running server does when a reload brings another value. */
enum option_reload { RELOAD_LIVE, RELOAD_RESTART };

/* What serving does with the path, or each path of the list, that is the value: the sandbox leaves
 * that, and only that (confine.h). "" and "off" are no paths. */
enum option_path {
    PATH_NONE,  /* it is no path; or it is used before the sandbox begins only */
    PATH_READ,  /* a file, or all in a folder, that is read and may be replaced by renaming */
    PATH_SAVE,  /* a file that is read, and replaced when settings are saved */
    PATH_OWN,   /* a file that muster makes and removes */
    PATH_STATE, /* a folder that it writes in */
};

enum option_group {
    GROUP_START,
    GROUP_LISTEN,
    GROUP_INTERVAL,
    GROUP_ANSWER,
    GROUP_UDP,
    GROUP_HTTP,
    GROUP_PROXY,
    GROUP_STORE,
    GROUP_LIMITS,
    GROUP_ACCESS,
    GROUP_SYSTEM,
    GROUP_PAGES,
    GROUP_STATE,
    GROUP_COUNT
};

#define OPTION_VALUE_BYTES_MAX 16384 /* any value as text, terminator included */
#define OPTION_NAMES_MAX       3     /* the name and up to two aliases */

struct option_list; /* options_list.h */

struct option_row {
    const char *name; /* with '_'; `--` names have '-' in its place */
    const char *aliases[OPTION_NAMES_MAX - 1];
    char short_name, short_alias; /* 0: none */
    enum option_type type;
    enum option_reload reload;
    enum option_group group;
    enum option_path path;
    bool secret;              /* never logged */
    size_t at, size;          /* of the field in struct config */
    uint32_t unit_ms;         /* OPT_TIME: what the field counts */
    uint64_t min, max;        /* in ms for OPT_TIME; not looked at for texts and lists */
    double fraction_max;      /* OPT_FRACTION: 0 to this */
    const char *dflt;         /* as text: what a configuration file would say */
    const char *zero;         /* not NULL: 0 is allowed whatever `min` says, and means this */
    const char *choices;      /* OPT_CHOICE: "one two three" */
    bool (*may_hold)(char c); /* OPT_TEXT */
    const struct option_list *list;
    const char *environment; /* a variable that sets it besides MUSTER_NAME */
    const char *value;       /* placeholder in help: PORT, TIME */
    const char *range;       /* in words, where min..max does not say it */
    const char *help;        /* one short line */
    const char *more;        /* the rest, for the manual; may be NULL */
};

extern const struct option_row OPTIONS[];
extern const size_t OPTION_COUNT;
#define OPTIONS_MAX 128

const char *option_group_title(enum option_group group);
const char *option_group_id(enum option_group group); /* "interval"; for programs */

/* The row of a name or alias ('-' and '_' are the same), or of a one-letter name; NULL: none. */
const struct option_row *option_find(struct view name);
const struct option_row *option_find_short(char name);

/* The name most like a mistyped one; NULL when none is near. */
const struct option_row *option_nearest(struct view name);

/* A name as the command line spells it: '-' for '_'. */
#define OPTION_NAME_BYTES_MAX 40
void option_dashed(const char *name, char out[OPTION_NAME_BYTES_MAX]);

/* "1..65535", "1 or more; 0: no limit", "yes or no": what a value may be. */
#define OPTION_RANGE_BYTES_MAX 160
void option_range_print(const struct option_row *row, char out[OPTION_RANGE_BYTES_MAX]);

/* ---- values ---- */

/* The later wins. SOURCE_LIVE: set while running, until a restart or until it is saved. */
enum option_source {
    SOURCE_DEFAULT,
    SOURCE_FILE,
    SOURCE_ENVIRONMENT,
    SOURCE_COMMAND_LINE,
    SOURCE_LIVE
};

const char *option_source_name(enum option_source source); /* "command line" */

struct option_origin {
    enum option_source source;
    uint32_t line; /* SOURCE_FILE */
};

struct settings {
    struct config config;
    struct option_origin origin[OPTIONS_MAX]; /* by row */
};

#define OPTION_ERROR_NAMES_MAX 4

/* What is wrong, for the person who wrote it: names the option, the value (but no secret) and the
 * range. */
struct option_error {
    char text[768];
    const char *names[OPTION_ERROR_NAMES_MAX]; /* settings_check(): the options at fault */
};

/* Write the text; returns `err`. */
__attribute__((format(printf, 3, 4))) enum err option_fail(struct option_error *error, enum err err,
                                                           const char *format, ...);

/* Set one option from text. A list is replaced when `origin` is of another source than the value
 * before, and appended to when it is of the same.
 *   where     what to call the option in the error: "--port", "muster.conf:3: port"
 *   returns   ERR_OK, or an error with error->text written; the option is unchanged then */
enum err option_set(struct settings *s, const struct option_row *row, struct view value,
                    struct option_origin origin, const char *where,
                    struct option_error *error) MUST_CHECK;

/* A value as text that option_set() reads back to the same value. */
void option_print(const struct config *c, const struct option_row *row,
                  char out[OPTION_VALUE_BYTES_MAX]);

/* Where the sources are. All borrowed. */
struct option_sources {
    const char *const *arguments;   /* after the subcommand; NULL-terminated */
    const char *const *environment; /* like environ */
};

void settings_default(struct settings *s);

/* Read every source: defaults, then the file that --config or MUSTER_CONFIG names, the
 * environment, the command line; then look for contradictions. */
enum err settings_read(struct settings *s, const struct option_sources *sources,
                       struct option_error *error) MUST_CHECK;

/* The same for who only looks for a running muster, whose file may have got a mistake since: what is
 * wrong in the file is left out, and then error->text tells the first; else it is empty. Values that
 * are wrong together are fine. Errors are those of environment and command line. */
enum err settings_read_around(struct settings *s, const struct option_sources *sources,
                              struct option_error *error) MUST_CHECK;

/* Parts of it, in the order in which they are used. `name` is what errors call the file. */
enum err settings_read_file_text(struct settings *s, struct view text, const char *name,
                                 struct option_error *error) MUST_CHECK;
enum err settings_read_environment(struct settings *s, const char *const *environment,
                                   struct option_error *error) MUST_CHECK;
enum err settings_read_arguments(struct settings *s, const char *const *arguments,
                                 struct option_error *error) MUST_CHECK;

/* Values that are fine alone and wrong together. */
enum err settings_check(const struct settings *s, struct option_error *error) MUST_CHECK;

/* A variable that starts with MUSTER_ and sets nothing, from *at on; NULL when there is none. */
const char *settings_unknown_variable(const char *const *environment, size_t *at);

/* ---- printing (options_print.c, options_manual.c) ---- */

void options_print_help(FILE *out);

/* Fold text at blanks, every line after the first indented; `column` is where it starts. */
void options_print_folded(FILE *out, const char *text, int indent, int column);

void options_print_row(FILE *out, const struct option_row *row);
void options_print_config(FILE *out, const struct settings *s);
void options_print_sample(FILE *out);
void options_print_markdown(FILE *out);
void options_print_man(FILE *out);
void metrics_print_markdown(FILE *out);

#endif
