/* options_parse.c - the sources: file, environment, command line, in this order; the last one that
 * says something wins.
 *
 * The file is read whole, then walked by inih over memory: its reader below counts lines, so that
 * every error can say where it is, whatever way the installed inih was built.
 * The file's name is itself an option; so the other sources are read twice, first to learn it. */
#include "app/options.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>

#define FILE_BYTES_MAX     (1u << 20)
#define WHERE_BYTES_MAX    320
#define VARIABLE_BYTES_MAX 48
#define VARIABLE_PREFIX    "MUSTER_"

enum err option_fail(struct option_error *error, enum err err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return err;
}

/* The text of a constant row cannot be wrong: the unit test sets every default. */
void settings_default(struct settings *s)
{
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        struct option_error error;
        struct option_origin origin = {.source = SOURCE_DEFAULT};
        enum err err = option_set(s, &OPTIONS[i], view_of_text(OPTIONS[i].dflt), origin,
                                  OPTIONS[i].name, &error);
        if (err == ERR_OK) continue;
        fprintf(stderr, "default of %s\n", error.text);
        abort();
    }
}

/* ---- the file ---- */

struct file_walk {
    struct settings *settings;
    const char *name;
    struct view text; /* what is left */
    uint32_t line;
    struct option_error *error;
    uint32_t error_line;         /* of the first error that is ours; 0: none */
    bool goes_on;                /* a wrong option is left out */
    struct option_error unheard; /* of errors behind the first */
};

static void walk_fail(struct file_walk *w, const char *why)
{
    if (w->error_line) return;
    w->error_line = w->line;
    (void)option_fail(w->error, ERR_UNKNOWN_OPTION, "%.250s:%u: %s", w->name, w->line, why);
}

/* Does what follows byte `at` of a line belong to a comment? */
static bool is_comment(const uint8_t *line, size_t at)
{
    size_t first = 0;
    while (first < at && isspace(line[first]))
        first++;
    if (first < at && (line[first] == '#' || line[first] == ';')) return true;
    return memmem(line, at, " ;", 2) || memmem(line, at, "\t;", 2);
}

/* inih's reader: like fgets, over memory. A line that does not fit is an error, not two lines;
 * comments are cut. */
static char *walk_line(char *out, int size, void *stream)
{
    struct file_walk *w = stream;
    if (!w->text.len) return NULL;
    w->line++;
    const uint8_t *newline = memchr(w->text.ptr, '\n', w->text.len);
    size_t length = newline ? (size_t)(newline - w->text.ptr) : w->text.len;
    size_t keep = length < (size_t)size - 2 ? length : (size_t)size - 2;
    if (keep < length && !is_comment(w->text.ptr, keep))
        walk_fail(w, "line too long; a list may be continued by another line");
    if (memchr(w->text.ptr, '\0', length)) walk_fail(w, "not a text file: a zero byte");
    memcpy(out, w->text.ptr, keep);
    out[keep] = '\n';
    out[keep + 1] = '\0';
    length += newline ? 1 : 0;
    w->text = view_from(w->text, length);
    return out;
}

static enum err file_option(struct file_walk *w, const char *name, const char *value)
{
    const struct option_row *row = option_find(view_of_text(name));
    if (!row) {
        const struct option_row *near = option_nearest(view_of_text(name));
        return option_fail(w->error, ERR_UNKNOWN_OPTION, "%.250s:%u: unknown option %.60s%s%s%s",
                           w->name, w->line, name, near ? "; did you mean " : "",
                           near ? near->name : "", near ? "?" : "");
    }
    if (row->at == offsetof(struct config, app.config_file) && value[0])
        return option_fail(w->error, ERR_UNKNOWN_OPTION,
                           "%.250s:%u: config: a file cannot name another one", w->name, w->line);
    const struct option_origin *had = &w->settings->origin[row - OPTIONS];
    if (had->source == SOURCE_FILE && row->type != OPT_LIST)
        return option_fail(w->error, ERR_UNKNOWN_OPTION, "%.250s:%u: %s is already set in line %u",
                           w->name, w->line, row->name, had->line);
    char where[WHERE_BYTES_MAX];
    snprintf(where, sizeof where, "%.250s:%u: %s", w->name, w->line, row->name);
    struct option_origin origin = {.source = SOURCE_FILE, .line = w->line};
    return option_set(w->settings, row, view_of_text(value), origin, where, w->error);
}

static int walk_option(void *user, const char *section, const char *name, const char *value)
{
    struct file_walk *w = user;
    (void)section;
    if (w->error_line && !w->goes_on) return 1;
    if (value[0] == ';') value = ""; /* a comment behind an empty value: inih keeps that one */
    if (file_option(w, name, value) == ERR_OK) return 1;
    if (!w->error_line) w->error_line = w->line;
    w->error = &w->unheard;
    return 0;
}

