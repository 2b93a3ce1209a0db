/* pages.h - which path leads to which page: the one table of routes, and the door that serves it. */
#ifndef APP_PAGES_H
#define APP_PAGES_H

#include "admin/admin.h"

struct server;

/* Open the operators' door on the server's loop and sockets. ERR_OS, ERR_NO_MEMORY; logs nothing. */
enum err pages_open(struct server *s) MUST_CHECK;

#endif
