/* proxy_header.h - the PROXY protocol, versions 1 and 2, TCP and UDP.
 *
 * Sources   the PROXY protocol specification as protocol.md section 9.5 lists it (T70..T77). */
#ifndef PROTO_PROXY_HEADER_H
#define PROTO_PROXY_HEADER_H

#include "proto/types.h"

#define PROXY_HEADER_BYTES_MAX 4096 /* v2 with all its TLVs; longer is refused */

struct proxy_header {
    bool is_local;         /* LOCAL or UNKNOWN: the proxy speaks for itself, `source` is not set */
    struct address source; /* normalized */
};

/* Read the header at the start of `bytes`.
 *   datagram  only v2 is right then, with a UDP family or speaking for itself, and MORE counts as
 *             BAD; a stream carries v1 or v2 with a TCP family, or a unix one (is_local: the
 *             source has no IP address)
 *   returns   bytes used (> 0), 0 for MORE, -1 for BAD: drop the connection */
int proxy_header_parse(struct view bytes, bool datagram, struct proxy_header *out);

#endif
