/* upgrade_api.c - /api/control/upgrade: POST begins one, GET tells what became of the last.
 *
 *   POST   {"outcome": "upgrading", "pid": of this process} | 409 {"error"}
 *   GET    {"state": "idle" | "running" | "failed", "error": why, "pid": of this process}
 *          Success has another process answer. */
#include "app/api.h"
#include "app/server.h"

#include <unistd.h>

static void begin(struct server *s, const struct admin_request *r, struct admin_response *out)
{
    struct option_error error;
    char who[API_WHO_BYTES];
    api_who(r, who);
    if (upgrade_begin(s->upgrade, who, &error) == ERR_OK)
        api_respond(out, 200,
                    json_pack("{s:s, s:i}", "outcome", "upgrading", "pid", (int)getpid()));
    else api_refuse(out, 409, error.text);
}

void api_upgrade(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    if (r->method == HTTP_POST) {
        begin(s, r, out);
        return;
    }
    const char *why = upgrade_failure(s->upgrade);
    const char *state = upgrade_is_under_way(s->upgrade) ? "running" : *why ? "failed" : "idle";
    api_respond(
        out, 200,
        json_pack("{s:s, s:o, s:i}", "state", state, "error", api_text(why), "pid", (int)getpid()));
}
