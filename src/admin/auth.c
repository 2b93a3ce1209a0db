/* auth.c - see auth.h.
 *
 * Sessions    a table that is always walked to its end: which slot matched, or that none did, shows
 *             in no timing. Basic credentials that were right become a session whose word is the
 *             password, or every request of such a client would cost an argon2.
 *             A session's word says by its form that it is one: of 256 random bits nobody guesses
 *             any, so a wrong one is a session that has ended, here or with the process before, and
 *             no attack. Whatever else comes as a word is one. The token of the file, sent with
 *             every request, is a session of the host that sent it, or each would be a login.
 * Passwords   a thread looks at one. Whoever asks meanwhile is told to come again; who asked for
 *             this very one gets the verdict when it is there. A verdict that nobody fetches is
 *             dropped - its failure was counted when it began.
 * Rejected    verifying in the loop (some 30 ms in which no sweep runs); a cheap hash (guessable);
 *             a standing thread (an idle tracker needs none). */
#include "admin/auth.h"

#include "admin/auth_delay.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/address_text.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HASH_BYTES      32
#define JOB_KEEP_MS     2000 /* how long a verdict waits for whoever asked */
#define BUSY_RETRY_MS   1000
#define SESSION_FORM    "session."
#define BASE64          sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define BASIC_BYTES_MAX (2 * AUTH_SECRET_BYTES_MAX)

_Static_assert(AUTH_TOKEN_TEXT_BYTES >=
                   sizeof SESSION_FORM - 1 + sodium_base64_ENCODED_LEN(HASH_BYTES, BASE64),
               "a session's word fits");
_Static_assert(AUTH_PASSWORD_HASH_BYTES_MAX >= crypto_pwhash_STRBYTES, "a hash fits");

/* What a secret is for; part of its hash, so that none passes for another. */
enum secret_kind { SECRET_OWNER, SECRET_SESSION, SECRET_BASIC, SECRET_FROM_HOST };

struct secret_hash {
    uint8_t bytes[HASH_BYTES];
};

struct session {
    struct secret_hash hash;
    uint64_t made_ms, used_ms;
    bool is_open;
};

enum job_state { JOB_NONE, JOB_RUNNING, JOB_DONE };

/* A password being looked at. */
struct job {
    enum job_state state; /* as the loop's thread knows it */
    pthread_t thread;
    struct address client;
    struct auth_delays *delays;
    struct secret_hash hash; /* of the password: who asks again is known by it */
    uint64_t done_ms;
    /* the thread's, until `finished` */
    char password_hash[AUTH_PASSWORD_HASH_BYTES_MAX];
    uint8_t password[AUTH_SECRET_BYTES_MAX];
    size_t password_bytes;
    bool is_right;
    struct loop *loop;
    _Atomic bool finished;
};

struct auth {
    uint8_t key[crypto_generichash_KEYBYTES]; /* of all hashes below; random */
    bool has_token;
    struct secret_hash token;
    char password_hash[AUTH_PASSWORD_HASH_BYTES_MAX]; /* empty: none */
    struct loop *loop;
    struct session sessions[AUTH_SESSIONS_MAX];
    struct auth_delays login_delays, basic_delays; /* apart: guesses there must not delay here */
    struct job job;
};

static struct secret_hash secret_hash(const struct auth *a, enum secret_kind kind, struct view v)
{
    struct secret_hash hash;
    crypto_generichash_state state;
    uint8_t tag = (uint8_t)kind;
    crypto_generichash_init(&state, a->key, sizeof a->key, HASH_BYTES);
    crypto_generichash_update(&state, &tag, 1);
    crypto_generichash_update(&state, v.ptr, v.len);
    crypto_generichash_final(&state, hash.bytes, HASH_BYTES);
    sodium_memzero(&state, sizeof state);
    return hash;
}

