/* stats_families.c - names and meanings of what /metrics tells besides the counters, and the
 * reference that is printed from them. */
#include "admin/stats.h"

const struct stats_family STATS_ERRORS = {
    "errors_total", "Clients told of an error, by what was wrong.", "door, kind"};
const struct stats_family STATS_ERRNOS = {
    "syscall_errors_total",
    "System calls that failed, by errno; EAGAIN of a read or accept is none.", "call, errno"};
const struct stats_family STATS_CLIENTS = {
    "client_announces_total", "Announces answered, by the client software that the peer id names.",
    "code, client"};
const struct stats_family STATS_CLIENTS_ADDED = {
    "client_peers_added_total",
    "Peers that joined a swarm, by their client software: who asks often counts no more than "
    "others.",
    "code, client"};
const struct stats_family STATS_DROPS = {"udp_socket_drops_total",
                                         "Datagrams the kernel dropped at a socket, by socket.",
                                         "address, worker"};
const struct stats_family STATS_LATENCY = {"request_duration_seconds",
                                           "From the moment the loop saw a request to its answer "
                                           "handed to the kernel; one batch in eight.",
                                           "door, le"};
const struct stats_family STATS_REANNOUNCE = {"reannounce_delay_seconds",
                                              "Time since the same peer announced before.", "le"};
const struct stats_family STATS_BUILD = {"build_info", "Always 1; the version is a label.",
                                         "version"};

struct gauge_row {
    const char *name, *labels, *help;
};

static const struct gauge_row GAUGES[] = {
#define GAUGE(name, labels, help, value) {name, labels, help},
#include "admin/gauges.def"
#undef GAUGE
};

static void reference_gauges(FILE *out)
{
    const char *before = "";
    for (size_t i = 0; i < sizeof GAUGES / sizeof *GAUGES; i++) {
        if (strcmp(before, GAUGES[i].name) == 0) continue;
        before = GAUGES[i].name;
        int label_bytes = (int)strcspn(GAUGES[i].labels, "=");
        const char *comma = strchr(GAUGES[i].labels, ',');
        fprintf(out, "| `%s` | gauge | %.*s%s%.*s | %s |\n", before, label_bytes, GAUGES[i].labels,
                comma ? ", " : "", comma ? (int)strcspn(comma + 1, "=") : 0, comma ? comma + 1 : "",
                GAUGES[i].help);
    }
}

void stats_print_reference(FILE *out)
{
    const struct {
        const struct stats_family *family;
        const char *type;
    } rows[] = {{&STATS_ERRORS, "counter"},       {&STATS_ERRNOS, "counter"},
                {&STATS_CLIENTS, "counter"},      {&STATS_CLIENTS_ADDED, "counter"},
                {&STATS_DROPS, "counter"},        {&STATS_LATENCY, "histogram"},
                {&STATS_REANNOUNCE, "histogram"}, {&STATS_BUILD, "gauge"}};
    fputs("| name | type | labels | meaning |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        fprintf(out, "| `%s` | %s | %s | %s |\n", rows[i].family->name, rows[i].type,
                rows[i].family->labels, rows[i].family->help);
    reference_gauges(out);
}
