/* http_text.h - the text of requests, and the heads of answers. */
#ifndef BENCH_HTTP_TEXT_H
#define BENCH_HTTP_TEXT_H

#include "bench/bench.h"

/* Longest request: a path, a query with BENCH_HASHES_MAX escaped hashes, and the headers. */
#define HTTP_REQUEST_BYTES_MAX                                                                     \
    (BENCH_PATH_BYTES_MAX + 512 + BENCH_HASHES_MAX * (11 + 3 * INFO_HASH_BYTES))

/* Append one request; the writer must have room for it. */
void http_text_request(const struct bench *b, const struct request *r, struct writer *w);

struct http_head {
    int status;
    uint64_t body_bytes;
    bool has_length; /* otherwise the body ends with the connection */
    bool closes;     /* no further request on this connection */
    bool is_encoded; /* a Content-Encoding that is not plain text */
    bool is_framed;  /* a Transfer-Encoding: where the body ends is not known here */
};

/* Bytes of the head (> 0), 0 when more are needed, -1 when it is not one. */
int http_text_head(struct view bytes, struct http_head *out);

#endif
