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

#define FILE_ROW(LIST, name)                                                                       \
    [LIST] = {                                                                                     \
        .clear = name##_clear,                                                                     \
        .append = name##_append,                                                                   \
        .count = name##_count,                                                                     \
        .print = name##_print,                                                                     \
    }

const struct option_list OPTION_LIST_ACCESS[ACCESS_LISTS] = {
    FILE_ROW(ACCESS_ALLOW_TORRENTS, allow_torrents), FILE_ROW(ACCESS_DENY_TORRENTS, deny_torrents),
    FILE_ROW(ACCESS_ALLOW_IPS, allow_ips),           FILE_ROW(ACCESS_DENY_IPS, deny_ips),
    FILE_ROW(ACCESS_ALLOW_CLIENTS, allow_clients),   FILE_ROW(ACCESS_DENY_CLIENTS, deny_clients),
};

/* ---- deny_ports ---- */

static void ports_clear(struct config *c)
{
    memset(c->access.ports, 0, sizeof c->access.ports);
    c->access.port_count = 0;
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

static enum err ports_append(struct config *c, struct view item)
{
    struct access_ports ports = {0};
    const uint8_t *dash = memchr(item.ptr, '-', item.len);
    size_t n = dash ? (size_t)(dash - item.ptr) : item.len;
    if (c->access.port_count == ACCESS_PORTS_MAX) return ERR_FULL;
    enum err err = port_parse(view_of(item.ptr, n), &ports.first);
    ports.last = ports.first;
    if (err == ERR_OK && dash) err = port_parse(view_from(item, n + 1), &ports.last);
    if (err != ERR_OK) return err;
    if (ports.last < ports.first) return ERR_BAD_VALUE;
    c->access.ports[c->access.port_count++] = ports;
    return ERR_OK;
}

static size_t ports_count(const struct config *c)
{
    return c->access.port_count;
}

static void ports_print(const struct config *c, size_t index, char *out, size_t size)
{
    struct access_ports p = c->access.ports[index];
    if (p.first == p.last) snprintf(out, size, "%u", p.first);
    else snprintf(out, size, "%u-%u", p.first, p.last);
}

const struct option_list OPTION_LIST_PORTS = {
    .clear = ports_clear,
    .append = ports_append,
    .count = ports_count,
    .print = ports_print,
};
