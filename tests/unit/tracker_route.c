/* tracker_route.c - which path is which verb, with which passkey (protocol.md T50..T53, S20). */
#include "unit.h"

#include "tracker/tracker.h"

struct row {
    const char *path;
    enum route route;
    const char *passkey;
};

#define KEY64 "0123456789abcdefABCDEF_-0123456789abcdefABCDEF_-0123456789abcdef"

static const struct row ROWS[] = {
    {"/", ROUTE_ROOT, ""},
    {"/announce", ROUTE_ANNOUNCE, ""},
    {"/announce/", ROUTE_ANNOUNCE, ""},
    {"/announce.php", ROUTE_ANNOUNCE, ""},
    {"/scrape", ROUTE_SCRAPE, ""},
    {"/scrape.php", ROUTE_SCRAPE, ""},
    {"/heartbeat", ROUTE_HEARTBEAT, ""},
    {"/k3y_-/announce", ROUTE_ANNOUNCE, "k3y_-"},
    {"/k3y/announce.php", ROUTE_ANNOUNCE, "k3y"},
    {"/announce/k3y", ROUTE_ANNOUNCE, "k3y"},
    {"/k3y/scrape", ROUTE_SCRAPE, "k3y"},
    {"/scrape/k3y", ROUTE_SCRAPE, "k3y"},
    {"/" KEY64 "/announce", ROUTE_ANNOUNCE, KEY64},
    {"/" KEY64 "x/announce", ROUTE_NONE, ""},
    {"//announce", ROUTE_NONE, ""},
    {"/announce//", ROUTE_NONE, ""},
    {"/x/../announce", ROUTE_NONE, ""},
    {"/../announce", ROUTE_NONE, ""},
    {"/%2e%2e/announce", ROUTE_NONE, ""},
    {"/ANNOUNCE", ROUTE_NONE, ""},
    {"/Announce", ROUTE_NONE, ""},
    {"/announce_anything", ROUTE_NONE, ""},
    {"/announce%3Finfo_hash=x", ROUTE_NONE, ""},
    {"/a/b/announce", ROUTE_NONE, ""},
    {"/k3y/heartbeat", ROUTE_NONE, ""},
    {"/stats", ROUTE_NONE, ""},
    {"announce", ROUTE_NONE, ""},
    {"", ROUTE_NONE, ""},
};

static void every_path_leads_where_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        const struct row *row = &ROWS[i];
        size_t len = strlen(row->path);
        struct view key;
        enum route route = tracker_route(view_of(guarded(row->path, len), len), &key);
        if (route != row->route) fail_msg("%s leads to %d", row->path, route);
        if (!view_equal(key, view_of(row->passkey, strlen(row->passkey))))
            fail_msg("%s has another passkey", row->path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_leads_where_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
