/* ip_list.c - see ip_list.h.
 *
 * Telling the forms apart   a range or prefix at the beginning is no name. Then P2P is looked for, from
 *                           the end: there the addresses come last and the name in front may hold
 *                           anything, colons and dashes and an address included. What is left begins with
 *                           one address.
 * Comments                  eMule and qBittorrent skip '#' and '//' in P2P lists, too, Transmission
 *                           knows no comments there; a range that somebody took out looks the same as a
 *                           name that begins so. Skipping is what most do; the reader counts and
 *                           tells. None of them knows ';'.
 * Zeros                     192.000.002.001 is decimal in every list there is, whatever inet_aton
 *                           thinks, so they are taken off before the strict parser sees it. */
#include "proto/ip_list.h"

#include "base/text.h"
#include "proto/address_text.h"

#define PREFIX_TEXT_BYTES_MAX (ADDRESS_TEXT_BYTES_MAX + 4)

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* A copy in `room`, which is as long, without the zeros that pad the numbers of an IPv4 address. */
static struct view without_zeros(struct view text, char *room)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool begins = i == 0 || text.ptr[i - 1] == '.';
        while (begins && i + 1 < text.len && text.ptr[i] == '0' && is_digit(text.ptr[i + 1]))
            i++;
        room[n++] = (char)text.ptr[i];
    }
    return view_of(room, n);
}

static bool address_read(struct view text, struct address *out)
{
    char room[ADDRESS_TEXT_BYTES_MAX];
    if (text.len == 0 || text.len >= sizeof room) return false;
    if (!memchr(text.ptr, ':', text.len)) text = without_zeros(text, room);
    return address_parse(text, out) == ERR_OK;
}

static size_t address_chars(struct view text)
{
    size_t n = 0;
    while (n < text.len && memchr("0123456789abcdefABCDEF.:", text.ptr[n], 24))
        n++;
    return n;
}

static bool take_address(struct view *rest, struct address *out)
{
    size_t n = address_chars(*rest);
    if (!address_read(view_of(rest->ptr, n), out)) return false;
    *rest = view_from(*rest, n);
    return true;
}

static const char *range_check(const struct ip_entry *e)
{
    if (e->first.family != e->last.family) return "a range from IPv4 to IPv6, or back";
    bool is_fine = memcmp(e->first.ip, e->last.ip, ADDRESS_BYTES(e->first.family)) <= 0;
    return is_fine ? NULL : "the range ends before it begins";
}

/* ---- name:first-last ---- */

/* Is this the first address, or a name, a colon and the first address? */
static bool p2p_first(struct view left, struct ip_entry *out)
{
    if (address_read(left, &out->first)) return true;
    for (size_t i = 0; i < left.len; i++) {
        if (left.ptr[i] != ':') continue;
        if (!address_read(view_trim(view_from(left, i + 1)), &out->first)) continue;
        out->reason = view_trim(view_of(left.ptr, i));
        return true;
    }
    return false;
}

static bool p2p_read(struct view text, struct ip_entry *out)
{
    const uint8_t *dash = memrchr(text.ptr, '-', text.len);
    if (!dash) return false;
    size_t at = (size_t)(dash - text.ptr);
    return address_read(view_trim(view_from(text, at + 1)), &out->last) &&
           p2p_first(view_trim(view_of(text.ptr, at)), out);
}

/* ---- what begins with an address ---- */

static const char *take_prefix(struct view *rest, struct view text, struct ip_entry *out)
{
    struct prefix prefix;
    char room[PREFIX_TEXT_BYTES_MAX];
    size_t n = (size_t)(rest->ptr - text.ptr) + 1;
    while (n < text.len && is_digit(text.ptr[n]))
        n++;
    struct view whole = view_of(text.ptr, n);
    if (n > sizeof room) return "the length behind the slash is none";
    if (!memchr(whole.ptr, ':', n)) whole = without_zeros(whole, room);
    enum err err = prefix_parse(whole, &prefix);
    if (err == ERR_BAD_VALUE) return "the bits behind the prefix are not zero";
    if (err != ERR_OK) return "the length behind the slash is none";
    out->first = out->last = prefix.address;
    for (unsigned bit = prefix.bits; bit < 8 * ADDRESS_BYTES(prefix.address.family); bit++)
        out->last.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    *rest = view_from(text, n);
    return NULL;
}

static struct view skip_blanks(struct view v)
{
    while (v.len && (v.ptr[0] == ' ' || v.ptr[0] == '\t'))
        v = view_from(v, 1);
    return v;
}

static const char *take_range(struct view *rest, struct ip_entry *out)
{
    struct view behind = skip_blanks(*rest);
    out->last = out->first;
    if (behind.len == 0 || behind.ptr[0] != '-') return NULL;
    behind = skip_blanks(view_from(behind, 1));
    if (!take_address(&behind, &out->last)) return "no address behind the dash";
    *rest = behind;
    return NULL;
}

/* ", 100 , reason": false where the level lets the range pass. */
static bool take_level(struct view *rest)
{
    struct view text = view_trim(*rest);
    uint64_t level;
    if (text.len == 0 || text.ptr[0] != ',') return true;
    text = view_from(text, 1);
    const uint8_t *comma = text.len ? memchr(text.ptr, ',', text.len) : NULL;
    size_t n = comma ? (size_t)(comma - text.ptr) : text.len;
    if (text_u64(view_trim(view_of(text.ptr, n)), &level) != ERR_OK) return true;
    *rest = view_from(text, n);
    return level <= IP_LIST_LEVEL_MAX;
}

static const char *address_first(struct view text, struct ip_entry *out)
{
    struct view rest = text;
    if (!take_address(&rest, &out->first)) return "no address at the beginning of the line";
    bool has_slash = rest.len && rest.ptr[0] == '/';
    const char *why = has_slash ? take_prefix(&rest, text, out) : take_range(&rest, out);
    if (why) return why;
    if (!list_line_key_ends(rest)) return "something is glued to the address";
    out->is_entry = take_level(&rest);
    out->reason = list_line_reason(rest);
    return NULL;
}

/* Does it begin with a range or a prefix, and not with a name that begins so? */
static bool range_first(struct view text)
{
    struct ip_entry e;
    struct view rest = text;
    if (!take_address(&rest, &e.first)) return false;
    size_t left = rest.len;
    bool has_slash = left && rest.ptr[0] == '/';
    const char *why = has_slash ? take_prefix(&rest, text, &e) : take_range(&rest, &e);
    return !why && rest.len < left && list_line_key_ends(rest);
}

static bool is_p2p(struct view text, struct ip_entry *out)
{
    return p2p_read(text, out) && !range_check(out);
}

/* True: nothing more is to be said of the line. */
static bool comment_read(struct view bare, struct ip_entry *out)
{
    if (bare.len == 0) return true;
    if (!list_line_is_comment(bare)) return false;
    bool has_range = is_p2p(bare, out);
    out->is_entry = has_range && bare.ptr[0] == ';';
    out->hides_range = has_range && !out->is_entry;
    return true;
}

const char *ip_list_line(struct view line, struct ip_entry *out)
{
    struct view text = list_line_bare(line);
    *out = (struct ip_entry){.is_entry = false};
    if (comment_read(text, out)) return NULL;
    out->is_entry = true;
    bool has_name = !range_first(text) && p2p_read(text, out);
    const char *why = has_name ? NULL : address_first(text, out);
    return why ? why : range_check(out);
}
