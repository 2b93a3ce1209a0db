/* options_manual.c - the rows as documents: the man page (roff) and the references (Markdown).
 * docs/generated/ holds what these print; tools/generated_docs.py fails when it is stale. */
#include "app/options.h"

#include "admin/stats.h"
#include "app/commands.h"
#include "base/metrics.h"

#include <ctype.h>

/* ---- roff ---- */

/* Text where a line may not begin with a control character and '-' must stay a minus. */
static void roff_text(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') fputs("\\&", out);
    for (const char *c = text; *c; c++) {
        switch (*c) {
        case '\\': fputs("\\e", out); break;
        case '-': fputs("\\-", out); break;
        case '\'': fputs("\\(aq", out); break;
        case '`': fputs("\\(ga", out); break;
        default: fputc(*c, out);
        }
    }
}

/* The help of a row as a sentence. */
static void roff_sentence(FILE *out, const char *help)
{
    char first[] = {(char)toupper((unsigned char)help[0]), '\0'};
    roff_text(out, first);
    roff_text(out, help + 1);
    fputs(".\n", out);
}

static void roff_name(FILE *out, const char *name)
{
    for (const char *c = name; *c; c++)
        fputs(*c == '_' || *c == '-' ? "\\-" : (char[]){*c, '\0'}, out);
}

static void roff_option_names(FILE *out, const struct option_row *row)
{
    fprintf(out, ".TP\n");
    if (row->short_name) fprintf(out, "\\fB\\-%c\\fR, ", row->short_name);
    if (row->short_alias) fprintf(out, "\\fB\\-%c\\fR, ", row->short_alias);
    bool shows_no = row->type == OPT_FLAG && strncmp(row->name, "no_", 3) != 0;
    fprintf(out, "\\fB\\-\\-%s", shows_no ? "[no\\-]" : "");
    roff_name(out, row->name);
    for (int k = 0; k < OPTION_NAMES_MAX - 1 && row->aliases[k]; k++) {
        fprintf(out, "\\fR, \\fB\\-\\-");
        roff_name(out, row->aliases[k]);
    }
    if (row->value) fprintf(out, "\\fR \\fI%s", row->value);
    fprintf(out, "\\fR\n");
}

static void roff_option(FILE *out, const struct option_row *row)
{
    char range[OPTION_RANGE_BYTES_MAX];
    option_range_print(row, range);
    roff_option_names(out, row);
    roff_sentence(out, row->help);
    if (row->more) {
        roff_text(out, row->more);
        fputs("\n", out);
    }
    fputs("Allowed: ", out);
    roff_text(out, range);
    fputs(". Default: ", out);
    roff_text(out, row->dflt[0] ? row->dflt : "empty");
    fprintf(out, ". %s.\n",
            row->reload == RELOAD_LIVE ? "Reloadable" : "Changed by a restart only");
}

static const char MAN_HEAD[] = ".TH MUSTER 1 \"\" \"muster " MUSTER_VERSION "\"\n"
                               ".SH NAME\n"
                               "muster \\- BitTorrent tracker over UDP and HTTP\n"
                               ".SH SYNOPSIS\n"
                               ".nf\n";

static const char MAN_DESCRIPTION[] =
    ".SH DESCRIPTION\n"
    "muster lets peers that want the same torrent find each other. It serves UDP (BEP 15) and "
    "HTTP\n"
    "(BEP 3) on one port, over IPv4 and IPv6, and keeps all swarms in memory.\n"
    ".SH COMMANDS\n";

static const char MAN_OPTIONS[] =
    ".SH OPTIONS\n"
    "Sizes take K, M or G; times ms, s, m, h or d, and count seconds without a unit. Flags are\n"
    "switched by \\fB\\-\\-NAME\\fR and \\fB\\-\\-no\\-NAME\\fR. Lists may be repeated and hold "
    "commas.\n"
    "Every option is also a line \\fIname\\fR = \\fIvalue\\fR of the configuration file and a "
    "variable\n"
    "MUSTER_\\fINAME\\fR of the environment, with _ in place of \\-. The command line wins over "
    "the\n"
    "environment, the environment over the file, the file over the default.\n";

static const char MAN_SIGNALS[] = ".SH SIGNALS\n"
                                  ".TP\n"
                                  "TERM, INT\n"
                                  "Accept nothing new, answer what is in hand for at most "
                                  "\\fB\\-\\-drain\\-timeout\\fR, and stop. A\n"
                                  "second one stops at once.\n"
                                  ".TP\n"
                                  "HUP\n"
                                  "Read the configuration again. What cannot change while running "
                                  "is named in the log and stays;\n"
                                  "if anything is wrong, all stays, and the log says why.\n"
                                  ".TP\n"
                                  "USR1\n"
                                  "Ignored.\n";

static const char MAN_TAIL[] =
    ".SH ENVIRONMENT\n"
    "MUSTER_\\fINAME\\fR sets the option \\fINAME\\fR; PORT is read where MUSTER_PORT is not set.\n"
    "JOURNAL_STREAM, as systemd sets it, leaves dates out of the log and puts priorities in.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "muster 8000\n"
    "muster \\-\\-listen 192.0.2.1 \\-\\-listen udp://[2001:db8::1]:6969\n"
    "muster \\-\\-real\\-ip\\-header X\\-Forwarded\\-For \\-\\-trusted\\-proxies 10.0.0.0/8\n"
    "MUSTER_LOG_LEVEL=debug muster \\-c /etc/muster.conf\n"
    ".fi\n";

