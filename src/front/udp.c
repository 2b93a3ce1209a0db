/* udp.c - the UDP door: a batch goes through in stages.
 *
 *   1  every datagram is decoded; what needs no store is answered (connects, heartbeats, errors);
 *      announces are hashed and their shard is fetched into the cache
 *   2  the index lines of all announces are fetched, then their torrents' records
 *   3  announces are recorded and answered, their cache misses behind them
 *   4  one sendmmsg
 *
 * Before an address has proved itself with a connection id, no answer is longer than its request
 * (protocol.md U25, U40). For the same reason a valid id comes before the budgets of announces and
 * scrapes: who only claims an address must not spend what it has. Who is over a budget that needs no
 * proof gets silence; the others are told, as long as their budget of errors lasts. */
#include "front/udp.h"

#include "base/metrics.h"
#include "net/udp_batch.h"
#include "proto/http_tracker.h"
#include "proto/proxy_header.h"
#include "proto/udp_tracker.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCHES_PER_TURN 16 /* then the loop may look at its other sockets */
#define HEARTBEAT_ANSWER 0xff

#define COMPLAINT_REQUEST_BYTES_MIN 36 /* a scrape of one hash; the error is shorter (U25, U40) */

struct pending { /* an announce between the stages */
    unsigned at; /* in the batch */
    uint32_t transaction_id;
    uint64_t hash;
    struct announce announce;
    uint8_t passkey[PASSKEY_BYTES_MAX];
};

struct udp_socket {
    struct loop_source source;
    struct udp_door *door;
    enum family family;
    bool proxy; /* a PROXY header is mandatory */
    bool has_packet_info;
};

struct udp_door {
    struct udp_door_env env;
    struct udp_batch *batch;
    enum family family; /* of the socket at hand */
    bool proxy;
    unsigned batches; /* served; one in LATENCY_SAMPLE is timed */
    struct talker_sampler sampler;
    int sampled;             /* datagram of the batch; -1: none */
    uint64_t charged;        /* which datagrams of the batch pay if they are announces ... */
    uint32_t tokens;         /* ... and how much */
    uint64_t exact_until_us; /* somebody was over the limit */
    unsigned pending_count;
    struct pending pending[UDP_BATCH_MAX];
    uint8_t url[UDP_URL_BYTES_MAX];
    uint32_t socket_count, sockets_max;
    struct udp_socket sockets[];
};

/* One datagram on its way through stage 1. */
struct datagram {
    unsigned at;
    struct view bytes; /* without the PROXY header */
    struct address client;
    bool client_is_proxy;
    struct udp_request request;
};

static void reply(struct udp_door *d, unsigned at, const struct writer *w)
{
    if (writer_used(w)) udp_batch_reply(d->batch, at, writer_used(w));
}

static struct writer answer_writer(struct udp_door *d, unsigned at, size_t bytes_max)
{
    return writer_of(udp_batch_answer(d->batch, at), bytes_max);
}

static bool is_within(const struct udp_door *d, enum rate_budget budget,
                      const struct address *client)
{
    return tracker_allows(d->env.tracker, budget, client, d->env.loop->now_us);
}

static void reply_error_text(struct udp_door *d, unsigned at, const struct address *client,
                             uint32_t transaction_id, enum err err, struct view text)
{
    if (overload_sheds(&d->env.tracker->overload, SHED_EXTRAS)) {
        metrics_inc(METRIC_SHED_ERRORS);
        return;
    }
    if (!is_within(d, RATE_ERROR, client)) return;
    struct writer w = answer_writer(d, at, UDP_ANSWER_BYTES_MAX);
    udp_encode_error_text(&w, transaction_id, text);
    reply(d, at, &w);
    metrics_inc(METRIC_UDP_ERRORS);
    metrics_error(METRIC_DOOR_UDP, err);
}

static void reply_error(struct udp_door *d, unsigned at, const struct address *client,
                        uint32_t transaction_id, enum err err)
{
    reply_error_text(d, at, client, transaction_id, err, view_of_text(err_text(err)));
}

