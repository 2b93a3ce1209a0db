/* options_access.c - `allow_torrents` to `deny_ports`: text to array and back. */
#include "app/options_list.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- files ---- */

static void files_clear(struct access_opts *o, enum access_list list)
{
    memset(o->files[list], 0, sizeof o->files[list]);
    o->file_count[list] = 0;
}

static enum err files_append(struct access_opts *o, enum access_list list, struct view path)
{
    if (o->file_count[list] == ACCESS_FILES_MAX) return ERR_FULL;
    if (path.len >= CONFIG_PATH_BYTES_MAX) return ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] < ' ' || path.ptr[i] == 0x7f) return ERR_BAD_VALUE;
    memcpy(o->files[list][o->file_count[list]++], path.ptr, path.len);
    return ERR_OK;
}

/* The functions of an option_list know nothing but the configuration. */
#define FILE_LIST(LIST, name)                                                                      \
    static void name##_clear(struct config *c)                                                     \
    {                                                                                              \
        files_clear(&c->access, LIST);                                                             \
    }                                                                                              \
    static enum err name##_append(struct config *c, struct view item)                              \
    {                                                                                              \
        return files_append(&c->access, LIST, item);                                               \
    }                                                                                              \
    static size_t name##_count(const struct config *c)                                             \
    {                                                                                              \
        return c->access.file_count[LIST];                                                         \
    }                                                                                              \
    static void name##_print(const struct config *c, size_t index, char *out, size_t size)         \
    {                                                                                              \
        snprintf(out, size, "%s", c->access.files[LIST][index]);                                   \
    }

FILE_LIST(ACCESS_ALLOW_TORRENTS, allow_torrents)
FILE_LIST(ACCESS_DENY_TORRENTS, deny_torrents)
FILE_LIST(ACCESS_ALLOW_IPS, allow_ips)
FILE_LIST(ACCESS_DENY_IPS, deny_ips)
FILE_LIST(ACCESS_ALLOW_CLIENTS, allow_clients)
FILE_LIST(ACCESS_DENY_CLIENTS, deny_clients)

#define LIST_ROW(LIST, name)                                                                       \
    [LIST] = {                                                                                     \
        .clear = name##_clear,                                                                     \
        .append = name##_append,                                                                   \
        .count = name##_count,                                                                     \
        .print = name##_print,                                                                     \
    }

const struct option_list OPTION_LIST_ACCESS[ACCESS_LISTS] = {
    LIST_ROW(ACCESS_ALLOW_TORRENTS, allow_torrents), LIST_ROW(ACCESS_DENY_TORRENTS, deny_torrents),
    LIST_ROW(ACCESS_ALLOW_IPS, allow_ips),           LIST_ROW(ACCESS_DENY_IPS, deny_ips),
    LIST_ROW(ACCESS_ALLOW_CLIENTS, allow_clients),   LIST_ROW(ACCESS_DENY_CLIENTS, deny_clients),
};

/* ---- allow_ports, deny_ports ---- */

static void ports_clear(struct access_opts *o, int which)
{
    memset(o->ports[which], 0, sizeof o->ports[which]);
    o->port_count[which] = 0;
}

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
static enum err ports_parse(struct view text, struct access_ports *out)
{
    const uint8_t *dash = memchr(text.ptr, '-', text.len);
    size_t n = dash ? (size_t)(dash - text.ptr) : text.len;
    enum err err = port_parse(view_of(text.ptr, n), &out->first);
    out->last = out->first;
    if (err == ERR_OK && dash) err = port_parse(view_from(text, n + 1), &out->last);
    if (err != ERR_OK) return err;
    return out->last < out->first ? ERR_BAD_VALUE : ERR_OK;
}

static enum err reason_copy(struct view reason, struct access_ports *out)
{
    if (reason.len >= sizeof out->reason) return ERR_OUT_OF_RANGE;
    for (size_t i = 0; i < reason.len; i++)
        if (reason.ptr[i] < ' ' || reason.ptr[i] == 0x7f) return ERR_BAD_VALUE;
    if (reason.len) memcpy(out->reason, reason.ptr, reason.len);
    return ERR_OK;
}

static enum err ports_append(struct access_opts *o, int which, struct view item)
{
    struct access_ports ports = {0};
    const uint8_t *blank = memchr(item.ptr, ' ', item.len);
    size_t n = blank ? (size_t)(blank - item.ptr) : item.len;
    if (o->port_count[which] == ACCESS_PORTS_MAX) return ERR_FULL;
    enum err err = ports_parse(view_of(item.ptr, n), &ports);
    if (err == ERR_OK) err = reason_copy(view_trim(view_from(item, n)), &ports);
    if (err == ERR_OK) o->ports[which][o->port_count[which]++] = ports;
    return err;
}

static void ports_print(const struct access_ports *p, char *out, size_t size)
{
    const char *blank = p->reason[0] ? " " : "";
    if (p->first == p->last) snprintf(out, size, "%u%s%s", p->first, blank, p->reason);
    else snprintf(out, size, "%u-%u%s%s", p->first, p->last, blank, p->reason);
}

#define PORT_LIST(WHICH, name)                                                                     \
    static void name##_clear(struct config *c)                                                     \
    {                                                                                              \
        ports_clear(&c->access, WHICH);                                                            \
    }                                                                                              \
    static enum err name##_append(struct config *c, struct view item)                              \
    {                                                                                              \
        return ports_append(&c->access, WHICH, item);                                              \
    }                                                                                              \
    static size_t name##_count(const struct config *c)                                             \
    {                                                                                              \
        return c->access.port_count[WHICH];                                                        \
    }                                                                                              \
    static void name##_print(const struct config *c, size_t index, char *out, size_t size)         \
    {                                                                                              \
        ports_print(&c->access.ports[WHICH][index], out, size);                                    \
    }

PORT_LIST(ACCESS_ALLOW_PORTS, allow_ports)
PORT_LIST(ACCESS_DENY_PORTS, deny_ports)

const struct option_list OPTION_LIST_PORTS[2] = {
    LIST_ROW(ACCESS_ALLOW_PORTS, allow_ports),
    LIST_ROW(ACCESS_DENY_PORTS, deny_ports),
};
