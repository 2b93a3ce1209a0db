/* site.h - what a page has to know before it draws: which pages this door shows, where to announce.
 *
 *   GET /api/site.json   {"stats": bool, "map": bool, "settings": bool, "udp": port, "http": port}
 *
 * A page that exists for nobody behind this door is not linked, instead of being a link to a 404.
 * Ports are those of the first address of each kind that no PROXY header is wanted on; 0: none. */
#ifndef APP_SITE_H
#define APP_SITE_H

#include "admin/admin.h"

struct server;

void site_answer(const struct server *s, const struct admin_route *routes, size_t count,
                 const struct admin_request *r, struct admin_response *out);

#endif
