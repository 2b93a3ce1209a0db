/* control_set.c - get, set, save: the options of the running muster. */
#include "app/control.h"

#include "app/control_client.h"

static const json_t *option_of(const json_t *answer, const char *name)
{
    const json_t *option;
    size_t i;
    json_array_foreach(json_object_get(answer, "options"), i,
                       option) if (strcmp(control_text(option, "name"), name) == 0) return option;
    return NULL;
}

/* "interval                    = 600    ; set while running" */
static void print_option(const json_t *option, const char *file)
{
    char value[OPTION_VALUE_BYTES_MAX];
    const char *source = control_text(option, "origin.source");
    int line = (int)control_number(option, "origin.line");
    bool is_secret = json_is_true(json_object_get(option, "secret"));
    control_value_text(json_object_get(option, "value"), value);
    control_clean(value);
    if (is_secret && json_is_true(json_object_get(option, "is_set")))
        snprintf(value, sizeof value, "(not shown)");
    int column = printf("%-27s = %s", control_text(option, "name"), value);
    printf("%*s ; ", column < 52 ? 52 - column : 0, "");
    if (line > 0) printf("%s:%d\n", file[0] ? file : source, line);
    else printf("%s\n", source);
}

static enum exit_code unknown_option(const char *name)
{
    const struct option_row *near = option_nearest(view_of_text(name));
    if (!near) return command_usage("there is no option \"%.100s\"", name);
    return command_usage("there is no option \"%.100s\"; did you mean %s?", name, near->name);
}

/* The option as it is called in the table, whatever it was called by the one who asks. */
static const char *canonical(const char *word)
{
    const struct option_row *row = option_find(view_of_text(word + strspn(word, "-")));
    return row ? row->name : word;
}

static enum exit_code print_options(const struct control *c, const json_t *answer)
{
    const char *file = control_text(answer, "config_file");
    const json_t *option;
    size_t i;
    for (uint32_t k = 0; k < c->arguments.word_count; k++) {
        option = option_of(answer, canonical(c->arguments.words[k]));
        if (!option) return unknown_option(c->arguments.words[k]);
        print_option(option, file);
    }
    if (c->arguments.word_count == 0)
        json_array_foreach(json_object_get(answer, "options"), i, option)
            print_option(option, file);
    return command_printed();
}

enum exit_code control_get(const struct command_input *in)
{
    enum exit_code code;
    struct control *c = control_open(in, &(struct control_needs){.has_words = true}, &code);
    if (!c) return code;
    json_t *answer = control_ask(c, "/api/settings");
    code = answer && c->status == 200 ? print_options(c, answer) : control_failed(c);
    json_decref(answer);
    control_close(c);
    return code;
}

/* ---- set ---- */

/* "NAME VALUE" pairs, or NAME=VALUE. NULL when a value is missing. */
static json_t *read_pairs(const struct arguments *a)
{
    json_t *set = json_object();
    for (uint32_t i = 0; i < a->word_count; i++) {
        const char *word = a->words[i], *equals = strchr(word, '=');
        char name[OPTION_NAME_BYTES_MAX];
        if (equals) {
            snprintf(name, sizeof name, "%.*s", (int)(equals - word), word);
            (void)json_object_set_new(set, canonical(name), json_string(equals + 1));
        } else if (a->words[i + 1]) {
            (void)json_object_set_new(set, canonical(word), json_string(a->words[++i]));
        } else {
            json_decref(set);
            return NULL;
        }
    }
    return set;
}

static void print_changed(const json_t *changed)
{
    const char *name;
    json_t *value;
    char text[OPTION_VALUE_BYTES_MAX];
    json_object_foreach((json_t *)changed, name, value)
    {
        control_value_text(value, text);
        control_clean(text);
        printf("%s = %s\n", name, json_is_string(value) ? text : "(not shown)");
    }
}

/* Most texts begin with the option's name. */
static void print_errors(const json_t *errors)
{
    const char *key;
    json_t *value;
    char name[OPTION_VALUE_BYTES_MAX], text[OPTION_VALUE_BYTES_MAX];
    json_object_foreach((json_t *)errors, key, value)
    {
        size_t length = strlen(key);
        control_value_text(value, text);
        control_clean(text);
        snprintf(name, sizeof name, "%s", key);
        control_clean(name);
        bool is_named = strncmp(text, key, length) == 0 && text[length] == ':';
        fprintf(stderr, "muster: %s%s%s\n", is_named ? "" : name, is_named ? "" : ": ", text);
    }
}

void control_print_saved(const json_t *answer)
{
    const json_t *name;
    size_t i;
    const char *path = control_text(answer, "saved");
    if (path[0]) printf("saved to %s\n", path);
    json_array_foreach(json_object_get(answer, "overridden"), i, name)
        printf("%s: saved, but the environment or the command line of a start says otherwise\n",
               json_string_value(name));
}

static void warn_of_lists(const json_t *answer)
{
    const char *error = control_text(answer, "lists_error");
    if (error[0])
        fprintf(stderr, "muster: warning: lists: %s; those before stay in force\n", error);
}

static bool names_locations(const json_t *changed)
{
    return json_object_get(changed, "geoip_file") || json_object_get(changed, "no_locations") ||
           json_object_get(changed, "map");
}

static enum exit_code print_changes(struct control *c, const json_t *answer)
{
    if (!answer) return control_failed(c);
    if (c->status == 200) {
        const json_t *changed = json_object_get(answer, "changed");
        print_changed(changed);
        if (json_object_size(changed) == 0) printf("nothing changed\n");
        control_print_saved(answer);
        warn_of_lists(answer);
        if (names_locations(changed) && !control_locations_are_read(c)) return control_failed(c);
        return command_printed();
    }
    const json_t *errors = json_object_get(answer, "errors");
    print_errors(errors);
    if (!errors) {
        snprintf(c->error, sizeof c->error, "%s", control_text(answer, "error"));
        (void)control_failed(c);
    }
    return c->status == 400 ? EXIT_USAGE : EXIT_RUNTIME;
}

enum exit_code control_set(const struct command_input *in)
{
    static const struct argument_flag FLAGS[] = {{.name = "save"}};
    static const struct control_needs NEEDS = {.flags = FLAGS, .flag_count = 1, .has_words = true};
    enum exit_code code;
    struct control *c = control_open(in, &NEEDS, &code);
    if (!c) return code;
    json_t *set = c->arguments.word_count ? read_pairs(&c->arguments) : NULL;
    if (set) {
        json_t *body = json_pack("{s:o, s:b}", "set", set, "save", c->arguments.values[0] != NULL);
        c->timeout_ms = CONTROL_LISTS_MS;
        json_t *answer = control_tell(c, "/api/settings", body);
        code = print_changes(c, answer);
        json_decref(answer);
        json_decref(body);
    } else {
        code = command_usage("set: NAME VALUE, or NAME=VALUE; `muster get` lists them");
    }
    control_close(c);
    return code;
}
