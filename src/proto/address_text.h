/* address_text.h - addresses, prefixes and forwarding headers as text. Literals only: no names are
 * ever resolved. */
#ifndef PROTO_ADDRESS_TEXT_H
#define PROTO_ADDRESS_TEXT_H

#include "base/err.h"
#include "proto/types.h"

#define ADDRESS_TEXT_BYTES_MAX 46 /* with terminator */

/* "1.2.3.4", "2001:db8::1"; brackets, zones and ports are refused. Result is normalized. */
enum err address_parse(struct view text, struct address *out) MUST_CHECK;

/* "1.2.3.4", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" (T62).
 * *port stays as it is when the text has none. */
enum err address_port_parse(struct view text, struct address *out, uint16_t *port) MUST_CHECK;

/* Terminated text; returns its length. */
size_t address_print(const struct address *a, char out[ADDRESS_TEXT_BYTES_MAX]);

struct prefix {
    struct address address;
    uint8_t bits;
};

/* "10.0.0.0/8", "2001:db8::/32", or a single address. Host bits must be zero. */
enum err prefix_parse(struct view text, struct prefix *out) MUST_CHECK;
bool prefix_contains(const struct prefix *p, const struct address *a);
bool prefixes_contain(const struct prefix *list, size_t count, const struct address *a);

/* The client behind trusted proxies: walk the joined values of X-Forwarded-For-like headers
 * from the right, skip trusted addresses, the first other one is the client (T61).
 * `is_forwarded`: the values are RFC 7239 `Forwarded` (T63).
 * ERR_BAD_ADDRESS when an entry that must be read cannot be (T62), or all are trusted proxies. */
enum err forwarded_client(const struct view *values, size_t count, bool is_forwarded,
                          const struct prefix *trusted, size_t trusted_count,
                          struct address *out) MUST_CHECK;

#endif
