/* admin_sockets.h - the sockets of the operators' door: TCP and Unix. */
#ifndef APP_ADMIN_SOCKETS_H
#define APP_ADMIN_SOCKETS_H

#include "app/activation.h"
#include "app/control_path.h"
#include "app/options.h"
#include "app/sockets.h"

#include <sys/types.h>

struct admin_sockets {
    int tcp_fds[ADMIN_LISTEN_MAX];  /* listening; -1: somebody took it */
    int tcp_lent[ADMIN_LISTEN_MAX]; /* the same, valid as long as the door */
    uint32_t tcp_count;
    bool tcp_is_given;                      /* by the service manager */
    int unix_fd;                            /* listening; -1: none, or taken */
    int unix_lent;                          /* the same, valid as long as the door; -1: none */
    char unix_path[CONTROL_PATH_BYTES_MAX]; /* of the file we made; empty: none */
    dev_t unix_dev;                         /* which file that is: another muster may */
    ino_t unix_ino;                         /* have put its own there since */
    bool unix_is_borrowed;                  /* of the process that still serves: its file stays */
};

/* Those of the program before. */
struct admin_inherited {
    struct inherited tcp;
    int unix_fd; /* -1: none, or taken */
    char unix_path[CONTROL_PATH_BYTES_MAX];
};

/* Bind `admin_listen`, while still root, but for what is inherited (or NULL). An address that is
 * written down must work: ERR_OS, with a log line that says why. The default one only warns when
 * another program has it. */
enum err admin_sockets_open(struct admin_sockets *a, const struct settings *s,
                            struct admin_inherited *inherited) MUST_CHECK;

/* Make `admin_socket`, as the user that serves: the file is his, mode 0600. A file that nobody
 * listens on any more is replaced. Errors as above. */
enum err admin_sockets_open_unix(struct admin_sockets *a, const struct settings *s,
                                 struct admin_inherited *inherited) MUST_CHECK;

/* The process before serves no more: what was inherited is ours. */
void admin_sockets_own(struct admin_sockets *a);

/* Another process serves now. The file stays if that one uses it, and is removed else. */
void admin_sockets_leave(struct admin_sockets *a, bool is_used);

/* Take those that the service manager opened for the operators: the two above then leave alone what
 * is there already. */
void admin_sockets_adopt(struct admin_sockets *a, struct activation *given);

/* Close what nobody took, and remove the file. */
void admin_sockets_close(struct admin_sockets *a);

#endif
