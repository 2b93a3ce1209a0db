/* options_item.h - what lists of options hold: text to item and back. */
#ifndef APP_OPTIONS_ITEM_H
#define APP_OPTIONS_ITEM_H

#include "app/config.h"

struct option_item {
    size_t bytes;
    enum err (*parse)(struct view text, void *out); /* *out is zero before */
    void (*print)(const void *item, char *out, size_t size);
};

extern const struct option_item OPTION_ITEM_LISTEN, /* struct listen_address: `listen` */
    OPTION_ITEM_ADMIN,                              /* the same: `admin_listen` */
    OPTION_ITEM_PREFIX,                             /* struct prefix */
    OPTION_ITEM_PORTS,                              /* struct access_ports */
    OPTION_ITEM_FILE;                               /* char[CONFIG_PATH_BYTES_MAX] */

#define ADMIN_PORT_DEFAULT 6970

/* "udp+proxy://[2001:db8::1]:6969", as `listen` reads it; LISTEN_TEXT_BYTES_MAX are
 * enough. */
#define LISTEN_TEXT_BYTES_MAX 80
void listen_print(const struct listen_address *l, char *out, size_t size);

#endif
