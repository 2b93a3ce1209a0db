/* address_text.c - addresses, prefixes and forwarding headers as text.
 *
 * Literals   are read and printed by inet_pton and inet_ntop, which are strict enough: four decimal
 *            parts without leading zeros, no zones, no names, no short forms.
 * Forwarded  lists are walked from the right, because a proxy appends what it saw itself and all to
 *            the left of it is the client's invention: nothing there is read, so it costs nothing
 *            and cannot break the part that counts. In RFC 7239 lists quotes may hide commas; going
 *            left, an escaped quote is told by the backslashes before it.
 * Rejected   reading the list from the left and keeping the last untrusted entry: an unbalanced
 *            quote of the client would swallow the entry of the proxy. */
#include "proto/address_text.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

#define PORT_DIGITS_MAX 5
#define BITS_DIGITS_MAX 3
#define MAPPED_BITS     96 /* ::ffff:0:0/96 is where IPv4 lies in IPv6 */

static bool view_find(struct view v, char byte, size_t *at)
{
    const uint8_t *p = v.len ? memchr(v.ptr, byte, v.len) : NULL;
    if (p) *at = (size_t)(p - v.ptr);
    return p != NULL;
}

static bool view_has(struct view v, char byte)
{
    size_t at;
    return view_find(v, byte, &at);
}

/* ---- single addresses ---- */

/* As written: a mapped address is not turned into IPv4 yet. */
static enum err literal_parse(struct view text, struct address *out)
{
    char copy[ADDRESS_TEXT_BYTES_MAX];
    if (text.len == 0 || text.len >= sizeof copy || view_has(text, '\0')) return ERR_BAD_ADDRESS;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    struct address a = {.family = view_has(text, ':') ? FAMILY_V6 : FAMILY_V4};
    if (inet_pton(a.family == FAMILY_V4 ? AF_INET : AF_INET6, copy, a.ip) != 1)
        return ERR_BAD_ADDRESS;
    *out = a;
    return ERR_OK;
}

enum err address_parse(struct view text, struct address *out)
{
    enum err err = literal_parse(text, out);
    if (err == ERR_OK) address_normalize(out);
    return err;
}

static enum err port_parse(struct view text, uint16_t *port)
{
    uint64_t value;
    if (text.len > PORT_DIGITS_MAX || text_u64(text, &value) != ERR_OK || value > UINT16_MAX)
        return ERR_OUT_OF_RANGE;
    *port = (uint16_t)value;
    return ERR_OK;
}

static enum err bracketed_parse(struct view text, struct address *out, uint16_t *port)
{
    size_t close;
    if (!view_find(text, ']', &close)) return ERR_BAD_ADDRESS;
    struct view inner = view_of(text.ptr + 1, close - 1), rest = view_from(text, close + 1);
    struct address a;
    if (!view_has(inner, ':') || address_parse(inner, &a) != ERR_OK) return ERR_BAD_ADDRESS;
    if (rest.len && rest.ptr[0] != ':') return ERR_BAD_ADDRESS;
    enum err err = rest.len ? port_parse(view_from(rest, 1), port) : ERR_OK;
    if (err == ERR_OK) *out = a;
    return err;
}

enum err address_port_parse(struct view text, struct address *out, uint16_t *port)
{
    size_t colon;
    if (text.len && text.ptr[0] == '[') return bracketed_parse(text, out, port);
    if (!view_find(text, ':', &colon) || view_has(view_from(text, colon + 1), ':'))
        return address_parse(text, out);
    struct address a;
    if (address_parse(view_of(text.ptr, colon), &a) != ERR_OK) return ERR_BAD_ADDRESS;
    enum err err = port_parse(view_from(text, colon + 1), port);
    if (err == ERR_OK) *out = a;
    return err;
}

size_t address_print(const struct address *a, char out[ADDRESS_TEXT_BYTES_MAX])
{
    const char *done =
        inet_ntop(a->family == FAMILY_V4 ? AF_INET : AF_INET6, a->ip, out, ADDRESS_TEXT_BYTES_MAX);
    assert(done);
    return strlen(out);
}

const char *endpoint_print(const struct address *a, uint16_t port,
                           char out[ENDPOINT_TEXT_BYTES_MAX])
{
    char text[ADDRESS_TEXT_BYTES_MAX];
    address_print(a, text);
    snprintf(out, ENDPOINT_TEXT_BYTES_MAX, a->family == FAMILY_V6 ? "[%s]:%u" : "%s:%u", text,
             port);
    return out;
}

/* ---- prefixes ---- */

/* Do two addresses agree in their first `bits` bits? */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0) return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool host_bits_are_zero(const struct address *a, unsigned bits)
{
    for (unsigned i = bits; i < ADDRESS_BYTES(a->family) * 8; i++)
        if (a->ip[i / 8] & (0x80u >> (i % 8))) return false;
    return true;
}

