/* probe_url.c - see probe_url.h. Blanks and control characters are refused, since a URL becomes part
 * of a request; everything else is sent as it stands. */
#include "app/probe_url.h"

#include "base/text.h"

#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#define PORT_HTTP 80

static enum err fail(const char **why, const char *text)
{
    *why = text;
    return ERR_BAD_VALUE;
}

static enum err scheme_cut(const char **text, struct probe_url *out, const char **why)
{
    if (strncasecmp(*text, "udp://", 6) == 0) {
        out->udp = true;
        *text += 6;
        return ERR_OK;
    }
    if (strncasecmp(*text, "http://", 7) == 0) {
        *text += 7;
        return ERR_OK;
    }
    if (strncasecmp(*text, "https://", 8) == 0) return fail(why, "https:// is not supported yet");
    if (strncasecmp(*text, "ws://", 5) == 0 || strncasecmp(*text, "wss://", 6) == 0)
        return fail(why, "WebTorrent (ws://, wss://) is not supported yet");
    return fail(why, "a URL begins with udp:// or http://");
}

static enum err port_parse(struct view digits, struct probe_url *out, const char **why)
{
    uint64_t port;
    if (digits.len > 5 || text_u64(digits, &port) != ERR_OK || port == 0 || port > UINT16_MAX)
        return fail(why, "the port must be 1..65535");
    out->port = (uint16_t)port;
    return ERR_OK;
}

/* "host:port" */
static enum err authority_parse(struct view v, struct probe_url *out, const char **why)
{
    struct view host = v, rest = {0};
    if (v.len && memchr(v.ptr, '@', v.len)) return fail(why, "a user in a URL is not supported");
    bool bracketed = v.len && v.ptr[0] == '[';
    const uint8_t *end = v.len ? memchr(v.ptr, bracketed ? ']' : ':', v.len) : NULL;
    if (bracketed && !end) return fail(why, "the bracket of the address is not closed");
    if (end) {
        size_t at = (size_t)(end - v.ptr);
        host = bracketed ? view_of(v.ptr + 1, at - 1) : view_of(v.ptr, at);
        rest = view_from(v, bracketed ? at + 1 : at);
    }
    if (host.len == 0 || host.len >= sizeof out->host)
        return fail(why, "no host, or a too long one");
    memcpy(out->host, host.ptr, host.len);
    if (rest.len && rest.ptr[0] != ':')
        return fail(why, "a colon and a port may follow the address");
    if (rest.len) return port_parse(view_from(rest, 1), out, why);
    if (out->udp) return fail(why, "a udp:// URL needs a port");
    out->port = PORT_HTTP;
    return ERR_OK;
}

static enum err target_parse(const char *text, struct probe_url *out, const char **why)
{
    size_t path = strcspn(text, "?#"), query = 0;
    if (text[path] == '?') query = strcspn(text + path + 1, "#");
    if (path >= sizeof out->path || query >= sizeof out->query)
        return fail(why, "the URL is too long");
    memcpy(out->path, text, path);
    if (query) memcpy(out->query, text + path + 1, query);
    bool has_path = path > 1;
    if (!has_path && out->udp) out->path[0] = '\0';
    else if (!has_path) snprintf(out->path, sizeof out->path, "/announce");
    return ERR_OK;
}

enum err probe_url_parse(const char *text, struct probe_url *out, const char **why)
{
    *out = (struct probe_url){0};
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c == 0x7f) return fail(why, "a blank or a character that is not ASCII");
    enum err err = scheme_cut(&text, out, why);
    if (err != ERR_OK) return err;
    size_t authority = strcspn(text, "/?#");
    err = authority_parse(view_of(text, authority), out, why);
    return err == ERR_OK ? target_parse(text + authority, out, why) : err;
}

void probe_url_authority(const struct probe_url *u, char out[URL_AUTHORITY_BYTES_MAX])
{
    bool v6 = strchr(u->host, ':');
    int n = snprintf(out, URL_AUTHORITY_BYTES_MAX, "%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
    if (u->port != PORT_HTTP && n < URL_AUTHORITY_BYTES_MAX)
        snprintf(out + n, URL_AUTHORITY_BYTES_MAX - (size_t)n, ":%u", u->port);
}

bool probe_url_scrape_path(const struct probe_url *u, char out[URL_PATH_BYTES_MAX])
{
    static const char ANNOUNCE[] = "announce";
    const char *last = strrchr(u->path, '/');
    if (!last || strncmp(last + 1, ANNOUNCE, sizeof ANNOUNCE - 1) != 0) return false;
    snprintf(out, URL_PATH_BYTES_MAX, "%.*s/scrape%s", (int)(last - u->path), u->path,
             last + 1 + sizeof ANNOUNCE - 1);
    return true;
}

enum err info_hash_parse(const char *text, struct info_hash *out)
{
    size_t len;
    struct info_hash h;
    if (strlen(text) != 2 * INFO_HASH_BYTES ||
        sodium_hex2bin(h.bytes, sizeof h.bytes, text, 2 * INFO_HASH_BYTES, NULL, &len, NULL) != 0 ||
        len != INFO_HASH_BYTES)
        return ERR_INVALID_INFO_HASH;
    *out = h;
    return ERR_OK;
}

void info_hash_print(const struct info_hash *h, char out[INFO_HASH_TEXT_BYTES])
{
    sodium_bin2hex(out, INFO_HASH_TEXT_BYTES, h->bytes, sizeof h->bytes);
}
