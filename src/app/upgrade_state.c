/* upgrade_state.c - see upgrade_state.h. */
#include "app/upgrade_state.h"

#include "admin/admin.h"
#include "app/server.h"
#include "app/settings_change.h"
#include "base/log.h"

#include <jansson.h>
#include <stdlib.h>

/* ---- numbers ---- */

static void put(json_t *o, const char *key, uint64_t value)
{
    if (value) json_object_set_new(o, key, json_integer((json_int_t)value));
}

static uint64_t take(const json_t *o, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(o, key));
    return v > 0 ? (uint64_t)v : 0;
}

static json_t *array_of(const uint64_t *values, size_t count)
{
    json_t *a = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(a, json_integer((json_int_t)values[i]));
    return a;
}

/* Filled only when the other version counts as many. */
static void array_to(const json_t *a, uint64_t *values, size_t count)
{
    if (json_array_size(a) != count) return;
    for (size_t i = 0; i < count; i++)
        values[i] = (uint64_t)json_integer_value(json_array_get(a, i));
}

/* ---- counters ---- */

static json_t *histogram_write(const struct buckets_total *h)
{
    return json_pack("{s:o, s:I}", "in", array_of(h->in, BUCKETS_MAX), "sum", (json_int_t)h->sum);
}

static void histogram_read(const json_t *o, struct buckets_total *h)
{
    array_to(json_object_get(o, "in"), h->in, BUCKETS_MAX);
    h->sum = take(o, "sum");
}

static json_t *errnos_write(const uint64_t counts[METRIC_ERRNOS])
{
    json_t *o = json_object();
    for (int i = 0; i < METRIC_ERRNOS; i++) {
        char number[12];
        snprintf(number, sizeof number, "%d", i);
        put(o, number, counts[i]);
    }
    return o;
}

static void errnos_read(const json_t *o, uint64_t counts[METRIC_ERRNOS])
{
    for (int i = 0; i < METRIC_ERRNOS; i++) {
        char number[12];
        snprintf(number, sizeof number, "%d", i);
        counts[i] = take(o, number);
    }
}

static json_t *errors_write(const uint64_t counts[ERR_COUNT])
{
    json_t *o = json_object();
    for (int i = 0; i < ERR_COUNT; i++)
        put(o, err_text((enum err)i), counts[i]);
    return o;
}

static json_t *counters_write(const struct metrics_total *m)
{
    json_t *o = json_object(), *counts = json_object(), *errors = json_object();
    json_t *errnos = json_object(), *latency = json_object();
    for (int i = 0; i < METRIC_COUNT; i++) {
        char name[METRIC_TEXT_BYTES_MAX];
        metric_print((enum metric)i, name);
        put(counts, name, m->count[i]);
    }
    for (int i = 0; i < METRIC_DOORS; i++) {
        const char *door = metric_door_name((enum metric_door)i);
        json_object_set_new(errors, door, errors_write(m->errors[i]));
        json_object_set_new(latency, door, histogram_write(&m->latency[i]));
    }
    for (int i = 0; i < CALL_COUNT; i++)
        json_object_set_new(errnos, metric_call_name((enum metric_call)i),
                            errnos_write(m->errnos[i]));
    json_object_set_new(o, "counts", counts);
    json_object_set_new(o, "errors", errors);
    json_object_set_new(o, "errnos", errnos);
    json_object_set_new(o, "latency", latency);
    json_object_set_new(o, "reannounce", histogram_write(&m->reannounce));
    return o;
}

static void counters_read(const json_t *o, struct metrics_total *m)
{
    const json_t *counts = json_object_get(o, "counts");
    for (int i = 0; i < METRIC_COUNT; i++) {
        char name[METRIC_TEXT_BYTES_MAX];
        metric_print((enum metric)i, name);
        m->count[i] = take(counts, name);
    }
    for (int door = 0; door < METRIC_DOORS; door++) {
        const char *name = metric_door_name((enum metric_door)door);
        const json_t *errors = json_object_get(json_object_get(o, "errors"), name);
        for (int i = 0; i < ERR_COUNT; i++)
            m->errors[door][i] = take(errors, err_text((enum err)i));
        histogram_read(json_object_get(json_object_get(o, "latency"), name), &m->latency[door]);
    }
    for (int i = 0; i < CALL_COUNT; i++)
        errnos_read(
            json_object_get(json_object_get(o, "errnos"), metric_call_name((enum metric_call)i)),
            m->errnos[i]);
    histogram_read(json_object_get(o, "reannounce"), &m->reannounce);
}

