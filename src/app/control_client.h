/* control_client.h - speaking to a running muster over its Unix socket, which speaks HTTP.
 *
 * Limits   an answer is at most CONTROL_ANSWER_BYTES_MAX and must come within CONTROL_TIMEOUT_MS */
#ifndef APP_CONTROL_CLIENT_H
#define APP_CONTROL_CLIENT_H

#include "app/arguments.h"
#include "app/commands.h"

#include <jansson.h>

#define CONTROL_ANSWER_BYTES_MAX (8u << 20)
#define CONTROL_TIMEOUT_MS       10000
#define CONTROL_LISTS_MS         180000 /* of one that comes when access lists are read */
#define CONTROL_ERROR_BYTES      512
#define CONTROL_SOCKET_BYTES     108 /* sun_path */

/* What a command wants of its arguments. */
struct control_needs {
    const struct argument_flag *flags;
    size_t flag_count;
    bool has_words;  /* plain words are the command's own; else PORT [INTERVAL], as of `run` */
    bool is_a_start; /* the file must be right; else a mistake in it is only a warning */
};

struct control {
    struct settings settings; /* as the arguments say: which muster, and what `run` would get */
    struct arguments arguments;
    const char *run[2 * ARGUMENT_WORDS_MAX + 1]; /* what `run` would get; NULL-terminated */
    char path[CONTROL_SOCKET_BYTES];             /* of the socket; "" when there is none */
    char strange[CONTROL_SOCKET_BYTES];          /* one that is not asked; "" when there is none */
    uint32_t timeout_ms;                         /* of an answer */
    int status;                                  /* of the last answer; 0: none came */
    char error[CONTROL_ERROR_BYTES];
};

/* Read a command's arguments and the options behind them; says on standard error what is wrong.
 * control_close() it unless NULL. */
struct control *control_open(const struct command_input *in, const struct control_needs *needs,
                             enum exit_code *code);
void control_close(struct control *c);

/* Look again for the socket. */
void control_find(struct control *c);

/* One request; `body` (borrowed) makes it a POST of JSON, an empty object included. Returns the answer's
 * JSON, owned by the caller; NULL with c->error written when there was no answer, or no JSON in it. Look
 * at c->status for what it means. */
json_t *control_ask(struct control *c, const char *target);
json_t *control_tell(struct control *c, const char *target, const json_t *body);

/* The options that the running muster has, as far as they say where it listens; false when it does not
 * tell. */
bool control_running_settings(struct control *c, struct settings *out);

/* Tell it and check the status: NULL when it did not do it, with c->error written. */
json_t *control_command(struct control *c, const char *target);

/* Wait until access lists that something else was just said of have been read. False, with c->error
 * written, when they could not be; those before stay in force. */
bool control_lists_are_read(struct control *c);

/* The same of the database of locations, as long as a person would wait (control_locations.c). */
bool control_locations_are_read(struct control *c);

/* "muster: c->error" on standard error. */
enum exit_code control_failed(const struct control *c);

/* What a change of settings says of the file it went into, for people (control_set.c). */
void control_print_saved(const json_t *answer);

/* Text of others made safe for a terminal: control characters, C1 in UTF-8 too, become '?'. */
void control_clean(char *text);

/* A value of the settings' JSON as the option's text. */
void control_value_text(const json_t *value, char out[OPTION_VALUE_BYTES_MAX]);

/* ---- members of its JSON; 0 and "" where they are missing ---- */

/* Walk `path`, "drops.kernel"; NULL: none. */
const json_t *control_member(const json_t *from, const char *path);
double control_number(const json_t *from, const char *path);
const char *control_text(const json_t *from, const char *path);

/* "3d 4h", "2h 5m", "1m 9s" */
#define CONTROL_UPTIME_BYTES 48
void control_uptime_text(double seconds, char out[CONTROL_UPTIME_BYTES]);

#endif
