/* process.h - what is asked about processes. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* False when it is gone; one that has ended and was not waited for is gone, too. */
bool process_is_alive(int pid);

/* The path of this program; where its file was replaced, of the one that lies there now. False when
 * nobody can tell (no /proc). */
bool process_program_path(char out[PATH_MAX]);

void process_sleep_ms(uint32_t ms);

#endif
