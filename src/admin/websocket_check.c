/* websocket_check.c - the opening handshake (RFC 6455, section 4.2), without any I/O.
 *
 * Origin    a browser lets any page open a WebSocket to any server and only says which page it was:
 *           so the check is ours. Programs that are no browsers send none, and could lie anyway.
 * SHA-1     is the handshake's, not a signature: it only shows that a WebSocket server answers. */
#include "admin/websocket.h"

#include <sha1.h>
#include <sodium.h>
#include <stdio.h>

#define KEY_BYTES      16
#define KEY_TEXT_BYTES 24 /* of 16 bytes in base64 */
#define GUID           "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define VERSION        "13"

/* The next comma separated item of `list`, which becomes what follows. */
static struct view item_next(struct view *list)
{
    const uint8_t *comma = memchr(list->ptr, ',', list->len);
    size_t len = comma ? (size_t)(comma - list->ptr) : list->len;
    struct view item = view_of(list->ptr, len);
    *list = view_from(*list, len + (comma ? 1 : 0));
    return view_trim(item);
}

/* Does any header of that name hold the token? */
static bool has_token(const struct http_request *r, const char *name, struct view token)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (!view_equal_nocase(r->headers[i].name, view_of_text(name))) continue;
        for (struct view list = r->headers[i].value; list.len;)
            if (view_equal_nocase(item_next(&list), token)) return true;
    }
    return false;
}

/* ---- the answer ---- */

static bool key_is_valid(struct view key)
{
    uint8_t bytes[KEY_BYTES];
    size_t len;
    return key.len == KEY_TEXT_BYTES &&
           sodium_base642bin(bytes, sizeof bytes, (const char *)key.ptr, key.len, NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == sizeof bytes;
}

static void accept_of(struct view key, char out[WEBSOCKET_ACCEPT_BYTES])
{
    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX sha1;
    SHA1Init(&sha1);
    SHA1Update(&sha1, key.ptr, key.len);
    SHA1Update(&sha1, (const uint8_t *)GUID, sizeof GUID - 1);
    SHA1Final(digest, &sha1);
    sodium_bin2base64(out, WEBSOCKET_ACCEPT_BYTES, digest, sizeof digest,
                      sodium_base64_VARIANT_ORIGINAL);
}

static bool offers(const struct http_request *r, struct view protocol)
{
    for (size_t i = 0; i < r->header_count; i++) {
        if (!view_equal_nocase(r->headers[i].name, VIEW("Sec-WebSocket-Protocol"))) continue;
        for (struct view list = r->headers[i].value; list.len;)
            if (view_equal(item_next(&list), protocol)) return true;
    }
    return false;
}

static int protocol_choose(const struct http_request *r, const char *const *protocols)
{
    for (int p = 0; protocols[p]; p++)
        if (offers(r, view_of_text(protocols[p]))) return p;
    return -1;
}

int websocket_check(const struct http_request *r, const char *const *protocols,
                    struct websocket_handshake *out)
{
    struct view version, key;
    if (r->method != HTTP_GET || r->minor_version < 1) return 400;
    if (!has_token(r, "Upgrade", VIEW("websocket")) || !has_token(r, "Connection", VIEW("upgrade")))
        return 426;
    if (!http1_header(r, "Sec-WebSocket-Version", &version) || !view_equal(version, VIEW(VERSION)))
        return 426;
    if (!http1_header(r, "Sec-WebSocket-Key", &key) || !key_is_valid(key)) return 400;
    if (!http1_origin_is_host(r)) return 403;
    accept_of(key, out->accept);
    out->protocol = protocol_choose(r, protocols);
    return 101;
}

void websocket_lines(const struct websocket_handshake *h, const char *const *protocols,
                     char out[WEBSOCKET_LINES_BYTES_MAX])
{
    bool named = h->protocol >= 0;
    snprintf(out, WEBSOCKET_LINES_BYTES_MAX,
             "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s%s%s",
             h->accept, named ? "Sec-WebSocket-Protocol: " : "",
             named ? protocols[h->protocol] : "", named ? "\r\n" : "");
}
