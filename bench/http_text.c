/* http_text.c - see http_text.h. Requests look like those of libtorrent: the same parameters in
 * the same order, unreserved bytes of hashes left as they are. */
#include "bench/http_text.h"

#include "base/text.h"

#include <strings.h>

static bool is_unreserved(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void put_escaped(struct writer *w, const uint8_t *bytes, size_t len)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        if (is_unreserved(bytes[i])) {
            writer_u8(w, bytes[i]);
            continue;
        }
        uint8_t escape[3] = {'%', (uint8_t)HEX[bytes[i] >> 4], (uint8_t)HEX[bytes[i] & 15]};
        writer_put(w, escape, sizeof escape);
    }
}

static void put_text(struct writer *w, const char *text)
{
    writer_put(w, text, strlen(text));
}

static const char *event_text(enum ask kind)
{
    switch (kind) {
    case ASK_STARTED: return "&event=started";
    case ASK_STOPPED: return "&event=stopped";
    case ASK_COMPLETED: return "&event=completed";
    default: return "";
    }
}

static void put_announce(const struct bench *b, const struct request *r, struct writer *w)
{
    struct world_peer peer = world_peer(&b->world, r->item);
    struct info_hash hash;
    struct peer_id id;
    world_info_hash(&b->world, peer.torrent, &hash);
    world_peer_id(&b->world, r->item, &id);
    put_text(w, b->opts->path);
    writer_literal(w, "?info_hash=");
    put_escaped(w, hash.bytes, sizeof hash.bytes);
    writer_literal(w, "&peer_id=");
    put_escaped(w, id.bytes, sizeof id.bytes);
    writer_literal(w, "&port=");
    writer_decimal(w, peer.port);
    writer_literal(w, "&uploaded=0&downloaded=0&left=");
    writer_decimal(w, peer.is_seeder || r->kind == ASK_COMPLETED ? 0 : 1u << 30);
    writer_literal(w, "&corrupt=0&key=");
    writer_decimal(w, 10000000 + r->item % 90000000);
    put_text(w, event_text(r->kind));
    writer_literal(w, "&numwant=");
    writer_decimal(w, b->opts->numwant);
    writer_literal(w, "&compact=1&no_peer_id=1&supportcrypto=1&redundant=0");
}

/* The announce path with its last "announce" made "scrape" (BEP 48). */
static void put_scrape(const struct bench *b, const struct request *r, struct writer *w)
{
    const char *path = b->opts->path, *last = NULL;
    for (const char *at = path; (at = strstr(at, "announce")); at++)
        last = at;
    if (last) {
        writer_put(w, path, (size_t)(last - path));
        writer_literal(w, "scrape");
        put_text(w, last + strlen("announce"));
    } else {
        put_text(w, path);
    }
    for (uint32_t i = 0; i < b->opts->scrape_hashes; i++) {
        struct info_hash hash;
        world_info_hash(&b->world, plan_scrape_torrent(&b->plan, r, i), &hash);
        put_text(w, i ? "&info_hash=" : "?info_hash=");
        put_escaped(w, hash.bytes, sizeof hash.bytes);
    }
}

void http_text_request(const struct bench *b, const struct request *r, struct writer *w)
{
    writer_literal(w, "GET ");
    if (r->kind == ASK_SCRAPE) put_scrape(b, r, w);
    else put_announce(b, r, w);
    writer_literal(w, " HTTP/1.1\r\nHost: tracker.test\r\nUser-Agent: muster-bench\r\n"
                      "Accept-Encoding: gzip\r\n");
    if (b->opts->close) writer_literal(w, "Connection: close\r\n\r\n");
    else writer_literal(w, "\r\n");
}

/* ---- answers ---- */

static bool name_is(struct view name, const char *wanted)
{
    return name.len == strlen(wanted) && strncasecmp((const char *)name.ptr, wanted, name.len) == 0;
}

static bool line_read(struct view line, struct http_head *out)
{
    const uint8_t *colon = memchr(line.ptr, ':', line.len);
    if (!colon) return false;
    struct view name = view_of(line.ptr, (size_t)(colon - line.ptr));
    struct view value = view_of(colon + 1, line.len - name.len - 1);
    while (value.len && value.ptr[0] == ' ')
        value = view_of(value.ptr + 1, value.len - 1);
    if (name_is(name, "Content-Length")) {
        out->has_length = true;
        return text_u64(value, &out->body_bytes) == ERR_OK;
    }
    if (name_is(name, "Content-Encoding")) out->is_encoded = !name_is(value, "identity");
    if (name_is(name, "Transfer-Encoding")) out->is_framed = true;
    if (name_is(name, "Connection")) out->closes = name_is(value, "close");
    return true;
}

int http_text_head(struct view bytes, struct http_head *out)
{
    const uint8_t *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);
    if (!end) return 0;
    struct view head = view_of(bytes.ptr, (size_t)(end - bytes.ptr) + 2);
    uint64_t status;
    if (head.len < 14 || memcmp(head.ptr, "HTTP/1.", 7) != 0) return -1;
    if (text_u64(view_of(head.ptr + 9, 3), &status) != ERR_OK) return -1;
    *out = (struct http_head){.status = (int)status, .closes = head.ptr[7] == '0'};
    const uint8_t *line = (const uint8_t *)memchr(head.ptr, '\n', head.len) + 1;
    while (line < end) {
        const uint8_t *next = memchr(line, '\r', (size_t)(head.ptr + head.len - line));
        if (!next || !line_read(view_of(line, (size_t)(next - line)), out)) return -1;
        line = next + 2;
    }
    return (int)head.len + 2;
}
