/* http1_base64.c - requests that come wrapped in base64; see http1.h.
 *
 * trakx's documents name them: old uTorrent clients scrape with the text of the whole request,
 * "GET /scrape?... HTTP/1.1" and so on, in base64. Nothing frames the wrapping, so its end is taken
 * wherever it shows first. A real request is never mistaken for one: no method starts with R0VU. */
#include "proto/http1.h"

#include <assert.h>
#include <sodium.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_base64(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool http1_is_base64(struct view bytes)
{
    return bytes.len >= 4 && memcmp(bytes.ptr, "R0VU", 4) == 0;
}

/* How the wrapping lies in the buffer. */
struct wrapping {
    size_t text;  /* base64 digits */
    size_t used;  /* with padding and the white space behind it */
    bool has_end; /* padding or white space says that no more digits come */
};

/* MORE (0), -400, or 1. */
static int wrapping_find(struct view bytes, struct wrapping *w)
{
    size_t at = 0;
    while (at < bytes.len && is_base64(bytes.ptr[at]))
        at++;
    w->text = at;
    while (at < bytes.len && bytes.ptr[at] == '=' && at < w->text + 2)
        at++;
    size_t padding = at - w->text;
    w->has_end = padding > 0 || at < bytes.len;
    if (at < bytes.len && !is_space(bytes.ptr[at])) return -400;
    if (padding && at % 4 != 0) return at % 4 == 3 && padding == 1 && at == bytes.len ? 0 : -400;
    while (at < bytes.len && is_space(bytes.ptr[at]))
        at++;
    w->used = at;
    return 1;
}

static bool has_empty_line(const uint8_t *text, size_t len)
{
    return memmem(text, len, "\n\r\n", 3) || memmem(text, len, "\n\n", 2);
}

int http1_unwrap_base64(struct view bytes, uint8_t *out, size_t max, size_t *out_len)
{
    assert(http1_is_base64(bytes));
    struct wrapping w;
    int found = wrapping_find(bytes, &w);
    if (found <= 0) return found;
    static const uint8_t END[4] = {'\r', '\n', '\r', '\n'};
    if (w.text > HTTP_WRAPPED_BYTES_MAX || w.text / 4 * 3 + 2 + sizeof END > max) return -431;
    size_t digits = w.has_end ? w.text : w.text / 4 * 4, len;
    if (sodium_base642bin(out, max, (const char *)bytes.ptr, digits, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0)
        return -400;
    if (!has_empty_line(out, len)) {
        if (!w.has_end) return 0;
        size_t has = out[len - 1] == '\n' ? 2 : 0; /* of the four bytes that end a head */
        memcpy(out + len, END + has, sizeof END - has);
        len += sizeof END - has;
    }
    *out_len = len;
    return (int)w.used;
}
