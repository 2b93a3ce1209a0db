/* http_answer.c - one HTTP request to one answer.
 *
 * Idea      the body is written first, into the door's scratch, then the head with its length, then
 *           the body behind it: one small copy instead of a length that must be guessed. Answers of
 *           pipelined requests queue up in one writer and leave with one send().
 * HEAD      gets the head of the GET and changes nothing (protocol.md T1). Of a valid announce only
 *           the announce itself could tell the length, so there Content-Length is left out, as
 *           RFC 9110 section 9.3.2 allows.
 * Address   a refusal to guess: when a trusted proxy does not say whom it speaks for, the answer is
 *           400, because anything else would list the proxy as a peer (T62). Only requests that
 *           need the address ask for it, so a proxy's own health checks stay simple. */
#include "front/http_door.h"

#include "base/log.h"
#include "base/metrics.h"
#include "proto/address_text.h"

#include <assert.h>

#define PUT_OFF_MIN 5 /* a scrape, when overloaded */
#define BANNER      "muster " MUSTER_VERSION ", a BitTorrent tracker\n"

/* ---- heads ---- */

struct status_row {
    int status;
    const char *reason; /* also the body, with a line end */
    const char *headers;
};

static const struct status_row STATUSES[] = {
    {400, "Bad Request", ""},
    {404, "Not Found", ""},
    {405, "Method Not Allowed", "Allow: GET, HEAD\r\n"},
    {408, "Request Timeout", ""},
    {413, "Content Too Large", ""},
    {414, "URI Too Long", ""},
    {431, "Request Header Fields Too Large", ""},
    {503, "Service Unavailable", "Retry-After: 1\r\n"},
    {505, "HTTP Version Not Supported", ""},
};

static const struct status_row *status_row(int status)
{
    const size_t count = sizeof STATUSES / sizeof *STATUSES;
    for (size_t i = 0; i < count; i++)
        if (STATUSES[i].status == status) return &STATUSES[i];
    return &STATUSES[0];
}

#define HEAD_200                                                                                   \
    "HTTP/1.1 200 OK\r\n"                                                                          \
    "Content-Type: text/plain\r\n"                                                                 \
    "Cache-Control: no-store\r\n"

static void head_begin(struct writer *out)
{
    metrics_inc(METRIC_HTTP_200);
    writer_literal(out, HEAD_200);
}

/* T5, and the echo that HTTP/1.0 clients wait for (T3). */
static uint8_t *append_head_end(const struct http_conn *c, const struct http_request *r, uint8_t *p)
{
    if (c->closing) return append_literal(p, "Connection: close\r\n\r\n");
    if (r->minor_version == 0) return append_literal(p, "Connection: keep-alive\r\n\r\n");
    return append_literal(p, "\r\n");
}

static void head_end(const struct http_conn *c, const struct http_request *r, struct writer *out)
{
    uint8_t *p = writer_room(out, sizeof "Connection: keep-alive\r\n\r\n" - 1);
    if (p) writer_appended(out, append_head_end(c, r, p));
}

static void answer_body(const struct http_conn *c, const struct http_request *r, struct view body,
                        struct writer *out)
{
    uint8_t *p = writer_room(out, HTTP_HEAD_BYTES_MAX + body.len);
    metrics_inc(METRIC_HTTP_200);
    assert(p);
    p = append_literal(p, HEAD_200 "Content-Length: ");
    p = append_decimal(p, body.len);
    p = append_literal(p, "\r\n");
    p = append_head_end(c, r, p);
    writer_appended(out, r->method == HTTP_HEAD ? p : append_view(p, body));
}

static void error_write(int status, const char *flaw, bool with_body, struct writer *out)
{
    const struct status_row *row = status_row(status);
    size_t flaw_bytes = flaw ? strlen(flaw) + 2 : 0;
    metrics_http_status(row->status);
    writer_literal(out, "HTTP/1.1 ");
    writer_decimal(out, (uint64_t)row->status);
    writer_literal(out, " ");
    writer_view(out, view_of_text(row->reason));
    writer_literal(out, "\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n");
    writer_view(out, view_of_text(row->headers));
    writer_literal(out, "Content-Length: ");
    writer_decimal(out, strlen(row->reason) + flaw_bytes + 1);
    writer_literal(out, "\r\nConnection: close\r\n\r\n");
    if (!with_body) return;
    writer_view(out, view_of_text(row->reason));
    if (flaw) {
        writer_literal(out, ": ");
        writer_view(out, view_of_text(flaw));
    }
    writer_literal(out, "\n");
}

