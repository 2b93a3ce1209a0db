/* admin_auth.c - right and wrong secrets, delays that grow and end, sessions that expire, the token
 * file. Time is an argument, so nothing here waits but for argon2. */
#include "unit.h"

#include "admin/auth.h"
#include "base/log.h"
#include "base/metrics.h"
#include "proto/address_text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD "correct horse battery"
#define TOKEN    "0123456789abcdefghij"

static struct loop loop;
static struct auth *auth;
static struct auth_answer answer, word_answer;
static char password_hash[AUTH_PASSWORD_HASH_BYTES_MAX];

static int group_setup(void **state)
{
    (void)state;
    log_level_set(LOG_ERROR);
    if (sodium_init() < 0 || loop_open(&loop) != ERR_OK) return -1;
    return auth_password_hash(VIEW(PASSWORD), password_hash) == ERR_OK ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    loop_close(&loop);
    return 0;
}

static int open_with(const struct auth_secret *secret)
{
    return auth_open(&auth, secret, &loop) == ERR_OK ? 0 : -1;
}

static int with_token(void **state)
{
    (void)state;
    return open_with(&(struct auth_secret){.token = TOKEN});
}

static int with_password(void **state)
{
    (void)state;
    return open_with(&(struct auth_secret){.password_hash = password_hash});
}

static int close_auth(void **state)
{
    (void)state;
    auth_close(auth);
    return 0;
}

static struct address client(const char *text)
{
    struct address a;
    assert_int_equal(address_parse(view_of_text(text), &a), ERR_OK);
    return a;
}

static enum auth_verdict login_once(const char *from, const char *secret, uint64_t now_ms)
{
    struct address a = client(from);
    auth_login(auth, &a, view_of_text(secret), now_ms, &answer);
    return answer.verdict;
}

/* Ask until there is a verdict, as the door does. */
static enum auth_verdict login(const char *from, const char *secret, uint64_t now_ms)
{
    while (login_once(from, secret, now_ms) == AUTH_WAIT)
        loop_turn(&loop, 100);
    return answer.verdict;
}

static struct view bearer(const char *token)
{
    static char header[AUTH_SECRET_BYTES_MAX];
    snprintf(header, sizeof header, "Bearer %s", token);
    return view_of_text(header);
}

static enum auth_verdict bearer_from(const char *from, struct view header, uint64_t now_ms)
{
    struct address a = client(from);
    auth_bearer(auth, &a, header, now_ms, &word_answer);
    return word_answer.verdict;
}

/* From where nobody waits: each wrong word comes from a host of its own. */
static bool is_owner(struct view header, uint64_t now_ms)
{
    static uint32_t host;
    char from[32];
    snprintf(from, sizeof from, "10.9.%u.%u", host / 250, host % 250 + 1);
    host++;
    return bearer_from(from, header, now_ms) == AUTH_YES;
}

static struct view basic(const char *user, const char *password)
{
    static char header[512];
    char plain[300];
    int n = snprintf(plain, sizeof plain, "%s:%s", user, password);
    memcpy(header, "Basic ", 7);
    sodium_bin2base64(header + 6, sizeof header - 6, (uint8_t *)plain, (size_t)n,
                      sodium_base64_VARIANT_ORIGINAL);
    return view_of_text(header);
}

/* ---- secrets ---- */

static void the_token_opens_a_session(void **state)
{
    (void)state;
    assert_int_equal(login("127.0.0.1", TOKEN, 1000), AUTH_YES);
    assert_int_equal(strlen(answer.token), AUTH_TOKEN_TEXT_BYTES - 1);
    assert_int_equal(answer.expires_in_s, AUTH_IDLE_MS / 1000);
    assert_true(is_owner(bearer(answer.token), 2000));
    assert_true(is_owner(bearer(TOKEN), 2000)); /* scripts need no login */
    assert_false(is_owner(bearer("x"), 2000));
    assert_false(is_owner(VIEW("Bearer"), 2000));
    assert_false(is_owner(VIEW("Bearer "), 2000));
    assert_false(is_owner(VIEW("Basic " TOKEN), 2000));
    assert_false(is_owner(VIEW(""), 2000));
    assert_int_equal(login("127.0.0.1", PASSWORD, 3000), AUTH_NO);
    assert_int_equal(login("127.0.0.1", "", 3000), AUTH_NO);
}