/* Of an announce by somebody who has proved his address: with the reason of a list's entry. Apart, so
 * that the room it needs is not the announce's. */
static __attribute__((noinline)) void refuse_announce(struct udp_door *d, unsigned at,
                                                      uint32_t transaction_id, enum err err,
                                                      const struct announce *a)
{
    char room[TRACKER_REFUSAL_BYTES];
    reply_error_text(d, at, &a->address, transaction_id, err,
                     tracker_refusal(d->env.tracker, err, a, NULL, room));
}

/* ---- who is it? ---- */

/* Where the datagram came from, behind a PROXY header where one is due (T70..T74). */
static bool client_find(struct udp_door *d, const struct udp_opts *o, struct datagram *g)
{
    struct udp_source source;
    if (!udp_batch_source(d->batch, g->at, &source)) return false;
    g->client = source.address;
    if (!d->proxy) return true;
    struct proxy_header header;
    if (!prefixes_contain(o->trusted, o->trusted_count, &source.address)) return false;
    int used = proxy_header_parse(g->bytes, true, &header);
    if (used <= 0) return false;
    g->bytes = view_from(g->bytes, (size_t)used);
    g->client_is_proxy = header.is_local;
    if (!header.is_local) g->client = header.source;
    return true;
}

static bool id_is_valid(struct udp_door *d, const struct udp_opts *o, const struct datagram *g)
{
    uint32_t now_s = loop_now_s(d->env.loop);
    if (udp_connection_id_is_valid(d->env.id_key, &g->client, now_s, o->id_ttl_s,
                                   g->request.connection_id))
        return true;
    metrics_inc(METRIC_UDP_BAD_IDS);
    if (g->bytes.len >= COMPLAINT_REQUEST_BYTES_MIN)
        reply_error(d, g->at, &g->client, g->request.transaction_id, ERR_BAD_CONNECTION_ID);
    return false;
}

/* Choose the datagrams of a batch that pay, for all, if they are announces (tracker/rate.c). */
static void charge_batch(struct udp_door *d)
{
    const struct tracker *t = d->env.tracker;
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    bool is_shared = o->rate.shares[RATE_ANNOUNCE] && d->env.loop->now_us >= d->exact_until_us;
    d->charged = o->rate.per_s[RATE_ANNOUNCE] > 0 ? UINT64_MAX : 0;
    d->tokens = is_shared ? RATE_SHARE : 1;
    if (!is_shared) return;
    d->charged = rng_u64(d->env.rng);
    d->charged &= rng_u64(d->env.rng);
}

static bool may_announce(struct udp_door *d, const struct datagram *g)
{
    if (!(d->charged >> g->at & 1)) return true;
    const struct tracker *t = d->env.tracker;
    const struct tracker_opts *o = atomic_load_explicit(&t->opts, memory_order_acquire);
    uint64_t now_us = d->env.loop->now_us;
    if (rate_take(t->rate, &o->rate, RATE_ANNOUNCE, d->tokens, &g->client, now_us)) return true;
    d->exact_until_us = now_us + RATE_EXACT_US;
    reply_error(d, g->at, &g->client, g->request.transaction_id, ERR_RATE_LIMITED);
    return false;
}

/* The address has proved itself: may it scrape? */
static bool may_scrape(struct udp_door *d, const struct datagram *g)
{
    if (is_within(d, RATE_SCRAPE, &g->client)) return true;
    reply_error(d, g->at, &g->client, g->request.transaction_id, ERR_RATE_LIMITED);
    return false;
}

/* ---- stage 1 ---- */

static void answer_connect(struct udp_door *d, const struct datagram *g)
{
    if (!is_within(d, RATE_CONNECT, &g->client)) return;
    struct writer w = answer_writer(d, g->at, UDP_CONNECT_BYTES);
    uint64_t id = udp_connection_id(d->env.id_key, &g->client, loop_now_s(d->env.loop));
    udp_encode_connect(&w, g->request.transaction_id, id);
    reply(d, g->at, &w);
    metrics_inc_by(METRIC_UDP4_CONNECTS, d->family);
}

