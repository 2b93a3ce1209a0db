/* http.h - the HTTP door: announce, scrape, full scrape, heartbeat over TCP. */
#ifndef FRONT_HTTP_H
#define FRONT_HTTP_H

#include "front/tap.h"
#include "net/loop.h"
#include "net/stream.h"
#include "proto/address_text.h"
#include "tracker/tracker.h"

#define HTTP_HEADER_NAME_BYTES_MAX 64

/* All live. */
struct http_opts {
    uint32_t timeout_ms;        /* a request must be complete, and an answer taken, within this */
    uint32_t idle_timeout_ms;   /* keep-alive: wait this long for the next request */
    uint32_t connections_max;   /* of the whole process */
    uint64_t buffer_bytes_max;  /* likewise; whoever publishes the opts tells http_shared, too */
    uint32_t request_bytes_max; /* head; larger: 431 (or 414 for the target) */
    uint32_t connection_requests_max; /* on one connection, then Connection: close */
    bool keep_alive;
    bool external_ip; /* BEP 24 */
    bool scrape;      /* false: failure "scrape disabled" */
    bool full_scrape;
    uint32_t full_scrape_interval_s; /* at most one per client address in this time */
    uint32_t scrape_interval_s;      /* flags.min_request_interval; 0 leaves it out */
    char forwarded_header[HTTP_HEADER_NAME_BYTES_MAX]; /* empty: none is believed */
    const struct prefix *trusted; /* whose header is believed, who may speak PROXY */
    uint32_t trusted_count;
};

/* Shared by the doors of all workers. */
struct http_shared {
    _Atomic uint32_t connections;  /* open now */
    _Atomic uint32_t room_wanted;  /* at max_connections: to be closed by whoever has idle ones */
    struct stream_budget buffers;  /* what all connections may borrow */
    struct full_scrape_gate *gate; /* who had a full scrape lately; see http_shared_init */
};
enum err http_shared_init(struct http_shared *s) MUST_CHECK;
void http_shared_fini(struct http_shared *s);

/* Where connections go that ask for a page and not for the tracker. Called by any worker. */
struct http_request;
struct http_pages {
    bool (*is_page)(const struct http_pages *p, const struct http_request *r);
    /* Take the connection and a copy of all its unanswered bytes, the page's request first; they
     * are at most STREAM_SCRATCH_BYTES. False when there is no room: the fd stays the caller's. */
    bool (*take)(struct http_pages *p, int fd, const struct address *client, struct view bytes);
};

/* What a door is given; the worker that owns the loop owns the door. */
struct http_door_env {
    struct loop *loop;
    struct tracker *tracker;
    struct rng *rng;
    struct http_shared *shared;
    _Atomic(const struct http_opts *) *opts;
    struct http_pages *pages; /* NULL: there are none */
    bool peer_ids;            /* the store keeps them */
    struct tap *tap;          /* where announces can be watched; or NULL */
};

struct http_door;

/* May be opened by another thread than the one that will run env->loop and call the rest. */
enum err http_door_open(struct http_door **out, const struct http_door_env *env,
                        uint32_t listeners_max) MUST_CHECK;

/* Serve one more bound, listening socket, of at most listeners_max; takes the fd. */
enum err http_door_listen(struct http_door *d, int take_fd, bool proxy) MUST_CHECK;

/* Close what is over its deadline; call about every 100 ms. */
void http_door_tick(struct http_door *d);

/* Stop accepting; requests in hand are answered with Connection: close. */
void http_door_drain(struct http_door *d);
bool http_door_is_idle(const struct http_door *d);

/* ---- another process takes over ---- */

/* An open connection on its way from one door to another. All is answered that was read from it, but
 * for `input`. */
struct http_handed {
    int fd;
    struct address client;
    bool proxy_expected, is_proxy_itself;
    uint32_t requests; /* answered */
    struct view input; /* at most STREAM_BUFFER_BYTES_MAX */
};

/* Who takes the connections. Called by any worker; false: it cannot have it. The fd stays the
 * caller's in any case. */
struct http_heir {
    bool (*take)(struct http_heir *h, const struct http_handed *c);
};

/* Accept and answer nothing any more: connections go to the heir, at once or when what is unsent has
 * been sent. The listening sockets are the heir's already: what waits in them is left to it. */
void http_door_leave(struct http_door *d, struct http_heir *heir);

/* Serve a connection of another door; takes the fd and copies the input. At max_connections it makes
 * room as a new one does. */
void http_door_adopt(struct http_door *d, const struct http_handed *c);

/* Whom a request is from: `socket`, unless that is a trusted proxy that speaks for somebody
 * (protocol.md T60..T63). ERR_BAD_ADDRESS when it does not say for whom. */
enum err http_client_address(const struct http_opts *o, const struct address *socket,
                             const struct http_request *r, struct address *out) MUST_CHECK;

/* Close everything at once and free. */
void http_door_close(struct http_door *d);

#endif
