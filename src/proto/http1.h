/* http1.h - reading the head of an HTTP/1.x request: used, MORE or BAD. No I/O, no allocation.
 *
 * Sources   RFC 9112 as far as a tracker needs it; protocol.md section 9.1 (T1..T21). */
#ifndef PROTO_HTTP1_H
#define PROTO_HTTP1_H

#include "proto/types.h"

#define HTTP_TARGET_BYTES_MAX  12288 /* longer: 414 (T20) */
#define HTTP_HEADERS_MAX       64    /* more: 431 (T21) */
#define HTTP_WRAPPED_BYTES_MAX 4096  /* base64 text of a wrapped request; longer: 431 */

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST };

struct http_header {
    struct view name, value; /* value without surrounding blanks */
};

/* One request head; all views point into the buffer. */
struct http_request {
    enum http_method method;
    struct view path, query; /* of the target, undecoded; path starts with '/'; query without '?' */
    bool has_query;
    bool keep_alive;       /* what the request asks for: version and Connection tokens (T3, T4) */
    uint8_t minor_version; /* HTTP/1.minor */
    uint64_t
        body_bytes;   /* Content-Length; of GET and HEAD not 0 only when refused (-400) for that */
    const char *flaw; /* what is wrong, for who wrote the client; of -400 only, else NULL */
    uint16_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX];
};

/* Parse the head at the start of `bytes`.
 *   seen      how many of these bytes an earlier call already looked at in vain; 0 is always right
 *   returns   the bytes it takes (> 0), one empty line in front included; 0 when it is not complete
 *             yet; or minus an HTTP status (-400, -405, -414, -431, -505): answer that and close
 *   limits    the caller's: all bytes of a head (431) and how long it may take (408)
 *   cost      one pass over the head; a call with no new line end looks at the new bytes only */
int http1_parse(struct view bytes, size_t seen, struct http_request *out);

/* The same, and a POST is allowed: exactly one Content-Length (-411 without), its body of
 * out->body_bytes follows the head and is the caller's to limit and to take. */
int http1_parse_post(struct view bytes, size_t seen, struct http_request *out);

/* The value of the only header of that name (case-insensitive); the first one if it repeats. */
bool http1_header(const struct http_request *r, const char *name, struct view *value);

/* Is the page that a browser asks for (Origin) one of the host that is asked (Host)? True where no
 * browser says so; "null" and what is no web page are not.                       (RFC 6454, 7) */
bool http1_origin_is_host(const struct http_request *r);

/* Does the client take gzip? "q=0" says no. */
bool http1_accepts_gzip(const struct http_request *r);

/* Old uTorrent scrapes are the whole text of a GET in base64. Ask this before http1_parse(): true
 * when the bytes start with the base64 of "GET". */
bool http1_is_base64(struct view bytes);

/* Decode such a request into `out`, for http1_parse(). It ends where its text has an empty line, or
 * where the base64 text does: at its '=' or at white space; then `out` is completed with an empty
 * line. Close the connection after the answer: what follows may be a rest of the wrapping.
 *   bytes     http1_is_base64(bytes) holds
 *   returns   the bytes of the wrapped form (> 0); 0 when more are needed; -400; -431 when it is
 *             longer than HTTP_WRAPPED_BYTES_MAX or its text than `max`
 *   cost      decodes from the start in each call; the limit bounds that */
int http1_unwrap_base64(struct view bytes, uint8_t *out, size_t max, size_t *out_len);

#endif
