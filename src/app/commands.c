/* commands.c - the subcommands.
 *
 * The first argument that is no option and no number is the subcommand. --help and --version count
 * anywhere, as everybody expects. Output is checked: a full disk must not look like success. */
#include "app/commands.h"

#include "app/geoip_command.h"
#include "app/options.h"
#include "app/password.h"
#include "app/server.h"

#include <ctype.h>
#include <stdlib.h>

struct command_input {
    const char *const *arguments; /* after the subcommand */
    const char *const *environment;
};

struct command {
    const char *name;
    enum exit_code (*run)(const struct command_input *in);
};

static enum exit_code usage(const char *format, const char *what)
{
    fprintf(stderr, "muster: ");
    fprintf(stderr, format, what);
    fprintf(stderr, " (see muster --help)\n");
    return EXIT_USAGE;
}

static enum exit_code printed(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_FINE : EXIT_RUNTIME;
}

static enum exit_code run_server(const struct command_input *in)
{
    struct option_sources sources = {.arguments = in->arguments, .environment = in->environment};
    return server_run(&sources);
}

static enum exit_code run_config(const struct command_input *in)
{
    struct option_sources sources = {.arguments = in->arguments, .environment = in->environment};
    struct option_error error;
    struct settings *s = calloc(1, sizeof *s);
    if (!s) return EXIT_MEMORY;
    enum err err = settings_read(s, &sources, &error);
    if (err == ERR_OK) options_print_config(stdout, s);
    else fprintf(stderr, "muster: %s\n", error.text);
    free(s);
    return err == ERR_OK ? printed() : EXIT_USAGE;
}

struct document {
    const char *name;
    void (*print)(FILE *out);
};

static const struct document DOCUMENTS[] = {
    {"man", options_print_man},
    {"options", options_print_markdown},
    {"metrics", metrics_print_markdown},
    {"sample", options_print_sample},
};

static enum exit_code run_docs(const struct command_input *in)
{
    const char *name = in->arguments[0];
    if (!name) return usage("docs: %s", "which? man, options, metrics or sample");
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++) {
        if (strcmp(name, DOCUMENTS[i].name) != 0) continue;
        DOCUMENTS[i].print(stdout);
        return printed();
    }
    return usage("docs: there is no document \"%.100s\"", name);
}

/* As anybody may write it: port, --port, -p, --no-scrape. */
static const struct option_row *option_named(const char *name)
{
    const char *bare = name + strspn(name, "-");
    const struct option_row *row = option_find(view_of_text(bare));
    if (!row && strlen(bare) == 1) row = option_find_short(bare[0]);
    if (row || (strncmp(bare, "no-", 3) != 0 && strncmp(bare, "no_", 3) != 0)) return row;
    row = option_find(view_of_text(bare + 3));
    return row && row->type == OPT_FLAG ? row : NULL;
}

static enum exit_code run_help(const struct command_input *in)
{
    if (!in->arguments[0]) options_print_help(stdout);
    for (const char *const *name = in->arguments; *name; name++) {
        const struct option_row *row = option_named(*name);
        if (!row) return usage("help: there is no option \"%.100s\"", *name);
        if (name != in->arguments) printf("\n");
        options_print_row(stdout, row);
    }
    return printed();
}

static enum exit_code run_version(const struct command_input *in)
{
    (void)in;
    printf("muster " MUSTER_VERSION "\n");
    return printed();
}

static enum exit_code run_password(const struct command_input *in)
{
    if (in->arguments[0]) return usage("password: %s", "is asked for, never given as an argument");
    enum exit_code code = password_command();
    return code == EXIT_FINE ? printed() : code;
}

static enum exit_code run_geoip(const struct command_input *in)
{
    return geoip_command(in->arguments, in->environment);
}

/* The first row is what runs without a word. */
static const struct command COMMANDS[] = {
    {"run", run_server}, {"config", run_config},   {"docs", run_docs},         {"geoip", run_geoip},
    {"help", run_help},  {"version", run_version}, {"password", run_password},
};

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++)
        if (strcmp(name, COMMANDS[i].name) == 0) return &COMMANDS[i];
    return NULL;
}

/* --help and --version, wherever they stand. */
static const struct command *command_asked(const char *const *arguments)
{
    for (; *arguments; arguments++) {
        if (strcmp(*arguments, "--help") == 0 || strcmp(*arguments, "-h") == 0)
            return command_find("help");
        if (strcmp(*arguments, "--version") == 0 || strcmp(*arguments, "-V") == 0)
            return command_find("version");
    }
    return NULL;
}

enum exit_code command_run(const char *const *arguments, const char *const *environment)
{
    static const char *const NOTHING[] = {NULL};
    struct command_input in = {.arguments = arguments, .environment = environment};
    const struct command *command = command_asked(arguments);
    if (command) {
        in.arguments = NOTHING;
        return command->run(&in);
    }
    command = arguments[0] ? command_find(arguments[0]) : NULL;
    if (!command && arguments[0] && isalpha((unsigned char)arguments[0][0]))
        return usage(
            "there is no command \"%.100s\": run, config, docs, geoip, password, help or version",
            arguments[0]);
    if (command) in.arguments++;
    else command = &COMMANDS[0];
    return command->run(&in);
}
