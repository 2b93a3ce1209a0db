/* options_item.c - addresses to listen on, prefixes, ports and files: text to item and back. */
#include "app/options_item.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- listen ---- */

static enum err listen_item_parse(struct view text, void *out)
{
    return listen_parse(text, out);
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

static void listen_item_print(const void *item, char *out, size_t size)
{
    listen_print(item, out, size);
}

const struct option_item OPTION_ITEM_LISTEN = {
    .bytes = sizeof(struct listen_address),
    .parse = listen_item_parse,
    .print = listen_item_print,
};

/* ---- admin_listen ---- */

static enum err admin_parse(struct view text, void *out)
{
    struct listen_address *l = out;
    enum err err = listen_parse(text, l);
    if (err != ERR_OK) return err;
    if (!l->tcp || !l->udp || l->proxy) return ERR_BAD_VALUE; /* it had a scheme */
    if (l->any_family) /* a port alone is not for everybody */
        l->address = (struct address){.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    l->any_family = l->udp = false;
    if (!l->port) l->port = ADMIN_PORT_DEFAULT;
    return ERR_OK;
}

static void admin_print(const void *item, char *out, size_t size)
{
    struct listen_address shown = *(const struct listen_address *)item;
    shown.udp = true; /* no scheme */
    listen_print(&shown, out, size);
}

const struct option_item OPTION_ITEM_ADMIN = {
    .bytes = sizeof(struct listen_address),
    .parse = admin_parse,
    .print = admin_print,
};

/* ---- prefixes ---- */

static enum err prefix_item_parse(struct view text, void *out)
{
    return prefix_parse(text, out);
}

static void prefix_item_print(const void *item, char *out, size_t size)
{
    const struct prefix *p = item;
    char address[ADDRESS_TEXT_BYTES_MAX];
    address_print(&p->address, address);
    if (p->bits == 8 * ADDRESS_BYTES(p->address.family)) snprintf(out, size, "%s", address);
    else snprintf(out, size, "%s/%u", address, p->bits);
}

const struct option_item OPTION_ITEM_PREFIX = {
    .bytes = sizeof(struct prefix),
    .parse = prefix_item_parse,
    .print = prefix_item_print,
};

/* ---- ports ---- */

static enum err port_parse(struct view text, uint16_t *out)
{
    uint64_t port;
    enum err err = text_u64(text, &port);
    if (err != ERR_OK) return err;
    if (port < 1 || port > UINT16_MAX) return ERR_OUT_OF_RANGE;
    *out = (uint16_t)port;
    return ERR_OK;
}

/* "6881-6889", of which the second may be left out. */
static enum err range_parse(struct view text, struct access_ports *out)
{
    const uint8_t *dash = memchr(text.ptr, '-', text.len);
    size_t n = dash ? (size_t)(dash - text.ptr) : text.len;
    enum err err = port_parse(view_of(text.ptr, n), &out->first);
    out->last = out->first;
    if (err == ERR_OK && dash) err = port_parse(view_from(text, n + 1), &out->last);
    if (err != ERR_OK) return err;
    return out->last < out->first ? ERR_BAD_VALUE : ERR_OK;
}

/* A range, and behind a blank a reason. */
static enum err ports_parse(struct view text, void *out)
{
    struct access_ports *ports = out;
    const uint8_t *blank = memchr(text.ptr, ' ', text.len);
    size_t n = blank ? (size_t)(blank - text.ptr) : text.len;
    struct view reason = view_trim(view_from(text, n));
    enum err err = range_parse(view_of(text.ptr, n), ports);
    if (err != ERR_OK) return err;
    if (reason.len >= sizeof ports->reason) return ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < reason.len; i++)
        if (reason.ptr[i] < ' ' || reason.ptr[i] == 0x7f) return ERR_BAD_VALUE;
    if (reason.len) memcpy(ports->reason, reason.ptr, reason.len);
    return ERR_OK;
}

static void ports_print(const void *item, char *out, size_t size)
{
    const struct access_ports *p = item;
    const char *blank = p->reason[0] ? " " : "";
    if (p->first == p->last) snprintf(out, size, "%u%s%s", p->first, blank, p->reason);
    else snprintf(out, size, "%u-%u%s%s", p->first, p->last, blank, p->reason);
}

const struct option_item OPTION_ITEM_PORTS = {
    .bytes = sizeof(struct access_ports),
    .parse = ports_parse,
    .print = ports_print,
};

/* ---- files ---- */

static enum err file_parse(struct view text, void *out)
{
    if (text.len >= CONFIG_PATH_BYTES_MAX) return ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f) return ERR_BAD_VALUE;
    memcpy(out, text.ptr, text.len);
    return ERR_OK;
}

static void file_print(const void *item, char *out, size_t size)
{
    snprintf(out, size, "%s", (const char *)item);
}

const struct option_item OPTION_ITEM_FILE = {
    .bytes = CONFIG_PATH_BYTES_MAX,
    .parse = file_parse,
    .print = file_print,
};
