/* types.c - what is too long to be inline. */
#include "proto/types.h"

bool address6_is_possible(const uint8_t *ip)
{
    if (ip[0] == 0xff) return false;
    uint64_t high = load_u64be(ip), low = load_u64be(ip + 8);
    return high != 0 || (low != 0 && low >> 32 != 0xffff);
}

bool address6_is_global(const uint8_t *ip)
{
    if (ip[0] == 0xff) return false;                           /* multicast */
    if ((ip[0] & 0xfe) == 0xfc) return false;                  /* unique local */
    if (ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80) return false; /* link local */
    for (int i = 0; i < 15; i++)
        if (ip[i]) return true;
    return ip[15] > 1; /* :: and ::1 are not */
}
