/* geoip_command.c - see geoip_command.h.
 *
 * Which one   the muster that runs knows best: its file may have been set while it ran, or lie in the
 *             folder that it was started in. A file that is named to the command, and a machine where
 *             none runs, are told about as a start would see them. */
#include "app/geoip_command.h"

#include "app/control_client.h"

#include <stdlib.h>
#include <time.h>

#define DAY_S 86400

/* What there is to know of a database; of the running muster's, what it tells. */
struct facts {
    const char *path, *type;
    bool has_positions;
    double built_unix_s, entries, ranges, memory_bytes, load_ms;
};

static void print_facts(const struct facts *f)
{
    char date[32];
    time_t built = (time_t)f->built_unix_s;
    struct tm tm;
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&built, &tm));
    printf("file       %s\n", f->path);
    printf("kind       %s%s\n", f->type,
           f->has_positions ? "" : " (countries only: nothing will light up)");
    printf("made       %s, %lld days ago\n", date,
           ((long long)time(NULL) - (long long)built) / DAY_S);
    printf("entries    %.0f, as %.0f ranges\n", f->entries, f->ranges);
    printf("memory     %.1f MiB\n", f->memory_bytes / (1 << 20));
    printf("load time  %.0f ms\n", f->load_ms);
}

static struct facts facts_of(const struct geoip_database *db)
{
    return (struct facts){.path = db->path,
                          .type = db->type,
                          .has_positions = geoip_table_has_positions(db->table),
                          .built_unix_s = (double)db->built_unix_s,
                          .entries = (double)db->rows,
                          .ranges = (double)geoip_table_ranges(db->table),
                          .memory_bytes = (double)geoip_table_bytes(db->table),
                          .load_ms = (double)db->took_ms};
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

static enum exit_code fail_read(const char *path, const struct geoip_database *db)
{
    fprintf(stderr, "muster: %s: %s\n\n%s", path, db->error, GEOIP_WHERE_FROM);
    return EXIT_RUNTIME;
}

static void print_places(const struct geoip_database *db, const struct address *addresses,
                         uint32_t count)
{
    if (count) printf("\n");
    for (uint32_t i = 0; i < count; i++)
        print_place(db, &addresses[i]);
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
    if (!geoip_load(&db, path)) return fail_read(path, &db);
    struct facts facts = facts_of(&db);
    print_facts(&facts);
    print_places(&db, addresses, count);
    geoip_unload(&db);
    return command_printed();
}

/* ---- of the muster that runs ---- */

/* What it has loaded, and what it is about to load or could not; false: nothing is loaded. */
static bool report_state(const struct control *c, const json_t *database)
{
    const char *error = control_text(database, "error");
    struct facts facts = {.path = control_text(database, "file"),
                          .type = control_text(database, "type"),
                          .has_positions = json_is_true(json_object_get(database, "positions")),
                          .built_unix_s = control_number(database, "built_unix_s"),
                          .entries = control_number(database, "entries"),
                          .ranges = control_number(database, "ranges"),
                          .memory_bytes = control_number(database, "memory_bytes"),
                          .load_ms = control_number(database, "load_ms")};
    if (facts.path[0]) {
        print_facts(&facts);
        printf("used by    the muster at %s\n", c->path);
    }
    if (json_is_true(json_object_get(database, "loading")))
        printf("reading    %s, %.0f %%\n", control_text(database, "wanted"),
               control_number(database, "progress_pct"));
    else if (error[0]) fprintf(stderr, "muster: %s\n", error);
    return facts.path[0] != '\0';
}

/* It tells no places, so its file is read again, from where this process sees it. */
static enum exit_code report_places(const struct control *c, const char *file,
                                    const struct address *addresses, uint32_t count)
{
    char path[GEOIP_PATH_BYTES_MAX + CONFIG_PATH_BYTES_MAX];
    struct geoip_database db;
    snprintf(path, sizeof path, "%s%s", c->settings.config.app.chroot, file);
    if (!geoip_load(&db, path)) return fail_read(path, &db);
    print_places(&db, addresses, count);
    geoip_unload(&db);
    return EXIT_FINE;
}

static enum exit_code report_running(struct control *c, const json_t *map,
                                     const struct address *addresses)
{
    const json_t *database = json_object_get(map, "database");
    enum exit_code code = EXIT_FINE;
    if (report_state(c, database)) {
        if (c->arguments.word_count)
            code = report_places(c, control_text(database, "file"), addresses,
                                 c->arguments.word_count);
    } else if (!json_is_true(json_object_get(database, "loading"))) {
        fprintf(stderr, "muster: the muster at %s has no database of locations%s\n\n%s", c->path,
                database ? "" : ": map = off", GEOIP_WHERE_FROM);
        code = EXIT_RUNTIME;
    }
    return code == EXIT_FINE ? command_printed() : code;
}

static enum exit_code run(struct control *c)
{
    struct address addresses[ARGUMENT_WORDS_MAX];
    const struct arguments *a = &c->arguments;
    const struct settings *s = &c->settings;
    for (uint32_t i = 0; i < a->word_count; i++)
        if (address_parse(view_of_text(a->words[i]), &addresses[i]) != ERR_OK)
            return command_usage("geoip: \"%.200s\" is no address", a->words[i]);
    size_t row = (size_t)(option_find(VIEW("geoip_file")) - OPTIONS);
    bool is_named = s->origin[row].source == SOURCE_COMMAND_LINE;
    json_t *map = is_named ? NULL : control_ask(c, "/api/map.json");
    bool runs = map && c->status == 200;
    enum exit_code code =
        runs ? report_running(c, map, addresses) : report(&s->config.map, addresses, a->word_count);
    json_decref(map);
    return code;
}

enum exit_code geoip_command(const struct command_input *in)
{
    static const struct control_needs NEEDS = {.has_words = true};
    enum exit_code code;
    log_level_set(LOG_ERROR);
    struct control *c = control_open(in, &NEEDS, &code);
    if (c) code = run(c);
    control_close(c);
    return code;
}