/* Of a secret that is known as right from this client's host. */
static struct secret_hash host_hash(const struct auth *a, const struct address *client,
                                    const struct secret_hash *secret)
{
    uint8_t bytes[1 + sizeof client->ip + HASH_BYTES] = {(uint8_t)client->family};
    memcpy(bytes + 1, client->ip, HOST_BYTES(client->family));
    memcpy(bytes + 1 + sizeof client->ip, secret->bytes, HASH_BYTES);
    return secret_hash(a, SECRET_FROM_HOST, view_of(bytes, sizeof bytes));
}

static bool hash_equal(const struct secret_hash *a, const struct secret_hash *b)
{
    return sodium_memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

enum err auth_open(struct auth **out, const struct auth_secret *secret, struct loop *loop)
{
    struct auth *a = calloc(1, sizeof *a);
    *out = a;
    if (!a) return ERR_NO_MEMORY;
    randombytes_buf(a->key, sizeof a->key);
    a->loop = loop;
    if (secret->password_hash) {
        assert(auth_password_hash_is_valid(secret->password_hash));
        memcpy(a->password_hash, secret->password_hash, strlen(secret->password_hash) + 1);
    }
    a->has_token = secret->token != NULL;
    if (secret->token) a->token = secret_hash(a, SECRET_OWNER, view_of_text(secret->token));
    return ERR_OK;
}

void auth_close(struct auth *a)
{
    if (!a) return;
    if (a->job.state != JOB_NONE) pthread_join(a->job.thread, NULL);
    sodium_memzero(a, sizeof *a);
    free(a);
}

/* ---- sessions ---- */

static bool session_is_open(const struct session *s, uint64_t now_ms)
{
    return s->is_open && now_ms < s->used_ms + AUTH_IDLE_MS &&
           now_ms < s->made_ms + AUTH_SESSION_MS;
}

static struct session *session_find(struct auth *a, const struct secret_hash *hash, uint64_t now_ms)
{
    struct session *found = NULL;
    for (size_t i = 0; i < AUTH_SESSIONS_MAX; i++) {
        struct session *s = &a->sessions[i];
        bool is_it = hash_equal(&s->hash, hash);
        if (is_it && session_is_open(s, now_ms)) found = s;
    }
    return found;
}

static bool session_use(struct auth *a, const struct secret_hash *hash, uint64_t now_ms)
{
    struct session *s = session_find(a, hash, now_ms);
    if (s) s->used_ms = now_ms;
    return s != NULL;
}

static void session_open(struct auth *a, struct secret_hash hash, uint64_t now_ms)
{
    struct session *at = &a->sessions[0];
    for (size_t i = 0; i < AUTH_SESSIONS_MAX && session_is_open(at, now_ms); i++) {
        struct session *s = &a->sessions[i];
        if (!session_is_open(s, now_ms) || s->used_ms < at->used_ms) at = s;
    }
    if (session_is_open(at, now_ms)) metrics_inc(METRIC_ADMIN_SESSIONS_EVICTED);
    *at = (struct session){.hash = hash, .made_ms = now_ms, .used_ms = now_ms, .is_open = true};
}

/* ---- the owner's secret ---- */

static void *job_main(void *arg)
{
    struct job *j = arg;
    j->is_right = crypto_pwhash_str_verify(j->password_hash, (const char *)j->password,
                                           j->password_bytes) == 0;
    sodium_memzero(j->password, sizeof j->password);
    atomic_store(&j->finished, true);
    loop_wake(j->loop);
    return NULL;
}

static void job_end(struct job *j)
{
    pthread_join(j->thread, NULL);
    j->state = JOB_NONE;
}

static bool job_start(struct auth *a, struct auth_delays *delays, const struct address *client,
                      struct view password, const struct secret_hash *hash)
{
    struct job *j = &a->job;
    assert(j->state == JOB_NONE && password.len <= AUTH_SECRET_BYTES_MAX);
    j->client = *client;
    j->delays = delays;
    j->hash = *hash;
    j->loop = a->loop;
    memcpy(j->password_hash, a->password_hash, sizeof j->password_hash);
    if (password.len) memcpy(j->password, password.ptr, password.len);
    j->password_bytes = password.len;
    atomic_store(&j->finished, false);
    if (pthread_create(&j->thread, NULL, job_main, j) == 0) {
        j->state = JOB_RUNNING;
        return true;
    }
    sodium_memzero(j->password, sizeof j->password);
    return false;
}

/* Notice an end; drop a verdict that nobody fetched. */
static void job_follow(struct job *j, uint64_t now_ms)
{
    if (j->state == JOB_RUNNING && atomic_load(&j->finished)) {
        j->state = JOB_DONE;
        j->done_ms = now_ms;
    }
    if (j->state == JOB_DONE && now_ms > j->done_ms + JOB_KEEP_MS) job_end(j);
}

void auth_tick(struct auth *a, uint64_t now_ms)
{
    job_follow(&a->job, now_ms);
}

static enum auth_verdict later(struct auth_answer *out, uint64_t wait_ms)
{
    metrics_inc(METRIC_ADMIN_LOGINS_DELAYED);
    out->retry_after_s = (uint32_t)((wait_ms + 999) / 1000);
    return AUTH_LATER;
}

static enum auth_verdict decided(struct auth_delays *delays, const struct address *client,
                                 bool is_right, uint64_t now_ms)
{
    char text[ADDRESS_TEXT_BYTES_MAX];
    address_print(client, text);
    if (is_right) {
        metrics_inc(METRIC_ADMIN_LOGINS);
        log_line(LOG_INFO, "login: the owner, from %s", text);
        auth_delay_pass(delays, client, now_ms);
        return AUTH_YES;
    }
    metrics_inc(METRIC_ADMIN_LOGINS_REFUSED);
    log_line(LOG_WARN, "login: wrong password or token from %s, %u in a row", text,
             auth_delay_failures(delays, client));
    return AUTH_NO;
}

/* Of the password in hand, asked for again by the client that asked for it. */
static enum auth_verdict job_verdict(struct auth *a, uint64_t now_ms)
{
    struct job *j = &a->job;
    if (j->state == JOB_RUNNING) return AUTH_WAIT;
    job_end(j);
    return decided(j->delays, &j->client, j->is_right, now_ms);
}

static enum auth_verdict owner_check(struct auth *a, struct auth_delays *delays,
                                     const struct address *client, struct view secret,
                                     uint64_t now_ms, struct auth_answer *out)
{
    struct secret_hash hash = secret_hash(a, SECRET_OWNER, secret);
    struct job *j = &a->job;
    job_follow(j, now_ms);
    if (j->state != JOB_NONE && j->delays == delays && hash_equal(&j->hash, &hash) &&
        address_equal(&j->client, client))
        return job_verdict(a, now_ms);
    uint64_t wait_ms = auth_delay_ms(delays, client, now_ms);
    if (wait_ms) return later(out, wait_ms);
    if (a->password_hash[0] && j->state != JOB_NONE) return later(out, BUSY_RETRY_MS);
    auth_delay_fail(delays, client, now_ms);
    if (a->has_token && hash_equal(&a->token, &hash)) return decided(delays, client, true, now_ms);
    bool may_be_password = a->password_hash[0] && secret.len <= AUTH_SECRET_BYTES_MAX;
    if (!may_be_password) return decided(delays, client, false, now_ms);
    return job_start(a, delays, client, secret, &hash) ? AUTH_WAIT : later(out, BUSY_RETRY_MS);
}

void auth_login(struct auth *a, const struct address *client, struct view secret, uint64_t now_ms,
                struct auth_answer *out)
{
    *out = (struct auth_answer){.expires_in_s = AUTH_IDLE_MS / 1000};
    out->verdict = owner_check(a, &a->login_delays, client, secret, now_ms, out);
    if (out->verdict != AUTH_YES) return;
    uint8_t word[HASH_BYTES];
    randombytes_buf(word, sizeof word);
    memcpy(out->token, SESSION_FORM, sizeof SESSION_FORM - 1);
    sodium_bin2base64(out->token + sizeof SESSION_FORM - 1,
                      sizeof out->token - (sizeof SESSION_FORM - 1), word, sizeof word, BASE64);
    sodium_memzero(word, sizeof word);
    session_open(a, secret_hash(a, SECRET_SESSION, view_of_text(out->token)), now_ms);
}

/* ---- the Authorization header ---- */

/* What follows the scheme's name, or an empty view. */
static struct view credentials(struct view authorization, struct view scheme)
{
    struct view none = {0};
    if (authorization.len <= scheme.len || authorization.ptr[scheme.len] != ' ') return none;
    if (!view_equal_nocase(view_of(authorization.ptr, scheme.len), scheme)) return none;
    return view_trim(view_from(authorization, scheme.len));
}

/* The password of "user:password" in base64, decoded into `bytes`; an empty view for another user
 * and for what is no such thing. */
static struct view basic_password(struct view authorization, const char *user,
                                  uint8_t bytes[BASIC_BYTES_MAX])
{
    struct view text = credentials(authorization, VIEW("Basic"));
    size_t length, user_bytes = strlen(user);
    if (!text.len || sodium_base642bin(bytes, BASIC_BYTES_MAX, (const char *)text.ptr, text.len,
                                       NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
        return (struct view){0};
    if (length <= user_bytes || bytes[user_bytes] != ':' || memcmp(bytes, user, user_bytes) != 0)
        return (struct view){0};
    return view_from(view_of(bytes, length), user_bytes + 1);
}

void auth_basic(struct auth *a, const struct address *client, struct view authorization,
                const char *user, uint64_t now_ms, struct auth_answer *out)
{
    uint8_t bytes[BASIC_BYTES_MAX];
    struct view password = basic_password(authorization, user, bytes);
    *out = (struct auth_answer){.verdict = AUTH_NO, .expires_in_s = AUTH_IDLE_MS / 1000};
    if (password.len) {
        struct secret_hash hash = secret_hash(a, SECRET_BASIC, password);
        bool is_known = session_use(a, &hash, now_ms);
        out->verdict =
            is_known ? AUTH_YES : owner_check(a, &a->basic_delays, client, password, now_ms, out);
        if (out->verdict == AUTH_YES && !is_known) session_open(a, hash, now_ms);
    }
    sodium_memzero(bytes, sizeof bytes);
}

static bool is_session_word(struct view word)
{
    struct view form = VIEW(SESSION_FORM);
    return word.len == AUTH_TOKEN_TEXT_BYTES - 1 && view_equal(view_of(word.ptr, form.len), form);
}

/* Nothing here asks for time, so there is no job. */
static enum auth_verdict token_check(struct auth *a, const struct address *client,
                                     const struct secret_hash *hash, uint64_t now_ms,
                                     struct auth_answer *out)
{
    uint64_t wait_ms = auth_delay_ms(&a->login_delays, client, now_ms);
    if (wait_ms) return later(out, wait_ms);
    auth_delay_fail(&a->login_delays, client, now_ms);
    return decided(&a->login_delays, client, a->has_token && hash_equal(&a->token, hash), now_ms);
}

void auth_bearer(struct auth *a, const struct address *client, struct view authorization,
                 uint64_t now_ms, struct auth_answer *out)
{
    struct view word = credentials(authorization, VIEW("Bearer"));
    *out = (struct auth_answer){.verdict = AUTH_NO, .expires_in_s = AUTH_IDLE_MS / 1000};
    if (!word.len) return;
    struct secret_hash session = secret_hash(a, SECRET_SESSION, word);
    struct secret_hash owner = secret_hash(a, SECRET_OWNER, word);
    struct secret_hash known = host_hash(a, client, &owner);
    if (session_use(a, &session, now_ms) || session_use(a, &known, now_ms)) {
        out->verdict = AUTH_YES;
    } else if (!is_session_word(word)) {
        out->verdict = token_check(a, client, &owner, now_ms, out);
        if (out->verdict == AUTH_YES) session_open(a, known, now_ms);
    }
}

bool auth_logout(struct auth *a, struct view authorization, uint64_t now_ms)
{
    struct view token = credentials(authorization, VIEW("Bearer"));
    struct secret_hash hash = secret_hash(a, SECRET_SESSION, token);
    struct session *s = session_find(a, &hash, now_ms);
    if (s) *s = (struct session){0};
    return s != NULL;
}
