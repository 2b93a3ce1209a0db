/* login_api.c - see login_api.h.
 *
 * Token file   made by the user that serves, beside the admin socket: it is his, and a restart in place
 *              can read it again. Whoever else runs as that user could as well be the server.
 * The log      says where the token is, never what. */
#include "app/login_api.h"

#include "app/api.h"
#include "app/server.h"

#include <errno.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKET_SUFFIX ".sock"
#define TOKEN_SUFFIX  ".token"

void login_token_path(const struct app_opts *a, const char *socket_path,
                      char out[CONFIG_PATH_BYTES_MAX])
{
    out[0] = '\0';
    if (a->admin_token_file[0]) {
        snprintf(out, CONFIG_PATH_BYTES_MAX, "%s", a->admin_token_file);
        return;
    }
    size_t length = strlen(socket_path), suffix = sizeof SOCKET_SUFFIX - 1;
    if (!length) return;
    if (length > suffix && strcmp(socket_path + length - suffix, SOCKET_SUFFIX) == 0)
        length -= suffix;
    if (length + sizeof TOKEN_SUFFIX > CONFIG_PATH_BYTES_MAX) return;
    snprintf(out, CONFIG_PATH_BYTES_MAX, "%.*s" TOKEN_SUFFIX, (int)length, socket_path);
}

static bool token_open(const char *path, char token[AUTH_TOKEN_FILE_BYTES_MAX])
{
    bool made;
    const char *why;
    enum err err = auth_token_file(path, token, &made, &why);
    if (err == ERR_OK) {
        log_line(LOG_INFO, "the token that settings ask for is in %s%s", path,
                 made ? ", made just now" : "");
        return true;
    }
    log_line(LOG_WARN, "token file %s: %s; nobody can log in over TCP", path,
             err == ERR_OS ? strerror(errno) : why);
    return false;
}

static void token_note(struct login_token *t, const char *path, bool is_own)
{
    struct stat st;
    if (lstat(path, &st) != 0) return;
    *t = (struct login_token){.is_own = is_own, .dev = st.st_dev, .ino = st.st_ino};
    snprintf(t->path, sizeof t->path, "%s", path);
}

void login_token_remove(const struct login_token *t)
{
    struct stat st;
    if (!t->is_own || lstat(t->path, &st) != 0) return;
    if (st.st_dev == t->dev && st.st_ino == t->ino) unlink(t->path);
}

enum err login_open(struct server *s)
{
    const struct app_opts *a = &s->live->settings.config.app;
    char path[CONFIG_PATH_BYTES_MAX], token[AUTH_TOKEN_FILE_BYTES_MAX];
    struct auth_secret secret = {0};
    login_token_path(a, s->admin_sockets.unix_path, path);
    if (a->admin_password[0]) secret.password_hash = a->admin_password;
    else if (path[0] && token_open(path, token)) secret.token = token;
    if (secret.token) token_note(&s->token, path, !a->admin_token_file[0]);
    enum err err = auth_open(&s->auth, &secret, &s->loop);
    sodium_memzero(token, sizeof token);
    return err;
}

static struct view authorization(const struct admin_request *r)
{
    struct view value = {0};
    return http1_header(r->head, "Authorization", &value) ? value : view_of(NULL, 0);
}

static void retry_after(struct admin_response *out, uint32_t seconds)
{
    snprintf(out->extra, sizeof out->extra, "Retry-After: %u\r\n", (unsigned)seconds);
}

int login_owner_check(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct auth_answer answer;
    auth_bearer(s->auth, &r->client, authorization(r), s->loop.now_ms, &answer);
    if (answer.verdict == AUTH_YES) return 0;
    if (answer.verdict != AUTH_LATER) return 401;
    retry_after(out, answer.retry_after_s);
    return 429;
}

void login_respond_later(struct admin_response *out, uint32_t retry_after_s)
{
    api_refuse(out, 429, "too many wrong passwords, or another one is being checked");
    retry_after(out, retry_after_s);
}

static void login_respond(const struct auth_answer *a, struct admin_response *out)
{
    switch (a->verdict) {
    case AUTH_YES:
        api_respond(
            out, 200,
            json_pack("{s:s, s:i}", "token", a->token, "expires_in_s", (int)a->expires_in_s));
        break;
    case AUTH_NO: api_refuse(out, 401, "wrong password or token"); break;
    case AUTH_WAIT: out->is_later = true; break;
    case AUTH_LATER: login_respond_later(out, a->retry_after_s); break;
    }
}

void api_login(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct auth_answer answer;
    json_t *body = api_body(r, out);
    if (!body) return;
    const json_t *password = json_object_get(body, "password");
    if (json_is_string(password)) {
        struct view secret = view_of(json_string_value(password), json_string_length(password));
        auth_login(s->auth, &r->client, secret, s->loop.now_ms, &answer);
        login_respond(&answer, out);
        sodium_memzero(&answer, sizeof answer);
    } else {
        api_refuse(out, 400, "expected {\"password\": \"...\"}");
    }
    json_decref(body);
}

void api_logout(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    bool was_in = auth_logout(s->auth, authorization(r), s->loop.now_ms);
    if (was_in) api_respond(out, 200, json_object());
    else api_refuse(out, 401, "no such session");
}
