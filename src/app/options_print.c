/* options_print.c - the rows for people at a terminal: --help, one option, `muster config`, and the
 * sample file. The manual and the Markdown are in options_manual.c. */
#include "app/options.h"

#include "app/commands.h"
#include "app/options_list.h"

#define NAME_COLUMN     36
#define WIDTH           96
#define USAGE_BYTES     96
#define LIST_LINE_BYTES 150 /* of a list; the parser takes lines of about 200 */

/* "-p, --port PORT" */
static void usage_name(const struct option_row *row, char *out, size_t size)
{
    char name[OPTION_NAME_BYTES_MAX];
    option_dashed(row->name, name);
    bool dflt_yes = row->type == OPT_FLAG && strcmp(row->dflt, "yes") == 0;
    char letter[] = {'-', row->short_name, ',', ' ', '\0'};
    snprintf(out, size, "%s--%s%s%s%s", row->short_name ? letter : "    ", dflt_yes ? "[no-]" : "",
             name, row->value ? " " : "", row->value ? row->value : "");
}

void options_print_folded(FILE *out, const char *text, int indent, int column)
{
    for (const char *word = text; *word;) {
        int length = (int)strcspn(word, " ");
        if (column > indent && column + 1 + length > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (word != text) {
            column += fprintf(out, " ");
        }
        column += fprintf(out, "%.*s", length, word);
        word += length;
        while (*word == ' ')
            word++;
    }
    fprintf(out, "\n");
}

/* "port for UDP and TCP [6969]" */
static void help_text(const struct option_row *row, char *out, size_t size)
{
    bool is_zero = row->zero && strcmp(row->dflt, "0") == 0;
    const char *dflt = is_zero ? row->zero : row->dflt;
    bool shown = dflt[0] && !(row->type == OPT_FLAG && strcmp(dflt, "no") == 0);
    snprintf(out, size, "%s%s%s%s", row->help, shown ? " [" : "", shown ? dflt : "",
             shown ? "]" : "");
}

static void print_help_line(FILE *out, const struct option_row *row)
{
    char name[USAGE_BYTES], text[256];
    usage_name(row, name, sizeof name);
    help_text(row, text, sizeof text);
    int column = fprintf(out, "  %-*s", NAME_COLUMN - 2, name);
    if (column > NAME_COLUMN) fprintf(out, "\n%*s", NAME_COLUMN, "");
    options_print_folded(out, text, NAME_COLUMN, NAME_COLUMN);
}

static const char TITLE[] =
    "muster " MUSTER_VERSION " - a BitTorrent tracker: UDP and HTTP on one port, IPv4 and IPv6\n"
    "\n";

static const char EXAMPLES[] =
    "\n"
    "Examples:\n"
    "  muster                            port 6969, every address of this machine\n"
    "  muster 8000                       another port\n"
    "  muster --listen 192.0.2.1 --listen udp://[2001:db8::1]:6969\n"
    "  muster --real-ip-header X-Forwarded-For --trusted-proxies 10.0.0.0/8\n"
    "  muster -c /etc/muster.conf        options from a file; `kill -HUP` reads it again\n";

static const char SOURCES[] =
    "\n"
    "Sizes take K M G, times ms s m h d (seconds without a unit), flags --NAME or --no-NAME.\n"
    "Every option is also `name = value` in the file of --config and MUSTER_NAME in the\n"
    "environment, with _ for -. The command line wins over the environment, that over the file.\n"
    "\n"
    "Signals: TERM and INT stop after the requests in hand, a second one at once; HUP reloads.\n";

static void print_exit_codes(FILE *out)
{
    fprintf(out, "\nExit status:\n");
#define EXIT_CODE_PRINT(id, number, text) fprintf(out, "  %d  %s\n", number, text);
    EXIT_CODES(EXIT_CODE_PRINT)
#undef EXIT_CODE_PRINT
}

/* "status [--json] [OPTIONS]" */
static int print_synopsis(FILE *out, const struct command *c)
{
    return fprintf(out, "muster %s%s%s", c->name, c->synopsis[0] ? " " : "", c->synopsis);
}

void commands_print_usage(FILE *out)
{
    fprintf(out, "Usage:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        int column = fprintf(out, "  ") + print_synopsis(out, &COMMANDS[i]);
        if (column >= NAME_COLUMN) column = fprintf(out, "\n") - 1;
        fprintf(out, "%*s", NAME_COLUMN - column, "");
        options_print_folded(out, COMMANDS[i].help, NAME_COLUMN, NAME_COLUMN);
    }
}

void commands_print_one(FILE *out, const struct command *c)
{
    print_synopsis(out, c);
    fprintf(out, "\n    ");
    options_print_folded(out, c->help, 4, 4);
    if (!c->more) return;
    fprintf(out, "\n    ");
    options_print_folded(out, c->more, 4, 4);
}

void options_print_help(FILE *out)
{
    fputs(TITLE, out);
    commands_print_usage(out);
    fputs(EXAMPLES, out);
    for (enum option_group g = 0; g < GROUP_COUNT; g++) {
        fprintf(out, "\n%s:\n", option_group_title(g));
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (OPTIONS[i].group == g) print_help_line(out, &OPTIONS[i]);
        if (g != GROUP_START) continue;
        fprintf(out, "  %-*s%s\n", NAME_COLUMN - 2, "-h, --help", "print this and stop");
        fprintf(out, "  %-*s%s\n", NAME_COLUMN - 2, "-V, --version", "print the version and stop");
    }
    fputs(SOURCES, out);
    print_exit_codes(out);
}

static void print_alias(FILE *out, const char *alias)
{
    char name[OPTION_NAME_BYTES_MAX];
    option_dashed(alias, name);
    fprintf(out, "    also called: --%s\n", name);
}

void options_print_row(FILE *out, const struct option_row *row)
{
    char name[USAGE_BYTES], range[OPTION_RANGE_BYTES_MAX];
    usage_name(row, name, sizeof name);
    option_range_print(row, range);
    fprintf(out, "%s\n    ", name + strspn(name, " "));
    options_print_folded(out, row->help, 4, 4);
    fprintf(out, "    allowed: %s\n    default: %s\n", range, row->dflt[0] ? row->dflt : "empty");
    for (int k = 0; k < OPTION_NAMES_MAX - 1; k++)
        if (row->aliases[k]) print_alias(out, row->aliases[k]);
    if (row->short_alias) fprintf(out, "    also called: -%c\n", row->short_alias);
    if (row->environment)
        fprintf(out, "    also read from the environment: %s\n", row->environment);
    fprintf(out, "    a reload %s\n",
            row->reload == RELOAD_LIVE ? "changes it" : "does not change it");
    if (!row->more) return;
    fprintf(out, "\n    ");
    options_print_folded(out, row->more, 4, 4);
}

static void origin_print(const struct settings *s, size_t row, char *out, size_t size)
{
    const struct option_origin *o = &s->origin[row];
    switch (o->source) {
    case SOURCE_DEFAULT: snprintf(out, size, "default"); break;
    case SOURCE_FILE: snprintf(out, size, "%s:%u", s->config.app.config_file, o->line); break;
    case SOURCE_ENVIRONMENT: snprintf(out, size, "environment"); break;
    case SOURCE_COMMAND_LINE: snprintf(out, size, "command line"); break;
    case SOURCE_LIVE: snprintf(out, size, "set while running"); break;
    }
}

static void config_line(FILE *out, const char *name, const char *value, const char *origin)
{
    int column = fprintf(out, "%-27s = %s", name, value);
    fprintf(out, "%*s ; %s\n", column < 52 ? 52 - column : 0, "", origin);
}

/* A list stands in one line if the file's parser takes that, else in a line for each item. */
static void config_list(FILE *out, const struct settings *s, const struct option_row *row,
                        const char *origin)
{
    char value[OPTION_VALUE_BYTES_MAX];
    option_print(&s->config, row, value);
    if (strlen(value) <= LIST_LINE_BYTES) {
        config_line(out, row->name, value, origin);
        return;
    }
    for (size_t k = 0; k < option_list_count(row->list, &s->config); k++) {
        option_list_print(row->list, &s->config, k, value, sizeof value);
        config_line(out, row->name, value, origin);
    }
}

/* A configuration file again: origins are comments. The file's own name stands there too, since a
 * file cannot name another one. */
void options_print_config(FILE *out, const struct settings *s)
{
    char value[OPTION_VALUE_BYTES_MAX], origin[2 * CONFIG_PATH_BYTES_MAX];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        origin_print(s, i, origin, sizeof origin);
        option_print(&s->config, row, value);
        if (row->list) {
            config_list(out, s, row, origin);
        } else if (row->at == offsetof(struct config, app.config_file)) {
            size_t n = strlen(origin);
            if (value[0])
                snprintf(origin + n, sizeof origin - n, ": %s", s->config.app.config_file);
            config_line(out, row->name, "", origin);
        } else {
            config_line(out, row->name, value, origin);
        }
    }
}

void options_print_sample(FILE *out)
{
    fprintf(out, "# Options of muster " MUSTER_VERSION ", each with its default. "
                 "muster --config FILE reads them.\n"
                 "# Changes of lines marked * take effect at a reload (SIGHUP), others at a "
                 "restart.\n");
    for (enum option_group g = 0; g < GROUP_COUNT; g++) {
        fprintf(out, "\n# ---- %s ----\n", option_group_title(g));
        for (size_t i = 0; i < OPTION_COUNT; i++) {
            const struct option_row *row = &OPTIONS[i];
            if (row->group != g || row->at == offsetof(struct config, app.config_file)) continue;
            char range[OPTION_RANGE_BYTES_MAX];
            option_range_print(row, range);
            fprintf(out, "\n# %s%s\n# (%s)\n#%s =%s%s\n", row->help,
                    row->reload == RELOAD_LIVE ? " *" : "", range, row->name,
                    row->dflt[0] ? " " : "", row->dflt);
        }
    }
}
