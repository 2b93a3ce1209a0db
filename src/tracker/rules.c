/* rules.c - see rules.h. Order is part of the contract (protocol.md A29): who may ask comes before
 * what is asked. */
#include "tracker/rules.h"

#include "base/metrics.h"

#include <sodium.h>

typedef enum err rule_fn(const struct tracker_opts *o, const struct request *r);

/* One shared key, if the operator set one; compared in constant time (AH51). */
static enum err rule_passkey(const struct tracker_opts *o, const struct request *r)
{
    if (!o->passkey[0]) return ERR_OK;
    size_t len = strnlen(o->passkey, PASSKEY_BYTES_MAX);
    if (r->passkey.len == len && sodium_memcmp(r->passkey.ptr, o->passkey, len) == 0) return ERR_OK;
    metrics_inc(METRIC_REFUSED_PASSKEY);
    return ERR_INVALID_PASSKEY;
}

/* A health check of a proxy has no address of its own to register (T75). */
static enum err rule_proxy_address(const struct tracker_opts *o, const struct request *r)
{
    (void)o;
    return r->announce && r->announce->address_is_proxy ? ERR_PROXY_ADDRESS : ERR_OK;
}

/* The lists of access.h. Of what is not whole only the sender is known for sure. */
static enum err rule_access(const struct tracker_opts *o, const struct request *r)
{
    if (!o->access) return ERR_OK;
    if (r->is_whole) return access_check_announce(o->access, r->announce, r->hash);
    return r->client ? access_check_address(o->access, r->client) : ERR_OK;
}

static rule_fn *const RULES[] = {
    rule_passkey,
    rule_proxy_address,
    rule_access,
};

enum err rules_check(const struct tracker_opts *o, const struct request *r)
{
#pragma GCC unroll 8 /* so that the calls are direct */
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        enum err err = RULES[i](o, r);
        if (err != ERR_OK) return err;
    }
    return ERR_OK;
}
