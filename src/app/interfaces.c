/* interfaces.c - see interfaces.h. */
#include "app/interfaces.h"

#include "net/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

static bool is_link_local(const struct address *a)
{
    return a->family == FAMILY_V6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80;
}

static bool address_of(const struct ifaddrs *i, struct address *out)
{
    struct sockaddr_storage ss = {0};
    uint16_t unused;
    if (!i->ifa_addr || !(i->ifa_flags & IFF_UP)) return false;
    bool v6 = i->ifa_addr->sa_family == AF_INET6;
    if (!v6 && i->ifa_addr->sa_family != AF_INET) return false;
    memcpy(&ss, i->ifa_addr, v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    return sockaddr_read(&ss, out, &unused) && !is_link_local(out);
}

uint32_t interfaces_addresses(enum family family, struct address *out, uint32_t max)
{
    struct ifaddrs *list = NULL;
    uint32_t count = 0;
    if (getifaddrs(&list) != 0) return 0;
    for (const struct ifaddrs *i = list; i && count < max; i = i->ifa_next)
        if (address_of(i, &out[count]) && out[count].family == family) count++;
    freeifaddrs(list);
    return count;
}
