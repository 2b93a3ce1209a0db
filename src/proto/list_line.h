/* list_line.h - what the lines of all access lists have in common: blanks, comments, reasons.
 *
 * A line is one entry: its key, then blanks or a comma, then a reason that is told to whoever is
 * refused by it. Blank lines and lines that begin with '#', ';' or "//" say nothing. */
#ifndef PROTO_LIST_LINE_H
#define PROTO_LIST_LINE_H

#include "base/bytes.h"

#define LIST_LINE_BYTES_MAX 1024 /* without its end; what is longer is no list */

/* A line without the blanks around it and its carriage return; empty where it says nothing. */
static inline struct view list_line_content(struct view line)
{
    while (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    line = view_trim(line);
    bool is_comment = line.len && (line.ptr[0] == '#' || line.ptr[0] == ';' ||
                                   (line.len >= 2 && line.ptr[0] == '/' && line.ptr[1] == '/'));
    return is_comment ? view_of(line.ptr, 0) : line;
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
