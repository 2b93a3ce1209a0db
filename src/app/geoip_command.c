/* geoip_command.c - see geoip_command.h.
 *
 * Addresses are picked out from among the options; what is an option's own value (--listen ADDRESS)
 * stays with it. */
#include "app/geoip_command.h"

#include "app/options.h"

#include <stdlib.h>
#include <time.h>

#define ADDRESSES_MAX 256
#define ARGUMENTS_MAX 1024
#define DAY_S         86400

struct input {
    const char *options[ARGUMENTS_MAX + 1]; /* NULL-terminated */
    size_t option_count;
    struct address addresses[ADDRESSES_MAX];
    size_t address_count;
};

/* Is the argument behind this one its value? */
static bool takes_next(const char *argument)
{
    if (argument[0] != '-' || strchr(argument, '=')) return false;
    const char *name = argument + strspn(argument, "-");
    const struct option_row *row =
        strlen(name) == 1 ? option_find_short(name[0]) : option_find(view_of_text(name));
    return row && row->type != OPT_FLAG;
}

static bool input_split(struct input *in, const char *const *arguments)
{
    bool is_value = false;
    for (; *arguments; arguments++) {
        struct address *a = &in->addresses[in->address_count];
        if (in->address_count == ADDRESSES_MAX || in->option_count == ARGUMENTS_MAX) return false;
        if (!is_value && address_parse(view_of_text(*arguments), a) == ERR_OK) {
            in->address_count++;
            continue;
        }
        in->options[in->option_count++] = *arguments;
        is_value = !is_value && takes_next(*arguments);
    }
    return true;
}

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

static enum exit_code report(const struct map_opts *o, const struct input *in)
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
    if (in->address_count) printf("\n");
    for (size_t i = 0; i < in->address_count; i++)
        print_place(&db, &in->addresses[i]);
    geoip_unload(&db);
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_FINE : EXIT_RUNTIME;
}

enum exit_code geoip_command(const char *const *arguments, const char *const *environment)
{
    enum exit_code code = EXIT_MEMORY;
    struct option_error error = {.text = "too many arguments"};
    struct input *in = calloc(1, sizeof *in);
    struct settings *settings = calloc(1, sizeof *settings);
    if (in && settings) {
        struct option_sources sources = {.arguments = in->options, .environment = environment};
        code = EXIT_USAGE;
        log_level_set(LOG_ERROR);
        if (input_split(in, arguments) && settings_read(settings, &sources, &error) == ERR_OK)
            code = report(&settings->config.map, in);
        else fprintf(stderr, "muster: %s\n", error.text);
    }
    free(in);
    free(settings);
    return code;
}
