/* http1.c - see http1.h.
 *
 * Idea      One walk from the first byte; each step answers GO_ON, MORE or minus a status. Nothing
 *           is kept between calls: an announce mostly comes in one segment, so parsing anew is
 *           cheaper than a state machine that can stop at any byte. A head that drips in is cheap
 *           all the same: without a new line feed it cannot be complete, and `seen` says where to
 *           look.
 * Speed     Most bytes are target and header values. Their only question is "is this a control
 *           byte?", and it is asked for 16 bytes at a time (plain_run).
 * Strict    Anything two parsers could understand differently is refused: bare CR, folding, blanks
 *           before a colon, bodies, repeated Host. The exceptions are bare LF and one empty line in
 *           front, which old clients send and nobody misreads (T9).
 * Rejected  Searching for the empty line and picking out the target alone: bodies (T10), Connection
 *           and the proxies' headers need the lines anyway. */
#include "proto/http1.h"

#include "base/block.h"
#include "base/text.h"

#include <assert.h>
#include <limits.h>

#define METHOD_BYTES_MAX 16

enum { MORE = 0, GO_ON = 1 };

struct head {
    const uint8_t *at, *end;
    struct http_request *out;
    bool has_host, has_length; /* seen already: a second one is refused */
    bool asks_close, asks_keep_alive;
    bool may_post;
};

/* RFC 9110 token characters: methods and header names. */
static const bool TOKEN[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
};

static size_t head_left(const struct head *h)
{
    return (size_t)(h->end - h->at);
}

/* How many bytes at `p` a token has. Nearly all are letters and dashes; the table knows the others. */
static size_t token_run(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *at = p;
    if (end - at >= BLOCK_BYTES) {
        block b = block_load(at);
        at += block_first(~(block_within(b | block_of(0x20), 'a', 'z') | block_is(b, '-')));
    }
    while (at < end && TOKEN[*at])
        at++;
    return (size_t)(at - p);
}

/* How many bytes from `p` on are at least `lowest` and not DEL. */
static size_t plain_run(const uint8_t *p, const uint8_t *end, uint8_t lowest)
{
    const uint8_t *at = p;
    for (size_t blocks = (size_t)(end - at) / BLOCK_BYTES; blocks; blocks--) {
        block b = block_load(at);
        unsigned others = block_mask((block)(b < block_of(lowest)) | block_is(b, 0x7f));
        if (others) return (size_t)(at - p) + (size_t)__builtin_ctz(others);
        at += BLOCK_BYTES;
    }
    while (at < end && *at >= lowest && *at != 0x7f)
        at++;
    return (size_t)(at - p);
}

#define NO_REQUEST "not an HTTP request"
#define NO_VERSION "no HTTP version behind the target"

static int bad(struct head *h, const char *flaw)
{
    h->out->flaw = flaw;
    return -400;
}

/* CRLF or LF (T9). */
static int line_end(struct head *h)
{
    if (h->at < h->end && *h->at == '\n') {
        h->at++;
        return GO_ON;
    }
    if (h->at < h->end && *h->at != '\r') return bad(h, "a control character in a line");
    if (head_left(h) < 2) return MORE;
    if (h->at[1] != '\n') return bad(h, "CR without LF");
    h->at += 2;
    return GO_ON;
}

static int method_parse(struct head *h, struct view *method)
{
    bool is_get = head_left(h) >= 4 && memcmp(h->at, "GET ", 4) == 0; /* nearly all */
    size_t len = is_get ? 3 : token_run(h->at, h->end);
    if (len > METHOD_BYTES_MAX) return bad(h, NO_REQUEST);
    if (len == head_left(h)) return MORE;
    if (len == 0 || h->at[len] != ' ') return bad(h, NO_REQUEST);
    *method = view_of(h->at, len);
    h->at += len + 1;
    return GO_ON;
}

static int target_parse(struct head *h, struct view *target)
{
    size_t len = plain_run(h->at, h->end, '!');
    if (len > HTTP_TARGET_BYTES_MAX) return -414;
    if (len == head_left(h)) return MORE;
    if (h->at[len] != ' ') return bad(h, "a target with bytes that must be escaped, or no version");
    *target = view_of(h->at, len);
    h->at += len + 1;
    return GO_ON;
}

/* "HTTP/1.x"; every later 1.x is read as 1.1 (T2). */
static int version_parse(struct head *h)
{
    const struct view name = VIEW("HTTP/");
    size_t have = head_left(h);
    if (have < name.len + 3)
        return memcmp(h->at, name.ptr, have < name.len ? have : name.len) == 0 ? MORE
                                                                               : bad(h, NO_VERSION);
    const uint8_t *number = h->at + name.len;
    if (memcmp(h->at, name.ptr, name.len) != 0) return bad(h, NO_VERSION);
    if (number[0] < '0' || number[0] > '9' || number[1] != '.') return bad(h, NO_VERSION);
    if (number[0] != '1') return -505;
    if (number[2] < '0' || number[2] > '9') return bad(h, NO_VERSION);
    h->out->minor_version = (uint8_t)(number[2] - '0');
    h->at += name.len + 3;
    return GO_ON;
}

