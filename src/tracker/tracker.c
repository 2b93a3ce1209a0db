/* tracker.c - what both verbs share: the start, and whether somebody may ask at all. */
#include "tracker/tracker.h"

#include "tracker/rules.h"

#include <stdio.h>

void tracker_init(struct tracker *t, struct swarm *swarm, const struct tracker_opts *opts,
                  uint32_t now_s)
{
    *t = (struct tracker){.swarm = swarm};
    atomic_init(&t->opts, opts);
    interval_init(&t->interval, &opts->interval, now_s);
}

enum err tracker_check(const struct tracker *t, const struct announce *a, struct view passkey,
                       const struct address *client)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    struct request request = {.announce = a, .client = client, .passkey = passkey};
    return rules_check(o, &request);
}

uint32_t tracker_retry_min(const struct tracker *t, enum rate_budget budget)
{
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    return (rate_retry_s(&o->rate, budget) + 59) / 60;
}

bool tracker_wants_address(const struct tracker *t)
{
    const struct access *x = atomic_load_explicit(&t->opts, memory_order_acquire)->access;
    return x && (x->used[ACCESS_ALLOW_IPS] || x->used[ACCESS_DENY_IPS]);
}

/* Many take a port for something of their router's: so whose rule it is is said, and which port. */
static struct view port_refusal(uint16_t port, struct view reason, char room[TRACKER_REFUSAL_BYTES])
{
    int n = snprintf(room, TRACKER_REFUSAL_BYTES, "port %u is not allowed by this tracker%s%.*s",
                     (unsigned)port, reason.len ? ": " : "", (int)reason.len,
                     reason.len ? (const char *)reason.ptr : "");
    return view_of(room, (size_t)n);
}

struct view tracker_refusal(const struct tracker *t, enum err refusal, const struct announce *a,
                            const struct address *client, char room[TRACKER_REFUSAL_BYTES])
{
    const struct access *x = atomic_load_explicit(&t->opts, memory_order_acquire)->access;
    struct view reason = {0};
    if (x && a) reason = access_reason(x, refusal, a, swarm_hash(t->swarm, &a->info_hash));
    else if (x && client) {
        const struct announce scrape = {.address = *client};
        reason = access_reason(x, refusal, &scrape, 0);
    }
    if (refusal == ERR_PORT_REFUSED && a) return port_refusal(a->port, reason, room);
    return reason.len ? reason : view_of_text(err_text(refusal));
}
