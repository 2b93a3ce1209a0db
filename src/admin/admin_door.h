/* admin_door.h - what the files of the operators' door share; private to admin/.
 *
 *   admin.c          the door: listeners, room for connections, deadlines, the end
 *   admin_room.c     who gets a place, and who leaves for him
 *   admin_conn.c     a connection's life: read, answer, wait, close
 *   admin_answer.c   one request to one answer: routes, access, heads
 *   handoff.c        connections that workers hand over */
#ifndef ADMIN_ADMIN_DOOR_H
#define ADMIN_ADMIN_DOOR_H

#include "admin/admin.h"
#include "admin/handoff.h"
#include "net/stream.h"

#define ADMIN_HEAD_BYTES_MAX    2048  /* of an answer */
#define ADMIN_PIECE_BYTES       65536 /* of a body, sent at once */
#define ADMIN_REQUEST_BYTES_MAX 65536 /* head of a request: what a worker may have accepted */

enum admin_wait {
    ADMIN_WAIT_REQUEST, /* the first byte of a request */
    ADMIN_WAIT_REST,    /* the rest of a request */
    ADMIN_WAIT_SEND,    /* that the client can take more of an answer, or another one */
    ADMIN_WAIT_LINGER,  /* that the client closes; all is answered */
};

/* What is left of an answer's body; in memory or in a file. */
struct admin_body {
    void *owned; /* freed at the end; or NULL */
    size_t owned_bytes;
    struct view rest;
    int fd; /* 0: none */
    size_t file_at, file_left;
};

struct admin_conn {
    struct stream stream; /* first; its fd is -1 while the place is free */
    struct admin *admin;
    struct address client; /* the socket's peer, or whom the worker found */
    struct address host;   /* whose places it takes: trusted proxies of the main port skipped */
    enum admin_origin origin;
    enum admin_wait wait;
    uint64_t since_ms;   /* waiting so; while sending, moved on by what the client takes */
    uint32_t seen_bytes; /* of the input, parsed in vain */
    bool closing;        /* the last answer is made */
    bool is_later;       /* the handler has no answer yet */
    bool has_more;       /* requests that the next turn serves: this one has done its share */
    bool eof;            /* the client has sent its last byte */
    struct admin_body body;
};

struct admin_listener {
    struct loop_source source;
    struct admin *admin;
    enum admin_origin origin;
    bool paused; /* no fds or memory: not polled until the next tick */
};

struct admin {
    struct http_pages pages; /* first: what workers are given leads to the door */
    struct admin_env env;
    struct handoff *handoff;
    struct stream_pool pool;
    struct admin_listener listeners[ADMIN_LISTENERS_MAX];
    uint32_t listener_count;
    uint32_t open;              /* connections */
    size_t unsent_bytes;        /* of bodies that the door owns */
    struct admin_conn *serving; /* whose handler runs */
    bool draining;
    struct admin_conn conns[ADMIN_CONNECTIONS_MAX];
    uint8_t out[ADMIN_HEAD_BYTES_MAX + ADMIN_PIECE_BYTES];
};

static inline bool admin_conn_is_free(const struct admin_conn *c)
{
    return c->stream.source.fd < 0;
}

/* A free place, made free if need be; NULL when there is none for this host and way in. */
struct admin_conn *admin_room(struct admin *a, enum admin_origin origin,
                              const struct address *host);

/* Begin a connection in a free place; nothing is read yet. */
void admin_conn_open(struct admin_conn *c, struct admin *a, int take_fd, enum admin_origin origin,
                     const struct address *client, const struct address *host);

/* Do what can be done now; the connection may be gone afterwards. */
void admin_conn_turn(struct admin_conn *c);
void admin_conn_timeout(struct admin_conn *c);
void admin_conn_close(struct admin_conn *c, bool abort);

/* Count what jansson is refused (METRIC_ADMIN_NO_MEMORY), so that no document leaves with holes. */
void admin_json_init(void);

/* Fill `out` for a request: the route's handler, or why it may not be asked. */
void admin_answer(struct admin_conn *c, struct admin_request *r, struct admin_response *out);

/* Whom a request is from: `socket`, or for whom a trusted proxy there speaks. */
void admin_client_find(const struct admin *a, const struct http_request *head,
                       const struct address *socket, struct address *out);

/* The answer's head; `r` is NULL for a request that could not be read. */
void admin_head_write(const struct admin_conn *c, const struct http_request *r,
                      const struct admin_response *a, struct writer *out);

size_t admin_response_bytes(const struct admin_response *a);

#endif