static enum err read_text(struct settings *s, struct view text, const char *name, bool goes_on,
                          struct option_error *error)
{
    struct file_walk w = {
        .settings = s, .name = name, .text = text, .error = error, .goes_on = goes_on};
    int bad_line = ini_parse_stream(walk_line, &w, walk_option, &w);
    if (bad_line < 0)
        return option_fail(error, ERR_UNKNOWN_OPTION, "%.250s: %s", name, err_text(ERR_NO_MEMORY));
    if (bad_line > 0 && (!w.error_line || (uint32_t)bad_line < w.error_line))
        return option_fail(error, ERR_UNKNOWN_OPTION,
                           "%.250s:%d: neither `name = value` nor [section]", name, bad_line);
    return w.error_line ? ERR_BAD_VALUE : ERR_OK;
}

enum err settings_read_file_text(struct settings *s, struct view text, const char *name,
                                 struct option_error *error)
{
    return read_text(s, text, name, false, error);
}

static enum err read_file(struct settings *s, const char *path, bool goes_on,
                          struct option_error *error)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return option_fail(error, ERR_UNKNOWN_OPTION, "%s: cannot open: %s", path, strerror(errno));
    enum err err = ERR_NO_MEMORY;
    char *bytes = malloc(FILE_BYTES_MAX + 1);
    if (bytes) {
        size_t n = fread(bytes, 1, FILE_BYTES_MAX + 1, f);
        if (ferror(f))
            err = option_fail(error, ERR_UNKNOWN_OPTION, "%s: cannot read: %s", path,
                              strerror(errno));
        else if (n > FILE_BYTES_MAX)
            err = option_fail(error, ERR_UNKNOWN_OPTION, "%s: larger than %u bytes", path,
                              FILE_BYTES_MAX);
        else err = read_text(s, view_of(bytes, n), path, goes_on, error);
    } else {
        err = option_fail(error, ERR_UNKNOWN_OPTION, "%s: %s", path, err_text(ERR_NO_MEMORY));
    }
    free(bytes);
    fclose(f);
    return err;
}

/* ---- the environment ---- */

static const char *variable(const char *const *environment, const char *name)
{
    size_t length = strlen(name);
    for (const char *const *e = environment; e && *e; e++)
        if (strncmp(*e, name, length) == 0 && (*e)[length] == '=') return *e + length + 1;
    return NULL;
}

static void variable_name(const struct option_row *row, char out[VARIABLE_BYTES_MAX])
{
    size_t n = (size_t)snprintf(out, VARIABLE_BYTES_MAX, VARIABLE_PREFIX "%s", row->name);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)toupper((unsigned char)out[i]);
}

enum err settings_read_environment(struct settings *s, const char *const *environment,
                                   struct option_error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        char own[VARIABLE_BYTES_MAX];
        variable_name(row, own);
        const char *name = own, *value = variable(environment, own);
        if (!value && row->environment)
            name = row->environment, value = variable(environment, row->environment);
        bool may_be_empty = row->type == OPT_TEXT || row->type == OPT_LIST;
        if (!value || (!*value && !may_be_empty)) continue;
        struct option_origin origin = {.source = SOURCE_ENVIRONMENT};
        enum err err = option_set(s, row, view_of_text(value), origin, name, error);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}

const char *settings_unknown_variable(const char *const *environment, size_t *at)
{
    for (; environment && environment[*at]; ++*at) {
        const char *entry = environment[*at];
        if (strncmp(entry, VARIABLE_PREFIX, strlen(VARIABLE_PREFIX)) != 0) continue;
        bool known = false;
        for (size_t i = 0; i < OPTION_COUNT && !known; i++) {
            char name[VARIABLE_BYTES_MAX];
            variable_name(&OPTIONS[i], name);
            size_t length = strlen(name);
            known = strncmp(entry, name, length) == 0 && entry[length] == '=';
        }
        if (!known) return environment[(*at)++];
    }
    return NULL;
}

/* ---- the command line ---- */

struct argument_walk {
    struct settings *settings;
    const char *const *at; /* the argument in hand */
    unsigned positionals;
    struct option_error *error;
};

static enum err argument_set(struct argument_walk *w, const struct option_row *row,
                             const char *value, const char *where)
{
    struct option_origin origin = {.source = SOURCE_COMMAND_LINE};
    return option_set(w->settings, row, view_of_text(value), origin, where, w->error);
}

/* The value of an option that needs one: what followed '=', or the next argument. */
static enum err argument_value(struct argument_walk *w, const struct option_row *row,
                               const char *where, const char *joined, const char **value)
{
    *value = joined ? joined : w->at[1];
    if (!*value) {
        char range[OPTION_RANGE_BYTES_MAX];
        option_range_print(row, range);
        return option_fail(w->error, ERR_UNKNOWN_OPTION, "%s: a value is missing (allowed: %s)",
                           where, range);
    }
    if (!joined) w->at++;
    return ERR_OK;
}

