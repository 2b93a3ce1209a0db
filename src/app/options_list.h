/* options_list.h - how the options that hold several values keep them. */
#ifndef APP_OPTIONS_LIST_H
#define APP_OPTIONS_LIST_H

#include "app/options.h"

extern const struct option_list OPTION_LIST_LISTEN, OPTION_LIST_TRUSTED, OPTION_LIST_EXEMPT,
    OPTION_LIST_ADMIN;

/* options_access.c: the files of each access list, and the ports. */
extern const struct option_list OPTION_LIST_ACCESS[ACCESS_LISTS], OPTION_LIST_PORTS[2];

#define ADMIN_PORT_DEFAULT 6970

/* "udp+proxy://[2001:db8::1]:6969", as `listen` reads it; LISTEN_TEXT_BYTES_MAX are
 * enough. */
#define LISTEN_TEXT_BYTES_MAX 80
void listen_print(const struct listen_address *l, char *out, size_t size);

#endif