static void answer_heartbeat(struct udp_door *d, const struct datagram *g)
{
    if (!is_within(d, RATE_CONNECT, &g->client)) return;
    struct writer w = answer_writer(d, g->at, 1);
    writer_u8(&w, HEARTBEAT_ANSWER);
    reply(d, g->at, &w);
    metrics_inc_by(METRIC_UDP4_HEARTBEATS, d->family);
}

/* The passkey of BEP 41 URLData: of its path, as over HTTP, or of its query (U87). */
static struct view url_passkey(struct view url)
{
    struct view key = view_of(NULL, 0);
    const uint8_t *mark = url.len ? memchr(url.ptr, '?', url.len) : NULL;
    size_t path_bytes = mark ? (size_t)(mark - url.ptr) : url.len;
    tracker_route(view_of(url.ptr, path_bytes), &key);
    if (key.len || !mark) return key;
    struct info_hash unused;
    size_t count;
    struct view query = view_of(mark + 1, url.len - path_bytes - 1);
    if (http_decode_scrape(query, &unused, 1, &count, &key) != ERR_OK) key.len = 0;
    return key;
}

static void passkey_keep(struct pending *p, struct view url)
{
    struct view key = url_passkey(url);
    if (key.len > sizeof p->passkey) key.len = 0;
    if (key.len) memcpy(p->passkey, key.ptr, key.len);
    p->announce.passkey = view_of(p->passkey, key.len);
}

static void take_announce(struct udp_door *d, const struct datagram *g)
{
    struct pending *p = &d->pending[d->pending_count];
    size_t url_bytes;
    enum err err = udp_decode_announce(g->bytes, &p->announce, d->url, &url_bytes);
    if (err == ERR_BAD_PACKET) {
        metrics_inc(METRIC_UDP_DROPS);
        return;
    }
    p->announce.address = g->client;
    p->announce.address_is_proxy = g->client_is_proxy;
    p->announce.passkey = view_of(NULL, 0);
    if (url_bytes) passkey_keep(p, view_of(d->url, url_bytes));
    if (err != ERR_OK) { /* who may not ask is told so first (A29) */
        enum err refusal =
            tracker_check(d->env.tracker, &p->announce, p->announce.passkey, &g->client);
        refuse_announce(d, g->at, g->request.transaction_id, refusal != ERR_OK ? refusal : err,
                        &p->announce);
        return;
    }
    p->at = g->at;
    p->transaction_id = g->request.transaction_id;
    p->hash = swarm_hash(d->env.tracker->swarm, &p->announce.info_hash);
    swarm_prefetch(d->env.tracker->swarm, p->hash, 0);
    tracker_prefetch(d->env.tracker, p->hash);
    d->pending_count++;
}

static void answer_scrape(struct udp_door *d, const struct datagram *g)
{
    const struct info_hash *hashes;
    size_t count;
    enum err err = udp_decode_scrape(g->bytes, &hashes, &count);
    const struct tracker *t = d->env.tracker;
    if (err == ERR_OK) err = tracker_check(t, NULL, view_of(NULL, 0), &g->client);
    if (err != ERR_OK) {
        char room[TRACKER_REFUSAL_BYTES];
        struct view text = tracker_refusal(t, err, NULL, &g->client, room);
        reply_error_text(d, g->at, &g->client, g->request.transaction_id, err, text);
        return;
    }
    uint64_t keys[UDP_SCRAPE_HASHES_MAX];
    for (size_t i = 0; i < count; i++) {
        keys[i] = swarm_hash(t->swarm, &hashes[i]);
        swarm_prefetch(t->swarm, keys[i], 0);
    }
    for (int stage = 1; stage <= 2; stage++)
        for (size_t i = 0; i < count; i++)
            swarm_prefetch(t->swarm, keys[i], stage);
    struct writer w = answer_writer(d, g->at, UDP_ANSWER_BYTES_MAX);
    udp_encode_scrape_head(&w, g->request.transaction_id);
    for (size_t i = 0; i < count; i++) {
        struct swarm_numbers n;
        tracker_scrape(t, &hashes[i], keys[i], loop_now_s(d->env.loop), &n);
        udp_encode_scrape_entry(&w, &n);
    }
    reply(d, g->at, &w);
    metrics_inc_by(METRIC_UDP4_SCRAPES, d->family);
}