static void the_password_is_checked_aside(void **state)
{
    (void)state;
    assert_int_equal(login_once("127.0.0.1", PASSWORD, 1000), AUTH_WAIT);
    assert_int_equal(login_once("127.0.0.2", PASSWORD, 1000), AUTH_LATER); /* one at a time */
    assert_int_equal(answer.retry_after_s, 1);
    assert_int_equal(login("127.0.0.1", PASSWORD, 1000), AUTH_YES);
    assert_true(is_owner(bearer(answer.token), 2000));
    assert_false(is_owner(bearer(PASSWORD), 2000));
    assert_int_equal(login("127.0.0.1", TOKEN, 3000), AUTH_NO);
    assert_int_equal(login("127.0.0.1", "", 3000), AUTH_NO);
}

static void a_verdict_nobody_fetches_counts_and_goes(void **state)
{
    (void)state;
    assert_int_equal(login_once("127.0.0.1", "wrong", 1000), AUTH_WAIT);
    for (uint64_t now_ms = 1000; login_once("127.0.0.2", PASSWORD, now_ms) == AUTH_LATER;)
        now_ms += 1000, usleep(10000);
    assert_int_equal(answer.verdict, AUTH_WAIT);
    assert_int_equal(login("127.0.0.2", PASSWORD, 100000), AUTH_YES);
    assert_int_equal(login("127.0.0.1", "wrong", 100000), AUTH_NO); /* the second one */
    assert_int_equal(login("127.0.0.1", "wrong", 100000), AUTH_NO);
    assert_int_equal(login("127.0.0.1", "wrong", 100000), AUTH_LATER);
}

static void a_verdict_that_was_left_keeps_nobody_waiting(void **state)
{
    (void)state;
    loop_turn(&loop, 0); /* what woke it before */
    assert_int_equal(login_once("127.0.0.1", "wrong", 1000), AUTH_WAIT);
    loop_turn(&loop, -1);
    auth_tick(auth, 1100);
    assert_int_equal(login_once("127.0.0.2", PASSWORD, 1200), AUTH_LATER);
    auth_tick(auth, 4000);
    assert_int_equal(login_once("127.0.0.2", PASSWORD, 4000), AUTH_WAIT);
}

