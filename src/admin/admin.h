/* admin.h - the operators' door: statistics, metrics, map, settings, files, over HTTP.
 *
 * Ways in   a TCP listener of its own, a Unix socket, and connections that the workers' HTTP doors
 *           hand over because they ask for a page (handoff.h). The first two are kept alive; a
 *           handed-over connection gets one answer.
 * Threads   everything runs on the thread of env->loop, the housekeeping thread. A handler may look
 *           at all that thread owns without a lock, and must return within a few milliseconds.
 * Limits    ADMIN_..._MAX below; each has a metric.
 * Sources   RFC 9110, RFC 9112; docs/decisions/0008-operator-pages.md */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "front/http.h"
#include "proto/http1.h"

#define ADMIN_CONNECTIONS_MAX 256 /* of all ways in together */
#define ADMIN_TCP_MAX         240 /* of these, not over the Unix socket: the owner always gets in */
#define ADMIN_HANDED_MAX      192 /* of these, handed over: the main port locks no operator out */
#define ADMIN_HOST_MAX        128 /* of the admin listener, by an IPv4 address or an IPv6 /64 */
#define ADMIN_HANDED_HOST_MAX 16  /* of those handed over, likewise */
#define ADMIN_POST_BYTES_MAX  65536       /* a larger body: 413 */
#define ADMIN_UNSENT_MAX      (64u << 20) /* bytes of answers that clients have not taken yet */
#define ADMIN_LISTENERS_MAX   16
#define ADMIN_EXTRA_BYTES_MAX 512

/* ---- requests and answers ---- */

enum admin_origin { ORIGIN_MAIN_PORT, ORIGIN_ADMIN, ORIGIN_UNIX };

/* All views live as long as the handler runs. */
struct admin_request {
    enum http_method method;         /* HEAD reaches a handler of GET; its body is left out then */
    struct view path, query;         /* undecoded; query without '?' */
    struct view body;                /* of a POST: its Content-Type is application/json */
    const struct http_request *head; /* for http1_header() */
    struct address client; /* who asks, trusted proxies skipped; 0.0.0.0 on the Unix socket */
    enum admin_origin origin;
    uint32_t uid; /* ORIGIN_UNIX: whose process asks (SO_PEERCRED) */
};

/* The connection after an answer with status 101: a non-blocking fd that no loop watches, and what
 * the client has sent after its head. */
typedef void admin_upgrade_fn(void *ctx, int take_fd, const struct admin_request *r,
                              struct view unread);

/* What a handler says; the door begins with status 200 and nothing else. The body is one of the
 * three. Content-Length, Connection and the headers that protect (admin_answer.c) are the door's. */
struct admin_response {
    int status;
    const char *type;                  /* Content-Type; NULL: none */
    const char *headers;               /* constant lines, each ending with CRLF; or NULL */
    char extra[ADMIN_EXTRA_BYTES_MAX]; /* the same, for lines made for this answer */
    const char *policy;        /* Content-Security-Policy in place of the strict one; or NULL */
    void *take_body;           /* malloc'ed, freed by the door */
    size_t body_bytes;         /* of take_body, or of take_file_fd from its start */
    int take_file_fd;          /* > 0: a regular file, closed by the door */
    struct view constant_body; /* outlives the answer */
    bool is_later;             /* no answer yet: the handler is asked the same again by the next
                                  ticks, until it has one or the time for a request is over */
    /* with status 101: `headers` and `extra` are all the lines there are, Upgrade and Connection
     * included; the fd is given away when they are sent */
    admin_upgrade_fn *upgrade;
    void *upgrade_ctx;
};

typedef void admin_handler_fn(void *ctx, const struct admin_request *r, struct admin_response *out);

/* A whole answer of text/plain: `text` and a line end. */
void admin_respond_text(struct admin_response *out, int status, const char *text);

/* A document of JSON that must not be kept; takes the text, malloc'ed. NULL (no memory): a 503. */
void admin_respond_json(struct admin_response *out, int status, char *take_text);

/* The same as admin_respond_text() with the status' own words; counts those that deny. */
void admin_respond_status(struct admin_response *out, int status);

/* The value of `name` in the query, undecoded; false when it is not there. */
bool admin_query(const struct admin_request *r, const char *name, struct view *value);

/* How many allocations jansson was refused in this thread: what was made meanwhile has holes when it is
 * more than before. Counts once admin_open() was called. */
uint64_t admin_json_refusals(void);

/* ---- routes ---- */

enum admin_access {
    ADMIN_PUBLIC, /* everywhere; on the main port only while row->is_public says so */
    ADMIN_LOCAL,  /* admin listener and Unix socket; elsewhere 404 */
    ADMIN_OWNER,  /* Unix socket, or the admin listener when env->owner_check says so */
};

enum { ADMIN_GET = 1 /* HEAD, too */, ADMIN_POST = 2 };

struct admin_route {
    const char *path; /* matched undecoded, byte by byte */
    bool prefix;      /* whatever begins with it */
    unsigned methods; /* ADMIN_GET | ADMIN_POST; no POST ever comes from the main port */
    enum admin_access access;
    bool (*is_public)(const void *ctx); /* the main port's switch; NULL: always on */
    admin_handler_fn *handler;
    const char *help;
};

/* Does a path lead to a page that the main port may show? Pure, any thread. */
bool admin_path_is_page(const struct admin_route *routes, size_t count, struct view path);

/* Does it lead to a page that the main port never shows? Pure, any thread. */
bool admin_path_is_local(const struct admin_route *routes, size_t count, struct view path);

/* ---- the door ---- */

struct admin_env {
    struct loop *loop;
    const struct admin_route *routes; /* constant */
    size_t route_count;
    admin_handler_fn *fallback; /* paths that no route has */
    /* 0, or the status that refuses, 401 or 429; may add lines to out->extra. NULL: nobody is the
     * owner over TCP. */
    int (*owner_check)(void *ctx, const struct admin_request *r, struct admin_response *out);
    bool (*is_host)(void *ctx, struct view name); /* a name of the admin listener; NULL: none is */
    bool (*is_proxied)(const void *ctx); /* is a proxy before the admin listener? NULL: no */
    /* Shall a worker hand this request's connection over? Any thread; see admin_path_is_page(). */
    bool (*is_page)(const void *ctx, const struct http_request *r);
    void *ctx;                                    /* of all these, the handlers and switches */
    _Atomic(const struct http_opts *) *http_opts; /* who may speak for a client; or NULL */
};

struct admin;

enum err admin_open(struct admin **out, const struct admin_env *env) MUST_CHECK;

/* Serve a bound, listening TCP or Unix socket, too; takes the fd. ERR_FULL, ERR_OS. */
enum err admin_listen(struct admin *a, int take_fd, enum admin_origin origin) MUST_CHECK;

/* What the workers' doors need to hand connections over; lives as long as the door. */
struct http_pages *admin_handoff(struct admin *a);

/* Close what is over its deadline, and who has nothing in hand while draining; call about every
 * 100 ms, not from a handler. */
void admin_tick(struct admin *a);

/* Accept nothing new; answer what is in hand, and let admin_tick() close the rest. A handler may call
 * it. */
void admin_drain(struct admin *a);
bool admin_is_idle(const struct admin *a);

/* Close everything at once and free; NULL is fine. Workers must not run any more. */
void admin_close(struct admin *a);

#endif
