/* route.c - where a path leads. Matched undecoded, byte by byte: no `..`, no `//`, no case folding
 * (protocol.md P12, T52). A trailing slash is the same path (T53). */
#include "tracker/tracker.h"

bool tracker_passkey_may_hold(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-';
}

static bool is_passkey(struct view v)
{
    if (v.len == 0 || v.len > PASSKEY_BYTES_MAX) return false;
    for (size_t i = 0; i < v.len; i++)
        if (!tracker_passkey_may_hold((char)v.ptr[i])) return false;
    return true;
}

static enum route verb_of(struct view word)
{
    if (view_equal(word, VIEW("announce")) || view_equal(word, VIEW("announce.php")))
        return ROUTE_ANNOUNCE;
    if (view_equal(word, VIEW("scrape")) || view_equal(word, VIEW("scrape.php")))
        return ROUTE_SCRAPE;
    if (view_equal(word, VIEW("heartbeat"))) return ROUTE_HEARTBEAT;
    return ROUTE_NONE;
}

/* Split "/first/second" at its slashes; false when there are more than two parts. */
static bool split(struct view path, struct view parts[2], int *count)
{
    *count = 0;
    while (path.len) {
        if (*path.ptr != '/') return false;
        path = view_from(path, 1);
        const uint8_t *slash = path.len ? memchr(path.ptr, '/', path.len) : NULL;
        size_t len = slash ? (size_t)(slash - path.ptr) : path.len;
        if (len == 0 && path.len == 0) return true; /* trailing slash */
        if (*count == 2) return false;
        parts[(*count)++] = view_of(path.ptr, len);
        path = view_from(path, len);
    }
    return true;
}

enum route tracker_route(struct view path, struct view *passkey)
{
    struct view parts[2];
    int count;
    *passkey = view_of(NULL, 0);
    if (view_equal(path, VIEW("/announce"))) return ROUTE_ANNOUNCE; /* nearly all */
    if (path.len == 0 || !split(path, parts, &count)) return ROUTE_NONE;
    if (count == 0) return ROUTE_ROOT;
    if (count == 1) return verb_of(parts[0]);
    enum route first = verb_of(parts[0]), second = verb_of(parts[1]);
    bool key_first = second == ROUTE_ANNOUNCE || second == ROUTE_SCRAPE;
    if (!key_first && first != ROUTE_ANNOUNCE && first != ROUTE_SCRAPE) return ROUTE_NONE;
    if (!is_passkey(parts[key_first ? 0 : 1])) return ROUTE_NONE;
    *passkey = parts[key_first ? 0 : 1];
    return key_first ? second : first;
}
