/* commands.c - the subcommands.
 *
 * The first argument that is no option and no number is the subcommand. --help and --version count
 * anywhere, as everybody expects. */
#include "app/commands.h"

#include "app/check.h"
#include "app/control.h"
#include "app/geoip_command.h"
#include "app/options.h"
#include "app/password.h"
#include "app/probe.h"
#include "app/server.h"
#include "app/top.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

#define NAMES_BYTES 256

enum exit_code command_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "muster: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, " (see muster --help)\n");
    va_end(args);
    return EXIT_USAGE;
}

enum exit_code command_printed(void)
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
    return err == ERR_OK ? command_printed() : EXIT_USAGE;
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
    if (!name) return command_usage("docs: %s", "which? man, options, metrics or sample");
    for (size_t i = 0; i < sizeof DOCUMENTS / sizeof *DOCUMENTS; i++) {
        if (strcmp(name, DOCUMENTS[i].name) != 0) continue;
        DOCUMENTS[i].print(stdout);
        return command_printed();
    }
    return command_usage("docs: there is no document \"%.100s\"", name);
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

/* A word may name a command, an option, or both. */
static bool help_about(const char *name)
{
    const struct command *command = command_find(name);
    const struct option_row *row = option_named(name);
    if (command) commands_print_one(stdout, command);
    if (command && row) printf("\n");
    if (row) options_print_row(stdout, row);
    return command || row;
}

static enum exit_code run_help(const struct command_input *in)
{
    if (!in->arguments[0]) options_print_help(stdout);
    for (const char *const *name = in->arguments; *name; name++) {
        if (name != in->arguments) printf("\n");
        if (!help_about(*name))
            return command_usage("help: there is no command or option \"%.100s\"", *name);
    }
    return command_printed();
}

static enum exit_code run_version(const struct command_input *in)
{
    (void)in;
    printf("muster " MUSTER_VERSION "\n");
    return command_printed();
}

static enum exit_code run_password(const struct command_input *in)
{
    if (in->arguments[0])
        return command_usage("password: it is asked for, never given as an argument");
    enum exit_code code = password_command();
    return code == EXIT_FINE ? command_printed() : code;
}

#define WHICH                                                                                      \
    "PORT, --config and --admin-socket choose which muster, as they did when it was started. A "   \
    "mistake in its file since then is only a warning."

