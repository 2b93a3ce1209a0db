/* http_response.c - status line, headers, and the three ways a body may end: a length, chunks, the
 * end of the connection (RFC 9112, section 6.3). Interim answers (1xx) are skipped.
 *
 * Chunks     are moved together only when the last one is there, so that a call in vain leaves the
 *            buffer as it was and the next one may begin at its start. */
#include "proto/http_response.h"

#include "base/text.h"

#define INTERIM_MAX      4
#define CHUNK_DIGITS_MAX 8

enum { MORE = 0, BAD = -1 };

/* Cut a line off `rest`, its LF or CRLF too; false when there is no whole one. */
static bool line_cut(struct view *rest, struct view *line)
{
    const uint8_t *lf = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
    if (!lf) return false;
    size_t len = (size_t)(lf - rest->ptr);
    *line = view_of(rest->ptr, len && rest->ptr[len - 1] == '\r' ? len - 1 : len);
    *rest = view_from(*rest, len + 1);
    return true;
}

/* "HTTP/1.1 200 OK" */
static bool status_line(struct view line, struct http_response *out)
{
    static const size_t FIXED = sizeof "HTTP/1.x 200" - 1;
    if (line.len < FIXED || memcmp(line.ptr, "HTTP/1.", 7) != 0) return false;
    uint64_t status;
    if (line.ptr[8] != ' ' || text_u64(view_of(line.ptr + 9, 3), &status) != ERR_OK) return false;
    if (line.len > FIXED && line.ptr[FIXED] != ' ') return false;
    out->status = (int)status;
    out->keep_alive = line.ptr[7] == '1';
    out->reason = view_trim(view_from(line, FIXED));
    return status >= 100 && status <= 599;
}

bool http_response_header(const struct http_response *r, const char *name, struct view *value)
{
    struct view rest = r->head, line;
    while (line_cut(&rest, &line)) {
        const uint8_t *colon = line.len ? memchr(line.ptr, ':', line.len) : NULL;
        if (!colon) continue;
        size_t at = (size_t)(colon - line.ptr);
        if (!view_equal_nocase(view_of(line.ptr, at), view_of_text(name))) continue;
        *value = view_trim(view_from(line, at + 1));
        return true;
    }
    return false;
}

/* Status line and headers; *rest is what follows them. */
static int head_cut(struct view *rest, struct http_response *out)
{
    struct view line;
    if (!line_cut(rest, &line))
        return rest->len > 7 && memcmp(rest->ptr, "HTTP/1.", 7) != 0 ? BAD : MORE;
    if (!status_line(line, out)) return BAD;
    const uint8_t *start = rest->ptr;
    while (line_cut(rest, &line)) {
        if (line.len) continue;
        out->head = view_of(start, (size_t)(line.ptr - start));
        struct view connection;
        if (http_response_header(out, "Connection", &connection))
            out->keep_alive = !view_equal_nocase(connection, VIEW("close"));
        return 1;
    }
    return MORE;
}

static bool chunk_size(struct view line, size_t *out)
{
    size_t digits = 0;
    for (*out = 0; digits < line.len; digits++) {
        uint8_t c = ascii_lower(line.ptr[digits]);
        if (c >= '0' && c <= '9') *out = *out * 16 + (size_t)(c - '0');
        else if (c >= 'a' && c <= 'f') *out = *out * 16 + (size_t)(c - 'a' + 10);
        else break;
        if (digits == CHUNK_DIGITS_MAX) return false;
    }
    struct view rest = view_trim(view_from(line, digits));
    return digits > 0 && (rest.len == 0 || rest.ptr[0] == ';');
}

/* Cut one chunk off, its line end too; an empty one is the last. */
static int chunk_cut(struct view *rest, struct view *chunk)
{
    struct view line;
    size_t len;
    if (!line_cut(rest, &line)) return MORE;
    if (!chunk_size(line, &len)) return BAD;
    if (len > rest->len) return MORE;
    *chunk = view_of(rest->ptr, len);
    *rest = view_from(*rest, len);
    if (len == 0) return 1;
    if (!line_cut(rest, &line)) return rest->len > 1 ? BAD : MORE;
    return line.len == 0 ? 1 : BAD;
}

/* Headers behind the last chunk, up to an empty line. */
static int trailer_cut(struct view *rest)
{
    struct view line;
    while (line_cut(rest, &line))
        if (line.len == 0) return 1;
    return MORE;
}

static int chunks_cut(struct view *rest, struct http_response *out, uint8_t *bytes)
{
    struct view scan = *rest, chunk = {0};
    uint8_t *to = bytes + (rest->ptr - bytes);
    do {
        int got = chunk_cut(&scan, &chunk);
        if (got <= 0) return got;
    } while (chunk.len);
    int got = trailer_cut(&scan);
    if (got <= 0) return got;
    out->body = view_of(to, 0);
    while (chunk_cut(rest, &chunk) > 0 && chunk.len) {
        memmove(to + out->body.len, chunk.ptr, chunk.len);
        out->body.len += chunk.len;
    }
    *rest = scan;
    return 1;
}

static int body_cut(struct view *rest, struct http_response *out, uint8_t *bytes, bool ended,
                    bool no_body)
{
    struct view value;
    uint64_t length;
    out->body = view_of(rest->ptr, 0);
    if (no_body || out->status == 204 || out->status == 304) return 1;
    if (http_response_header(out, "Transfer-Encoding", &value))
        return view_equal_nocase(value, VIEW("chunked")) ? chunks_cut(rest, out, bytes) : BAD;
    if (!http_response_header(out, "Content-Length", &value)) {
        out->keep_alive = false;
        if (!ended) return MORE;
        length = rest->len;
    } else if (text_u64(value, &length) != ERR_OK) {
        return BAD;
    }
    if (length > rest->len) return MORE;
    out->body = view_of(rest->ptr, length);
    *rest = view_from(*rest, length);
    return 1;
}

int64_t http_response_parse(uint8_t *bytes, size_t len, bool ended, bool no_body,
                            struct http_response *out)
{
    struct view rest = view_of(bytes, len);
    int got = MORE;
    for (int i = 0; i < INTERIM_MAX; i++) {
        *out = (struct http_response){0};
        got = head_cut(&rest, out);
        if (got <= 0 || out->status >= 200) break;
        got = BAD; /* interim answers without end */
    }
    if (got > 0) got = body_cut(&rest, out, bytes, ended, no_body);
    if (got > 0) return (int64_t)(len - rest.len);
    return got == MORE && !ended ? MORE : BAD;
}
