/* announce_stream.c - a fixed stream of announces through the real doors, for counting
 * instructions.
 *
 *   announce_stream udp|udp_minimal|http|http_close COUNT [none|deny|near|allow|all [HASHES RANGES]]
 *
 * udp_minimal is udp with --stats minimal.
 *
 * Idea      Instruction counters see this program, not the kernel: real sockets on loopback cost
 *           nothing, so the whole path is walked as it is, doors and codecs and store. The
 *           difference between two COUNTs is free of the start, of the requests' making and of the
 *           first pass, in which the store grows.
 * Lists     with `deny` every list that denies is in force, and names nobody who asks; with `near` one of
 *           the ranges lies beside whoever asks; with `allow` the torrents are on a list that allows,
 *           too; with `all` everything is. HASHES and RANGES say how long the lists are.
 * Steady    Keys, seeds and the clock are fixed: clock_gettime() is replaced below. */
#include "base/metrics.h"
#include "bench/http_text.h"
#include "front/http.h"
#include "front/udp.h"
#include "proto/udp_tracker.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TORRENTS       400
#define PEERS          4096
#define NUMWANT        50
#define BATCH          64
#define REQUEST_BYTES  768
#define ANSWER_BYTES   4096
#define CLOCK_S        1000000
#define CLIENT_RULES   20
#define RANGE_DISTANCE (1ull << 31) /* over their number: half way from one to the next */

int clock_gettime(clockid_t id, struct timespec *t)
{
    (void)id;
    *t = (struct timespec){.tv_sec = CLOCK_S};
    return 0;
}

struct stream_test {
    struct bench bench; /* what the requests are made from */
    struct bench_opts opts;
    size_t bytes[PEERS];
    uint8_t requests[PEERS][REQUEST_BYTES];
    /* the server */
    struct loop loop;
    struct rng rng;
    struct hash_key id_key;
    struct tracker tracker;
    struct tracker_opts tracker_opts;
    struct udp_opts udp_opts;
    struct http_opts http_opts;
    _Atomic(const struct udp_opts *) udp_now;
    _Atomic(const struct http_opts *) http_now;
    struct http_shared http_shared;
    struct sockaddr_in at; /* where it listens */
};

static void require(bool is_fine, const char *what)
{
    if (is_fine) return;
    perror(what);
    exit(1);
}

/* ---- the server, without threads ---- */

static void tracker_start(struct stream_test *t)
{
    static const uint8_t KEY[SWARM_KEY_BYTES] = {7};
    struct swarm_opts opts = {
        .memory_bytes_max = 64 << 20, .completed_ttl_s = 86400, .lifetime_s_max = 3598, .key = KEY};
    struct swarm *swarm;
    require(swarm_new(&swarm, &opts) == ERR_OK, "store");
    t->tracker_opts = (struct tracker_opts){
        .numwant_default = NUMWANT,
        .numwant_max = 200,
        .interval = {.start_s = 1799, .min_s = 300, .max_s = 1799, .jitter_pct = 10, .min_pct = 50},
        .rate = {.burst_s = 10, .prefix_times = 8}};
    for (int b = 0; b < RATE_BUDGETS; b++) /* the clock stands still: nothing comes back */
        t->tracker_opts.rate.per_s[b] = RATE_PER_S_MAX;
    rate_opts_resolve(&t->tracker_opts.rate);
    tracker_init(&t->tracker, swarm, &t->tracker_opts, CLOCK_S);
    require(rate_new(&t->tracker.rate) == ERR_OK, "rate limits");
    rng_init(&t->rng, 1);
    require(loop_open(&t->loop) == ERR_OK, "loop");
}

static int socket_bound(struct stream_test *t, int type)
{
    socklen_t len = sizeof t->at;
    t->at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    require(fd >= 0 && bind(fd, (struct sockaddr *)&t->at, sizeof t->at) == 0, "bind");
    require(getsockname(fd, (struct sockaddr *)&t->at, &len) == 0, "getsockname");
    return fd;
}

static void udp_start(struct stream_test *t)
{
    struct udp_door *door;
    t->udp_opts = (struct udp_opts){.id_ttl_s = 600, .answer_bytes_max = 1232};
    atomic_store(&t->udp_now, &t->udp_opts);
    struct udp_door_env env = {.loop = &t->loop,
                               .tracker = &t->tracker,
                               .rng = &t->rng,
                               .id_key = &t->id_key,
                               .opts = &t->udp_now};
    int fd = socket_bound(t, SOCK_DGRAM);
    require(udp_door_open(&door, &env, 1) == ERR_OK, "UDP door");
    require(udp_door_listen(door, fd, FAMILY_V4, false) == ERR_OK, "UDP socket");
}

