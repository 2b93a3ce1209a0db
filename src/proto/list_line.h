/* list_line.h - what the lines of all access lists have in common: blanks, comments, reasons.
 *
 * A line is one entry: its key, then blanks or a comma, then a reason that is told to whoever is
 * refused by it. Blank lines and lines that begin with '#', ';' or "//" say nothing. */
#ifndef PROTO_LIST_LINE_H
#define PROTO_LIST_LINE_H

#include "base/bytes.h"

#define LIST_LINE_BYTES_MAX 1024 /* without its end; what is longer is no list */

/* A line without the blanks around it and its carriage return. */
static inline struct view list_line_bare(struct view line)
{
    while (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return view_trim(line);
}

static inline bool list_line_is_comment(struct view bare)
{
    return bare.len && (bare.ptr[0] == '#' || bare.ptr[0] == ';' ||
                        (bare.len >= 2 && bare.ptr[0] == '/' && bare.ptr[1] == '/'));
}

/* The bare line; empty where it says nothing. */
static inline struct view list_line_content(struct view line)
{
    line = list_line_bare(line);
    return list_line_is_comment(line) ? view_of(line.ptr, 0) : line;
}

/* Where a key has ended: nothing, a blank, or what people put between a key and a remark. */
static inline bool list_line_key_ends(struct view rest)
{
    return rest.len == 0 || memchr(" \t,;#", rest.ptr[0], 5) != NULL;
}

/* The reason behind a key, without what separates it; empty where none is said. */
static inline struct view list_line_reason(struct view rest)
{
    rest = view_trim(rest);
    if (rest.len && memchr(",;#", rest.ptr[0], 3)) rest = view_trim(view_from(rest, 1));
    return rest;
}

#endif
