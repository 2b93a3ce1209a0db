/* arguments.c - see arguments.h. An option of the server is only recognized here, with the value it
 * takes along; settings_read_arguments() reads it, so that both mean the same by it. */
#include "app/arguments.h"

#include <assert.h>
#include <ctype.h>

struct sorter {
    const char *const *at;
    const struct argument_flag *flags;
    size_t flag_count;
    struct arguments *out;
    struct option_error *error;
};

static enum err refuse(struct sorter *s, enum err err, const char *what, const char *argument)
{
    snprintf(s->error->text, sizeof s->error->text, "%s: %.200s", what, argument);
    return err;
}

static enum err push(struct sorter *s, const char **array, uint32_t *count, const char *argument)
{
    if (*count == ARGUMENT_WORDS_MAX) return refuse(s, ERR_FULL, "too many words, from", argument);
    array[(*count)++] = argument;
    array[*count] = NULL;
    return ERR_OK;
}

static enum err push_word(struct sorter *s)
{
    return push(s, s->out->words, &s->out->word_count, *s->at);
}

/* The option in hand, and the next argument where that is its value. */
static enum err push_option(struct sorter *s, bool takes_next)
{
    enum err err = push(s, s->out->options, &s->out->option_count, *s->at);
    if (err != ERR_OK || !takes_next || !s->at[1]) return err;
    return push(s, s->out->options, &s->out->option_count, *++s->at);
}

/* `joined`: the value that stands in the same argument, or NULL. */
static enum err take_flag(struct sorter *s, const struct argument_flag *flag, const char *joined)
{
    const char **value = &s->out->values[flag - s->flags];
    if (!flag->wants_value) {
        if (joined) return refuse(s, ERR_BAD_VALUE, "takes no value", *s->at);
        *value = "";
        return ERR_OK;
    }
    *value = joined ? joined : s->at[1];
    if (!*value) return refuse(s, ERR_BAD_VALUE, "a value is missing", *s->at);
    if (!joined) s->at++;
    return ERR_OK;
}

static const struct argument_flag *flag_named(const struct sorter *s, struct view name)
{
    for (size_t i = 0; i < s->flag_count; i++)
        if (s->flags[i].name && view_equal(name, view_of_text(s->flags[i].name)))
            return &s->flags[i];
    return NULL;
}

static const struct argument_flag *flag_lettered(const struct sorter *s, char letter)
{
    for (size_t i = 0; i < s->flag_count; i++)
        if (s->flags[i].letter == letter) return &s->flags[i];
    return NULL;
}

static enum err sort_long(struct sorter *s)
{
    const char *text = *s->at + 2, *equals = strchr(text, '=');
    struct view name = view_of(text, equals ? (size_t)(equals - text) : strlen(text));
    const struct argument_flag *flag = flag_named(s, name);
    if (flag) return take_flag(s, flag, equals ? equals + 1 : NULL);
    const struct option_row *row = option_find(name);
    if (!row && strncmp(text, "no", 2) != 0)
        return refuse(s, ERR_UNKNOWN_OPTION, "unknown option", *s->at);
    return push_option(s, row && row->type != OPT_FLAG && !equals);
}

static enum err sort_short(struct sorter *s)
{
    const char *text = *s->at + 1;
    const struct argument_flag *flag = flag_lettered(s, text[0]);
    if (flag) return take_flag(s, flag, text[1] ? text + 1 : NULL);
    if (isdigit((unsigned char)text[0])) return push_word(s);
    const struct option_row *row = option_find_short(text[0]);
    if (!row) return refuse(s, ERR_UNKNOWN_OPTION, "unknown option", *s->at);
    return push_option(s, row->type != OPT_FLAG && !text[1]);
}

enum err arguments_sort(const char *const *arguments, const struct argument_flag *flags,
                        size_t flag_count, struct arguments *out, struct option_error *error)
{
    assert(flag_count <= ARGUMENT_FLAGS_MAX);
    struct sorter s = {
        .at = arguments, .flags = flags, .flag_count = flag_count, .out = out, .error = error};
    bool only_words = false;
    memset(out, 0, sizeof *out);
    for (; *s.at; s.at++) {
        const char *text = *s.at;
        enum err err = ERR_OK;
        if (!only_words && strcmp(text, "--") == 0) only_words = true;
        else if (only_words || text[0] != '-' || !text[1]) err = push_word(&s);
        else err = text[1] == '-' ? sort_long(&s) : sort_short(&s);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}