static void http_start(struct stream_test *t)
{
    struct http_door *door;
    t->http_opts = (struct http_opts){.timeout_ms = 10000,
                                      .idle_timeout_ms = 30000,
                                      .connections_max = 100,
                                      .request_bytes_max = 16384,
                                      .connection_requests_max = UINT32_MAX,
                                      .keep_alive = true,
                                      .external_ip = true,
                                      .scrape = true};
    atomic_store(&t->http_now, &t->http_opts);
    require(http_shared_init(&t->http_shared) == ERR_OK, "HTTP");
    struct http_door_env env = {.loop = &t->loop,
                                .tracker = &t->tracker,
                                .rng = &t->rng,
                                .shared = &t->http_shared,
                                .opts = &t->http_now};
    int fd = socket_bound(t, SOCK_STREAM);
    require(listen(fd, 16) == 0, "listen");
    require(http_door_open(&door, &env, 1) == ERR_OK, "HTTP door");
    require(http_door_listen(door, fd, false) == ERR_OK, "HTTP door");
}

/* ---- access lists ---- */

static uint64_t hash_of(const void *swarm, const struct info_hash *h)
{
    return swarm_hash(swarm, h);
}

/* Hashes that nobody asks about; with an allow list, those that are asked about as well. */
static enum err add_torrents(struct stream_test *t, struct access *x, enum access_list list,
                             uint64_t count)
{
    enum err err = ERR_OK;
    for (uint64_t i = 0; i < count && err == ERR_OK; i++) {
        struct info_hash h = {{(uint8_t)list}};
        for (int k = 1; k < 5; k++)
            h.bytes[k] = (uint8_t)(i >> 8 * (k - 1));
        err = access_add_torrent(x, list, &h, VIEW("removed"));
    }
    for (uint64_t i = 0; list == ACCESS_ALLOW_TORRENTS && i < TORRENTS && err == ERR_OK; i++) {
        struct info_hash h;
        world_info_hash(&t->bench.world, i, &h);
        err = access_add_torrent(x, list, &h, VIEW(""));
    }
    return err;
}

/* Spread over all addresses, with one `distance` behind whoever asks. */
static enum err add_ips(struct access *x, enum access_list list, uint64_t count, uint32_t distance)
{
    struct address first = {.family = FAMILY_V4}, last = first;
    enum err err = ERR_OK;
    for (uint64_t i = 0; i < count && err == ERR_OK; i++) {
        uint32_t ip = (127u << 24 | 1) + distance + (uint32_t)((i << 32) / count);
        store_u32be(first.ip, ip);
        store_u32be(last.ip, ip < UINT32_MAX - 255 ? ip + 255 : ip);
        err = access_add_ips(x, list, &first, &last, VIEW("bad"));
    }
    if (list == ACCESS_DENY_IPS || err != ERR_OK) return err;
    store_u32be(first.ip, 127u << 24 | 1);
    return access_add_ips(x, list, &first, &first, VIEW(""));
}

/* Of clients that do not come, or of the one that does. */
static enum err add_clients(struct access *x, enum access_list list)
{
    enum err err = ERR_OK;
    for (unsigned i = 0; i < CLIENT_RULES && err == ERR_OK; i++) {
        char line[] = "-A? 1.0-2.0 no";
        struct client_entry e;
        line[2] = (char)('A' + i);
        require(client_rule_line(view_of_text(line), &e) == NULL, "client");
        err = access_add_client(x, list, &e.rule, e.reason);
    }
    struct client_entry any = {.rule = {.last = UINT32_MAX}};
    if (list == ACCESS_DENY_CLIENTS || err != ERR_OK) return err;
    return access_add_client(x, list, &any.rule, VIEW(""));
}

/* Bits of the lists that are in force. */
static unsigned lists_of(const char *which)
{
    const unsigned deny =
        1u << ACCESS_DENY_TORRENTS | 1u << ACCESS_DENY_IPS | 1u << ACCESS_DENY_CLIENTS;
    if (strcmp(which, "allow") == 0) return deny | 1u << ACCESS_ALLOW_TORRENTS;
    return strcmp(which, "all") == 0 ? (1u << ACCESS_LISTS) - 1 : deny;
}

static void lists_make(struct stream_test *t, const char *which, uint64_t hashes, uint64_t ranges)
{
    struct access *x;
    uint32_t distance = strcmp(which, "near") == 0 ? 2 : (uint32_t)(RANGE_DISTANCE / ranges);
    require(access_new(&x) == ERR_OK, "lists");
    for (enum access_list list = 0; list < ACCESS_LISTS; list++) {
        if (!(lists_of(which) >> list & 1)) continue;
        enum err err;
        access_use(x, list);
        if (list <= ACCESS_DENY_TORRENTS) err = add_torrents(t, x, list, hashes);
        else if (list <= ACCESS_DENY_IPS) err = add_ips(x, list, ranges, distance);
        else err = add_clients(x, list);
        require(err == ERR_OK, "lists");
    }
    require(access_deny_ports(x, 1, 3, VIEW("")) == ERR_OK, "lists");
    require(access_finish(x, hash_of, t->tracker.swarm) == ERR_OK, "lists");
    t->tracker_opts.access = x;
}

/* ---- the requests ---- */