static void a_long_password_is_wrong(void **state)
{
    (void)state;
    char text[AUTH_SECRET_BYTES_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(login("127.0.0.1", text, 1000), AUTH_NO);
}

static void without_a_secret_nobody_gets_in(void **state)
{
    (void)state;
    assert_int_equal(open_with(&(struct auth_secret){0}), 0);
    assert_int_equal(login("127.0.0.1", "", 1000), AUTH_NO);
    assert_int_equal(login("127.0.0.1", TOKEN, 1000), AUTH_NO);
    assert_false(is_owner(VIEW("Bearer "), 1000));
    auth_close(auth);
}

static void hashes_are_checked(void **state)
{
    (void)state;
    assert_true(auth_password_hash_is_valid(password_hash));
    assert_true(strstr(password_hash, "$argon2id$"));
    static const char *const BAD[] = {
        "",
        "secret",
        "$argon2id$",
        "$2b$10$abcdefghijklmnopqrstuv",
        "$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$"
        "RdescudvJCsgt3ub+b4dWRWJTmaaJObGAAAAAAAAAAA",
        "$argon2id$v=19$m=1024,t=100,p=1$c29tZXNhbHRzb21lc2FsdA$"
        "RdescudvJCsgt3ub+b4dWRWJTmaaJObGAAAAAAAAAAA",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(auth_password_hash_is_valid(BAD[i]));
}

/* ---- delays ---- */

static void failures_delay_more_and_more(void **state)
{
    (void)state;
    uint64_t now_ms = 1000;
    for (int i = 0; i < 3; i++)
        assert_int_equal(login("192.0.2.1", "x", now_ms), AUTH_NO);
    uint32_t waits_s[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900};
    for (size_t i = 0; i < sizeof waits_s / sizeof *waits_s; i++) {
        assert_int_equal(login("192.0.2.1", TOKEN, now_ms), AUTH_LATER); /* not even looked at */
        assert_int_equal(answer.retry_after_s, waits_s[i]);
        now_ms += waits_s[i] * 1000ull;
        assert_int_equal(login("192.0.2.1", "x", now_ms), AUTH_NO);
    }
    assert_int_equal(login("192.0.2.2", TOKEN, now_ms), AUTH_YES); /* others are not held up */
    now_ms += 900000;
    assert_int_equal(login("192.0.2.1", TOKEN, now_ms), AUTH_YES); /* and it is forgotten */
    assert_int_equal(login("192.0.2.1", "x", now_ms), AUTH_NO);
    assert_int_equal(login("192.0.2.1", "x", now_ms), AUTH_NO);
    assert_int_equal(login("192.0.2.1", TOKEN, now_ms), AUTH_YES);
}

static void an_ipv6_network_is_one_guesser(void **state)
{
    (void)state;
    assert_int_equal(login("2001:db8::1", "x", 1000), AUTH_NO);
    assert_int_equal(login("2001:db8::2", "x", 1000), AUTH_NO);
    assert_int_equal(login("2001:db8::3", "x", 1000), AUTH_NO);
    assert_int_equal(login("2001:db8::4", TOKEN, 1000), AUTH_LATER);
    assert_int_equal(login("2001:db8:0:1::1", TOKEN, 1000), AUTH_YES);
}

/* Of a thousand hosts, one guess each: how many are looked at? */
static int guess_from_everywhere(uint64_t now_ms)
{
    char from[32];
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(from, sizeof from, "10.0.%d.%d", i / 256, i % 256);
        refused += login(from, "x", now_ms) == AUTH_NO;
    }
    return refused;
}

static void many_guessers_are_slowed_together(void **state)
{
    (void)state;
    assert_int_equal(guess_from_everywhere(1000), 31);
    assert_int_equal(login("192.0.2.1", TOKEN, 1000), AUTH_LATER);
    assert_int_equal(login("192.0.2.1", TOKEN, 2000), AUTH_YES); /* soon over */
    assert_int_equal(login("192.0.2.1", "x", 700000), AUTH_NO);
    assert_int_equal(login("192.0.2.2", TOKEN, 700000), AUTH_YES);
}

static void guessers_do_not_keep_the_owner_from_where_he_was(void **state)
{
    (void)state;
    const uint64_t DAY_MS = 86400000;
    assert_int_equal(login("192.0.2.1", TOKEN, 1000), AUTH_YES);
    assert_int_equal(guess_from_everywhere(DAY_MS), 31);
    assert_int_equal(login("192.0.2.2", TOKEN, DAY_MS), AUTH_LATER);
    assert_int_equal(login("192.0.2.1", TOKEN, DAY_MS), AUTH_YES);
    assert_true(guess_from_everywhere(9 * DAY_MS) > 0);
    assert_int_equal(login("192.0.2.1", TOKEN, 9 * DAY_MS), AUTH_LATER); /* long ago */
}

/* ---- sessions ---- */

static void sessions_expire(void **state)
{
    (void)state;
    char idle[AUTH_TOKEN_TEXT_BYTES], busy[AUTH_TOKEN_TEXT_BYTES];
    uint64_t now_ms = 5000;
    assert_int_equal(login("127.0.0.1", TOKEN, now_ms), AUTH_YES);
    memcpy(idle, answer.token, sizeof idle);
    assert_int_equal(login("127.0.0.1", TOKEN, now_ms), AUTH_YES);
    memcpy(busy, answer.token, sizeof busy);
    assert_string_not_equal(idle, busy);
    uint64_t end_ms = now_ms + AUTH_SESSION_MS;
    for (; now_ms < end_ms; now_ms += AUTH_IDLE_MS - 1)
        assert_true(is_owner(bearer(busy), now_ms));
    assert_false(is_owner(bearer(idle), now_ms));
    assert_false(is_owner(bearer(busy), end_ms));
}

static void logout_ends_one_session(void **state)
{
    (void)state;
    char first[AUTH_TOKEN_TEXT_BYTES];
    assert_int_equal(login("127.0.0.1", TOKEN, 1000), AUTH_YES);
    memcpy(first, answer.token, sizeof first);
    assert_int_equal(login("127.0.0.1", TOKEN, 1000), AUTH_YES);
    assert_true(auth_logout(auth, bearer(first), 2000));
    assert_false(auth_logout(auth, bearer(first), 2000));
    assert_false(is_owner(bearer(first), 2000));
    assert_true(is_owner(bearer(answer.token), 2000));
}

static void the_idlest_session_makes_room(void **state)
{
    (void)state;
    static char tokens[AUTH_SESSIONS_MAX + 1][AUTH_TOKEN_TEXT_BYTES];
    for (uint64_t i = 0; i <= AUTH_SESSIONS_MAX; i++) {
        if (i == AUTH_SESSIONS_MAX) assert_true(is_owner(bearer(tokens[0]), 1000 + i));
        assert_int_equal(login("127.0.0.1", TOKEN, 1000 + i), AUTH_YES);
        memcpy(tokens[i], answer.token, sizeof tokens[i]);
    }
    assert_true(is_owner(bearer(tokens[0]), 2000));
    assert_false(is_owner(bearer(tokens[1]), 2000));
    assert_true(is_owner(bearer(tokens[2]), 2000));
    assert_true(is_owner(bearer(tokens[AUTH_SESSIONS_MAX]), 2000));
}

static void wrong_words_wait_as_wrong_passwords_do(void **state)
{
    (void)state;
    uint64_t refused = metrics_sum(METRIC_ADMIN_LOGINS_REFUSED);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bearer_from("192.0.2.1", bearer("x"), 1000), AUTH_NO);
    assert_int_equal(metrics_sum(METRIC_ADMIN_LOGINS_REFUSED), refused + 3);
    assert_int_equal(bearer_from("192.0.2.1", bearer(TOKEN), 1000), AUTH_LATER);
    assert_int_equal(word_answer.retry_after_s, 1);
    assert_int_equal(login("192.0.2.1", TOKEN, 1000), AUTH_LATER); /* one count for both */
    assert_int_equal(bearer_from("192.0.2.2", bearer(TOKEN), 1000), AUTH_YES);
    assert_int_equal(bearer_from("192.0.2.1", bearer(TOKEN), 2000), AUTH_YES);
}