static void roff_synopsis(FILE *out, const struct command *c)
{
    fprintf(out, "\\fBmuster %s\\fR", c->name);
    if (c->synopsis[0]) fputc(' ', out);
    roff_text(out, c->synopsis);
    fputs("\n", out);
}

static void roff_command(FILE *out, const struct command *c)
{
    fputs(".TP\n", out);
    roff_synopsis(out, c);
    roff_sentence(out, c->help);
    if (!c->more) return;
    roff_text(out, c->more);
    fputs("\n", out);
}

void options_print_man(FILE *out)
{
    fputs(MAN_HEAD, out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        roff_synopsis(out, &COMMANDS[i]);
    fputs(".fi\n", out);
    fputs(MAN_DESCRIPTION, out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        roff_command(out, &COMMANDS[i]);
    fputs(MAN_OPTIONS, out);
    for (enum option_group g = 0; g < GROUP_COUNT; g++) {
        fprintf(out, ".SS %s\n", option_group_title(g));
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (OPTIONS[i].group == g) roff_option(out, &OPTIONS[i]);
    }
    fputs(MAN_SIGNALS, out);
    fputs(".SH EXIT STATUS\n", out);
#define EXIT_CODE_PRINT(id, number, text) fprintf(out, ".TP\n%d\n%s.\n", number, text);
    EXIT_CODES(EXIT_CODE_PRINT)
#undef EXIT_CODE_PRINT
    fputs(MAN_TAIL, out);
}

/* ---- Markdown ---- */

/* Inside a table cell a bar would end the cell. */
static void cell_text(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|') fputc('\\', out);
        fputc(*c, out);
    }
}

static void markdown_option(FILE *out, const struct option_row *row)
{
    char range[OPTION_RANGE_BYTES_MAX];
    option_range_print(row, range);
    fprintf(out, "| `%s`", row->name);
    if (row->short_name) fprintf(out, " `-%c`", row->short_name);
    if (row->short_alias) fprintf(out, " `-%c`", row->short_alias);
    for (int k = 0; k < OPTION_NAMES_MAX - 1 && row->aliases[k]; k++)
        fprintf(out, " `%s`", row->aliases[k]);
    fprintf(out, " | %s%s%s | ", row->dflt[0] ? "`" : "", row->dflt, row->dflt[0] ? "`" : "");
    cell_text(out, range);
    fprintf(out, " | %s | %c", row->reload == RELOAD_LIVE ? "yes" : "no",
            toupper((unsigned char)row->help[0]));
    cell_text(out, row->help + 1);
    if (row->more) {
        fputs(". ", out);
        cell_text(out, row->more);
    }
    fputs(" |\n", out);
}

void options_print_markdown(FILE *out)
{
    fputs(
        "# Options\n\n"
        "Printed by `muster docs options`. On the command line `--max-peers`, in the configuration "
        "file `max_peers`,\nin the environment `MUSTER_MAX_PEERS`. Reload: whether SIGHUP changes "
        "it in a running server.\n",
        out);
    for (enum option_group g = 0; g < GROUP_COUNT; g++) {
        fprintf(out,
                "\n## %s\n\n| option | default | allowed | reload | meaning |\n"
                "|---|---|---|---|---|\n",
                option_group_title(g));
        for (size_t i = 0; i < OPTION_COUNT; i++)
            if (OPTIONS[i].group == g) markdown_option(out, &OPTIONS[i]);
    }
}

static enum metric family_end(enum metric m)
{
    const char *name = metric_row(m).name;
    while (m < METRIC_COUNT && strcmp(metric_row(m).name, name) == 0)
        m++;
    return m;
}

/* "door=udp|http": the values that a label has in a family. */
static void markdown_label(FILE *out, enum metric from, enum metric end, enum metric_label label)
{
    for (enum metric m = from; m < end; m++) {
        const char *value = metric_row(m).labels[label];
        bool is_known = false;
        for (enum metric before = from; before < m; before++)
            is_known = is_known || strcmp(metric_row(before).labels[label], value) == 0;
        if (!value[0] || is_known) continue;
        if (m == from) fprintf(out, "%s=%s", metric_label_name(label), value);
        else fprintf(out, "\\|%s", value);
    }
}

/* One line a family; returns the next one. */
static enum metric markdown_family(FILE *out, enum metric m)
{
    static const char *const UNITS[] = {[METRIC_UNIT_NONE] = "", [METRIC_UNIT_BYTES] = "bytes"};
    struct metric_row row = metric_row(m);
    enum metric end = family_end(m);
    fprintf(out, "| `%s` | %s | ", row.name, UNITS[row.unit]);
    for (int label = 0; label < LABEL_COUNT; label++) {
        if (!row.labels[label][0]) continue;
        if (label) fputc(' ', out);
        markdown_label(out, m, end, (enum metric_label)label);
    }
    fputs(" | ", out);
    cell_text(out, row.help);
    fputs(" |\n", out);
    return end;
}

void metrics_print_markdown(FILE *out)
{
    fputs("# Metrics\n\nPrinted by `muster docs metrics`. Counters count from the start and only "
          "grow. "
          "With `log_level = debug`\nthe log tells them once per log line and at a stop: see "
          "[the log line](../log-line.md).\n\n"
          "| name | unit | labels | meaning |\n|---|---|---|---|\n",
          out);
    for (enum metric m = 0; m < METRIC_COUNT;)
        m = markdown_family(out, m);
    fputs(
        "\n## Besides the counters\n\nIn `/metrics`; each name, as those above, follows `muster_` "
        "there.\n\n",
        out);
    stats_print_reference(out);
}
