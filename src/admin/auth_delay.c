/* auth_delay.c - see auth_delay.h.
 *
 * Why two counts   one address that guesses must not lock the owner out, so its count is its own. A
 *                  thousand addresses that guess must not get a thousand times the guesses, so there
 *                  is one count for all; it starts later and ends sooner, and the Unix socket, which
 *                  asks for no password, is always open to the owner. It would still be his guessers
 *                  who come first when it ends: so hosts where the owner was lately, which they have
 *                  not, do not wait for it.
 * Rejected         a lock after N failures: then anybody can lock the owner out for good. */
#include "admin/auth_delay.h"

#include <stddef.h>

struct delay_rule {
    uint32_t free; /* failures that cost nothing */
    uint64_t first_ms, max_ms;
    uint64_t forget_ms; /* after so long a quiet */
};

static const struct delay_rule HOST = {
    .free = 2, .first_ms = 1000, .max_ms = 15 * 60000, .forget_ms = 60 * 60000};
static const struct delay_rule EVERYBODY = {
    .free = 30, .first_ms = 1000, .max_ms = 30000, .forget_ms = 10 * 60000};

static struct address host_of(const struct address *client)
{
    struct address host = {.family = client->family};
    memcpy(host.ip, client->ip, HOST_BYTES(client->family));
    return host;
}

static bool is_forgotten(const struct auth_delay *d, const struct delay_rule *rule, uint64_t now_ms)
{
    return d->failures == 0 || now_ms >= d->failed_ms + rule->forget_ms;
}

static uint64_t wait_ms(const struct auth_delay *d, const struct delay_rule *rule, uint64_t now_ms)
{
    if (is_forgotten(d, rule, now_ms) || now_ms >= d->not_before_ms) return 0;
    return d->not_before_ms - now_ms;
}

static void fail(struct auth_delay *d, const struct delay_rule *rule, uint64_t now_ms)
{
    if (is_forgotten(d, rule, now_ms)) d->failures = 0;
    d->failures++;
    d->failed_ms = now_ms;
    uint64_t delay_ms = d->failures > rule->free ? rule->first_ms : 0;
    for (uint32_t i = rule->free + 1; i < d->failures && delay_ms < rule->max_ms; i++)
        delay_ms *= 2;
    d->not_before_ms = now_ms + (delay_ms < rule->max_ms ? delay_ms : rule->max_ms);
}

static size_t host_find(const struct auth_delays *d, const struct address *client)
{
    struct address host = host_of(client);
    for (size_t i = 0; i < AUTH_HOSTS_MAX; i++)
        if (d->hosts[i].delay.failures && address_equal(&d->hosts[i].address, &host)) return i;
    return AUTH_HOSTS_MAX;
}

/* The host's place among the known; or, when it has none, the one to be used next. */
static size_t known_find(const struct auth_delays *d, const struct address *client, bool *is_known)
{
    struct address host = host_of(client);
    size_t at = 0;
    for (size_t i = 0; i < AUTH_KNOWN_MAX; i++) {
        const struct auth_known *k = &d->known[i];
        *is_known = k->is_used && address_equal(&k->address, &host);
        if (*is_known) return i;
        if (k->passed_ms < d->known[at].passed_ms) at = i;
    }
    return at;
}

static bool is_known(const struct auth_delays *d, const struct address *client, uint64_t now_ms)
{
    bool found;
    size_t at = known_find(d, client, &found);
    return found && now_ms < d->known[at].passed_ms + AUTH_KNOWN_MS;
}

/* A free slot, else the one that failed longest ago. */
static size_t host_take(struct auth_delays *d, const struct address *client)
{
    size_t at = host_find(d, client);
    if (at < AUTH_HOSTS_MAX) return at;
    at = 0;
    for (size_t i = 0; i < AUTH_HOSTS_MAX && d->hosts[at].delay.failures; i++) {
        const struct auth_delay *delay = &d->hosts[i].delay;
        if (!delay->failures || delay->failed_ms < d->hosts[at].delay.failed_ms) at = i;
    }
    d->hosts[at] = (struct auth_host){.address = host_of(client)};
    return at;
}

uint64_t auth_delay_ms(const struct auth_delays *d, const struct address *client, uint64_t now_ms)
{
    size_t at = host_find(d, client);
    uint64_t host_ms = at < AUTH_HOSTS_MAX ? wait_ms(&d->hosts[at].delay, &HOST, now_ms) : 0;
    if (is_known(d, client, now_ms)) return host_ms;
    uint64_t all_ms = wait_ms(&d->everybody, &EVERYBODY, now_ms);
    return host_ms > all_ms ? host_ms : all_ms;
}

void auth_delay_fail(struct auth_delays *d, const struct address *client, uint64_t now_ms)
{
    fail(&d->hosts[host_take(d, client)].delay, &HOST, now_ms);
    fail(&d->everybody, &EVERYBODY, now_ms);
}

uint32_t auth_delay_failures(const struct auth_delays *d, const struct address *client)
{
    size_t at = host_find(d, client);
    return at < AUTH_HOSTS_MAX ? d->hosts[at].delay.failures : 0;
}

void auth_delay_pass(struct auth_delays *d, const struct address *client, uint64_t now_ms)
{
    bool found;
    d->known[known_find(d, client, &found)] =
        (struct auth_known){.address = host_of(client), .passed_ms = now_ms, .is_used = true};
    size_t at = host_find(d, client);
    if (at < AUTH_HOSTS_MAX) d->hosts[at] = (struct auth_host){0};
    if (d->everybody.failures) d->everybody.failures--;
    d->everybody.not_before_ms = 0;
}
