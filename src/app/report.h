/* report.h - what the operator reads in the log: the start block, the line of each sweep cycle, the
 * words at the end. */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include "app/server.h"

/* Version, options that differ from their defaults, limits of the machine. Before sockets open. */
void report_start(const struct settings *s, const struct option_sources *sources,
                  const struct machine *machine, uint32_t workers);

/* The announce URLs. */
void report_listening(const struct server *s);

/* etracker's line; docs/log-line.md says what each column means. At level debug, memory and all
 * counters follow. */
void report_line(const struct server *s);

void report_end(const struct server *s);

#endif
