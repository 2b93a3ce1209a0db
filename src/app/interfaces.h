/* interfaces.h - the addresses of this machine, as far as a tracker on a wildcard is reached by them. */
#ifndef APP_INTERFACES_H
#define APP_INTERFACES_H

#include "proto/types.h"

/* Of interfaces that are up, without link-local ones: at most `max`, in the kernel's order, which begins
 * with loopback. Returns how many; 0 where the kernel does not tell. */
uint32_t interfaces_addresses(enum family family, struct address *out, uint32_t max);

#endif
