/* http_door.h - what the files of the HTTP door share; private to front/.
 *
 *   http.c           the door: listening sockets, deadlines, the end
 *   http_conn.c      a connection's life: read, answer, wait, close
 *   http_answer.c    one request to one answer
 *   full_scrape.c    the one answer that is streamed */
#ifndef FRONT_HTTP_DOOR_H
#define FRONT_HTTP_DOOR_H

#include "base/talkers.h"
#include "front/full_scrape.h"
#include "front/http.h"
#include "net/listen.h"
#include "net/stream.h"
#include "proto/http1.h"
#include "proto/http_tracker.h"

#define HTTP_HEAD_BYTES_MAX   512 /* of an answer */
#define HTTP_BODY_BYTES_MAX   (512u + NUMWANT_PEERS_MAX * HTTP_PEER_BYTES_MAX)
#define HTTP_ANSWER_BYTES_MAX (HTTP_HEAD_BYTES_MAX + HTTP_BODY_BYTES_MAX)
#define HTTP_OUT_BYTES        STREAM_BUFFER_BYTES_MAX /* what is unsent fits one buffer */

_Static_assert(HTTP_BODY_BYTES_MAX < 128 * 1024, "BiglyBT gives up at 128 KiB (protocol.md C9)");
_Static_assert(512 + HTTP_SCRAPE_HASHES_MAX * HTTP_SCRAPE_ENTRY_BYTES_MAX <= HTTP_BODY_BYTES_MAX,
               "a scrape fits the room of an announce");
_Static_assert(HTTP_HEAD_BYTES_MAX + FULL_SCRAPE_PIECE_BYTES_MAX <= HTTP_OUT_BYTES,
               "a piece of a full scrape is sent whole");

/* What a connection waits for; each has a queue ordered by deadline. */
enum http_wait {
    WAIT_PROXY,  /* a PROXY header */
    WAIT_FRESH,  /* the first byte of the first request */
    WAIT_IDLE,   /* the first byte of the next one */
    WAIT_HEAD,   /* the rest of a request */
    WAIT_SEND,   /* that the client takes an answer */
    WAIT_LINGER, /* that the client closes; all is answered */
    WAIT_COUNT,
};

struct http_conn {
    struct stream stream; /* first: a waiting stream is its connection */
    struct http_door *door;
    struct full_scrape *scrape; /* being streamed, or NULL */
    struct address client;      /* the socket's peer, or whom the PROXY header named */
    uint32_t requests;          /* answered */
    uint32_t seen_bytes;        /* of the input, parsed in vain */
    uint8_t wait;               /* enum http_wait */
    bool proxy_expected;
    bool is_proxy_itself; /* PROXY LOCAL or UNKNOWN */
    bool closing;         /* the last answer is written; nothing more is read as a request */
    bool client_closes;   /* ... and the client said itself that it sends nothing more */
    bool eof;             /* the client has sent its last byte */
    bool wrapped;         /* the request at hand came in base64 */
    bool dropped;         /* ends without another answer: even errors are over a limit */
    bool leaving;         /* the input begins with a request for a page: to be handed over */
};

_Static_assert(sizeof(struct http_conn) <= 176, "60 000 idle connections take 10 MB");

struct http_listener {
    struct loop_source source;
    struct http_door *door;
    bool proxy;          /* a PROXY header is mandatory */
    uint8_t room_asks;   /* of the other workers, in vain so far */
    uint8_t pause_ticks; /* not polled for so many: no fds, memory or room for connections */
};

#define HTTP_CONN_CHUNK 128

struct http_conn_chunk {
    struct http_conn_chunk *next;
    struct http_conn conns[HTTP_CONN_CHUNK];
};

struct http_door {
    struct http_door_env env;
    struct stream_pool pool;
    struct http_listener *listeners;
    uint32_t listener_count, listeners_max;
    uint32_t open; /* connections */
    bool draining;
    struct http_heir *heir; /* NULL: none */
    unsigned turns; /* of connections, that answered something; one in LATENCY_SAMPLE is timed */
    struct talker_sampler sampler;
    struct list waits[WAIT_COUNT];
    struct list free; /* closed connections, through stream.waiting */
    struct http_conn_chunk *chunks;
    /* scratch of the request at hand */
    uint8_t out[HTTP_OUT_BYTES];
    uint8_t body[HTTP_BODY_BYTES_MAX];
    uint8_t unwrapped[HTTP_WRAPPED_BYTES_MAX];
    uint8_t peers_v4[NUMWANT_PEERS_MAX * COMPACT_BYTES(FAMILY_V4)];
    uint8_t peers_v6[NUMWANT_PEERS_MAX * COMPACT_BYTES(FAMILY_V6)];
    uint8_t peer_ids[FAMILY_COUNT][NUMWANT_PEERS_MAX * PEER_ID_BYTES];
};

static inline const struct http_opts *http_door_opts(const struct http_door *d)
{
    return atomic_load_explicit(d->env.opts, memory_order_acquire);
}

/* Serve a connection that was just accepted, and counted in env.shared->connections. */
void http_conn_open(struct http_conn *c, struct http_door *d, int take_fd,
                    const struct address *client, bool proxy);

/* The same for one that another door served; c->fd is taken. */
void http_conn_adopt(struct http_conn *c, struct http_door *d, const struct http_handed *handed);

/* Do what can be done now. The connection may be closed, and its memory free, afterwards: so it is
 * with every call here that takes one. */
void http_conn_turn(struct http_conn *c);
void http_conn_timeout(struct http_conn *c);
void http_conn_close(struct http_conn *c, bool abort);

/* How long a connection may wait for one thing. */
uint64_t http_wait_ms(const struct http_door *d, enum http_wait wait);

/* Answer one request: append head and body to `out`, which has HTTP_ANSWER_BYTES_MAX of room, and
 * decide whether the connection goes on. A full scrape leaves c->scrape to be streamed; a request
 * for a page writes nothing and sets c->leaving. */
void http_answer(struct http_conn *c, const struct http_request *r, struct writer *out);

/* Does the address speak for others, as a proxy that is believed? */
bool http_speaks_for_others(const struct http_opts *o, const struct address *a);

/* Answer with an HTTP error (a status of protocol.md R4); the connection ends with it. `flaw`: what
 * is wrong, or NULL where the status says it. Without an
 * answer, c->dropped, where the client is over its budget of errors. */
void http_answer_error(struct http_conn *c, int status, const char *flaw, struct writer *out);

#endif
