/* address_text.h - addresses, prefixes and forwarding headers as text. Literals only: no names are
 * ever resolved. */
#ifndef PROTO_ADDRESS_TEXT_H
#define PROTO_ADDRESS_TEXT_H

#include "base/err.h"
#include "proto/types.h"

#define ADDRESS_TEXT_BYTES_MAX 46 /* with terminator */

/* "1.2.3.4", "2001:db8::1"; brackets, zones, ports, leading zeros and blanks are refused:
 * ERR_BAD_ADDRESS. Result is normalized; *out is untouched on error. */
enum err address_parse(struct view text, struct address *out) MUST_CHECK;

/* "1.2.3.4", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" (T62).
 * *port stays as it is when the text has none. ERR_BAD_ADDRESS; ERR_OUT_OF_RANGE when what follows
 * the address is no port of 0..65535. */
enum err address_port_parse(struct view text, struct address *out, uint16_t *port) MUST_CHECK;

/* Terminated text; returns its length. */
size_t address_print(const struct address *a, char out[ADDRESS_TEXT_BYTES_MAX]);

#define ENDPOINT_TEXT_BYTES_MAX (ADDRESS_TEXT_BYTES_MAX + 8)

/* "192.0.2.1:6969", "[2001:db8::1]:6969"; returns `out`. */
const char *endpoint_print(const struct address *a, uint16_t port,
                           char out[ENDPOINT_TEXT_BYTES_MAX]);

struct prefix {
    struct address address;
    uint8_t bits;
};

/* "10.0.0.0/8", "2001:db8::/32", or a single address; "::ffff:10.0.0.0/104" is 10.0.0.0/8.
 * ERR_BAD_ADDRESS; ERR_NOT_A_NUMBER or ERR_OUT_OF_RANGE for the length behind the slash;
 * ERR_BAD_VALUE when host bits are not zero. */
enum err prefix_parse(struct view text, struct prefix *out) MUST_CHECK;
bool prefix_contains(const struct prefix *p, const struct address *a);
bool prefixes_contain(const struct prefix *list, size_t count, const struct address *a);

/* The client behind trusted proxies: walk the joined values of X-Forwarded-For-like headers
 * from the right, skip trusted addresses, the first other one is the client (T61).
 *   values        one per header line, in the order of the lines
 *   is_forwarded  the values are RFC 7239 `Forwarded` (T63)
 *   returns       ERR_BAD_ADDRESS when an entry that must be read cannot be (T62), when all are
 *                 trusted proxies or when there is none: never fall back to the proxy's address
 *   cost          what is read: the entries from the right up to the client's */
enum err forwarded_client(const struct view *values, size_t count, bool is_forwarded,
                          const struct prefix *trusted, size_t trusted_count,
                          struct address *out) MUST_CHECK;

#endif
