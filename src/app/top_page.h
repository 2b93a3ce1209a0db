/* top_page.h - what `muster top` shows, as a grid of characters: drawn the same for a terminal and for
 * plain output, and testable without either. */
#ifndef APP_TOP_PAGE_H
#define APP_TOP_PAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TOP_WIDTH_MAX  240
#define TOP_HEIGHT_MAX 100
#define TOP_WIDTH_MIN  40

enum top_style { TOP_PLAIN, TOP_HEAD, TOP_TITLE, TOP_DIM, TOP_ALARM, TOP_STYLE_COUNT };

struct top_page {
    uint32_t width, height;
    char text[TOP_HEIGHT_MAX][TOP_WIDTH_MAX];
    uint8_t style[TOP_HEIGHT_MAX][TOP_WIDTH_MAX];
};

enum top_sort { TOP_BY_PEERS, TOP_BY_SEEDERS, TOP_BY_LEECHERS, TOP_BY_COMPLETED, TOP_SORT_COUNT };

enum top_talker_sort { TOP_BY_REQUESTS, TOP_BY_GROWTH, TOP_BY_ADDRESS, TOP_TALKER_SORT_COUNT };

/* What the page is about; the first fits into every window, the others scroll. */
enum top_topic {
    TOP_OVERVIEW,
    TOP_SWARMS,
    TOP_ADDRESSES,
    TOP_CLIENTS,
    TOP_FIGURES,
    TOP_TOPIC_COUNT
};

/* What there is to show. */
struct top_view {
    const json_t *now, *before; /* /stats.json, and of a moment before; NULL: none yet */
    double elapsed_s;           /* between the two */
    const char *path;           /* of the socket */
    const char *error;          /* why there is no newer answer; NULL: there is */
    enum top_sort sort;
    enum top_talker_sort talker_sort;
    enum top_topic topic;
    uint32_t scroll; /* lines of the page above the window; not of TOP_OVERVIEW */
    bool has_keys;   /* somebody can press them: say which */
    bool paused, help;
};

/* Blank a page; width and height are cut to the limits. */
void top_page_clear(struct top_page *p, uint32_t width, uint32_t height);

/* Write at column x of line y; what does not fit is cut, what is not printable becomes '?'. Returns the
 * column behind it. */
uint32_t top_put(struct top_page *p, uint32_t x, uint32_t y, enum top_style style,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Lines without their trailing blanks, and without the empty ones at the end. */
void top_page_print(const struct top_page *p, FILE *out);

/* Draw everything; returns how far the page can be scrolled, as far as it was drawn. */
uint32_t top_draw(struct top_page *p, const struct top_view *v);

/* "1 234 567" */
#define TOP_NUMBER_BYTES 48
const char *top_number(double value, char out[TOP_NUMBER_BYTES]);

/* "1.4 GiB" */
const char *top_bytes(double value, char out[TOP_NUMBER_BYTES]);

#endif
