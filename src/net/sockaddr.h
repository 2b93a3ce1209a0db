/* sockaddr.h - the kernel's addresses to ours and back. */
#ifndef NET_SOCKADDR_H
#define NET_SOCKADDR_H

#include "proto/types.h"

#include <sys/socket.h>

/* Read a sockaddr_in/in6; IPv4-mapped addresses become IPv4. False for other families. */
bool sockaddr_read(const struct sockaddr_storage *ss, struct address *address, uint16_t *port);

/* Write one; returns its length. */
socklen_t sockaddr_write(struct sockaddr_storage *ss, const struct address *address, uint16_t port);

#endif