/* ---- who asks ---- */

bool http_speaks_for_others(const struct http_opts *o, const struct address *a)
{
    return o->forwarded_header[0] && prefixes_contain(o->trusted, o->trusted_count, a);
}

enum err http_client_address(const struct http_opts *o, const struct address *socket,
                             const struct http_request *r, struct address *out)
{
    *out = *socket;
    if (!http_speaks_for_others(o, socket)) return ERR_OK;
    struct view values[HTTP_HEADERS_MAX], wanted = view_of_text(o->forwarded_header);
    size_t count = 0;
    for (size_t i = 0; i < r->header_count; i++)
        if (view_equal_nocase(r->headers[i].name, wanted)) values[count++] = r->headers[i].value;
    if (count == 0) return ERR_BAD_ADDRESS;
    return forwarded_client(values, count, view_equal_nocase(wanted, VIEW("Forwarded")), o->trusted,
                            o->trusted_count, out);
}

static enum err client_address(const struct http_conn *c, const struct http_request *r,
                               struct address *out)
{
    *out = c->client;
    if (c->is_proxy_itself) return ERR_OK;
    return http_client_address(http_door_opts(c->door), &c->client, r, out);
}

/* ---- errors ---- */

/* A proxy whose client is not known (r is NULL where the request was not understood) is not made to
 * pay for it. */
static bool may_be_told(const struct http_conn *c, const struct http_request *r)
{
    struct http_door *d = c->door;
    struct address client = c->client;
    if (overload_sheds(&d->env.tracker->overload, SHED_EXTRAS)) {
        metrics_inc(METRIC_SHED_ERRORS);
        return false;
    }
    if (c->is_proxy_itself) return true;
    if (http_speaks_for_others(http_door_opts(d), &client) &&
        (!r || client_address(c, r, &client) != ERR_OK))
        return true;
    return tracker_allows(d->env.tracker, RATE_ERROR, &client, d->env.loop->now_us);
}

/* True: the connection ends without an answer. */
static bool error_drops(struct http_conn *c, const struct http_request *r)
{
    if (may_be_told(c, r)) return false;
    c->dropped = c->closing = true;
    return true;
}

void http_answer_error(struct http_conn *c, int status, const char *flaw, struct writer *out)
{
    c->closing = true;
    c->client_closes = false;
    if (!error_drops(c, NULL)) error_write(status, flaw, true, out);
}

/* An error of a request that was read whole: the client's own `close` still holds. */
static void answer_refusal(struct http_conn *c, const struct http_request *r, int status,
                           const char *flaw, struct writer *out)
{
    c->closing = true;
    if (!error_drops(c, r)) error_write(status, flaw, r->method != HTTP_HEAD, out);
}

/* `retry_in_min`: when it may be asked again (R44); 0: the same request will fail again. */
static void answer_failure_text(struct http_conn *c, const struct http_request *r, enum err err,
                                struct view text, uint32_t retry_in_min, struct writer *out)
{
    if (error_drops(c, r)) return;
    struct writer body = writer_of(c->door->body, sizeof c->door->body);
    metrics_inc(METRIC_HTTP_FAILURES);
    metrics_error(METRIC_DOOR_HTTP, err);
    http_encode_failure_text(&body, text, retry_in_min);
    answer_body(c, r, view_of(body.start, writer_used(&body)), out);
}

static void answer_failure(struct http_conn *c, const struct http_request *r, enum err err,
                           uint32_t retry_in_min, struct writer *out)
{
    answer_failure_text(c, r, err, view_of_text(err_text(err)), retry_in_min, out);
}

/* Refused by a rule, or not well-formed; `a` is NULL for a scrape by `client`. Apart, so that the room
 * it needs is not the announce's. */
static __attribute__((noinline)) void answer_refused(struct http_conn *c,
                                                     const struct http_request *r, enum err err,
                                                     const struct announce *a,
                                                     const struct address *client,
                                                     struct writer *out)
{
    char room[TRACKER_REFUSAL_BYTES];
    struct view text = tracker_refusal(c->door->env.tracker, err, a, client, room);
    answer_failure_text(c, r, err, text, 0, out);
}