static bool starts_nocase(struct view v, struct view prefix)
{
    return v.len >= prefix.len && view_equal_nocase(view_of(v.ptr, prefix.len), prefix);
}

/* Bytes of "http://" or "https://" in front; 0 when there is neither. */
static size_t scheme_bytes(struct view target)
{
    if (starts_nocase(target, VIEW("http://"))) return sizeof "http://" - 1;
    if (starts_nocase(target, VIEW("https://"))) return sizeof "https://" - 1;
    return 0;
}

/* The target without scheme and authority, as clients send them to proxies (T12). False for "*",
 * "host:port", an empty authority and everything else that leads to no path. */
static bool target_strip(struct view *target)
{
    size_t scheme = scheme_bytes(*target);
    if (scheme == 0) return false;
    const uint8_t *host = target->ptr + scheme;
    const uint8_t *path = memchr(host, '/', target->len - scheme);
    if (!path || path == host || memchr(host, '?', (size_t)(path - host))) return false;
    *target = view_of(path, target->len - (size_t)(path - target->ptr));
    return true;
}

static bool target_split(struct view target, struct http_request *out)
{
    if (target.len == 0 || (target.ptr[0] != '/' && !target_strip(&target))) return false;
    const uint8_t *mark = find_byte(target.ptr, target.ptr + target.len, '?');
    size_t path_bytes = (size_t)(mark - target.ptr);
    out->has_query = path_bytes < target.len;
    out->path = view_of(target.ptr, path_bytes);
    out->query = view_from(target, path_bytes + out->has_query);
    return true;
}

/* The version is judged before the method, so that an HTTP/2 preface gets its 505 (T2). */
static int request_line_parse(struct head *h)
{
    struct view method, target;
    int step = method_parse(h, &method);
    if (step > 0) step = target_parse(h, &target);
    if (step > 0) step = version_parse(h);
    if (step <= 0) return step;
    if (view_equal(method, VIEW("GET"))) h->out->method = HTTP_GET;
    else if (view_equal(method, VIEW("HEAD"))) h->out->method = HTTP_HEAD;
    else if (h->may_post && view_equal(method, VIEW("POST"))) h->out->method = HTTP_POST;
    else return -405;
    if (!target_split(target, h->out)) return bad(h, "the target leads to no path");
    return line_end(h);
}

static void connection_tokens(struct head *h, struct view list)
{
    const uint8_t *at = list.ptr, *end = at + list.len;
    while (at < end) {
        const uint8_t *comma = memchr(at, ',', (size_t)(end - at));
        if (!comma) comma = end;
        struct view token = view_trim(view_of(at, (size_t)(comma - at)));
        if (view_equal_nocase(token, VIEW("close"))) h->asks_close = true;
        if (view_equal_nocase(token, VIEW("keep-alive"))) h->asks_keep_alive = true;
        at = comma + 1;
    }
}

/* Only one Content-Length, and it must say zero but for a POST: a body that somebody else would skip
 * must never be read as the next request (T10). */
static bool length_is_fine(struct head *h, struct view value)
{
    if (h->has_length) return false;
    h->has_length = true;
    if (text_u64(value, &h->out->body_bytes) != ERR_OK) return false;
    return h->out->body_bytes == 0 || h->out->method == HTTP_POST;
}

/* The four headers that change how the connection goes on. */
static int header_apply(struct head *h, const struct http_header *header)
{
    switch (header->name.len) {
    case sizeof "host" - 1:
        if (!view_equal_nocase(header->name, VIEW("host"))) break;
        if (h->has_host) return bad(h, "two Host headers");
        h->has_host = true;
        break;
    case sizeof "connection" - 1:
        if (view_equal_nocase(header->name, VIEW("connection")))
            connection_tokens(h, header->value);
        break;
    case sizeof "content-length" - 1:
        if (!view_equal_nocase(header->name, VIEW("content-length"))) break;
        if (!length_is_fine(h, header->value))
            return bad(h, "a body, or a Content-Length that is none");
        break;
    case sizeof "transfer-encoding" - 1:
        if (view_equal_nocase(header->name, VIEW("transfer-encoding")))
            return bad(h, "a body with Transfer-Encoding");
        break;
    default: break;
    }
    return GO_ON;
}

/* One line; one that starts with a blank (folding) has no name and is refused. */
static int header_parse(struct head *h, struct http_header *header)
{
    size_t len = token_run(h->at, h->end);
    if (len == head_left(h)) return MORE;
    if (len == 0 || h->at[len] != ':') return bad(h, "a header without a name, or folded");
    header->name = view_of(h->at, len);
    const uint8_t *value = h->at += len + 1;
    for (;;) {
        h->at += plain_run(h->at, h->end, ' ');
        if (h->at == h->end) return MORE;
        if (*h->at != '\t') break;
        h->at++;
    }
    header->value = view_trim(view_of(value, (size_t)(h->at - value)));
    int step = line_end(h);
    return step > 0 ? header_apply(h, header) : step;
}

