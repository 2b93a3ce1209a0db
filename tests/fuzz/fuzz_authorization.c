/* fuzz_authorization.c - any bytes as the value of an Authorization header: nobody gets in but the owner.
 */
#include "admin/auth.h"
#include "base/log.h"

#include <assert.h>
#include <sodium.h>

#define TOKEN "0123456789abcdefghij"
#define BASIC "ZXRyYWNrZXI6MDEyMzQ1Njc4OWFiY2RlZmdoaWo=" /* etracker:TOKEN */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Only a header that holds the secret may pass. */
static bool holds(struct view header, const char *secret)
{
    size_t length = strlen(secret);
    return header.len >= length && memmem(header.ptr, header.len, secret, length);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct loop loop; /* never woken: a token needs no thread */
    struct auth *auth;
    struct auth_answer answer;
    struct address client = {.family = FAMILY_V4};
    struct view header = view_of(bytes, len);
    if (sodium_init() < 0) return 0;
    log_level_set(LOG_ERROR);
    enum err err = auth_open(&auth, &(struct auth_secret){.token = TOKEN}, &loop);
    assert(err == ERR_OK);
    auth_bearer(auth, &client, header, 1000, &answer);
    assert(answer.verdict == AUTH_NO || (answer.verdict == AUTH_YES && holds(header, TOKEN)));
    auth_basic(auth, &client, header, "etracker", 1000, &answer);
    assert(answer.verdict == AUTH_NO || (answer.verdict == AUTH_YES && len >= sizeof BASIC));
    assert(!auth_logout(auth, header, 1000));
    auth_close(auth);
    return 0;
}