static void a_token_in_use_is_no_login_each_time(void **state)
{
    (void)state;
    uint64_t logins = metrics_sum(METRIC_ADMIN_LOGINS);
    for (uint64_t now_ms = 1000; now_ms < 100000; now_ms += 1000)
        assert_int_equal(bearer_from("192.0.2.1", bearer(TOKEN), now_ms), AUTH_YES);
    assert_int_equal(metrics_sum(METRIC_ADMIN_LOGINS), logins + 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bearer_from("192.0.2.1", bearer("x"), 100000), AUTH_NO);
    assert_int_equal(bearer_from("192.0.2.1", bearer(TOKEN), 100000), AUTH_YES);
}

static void sessions_that_ended_are_no_guesses(void **state)
{
    (void)state;
    char ended[AUTH_TOKEN_TEXT_BYTES];
    assert_int_equal(login("192.0.2.1", TOKEN, 1000), AUTH_YES);
    memcpy(ended, answer.token, sizeof ended);
    assert_true(auth_logout(auth, bearer(ended), 2000));
    auth_close(auth);
    assert_int_equal(with_token(NULL), 0); /* as after a restart, which knows no session */
    uint64_t refused = metrics_sum(METRIC_ADMIN_LOGINS_REFUSED);
    for (int i = 0; i < 20; i++)
        assert_int_equal(bearer_from("192.0.2.1", bearer(ended), 3000), AUTH_NO);
    assert_int_equal(metrics_sum(METRIC_ADMIN_LOGINS_REFUSED), refused);
    assert_int_equal(login("192.0.2.1", TOKEN, 3000), AUTH_YES);
}

/* ---- Basic ---- */

static enum auth_verdict basic_login(struct view header, uint64_t now_ms)
{
    struct address a = client("127.0.0.1");
    for (;;) {
        auth_basic(auth, &a, header, "etracker", now_ms, &answer);
        if (answer.verdict != AUTH_WAIT) return answer.verdict;
        loop_turn(&loop, 100);
    }
}