enum err prefix_parse(struct view text, struct prefix *out)
{
    size_t slash = text.len;
    bool has_bits = view_find(text, '/', &slash);
    struct address a;
    if (literal_parse(view_of(text.ptr, slash), &a) != ERR_OK) return ERR_BAD_ADDRESS;
    uint64_t bits = ADDRESS_BYTES(a.family) * 8u;
    if (has_bits) {
        struct view digits = view_from(text, slash + 1);
        if (digits.len > BITS_DIGITS_MAX || text_u64(digits, &bits) != ERR_OK)
            return ERR_NOT_A_NUMBER;
        if (bits > ADDRESS_BYTES(a.family) * 8u) return ERR_OUT_OF_RANGE;
        if (!host_bits_are_zero(&a, (unsigned)bits)) return ERR_BAD_VALUE;
    }
    bool was_v6 = a.family == FAMILY_V6;
    address_normalize(&a);
    if (was_v6 && a.family == FAMILY_V4) bits -= MAPPED_BITS; /* its ones lie above bit 96 */
    *out = (struct prefix){.address = a, .bits = (uint8_t)bits};
    return ERR_OK;
}

bool prefix_contains(const struct prefix *p, const struct address *a)
{
    return p->address.family == a->family && bits_equal(p->address.ip, a->ip, p->bits);
}

bool prefixes_contain(const struct prefix *list, size_t count, const struct address *a)
{
    for (size_t i = 0; i < count; i++)
        if (prefix_contains(&list[i], a)) return true;
    return false;
}

/* ---- forwarding headers ---- */

static bool is_escaped(struct view v, size_t at)
{
    size_t backslashes = 0;
    while (backslashes < at && v.ptr[at - 1 - backslashes] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Cut the last comma-separated entry off `rest`; false when it was the only one left. */
static bool entry_cut_last(struct view *rest, bool has_quotes, struct view *entry)
{
    bool quoted = false;
    for (size_t at = rest->len; at-- > 0;) {
        uint8_t byte = rest->ptr[at];
        if (has_quotes && byte == '"' && !is_escaped(*rest, at)) quoted = !quoted;
        if (byte != ',' || quoted) continue;
        *entry = view_trim(view_from(*rest, at + 1));
        rest->len = at;
        return true;
    }
    *entry = view_trim(*rest);
    return false;
}

/* Cut the first ;-separated pair off an entry of RFC 7239. */
static struct view pair_cut_first(struct view *entry)
{
    bool quoted = false;
    size_t at = 0;
    for (; at < entry->len && (quoted || entry->ptr[at] != ';'); at++) {
        if (entry->ptr[at] == '\\' && quoted && at + 1 < entry->len) at++;
        else if (entry->ptr[at] == '"') quoted = !quoted;
    }
    struct view pair = view_trim(view_of(entry->ptr, at));
    *entry = at < entry->len ? view_from(*entry, at + 1) : view_of(entry->ptr + at, 0);
    return pair;
}

/* The value of a `for=` pair: a token or, where it has a colon, a quoted string; IPv6 is bracketed,
 * so that its colons are none of a port's (T63). */
static enum err node_parse(struct view value, struct address *out)
{
    bool quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
    if (quoted) value = view_of(value.ptr + 1, value.len - 2);
    if (value.len == 0) return ERR_BAD_ADDRESS;
    const uint8_t *first_colon = memchr(value.ptr, ':', value.len);
    const uint8_t *last_colon = memrchr(value.ptr, ':', value.len);
    if (first_colon && !quoted) return ERR_BAD_ADDRESS;
    if (value.ptr[0] != '[' && first_colon != last_colon) return ERR_BAD_ADDRESS;
    uint16_t port; /* of the client's connection to the proxy, not the peer's (T64) */
    return address_port_parse(value, out, &port);
}

static enum err forwarded_entry_parse(struct view entry, struct address *out)
{
    bool found = false;
    while (entry.len) {
        struct view pair = pair_cut_first(&entry);
        size_t equals;
        if (!view_find(pair, '=', &equals) ||
            !view_equal_nocase(view_of(pair.ptr, equals), VIEW("for")))
            continue;
        if (found || node_parse(view_from(pair, equals + 1), out) != ERR_OK) return ERR_BAD_ADDRESS;
        found = true;
    }
    return found ? ERR_OK : ERR_BAD_ADDRESS;
}

static enum err entry_parse(struct view entry, bool is_forwarded, struct address *out)
{
    uint16_t port;
    return is_forwarded ? forwarded_entry_parse(entry, out) : address_port_parse(entry, out, &port);
}

enum err forwarded_client(const struct view *values, size_t count, bool is_forwarded,
                          const struct prefix *trusted, size_t trusted_count, struct address *out)
{
    while (count-- > 0) {
        struct view rest = values[count], entry;
        bool more;
        do {
            more = entry_cut_last(&rest, is_forwarded, &entry);
            struct address a;
            if (entry_parse(entry, is_forwarded, &a) != ERR_OK) return ERR_BAD_ADDRESS;
            if (prefixes_contain(trusted, trusted_count, &a)) continue;
            *out = a;
            return ERR_OK;
        } while (more);
    }
    return ERR_BAD_ADDRESS;
}