/* ---- clients ---- */

static const char *const CLIENTS_KEYS[METRIC_CLIENTS] = {
    [CLIENT_ANNOUNCES] = "clients", [CLIENT_PEERS_ADDED] = "clients_added"};

static json_t *slots_write(const uint64_t counts[CLIENT_SLOTS])
{
    json_t *o = json_object();
    for (unsigned i = 0; i < CLIENT_SLOTS; i++) {
        char code[12];
        if (!counts[i]) continue;
        snprintf(code, sizeof code, "%u", i);
        put(o, code, counts[i]);
    }
    return o;
}

static void slots_read(json_t *o, uint64_t counts[CLIENT_SLOTS])
{
    const char *code;
    json_t *value;
    json_object_foreach(o, code, value)
    {
        unsigned long i = strtoul(code, NULL, 10);
        if (i < CLIENT_SLOTS) counts[i] = (uint64_t)json_integer_value(value);
    }
}

static void clients_write(json_t *o, uint64_t scratch[CLIENT_SLOTS])
{
    for (int which = 0; which < METRIC_CLIENTS; which++) {
        metrics_clients((enum metric_client)which, scratch);
        json_object_set_new(o, CLIENTS_KEYS[which], slots_write(scratch));
    }
}

/* ---- the rest ---- */

static json_t *interval_write(const struct interval *i)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "now_s", (json_int_t)i->now_s,
                     "wanted_s", (json_int_t)i->wanted_s, "lifetime_s", (json_int_t)i->lifetime_s,
                     "previous_s", (json_int_t)i->previous_s, "decide_at_s",
                     (json_int_t)i->decide_at_s, "step_at_s", (json_int_t)i->step_at_s,
                     "lifetime_until_s", (json_int_t)i->lifetime_until_s);
}

/* What is out of the new limits is brought into them by interval_turn(). Times are of the machine's
 * monotonic clock, which both processes read. */
static void interval_read(const json_t *o, struct interval *i)
{
    if (!take(o, "now_s")) return;
    i->now_s = (uint32_t)take(o, "now_s");
    i->wanted_s = (uint32_t)take(o, "wanted_s");
    i->lifetime_s = (uint32_t)take(o, "lifetime_s");
    i->previous_s = (uint32_t)take(o, "previous_s");
    i->decide_at_s = (uint32_t)take(o, "decide_at_s");
    i->step_at_s = (uint32_t)take(o, "step_at_s");
    i->lifetime_until_s = (uint32_t)take(o, "lifetime_until_s");
}

static json_t *load_write(const struct load *l)
{
    json_t *a = json_array();
    for (int i = 0; i < 3; i++) {
        json_array_append_new(a, json_real(l->own[i]));
        json_array_append_new(a, json_real(l->dropping[i]));
    }
    return a;
}

static void load_read(const json_t *a, struct load *l)
{
    for (size_t i = 0; i < 3; i++) {
        l->own[i] = json_number_value(json_array_get(a, 2 * i));
        l->dropping[i] = json_number_value(json_array_get(a, 2 * i + 1));
    }
}

/* ---- snapshots ---- */

static json_t *job_write(const struct state_job *j)
{
    json_t *o = json_pack("{s:s}", "error", j->error);
    put(o, "number", j->number);
    return o;
}

static void job_read(const json_t *o, struct state_job *j)
{
    const char *error = json_string_value(json_object_get(o, "error"));
    j->number = take(o, "number");
    snprintf(j->error, sizeof j->error, "%s", error ? error : "");
}

static json_t *saves_write(const struct state *s)
{
    struct state_status v;
    state_status(s, &v);
    json_t *o = json_pack("{s:b, s:b, s:o, s:o}", "wanted", !state_is_idle(s), "wants_import",
                          state_wants_import(s), "save", job_write(&v.save), "import",
                          job_write(&v.import));
    put(o, "begun", v.begun);
    put(o, "saves", v.saves);
    put(o, "failures", v.failures);
    put(o, "imports", v.imports);
    put(o, "saved_unix_s", v.saved_unix_s);
    put(o, "torrents", v.saved.totals.torrents);
    put(o, "peers4", v.saved.totals.peers[FAMILY_V4]);
    put(o, "peers6", v.saved.totals.peers[FAMILY_V6]);
    put(o, "bytes", v.saved.bytes);
    put(o, "us", v.saved.us);
    put(o, "hold_us_max", v.saved.hold_us_max);
    return o;
}