static void basic_takes_the_owners_secret(void **state)
{
    (void)state;
    struct address a = client("127.0.0.1");
    assert_int_equal(basic_login(basic("etracker", PASSWORD), 1000), AUTH_YES);
    auth_basic(auth, &a, basic("etracker", PASSWORD), "etracker", 2000, &answer);
    assert_int_equal(answer.verdict, AUTH_YES); /* remembered: no argon2 */
    assert_false(is_owner(bearer(PASSWORD), 2000));
    assert_int_equal(basic_login(basic("etracker", PASSWORD "!"), 2000), AUTH_NO);
    assert_int_equal(basic_login(basic("etracker", ""), 2000), AUTH_NO);
    assert_int_equal(basic_login(basic("admin", PASSWORD), 2000), AUTH_NO);
    assert_int_equal(basic_login(VIEW("Basic !!"), 2000), AUTH_NO);
    assert_int_equal(basic_login(VIEW("Basic "), 2000), AUTH_NO);
    assert_int_equal(basic_login(VIEW(""), 2000), AUTH_NO);
    auth_basic(auth, &a, basic("etracker", PASSWORD), "etracker", 2000 + AUTH_IDLE_MS, &answer);
    assert_int_equal(answer.verdict, AUTH_WAIT); /* looked at anew */
}

static void guesses_at_the_main_port_delay_nobody_elsewhere(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        (void)basic_login(basic("etracker", "x"), 1000);
    assert_int_equal(basic_login(basic("etracker", TOKEN), 1000), AUTH_LATER);
    assert_int_equal(login("127.0.0.1", TOKEN, 1000), AUTH_YES);
}

/* ---- the token file ---- */

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void the_token_file_is_made_once(void **state)
{
    (void)state;
    char folder[] = "/tmp/muster-unit-XXXXXX", path[64], link[64];
    char first[AUTH_TOKEN_FILE_BYTES_MAX], again[AUTH_TOKEN_FILE_BYTES_MAX];
    bool made;
    const char *why;
    struct stat st;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/token", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(auth_token_file(path, first, &made, &why), ERR_OK);
    assert_true(made);
    assert_int_equal(strlen(first), 43); /* 32 random bytes */
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(auth_token_file(path, again, &made, &why), ERR_OK);
    assert_false(made);
    assert_string_equal(first, again);

    write_file(path, TOKEN "\n", 0600);
    assert_int_equal(auth_token_file(path, again, &made, &why), ERR_OK);
    assert_string_equal(again, TOKEN);
    write_file(path, TOKEN, 0640);
    assert_int_equal(auth_token_file(path, again, &made, &why), ERR_BAD_VALUE);
    assert_non_null(strstr(why, "others"));
    if (geteuid() == 0) { /* a stranger who knows his own token */
        write_file(path, TOKEN, 0600);
        assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(auth_token_file(path, again, &made, &why), ERR_BAD_VALUE);
        assert_non_null(strstr(why, "another user"));
        assert_int_equal(chown(path, 0, 0), 0);
    }
    static const char *const BAD[] = {"", "\n", "short", "two words of a token that is long",
                                      "a token\x01 that is long enough"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        write_file(path, BAD[i], 0600);
        assert_int_equal(auth_token_file(path, again, &made, &why), ERR_BAD_VALUE);
    }
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(auth_token_file(link, again, &made, &why), ERR_OS);
    assert_int_equal(auth_token_file("/tmp", again, &made, &why), ERR_BAD_VALUE);
    unlink(link);
    unlink(path);
    rmdir(folder);
    assert_int_equal(auth_token_file(path, again, &made, &why), ERR_OS);
    assert_int_equal(errno, ENOENT);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, close_auth)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_token_opens_a_session, with_token),
        TEST(the_password_is_checked_aside, with_password),
        TEST(a_verdict_nobody_fetches_counts_and_goes, with_password),
        TEST(a_verdict_that_was_left_keeps_nobody_waiting, with_password),
        TEST(a_long_password_is_wrong, with_password),
        cmocka_unit_test(without_a_secret_nobody_gets_in),
        cmocka_unit_test(hashes_are_checked),
        TEST(failures_delay_more_and_more, with_token),
        TEST(an_ipv6_network_is_one_guesser, with_token),
        TEST(many_guessers_are_slowed_together, with_token),
        TEST(guessers_do_not_keep_the_owner_from_where_he_was, with_token),
        TEST(guesses_at_the_main_port_delay_nobody_elsewhere, with_token),
        TEST(sessions_expire, with_token),
        TEST(logout_ends_one_session, with_token),
        TEST(the_idlest_session_makes_room, with_token),
        TEST(basic_takes_the_owners_secret, with_password),
        TEST(wrong_words_wait_as_wrong_passwords_do, with_token),
        TEST(a_token_in_use_is_no_login_each_time, with_token),
        TEST(sessions_that_ended_are_no_guesses, with_token),
        cmocka_unit_test(the_token_file_is_made_once),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
