/* options_value.c - one option: finding its row, text to field, field to text.
 *
 * Fields are reached by offset and width, so that a module's struct needs nothing but the field.
 * Errors name the option as the operator wrote it, the value, and what would be right. */
#include "app/options.h"

#include "app/options_list.h"
#include "base/text.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>

/* ---- finding ---- */

/* A byte of a typed name as the rows spell it: '-' and '_' are the same. */
static char underscored(uint8_t typed)
{
    return (char)(typed == '-' ? '_' : typed);
}

static bool name_equal(struct view typed, const char *name)
{
    if (strlen(name) != typed.len) return false;
    for (size_t i = 0; i < typed.len; i++)
        if (underscored(typed.ptr[i]) != name[i]) return false;
    return true;
}

const struct option_row *option_find(struct view name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &OPTIONS[i];
        if (name_equal(name, row->name)) return row;
        for (int k = 0; k < OPTION_NAMES_MAX - 1; k++)
            if (row->aliases[k] && name_equal(name, row->aliases[k])) return row;
    }
    return NULL;
}

const struct option_row *option_find_short(char name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (name && (OPTIONS[i].short_name == name || OPTIONS[i].short_alias == name))
            return &OPTIONS[i];
    return NULL;
}

/* Levenshtein's distance, a row at a time; names are cut at OPTION_NAME_BYTES_MAX. */
static unsigned distance(struct view typed, const char *name)
{
    unsigned row[OPTION_NAME_BYTES_MAX + 1];
    size_t length = strlen(name), typed_length = typed.len;
    if (length > OPTION_NAME_BYTES_MAX) length = OPTION_NAME_BYTES_MAX;
    if (typed_length > OPTION_NAME_BYTES_MAX) typed_length = OPTION_NAME_BYTES_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= typed_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        char c = underscored(typed.ptr[i - 1]);
        for (size_t j = 1; j <= length; j++) {
            unsigned best = diagonal + (c != name[j - 1]);
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[length];
}

static unsigned row_distance(struct view typed, const struct option_row *row)
{
    unsigned best = distance(typed, row->name);
    for (int k = 0; k < OPTION_NAMES_MAX - 1; k++) {
        unsigned d = row->aliases[k] ? distance(typed, row->aliases[k]) : best;
        if (d < best) best = d;
    }
    return best;
}

const struct option_row *option_nearest(struct view name)
{
    const struct option_row *nearest = NULL;
    unsigned best = 1 + (unsigned)(name.len / 3);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned d = row_distance(name, &OPTIONS[i]);
        if (d > best || (nearest && d == best)) continue;
        best = d;
        nearest = &OPTIONS[i];
    }
    return nearest;
}

void option_dashed(const char *name, char out[OPTION_NAME_BYTES_MAX])
{
    size_t n = 0;
    for (; name[n] && n + 1 < OPTION_NAME_BYTES_MAX; n++)
        out[n] = (char)(name[n] == '_' ? '-' : name[n]);
    out[n] = '\0';
}

/* ---- ranges ---- */

static void number_print(const struct option_row *row, uint64_t v, char *out)
{
    if (row->type == OPT_SIZE) text_print_bytes(out, v);
    else if (row->type == OPT_TIME) text_print_duration(out, v);
    else snprintf(out, TEXT_NUMBER_BYTES_MAX, "%" PRIu64, v);
}

static void choices_print(const char *choices, char *out, size_t size)
{
    size_t n = 0;
    const char *last = strrchr(choices, ' ');
    for (const char *c = choices; *c && n + 5 < size; c++) {
        if (*c != ' ') out[n++] = *c;
        else n += (size_t)snprintf(out + n, size - n, "%s", c == last ? " or " : ", ");
    }
    out[n] = '\0';
}

static void range_number_print(const struct option_row *row, char out[OPTION_RANGE_BYTES_MAX])
{
    char min[TEXT_NUMBER_BYTES_MAX], max[TEXT_NUMBER_BYTES_MAX] = "";
    number_print(row, row->min, min);
    bool is_open = row->max == UINT32_MAX;
    if (!is_open) number_print(row, row->max, max);
    bool whole_seconds = row->type == OPT_TIME && row->unit_ms == 1000;
    snprintf(out, OPTION_RANGE_BYTES_MAX, "%s%s%s%s%s%s", min, is_open ? " or more" : "..", max,
             whole_seconds ? " in whole seconds" : "", row->zero ? "; 0: " : "",
             row->zero ? row->zero : "");
}

