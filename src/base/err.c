/* err.c - texts of the errors, printed from the rows of err.def. */
#include "base/err.h"

#include <assert.h>

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