static void saves_read(const json_t *o, struct state *s)
{
    struct state_status v = {
        .begun = take(o, "begun"),
        .saves = take(o, "saves"),
        .failures = take(o, "failures"),
        .imports = take(o, "imports"),
        .saved_unix_s = take(o, "saved_unix_s"),
        .saved = {.totals = {.torrents = take(o, "torrents"),
                             .peers = {take(o, "peers4"), take(o, "peers6")}},
                  .bytes = take(o, "bytes"),
                  .us = take(o, "us"),
                  .hold_us_max = take(o, "hold_us_max")},
    };
    job_read(json_object_get(o, "save"), &v.save);
    job_read(json_object_get(o, "import"), &v.import);
    state_resume(s, &v);
    if (json_is_true(json_object_get(o, "wants_import"))) state_want_import(s);
    else if (json_is_true(json_object_get(o, "wanted"))) state_want_save(s, "an upgrade");
}

/* ---- options ---- */

static json_t *live_write(const struct settings *s)
{
    json_t *o = json_object();
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char value[OPTION_VALUE_BYTES_MAX];
        if (s->origin[i].source != SOURCE_LIVE) continue;
        option_print(&s->config, &OPTIONS[i], value);
        json_object_set_new(o, OPTIONS[i].name, json_string(value));
    }
    return o;
}

static void live_set(struct settings_change *c, const char *name, const char *value)
{
    struct option_error error;
    const struct option_row *row = option_find(view_of_text(name));
    if (!row || row->reload != RELOAD_LIVE)
        log_line(LOG_WARN, "upgrade: %s was set while running, and this version has no such option",
                 name);
    else if (settings_change_set(c, row, view_of_text(value), &error) != ERR_OK)
        log_line(LOG_WARN, "upgrade: %s was set while running, and cannot be now: %s", name,
                 error.text);
}

/* What was set live and is not any more gets the value of the files again. */
static void live_forget(struct settings_change *c, const json_t *o)
{
    struct option_error error = {.text = "out of memory"}; /* whatever else it is, it says */
    const struct settings *now = &c->server->live->settings;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (now->origin[i].source != SOURCE_LIVE || json_object_get(o, OPTIONS[i].name)) continue;
        if (settings_change_forget(c, &OPTIONS[i], &error) != ERR_OK)
            log_line(LOG_WARN, "upgrade: %s stays as it was set: %s", OPTIONS[i].name, error.text);
    }
}

static bool live_is(const struct server *s, const json_t *wanted)
{
    json_t *now = live_write(&s->live->settings);
    bool is = json_equal(now, wanted);
    json_decref(now);
    return is;
}

static enum err live_read(struct server *s, json_t *o)
{
    struct settings_change c;
    struct option_error error;
    const char *name;
    json_t *value;
    if (live_is(s, o)) return ERR_OK;
    if (settings_change_begin(&c, s) != ERR_OK) return ERR_NO_MEMORY;
    live_forget(&c, o);
    json_object_foreach(o, name, value)
        live_set(&c, name, json_string_value(value) ? json_string_value(value) : "");
    if (settings_change_check(&c, &error) != ERR_OK) {
        log_line(LOG_WARN, "upgrade: what was set while running is lost: %s", error.text);
        settings_change_drop(&c);
        return ERR_OK;
    }
    enum err err = access_loader_read(&s->lists, &c.next->settings.config.access);
    if (err == ERR_OK) settings_change_apply(&c, "an upgrade");
    else settings_change_drop(&c);
    return err;
}

char *upgrade_live_write(const struct server *s)
{
    uint64_t refusals = admin_json_refusals();
    json_t *o = live_write(&s->live->settings);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (admin_json_refusals() == refusals) return text;
    free(text); /* it has holes */
    return NULL;
}