static __attribute__((noinline)) void note_talker(struct udp_door *d, const struct address *client)
{
    struct talker_key key = talker_key_of(client->ip, client->family == FAMILY_V6);
    talkers_note(&metrics_mine->talkers, key, loop_now_s(d->env.loop));
}

static void take_datagram(struct udp_door *d, const struct udp_opts *o, unsigned at)
{
    struct datagram g = {.at = at, .bytes = udp_batch_request(d->batch, at)};
    if (!client_find(d, o, &g) || udp_decode_request(g.bytes, &g.request) != ERR_OK) {
        metrics_inc(METRIC_UDP_DROPS);
        return;
    }
    if ((int)at == d->sampled) note_talker(d, &g.client);
    switch (g.request.action) {
    case UDP_CONNECT: answer_connect(d, &g); break;
    case UDP_HEARTBEAT: answer_heartbeat(d, &g); break;
    case UDP_ANNOUNCE:
        if (id_is_valid(d, o, &g) && may_announce(d, &g)) take_announce(d, &g);
        break;
    case UDP_SCRAPE:
        if (overload_sheds(&d->env.tracker->overload, SHED_SCRAPES))
            metrics_inc(METRIC_SHED_SCRAPES);
        else if (id_is_valid(d, o, &g) && may_scrape(d, &g)) answer_scrape(d, &g);
        break;
    case UDP_ERROR: break; /* never decoded as a request (U6) */
    }
}

/* ---- stages 2 to 4 ---- */

static void answer_announce(struct udp_door *d, const struct udp_opts *o, struct pending *p)
{
    enum family f = p->announce.address.family; /* BEP 15: one family per answer */
    uint8_t *bytes = udp_batch_answer(d->batch, p->at);
    uint32_t room_bytes = o->answer_bytes_max - UDP_ANNOUNCE_HEAD_BYTES;
    struct announce_answer answer;
    struct peer_list *peers = &answer.swarm.peers;
    *peers = (struct peer_list){0};
    peers->compact[f] = bytes + UDP_ANNOUNCE_HEAD_BYTES;
    peers->max[f] = (uint16_t)(room_bytes / COMPACT_BYTES(f));
    enum err err = tracker_announce(d->env.tracker, &p->announce, p->hash, loop_now_s(d->env.loop),
                                    d->env.rng, &answer);
    if (err != ERR_OK) {
        refuse_announce(d, p->at, p->transaction_id, err, &p->announce);
        return;
    }
    struct writer w = answer_writer(d, p->at, UDP_ANSWER_BYTES_MAX);
    udp_encode_announce_head(&w, p->transaction_id, answer.interval_s, &answer.swarm.numbers);
    writer_take(&w, peers->count[f] * COMPACT_BYTES(f)); /* written in place by the store */
    reply(d, p->at, &w);
    metrics_inc_by(METRIC_UDP4_ANNOUNCES, d->family);
}

/* Behind the answers, so that nobody waits for it. */
static void show_announces(struct udp_door *d, uint32_t every)
{
    for (unsigned i = 0; i < d->pending_count; i++)
        tap_offer(d->env.tap, d->env.rng, every, TAP_UDP, &d->pending[i].announce.address);
}

static void count_requests(const struct udp_door *d, unsigned count)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++)
        bytes += udp_batch_request(d->batch, i).len;
    metrics_add(METRIC_UDP4_REQUESTS + (unsigned)d->family, count);
    metrics_add(METRIC_UDP_RECV_BYTES, bytes);
}

