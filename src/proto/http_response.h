/* http_response.h - reading an HTTP/1.x answer that somebody else's server sent. Pure: no I/O, no
 * malloc; the caller's buffer is the bound.
 *
 * Sources   RFC 9112, sections 4, 6 and 7 */
#ifndef PROTO_HTTP_RESPONSE_H
#define PROTO_HTTP_RESPONSE_H

#include "base/bytes.h"

/* Views point into the buffer. */
struct http_response {
    int status;         /* 100..599 */
    struct view reason; /* the status line's text; may be empty */
    struct view head;   /* the header lines, each with its line end */
    struct view body;   /* whole, chunks put together */
    bool keep_alive;    /* the connection may be used again */
};

/* Read the answer at the start of `bytes`, whose chunks, if it has any, are moved together in place
 * once it is complete.
 *   ended     nothing more will come: an answer without a length is complete then
 *   no_body   the request was HEAD
 *   returns   bytes it takes (> 0); 0 for MORE; -1 for BAD: no HTTP/1 answer, or one cut short
 *   cost      the whole buffer at each call: read much before asking again */
int64_t http_response_parse(uint8_t *bytes, size_t len, bool ended, bool no_body,
                            struct http_response *out);

/* The value of the first header of that name (case-insensitive), trimmed. */
bool http_response_header(const struct http_response *r, const char *name, struct view *value);

#endif