static void udp_request(struct stream_test *t, uint64_t k, struct writer *w)
{
    const struct address client = {.family = FAMILY_V4, .ip = {127, 0, 0, 1}};
    struct world_peer peer = world_peer(&t->bench.world, k);
    struct info_hash hash;
    struct peer_id id;
    world_info_hash(&t->bench.world, peer.torrent, &hash);
    world_peer_id(&t->bench.world, k, &id);
    writer_u64be(w, udp_connection_id(&t->id_key, &client, CLOCK_S));
    writer_u32be(w, UDP_ANNOUNCE);
    writer_u32be(w, (uint32_t)k);
    writer_put(w, hash.bytes, sizeof hash.bytes);
    writer_put(w, id.bytes, sizeof id.bytes);
    for (int i = 0; i < 3; i++)
        writer_u64be(w, 1000); /* downloaded, left, uploaded */
    writer_u32be(w, EVENT_NONE);
    writer_u32be(w, 0);
    writer_u32be(w, 0);
    writer_u32be(w, NUMWANT);
    writer_u16be(w, peer.port);
}

static void requests_make(struct stream_test *t, bool udp)
{
    for (uint64_t k = 0; k < PEERS; k++) {
        struct writer w = writer_of(t->requests[k], REQUEST_BYTES);
        struct request r = {ASK_ANNOUNCE, k};
        if (udp) udp_request(t, k, &w);
        else http_text_request(&t->bench, &r, &w);
        assert(!w.overflow);
        t->bytes[k] = writer_used(&w);
    }
}

/* ---- the stream ---- */

static void udp_stream(struct stream_test *t, uint64_t count)
{
    static uint8_t answers[BATCH][ANSWER_BYTES];
    struct mmsghdr out[BATCH], in[BATCH];
    struct iovec out_bytes[BATCH], in_bytes[BATCH];
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    require(connect(fd, (struct sockaddr *)&t->at, sizeof t->at) == 0, "connect");
    for (unsigned i = 0; i < BATCH; i++) {
        in_bytes[i] = (struct iovec){answers[i], ANSWER_BYTES};
        in[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &in_bytes[i], .msg_iovlen = 1}};
        out[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &out_bytes[i], .msg_iovlen = 1}};
    }
    for (uint64_t at = 0; at < count; at += BATCH) {
        for (uint64_t i = 0; i < BATCH; i++)
            out_bytes[i] =
                (struct iovec){t->requests[(at + i) % PEERS], t->bytes[(at + i) % PEERS]};
        require(sendmmsg(fd, out, BATCH, 0) == BATCH, "sendmmsg");
        loop_turn(&t->loop, 0);
        require(recvmmsg(fd, in, BATCH, MSG_DONTWAIT, NULL) == BATCH, "recvmmsg");
        require(load_u32be(answers[BATCH - 1]) == UDP_ANNOUNCE, "answer");
    }
    close(fd);
}

static int http_connect(const struct stream_test *t)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    require(connect(fd, (const struct sockaddr *)&t->at, sizeof t->at) == 0, "connect");
    return fd;
}

static void http_stream(struct stream_test *t, uint64_t count, bool keep)
{
    char answer[ANSWER_BYTES];
    int fd = keep ? http_connect(t) : -1;
    for (uint64_t at = 0; at < count; at++) {
        if (!keep) fd = http_connect(t);
        size_t bytes = t->bytes[at % PEERS];
        require(send(fd, t->requests[at % PEERS], bytes, 0) == (ssize_t)bytes, "send");
        loop_turn(&t->loop, 0);
        ssize_t got = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
        require(got > 15 && memcmp(answer, "HTTP/1.1 200 OK", 15) == 0, "answer");
        if (!keep) close(fd);
    }
    if (keep) close(fd);
}

int main(int argc, char **argv)
{
    static struct stream_test t;
    if (argc < 3) return 2;
    bool minimal = strcmp(argv[1], "udp_minimal") == 0;
    bool udp = minimal || strcmp(argv[1], "udp") == 0, keep = strcmp(argv[1], "http") == 0;
    uint64_t count = strtoull(argv[2], NULL, 10) / BATCH * BATCH;
    metrics_thread_init();
    t.opts = (struct bench_opts){
        .path = "/announce",
        .numwant = NUMWANT,
        .close = !keep,
        .world = {.torrents = TORRENTS, .peers = PEERS, .sources = 1, .seed = 1}};
    t.bench.opts = &t.opts;
    require(world_init(&t.bench.world, &t.opts.world), "world");
    tracker_start(&t);
    t.tracker.stats_minimal = minimal;
    if (argc > 3 && strcmp(argv[3], "none") != 0)
        lists_make(&t, argv[3], argc > 4 ? strtoull(argv[4], NULL, 10) : 1000,
                   argc > 5 ? strtoull(argv[5], NULL, 10) : 1000);
    if (udp) udp_start(&t);
    else http_start(&t);
    requests_make(&t, udp);
    if (udp) udp_stream(&t, count);
    else http_stream(&t, count, keep);
    return 0;
}
