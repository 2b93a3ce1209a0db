/* access_api.c - what became of the access lists.
 *
 *   GET  /api/lists   {"busy", "error", "loaded_unix_s"}: "error" of the last reading, "" when it worked
 *
 * Files are read beside the work: whoever asked for a reload or named other files knows the end when
 * nothing is "busy". */
#include "app/api.h"
#include "app/server.h"

void api_lists(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    const struct server *s = ctx;
    (void)r;
    api_respond(out, 200,
                json_pack("{s:b, s:o, s:I}", "busy", access_loader_is_busy(&s->lists), "error",
                          api_text(s->lists.error), "loaded_unix_s",
                          (json_int_t)s->lists.loaded_unix_s));
}
