/* types.c - the one question about an address that needs a table. */
#include "proto/types.h"

static bool v4_is_global(const uint8_t *ip)
{
    switch (ip[0]) {
    case 0:
    case 10:
    case 127: return false;
    case 100: return (ip[1] & 0xc0) != 64;
    case 169: return ip[1] != 254;
    case 172: return (ip[1] & 0xf0) != 16;
    case 192: return ip[1] != 168;
    default: return ip[0] < 224;
    }
}

static bool v6_is_global(const uint8_t *ip)
{
    if (ip[0] == 0xff) return false;                           /* multicast */
    if ((ip[0] & 0xfe) == 0xfc) return false;                  /* unique local */
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) return false; /* link local */
    for (int i = 0; i < 15; i++)
        if (ip[i]) return true;
    return ip[15] > 1; /* :: and ::1 are not */
}

bool address_is_global(enum family family, const uint8_t *ip)
{
    return family == FAMILY_V4 ? v4_is_global(ip) : v6_is_global(ip);
}
