/* options_list.c - the rows of lists, and the one way in which all of them are kept.
 *
 * Idea      a list is an array in struct config and a count; a row says where, of what, and how
 *           many. So a new list is a row, and what clears, appends, counts and prints knows no option.
 * Order     items stay as they were written; free places are zero, so that whole lists can be
 *           compared byte by byte. */
#include "app/options_list.h"

#include "app/options_item.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define KEPT_IN(array, number)                                                                     \
    .at = offsetof(struct config, array), .count_at = offsetof(struct config, number),             \
    .max = sizeof(((struct config *)0)->array) / sizeof(*((struct config *)0)->array)

const struct option_list OPTION_LIST_LISTEN = {
    .item = &OPTION_ITEM_LISTEN,
    KEPT_IN(app.listen, app.listen_count),
};
const struct option_list OPTION_LIST_TRUSTED = {
    .item = &OPTION_ITEM_PREFIX,
    KEPT_IN(app.trusted, app.trusted_count),
};
const struct option_list OPTION_LIST_EXEMPT = {
    .item = &OPTION_ITEM_PREFIX,
    KEPT_IN(app.rate_exempt, app.rate_exempt_count),
};
const struct option_list OPTION_LIST_ADMIN = {
    .item = &OPTION_ITEM_ADMIN,
    KEPT_IN(app.admin_listen, app.admin_listen_count),
    .none = "off",
    .none_at = offsetof(struct config, app.admin_listen_off),
};
#define PORTS(which)                                                                               \
    [which] = {.item = &OPTION_ITEM_PORTS, KEPT_IN(access.ports[which], access.port_count[which])}

const struct option_list OPTION_LIST_PORTS[2] = {
    PORTS(ACCESS_ALLOW_PORTS),
    PORTS(ACCESS_DENY_PORTS),
};

#define FILES(list)                                                                                \
    [list] = {.item = &OPTION_ITEM_FILE, KEPT_IN(access.files[list], access.file_count[list])}

const struct option_list OPTION_LIST_ACCESS[ACCESS_LISTS] = {
    FILES(ACCESS_ALLOW_TORRENTS), FILES(ACCESS_DENY_TORRENTS), FILES(ACCESS_ALLOW_IPS),
    FILES(ACCESS_DENY_IPS),       FILES(ACCESS_ALLOW_CLIENTS), FILES(ACCESS_DENY_CLIENTS),
};

/* ---- any of them ---- */

static uint32_t in_use(const struct option_list *l, const struct config *c)
{
    return *(const uint32_t *)((const char *)c + l->count_at);
}

static bool is_none(const struct option_list *l, const struct config *c)
{
    return l->none && *(const bool *)((const char *)c + l->none_at);
}

static void keep(const struct option_list *l, struct config *c, uint32_t count, bool none)
{
    *(uint32_t *)((char *)c + l->count_at) = count;
    if (l->none) *(bool *)((char *)c + l->none_at) = none;
}

void option_list_clear(const struct option_list *l, struct config *c)
{
    memset((char *)c + l->at, 0, l->max * l->item->bytes);
    keep(l, c, 0, false);
}

enum err option_list_append(const struct option_list *l, struct config *c, struct view text)
{
    uint32_t count = in_use(l, c);
    bool none = l->none && view_equal(text, view_of_text(l->none));
    if (is_none(l, c) || (none && count)) return ERR_BAD_VALUE;
    if (none) {
        keep(l, c, 0, true);
        return ERR_OK;
    }
    if (count == l->max) return ERR_FULL;
    char *item = (char *)c + l->at + count * l->item->bytes;
    enum err err = l->item->parse(text, item);
    if (err == ERR_OK) keep(l, c, count + 1, false);
    else memset(item, 0, l->item->bytes);
    return err;
}

size_t option_list_count(const struct option_list *l, const struct config *c)
{
    return is_none(l, c) ? 1 : in_use(l, c);
}

void option_list_print(const struct option_list *l, const struct config *c, size_t index, char *out,
                       size_t size)
{
    assert(index < option_list_count(l, c));
    if (is_none(l, c)) snprintf(out, size, "%s", l->none);
    else l->item->print((const char *)c + l->at + index * l->item->bytes, out, size);
}