/* A client can do nothing about it, the operator can: so the log says it too. */
static void answer_no_address(struct http_conn *c, const struct http_request *r, struct writer *out)
{
    char proxy[ADDRESS_TEXT_BYTES_MAX];
    address_print(&c->client, proxy);
    log_limited(LOG_WARN, "trusted proxy %s: no client's address in %s; answered 400", proxy,
                http_door_opts(c->door)->forwarded_header);
    answer_refusal(c, r, 400, "the proxy does not say whom it speaks for", out);
}

/* May the client have this? Else it has been told when, or dropped. */
static bool is_within(struct http_conn *c, const struct http_request *r, enum rate_budget budget,
                      const struct address *client, struct writer *out)
{
    const struct tracker *t = c->door->env.tracker;
    if (tracker_allows(t, budget, client, c->door->env.loop->now_us)) return true;
    answer_failure(c, r, ERR_RATE_LIMITED, tracker_retry_min(t, budget), out);
    return false;
}

/* ---- announce ---- */

/* Decode the info hash; what will be looked up by it is on its way then. False: it is not known yet. */
static bool announce_begin(const struct http_conn *c, const struct http_request *r,
                           struct http_announce_query *q, struct announce *a, uint64_t *hash)
{
    const struct tracker *t = c->door->env.tracker;
    a->info_hash = (struct info_hash){{0}}; /* what is wrong is shown to rules, too */
    a->peer_id = (struct peer_id){{0}};
    a->passkey = view_of(NULL, 0);
    if (!http_announce_begin(q, r->query, a)) return false;
    *hash = swarm_hash(t->swarm, &a->info_hash);
    swarm_prefetch(t->swarm, *hash, 0);
    tracker_prefetch(t, *hash);
    return true;
}

static enum err announce_end(const struct http_conn *c, struct view path_passkey,
                             struct http_announce_query *q, struct announce *a)
{
    enum err err = http_announce_end(q);
    if (path_passkey.len) a->passkey = path_passkey;
    a->address_is_proxy = c->is_proxy_itself;
    return err;
}

/* Room for the peers: both families, since an HTTP answer carries both (V11). */
static void peers_room(struct http_door *d, const struct announce *a, struct peer_list *peers)
{
    bool with_ids = d->env.peer_ids && !a->compact && !a->no_peer_id;
    *peers = (struct peer_list){
        .compact = {[FAMILY_V4] = d->peers_v4, [FAMILY_V6] = d->peers_v6},
        .max = {[FAMILY_V4] = NUMWANT_PEERS_MAX, [FAMILY_V6] = NUMWANT_PEERS_MAX},
        .max_total = NUMWANT_PEERS_MAX,
    };
    if (!with_ids) return;
    peers->peer_ids[FAMILY_V4] = d->peer_ids[FAMILY_V4];
    peers->peer_ids[FAMILY_V6] = d->peer_ids[FAMILY_V6];
}

static void announce_write(struct http_conn *c, const struct http_request *r,
                           const struct announce *a, const struct announce_answer *answer,
                           struct writer *out)
{
    struct http_announce_reply reply = {
        .interval_s = answer->interval_s,
        .min_interval_s = answer->min_interval_s,
        .numbers = answer->swarm.numbers,
        .peers = &answer->swarm.peers,
        .external_ip = http_door_opts(c->door)->external_ip ? &a->address : NULL,
        .compact = a->compact,
        .with_peer_ids = answer->swarm.peers.peer_ids[FAMILY_V4] != NULL,
    };
    if (swarm_is_full(answer->swarm.verdict))
        reply.warning = view_of_text(err_text(ERR_NOT_LISTED));
    struct writer body = writer_of(c->door->body, sizeof c->door->body);
    http_encode_announce(&body, &reply);
    assert(!body.overflow);
    metrics_inc_by(METRIC_HTTP4_ANNOUNCES, c->client.family);
    answer_body(c, r, view_of(body.start, writer_used(&body)), out);
}

