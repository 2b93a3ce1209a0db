/* pages.h - which path leads to which page: the one table of routes, and the door that serves it. */
#ifndef APP_PAGES_H
#define APP_PAGES_H

#include "admin/files.h"

struct server;

/* Open the operators' door on the server's loop, with its sockets and the operator's folder.
 * ERR_BAD_VALUE, with a log line, when there is no such folder; ERR_OS, ERR_NO_MEMORY. */
enum err pages_open(struct server *s) MUST_CHECK;

/* Works for a server whose start failed anywhere before. */
void pages_close(struct server *s);

#endif