static enum err unknown_argument(struct argument_walk *w, struct view name)
{
    const struct option_row *near = option_nearest(name);
    char suggestion[OPTION_NAME_BYTES_MAX] = "";
    if (near) option_dashed(near->name, suggestion);
    return option_fail(w->error, ERR_UNKNOWN_OPTION, "unknown option --%.*s%s%s%s",
                       name.len > 60 ? 60 : (int)name.len, (const char *)name.ptr,
                       near ? "; did you mean --" : " (see muster --help)", suggestion,
                       near ? "?" : "");
}

static enum err long_argument(struct argument_walk *w)
{
    const char *text = *w->at + 2, *equals = strchr(text, '=');
    struct view name = view_of(text, equals ? (size_t)(equals - text) : strlen(text));
    char where[WHERE_BYTES_MAX];
    snprintf(where, sizeof where, "--%.*s", name.len > 60 ? 60 : (int)name.len, text);
    const struct option_row *row = option_find(name);
    if (!row && name.len > 3 && (memcmp(text, "no-", 3) == 0 || memcmp(text, "no_", 3) == 0)) {
        row = option_find(view_of(text + 3, name.len - 3));
        if (row && row->type == OPT_FLAG)
            return equals ? option_fail(w->error, ERR_UNKNOWN_OPTION, "%s: takes no value", where)
                          : argument_set(w, row, "no", where);
        row = NULL;
    }
    if (!row) return unknown_argument(w, name);
    const char *value = equals ? equals + 1 : "yes";
    if (row->type != OPT_FLAG) {
        enum err err = argument_value(w, row, where, equals ? equals + 1 : NULL, &value);
        if (err != ERR_OK) return err;
    }
    return argument_set(w, row, value, where);
}

/* -p 80, -p80, -k, -kp80 */
static enum err short_arguments(struct argument_walk *w)
{
    for (const char *text = *w->at + 1; *text; text++) {
        char where[] = {'-', *text, '\0'};
        const struct option_row *row = option_find_short(*text);
        if (!row)
            return option_fail(w->error, ERR_UNKNOWN_OPTION,
                               "unknown option %s (see muster --help)", where);
        const char *value = "yes";
        enum err err = ERR_OK;
        bool takes_value = row->type != OPT_FLAG;
        if (takes_value) err = argument_value(w, row, where, text[1] ? text + 1 : NULL, &value);
        if (err == ERR_OK) err = argument_set(w, row, value, where);
        if (err != ERR_OK || takes_value) return err;
    }
    return ERR_OK;
}

/* muster PORT [INTERVAL] */
static enum err positional_argument(struct argument_walk *w)
{
    static const char *const NAMES[] = {"port", "interval"};
    const char *text = *w->at;
    if (!isdigit((unsigned char)text[0]) || w->positionals == 2)
        return option_fail(w->error, ERR_UNKNOWN_OPTION,
                           "unexpected argument \"%.200s\" (see muster --help)", text);
    const char *name = NAMES[w->positionals++];
    return argument_set(w, option_find(view_of_text(name)), text, name);
}

enum err settings_read_arguments(struct settings *s, const char *const *arguments,
                                 struct option_error *error)
{
    struct argument_walk w = {.settings = s, .at = arguments, .error = error};
    for (; w.at && *w.at; w.at++) {
        const char *text = *w.at;
        enum err err = text[0] != '-' || !text[1] ? positional_argument(&w)
                       : text[1] == '-'           ? long_argument(&w)
                                                  : short_arguments(&w);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}

/* ---- together ---- */

static enum err read_outer(struct settings *s, const struct option_sources *sources,
                           struct option_error *error)
{
    enum err err = settings_read_environment(s, sources->environment, error);
    return err == ERR_OK ? settings_read_arguments(s, sources->arguments, error) : err;
}

/* `goes_on`: what is wrong in the file is told by *of_file and `error`, and left out. */
static enum err read_all(struct settings *s, const struct option_sources *sources, bool goes_on,
                         enum err *of_file, struct option_error *error)
{
    struct option_error unheard; /* read before: nothing is wrong outside the file */
    *of_file = ERR_OK;
    settings_default(s);
    enum err err = read_outer(s, sources, error);
    if (err != ERR_OK || !s->config.app.config_file[0]) return err;
    char path[CONFIG_PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s", s->config.app.config_file);
    settings_default(s);
    *of_file = read_file(s, path, goes_on, error);
    if (*of_file != ERR_OK && !goes_on) return *of_file;
    return read_outer(s, sources, &unheard);
}

enum err settings_read(struct settings *s, const struct option_sources *sources,
                       struct option_error *error)
{
    enum err of_file;
    enum err err = read_all(s, sources, false, &of_file, error);
    return err == ERR_OK ? settings_check(s, error) : err;
}

enum err settings_read_around(struct settings *s, const struct option_sources *sources,
                              struct option_error *error)
{
    enum err of_file = ERR_OK;
    enum err err = read_all(s, sources, true, &of_file, error);
    if (err == ERR_OK && of_file == ERR_OK) error->text[0] = '\0';
    return err;
}
