/* login_api.h - the owner's way in over TCP: his secret at the start, login, logout, who is he. */
#ifndef APP_LOGIN_API_H
#define APP_LOGIN_API_H

#include "admin/admin.h"

#include "app/options.h"

struct server;

/* The token file in use; path empty: none. Which file it was: another may have got its name since. */
struct login_token {
    char path[CONFIG_PATH_BYTES_MAX];
    uint64_t dev, ino;
    bool is_own; /* beside the admin socket, as the operator said no other place */
};

/* Make s->auth and s->token: from admin_password, else from the token file, which is made if need be;
 * call as the user that serves, when the admin socket is there. Trouble with the file is logged and
 * leaves a server into which nobody can log in over TCP. ERR_NO_MEMORY. */
enum err login_open(struct server *s) MUST_CHECK;

/* Where the token is: admin_token_file, else beside the admin socket; empty: nowhere. */
void login_token_path(const struct app_opts *a, const char *socket_path,
                      char out[CONFIG_PATH_BYTES_MAX]);

/* Remove our own one, if it is still that file. Nobody may need it any more. */
void login_token_remove(const struct login_token *t);

/* For the door: 0, 401, or 429 with Retry-After. */
int login_owner_check(void *ctx, const struct admin_request *r, struct admin_response *out);

/* Handlers. POST /api/login {"password": text} -> {"token", "expires_in_s"} | 401 | 429 with
 * Retry-After; POST /api/logout ends the session that the request carries. */
void api_login(void *ctx, const struct admin_request *r, struct admin_response *out);
void api_logout(void *ctx, const struct admin_request *r, struct admin_response *out);

/* 429 with Retry-After. */
void login_respond_later(struct admin_response *out, uint32_t retry_after_s);

#endif
