/* auth_delay.h - who guesses passwords waits, longer with every guess.
 *
 * Failures are counted per host (an IPv4 address, an IPv6 /64) and for everybody together. Some are
 * free; then each doubles the time in which no password is looked at. Who was quiet long enough
 * starts afresh. A host from which the right one came lately does not wait for everybody.
 *
 * Time      `now_ms` is handed in; it must not go back. */
#ifndef ADMIN_AUTH_DELAY_H
#define ADMIN_AUTH_DELAY_H

#include "proto/types.h"

#define AUTH_HOSTS_MAX 256 /* remembered; the one quiet for longest makes room */
#define AUTH_KNOWN_MAX 16  /* remembered, from which the right one came; the oldest makes room */

#define AUTH_KNOWN_MS (7 * 86400000ull)

struct auth_delay {
    uint32_t failures;
    uint64_t failed_ms;     /* the last one */
    uint64_t not_before_ms; /* the next attempt */
};

struct auth_host {
    struct address address; /* its host part; the rest is zero */
    struct auth_delay delay;
};

struct auth_known {
    struct address address; /* its host part */
    uint64_t passed_ms;
    bool is_used;
};

struct auth_delays {
    struct auth_known known[AUTH_KNOWN_MAX];
    struct auth_host hosts[AUTH_HOSTS_MAX];
    struct auth_delay everybody;
};

/* Milliseconds until this client may try; 0: now. */
uint64_t auth_delay_ms(const struct auth_delays *d, const struct address *client, uint64_t now_ms);

/* Count an attempt as failed - before it is looked at, so that hanging up in between saves nobody
 * from the count. */
void auth_delay_fail(struct auth_delays *d, const struct address *client, uint64_t now_ms);

/* The client's failures in a row, as far as they are remembered. */
uint32_t auth_delay_failures(const struct auth_delays *d, const struct address *client);

/* It was the right one: forget the client's failures, and what this attempt added for everybody;
 * know the host for AUTH_KNOWN_MS. */
void auth_delay_pass(struct auth_delays *d, const struct address *client, uint64_t now_ms);

#endif
