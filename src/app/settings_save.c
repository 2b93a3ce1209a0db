/* settings_save.c - see settings_save.h.
 *
 * Text      a second reader of the file's format beside inih's, because inih tells no positions. That
 *           it understands the same is not trusted but checked: the new text is read back, and every
 *           option must have the value it should, the changed and the unchanged ones.
 * File      a temporary file in the same folder, written, synced, renamed, folder synced: after a
 *           crash there is the old file or the new one. A symbolic link is followed first, so that
 *           it stays one. An owner that cannot be kept is a reason to refuse: the next start, as
 *           another user, might not read it.
 * Rejected  writing in place (a crash leaves half a file); printing the whole configuration anew
 *           (comments are the operator's notes). */
#include "app/settings_save.h"

#include "app/options_list.h"
#include "base/memory_file.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST_LINE_BYTES 150 /* of a list; inih takes lines of about 200 */

/* ---- lines ---- */

enum line_kind {
    LINE_OTHER,     /* comment, empty, or nothing we know */
    LINE_SECTION,   /* [name] */
    LINE_VALUE,     /* name = value */
    LINE_CONTINUED, /* indented: more of the value above */
    LINE_SAMPLE,    /* #name = value */
};

struct line {
    enum line_kind kind;
    const struct option_row *row; /* of LINE_VALUE and LINE_SAMPLE; NULL: none of ours */
    struct view whole;            /* with its line end */
    struct view before, after;    /* what surrounds the value: "name = ", "  ; comment\n" */
};

static bool is_blank(uint8_t c)
{
    return isspace(c);
}

static struct view trimmed(struct view v)
{
    while (v.len && is_blank(v.ptr[0]))
        v = view_from(v, 1);
    while (v.len && is_blank(v.ptr[v.len - 1]))
        v.len--;
    return v;
}

/* Where the value stands: behind the separator, before a comment and the line end. */
static void value_bounds(struct line *l, size_t separator)
{
    const uint8_t *p = l->whole.ptr;
    size_t from = separator + 1;
    while (from < l->whole.len && (p[from] == ' ' || p[from] == '\t'))
        from++;
    size_t to = from;
    for (size_t i = from; i < l->whole.len && !(p[i] == ';' && is_blank(p[i - 1])); i++)
        if (!is_blank(p[i])) to = i + 1;
    l->before = view_of(p, from);
    l->after = view_from(l->whole, to);
}

/* `text` is the part of the line that may be "name = value". */
static bool value_find(struct line *l, struct view text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '=' && text.ptr[at] != ':')
        at++;
    if (at == text.len) return false;
    l->row = option_find(trimmed(view_of(text.ptr, at)));
    value_bounds(l, (size_t)(text.ptr - l->whole.ptr) + at);
    return true;
}

/* The next line of `text`, which is shortened by it. */
static struct line line_next(struct view *text, bool is_in_value)
{
    const uint8_t *end = memchr(text->ptr, '\n', text->len);
    size_t length = end ? (size_t)(end - text->ptr) + 1 : text->len;
    struct line l = {.whole = view_of(text->ptr, length)};
    *text = view_from(*text, length);
    struct view bare = trimmed(l.whole);
    if (!bare.len || bare.ptr[0] == ';') return l;
    if (bare.ptr[0] == '#') {
        struct view inside = view_from(bare, 1);
        if (inside.len && !is_blank(inside.ptr[0]) && value_find(&l, inside) && l.row)
            l.kind = LINE_SAMPLE;
    } else if (is_in_value && bare.ptr != l.whole.ptr) l.kind = LINE_CONTINUED;
    else if (bare.ptr[0] == '[') l.kind = LINE_SECTION;
    else if (value_find(&l, bare)) l.kind = LINE_VALUE;
    return l;
}

/* ---- the new text ---- */

struct rewrite {
    const struct settings *settings;
    const bool *rows;
    FILE *out;
    bool is_set[OPTIONS_MAX]; /* by the old text */
    bool is_written[OPTIONS_MAX];
};

static void put(struct rewrite *w, struct view v)
{
    if (v.len) fwrite(v.ptr, 1, v.len, w->out);
}

/* A line, or the end of one; the last of a file may lack its line end. */
static void put_end(struct rewrite *w, struct view v)
{
    put(w, v);
    if (!v.len || v.ptr[v.len - 1] != '\n') fputc('\n', w->out);
}

