/* hash_list.c - see hash_list.h. */
#include "proto/hash_list.h"

#define HEX_V1 (2 * INFO_HASH_BYTES)
#define HEX_V2 64
#define BASE32 (INFO_HASH_BYTES * 8 / 5)

static int hex_value(uint8_t c)
{
    c = ascii_lower(c);
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4648 */
static int base32_value(uint8_t c)
{
    c = ascii_lower(c);
    if (c >= 'a' && c <= 'z') return c - 'a';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

/* Digits of `bits` bits each; those behind the 20th byte are checked only. */
static bool take_digits(struct view digits, int (*value_of)(uint8_t), unsigned bits,
                        struct info_hash *out)
{
    uint32_t held = 0, held_bits = 0;
    size_t at = 0;
    for (size_t i = 0; i < digits.len; i++) {
        int value = value_of(digits.ptr[i]);
        if (value < 0) return false;
        held = held << bits | (uint32_t)value;
        held_bits += bits;
        if (held_bits < 8) continue;
        held_bits -= 8;
        if (at < INFO_HASH_BYTES) out->bytes[at++] = (uint8_t)(held >> held_bits);
    }
    return true;
}

static size_t word_bytes(struct view text)
{
    size_t n = 0;
    while (n < text.len && !list_line_key_ends(view_from(text, n)))
        n++;
    return n;
}

const char *hash_list_line(struct view line, struct hash_entry *out)
{
    struct view text = list_line_content(line);
    *out = (struct hash_entry){.is_entry = text.len > 0};
    if (text.len == 0) return NULL;
    size_t n = word_bytes(text);
    struct view digits = view_of(text.ptr, n);
    bool is_hex = n == HEX_V1 || n == HEX_V2, is_fine = false;
    if (is_hex) is_fine = take_digits(digits, hex_value, 4, &out->info_hash);
    else if (n == BASE32) is_fine = take_digits(digits, base32_value, 5, &out->info_hash);
    if (!is_fine) return "an info hash has 40 or 64 hexadecimal digits, or 32 of base32";
    out->reason = list_line_reason(view_from(text, n));
    return NULL;
}
