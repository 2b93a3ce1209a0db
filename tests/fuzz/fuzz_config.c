/* fuzz_config.c - any bytes as a configuration file: read, or refused with a text. */
#include "app/options.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

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
    return 0;
}
