/* top_page.c - the grid of characters. Panels draw onto it (top_panels.c), a terminal or a FILE shows
 * it. */
#include "app/top_page.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

void top_page_clear(struct top_page *p, uint32_t width, uint32_t height)
{
    p->width = width < TOP_WIDTH_MAX ? width : TOP_WIDTH_MAX;
    p->height = height < TOP_HEIGHT_MAX ? height : TOP_HEIGHT_MAX;
    memset(p->text, ' ', sizeof p->text);
    memset(p->style, TOP_PLAIN, sizeof p->style);
}

uint32_t top_put(struct top_page *p, uint32_t x, uint32_t y, enum top_style style,
                 const char *format, ...)
{
    char text[TOP_WIDTH_MAX + 1];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (const char *c = text; *c; c++, x++) {
        if (x >= p->width || y >= p->height) continue;
        p->text[y][x] = *c >= ' ' && *c < 0x7f ? *c : '?';
        p->style[y][x] = (uint8_t)style;
    }
    return x;
}

static uint32_t line_length(const struct top_page *p, uint32_t y)
{
    uint32_t n = p->width;
    while (n && p->text[y][n - 1] == ' ')
        n--;
    return n;
}

void top_page_print(const struct top_page *p, FILE *out)
{
    uint32_t lines = p->height;
    while (lines && line_length(p, lines - 1) == 0)
        lines--;
    for (uint32_t y = 0; y < lines; y++)
        fprintf(out, "%.*s\n", (int)line_length(p, y), p->text[y]);
}

const char *top_number(double value, char out[TOP_NUMBER_BYTES])
{
    char digits[TOP_NUMBER_BYTES];
    if (!(fabs(value) < 1e15)) value = 0; /* no number either */
    int n = snprintf(digits, sizeof digits, "%.0f", value);
    size_t at = 0;
    for (int i = 0; i < n && at + 2 < TOP_NUMBER_BYTES; i++) {
        bool gap = i > 0 && digits[i - 1] != '-' && (n - i) % 3 == 0;
        if (gap) out[at++] = ' ';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *top_bytes(double value, char out[TOP_NUMBER_BYTES])
{
    static const char *const UNITS[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < sizeof UNITS / sizeof *UNITS; unit++)
        value /= 1024;
    snprintf(out, TOP_NUMBER_BYTES, unit ? "%.1f %s" : "%.0f %s", value, UNITS[unit]);
    return out;
}
