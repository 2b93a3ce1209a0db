/* handover.h - what two processes of muster say to each other in an upgrade: frames over a socketpair.
 *
 *   old -> new   HELLO          JSON: version, keys, the Unix socket's path
 *                SOCKET xN      one byte (enum handover_socket) and the descriptor
 *                KEEPER         the descriptor of upgrade_keeper.h, where there is one
 *                LIVE           JSON: options set live, whose lists take their time
 *                HISTORY        JSON of /api/history.json
 *                STORE xN       torrents with their peers; CHANGES xN: what announces changed since
 *                MARK           "have you got that far?"; answered in kind
 *                STATE          JSON: counters, interval, options set live by now. All doors stand
 *                               still
 *                COMMIT         the new one serves from here on
 *                CONNECTION xN  after READY: struct handover_connection, the input, the descriptor
 *   new -> old   ACCEPT         configuration read, sockets taken
 *                MARK
 *                READY          it serves: struct handover_ready
 *                FAILED         text: why not, for the log and the operator. It ends then
 *
 * Trust     both ends are of one user and one machine: host byte order, and sizes are checked for the
 *           sake of mistakes and of other versions, not of attackers.
 * Threads   one thread at a time sends, one receives.
 * Limits    a frame is at most HANDOVER_BYTES_MAX; whoever does not read or write for the time that
 *           is given has failed. */
#ifndef APP_HANDOVER_H
#define APP_HANDOVER_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/types.h"

#define HANDOVER_VERSION     1
#define HANDOVER_BYTES_MAX   (64u << 20)
#define HANDOVER_STALL_MS    20000 /* no byte moves for so long: the other one is stuck */
#define HANDOVER_ENVIRONMENT "MUSTER_HANDOVER" /* names the descriptor to a new process */

enum handover_type {
    HANDOVER_HELLO = 1,
    HANDOVER_SOCKET,
    HANDOVER_KEEPER,
    HANDOVER_HISTORY,
    HANDOVER_STORE,
    HANDOVER_CHANGES,
    HANDOVER_MARK,
    HANDOVER_STATE,
    HANDOVER_COMMIT,
    HANDOVER_CONNECTION,
    HANDOVER_ACCEPT,
    HANDOVER_READY,
    HANDOVER_FAILED,
    HANDOVER_LIVE,
};

/* Those of the service manager have kinds of their own: their addresses are not in the options. */
enum handover_socket {
    HANDOVER_DOOR,
    HANDOVER_ADMIN_TCP,
    HANDOVER_ADMIN_UNIX,
    HANDOVER_GIVEN_DOOR,
    HANDOVER_GIVEN_PROXY,
    HANDOVER_GIVEN_ADMIN, /* TCP or Unix */
};

/* Of HANDOVER_CONNECTION; the rest of the frame is input. */
struct handover_connection {
    uint8_t family, ip[16], proxy_expected, is_proxy_itself, zero;
    uint32_t requests;
};
_Static_assert(sizeof(struct handover_connection) == 24, "two processes agree on it");

/* Of HANDOVER_READY: what it has beside its doors, so that the process that leaves can tell what nobody
 * uses any more. 0: none. An empty frame, of versions before: not known. */
struct handover_file {
    uint64_t dev, ino;
};
struct handover_ready {
    struct handover_file socket, token; /* the operators' Unix socket; their token */
};
_Static_assert(sizeof(struct handover_ready) == 32, "two processes agree on it");

struct handover {
    int fd; /* non-blocking; -1: none */
    /* private: the frame received last */
    uint8_t *bytes;
    size_t room;
};

struct handover_frame {
    uint32_t type;
    struct view bytes; /* until the next is received */
    int take_fd;       /* -1: none came; the receiver's to close */
};

/* Both ends, non-blocking, closed on exec. ERR_OS. */
enum err handover_pair(struct handover *mine, struct handover *other) MUST_CHECK;
void handover_close(struct handover *h);

/* Send a frame, with a copy of `fd` unless that is -1. ERR_OS with errno: EPIPE and ECONNRESET when the
 * other end is gone, ETIMEDOUT. */
enum err handover_send(struct handover *h, enum handover_type type, struct view bytes,
                       int fd) MUST_CHECK;

/* Wait for a frame. ERR_OS with errno: ETIMEDOUT, ECONNRESET at the end; ERR_FULL, ERR_NO_MEMORY. */
enum err handover_receive(struct handover *h, uint32_t timeout_ms,
                          struct handover_frame *out) MUST_CHECK;

#endif