static void answer_announce(struct http_conn *c, const struct http_request *r,
                            struct view path_passkey, struct writer *out)
{
    struct http_door *d = c->door;
    struct tracker *t = d->env.tracker;
    struct http_announce_query query;
    struct announce a;
    if (client_address(c, r, &a.address) != ERR_OK) {
        answer_no_address(c, r, out);
        return;
    }
    uint64_t hash;
    bool is_fetched = announce_begin(c, r, &query, &a, &hash);
    if (!is_within(c, r, RATE_ANNOUNCE, &a.address, out)) return;
    if (is_fetched) swarm_prefetch(t->swarm, hash, 1);
    enum err decoded = announce_end(c, path_passkey, &query, &a);
    if (is_fetched) swarm_prefetch(t->swarm, hash, 2);
    else hash = swarm_hash(t->swarm, &a.info_hash);
    struct announce_answer answer;
    enum err err;
    if (decoded == ERR_OK && r->method != HTTP_HEAD) {
        peers_room(d, &a, &answer.swarm.peers);
        err = tracker_announce(t, &a, hash, loop_now_s(d->env.loop), d->env.rng, &answer);
    } else { /* who may not ask is told so first (A29); a HEAD changes nothing (T1) */
        err = tracker_check(t, &a, a.passkey, &a.address);
        if (err == ERR_OK) err = decoded;
        if (err == ERR_OK) {
            head_begin(out);
            head_end(c, r, out);
            return;
        }
    }
    if (err == ERR_OK) announce_write(c, r, &a, &answer, out);
    else answer_refused(c, r, err, &a, NULL, out);
    uint32_t every = tap_every(d->env.tap); /* refused ones too, as etracker */
    if (every && r->method != HTTP_HEAD)
        tap_offer(d->env.tap, d->env.rng, every, TAP_HTTP, &a.address);
}

/* ---- scrape ---- */

/* Overload: told nevertheless, since who is left without an answer asks again at once. */
static void put_off(struct http_conn *c, const struct http_request *r, enum metric why,
                    struct writer *out)
{
    struct writer body = writer_of(c->door->body, sizeof c->door->body);
    metrics_inc(why);
    http_encode_failure(&body, ERR_OVERLOADED, PUT_OFF_MIN);
    answer_body(c, r, view_of(body.start, writer_used(&body)), out);
}

/* The head of a full scrape; the body follows piece by piece (full_scrape.h). */
static void full_scrape_head(struct http_conn *c, const struct http_request *r, bool gzip,
                             struct writer *out)
{
    bool chunked = r->minor_version > 0;
    if (!chunked) c->closing = true; /* the end of the connection ends the body */
    head_begin(out);
    if (gzip) writer_literal(out, "Content-Encoding: gzip\r\n");
    if (chunked) writer_literal(out, "Transfer-Encoding: chunked\r\n");
    head_end(c, r, out);
}

/* `client`: NULL when a proxy does not say who it is. */
static void answer_full_scrape(struct http_conn *c, const struct http_request *r,
                               const struct address *client, struct writer *out)
{
    struct http_door *d = c->door;
    const struct http_opts *o = http_door_opts(d);
    if (!o->full_scrape) {
        answer_failure(c, r, ERR_FULL_SCRAPE, 0, out);
        return;
    }
    if (!client) {
        answer_no_address(c, r, out);
        return;
    }
    if (overload_sheds(&d->env.tracker->overload, SHED_EXTRAS)) {
        put_off(c, r, METRIC_SHED_FULL_SCRAPES, out);
        return;
    }
    struct full_scrape_opts opts = {.tracker = d->env.tracker,
                                    .gzip = http1_accepts_gzip(r),
                                    .chunked = r->minor_version > 0,
                                    .min_request_interval_s = o->scrape_interval_s};
    uint32_t retry_in_min;
    enum err err = ERR_OK;
    if (r->method != HTTP_HEAD)
        err = full_scrape_new(&c->scrape, &opts, d->env.shared->gate, client,
                              o->full_scrape_interval_s, loop_now_s(d->env.loop), &retry_in_min);
    if (err != ERR_OK) {
        answer_failure(c, r, err, retry_in_min, out);
        return;
    }
    if (c->scrape) metrics_inc_by(METRIC_HTTP4_FULL_SCRAPES, c->client.family);
    full_scrape_head(c, r, opts.gzip, out);
}

static void scrape_write(struct http_conn *c, const struct http_request *r,
                         const struct info_hash *hashes, size_t count, struct writer *out)
{
    const struct http_door *d = c->door;
    const struct tracker *t = d->env.tracker;
    struct writer body = writer_of(c->door->body, sizeof c->door->body);
    http_encode_scrape_head(&body);
    for (size_t i = 0; i < count; i++) {
        struct swarm_numbers numbers;
        tracker_scrape(t, &hashes[i], swarm_hash(t->swarm, &hashes[i]), loop_now_s(d->env.loop),
                       &numbers);
        http_encode_scrape_entry(&body, &hashes[i], &numbers);
    }
    http_encode_scrape_tail(&body, http_door_opts(d)->scrape_interval_s);
    assert(!body.overflow);
    metrics_inc_by(METRIC_HTTP4_SCRAPES, c->client.family);
    answer_body(c, r, view_of(body.start, writer_used(&body)), out);
}

