/* process.h - what commands ask about other processes. */
#ifndef APP_PROCESS_H
#define APP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

/* False when it is gone; one that has ended and was not waited for is gone, too. */
bool process_is_alive(int pid);

void process_sleep_ms(uint32_t ms);

#endif
