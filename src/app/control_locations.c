/* control_locations.c - what became of the database of locations that a running muster was told to use.
 *
 * Not refused   a file is read beside the work, for seconds where it is large, and the one before stays
 *               in force until then; so whoever named it waits here for the end, as long as a person
 *               would. */
#include "app/control_client.h"
#include "app/process.h"

#define WAIT_MS 30000
#define POLL_MS 50

bool control_locations_are_read(struct control *c)
{
    for (uint32_t ms = 0; ms < WAIT_MS; ms += POLL_MS) {
        json_t *map = control_ask(c, "/api/map.json");
        bool is_busy = c->status == 200 && json_is_true(control_member(map, "database.loading"));
        bool is_wrong = c->status == 200 && !is_busy && control_text(map, "database.error")[0];
        if (is_wrong)
            snprintf(c->error, sizeof c->error, "locations: %s%s",
                     control_text(map, "database.error"),
                     control_text(map, "database.file")[0] ? "; what was loaded before stays" : "");
        json_decref(map);
        if (!is_busy) return !is_wrong;
        process_sleep_ms(POLL_MS);
    }
    snprintf(c->error, sizeof c->error,
             "locations: still being read; `muster geoip` and the log tell the end");
    return false;
}
