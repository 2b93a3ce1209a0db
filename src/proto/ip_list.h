/* ip_list.h - one line of a list of addresses, in the forms that such lists come in.
 *
 *   192.0.2.0/24 a reason              prefix; 2001:db8::/32 as well
 *   192.0.2.7                          one address
 *   192.0.2.10-192.0.2.20 a reason     range
 *   192.000.002.000 - 192.000.002.255 , 100 , a reason    ipfilter.dat of eMule (DAT)
 *   a reason:192.0.2.0-192.0.2.255     PeerGuardian's text (P2P)
 *
 * In ipfilter.dat the number is a level; above IP_LIST_LEVEL_MAX the range is let pass.
 *
 * What begins with a range or a prefix is read from there, whatever its reason holds. A line that begins
 * with '#' or "//" is a comment in every program that reads these files and knows comments, though it may
 * be a P2P line whose name begins so: `hides_range` tells. ';' begins a comment here alone, so
 * that what reads as P2P behind it is an entry. */
#ifndef PROTO_IP_LIST_H
#define PROTO_IP_LIST_H

#include "proto/list_line.h"
#include "proto/types.h"

#define IP_LIST_LEVEL_MAX 127

struct ip_entry {
    bool is_entry;              /* false: the line says nothing, or lets a range pass */
    bool hides_range;           /* no entry, but a P2P line if it were no comment */
    struct address first, last; /* of one family; first is not behind last */
    struct view reason;         /* borrowed from the line */
};

/* Returns NULL, or what is wrong with the line. */
const char *ip_list_line(struct view line, struct ip_entry *out);

#endif
