/* client_rule.c - see client_rule.h.
 *
 * No table of clients   what a version looks like differs by client and changes; a table would be
 *                       wrong in silence. The characters of the peer id are what an operator sees
 *                       on the pages, so they are what the list says. */
#include "proto/client_rule.h"

#define VERSION_LOWEST  0
#define VERSION_HIGHEST UINT32_MAX

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* 0 to 61; -1: no character of a version. */
static int version_value(uint8_t c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
    return c >= 'a' && c <= 'z' ? c - 'a' + 36 : -1;
}

static int hex_value(uint8_t c)
{
    int value = version_value(ascii_lower(c));
    if (value >= 36 && value <= 41) return value - 26;
    return value <= 9 ? value : -1;
}

static size_t word_bytes(struct view text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] != ' ' && text.ptr[n] != '\t')
        n++;
    return n;
}

static const char *read_prefix(struct view word, struct client_rule *out)
{
    for (size_t i = 0; i < word.len; i++) {
        uint8_t c = word.ptr[i];
        if (out->prefix_bytes == CLIENT_PREFIX_BYTES_MAX) return "the prefix is too long";
        if (c == '%') {
            int high = i + 2 < word.len ? hex_value(word.ptr[i + 1]) : -1;
            int low = i + 2 < word.len ? hex_value(word.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) return "no two hexadecimal digits behind %";
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        out->prefix[out->prefix_bytes++] = c;
    }
    return NULL;
}

/* The characters up to a dash or the end; `rest` is what missing ones count. */
static bool take_version(struct view *text, uint8_t rest, uint32_t *out)
{
    unsigned count = 0;
    *out = 0;
    while (text->len && text->ptr[0] != '-') {
        uint8_t c = text->ptr[0];
        *text = view_from(*text, 1);
        if (c == '.') continue;
        int value = version_value(c);
        if (value < 0 || count++ == CLIENT_VERSION_CHARS_MAX) return false;
        *out = *out << 8 | (uint32_t)value;
    }
    for (; count < CLIENT_VERSION_CHARS_MAX; count++)
        *out = *out << 8 | rest;
    return true;
}

static const char *read_versions(struct view word, struct client_rule *out)
{
    static const char WHY[] = "versions are FROM-TO, FROM-, -TO, one, or *";
    struct view first = word;
    if (!take_version(&word, 0, &out->first)) return WHY;
    bool is_range = word.len > 0;
    if (is_range) word = view_from(word, 1);
    else word = first; /* one version is from it to itself */
    if (!take_version(&word, UINT8_MAX, &out->last) || word.len) return WHY;
    return out->first <= out->last ? NULL : "the versions end before they begin";
}

static bool looks_like_versions(struct view word)
{
    if (word.len == 0) return false;
    return is_digit(word.ptr[0]) || (word.len > 1 && word.ptr[0] == '-' && is_digit(word.ptr[1]));
}

const char *client_rule_line(struct view line, struct client_entry *out)
{
    struct view text = list_line_content(line);
    *out = (struct client_entry){.is_entry = text.len > 0,
                                 .rule = {.first = VERSION_LOWEST, .last = VERSION_HIGHEST}};
    if (text.len == 0) return NULL;
    struct view prefix = view_of(text.ptr, word_bytes(text));
    const char *why = read_prefix(prefix, &out->rule);
    if (why) return why;
    text = view_trim(view_from(text, prefix.len));
    struct view versions = view_of(text.ptr, word_bytes(text));
    bool is_every = view_equal(versions, VIEW("*"));
    if (looks_like_versions(versions)) why = read_versions(versions, &out->rule);
    else if (!is_every) versions.len = 0;
    out->reason = list_line_reason(view_from(text, versions.len));
    return why;
}

/* What stands behind the prefix. Where the prefix does not begin with a dash, dashes may stand between
 * the characters (M7-2-1--); else a dash is the end. */
static uint32_t version_of(const struct client_rule *r, const struct peer_id *id)
{
    uint32_t version = 0;
    unsigned count = 0;
    bool skips = r->prefix_bytes && r->prefix[0] != '-', ended = false;
    for (size_t i = r->prefix_bytes; i < PEER_ID_BYTES && count < CLIENT_VERSION_CHARS_MAX; i++) {
        int value = ended ? -1 : version_value(id->bytes[i]);
        if (value < 0 && skips && id->bytes[i] == '-') continue;
        ended = value < 0;
        version = version << 8 | (uint32_t)(ended ? 0 : value);
        count++;
    }
    for (; count < CLIENT_VERSION_CHARS_MAX; count++)
        version <<= 8;
    return version;
}

bool client_rule_matches(const struct client_rule *r, const struct peer_id *id)
{
    if (memcmp(id->bytes, r->prefix, r->prefix_bytes) != 0) return false;
    if (r->first == VERSION_LOWEST && r->last == VERSION_HIGHEST) return true;
    uint32_t version = version_of(r, id);
    return version >= r->first && version <= r->last;
}