/* Choose the datagram whose sender is noted, if any. */
static void sample_batch(struct udp_door *d, unsigned count)
{
    d->sampled = -1;
    if (count == 0 || d->env.tracker->stats_minimal) return;
    d->sampled = talker_sample(&d->sampler, count);
    if (d->sampled >= 0) talker_sample_next(&d->sampler, rng_below(d->env.rng, TALKERS_STEPS));
}

/* See base/metrics.h for what is measured. */
static __attribute__((noinline)) void time_batch(struct udp_door *d, unsigned count)
{
    if (d->batches++ % LATENCY_SAMPLE) return;
    buckets_add(&metrics_mine->latency[METRIC_DOOR_UDP], &LATENCY_US, loop_elapsed_us(d->env.loop),
                count);
}

static unsigned serve_batch(struct udp_door *d, const struct udp_socket *s)
{
    const struct udp_opts *o = atomic_load_explicit(d->env.opts, memory_order_acquire);
    unsigned count = udp_batch_receive(d->batch, s->source.fd, s->has_packet_info);
    d->family = s->family;
    d->proxy = s->proxy;
    d->pending_count = 0;
    sample_batch(d, count);
    charge_batch(d);
    for (unsigned i = 0; i < count; i++)
        take_datagram(d, o, i);
    for (int stage = 1; stage <= 2; stage++)
        for (unsigned i = 0; i < d->pending_count; i++)
            swarm_prefetch(d->env.tracker->swarm, d->pending[i].hash, stage);
    for (unsigned i = 0; i < d->pending_count; i++)
        answer_announce(d, o, &d->pending[i]);
    count_requests(d, count); /* whoever has an answer finds it counted */
    udp_batch_flush(d->batch);
    if (count == 0) return 0;
    uint32_t every = tap_every(d->env.tap);
    if (every) show_announces(d, every);
    if (!d->env.tracker->stats_minimal) time_batch(d, count);
    return count;
}

static void serve_socket(struct udp_socket *s)
{
    for (int i = 0; i < BATCHES_PER_TURN; i++)
        if (serve_batch(s->door, s) < UDP_BATCH_MAX) return;
}

static void socket_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    serve_socket((struct udp_socket *)source);
}

_Static_assert(UDP_BATCH_MAX <= 64 && RATE_SHARE == 4,
               "charge_batch() draws 64 bits, each with 1/4");
_Static_assert(UDP_BATCH_MAX <= TALKERS_STEP_MIN, "at most one talker is noted per batch");
_Static_assert(offsetof(struct udp_socket, source) == 0, "socket_ready() casts back");

enum err udp_door_open(struct udp_door **out, const struct udp_door_env *env, uint32_t sockets_max)
{
    struct udp_door *d = calloc(1, sizeof *d + sockets_max * sizeof *d->sockets);
    if (!d) return ERR_NO_MEMORY;
    d->env = *env;
    d->sockets_max = sockets_max;
    enum err err = udp_batch_new(&d->batch);
    if (err == ERR_OK) *out = d;
    else free(d);
    return err;
}

enum err udp_door_listen(struct udp_door *d, int take_fd, enum family family, bool proxy)
{
    struct udp_socket *s = &d->sockets[d->socket_count];
    assert(d->socket_count < d->sockets_max);
    *s = (struct udp_socket){.source = {.fd = take_fd, .ready = socket_ready},
                             .door = d,
                             .family = family,
                             .proxy = proxy,
                             .has_packet_info = udp_batch_has_packet_info(take_fd)};
    enum err err = loop_add(d->env.loop, &s->source, EPOLLIN);
    if (err == ERR_OK) d->socket_count++;
    else close(take_fd);
    return err;
}

void udp_door_close(struct udp_door *d)
{
    for (uint32_t i = 0; i < d->socket_count; i++)
        serve_socket(&d->sockets[i]);
    udp_door_leave(d);
}

void udp_door_leave(struct udp_door *d)
{
    for (uint32_t i = 0; i < d->socket_count; i++) {
        loop_remove(d->env.loop, &d->sockets[i].source);
        close(d->sockets[i].source.fd);
    }
    udp_batch_free(d->batch);
    free(d);
}