/* A line "name = value"; a list that is too long for one gets a line for each item. */
static void put_value(struct rewrite *w, const struct option_row *row, struct view before,
                      struct view after)
{
    char value[OPTION_VALUE_BYTES_MAX];
    const struct config *c = &w->settings->config;
    option_print(c, row, value);
    bool in_lines = row->list && strlen(value) > LIST_LINE_BYTES;
    if (in_lines) option_list_print(row->list, c, 0, value, sizeof value);
    put(w, before);
    put(w, view_of_text(value));
    if (after.len && after.ptr[0] == ';') fputc(' ', w->out); /* or it were no comment */
    put_end(w, after);
    for (size_t i = 1; in_lines && i < option_list_count(row->list, c); i++) {
        option_list_print(row->list, c, i, value, sizeof value);
        fprintf(w->out, "%s = %s\n", row->name, value);
    }
    w->is_written[row - OPTIONS] = true;
}

static void put_new(struct rewrite *w, const struct option_row *row)
{
    char before[OPTION_NAME_BYTES_MAX + 4];
    snprintf(before, sizeof before, "%s = ", row->name);
    put_value(w, row, view_of_text(before), view_of(NULL, 0));
}

static bool is_asked(const struct rewrite *w, const struct option_row *row)
{
    return row && w->rows[row - OPTIONS];
}

static void note_lines(struct rewrite *w, struct view text)
{
    for (bool in_value = false; text.len;) {
        struct line l = line_next(&text, in_value);
        if (l.kind == LINE_VALUE || l.kind == LINE_SECTION) in_value = l.kind == LINE_VALUE;
        if (l.kind == LINE_VALUE && l.row) w->is_set[l.row - OPTIONS] = true;
    }
}

/* One line of the old text becomes what it is in the new one. */
static void put_line(struct rewrite *w, const struct line *l)
{
    bool is_wanted = is_asked(w, l->row) && !w->is_written[l->row - OPTIONS];
    if (l->kind == LINE_VALUE && is_asked(w, l->row)) {
        if (is_wanted) put_value(w, l->row, l->before, l->after);
        return;
    }
    put_end(w, l->whole);
    if (l->kind == LINE_SAMPLE && is_wanted && !w->is_set[l->row - OPTIONS]) put_new(w, l->row);
}

static void put_lines(struct rewrite *w, struct view text)
{
    const struct option_row *row = NULL; /* of the value that an indented line continues */
    for (bool in_value = false; text.len;) {
        struct line l = line_next(&text, in_value);
        if (l.kind == LINE_VALUE || l.kind == LINE_SECTION) {
            in_value = l.kind == LINE_VALUE;
            row = l.row;
        }
        if (l.kind != LINE_CONTINUED || !is_asked(w, row)) put_line(w, &l);
    }
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (w->rows[i] && !w->is_written[i]) put_new(w, &OPTIONS[i]);
}

/* Every option must be read back as it should be. */
static enum err compare(const struct rewrite *w, const struct settings *before,
                        const struct settings *after, const char *name, struct option_error *error)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char want[OPTION_VALUE_BYTES_MAX], got[OPTION_VALUE_BYTES_MAX];
        const struct settings *source = w->rows[i] ? w->settings : before;
        option_print(&source->config, &OPTIONS[i], want);
        option_print(&after->config, &OPTIONS[i], got);
        if (strcmp(want, got) == 0) continue;
        return option_fail(error, ERR_BAD_VALUE,
                           "%.300s: %s cannot be written so that it is read back; edit the file",
                           name, OPTIONS[i].name);
    }
    return ERR_OK;
}

static enum err read_back(const struct rewrite *w, struct view old, struct view new,
                          const char *name, struct option_error *error)
{
    struct settings *both = calloc(2, sizeof *both);
    if (!both) return ERR_NO_MEMORY;
    settings_default(&both[0]);
    settings_default(&both[1]);
    enum err err = settings_read_file_text(&both[0], old, name, error);
    if (err == ERR_OK) err = settings_read_file_text(&both[1], new, name, error);
    if (err == ERR_OK) err = compare(w, &both[0], &both[1], name, error);
    free(both);
    return err;
}

enum err settings_save_text(struct view text, const char *name, const struct settings *s,
                            const bool rows[OPTIONS_MAX], char **take_text, size_t *bytes,
                            struct option_error *error)
{
    struct rewrite w = {.settings = s, .rows = rows};
    error->text[0] = '\0';
    *take_text = NULL;
    struct memory_file memory;
    w.out = memory_file_open(&memory);
    if (!w.out) return ERR_NO_MEMORY;
    note_lines(&w, text);
    put_lines(&w, text);
    bool is_whole = memory_file_close(w.out, &memory, take_text, bytes);
    enum err err = is_whole ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) err = read_back(&w, text, view_of(*take_text, *bytes), name, error);
    if (err == ERR_OK) return ERR_OK;
    free(*take_text);
    *take_text = NULL;
    return err;
}

/* ---- the file ---- */