char *upgrade_state_write(const struct server *s)
{
    struct metrics_total *m = calloc(1, sizeof *m);
    uint64_t *clients = calloc(CLIENT_SLOTS, sizeof *clients);
    uint64_t refusals = admin_json_refusals();
    json_t *o = m && clients ? json_object() : NULL;
    char *text = NULL;
    if (o) {
        uint64_t rates[RATE_COUNT];
        metrics_total(m);
        for (int i = 0; i < RATE_COUNT; i++)
            rates[i] = s->periodic.rate.rate[i].max;
        put(o, "start_unix_s", s->stats.start_unix_s);
        put(o, "start_ms", s->stats.start_ms);
        json_object_set_new(o, "counters", counters_write(m));
        clients_write(o, clients);
        json_object_set_new(o, "rates_max", array_of(rates, RATE_COUNT));
        json_object_set_new(o, "interval", interval_write(&s->tracker.interval));
        json_object_set_new(o, "load", load_write(&s->periodic.load));
        json_object_set_new(o, "live", live_write(&s->live->settings));
        json_object_set_new(o, "reload", json_boolean(s->reload_wanted || s->reload_after));
        json_object_set_new(o, "saves", saves_write(s->state));
        text = json_dumps(o, JSON_COMPACT);
        json_decref(o);
    }
    free(m);
    free(clients);
    if (admin_json_refusals() == refusals) return text;
    free(text); /* it has holes */
    return NULL;
}

static enum err counters_resume(struct server *s, const json_t *o)
{
    struct metrics_total *m = calloc(1, sizeof *m);
    uint64_t(*clients)[CLIENT_SLOTS] = calloc(METRIC_CLIENTS, sizeof *clients);
    enum err err = m && clients ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        struct stats_rate rates[RATE_COUNT] = {0};
        uint64_t max[RATE_COUNT] = {0};
        struct load load = {0};
        counters_read(json_object_get(o, "counters"), m);
        for (int which = 0; which < METRIC_CLIENTS; which++)
            slots_read(json_object_get(o, CLIENTS_KEYS[which]), clients[which]);
        metrics_resume(m, clients);
        array_to(json_object_get(o, "rates_max"), max, RATE_COUNT);
        for (int i = 0; i < RATE_COUNT; i++)
            rates[i].max = max[i];
        load_read(json_object_get(o, "load"), &load);
        periodic_resume(s, rates, &load);
        stats_resume(s, take(o, "start_unix_s"), take(o, "start_ms"));
    }
    free(m);
    free(clients);
    return err;
}

static json_t *parse(struct view text)
{
    json_error_t error;
    json_t *o = json_loadb((const char *)text.ptr, text.len, 0, &error);
    if (!o) log_line(LOG_ERROR, "upgrade: line %d: %s", error.line, error.text);
    return o;
}

enum err upgrade_live_read(struct server *s, struct view text)
{
    json_t *o = parse(text);
    if (!o) return ERR_BAD_VALUE;
    enum err err = live_read(s, o);
    json_decref(o);
    return err;
}

enum err upgrade_state_read(struct server *s, struct view text)
{
    json_t *o = parse(text);
    if (!o) return ERR_BAD_VALUE;
    enum err err = counters_resume(s, o);
    if (err == ERR_OK) err = live_read(s, json_object_get(o, "live"));
    interval_read(json_object_get(o, "interval"), &s->tracker.interval);
    s->reload_wanted = json_is_true(json_object_get(o, "reload"));
    saves_read(json_object_get(o, "saves"), s->state);
    json_decref(o);
    return err;
}

/* ---- history ---- */

char *upgrade_history_write(const struct server *s)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (!out) return NULL;
    history_print(out, &s->stats.history, 0);
    if (fclose(out) == 0) return text;
    free(text);
    return NULL;
}

enum err upgrade_history_read(struct server *s, struct view text)
{
    const json_t *series[HISTORY_SERIES];
    json_t *o = parse(text);
    if (!o) return ERR_BAD_VALUE;
    uint64_t count = take(o, "count"), end_unix_s = take(o, "end_unix_s");
    if (count > HISTORY_POINTS) count = HISTORY_POINTS;
    for (int i = 0; i < HISTORY_SERIES; i++)
        series[i] = json_object_get(json_object_get(o, "series"),
                                    history_series_name((enum history_series)i));
    for (uint64_t n = 0; n < count; n++) {
        double values[HISTORY_SERIES];
        for (int i = 0; i < HISTORY_SERIES; i++)
            values[i] = json_number_value(json_array_get(series[i], n));
        history_add(&s->stats.history, end_unix_s - (count - 1 - n) * HISTORY_STEP_S, values);
    }
    json_decref(o);
    return ERR_OK;
}
