/* control_client.c - see control_client.h. A connection for each request: commands make one or two. */
#include "app/control_client.h"

#include "app/control_path.h"
#include "app/options_list.h"
#include "proto/http_response.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_BYTES_MAX   512
#define MEMBER_BYTES_MAX 64
#define READ_BYTES       65536

__attribute__((format(printf, 2, 3))) static void fail(struct control *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(c->error, sizeof c->error, format, args);
    va_end(args);
}

/* ---- which muster ---- */

void control_find(struct control *c)
{
    const struct app_opts *a = &c->settings.config.app;
    c->path[0] = c->strange[0] = '\0';
    if (strcmp(a->admin_socket, "off") == 0) return;
    if (!a->admin_socket[0]) {
        char found[CONTROL_SOCKET_BYTES];
        enum control_path_found how = control_path_find(a->chroot, a->port, found);
        if (how == CONTROL_PATH_OURS) memcpy(c->path, found, sizeof found);
        if (how == CONTROL_PATH_STRANGE) memcpy(c->strange, found, sizeof found);
    } else {
        int n = snprintf(c->path, sizeof c->path, "%s%s", a->chroot, a->admin_socket);
        if (n >= (int)sizeof c->path) c->path[0] = '\0';
    }
}

static void run_collect(struct control *c, bool with_words)
{
    const struct arguments *a = &c->arguments;
    size_t n = 0;
    for (uint32_t i = 0; with_words && i < a->word_count; i++)
        c->run[n++] = a->words[i];
    for (uint32_t i = 0; i < a->option_count; i++)
        c->run[n++] = a->options[i];
}

static enum err read_options(struct control *c, const struct command_input *in,
                             const struct control_needs *needs, struct option_error *error)
{
    struct option_sources sources = {.arguments = c->run, .environment = in->environment};
    enum err err =
        arguments_sort(in->arguments, needs->flags, needs->flag_count, &c->arguments, error);
    if (err != ERR_OK) return err;
    run_collect(c, !needs->has_words);
    if (needs->is_a_start) return settings_read(&c->settings, &sources, error);
    err = settings_read_around(&c->settings, &sources, error);
    if (err == ERR_OK && error->text[0])
        fprintf(stderr, "muster: warning: %s; going on without\n", error->text);
    return err;
}

struct control *control_open(const struct command_input *in, const struct control_needs *needs,
                             enum exit_code *code)
{
    struct option_error error;
    struct control *c = calloc(1, sizeof *c);
    *code = EXIT_MEMORY;
    if (!c) return NULL;
    if (read_options(c, in, needs, &error) == ERR_OK) {
        c->timeout_ms = CONTROL_TIMEOUT_MS;
        control_find(c);
        *code = EXIT_FINE;
        return c;
    }
    *code = command_usage("%s", error.text);
    free(c);
    return NULL;
}

void control_close(struct control *c)
{
    free(c);
}

/* ---- one request ---- */

static void fail_connect(struct control *c, int why)
{
    const char *hint = why == EACCES         ? "; be root, or the user who started it"
                       : why == ECONNREFUSED ? "; the socket is left from one that is gone"
                                             : "; is it running? See --port, --admin-socket";
    fail(c, "no muster answers at %s: %s%s", c->path, strerror(why), hint);
}

