/* auth.h - who is the owner? Passwords, the token file, sessions.
 *
 * The owner proves himself once, with the password whose hash is in the configuration or with the
 * token of a file that only he can read, and gets a session: a random word to be sent with every
 * request (`Authorization: Bearer`). Nothing here knows HTTP beyond that header's value.
 *
 * Threats   what is meant to hold, and why:
 *   guessing         argon2id for passwords; a delay that grows with every failure, per host and for
 *                    all (auth_delay.h); one password is looked at at a time. Tokens and sessions
 *                    have 256 random bits. Every failure is a log line and a metric: who, never what;
 *                    a wrong word in a header counts as a password does.
 *   timing           secrets are compared in constant time, as keyed hashes of one length.
 *   a stolen memory  image or core file: it holds the argon2 hash of the password and hashes of
 *                    tokens under a key of this process; a password itself only while it is looked
 *                    at, then it is wiped.
 *   a stolen file    the configuration file holds a hash. The token file is 0600; one that others
 *                    can read, or that another user made, is refused.
 *   other sites      a browser never sends the session by itself (no cookies), so a page of another
 *                    site has nothing to ride on. What changes state is a POST of JSON whose Origin
 *                    is ours; the door checks that before anything here is asked.
 *   a stolen session ends after AUTH_IDLE_MS without use and AUTH_SESSION_MS in any case, at
 *                    logout, and with the process. They are bounded: a new one ends the idlest.
 *   a busy server    argon2 runs in a thread of its own; the housekeeping loop never waits for it.
 *   not covered      who reads the wire (serve the pages on loopback, or behind TLS), who is root,
 *                    and who can open the Unix socket: he is the owner.
 *
 * Threads   all calls on the thread of `loop`.
 * Time      `now_ms` is handed in; it must not go back.
 * Sources   OWASP password storage and session cheat sheets; RFC 6750, RFC 7617. */
#ifndef ADMIN_AUTH_H
#define ADMIN_AUTH_H

#include "base/err.h"
#include "net/loop.h"
#include "proto/types.h"

#define AUTH_TOKEN_TEXT_BYTES 52 /* "session." and 32 random bytes in base64url, terminated */
#define AUTH_SECRET_BYTES_MAX 256
#define AUTH_SESSIONS_MAX     64
#define AUTH_IDLE_MS          (30ull * 60000)
#define AUTH_SESSION_MS       (12ull * 3600000)

/* A line of crypto_pwhash_str(), terminated. */
#define AUTH_PASSWORD_HASH_BYTES_MAX 128

struct auth;

/* What the owner proves himself with: one of the two, or none (then nobody can log in).
 *   password_hash   is copied; auth_password_hash_is_valid() holds
 *   token           is hashed, not kept */
struct auth_secret {
    const char *password_hash, *token;
};

/* `loop` is woken when a password has been looked at. ERR_NO_MEMORY. */
enum err auth_open(struct auth **out, const struct auth_secret *secret,
                   struct loop *loop) MUST_CHECK;

/* Waits for a password that is being looked at; that takes well under a second. */
void auth_close(struct auth *a);

/* Drop the verdict of a password whose asker has gone; call about every 100 ms. */
void auth_tick(struct auth *a, uint64_t now_ms);

enum auth_verdict {
    AUTH_YES,
    AUTH_NO,
    AUTH_WAIT,  /* the password is being looked at: ask the same again when `loop` was woken */
    AUTH_LATER, /* too many failures, or another password is being looked at */
};

struct auth_answer {
    enum auth_verdict verdict;
    uint32_t retry_after_s;            /* AUTH_LATER */
    char token[AUTH_TOKEN_TEXT_BYTES]; /* AUTH_YES of auth_login(): the session */
    uint32_t expires_in_s;             /* of the session, without use */
};

/* Is it the owner's password, or token? Makes a session then. */
void auth_login(struct auth *a, const struct address *client, struct view secret, uint64_t now_ms,
                struct auth_answer *out);

/* The same from the value of an Authorization header: `Basic`, with this user name and the owner's
 * password or token. Makes no new session for a secret that was right a while ago. */
void auth_basic(struct auth *a, const struct address *client, struct view authorization,
                const char *user, uint64_t now_ms, struct auth_answer *out);

/* Does this Authorization header (`Bearer`) carry a session, or the owner's token? Uses the session.
 * AUTH_YES, AUTH_NO or AUTH_LATER: a word that is neither counts as a wrong password does, but for
 * one that once was a session.
 * Cost: a few hashes, a compare of 2 * AUTH_SESSIONS_MAX. */
void auth_bearer(struct auth *a, const struct address *client, struct view authorization,
                 uint64_t now_ms, struct auth_answer *out);

/* End the session that the header carries; false: there is none. */
bool auth_logout(struct auth *a, struct view authorization, uint64_t now_ms);

/* ---- secrets ---- */

/* What argon2 may cost; a hash that asks for more is refused. */
#define AUTH_ARGON2_BYTES_MAX  (256ull << 20)
#define AUTH_ARGON2_PASSES_MAX 16

bool auth_password_hash_is_valid(const char *line);

/* The hash of a password, with the parameters that OWASP names: 19 MiB, two passes. ERR_NO_MEMORY. */
enum err auth_password_hash(struct view password,
                            char out[AUTH_PASSWORD_HASH_BYTES_MAX]) MUST_CHECK;

#define AUTH_TOKEN_FILE_BYTES_MAX 128 /* of a token that the owner wrote himself, terminated */
#define AUTH_TOKEN_FILE_BYTES_MIN 20  /* shorter ones can be guessed */

/* Read the token of a file, or make file and token when there is none.
 *   made      a new token was written, with mode 0600
 *   returns   ERR_OS (errno), or ERR_BAD_VALUE: others can read it or made it, or it holds no token; `*why`
 *             then says what is wrong */
enum err auth_token_file(const char *path, char out[AUTH_TOKEN_FILE_BYTES_MAX], bool *made,
                         const char **why) MUST_CHECK;

#endif