/* The header lines and the empty one that ends them. */
static int headers_parse(struct head *h)
{
    for (;;) {
        if (h->at == h->end) return MORE;
        if (*h->at == '\r' || *h->at == '\n') return line_end(h);
        if (h->out->header_count == HTTP_HEADERS_MAX) return -431;
        int step = header_parse(h, &h->out->headers[h->out->header_count]);
        if (step <= 0) return step;
        h->out->header_count++;
    }
}

/* Nothing new to find: no line feed came in, and the request line is either complete or still short
 * enough. Its own line feed is never among the first two bytes; an empty line in front may be. */
static bool is_still_open(struct view bytes, size_t seen)
{
    if (seen < 2 || memchr(bytes.ptr + seen, '\n', bytes.len - seen)) return false;
    return bytes.len <= HTTP_TARGET_BYTES_MAX || memchr(bytes.ptr + 2, '\n', seen - 2);
}

static int head_parse(struct view bytes, size_t seen, bool may_post, struct http_request *out)
{
    assert(bytes.len <= INT_MAX && seen <= bytes.len);
    if (bytes.len == 0 || is_still_open(bytes, seen)) return MORE;
    struct head h = {
        .at = bytes.ptr, .end = bytes.ptr + bytes.len, .out = out, .may_post = may_post};
    out->header_count = 0;
    out->body_bytes = 0;
    out->flaw = NULL;
    int step = GO_ON;
    if (*h.at == '\r' || *h.at == '\n') step = line_end(&h);
    if (step > 0) step = request_line_parse(&h);
    if (step > 0) step = headers_parse(&h);
    if (step <= 0) return step;
    if (out->method == HTTP_POST && !h.has_length) return -411;
    out->keep_alive = !h.asks_close && (out->minor_version > 0 || h.asks_keep_alive);
    return (int)(h.at - bytes.ptr);
}

int http1_parse(struct view bytes, size_t seen, struct http_request *out)
{
    return head_parse(bytes, seen, false, out);
}

int http1_parse_post(struct view bytes, size_t seen, struct http_request *out)
{
    return head_parse(bytes, seen, true, out);
}

bool http1_header(const struct http_request *r, const char *name, struct view *value)
{
    struct view wanted = view_of_text(name);
    for (size_t i = 0; i < r->header_count; i++) {
        if (!view_equal_nocase(r->headers[i].name, wanted)) continue;
        *value = r->headers[i].value;
        return true;
    }
    return false;
}

static bool starts_with(struct view v, struct view start)
{
    return v.len >= start.len && view_equal_nocase(view_of(v.ptr, start.len), start);
}

static struct view without_end(struct view v, struct view end)
{
    if (v.len > end.len && view_equal(view_from(v, v.len - end.len), end)) v.len -= end.len;
    return v;
}

/* Browsers leave the scheme's own port out of both; a proxy may write it into Host. */
bool http1_origin_is_host(const struct http_request *r)
{
    static const struct {
        struct view scheme, port;
    } SCHEMES[] = {{{(const uint8_t *)"http://", 7}, {(const uint8_t *)":80", 3}},
                   {{(const uint8_t *)"https://", 8}, {(const uint8_t *)":443", 4}}};
    struct view origin, host;
    if (!http1_header(r, "Origin", &origin)) return true;
    if (!http1_header(r, "Host", &host)) return false;
    for (size_t i = 0; i < sizeof SCHEMES / sizeof *SCHEMES; i++)
        if (starts_with(origin, SCHEMES[i].scheme))
            return view_equal_nocase(
                without_end(view_from(origin, SCHEMES[i].scheme.len), SCHEMES[i].port),
                without_end(host, SCHEMES[i].port));
    return false; /* "null", or no web page */
}

/* The part of `list` before the next `separator`; `list` becomes what follows it. */
static struct view list_next(struct view *list, char separator)
{
    const uint8_t *end = list->len ? memchr(list->ptr, separator, list->len) : NULL;
    struct view item = view_of(list->ptr, end ? (size_t)(end - list->ptr) : list->len);
    size_t taken = item.len + (end ? 1 : 0);
    *list = view_from(*list, taken);
    return view_trim(item);
}

/* ";q=0" and ";q=0.000" mean: not that one. */
static bool quality_is_zero(struct view params)
{
    while (params.len) {
        struct view p = list_next(&params, ';');
        if (p.len < 3 || (p.ptr[0] | 0x20) != 'q' || p.ptr[1] != '=') continue;
        for (size_t i = 2; i < p.len; i++)
            if (p.ptr[i] >= '1' && p.ptr[i] <= '9') return false;
        return true;
    }
    return false;
}

bool http1_accepts_gzip(const struct http_request *r)
{
    struct view list;
    if (!http1_header(r, "Accept-Encoding", &list)) return false;
    while (list.len) {
        struct view params = list_next(&list, ',');
        struct view name = list_next(&params, ';');
        if (view_equal_nocase(name, VIEW("gzip")) || view_equal_nocase(name, VIEW("x-gzip")))
            return !quality_is_zero(params);
    }
    return false;
}
