/* probe_url.h - the announce URL of any tracker, and what is asked of it. Pure. */
#ifndef APP_PROBE_URL_H
#define APP_PROBE_URL_H

#include "base/err.h"
#include "proto/types.h"

#define URL_HOST_BYTES_MAX 256
#define URL_PATH_BYTES_MAX 2048

struct probe_url {
    bool udp;                      /* else http */
    char host[URL_HOST_BYTES_MAX]; /* a name or an address; IPv6 without its brackets */
    uint16_t port;
    char path[URL_PATH_BYTES_MAX];  /* "/announce"; "" when an udp:// URL has none */
    char query[URL_PATH_BYTES_MAX]; /* without '?' */
};

/* Read one. On an error *why says what is wrong, a constant text. Without a path http:// means
 * /announce. ERR_BAD_VALUE. */
enum err probe_url_parse(const char *text, struct probe_url *out, const char **why) MUST_CHECK;

/* "host", "[2001:db8::1]", with ":port" where it is not 80: what Host says. */
#define URL_AUTHORITY_BYTES_MAX (URL_HOST_BYTES_MAX + 8)
void probe_url_authority(const struct probe_url *u, char out[URL_AUTHORITY_BYTES_MAX]);

/* The path of the scrape (BEP 48): the last part with `announce` at its start made `scrape`. False
 * where it has no such part: the tracker has no scrape. */
bool probe_url_scrape_path(const struct probe_url *u, char out[URL_PATH_BYTES_MAX]);

/* 40 hexadecimal digits. ERR_INVALID_INFO_HASH. */
enum err info_hash_parse(const char *text, struct info_hash *out) MUST_CHECK;
#define INFO_HASH_TEXT_BYTES (2 * INFO_HASH_BYTES + 1)
void info_hash_print(const struct info_hash *h, char out[INFO_HASH_TEXT_BYTES]);

#endif
