/* text.c - see text.h. */
#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define DIGITS_MAX 20

static size_t digit_count(struct view v)
{
    size_t n = 0;
    while (n < v.len && v.ptr[n] >= '0' && v.ptr[n] <= '9')
        n++;
    return n;
}

enum err text_u64(struct view v, uint64_t *out)
{
    if (v.len == 0 || v.len > DIGITS_MAX) return ERR_NOT_A_NUMBER;
    uint64_t value = 0, above = 0;
    for (size_t i = 0; i < v.len; i++) {
        unsigned digit = v.ptr[i] - (unsigned)'0';
        if (digit > 9) return ERR_NOT_A_NUMBER;
        above = value; /* all but the last digit */
        value = value * 10 + digit;
    }
    bool is_over = v.len == DIGITS_MAX && value / 10 != above; /* by the last digit */
    *out = is_over ? UINT64_MAX : value;
    return ERR_OK;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit SIZES[] = {
    {"", 1},           {"B", 1},          {"K", 1u << 10},    {"KB", 1u << 10},   {"KiB", 1u << 10},
    {"M", 1u << 20},   {"MB", 1u << 20},  {"MiB", 1u << 20},  {"G", 1u << 30},    {"GB", 1u << 30},
    {"GiB", 1u << 30}, {"T", 1ull << 40}, {"TB", 1ull << 40}, {"TiB", 1ull << 40}};

static const struct unit DURATIONS[] = {
    {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static enum err with_unit(struct view v, const struct unit *units, size_t count, uint64_t *out)
{
    size_t digits = digit_count(v);
    uint64_t value;
    enum err err = text_u64(view_of(v.ptr, digits), &value);
    if (err != ERR_OK) return err;
    struct view name = view_from(v, digits);
    for (size_t i = 0; i < count; i++) {
        if (!view_equal(name, view_of_text(units[i].name))) continue;
        if (__builtin_mul_overflow(value, units[i].factor, out)) return ERR_OUT_OF_RANGE;
        return ERR_OK;
    }
    return ERR_BAD_UNIT;
}

enum err text_bytes(struct view v, uint64_t *out)
{
    return with_unit(v, SIZES, sizeof SIZES / sizeof *SIZES, out);
}

enum err text_duration_ms(struct view v, uint64_t *out)
{
    return with_unit(v, DURATIONS, sizeof DURATIONS / sizeof *DURATIONS, out);
}

/* No strtod(): it obeys the locale, where the point may be a comma. */
enum err text_fraction(struct view v, double *out)
{
    size_t whole_digits = digit_count(v);
    struct view whole = view_of(v.ptr, whole_digits);
    bool has_point = whole_digits < v.len && v.ptr[whole_digits] == '.';
    size_t parts_at = whole_digits + (has_point ? 1 : 0);
    struct view part = view_from(v, parts_at);
    uint64_t units = 0, fraction = 0;
    if (whole.len == 0 && part.len == 0) return ERR_NOT_A_NUMBER;
    if (whole.len && text_u64(whole, &units) != ERR_OK) return ERR_NOT_A_NUMBER;
    if (part.len && (part.len >= DIGITS_MAX || text_u64(part, &fraction) != ERR_OK))
        return ERR_NOT_A_NUMBER;
    double scale = 1;
    for (size_t i = 0; i < part.len; i++)
        scale *= 10;
    *out = (double)units + (double)fraction / scale;
    return ERR_OK;
}

void text_print_bytes(char *out, uint64_t bytes)
{
    static const char UNITS[] = {'T', 'G', 'M', 'K'};
    for (int i = 0; i < 4; i++) {
        uint64_t factor = 1ull << (40 - 10 * i);
        if (bytes && bytes % factor == 0) {
            snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "%c", bytes / factor, UNITS[i]);
            return;
        }
    }
    snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64, bytes);
}

void text_print_duration(char *out, uint64_t ms)
{
    if (ms % 1000) snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "ms", ms);
    else if (ms && ms % 86400000 == 0)
        snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "d", ms / 86400000);
    else if (ms && ms % 3600000 == 0)
        snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "h", ms / 3600000);
    else if (ms && ms % 60000 == 0)
        snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "m", ms / 60000);
    else snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64 "s", ms / 1000);
}

size_t text_print_grouped(char *out, uint64_t value, const char *separator)
{
    char digits[DIGITS_MAX + 1];
    size_t count = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value), columns = 0;
    size_t separator_bytes = strlen(separator);
    assert(separator_bytes <= TEXT_SEPARATOR_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[i];
        columns++;
        size_t left = count - 1 - i;
        if (!separator_bytes || left == 0 || left % 3) continue;
        memcpy(out, separator, separator_bytes);
        out += separator_bytes;
        columns++;
    }
    *out = '\0';
    return columns;
}
