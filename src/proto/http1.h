/* http1.h - reading the head of an HTTP/1.x GET: used, MORE or BAD. No I/O, no allocation.
 *
 * Sources   RFC 9112 as far as a tracker needs it; protocol.md section 9.1 (T1..T21). */
#ifndef PROTO_HTTP1_H
#define PROTO_HTTP1_H

#include "base/err.h"
#include "proto/types.h"

#define HTTP_TARGET_BYTES_MAX 12288 /* longer: 414 (T20) */
#define HTTP_HEADERS_MAX      64    /* more: 431 (T21) */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OTHER };

struct http_header {
    struct view name, value; /* value without surrounding blanks */
};

/* One request head; all views point into the buffer. */
struct http_request {
    enum http_method method;
    struct view path, query; /* of the target, undecoded; query without '?' */
    bool has_query;
    bool keep_alive; /* what the request asks for: version and Connection tokens (T3, T4) */
    uint8_t minor_version; /* HTTP/1.minor */
    uint16_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/* Parse the head at the start of `bytes`.
 *   returns   the bytes it takes (> 0); 0 when the head is not complete yet;
 *             or minus an HTTP status (-400, -405, -414, -431, -505): answer that and close.
 * `seen` is how many bytes an earlier call on the same buffer already looked at in vain. */
int http1_parse(struct view bytes, size_t seen, struct http_request *out);

/* The value of the only header of that name (case-insensitive); the first one if it repeats. */
bool http1_header(const struct http_request *r, const char *name, struct view *value);

#endif
