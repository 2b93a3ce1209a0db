/* options.c - the table of options: how a row is written, where the rows are, and what groups and
 * sources are called. How a value is read or printed is not here.
 *
 * To add one  a row in the group where a reader looks for it, and a field in the struct of the
 *             module that uses it. `./dev docs` then brings the generated documents up to date.
 *             options_serving.def   start, listening, interval, answers, UDP, HTTP, proxy
 *             options_limits.def    the store, limits, access lists
 *             options_running.def   the system, operator pages, state
 * Defaults    are texts and go through the same parser as the operator's values, so a default out
 *             of its own range cannot exist (tests/unit/app_options.c sets every one).
 * Names       those of etracker's documents are names or aliases here; where its documents and its
 *             code differ, the documents win (-e is the timeout, -m the peers of an answer). */
#include "app/options.h"

#include "app/options_list.h"

#define AT(member)                                                                                 \
    .at = offsetof(struct config, member), .size = sizeof(((struct config *)0)->member)
#define LIVE       .reload = RELOAD_LIVE
#define RESTART    .reload = RELOAD_RESTART
#define IN(name)   .group = GROUP_##name
#define SECONDS(n) ((n)*1000ull)
#define MINUTES(n) ((n)*60000ull)
#define HOURS(n)   ((n)*3600000ull)
#define KIB(n)     ((n)*1024ull)
#define MIB(n)     ((n)*1048576ull)
#define GIB(n)     ((n)*1073741824ull)
#define PEERS_MAX  1000000000000ull

#define ACCESS_FILES_RANGE "paths without a comma; up to 16"
#define ACCESS_PORTS_RANGE "PORT or FIRST-LAST, 1..65535, perhaps a reason; up to 64"

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(char c)
{
    return is_alnum(c) || (c && strchr("_-.@", c));
}

static bool is_name_list(char c)
{
    return is_alnum(c) || (c && strchr("-._, ", c));
}

/* RFC 9110, token */
static bool is_token(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_path(char c)
{
    return (unsigned char)c >= 0x20 && c != 0x7f;
}

/* What a line of crypto_pwhash_str() is made of. */
static bool is_password_hash(char c)
{
    return is_alnum(c) || (c && strchr("$=,+/", c));
}

/* A row is a paragraph, not a column of fields. Documents show them in this order. */
const struct option_row OPTIONS[] = {
#include "app/options_serving.def"

#include "app/options_limits.def"

#include "app/options_running.def"
};

const size_t OPTION_COUNT = sizeof OPTIONS / sizeof *OPTIONS;
_Static_assert(sizeof OPTIONS / sizeof *OPTIONS <= OPTIONS_MAX,
               "struct settings has one origin a row");

static const char *const GROUP_TITLES[GROUP_COUNT] = {
    [GROUP_START] = "Start and log",
    [GROUP_LISTEN] = "Listening",
    [GROUP_INTERVAL] = "Interval and load",
    [GROUP_ANSWER] = "Answers",
    [GROUP_UDP] = "UDP",
    [GROUP_HTTP] = "HTTP",
    [GROUP_PROXY] = "Behind a proxy",
    [GROUP_STORE] = "Torrents and peers",
    [GROUP_LIMITS] = "Limits",
    [GROUP_ACCESS] = "Access",
    [GROUP_SYSTEM] = "System",
    [GROUP_PAGES] = "Operator pages",
    [GROUP_STATE] = "State",
};

const char *option_group_title(enum option_group group)
{
    return GROUP_TITLES[group];
}

/* Programs know groups by these; they do not change. */
static const char *const GROUP_IDS[GROUP_COUNT] = {
    [GROUP_START] = "start",   [GROUP_LISTEN] = "listen", [GROUP_INTERVAL] = "interval",
    [GROUP_ANSWER] = "answer", [GROUP_UDP] = "udp",       [GROUP_HTTP] = "http",
    [GROUP_PROXY] = "proxy",   [GROUP_STORE] = "store",   [GROUP_LIMITS] = "limits",
    [GROUP_ACCESS] = "access", [GROUP_SYSTEM] = "system", [GROUP_PAGES] = "pages",
    [GROUP_STATE] = "state",
};

const char *option_group_id(enum option_group group)
{
    return GROUP_IDS[group];
}

static const char *const SOURCE_NAMES[] = {
    [SOURCE_DEFAULT] = "default",
    [SOURCE_FILE] = "file",
    [SOURCE_ENVIRONMENT] = "environment",
    [SOURCE_COMMAND_LINE] = "command line",
    [SOURCE_LIVE] = "live",
};

const char *option_source_name(enum option_source source)
{
    return SOURCE_NAMES[source];
}
