/* json_out.c - see json_out.h. */
#include "admin/json_out.h"

#include <inttypes.h>

static void quoted(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\') fprintf(out, "\\%c", *c);
        else if ((unsigned char)*c < 0x20) fprintf(out, "\\u%04x", (unsigned)*c);
        else fputc(*c, out);
    }
    fputc('"', out);
}

static void begin(struct json_out *j, const char *key)
{
    if (j->follows) fputc(',', j->out);
    j->follows = true;
    if (!key) return;
    quoted(j->out, key);
    fputc(':', j->out);
}

void json_open(struct json_out *j, const char *key, char bracket)
{
    begin(j, key);
    fputc(bracket, j->out);
    j->follows = false;
}

void json_close(struct json_out *j, char bracket)
{
    fputc(bracket, j->out);
    j->follows = true;
}

void json_u64(struct json_out *j, const char *key, uint64_t value)
{
    begin(j, key);
    fprintf(j->out, "%" PRIu64, value);
}

void json_i64(struct json_out *j, const char *key, int64_t value)
{
    begin(j, key);
    fprintf(j->out, "%" PRId64, value);
}

void json_double(struct json_out *j, const char *key, double value)
{
    begin(j, key);
    fprintf(j->out, "%.3f", value);
}

void json_text(struct json_out *j, const char *key, const char *text)
{
    begin(j, key);
    quoted(j->out, text);
}

void json_nothing(struct json_out *j, const char *key)
{
    begin(j, key);
    fputs("null", j->out);
}