/* The first row is what runs without a word. */
/* clang-format off */
const struct command COMMANDS[] = {
    {"run", "[OPTIONS]", "serve until told to stop; `run` may be left out",
     "In the foreground, logging to standard output. `muster PORT [INTERVAL] [OPTIONS]` is the "
     "same, in short.", run_server},
    {"start", "[PORT [INTERVAL]] [--log FILE] [OPTIONS]",
     "the same in the background; waits until it answers",
     "Prints the announce URLs, the process id and where the log is: FILE, else "
     "/var/log/muster-PORT.log for root, and beside the control socket for others. Refuses to start "
     "where a muster answers already.", control_start},
    {"stop", "[PORT] [OPTIONS]", "stop it, after the requests in hand", WHICH, control_stop},
    {"restart", "[PORT] [OPTIONS]", "stop it, and start it again with the options it had",
     "Reads its configuration and lists before it stops. Waits until it answers again. " WHICH,
     control_restart},
    {"upgrade", "[PORT] [OPTIONS]", "let the program installed now take over, without a gap",
     "The new process gets sockets, store and counters; no request is lost, and if it does not start "
     "the old one goes on. Waits for the end. SIGUSR2 does the same. " WHICH, control_upgrade},
    {"reload", "[PORT] [OPTIONS]", "let it read its configuration again",
     "As SIGHUP does: all of it or, where anything is wrong, access lists included, nothing. Says what "
     "is wrong where the log would. "
     WHICH, control_reload},
    {"status", "[PORT] [--json] [OPTIONS]", "is it running, does it answer, how is it",
     "Asks the process, then every address it listens on for a heartbeat over UDP and HTTP. Exits "
     "0 when all answer, 1 when not. " WHICH, control_status},
    {"top", "[PORT] [-n COUNT] [OPTIONS]", "watch it live",
     "Totals, rates with their maxima, interval, load, drops, memory and errors; the largest "
     "swarms, the busiest addresses and client software. Tab shows the next page, arrows scroll, h "
     "lists all keys. Where standard output "
     "is no terminal, or with -n, COUNT plain blocks are printed, one a second. " WHICH, top_run},
    {"get", "[NAME...] [OPTIONS]", "options it runs with", WHICH, control_get},
    {"set", "NAME VALUE [NAME VALUE...] [--save] [OPTIONS]", "change options while it runs",
     "All or nothing: when one value is wrong, none is changed. NAME=VALUE is fine, too. The change "
     "lasts until a restart; --save writes it to the configuration file. " WHICH, control_set},
    {"save", "[PORT] [OPTIONS]", "save what outlives it: its snapshot, and what `set` changed",
     "The snapshot of torrents and peers goes into its state_dir, if it has one, as on SIGUSR1, and "
     "is on the disk when this ends; options that were set while it ran go into its configuration "
     "file. " WHICH, control_save},
    {"import", "trakx|scrape|tpbs|statedump FILE [OPTIONS]", "take over what another tracker held",
     "trakx: its file backup, with peers. scrape: a bencoded full scrape. tpbs, statedump: "
     "opentracker's /stats?mode=tpbs&format=txtp and mode=statedump. The last three have completed "
     "counts only: peers announce again. Goes into state_dir, of the muster that runs or of the one "
     "that these options start; what is there already and newer stays. " WHICH, control_import},
    {"check", "[PORT] [--json] [OPTIONS]", "look for what limits it on this machine",
     "Kernel buffers, limits, connection tracking, IPv6, clock, addresses, user; each finding comes "
     "with the command that mends it. Works before the first start, too: give it the options that "
     "`run` will get. Exits 1 when there is a problem, 0 when there is only advice.", check_run},
    {"probe", "[-4|-6] [--json] [--timeout TIME] [--numwant N] URL [HASH...]",
     "connect, announce and scrape at any tracker",
     "URL is udp:// or http://, HASH 40 hexadecimal digits (a random one where none is given). "
     "Every address that the name has is asked; what is announced is taken back. Exits 0 when all "
     "is fine, 1 when a tracker answers with an error, 2 when the arguments are wrong, 3 when an "
     "address does not answer.", probe_run},
    {"config", "[OPTIONS]", "print every value and where it comes from",
     "As a file that --config reads. Starts nothing, so it checks a file before a reload.",
     run_config},
    {"geoip", "[ADDRESS...] [OPTIONS]", "which database of locations is used, where to get one",
     "By the muster that runs, or, where none does or a geoip_file is named, by a start here. And where "
     "each ADDRESS is by it. Exits 1 when there is none.",
     geoip_command},
    {"password", "", "ask for a password, print the line for the configuration file", NULL,
     run_password},
    {"docs", "man|options|metrics|sample", "print the manual, references, a sample file", NULL,
     run_docs},
    {"help", "[COMMAND|OPTION...]", "this text, or all about one", NULL, run_help},
    {"version", "", "print the version", NULL, run_version},
};
/* clang-format on */

const size_t COMMAND_COUNT = sizeof COMMANDS / sizeof *COMMANDS;

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
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

static enum exit_code unknown(const char *name)
{
    char names[NAMES_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < COMMAND_COUNT && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", COMMANDS[i].name);
    return command_usage("there is no command \"%.100s\": %s", name, names);
}

enum exit_code command_run(const char *const *arguments, const char *const *environment)
{
    const char *about[] = {NULL, NULL};
    struct command_input in = {.arguments = arguments, .environment = environment};
    const struct command *asked = command_asked(arguments);
    const struct command *command = arguments[0] ? command_find(arguments[0]) : NULL;
    if (asked) {
        if (command && command != &COMMANDS[0]) about[0] = command->name;
        in.arguments = about;
        return asked->run(&in);
    }
    if (!command && arguments[0] && isalpha((unsigned char)arguments[0][0]))
        return unknown(arguments[0]);
    if (command) in.arguments++;
    else command = &COMMANDS[0];
    return command->run(&in);
}
