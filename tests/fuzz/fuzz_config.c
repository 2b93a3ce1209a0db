/* fuzz_config.c - any bytes as a configuration file: read, or refused with a text; and changed, with
 * every live option written into it. */
#include "app/options.h"
#include "app/settings_save.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What is written is read back by settings_save_text() itself: whatever can be read can be changed. */
static void change(const struct settings *s, struct view text)
{
    bool rows[OPTIONS_MAX];
    struct option_error error;
    char *changed;
    size_t bytes;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        rows[i] = OPTIONS[i].reload == RELOAD_LIVE;
    if (settings_save_text(text, "fuzz", s, rows, &changed, &bytes, &error) == ERR_OK)
        free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct settings settings;
    struct option_error error = {.text = ""};
    char value[OPTION_VALUE_BYTES_MAX];
    settings_default(&settings);
    enum err err = settings_read_file_text(&settings, view_of(bytes, len), "fuzz", &error);
    if (err == ERR_OK) err = settings_check(&settings, &error);
    assert((err == ERR_OK) == (error.text[0] == '\0'));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        option_print(&settings.config, &OPTIONS[i], value);
    change(&settings, view_of(bytes, len));
    return 0;
}
