/* settings_save.h - values set while running go back into the configuration file. */
#ifndef APP_SETTINGS_SAVE_H
#define APP_SETTINGS_SAVE_H

#include "app/options.h"

#define CONFIG_FILE_BYTES_MAX (1u << 20)

/* The text of a configuration file with the values of some rows made those of `s`: in the line where
 * the file sets them, else behind the line that has them commented out, else at the end. Everything
 * else stays as it is, comments, order and layout.
 *   take_text   malloc'ed, the caller's
 *   returns     ERR_NO_MEMORY; ERR_BAD_VALUE when the old text has an error or a value cannot be
 *               written so that it is read back: error->text says which, and names `name` as the file */
enum err settings_save_text(struct view text, const char *name, const struct settings *s,
                            const bool rows[OPTIONS_MAX], char **take_text, size_t *bytes,
                            struct option_error *error) MUST_CHECK;

/* Do that with the file of --config: a new file beside it takes its place, with its mode and owner,
 * after it lies on the disk. Rows that a new start would read as they are now get that origin; the
 * others keep SOURCE_LIVE.
 *   returns   ERR_BAD_VALUE, with error->text: no file, not writable, or what the above says; the
 *             file is unchanged then */
enum err settings_save(struct settings *s, const struct option_sources *sources,
                       const bool rows[OPTIONS_MAX], struct option_error *error) MUST_CHECK;

#endif
