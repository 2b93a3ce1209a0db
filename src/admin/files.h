/* files.h - files as answers: the pages inside the binary, and the operator's own folder.
 *
 * Both      the right type, ETag and 304, gzip for who takes it, no guessing by browsers.
 * Own       a path is walked one name at a time and follows no link, so nothing outside the folder
 *           can be reached; hidden names, devices and what is larger than FILES_OWN_BYTES_MAX are
 *           refused as if they were not there. */
#ifndef ADMIN_FILES_H
#define ADMIN_FILES_H

#include "admin/admin.h"

#define FILES_OWN_BYTES_MAX  (8u << 20)
#define FILES_PATH_BYTES_MAX 1024

/* A file of the folder that tools/embed.py was given when muster was built. */
struct embedded_file {
    const char *path;       /* "assets/map.js" */
    const char *etag;       /* without quotes */
    struct view body, gzip; /* gzip is empty where it saves little */
};

extern const struct embedded_file EMBEDDED_FILES[]; /* made at build */
extern const size_t EMBEDDED_FILE_COUNT;

/* Answer with the embedded file `path` names, without its slash in front; false: there is none, and
 * `out` is as it was. */
bool files_embedded(const struct admin_request *r, struct view path, struct admin_response *out);

/* The operator's folder for files_own(); -1 with errno when it cannot be opened. */
int files_root_open(const char *path);

/* Answer with the file below `root_fd` that `path` names, percent-encoded and beginning with '/';
 * a folder's file is its index.html. False: there is none, or root_fd is -1. */
bool files_own(int root_fd, const struct admin_request *r, struct view path,
               struct admin_response *out);

#endif