void option_range_print(const struct option_row *row, char out[OPTION_RANGE_BYTES_MAX])
{
    size_t size = OPTION_RANGE_BYTES_MAX;
    switch (row->type) {
    case OPT_FLAG: snprintf(out, size, "yes or no"); break;
    case OPT_INT:
    case OPT_SIZE:
    case OPT_TIME: range_number_print(row, out); break;
    case OPT_LIMIT: snprintf(out, size, "0 or more, -1 for the hard limit, or unchanged"); break;
    case OPT_FRACTION: snprintf(out, size, "0..%g; 0: %s", row->fraction_max, row->zero); break;
    case OPT_TEXT: snprintf(out, size, "%s, at most %zu bytes", row->range, row->size - 1); break;
    case OPT_CHOICE: choices_print(row->choices, out, size); break;
    case OPT_LIST: snprintf(out, size, "%s", row->range); break;
    }
}

/* ---- text to field ---- */

static void field_store(struct config *c, const struct option_row *row, uint64_t v)
{
    char *field = (char *)c + row->at;
    uint8_t v8 = (uint8_t)v;
    uint16_t v16 = (uint16_t)v;
    uint32_t v32 = (uint32_t)v;
    switch (row->size) {
    case 1: memcpy(field, &v8, 1); break;
    case 2: memcpy(field, &v16, 2); break;
    case 4: memcpy(field, &v32, 4); break;
    default: assert(row->size == 8); memcpy(field, &v, 8);
    }
}

static uint64_t field_load(const struct config *c, const struct option_row *row)
{
    const char *field = (const char *)c + row->at;
    uint64_t v = 0; /* little-endian (base/bytes.h): the low bytes come first */
    assert(row->size <= sizeof v);
    memcpy(&v, field, row->size);
    return v;
}

static enum err flag_set(struct config *c, const struct option_row *row, struct view v)
{
    static const char *const WORDS[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (!view_equal(v, view_of_text(WORDS[i]))) continue;
        field_store(c, row, i & 1);
        return ERR_OK;
    }
    return ERR_BAD_VALUE;
}

static enum err number_set(struct config *c, const struct option_row *row, struct view v)
{
    uint64_t n = 0;
    enum err err = row->type == OPT_SIZE   ? text_bytes(v, &n)
                   : row->type == OPT_TIME ? text_duration_ms(v, &n)
                                           : text_u64(v, &n);
    if (err != ERR_OK) return err;
    bool is_zero = n == 0 && row->zero;
    if (!is_zero && (n < row->min || n > row->max)) return ERR_OUT_OF_RANGE;
    if (row->type == OPT_TIME) {
        if (n % row->unit_ms) return ERR_BAD_VALUE; /* finer than the field */
        n /= row->unit_ms;
    }
    field_store(c, row, n);
    return ERR_OK;
}

static enum err limit_set(struct config *c, const struct option_row *row, struct view v)
{
    uint64_t n = 0;
    if (view_equal(v, VIEW("unchanged"))) n = (uint64_t)LIMIT_UNCHANGED;
    else if (view_equal(v, VIEW("-1"))) n = UINT64_MAX;
    else {
        enum err err = text_u64(v, &n);
        if (err != ERR_OK) return err;
        if (n > INT64_MAX) return ERR_OUT_OF_RANGE;
    }
    field_store(c, row, n);
    return ERR_OK;
}

static enum err fraction_set(struct config *c, const struct option_row *row, struct view v)
{
    double d;
    enum err err = text_fraction(v, &d);
    if (err != ERR_OK) return err;
    if (!(d >= 0 && d <= row->fraction_max)) return ERR_OUT_OF_RANGE;
    assert(row->size == sizeof d);
    memcpy((char *)c + row->at, &d, sizeof d);
    return ERR_OK;
}

static enum err text_set(struct config *c, const struct option_row *row, struct view v)
{
    if (v.len >= row->size) return ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < v.len; i++)
        if (!row->may_hold((char)v.ptr[i])) return ERR_BAD_VALUE;
    char *field = (char *)c + row->at;
    memset(field, 0, row->size);
    if (v.len) memcpy(field, v.ptr, v.len);
    return ERR_OK;
}

static enum err choice_set(struct config *c, const struct option_row *row, struct view v)
{
    const char *word = row->choices;
    for (uint64_t i = 0;; i++) {
        size_t length = strcspn(word, " ");
        if (view_equal(v, view_of(word, length))) {
            field_store(c, row, i);
            return ERR_OK;
        }
        if (!word[length]) return ERR_BAD_VALUE;
        word += length + 1;
    }
}