static __attribute__((noinline)) void answer_scrape(struct http_conn *c,
                                                    const struct http_request *r,
                                                    struct view path_passkey, struct writer *out)
{
    struct info_hash hashes[HTTP_SCRAPE_HASHES_MAX];
    const struct tracker *t = c->door->env.tracker;
    size_t count = 0;
    struct view passkey = {0};
    struct address client = {0};
    if (overload_sheds(&t->overload, SHED_SCRAPES)) {
        put_off(c, r, METRIC_SHED_SCRAPES, out);
        return;
    }
    bool is_known = client_address(c, r, &client) == ERR_OK; /* a proxy's own check may not be */
    if (!is_known && tracker_wants_address(t)) {
        answer_no_address(c, r, out);
        return;
    }
    if (is_known && !is_within(c, r, RATE_SCRAPE, &client, out)) return;
    enum err err = ERR_SCRAPE_DISABLED;
    if (http_door_opts(c->door)->scrape)
        err = http_decode_scrape(r->query, hashes, HTTP_SCRAPE_HASHES_MAX, &count, &passkey);
    enum err allowed = tracker_check(t, NULL, path_passkey.len ? path_passkey : passkey, &client);
    if (allowed != ERR_OK) err = allowed;
    if (err != ERR_OK) answer_refused(c, r, err, NULL, &client, out);
    else if (count || tracker_is_info(t)) scrape_write(c, r, hashes, count, out);
    else answer_full_scrape(c, r, is_known ? &client : NULL, out);
}

/* ---- dispatch ---- */

static bool conn_stays(const struct http_conn *c, const struct http_request *r)
{
    const struct http_opts *o = http_door_opts(c->door);
    return o->keep_alive && r->keep_alive && c->requests < o->connection_requests_max &&
           !c->door->draining;
}

static void answer_heartbeat(struct http_conn *c, const struct http_request *r, struct writer *out)
{
    metrics_inc_by(METRIC_HTTP4_HEARTBEATS, c->client.family);
    answer_body(c, r, view_of(NULL, 0), out);
}

static void answer_banner(struct http_conn *c, const struct http_request *r, struct writer *out)
{
    metrics_inc_by(METRIC_HTTP4_PAGES, c->client.family);
    answer_body(c, r, VIEW(BANNER), out);
}

static void sample_talker(struct http_conn *c, const struct http_request *r)
{
    struct http_door *d = c->door;
    struct address client;
    if (d->env.tracker->stats_minimal || talker_sample(&d->sampler, 1) < 0) return;
    talker_sample_next(&d->sampler, rng_below(d->env.rng, TALKERS_STEPS));
    if (client_address(c, r, &client) != ERR_OK) return;
    talkers_note(&metrics_mine->talkers, talker_key_of(client.ip, client.family == FAMILY_V6),
                 loop_now_s(d->env.loop));
}

/* A path that is not the tracker's may be a page: then the connection leaves. */
static bool leaves_for_page(struct http_conn *c, const struct http_request *r)
{
    const struct http_pages *pages = c->door->env.pages;
    c->leaving = pages && !c->wrapped && pages->is_page(pages, r);
    return c->leaving;
}

void http_answer(struct http_conn *c, const struct http_request *r, struct writer *out)
{
    struct view passkey = {0};
    assert(writer_left(out) >= HTTP_ANSWER_BYTES_MAX && !c->scrape);
    c->requests++;
    sample_talker(c, r);
    c->closing = !conn_stays(c, r);
    c->client_closes = !r->keep_alive;
    switch (tracker_route(r->path, &passkey)) {
    case ROUTE_ANNOUNCE: answer_announce(c, r, passkey, out); break;
    case ROUTE_SCRAPE: answer_scrape(c, r, passkey, out); break;
    case ROUTE_HEARTBEAT: answer_heartbeat(c, r, out); break;
    case ROUTE_ROOT:
        if (!leaves_for_page(c, r)) answer_banner(c, r, out);
        break;
    case ROUTE_NONE:
        if (!leaves_for_page(c, r)) answer_refusal(c, r, 404, NULL, out);
        break;
    }
    if (!c->closing && !c->leaving) metrics_inc(METRIC_HTTP_KEPT_ALIVE);
    assert(!out->overflow);
}
