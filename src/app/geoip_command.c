/* geoip_command.c - see geoip_command.h. */
#include "app/geoip_command.h"

#include "app/arguments.h"

#include <stdlib.h>
#include <time.h>

#define DAY_S 86400

static void print_database(const struct geoip_database *db)
{
    char date[32];
    time_t built = (time_t)db->built_unix_s;
    struct tm tm;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&built, &tm));
    long long age_days = ((long long)time(NULL) - (long long)db->built_unix_s) / DAY_S;
    printf("file       %s\n", db->path);
    printf("kind       %s%s\n", db->type,
           geoip_table_has_positions(db->table) ? "" : " (countries only: nothing will light up)");
    printf("made       %s, %lld days ago\n", date, age_days);
    printf("entries    %llu, as %llu ranges\n", (unsigned long long)db->rows,
           (unsigned long long)geoip_table_ranges(db->table));
    printf("memory     %.1f MiB\n", (double)geoip_table_bytes(db->table) / (1 << 20));
    printf("load time  %llu ms\n", (unsigned long long)db->took_ms);
}

static void print_place(const struct geoip_database *db, const struct address *a)
{
    char text[ADDRESS_TEXT_BYTES_MAX];
    struct geoip_place place;
    address_print(a, text);
    if (!geoip_table_find(db->table, a, &place)) {
        printf("%s  not known\n", text);
        return;
    }
    printf("%s  %s", text, place.country[0] ? place.country : "(no country)");
    if (place.has_position) printf("  %.1f %.1f", place.latitude, place.longitude);
    printf("\n");
}

static enum exit_code report(const struct map_opts *o, const struct address *addresses,
                             uint32_t count)
{
    char path[GEOIP_PATH_BYTES_MAX];
    struct geoip_database db;
    geoip_file_find(o->geoip_file, path);
    if (o->no_locations) printf("no_locations is set: a server started so loads no database\n");
    if (!path[0]) {
        fprintf(stderr,
                "muster: there is no database of locations: geoip_file is not set, and no "
                "IP2LOCATION-LITE-DB5.CSV is here\n\n%s",
                GEOIP_WHERE_FROM);
        return EXIT_RUNTIME;
    }
    if (!geoip_load(&db, path)) {
        fprintf(stderr, "muster: %s: %s\n\n%s", path, db.error, GEOIP_WHERE_FROM);
        return EXIT_RUNTIME;
    }
    print_database(&db);
    if (count) printf("\n");
    for (uint32_t i = 0; i < count; i++)
        print_place(&db, &addresses[i]);
    geoip_unload(&db);
    return command_printed();
}

static enum exit_code run(const struct command_input *in, struct settings *settings)
{
    struct arguments arguments;
    struct address addresses[ARGUMENT_WORDS_MAX];
    struct option_sources sources = {.arguments = arguments.options,
                                     .environment = in->environment};
    struct option_error error;
    log_level_set(LOG_ERROR);
    if (arguments_sort(in->arguments, NULL, 0, &arguments, &error) != ERR_OK ||
        settings_read(settings, &sources, &error) != ERR_OK)
        return command_usage("%s", error.text);
    for (uint32_t i = 0; i < arguments.word_count; i++)
        if (address_parse(view_of_text(arguments.words[i]), &addresses[i]) != ERR_OK)
            return command_usage("geoip: \"%.200s\" is no address", arguments.words[i]);
    return report(&settings->config.map, addresses, arguments.word_count);
}

enum exit_code geoip_command(const struct command_input *in)
{
    struct settings *settings = calloc(1, sizeof *settings);
    enum exit_code code = settings ? run(in, settings) : EXIT_MEMORY;
    free(settings);
    return code;
}
