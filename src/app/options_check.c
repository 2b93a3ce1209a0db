/* options_check.c - values that are fine alone and wrong together: rows of a test and its text. */
#include "app/options.h"

#include "admin/auth.h"
#include "app/options_list.h"

struct check {
    bool (*is_wrong)(const struct config *c);
    const char *text;
    const char *options[OPTION_ERROR_NAMES_MAX]; /* shown with their values */
};

static bool no_door(const struct config *c)
{
    return c->app.no_tcp && c->app.no_udp;
}

static bool no_family(const struct config *c)
{
    return c->app.no_ipv4 && c->app.no_ipv6;
}

static bool interval_inverted(const struct config *c)
{
    return c->tracker.interval.min_s > c->tracker.interval.max_s;
}

static bool nobody_trusted(const struct config *c)
{
    return c->http.forwarded_header[0] && c->app.trusted_count == 0;
}

static bool nothing_listens(const struct config *c)
{
    const struct app_opts *a = &c->app;
    for (uint32_t i = 0; i < a->listen_count; i++) {
        const struct listen_address *l = &a->listen[i];
        bool is_v6 = l->address.family == FAMILY_V6;
        bool family = l->any_family || !(is_v6 ? a->no_ipv6 : a->no_ipv4);
        if (family && ((l->udp && !a->no_udp) || (l->tcp && !a->no_tcp))) return false;
    }
    return a->listen_count > 0;
}

static bool password_in_clear(const struct config *c)
{
    return c->app.admin_password[0] && !auth_password_hash_is_valid(c->app.admin_password);
}

static const struct check CHECKS[] = {
    {no_door, "nothing would be served", {"no_tcp", "no_udp"}},
    {no_family, "nothing would be served", {"no_ipv4", "no_ipv6"}},
    {interval_inverted,
     "min_interval is larger than max_interval",
     {"min_interval", "max_interval"}},
    {nobody_trusted, "nobody's header would be believed", {"real_ip_header", "trusted_proxies"}},
    {nothing_listens,
     "none of the addresses to listen on would be served",
     {"no_tcp", "no_udp", "no_ipv4", "no_ipv6"}},
    {password_in_clear,
     "not a hash that `muster password` prints, or one that costs too much to check",
     {"admin_password"}},
};

/* "text: a = 1, b = 2" */
static void check_describe(const struct settings *s, const struct check *check,
                           struct option_error *error)
{
    size_t size = sizeof error->text;
    size_t n = (size_t)snprintf(error->text, size, "%s:", check->text);
    for (int k = 0; k < OPTION_ERROR_NAMES_MAX; k++) {
        char value[OPTION_VALUE_BYTES_MAX];
        error->names[k] = check->options[k];
        if (!check->options[k]) continue;
        const struct option_row *row = option_find(view_of_text(check->options[k]));
        option_print(&s->config, row, value);
        n += (size_t)snprintf(error->text + n, size - n, "%s %s = %.64s", k ? "," : "", row->name,
                              row->secret ? "(not shown)" : value);
    }
}

enum err settings_check(const struct settings *s, struct option_error *error)
{
    for (size_t i = 0; i < sizeof CHECKS / sizeof *CHECKS; i++) {
        if (!CHECKS[i].is_wrong(&s->config)) continue;
        check_describe(s, &CHECKS[i], error);
        return ERR_BAD_VALUE;
    }
    return ERR_OK;
}
