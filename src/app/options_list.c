/* options_list.c - `listen`, `trusted_proxies`, `rate_exempt` and `admin_listen`: text to array and
 * back. */
#include "app/options_list.h"

/* ---- listen ---- */

static void listen_clear(struct config *c)
{
    memset(c->app.listen, 0, sizeof c->app.listen);
    c->app.listen_count = 0;
}

static enum err listen_append(struct config *c, struct view item)
{
    if (c->app.listen_count == LISTEN_MAX) return ERR_FULL;
    struct listen_address parsed = {0};
    enum err err = listen_parse(item, &parsed);
    if (err == ERR_OK) c->app.listen[c->app.listen_count++] = parsed;
    return err;
}

static size_t listen_count(const struct config *c)
{
    return c->app.listen_count;
}

static const char *scheme(const struct listen_address *l)
{
    if (l->udp && l->tcp) return l->proxy ? "proxy://" : "";
    if (l->udp) return l->proxy ? "udp+proxy://" : "udp://";
    return l->proxy ? "tcp+proxy://" : "tcp://";
}

void listen_print(const struct listen_address *l, char *out, size_t size)
{
    if (l->any_family) {
        snprintf(out, size, "%s%u", scheme(l), l->port);
        return;
    }
    char address[ADDRESS_TEXT_BYTES_MAX];
    address_print(&l->address, address);
    const char *form = l->address.family == FAMILY_V6 ? "%s[%s]" : "%s%s";
    size_t n = (size_t)snprintf(out, size, form, scheme(l), address);
    if (l->port && n < size) snprintf(out + n, size - n, ":%u", l->port);
}

static void listen_print_at(const struct config *c, size_t index, char *out, size_t size)
{
    listen_print(&c->app.listen[index], out, size);
}

const struct option_list OPTION_LIST_LISTEN = {
    .clear = listen_clear,
    .append = listen_append,
    .count = listen_count,
    .print = listen_print_at,
};

/* ---- trusted_proxies ---- */

static void trusted_clear(struct config *c)
{
    memset(c->app.trusted, 0, sizeof c->app.trusted);
    c->app.trusted_count = 0;
}

static enum err prefix_append(struct prefix *all, uint32_t *count, uint32_t max, struct view item)
{
    if (*count == max) return ERR_FULL;
    struct prefix parsed = {0};
    enum err err = prefix_parse(item, &parsed);
    if (err == ERR_OK) all[(*count)++] = parsed;
    return err;
}

static void prefix_print(const struct prefix *p, char *out, size_t size)
{
    char address[ADDRESS_TEXT_BYTES_MAX];
    address_print(&p->address, address);
    if (p->bits == 8 * ADDRESS_BYTES(p->address.family)) snprintf(out, size, "%s", address);
    else snprintf(out, size, "%s/%u", address, p->bits);
}

static enum err trusted_append(struct config *c, struct view item)
{
    return prefix_append(c->app.trusted, &c->app.trusted_count, TRUSTED_MAX, item);
}

static size_t trusted_count(const struct config *c)
{
    return c->app.trusted_count;
}

static void trusted_print_at(const struct config *c, size_t index, char *out, size_t size)
{
    prefix_print(&c->app.trusted[index], out, size);
}

const struct option_list OPTION_LIST_TRUSTED = {
    .clear = trusted_clear,
    .append = trusted_append,
    .count = trusted_count,
    .print = trusted_print_at,
};

/* ---- rate_exempt ---- */

static void exempt_clear(struct config *c)
{
    memset(c->app.rate_exempt, 0, sizeof c->app.rate_exempt);
    c->app.rate_exempt_count = 0;
}

static enum err exempt_append(struct config *c, struct view item)
{
    return prefix_append(c->app.rate_exempt, &c->app.rate_exempt_count, RATE_EXEMPT_MAX, item);
}

static size_t exempt_count(const struct config *c)
{
    return c->app.rate_exempt_count;
}

static void exempt_print_at(const struct config *c, size_t index, char *out, size_t size)
{
    prefix_print(&c->app.rate_exempt[index], out, size);
}

const struct option_list OPTION_LIST_EXEMPT = {
    .clear = exempt_clear,
    .append = exempt_append,
    .count = exempt_count,
    .print = exempt_print_at,
};

/* ---- admin_listen ---- */

static void admin_clear(struct config *c)
{
    memset(c->app.admin_listen, 0, sizeof c->app.admin_listen);
    c->app.admin_listen_count = 0;
    c->app.admin_listen_off = false;
}

static enum err admin_append(struct config *c, struct view item)
{
    struct app_opts *a = &c->app;
    struct listen_address parsed = {0};
    bool off = view_equal(item, VIEW("off"));
    if (a->admin_listen_off || (off && a->admin_listen_count)) return ERR_BAD_VALUE;
    a->admin_listen_off = off;
    if (off) return ERR_OK;
    if (a->admin_listen_count == ADMIN_LISTEN_MAX) return ERR_FULL;
    enum err err = listen_parse(item, &parsed);
    if (err != ERR_OK) return err;
    if (!parsed.tcp || !parsed.udp || parsed.proxy) return ERR_BAD_VALUE; /* it had a scheme */
    if (parsed.any_family) /* a port alone is not for everybody */
        parsed.address = (struct address){.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    parsed.any_family = parsed.udp = false;
    if (!parsed.port) parsed.port = ADMIN_PORT_DEFAULT;
    a->admin_listen[a->admin_listen_count++] = parsed;
    return ERR_OK;
}

static size_t admin_count(const struct config *c)
{
    return c->app.admin_listen_off ? 1 : c->app.admin_listen_count;
}

static void admin_print_at(const struct config *c, size_t index, char *out, size_t size)
{
    struct listen_address shown = c->app.admin_listen[index];
    shown.udp = true; /* no scheme */
    if (c->app.admin_listen_off) snprintf(out, size, "off");
    else listen_print(&shown, out, size);
}

const struct option_list OPTION_LIST_ADMIN = {
    .clear = admin_clear,
    .append = admin_append,
    .count = admin_count,
    .print = admin_print_at,
};
