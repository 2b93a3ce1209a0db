/* run_vectors.c - golden vectors: each case is a text file that says what goes in and what must
 * come out. `run_vectors FOLDER` runs every *.txt in it and reports TAP.
 *
 *     # what the case shows, and where the rule stands
 *     run http-decode-announce
 *     < info_hash=%00...                text; \r \n \t \\ and \xNN are bytes
 *     <x 0000041727101980 00000000      hexadecimal; blanks are only for reading
 *     > port=6881;                      what must come out, byte for byte
 *     >x 7f
 *
 * Lines of one side are joined with nothing between them. The name after `run` is a row of a
 * codec's list (vectors.h). Input is placed against an unreadable page, as in the unit tests. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/unit.h"
#include "vectors.h"

#define SIDE_BYTES_MAX 65536

static const struct vector_op *const LISTS[] = {VECTOR_OPS_HTTP, VECTOR_OPS_UDP};

struct vector {
    const struct vector_op *op;
    struct writer in, expected;
};

static _Noreturn void stop(const char *path, const char *why, const char *line)
{
    fprintf(stderr, "%s: %s: %s\n", path, why, line);
    exit(2);
}

static const struct vector_op *op_find(const char *name)
{
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++)
        for (const struct vector_op *op = LISTS[i]; op->name; op++)
            if (strcmp(op->name, name) == 0) return op;
    return NULL;
}

/* "7f" as a byte; -1 when it is none. */
static int hex_byte(const char *at)
{
    static const char DIGITS[] = "0123456789abcdef";
    const char *high = at[0] ? strchr(DIGITS, at[0] | 0x20) : NULL;
    const char *low = high && at[1] ? strchr(DIGITS, at[1] | 0x20) : NULL;
    return low ? (int)((high - DIGITS) << 4 | (low - DIGITS)) : -1;
}

static bool hex_line(struct writer *w, const char *at)
{
    while (*at) {
        if (*at == ' ') {
            at++;
            continue;
        }
        int byte = hex_byte(at);
        if (byte < 0) return false;
        writer_u8(w, (uint8_t)byte);
        at += 2;
    }
    return true;
}

static bool text_line(struct writer *w, const char *at)
{
    static const char NAMES[] = "rnt\\", BYTES[] = "\r\n\t\\";
    while (*at) {
        if (*at != '\\') {
            writer_u8(w, (uint8_t)*at++);
            continue;
        }
        const char *name = at[1] ? strchr(NAMES, at[1]) : NULL;
        int byte = name ? BYTES[name - NAMES] : at[1] == 'x' ? hex_byte(at + 2) : -1;
        if (byte < 0) return false;
        writer_u8(w, (uint8_t)byte);
        at += name ? 2 : 4;
    }
    return true;
}

static void line_read(struct vector *v, const char *path, const char *line)
{
    struct writer *side = line[0] == '<' ? &v->in : &v->expected;
    if (line[0] == '\0' || line[0] == '#') return;
    if (strncmp(line, "run ", 4) == 0) {
        v->op = op_find(line + 4);
        if (!v->op) stop(path, "no such operation", line);
        return;
    }
    bool is_side = line[0] == '<' || line[0] == '>', is_hex = is_side && line[1] == 'x';
    if (!is_side || line[1 + is_hex] != ' ') stop(path, "not a line of a case", line);
    if (!(is_hex ? hex_line : text_line)(side, line + 2 + is_hex)) stop(path, "bad bytes", line);
}

static void vector_read(struct vector *v, const char *path)
{
    static uint8_t sides[2][SIDE_BYTES_MAX];
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    FILE *f = fopen(path, "r");
    if (!f) stop(path, "cannot read", "");
    *v = (struct vector){.in = writer_of(sides[0], sizeof sides[0]),
                         .expected = writer_of(sides[1], sizeof sides[1])};
    while ((len = getline(&line, &room, f)) >= 0) {
        if (len && line[len - 1] == '\n') line[len - 1] = '\0';
        line_read(v, path, line);
    }
    free(line);
    fclose(f);
    if (!v->op || v->in.overflow || v->expected.overflow) stop(path, "incomplete or too long", "");
}

static void show(const char *what, const struct writer *w)
{
    printf("# %s: ", what);
    for (const uint8_t *at = w->start; at < w->at; at++) {
        if (*at >= ' ' && *at < 0x7f && *at != '\\') putchar(*at);
        else printf("\\x%02x", *at);
    }
    putchar('\n');
}

static bool vector_run(const char *folder, const char *file, int number)
{
    static uint8_t bytes[SIDE_BYTES_MAX];
    char path[4096];
    struct vector v;
    struct writer got = writer_of(bytes, sizeof bytes);
    snprintf(path, sizeof path, "%s/%s", folder, file);
    vector_read(&v, path);
    size_t in_bytes = writer_used(&v.in);
    v.op->run(view_of(guarded(v.in.start, in_bytes), in_bytes), &got);
    bool is_equal = view_equal(view_of(got.start, writer_used(&got)),
                               view_of(v.expected.start, writer_used(&v.expected)));
    printf("%sok %d - %s\n", is_equal ? "" : "not ", number, file);
    if (!is_equal) {
        show("expected", &v.expected);
        show("got     ", &got);
    }
    return is_equal;
}

static int is_case(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
    struct dirent **files;
    if (argc != 2) stop(argv[0], "usage", "run_vectors FOLDER");
    int count = scandir(argv[1], &files, is_case, alphasort), failed = 0;
    if (count <= 0) stop(argv[1], "no cases", "");
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        if (!vector_run(argv[1], files[i]->d_name, i + 1)) failed++;
        free(files[i]);
    }
    free(files);
    return failed ? 1 : 0;
}