static int connect_to(struct control *c)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct timeval t = {.tv_sec = c->timeout_ms / 1000, .tv_usec = c->timeout_ms % 1000 * 1000};
    if (!c->path[0]) {
        const struct app_opts *a = &c->settings.config.app;
        if (a->admin_socket[0])
            fail(c, "there is no control socket: admin_socket = %.120s", a->admin_socket);
        else if (c->strange[0])
            fail(c,
                 "no muster answers on port %u: others than its owner may have put %s there; if it "
                 "is yours, name it by --admin-socket",
                 a->port, c->strange);
        else
            fail(c,
                 "no muster answers on port %u: is it running? --port or --admin-socket chooses "
                 "another",
                 a->port);
        return -1;
    }
    memcpy(un.sun_path, c->path, strlen(c->path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == 0 &&
        connect(fd, (struct sockaddr *)&un, sizeof un) == 0)
        return fd;
    fail_connect(c, errno);
    if (fd >= 0) close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool send_request(int fd, const char *target, const char *body)
{
    char head[HEAD_BYTES_MAX];
    int n = snprintf(head, sizeof head,
                     "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     "Accept: application/json\r\n",
                     body ? "POST" : "GET", target);
    if (body && n < HEAD_BYTES_MAX)
        n += snprintf(head + n, sizeof head - (size_t)n,
                      "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(body));
    return n < HEAD_BYTES_MAX && send_all(fd, head, (size_t)n) && send_all(fd, "\r\n", 2) &&
           (!body || send_all(fd, body, strlen(body)));
}

struct received {
    uint8_t *bytes;
    size_t len, room;
};

/* Room for more, up to the limit and one byte that shows who passes it. */
static bool received_grow(struct received *r)
{
    if (r->len < r->room) return true;
    if (r->room > CONTROL_ANSWER_BYTES_MAX) return false;
    size_t room = r->room ? 2 * r->room : READ_BYTES;
    if (room > CONTROL_ANSWER_BYTES_MAX) room = CONTROL_ANSWER_BYTES_MAX + 1;
    uint8_t *bytes = realloc(r->bytes, room);
    if (!bytes) return false;
    r->bytes = bytes;
    r->room = room;
    return true;
}

/* To the end: each request asks for Connection: close. */
static bool receive_all(struct control *c, int fd, struct received *r)
{
    for (;;) {
        if (!received_grow(r)) {
            fail(c, "%s: an answer of more than %u bytes", c->path, CONTROL_ANSWER_BYTES_MAX);
            return false;
        }
        ssize_t n = recv(fd, r->bytes + r->len, r->room - r->len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            fail(c, "%s: no answer: %s", c->path,
                 errno == EAGAIN ? "it is busy or hangs" : strerror(errno));
            return false;
        }
        if (n == 0) return true;
        r->len += (size_t)n;
    }
}

static json_t *answer_json(struct control *c, struct received *r)
{
    struct http_response answer;
    json_error_t error;
    if (http_response_parse(r->bytes, r->len, true, false, &answer) <= 0) {
        fail(c, "%s: what answers there is no muster", c->path);
        return NULL;
    }
    c->status = answer.status;
    json_t *json =
        json_loadb((const char *)answer.body.ptr, answer.body.len, JSON_DECODE_ANY, &error);
    if (!json)
        fail(c, "%s: answered %d: %.*s", c->path, answer.status,
             answer.body.len > 200 ? 200 : (int)answer.body.len, (const char *)answer.body.ptr);
    return json;
}

static json_t *request(struct control *c, const char *target, const char *body)
{
    struct received r = {0};
    json_t *json = NULL;
    c->status = 0;
    c->error[0] = '\0';
    int fd = connect_to(c);
    if (fd < 0) return NULL;
    if (!send_request(fd, target, body)) fail(c, "%s: %s", c->path, strerror(errno));
    else if (receive_all(c, fd, &r)) json = answer_json(c, &r);
    close(fd);
    free(r.bytes);
    return json;
}

json_t *control_ask(struct control *c, const char *target)
{
    return request(c, target, NULL);
}

json_t *control_tell(struct control *c, const char *target, const json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_t *json = text ? request(c, target, text) : NULL;
    free(text);
    return json;
}

json_t *control_command(struct control *c, const char *target)
{
    json_t *nothing = json_object(), *answer = control_tell(c, target, nothing);
    json_decref(nothing);
    if (!answer || c->status == 200) return answer;
    fail(c, "%s: refused (%d): %s", c->path, c->status, control_text(answer, "error"));
    json_decref(answer);
    return NULL;
}

enum exit_code control_failed(const struct control *c)
{
    char text[CONTROL_ERROR_BYTES];
    snprintf(text, sizeof text, "%s", c->error);
    control_clean(text);
    fprintf(stderr, "muster: %s\n", text);
    return EXIT_RUNTIME;
}

/* ---- what it says ---- */

void control_clean(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at; at++) {
        bool is_c1 = *at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
        if (is_c1) at[1] = '?';
        if (is_c1 || *at < ' ' || *at == 0x7f) *at = '?';
    }
}

void control_value_text(const json_t *value, char out[OPTION_VALUE_BYTES_MAX])
{
    out[0] = '\0';
    if (json_is_string(value)) {
        snprintf(out, OPTION_VALUE_BYTES_MAX, "%s", json_string_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(out, OPTION_VALUE_BYTES_MAX, "%s", json_is_true(value) ? "yes" : "no");
    } else if (json_is_number(value)) {
        snprintf(out, OPTION_VALUE_BYTES_MAX, "%.17g", json_number_value(value));
    }
}

static void running_set(struct settings *s, const json_t *option)
{
    const struct option_row *row = option_find(view_of_text(control_text(option, "name")));
    const json_t *value = json_object_get(option, "value");
    struct option_origin origin = {.source = SOURCE_COMMAND_LINE};
    struct option_error error;
    char text[OPTION_VALUE_BYTES_MAX];
    if (!row || row->secret || !value) return;
    control_value_text(value, text);
    enum err err = option_set(s, row, view_of_text(text), origin, row->name, &error);
    if (err != ERR_OK) return; /* of another version: it keeps its default */
    const char *source = control_text(option, "origin.source");
    for (enum option_source is = SOURCE_DEFAULT; is <= SOURCE_LIVE; is++)
        if (strcmp(source, option_source_name(is)) == 0) s->origin[row - OPTIONS].source = is;
}

/* Sockets that the service manager handed over are listened on in place of what the options say. */
static void running_listen(struct app_opts *a, struct config *config, const json_t *sockets)
{
    const json_t *text;
    size_t i;
    if (!json_is_array(sockets)) return;
    option_list_clear(&OPTION_LIST_LISTEN, config);
    a->no_udp = a->no_tcp = a->no_ipv4 = a->no_ipv6 = false;
    json_array_foreach(sockets, i, text)
    {
        struct view item = view_of_text(json_is_string(text) ? json_string_value(text) : "");
        enum err err = option_list_append(&OPTION_LIST_LISTEN, config, item);
        (void)err; /* of another version, or more than there is room for: it is not asked */
    }
}

bool control_running_settings(struct control *c, struct settings *out)
{
    json_t *answer = control_ask(c, "/api/settings");
    const json_t *options = control_member(answer, "options"), *option;
    size_t i;
    bool tells = c->status == 200 && json_is_array(options);
    if (tells) {
        settings_default(out);
        json_array_foreach(options, i, option) running_set(out, option);
        running_listen(&out->config.app, &out->config, json_object_get(answer, "sockets"));
    }
    json_decref(answer);
    return tells;
}

const json_t *control_member(const json_t *from, const char *path)
{
    while (from && *path) {
        char name[MEMBER_BYTES_MAX];
        size_t len = strcspn(path, ".");
        if (len >= sizeof name) return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        from = json_object_get(from, name);
        path += path[len] ? len + 1 : len;
    }
    return from;
}

double control_number(const json_t *from, const char *path)
{
    return json_number_value(control_member(from, path));
}

const char *control_text(const json_t *from, const char *path)
{
    const char *text = json_string_value(control_member(from, path));
    return text ? text : "";
}

void control_uptime_text(double seconds, char out[CONTROL_UPTIME_BYTES])
{
    uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;
    if (s >= 86400)
        snprintf(out, CONTROL_UPTIME_BYTES, "%" PRIu64 "d %" PRIu64 "h", s / 86400,
                 s % 86400 / 3600);
    else if (s >= 3600)
        snprintf(out, CONTROL_UPTIME_BYTES, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s % 3600 / 60);
    else snprintf(out, CONTROL_UPTIME_BYTES, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
}
