/* websocket.h - RFC 6455, the server's side, for pages that are told things and say nothing: the
 * handshake's check, then messages out, and control frames both ways. What a peer sends is checked
 * and dropped.
 *
 * Frames    wslay reads and writes them: masks, fragments, UTF-8, pings, the closing handshake.
 * Threads   everything on the thread of the set's loop.
 * Limits    struct websocket_opts. A peer that breaks the protocol or a limit of size is told so by
 *           a close code; one that does not read, or does not answer a ping, is dropped. */
#ifndef ADMIN_WEBSOCKET_H
#define ADMIN_WEBSOCKET_H

#include "net/stream.h"
#include "proto/http1.h"

/* ---- the handshake: pure ---- */

#define WEBSOCKET_ACCEPT_BYTES     29 /* base64 of a SHA-1, terminated */
#define WEBSOCKET_LINES_BYTES_MAX  256
#define WEBSOCKET_FRAME_HEAD_BYTES 10 /* at most, in front of a message */

/* Headers that a refusal with 426 carries. */
#define WEBSOCKET_WANTED                                                                           \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

struct websocket_handshake {
    char accept[WEBSOCKET_ACCEPT_BYTES];
    int protocol; /* index of the sub-protocol; -1: none of ours was offered */
};

/* Look at a request that may want to become a WebSocket.
 *   protocols  names of the sub-protocols there are, best first, NULL-terminated; the first that the
 *              client offers is chosen, wherever it stands in its list
 *   returns    101; 426 when it asks for no WebSocket or another version of it; 400 when it does so
 *              wrongly; 403 when a browser sends it from another site's page (Origin is not Host;
 *              programs send no Origin) */
int websocket_check(const struct http_request *r, const char *const *protocols,
                    struct websocket_handshake *out);

/* The header lines of the answer with 101, terminated. */
void websocket_lines(const struct websocket_handshake *h, const char *const *protocols,
                     char out[WEBSOCKET_LINES_BYTES_MAX]);

/* ---- connections ---- */

struct websocket_opts {
    size_t message_bytes_max; /* of what a peer says; more: close code 1009 */
    uint32_t quiet_ms;     /* a peer not heard for so long is pinged, for twice as long dropped */
    uint32_t stall_ms;     /* one that has not taken what was sent for so long is dropped */
    int send_buffer_bytes; /* of the socket: what the kernel holds for a slow one */
};

struct websocket;
struct wslay_frame_context;

/* A connection is over; `w` is freed after the call. */
typedef void websocket_closed_fn(void *user, struct websocket *w);

struct websockets {
    struct websocket_opts opts;
    struct stream_pool pool;
    websocket_closed_fn *closed;
    uint32_t count;
    /* private */
    struct list all;
    struct wslay_frame_context *encoder;
    struct writer *encoding;
};

enum err websockets_open(struct websockets *s, struct loop *loop, const struct websocket_opts *opts,
                         websocket_closed_fn *closed) MUST_CHECK;

/* Tell all peers that the server goes away (1001), as far as they take it at once, and free. */
void websockets_close(struct websockets *s);

/* Begin behind the answer with 101.
 *   take_fd   closed on error, too
 *   unread    what the peer has sent behind its request
 *   user      handed to closed(), which is never called before this returns
 *   returns   ERR_OK, ERR_NO_MEMORY, ERR_OS */
enum err websocket_open(struct websocket **out, struct websockets *s, int take_fd,
                        struct view unread, void *user) MUST_CHECK;

enum websocket_type { WEBSOCKET_TEXT, WEBSOCKET_BINARY };

/* Append a message to `out` as a frame that any number of peers can be sent. Needs room for the body
 * and WEBSOCKET_FRAME_HEAD_BYTES, else out->overflow. */
void websocket_frame(struct websockets *s, struct writer *out, enum websocket_type type,
                     struct view body);

/* Send whole frames, all or none; what the socket does not take waits. False when none were taken:
 * the peer is behind, or on its way out. Never frees `w`. */
bool websocket_send(struct websocket *w, struct view frames);

/* Tell all peers that the server goes away (1001); they are closed by and by. */
void websockets_dismiss(struct websockets *s);

/* Ping, and drop, who is due; call about once a second. */
void websockets_tick(struct websockets *s);

#endif
