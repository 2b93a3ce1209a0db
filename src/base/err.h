/* err.h - the one list of errors. ERR_OK is 0; texts come from err.def. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
#define ERR(id, text) id,
#include "base/err.def"
#undef ERR
    ERR_COUNT
};

/* On every function that returns an enum err. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* The text of an error, a constant string. */
const char *err_text(enum err err);

/* Its name as a label: "bad_connection_id". */
#define ERR_NAME_BYTES_MAX 40
void err_name(enum err err, char out[ERR_NAME_BYTES_MAX]);

#endif