static struct view trim(struct view v)
{
    while (v.len && isspace(v.ptr[0]))
        v = view_from(v, 1);
    while (v.len && isspace(v.ptr[v.len - 1]))
        v.len--;
    return v;
}

/* All items or none: an error leaves the list as it was. */
static enum err list_set(struct config *c, const struct option_row *row, struct view v, bool append)
{
    struct config work = *c;
    if (!append) option_list_clear(row->list, &work);
    while (v.len) {
        const uint8_t *comma = memchr(v.ptr, ',', v.len);
        size_t length = comma ? (size_t)(comma - v.ptr) : v.len;
        struct view item = trim(view_of(v.ptr, length));
        enum err err = item.len ? option_list_append(row->list, &work, item) : ERR_OK;
        if (err != ERR_OK) return err;
        length += comma ? 1 : 0;
        v = view_from(v, length);
    }
    *c = work;
    return ERR_OK;
}

static enum err value_set(struct config *c, const struct option_row *row, struct view v,
                          bool append)
{
    switch (row->type) {
    case OPT_FLAG: return flag_set(c, row, v);
    case OPT_INT:
    case OPT_SIZE:
    case OPT_TIME: return number_set(c, row, v);
    case OPT_LIMIT: return limit_set(c, row, v);
    case OPT_FRACTION: return fraction_set(c, row, v);
    case OPT_TEXT: return text_set(c, row, v);
    case OPT_CHOICE: return choice_set(c, row, v);
    case OPT_LIST: return list_set(c, row, v, append);
    }
    return ERR_BAD_VALUE;
}

enum err option_set(struct settings *s, const struct option_row *row, struct view value,
                    struct option_origin origin, const char *where, struct option_error *error)
{
    struct option_origin *had = &s->origin[row - OPTIONS];
    enum err err = value_set(&s->config, row, value, had->source == origin.source);
    if (err == ERR_OK) {
        *had = origin;
        return ERR_OK;
    }
    char range[OPTION_RANGE_BYTES_MAX];
    option_range_print(row, range);
    if (row->secret) value = VIEW("(not shown)");
    snprintf(error->text, sizeof error->text, "%.300s: \"%.*s\": %s (allowed: %s)", where,
             value.len > 200 ? 200 : (int)value.len, (const char *)value.ptr, err_text(err), range);
    return err;
}

/* ---- field to text ---- */

static void choice_print(const struct option_row *row, uint64_t index, char *out)
{
    const char *word = row->choices;
    while (index--)
        word += strcspn(word, " ") + 1;
    snprintf(out, OPTION_VALUE_BYTES_MAX, "%.*s", (int)strcspn(word, " "), word);
}

static void limit_print(int64_t limit, char *out)
{
    if (limit == LIMIT_UNCHANGED) snprintf(out, OPTION_VALUE_BYTES_MAX, "unchanged");
    else snprintf(out, OPTION_VALUE_BYTES_MAX, "%" PRId64, limit);
}

static void list_print(const struct config *c, const struct option_row *row, char *out)
{
    size_t n = 0, count = option_list_count(row->list, c);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char item[CONFIG_PATH_BYTES_MAX];
        option_list_print(row->list, c, i, item, sizeof item);
        int wrote = snprintf(out + n, OPTION_VALUE_BYTES_MAX - n, "%s%s", i ? "," : "", item);
        n += (size_t)wrote;
        assert(n < OPTION_VALUE_BYTES_MAX);
    }
}

void option_print(const struct config *c, const struct option_row *row,
                  char out[OPTION_VALUE_BYTES_MAX])
{
    double fraction;
    switch (row->type) {
    case OPT_FLAG: snprintf(out, OPTION_VALUE_BYTES_MAX, field_load(c, row) ? "yes" : "no"); break;
    case OPT_INT:
    case OPT_SIZE: number_print(row, field_load(c, row), out); break;
    case OPT_TIME: number_print(row, field_load(c, row) * row->unit_ms, out); break;
    case OPT_LIMIT: limit_print((int64_t)field_load(c, row), out); break;
    case OPT_FRACTION:
        memcpy(&fraction, (const char *)c + row->at, sizeof fraction);
        snprintf(out, OPTION_VALUE_BYTES_MAX, "%.15g", fraction);
        break;
    case OPT_TEXT: snprintf(out, OPTION_VALUE_BYTES_MAX, "%s", (const char *)c + row->at); break;
    case OPT_CHOICE: choice_print(row, field_load(c, row), out); break;
    case OPT_LIST: list_print(c, row, out); break;
    }
}
