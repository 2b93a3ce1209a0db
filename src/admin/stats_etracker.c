/* stats_etracker.c - etracker's statistics page: its names, filled with what muster counts.
 *
 * Where muster has no such thing, the nearest that answers the same question stands there:
 *   malloc, free       objects of the store's slabs; a request never calls the C library's malloc
 *   calloc             0
 *   http_403           full scrapes refused, which muster answers with 200 and a failure reason
 *   http_413           everything that was too large: 413, 414, 431
 *   send_skips         sends that took no byte because the client does not read (etracker: gave up)
 *   read_not_equal     0: nothing is read twice */
#include "admin/stats.h"

#define VALUE(name) static uint64_t name(const struct stats *s)
#define COUNT(id)   (s->metrics.count[METRIC_##id])
#define BOTH(a, b)  (COUNT(a) + COUNT(b))

static uint64_t failures(const struct stats *s, enum metric_call call)
{
    uint64_t sum = 0;
    for (int i = 0; i < METRIC_ERRNOS; i++)
        sum += s->metrics.errnos[call][i];
    return sum;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* clang-format off */
VALUE(ru_maxrss)      { return s->rss_bytes_max >> 10; }
VALUE(allocs)         { return COUNT(STORE_ALLOCS); }
VALUE(frees)          { return COUNT(STORE_FREES); }
VALUE(live)           { return minus(COUNT(STORE_ALLOCS), COUNT(STORE_FREES)); }
VALUE(none)           { (void)s; return 0; }
VALUE(http_101)       { return COUNT(HTTP_101); }
VALUE(http_200)       { return COUNT(HTTP_200); }
VALUE(http_400)       { return COUNT(HTTP_400); }
VALUE(http_401)       { return COUNT(HTTP_401); }
VALUE(http_403)       { return COUNT(HTTP_403) + s->metrics.errors[METRIC_DOOR_HTTP][ERR_FULL_SCRAPE]; }
VALUE(http_404)       { return COUNT(HTTP_404); }
VALUE(http_405)       { return COUNT(HTTP_405); }
VALUE(http_408)       { return COUNT(HTTP_408); }
VALUE(http_413)       { return COUNT(HTTP_413) + BOTH(HTTP_414, HTTP_431); }
VALUE(close_pass)     { return minus(COUNT(TCP_CLOSES), failures(s, CALL_CLOSE)); }
VALUE(send_pass)      { return COUNT(TCP_SENDS); }
VALUE(recv_pass)      { return COUNT(TCP_RECVS); }
VALUE(accept_pass)    { return COUNT(TCP_ACCEPTS); }
VALUE(close_failed)   { return failures(s, CALL_CLOSE); }
VALUE(send_skips)     { return COUNT(TCP_WAITS); }
VALUE(send_failed)    { return failures(s, CALL_SEND); }
VALUE(recv_failed)    { return failures(s, CALL_RECV); }
VALUE(accept_failed)  { return failures(s, CALL_ACCEPT); }
VALUE(read_0)         { return COUNT(TCP_ENDS); }
VALUE(send_pass_udp)  { return COUNT(UDP_SENT); }
VALUE(recv_pass_udp)  { return BOTH(UDP4_REQUESTS, UDP6_REQUESTS); }
VALUE(send_failed_udp) { return COUNT(UDP_SEND_FAILURES); }
VALUE(recv_failed_udp) { return COUNT(UDP_RECV_FAILURES); }
VALUE(keep_alive)     { return COUNT(HTTP_KEPT_ALIVE); }
VALUE(no_keep_alive)  { return minus(BOTH(HTTP4_REQUESTS, HTTP6_REQUESTS), COUNT(HTTP_KEPT_ALIVE)); }
VALUE(sent_bytes)     { return COUNT(HTTP_SENT_BYTES); }
VALUE(recv_bytes)     { return COUNT(HTTP_RECV_BYTES); }
VALUE(sent_bytes_udp) { return COUNT(UDP_SENT_BYTES); }
VALUE(recv_bytes_udp) { return COUNT(UDP_RECV_BYTES); }
VALUE(announce)       { return BOTH(HTTP4_ANNOUNCES, HTTP6_ANNOUNCES); }
VALUE(full_scrape)    { return BOTH(HTTP4_FULL_SCRAPES, HTTP6_FULL_SCRAPES); }
VALUE(scrape)         { return BOTH(HTTP4_SCRAPES, HTTP6_SCRAPES) + full_scrape(s); }
VALUE(connect_udp)    { return BOTH(UDP4_CONNECTS, UDP6_CONNECTS); }
VALUE(announce_udp)   { return BOTH(UDP4_ANNOUNCES, UDP6_ANNOUNCES); }
VALUE(scrape_udp)     { return BOTH(UDP4_SCRAPES, UDP6_SCRAPES); }

const struct stats_name STATS_NAMES[] = {
    {"rusage.ru_maxrss", NULL, ru_maxrss, true},
    {"malloc", NULL, allocs, false},
    {"calloc", NULL, none, false},
    {"*alloc", NULL, allocs, false},
    {"free", NULL, frees, false},
    {"*alloc - free", NULL, live, true},
    {"stats.http_101", NULL, http_101, false},
    {"stats.http_200", NULL, http_200, false},
    {"stats.http_400", NULL, http_400, false},
    {"stats.http_401", NULL, http_401, false},
    {"stats.http_403", "Full Scrape", http_403, false},
    {"stats.http_404", NULL, http_404, false},
    {"stats.http_405", "Not GET", http_405, false},
    {"stats.http_408", "Timeout", http_408, false},
    {"stats.http_413", "Oversize", http_413, true},
    {"stats.close_pass", NULL, close_pass, false},
    {"stats.send_pass", NULL, send_pass, false},
    {"stats.recv_pass", NULL, recv_pass, false},
    {"stats.accept_pass", NULL, accept_pass, true},
    {"stats.close_failed", NULL, close_failed, false},
    {"stats.send_skips", NULL, send_skips, false},
    {"stats.send_failed", NULL, send_failed, false},
    {"stats.recv_failed", NULL, recv_failed, false},
    {"stats.accept_failed", NULL, accept_failed, true},
    {"stats.recv_failed_read_0", NULL, read_0, false},
    {"stats.recv_failed_read_sub_0", NULL, recv_failed, false},
    {"stats.recv_failed_read_not_equal", NULL, none, true},
    {"stats.send_pass_udp", NULL, send_pass_udp, false},
    {"stats.recv_pass_udp", NULL, recv_pass_udp, true},
    {"stats.send_failed_udp", NULL, send_failed_udp, false},
    {"stats.recv_failed_udp", NULL, recv_failed_udp, true},
    {"stats.keep_alive", NULL, keep_alive, false},
    {"stats.no_keep_alive", NULL, no_keep_alive, true},
    {"stats.sent_bytes", NULL, sent_bytes, false},
    {"stats.recv_bytes", NULL, recv_bytes, true},
    {"stats.sent_bytes_udp", NULL, sent_bytes_udp, false},
    {"stats.recv_bytes_udp", NULL, recv_bytes_udp, true},
    {"stats.announce", NULL, announce, false},
    {"stats.scrape", NULL, scrape, true},
    {"stats.connect_udp", NULL, connect_udp, false},
    {"stats.announce_udp", NULL, announce_udp, false},
    {"stats.scrape_udp", NULL, scrape_udp, true},
};
/* clang-format on */

const size_t STATS_NAME_COUNT = sizeof STATS_NAMES / sizeof *STATS_NAMES;
