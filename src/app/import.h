/* import.h - what another tracker wrote, made a snapshot in the state folder: `muster import`. */
#ifndef APP_IMPORT_H
#define APP_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#define IMPORT_KINDS       "trakx, scrape, tpbs, statedump"
#define IMPORT_ERROR_BYTES 512

struct import_report {
    uint64_t torrents, peers, completed;
};

/* Read the whole file and write STATE_IMPORT. One that still waits there is lost if `replaces`, else
 * it is an error. False, with the reason in words, and then nothing is written. */
bool import_file(const char *kind, const char *path, const char *folder, bool replaces,
                 struct import_report *out, char error[IMPORT_ERROR_BYTES]);

#endif
