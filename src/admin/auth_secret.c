/* auth_secret.c - the owner's secret at rest: hashes of passwords, and the token file.
 *
 * Token file   made with O_EXCL and 0600 in one step, so nobody can read it at any moment, and never
 *              through a symbolic link. One that exists is believed only if it is a plain file, ours
 *              or root's, that nobody else may read or write: a token that others saw or chose is no
 *              secret, and the owner should know rather than have it replaced behind his back.
 * Cost         argon2id with 19 MiB and two passes takes some 30 ms of one core; memory is given back
 *              at once. A hash made elsewhere may ask for more, within limits: verifying it must not
 *              kill a small machine. */
#include "admin/auth.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGON2_BYTES  (19u << 20)
#define ARGON2_PASSES 2
#define TOKEN_BYTES   32

/* The number behind "m=" or "t=" of "$argon2id$v=19$m=19456,t=2,p=1$..."; 0: there is none. */
static uint64_t parameter(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    uint64_t value = 0;
    if (!at) return 0;
    at += strlen(name);
    return text_u64(view_of(at, strcspn(at, ",$")), &value) == ERR_OK ? value : 0;
}

bool auth_password_hash_is_valid(const char *line)
{
    if (strlen(line) >= crypto_pwhash_STRBYTES) return false;
    if (crypto_pwhash_str_needs_rehash(line, ARGON2_PASSES, ARGON2_BYTES) < 0) return false;
    uint64_t kib = parameter(line, "$m="), passes = parameter(line, ",t=");
    return kib <= AUTH_ARGON2_BYTES_MAX / 1024 && passes <= AUTH_ARGON2_PASSES_MAX;
}

enum err auth_password_hash(struct view password, char out[AUTH_PASSWORD_HASH_BYTES_MAX])
{
    char line[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(line, (const char *)password.ptr, password.len, ARGON2_PASSES,
                          ARGON2_BYTES) != 0)
        return ERR_NO_MEMORY;
    memcpy(out, line, sizeof line);
    return ERR_OK;
}

/* ---- the token file ---- */

static enum err bad(const char **why, const char *text)
{
    *why = text;
    return ERR_BAD_VALUE;
}

/* What has been written, without its line end, must be one printable word. */
static enum err token_check(char *token, size_t length, const char **why)
{
    while (length && (token[length - 1] == '\n' || token[length - 1] == '\r'))
        length--;
    token[length] = '\0';
    if (length < AUTH_TOKEN_FILE_BYTES_MIN) return bad(why, "its token is too short");
    for (size_t i = 0; i < length; i++)
        if (token[i] <= ' ' || token[i] > '~') return bad(why, "it holds more than one word");
    return ERR_OK;
}

static enum err token_read(int fd, char out[AUTH_TOKEN_FILE_BYTES_MAX], const char **why)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return ERR_OS;
    if (!S_ISREG(st.st_mode)) return bad(why, "it is no plain file");
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return bad(why, "it is another user's (remove it to have a new token made)");
    if (st.st_mode & 077)
        return bad(why, "others may read or write it (chmod 600 mends that; "
                        "remove it to have a new token made)");
    ssize_t n = read(fd, out, AUTH_TOKEN_FILE_BYTES_MAX);
    if (n < 0) return ERR_OS;
    if (n == AUTH_TOKEN_FILE_BYTES_MAX) return bad(why, "its token is too long");
    return token_check(out, (size_t)n, why);
}

static enum err token_write(int fd, char out[AUTH_TOKEN_FILE_BYTES_MAX])
{
    uint8_t word[TOKEN_BYTES];
    randombytes_buf(word, sizeof word);
    sodium_bin2base64(out, AUTH_TOKEN_FILE_BYTES_MAX, word, sizeof word,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(word, sizeof word);
    size_t length = strlen(out);
    out[length] = '\n';
    ssize_t wrote = write(fd, out, length + 1);
    out[length] = '\0';
    if (wrote >= 0 && wrote != (ssize_t)length + 1) errno = ENOSPC;
    return wrote == (ssize_t)length + 1 && fsync(fd) == 0 ? ERR_OK : ERR_OS;
}

enum err auth_token_file(const char *path, char out[AUTH_TOKEN_FILE_BYTES_MAX], bool *made,
                         const char **why)
{
    *made = false;
    *why = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        *made = fd >= 0;
    }
    if (fd < 0) return ERR_OS;
    enum err err = *made ? token_write(fd, out) : token_read(fd, out, why);
    int error = errno;
    if (err != ERR_OK && *made) unlink(path);
    close(fd);
    errno = error;
    return err;
}
