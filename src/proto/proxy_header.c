/* proxy_header.c - the PROXY protocol, versions 1 and 2.
 *
 *   v1   "PROXY TCP4 198.51.100.7 203.0.113.1 51413 6969\r\n", at most 107 bytes
 *   v2   0            12        13       14      16
 *        | signature  | 2|cmd   | fam|pr | len   | source, destination, ports, TLVs: len bytes
 *
 * Idea      the header stays in the caller's buffer until it is whole; each call reads it from the
 *           start. It comes in one segment in practice, so remembering a state would buy nothing.
 * Refusal   as early as the bytes allow: the first byte that fits neither version ends it, and so
 *           does a length that could never be believed. The deadline is the caller's (T76).
 * Skipped   TLVs, a CRC32C among them (T73): they are the trusted proxy's remarks to itself. */
#include "proto/proxy_header.h"

#include "base/text.h"
#include "proto/address_text.h"

#define BAD  (-1)
#define MORE 0

#define V1_BYTES_MAX       107 /* with CRLF */
#define V1_PORT_DIGITS_MAX 5
#define V2_HEAD_BYTES      16
#define V2_UNIX_BYTES      216

static const uint8_t V2_SIGNATURE[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                         0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static bool starts_alike(struct view bytes, struct view pattern)
{
    size_t n = bytes.len < pattern.len ? bytes.len : pattern.len;
    return n == 0 || memcmp(bytes.ptr, pattern.ptr, n) == 0;
}

/* ---- version 1 ---- */

static struct view word_cut(struct view *line)
{
    const uint8_t *space = line->len ? memchr(line->ptr, ' ', line->len) : NULL;
    size_t n = space ? (size_t)(space - line->ptr) : line->len;
    struct view word = view_of(line->ptr, n);
    size_t taken = space ? n + 1 : n;
    *line = view_of(line->ptr + taken, line->len - taken);
    return word;
}

static bool v1_address(struct view word, bool v6, struct address *out)
{
    bool is_v6_text = word.len && memchr(word.ptr, ':', word.len) != NULL;
    return is_v6_text == v6 && address_parse(word, out) == ERR_OK;
}

static bool v1_port(struct view word)
{
    uint64_t port;
    if (word.len > V1_PORT_DIGITS_MAX || text_u64(word, &port) != ERR_OK) return false;
    return port <= UINT16_MAX && (word.len == 1 || word.ptr[0] != '0');
}

/* The line without "PROXY " and CRLF. */
static bool v1_line(struct view line, struct proxy_header *out)
{
    struct view protocol = word_cut(&line);
    if (view_equal(protocol, VIEW("UNKNOWN"))) {
        *out = (struct proxy_header){.is_local = true};
        return true;
    }
    bool v6 = view_equal(protocol, VIEW("TCP6"));
    if (!v6 && !view_equal(protocol, VIEW("TCP4"))) return false;
    struct view source = word_cut(&line), destination = word_cut(&line);
    struct view source_port = word_cut(&line), destination_port = line;
    struct proxy_header h = {.is_local = false};
    struct address unused;
    if (!v1_address(source, v6, &h.source) || !v1_address(destination, v6, &unused)) return false;
    if (!v1_port(source_port) || !v1_port(destination_port)) return false;
    *out = h;
    return true;
}

static int v1_parse(struct view bytes, struct proxy_header *out)
{
    size_t prefix = sizeof "PROXY " - 1;
    size_t limit = bytes.len < V1_BYTES_MAX ? bytes.len : V1_BYTES_MAX;
    for (size_t at = prefix; at < limit; at++) {
        if (bytes.ptr[at] == '\n') return BAD;
        if (bytes.ptr[at] != '\r') continue;
        if (at + 1 == limit) break;
        if (bytes.ptr[at + 1] != '\n') return BAD;
        return v1_line(view_of(bytes.ptr + prefix, at - prefix), out) ? (int)(at + 2) : BAD;
    }
    return limit < V1_BYTES_MAX ? MORE : BAD;
}

/* ---- version 2 ---- */

struct v2_family {
    uint8_t code; /* address family, transport */
    bool stream, datagram;
    uint16_t bytes;   /* of the addresses and ports */
    uint8_t ip_bytes; /* 0: a source without an IP address */
};

static const struct v2_family V2_FAMILIES[] = {
    {0x00, true, true, 0, 0},    {0x11, true, false, 12, 4},  {0x12, false, true, 12, 4},
    {0x21, true, false, 36, 16}, {0x22, false, true, 36, 16}, {0x31, true, false, V2_UNIX_BYTES, 0},
};

static const struct v2_family *v2_family_find(uint8_t code, bool datagram)
{
    for (size_t i = 0; i < sizeof V2_FAMILIES / sizeof *V2_FAMILIES; i++) {
        const struct v2_family *f = &V2_FAMILIES[i];
        if (f->code == code) return (datagram ? f->datagram : f->stream) ? f : NULL;
    }
    return NULL;
}

/* Fill `out` from the address block; LOCAL says nothing about any address (T75). */
static bool v2_source(bool local, uint8_t code, struct view block, bool datagram,
                      struct proxy_header *out)
{
    struct proxy_header h = {.is_local = true};
    if (!local) {
        const struct v2_family *f = v2_family_find(code, datagram);
        if (!f || block.len < f->bytes) return false;
        h.is_local = f->ip_bytes == 0;
        h.source.family = f->ip_bytes == 16 ? FAMILY_V6 : FAMILY_V4;
        memcpy(h.source.ip, block.ptr, f->ip_bytes);
        address_normalize(&h.source);
    }
    *out = h;
    return true;
}

static int v2_parse(struct view bytes, bool datagram, struct proxy_header *out)
{
    struct cursor c = cursor_of(bytes.ptr, bytes.len);
    cursor_take(&c, sizeof V2_SIGNATURE);
    uint8_t command = cursor_u8(&c);
    if (c.short_read) return MORE;
    if (command != 0x20 && command != 0x21) return BAD;
    uint8_t code = cursor_u8(&c);
    size_t block_bytes = cursor_u16be(&c);
    if (c.short_read) return MORE;
    if (V2_HEAD_BYTES + block_bytes > PROXY_HEADER_BYTES_MAX) return BAD;
    const uint8_t *block = cursor_take(&c, block_bytes);
    if (c.short_read) return MORE;
    if (!v2_source(command == 0x20, code, view_of(block, block_bytes), datagram, out)) return BAD;
    return (int)(V2_HEAD_BYTES + block_bytes);
}

int proxy_header_parse(struct view bytes, bool datagram, struct proxy_header *out)
{
    struct view v1 = VIEW("PROXY "), v2 = view_of(V2_SIGNATURE, sizeof V2_SIGNATURE);
    int used = BAD;
    if (starts_alike(bytes, v2)) used = v2_parse(bytes, datagram, out);
    else if (!datagram && starts_alike(bytes, v1))
        used = bytes.len < v1.len ? MORE : v1_parse(bytes, out);
    return datagram && used == MORE ? BAD : used;
}
