/* top_parts.h - what the pages of `muster top` are put together of. Each part is drawn from column x
 * (or 0) and line y on, and returns the line below it; `rows` are at most so many entries. */
#ifndef APP_TOP_PARTS_H
#define APP_TOP_PARTS_H

#include "app/top_page.h"

#define TOP_TABLE_WIDTH 60

/* top_panels.c: all figures, or the few that matter most in four lines. */
uint32_t top_draw_figures(struct top_page *p, const struct top_view *v, uint32_t y,
                          uint32_t error_rows);
uint32_t top_draw_digest(struct top_page *p, const struct top_view *v, uint32_t y);
uint32_t top_draw_errors(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                         uint32_t rows);
uint32_t top_errors_count(const struct top_view *v);

/* top_tables.c */
uint32_t top_draw_swarms(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                         uint32_t rows);
uint32_t top_draw_talkers(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows);
uint32_t top_draw_limited(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows);
uint32_t top_draw_clients(struct top_page *p, const struct top_view *v, uint32_t x, uint32_t y,
                          uint32_t rows);
uint32_t top_limited_count(const struct top_view *v);

#endif