static enum err not_saved(struct option_error *error, const char *path)
{
    return option_fail(error, ERR_BAD_VALUE, "cannot write %.500s: %s", path, strerror(errno));
}

static enum err file_read(int fd, const char *path, char **take_text, size_t *bytes,
                          struct option_error *error)
{
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    if (!text) return ERR_NO_MEMORY;
    ssize_t n = 0;
    for (*bytes = 0; *bytes <= CONFIG_FILE_BYTES_MAX; *bytes += (size_t)n) {
        n = read(fd, text + *bytes, CONFIG_FILE_BYTES_MAX + 1 - *bytes);
        if (n <= 0) break;
    }
    if (n == 0) {
        *take_text = text;
        return ERR_OK;
    }
    free(text);
    if (n < 0)
        (void)option_fail(error, ERR_BAD_VALUE, "cannot read %.500s: %s", path, strerror(errno));
    else
        (void)option_fail(error, ERR_BAD_VALUE, "%.500s is larger than %u bytes", path,
                          CONFIG_FILE_BYTES_MAX);
    return ERR_BAD_VALUE;
}

static bool write_all(int fd, struct view bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0) return false;
        bytes = view_from(bytes, (size_t)n);
    }
    return true;
}

static bool owner_keep(int fd, const struct stat *was)
{
    struct stat now;
    if (fstat(fd, &now) != 0) return false;
    bool is_same = now.st_uid == was->st_uid && now.st_gid == was->st_gid;
    return is_same || fchown(fd, was->st_uid, was->st_gid) == 0;
}

static void folder_sync(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    assert(slash); /* realpath() made it */
    snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems cannot; the rename holds all the same */
    close(fd);
}

/* Put `text` in the place of the file that `old` describes. */
static enum err file_replace(const char *path, const struct stat *old, struct view text,
                             struct option_error *error)
{
    char temporary[PATH_MAX + 8];
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) return not_saved(error, path);
    bool is_written = owner_keep(fd, old) && fchmod(fd, old->st_mode & 07777) == 0 &&
                      write_all(fd, text) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (is_written && rename(temporary, path) == 0) {
        folder_sync(path);
        return ERR_OK;
    }
    if (!is_written) errno = why;
    enum err err = not_saved(error, path);
    unlink(temporary);
    return err;
}

static enum err file_change(const char *path, const char *name, const struct settings *s,
                            const bool rows[OPTIONS_MAX], struct option_error *error)
{
    struct stat old;
    char *text = NULL, *changed = NULL;
    size_t bytes = 0, changed_bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &old) != 0) {
        if (fd >= 0) close(fd);
        return option_fail(error, ERR_BAD_VALUE, "cannot read %.500s: %s", path, strerror(errno));
    }
    enum err err = file_read(fd, path, &text, &bytes, error);
    close(fd);
    if (err != ERR_OK) return err;
    err = settings_save_text(view_of(text, bytes), name, s, rows, &changed, &changed_bytes, error);
    if (err == ERR_OK) err = file_replace(path, &old, view_of(changed, changed_bytes), error);
    free(changed);
    free(text);
    return err;
}

/* Rows that a new start would read as they are now belong to their source again. */
static void origins_follow(struct settings *s, const struct option_sources *sources,
                           const bool rows[OPTIONS_MAX])
{
    struct option_error ignored;
    struct settings *fresh = calloc(1, sizeof *fresh);
    bool is_read = fresh && settings_read(fresh, sources, &ignored) == ERR_OK;
    for (size_t i = 0; is_read && i < OPTION_COUNT; i++) {
        char now[OPTION_VALUE_BYTES_MAX], then[OPTION_VALUE_BYTES_MAX];
        if (!rows[i]) continue;
        option_print(&s->config, &OPTIONS[i], now);
        option_print(&fresh->config, &OPTIONS[i], then);
        if (strcmp(now, then) == 0) s->origin[i] = fresh->origin[i];
    }
    free(fresh);
}

enum err settings_save(struct settings *s, const struct option_sources *sources,
                       const bool rows[OPTIONS_MAX], struct option_error *error)
{
    char path[PATH_MAX];
    const char *name = s->config.app.config_file;
    if (!name[0])
        return option_fail(error, ERR_BAD_VALUE,
                           "there is no configuration file: start muster with --config FILE, for "
                           "example /etc/muster.conf");
    if (!realpath(name, path))
        return option_fail(error, ERR_BAD_VALUE, "cannot find %s: %s", name, strerror(errno));
    enum err err = file_change(path, name, s, rows, error);
    if (err == ERR_NO_MEMORY) (void)option_fail(error, ERR_BAD_VALUE, "out of memory");
    if (err == ERR_OK) origins_follow(s, sources, rows);
    return err;
}
