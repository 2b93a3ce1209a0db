/* sockaddr.c - see sockaddr.h. */
#include "net/sockaddr.h"

#include <netinet/in.h>

bool sockaddr_read(const struct sockaddr_storage *ss, struct address *address, uint16_t *port)
{
    *address = (struct address){.family = FAMILY_V4};
    if (ss->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)ss;
        memcpy(address->ip, &in->sin_addr, 4);
        *port = ntohs(in->sin_port);
        return true;
    }
    if (ss->ss_family != AF_INET6) return false;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;
    address->family = FAMILY_V6;
    memcpy(address->ip, &in6->sin6_addr, 16);
    *port = ntohs(in6->sin6_port);
    address_normalize(address);
    return true;
}

socklen_t sockaddr_write(struct sockaddr_storage *ss, const struct address *address, uint16_t port)
{
    if (address->family == FAMILY_V4) {
        struct sockaddr_in *in = (struct sockaddr_in *)ss;
        *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&in->sin_addr, address->ip, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;
    *in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&in6->sin6_addr, address->ip, 16);
    return sizeof *in6;
}
