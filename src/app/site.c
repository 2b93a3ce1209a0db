/* site.c - which pages a door shows, and where to announce.
 *
 * Idea       the table of routes and the bound addresses already say both: nothing is decided here.
 * Rejected   telling it in the HTML: then pages would not be constant, and could not be kept by
 *            browsers. */
#include "app/site.h"

#include "app/server.h"

#include <stdio.h>

static const struct admin_route *route_of(const struct admin_route *routes, size_t count,
                                          const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(routes[i].path, path) == 0) return &routes[i];
    return NULL;
}

static const char *shows(const struct server *s, const struct admin_route *row,
                         enum admin_origin origin)
{
    if (!row) return "false";
    if (origin != ORIGIN_MAIN_PORT) return "true";
    bool is_shown = row->access == ADMIN_PUBLIC && (!row->is_public || row->is_public(s));
    return is_shown ? "true" : "false";
}

static unsigned port_of(const struct sockets *sockets, bool tcp)
{
    for (uint32_t i = 0; i < sockets->address_count; i++) {
        const struct listen_address *a = &sockets->addresses[i];
        if ((tcp ? a->tcp : a->udp) && !a->proxy) return a->port;
    }
    return 0;
}

void site_answer(const struct server *s, const struct admin_route *routes, size_t count,
                 const struct admin_request *r, struct admin_response *out)
{
    char *body;
    if (asprintf(&body,
                 "{\"stats\": %s, \"map\": %s, \"settings\": %s, \"udp\": %u, \"http\": %u}\n",
                 shows(s, route_of(routes, count, "/stats.html"), r->origin),
                 shows(s, route_of(routes, count, "/map.html"), r->origin),
                 shows(s, route_of(routes, count, "/settings.html"), r->origin),
                 port_of(&s->sockets, false), port_of(&s->sockets, true)) < 0)
        body = NULL;
    admin_respond_json(out, 200, body);
}
