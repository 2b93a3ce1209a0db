/* password.c - see password.h.
 *
 * Not an argument   other users of a machine can read command lines, and shells keep them.
 * Terminal          without echo, and without signals: Ctrl-C must not leave a silent terminal
 *                   behind. It arrives as a byte that no password may hold, and ends the command. */
#include "app/password.h"

#include "admin/auth.h"

#include <sodium.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define PASSWORD_BYTES_MIN 8

struct password {
    char text[AUTH_SECRET_BYTES_MAX + 2]; /* with line end and terminator */
    size_t length;
};

static enum exit_code refuse(const char *text)
{
    fprintf(stderr, "muster password: %s\n", text);
    return EXIT_USAGE;
}

/* One line of standard input; false: there is none, or it is no password. */
static bool line_read(struct password *p)
{
    if (!fgets(p->text, sizeof p->text, stdin)) return false;
    p->length = strcspn(p->text, "\r\n");
    bool is_whole = p->text[p->length] != '\0' || feof(stdin);
    p->text[p->length] = '\0';
    for (size_t i = 0; i < p->length; i++)
        if ((unsigned char)p->text[i] < ' ' || p->text[i] == 0x7f) return false;
    return is_whole && p->length <= AUTH_SECRET_BYTES_MAX;
}

static bool terminal_read(const char *prompt, struct password *p)
{
    struct termios was, silent;
    if (tcgetattr(STDIN_FILENO, &was) != 0) return false;
    silent = was;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0) return false;
    fputs(prompt, stderr); /* asked for first, it could be typed before the echo is off */
    fflush(stderr);
    bool is_read = line_read(p);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
    fputs("\n", stderr);
    return is_read;
}

static enum exit_code password_read(struct password *p, struct password *again)
{
    if (!isatty(STDIN_FILENO)) {
        if (!line_read(p)) return refuse("standard input holds no password");
    } else {
        if (!terminal_read("Password: ", p)) return refuse("no password");
        if (!terminal_read("Once more: ", again)) return refuse("no password");
        if (strcmp(p->text, again->text) != 0) return refuse("the two differ");
    }
    if (p->length < PASSWORD_BYTES_MIN) return refuse("too short: at least 8 characters");
    return EXIT_FINE;
}

enum exit_code password_command(void)
{
    struct password password, again;
    char hash[AUTH_PASSWORD_HASH_BYTES_MAX];
    setvbuf(stdin, NULL, _IONBF, 0); /* no copy of a password in a buffer of stdio's */
    enum exit_code code = password_read(&password, &again);
    if (code == EXIT_FINE) {
        enum err err = auth_password_hash(view_of(password.text, password.length), hash);
        if (err == ERR_OK) printf("admin_password = %s\n", hash);
        else code = EXIT_MEMORY;
    }
    sodium_memzero(&password, sizeof password);
    sodium_memzero(&again, sizeof again);
    return code;
}
