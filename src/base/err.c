/* err.c - texts of the errors, printed from the rows of err.def. */
#include "base/err.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const TEXTS[ERR_COUNT] = {
#define ERR(id, text) [id] = text,
#include "base/err.def"
#undef ERR
};

const char *err_text(enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    return TEXTS[err];
}

void err_name(enum err err, char out[ERR_NAME_BYTES_MAX])
{
    static const char *const IDS[ERR_COUNT] = {
#define ERR(id, text) [id] = #id,
#include "base/err.def"
#undef ERR
    };
    assert((unsigned)err < ERR_COUNT);
    const char *id = IDS[err] + strlen("ERR_");
    size_t n = strlen(id);
    assert(n < ERR_NAME_BYTES_MAX);
    for (size_t i = 0; i <= n; i++)
        out[i] = (char)(id[i] >= 'A' && id[i] <= 'Z' ? id[i] | 0x20 : id[i]);
}
