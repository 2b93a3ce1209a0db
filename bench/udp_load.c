/* udp_load.c - see udp_load.h.
 *
 * Flows      A few sockets, each with its own source port; the source address of every datagram is
 *            set by IP_PKTINFO, so thousands of flows need no more than a few calls a turn.
 * Slots      An outstanding request sits in a slot; its transaction id is the slot's number and a
 *            generation, so a late or repeated answer is recognized, and an id that was never sent.
 *            One that timed out goes on listening until there is no other left to use: a late
 *            answer still tells how late it was.
 * Spinning   By default the loop never sleeps: a sleeping generator would make the server pay for
 *            waking it with every batch of answers, which no client on another machine does.
 * Batches    In a closed loop nothing is sent until a batch of slots is free, or no answer came at
 *            all: otherwise turns would settle at one datagram a call.
 * Ids        A source whose connection id is older than ID_AGE_NS connects again before its next
 *            request, as real clients do after a minute (BEP 15). */
#include "bench/udp_load.h"

#include "net/sockaddr.h"
#include "proto/udp_tracker.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX (16 + BENCH_HASHES_MAX * INFO_HASH_BYTES)
#define ANSWER_BYTES_MAX  2048
#define SOCKET_BYTES      (16 << 20)
#define MAGIC             0x41727101980ull
#define ID_AGE_NS         (60 * NS_PER_S)
#define BAD_ID_MASK       0x5a5a5a5a00ull
#define CONNECT_TRIES     5
#define CONTROL_BYTES     CMSG_SPACE(sizeof(struct in_pktinfo))
#define POLL_MS_MAX       10
#define SLOTS_MIN         1024u
#define GENERATIONS_KNOWN 32768u /* an answer to an older one is taken for a made-up id */

enum slot_state { SLOT_FREE, SLOT_BUSY, SLOT_LATE /* given up, but listening */ };

struct slot {
    uint64_t due_ns, sent_ns;
    struct request request;
    uint32_t uses; /* the low 16 bits are the generation of the request that it has, or had */
    enum slot_state state;
};

struct source {
    uint64_t connection_id, since_ns; /* 0: none */
    bool connecting;
};

struct udp_load {
    struct bench *bench;
    struct source *sources;
    uint32_t slot_count, free_count, late_first, late_count, busy_count;
    struct slot *slots;
    uint16_t *free_slots; /* a stack: what was just used is in the cache */
    uint16_t *late_slots; /* a ring of those that were given up, oldest first */
    int sockets[BENCH_SOCKETS_MAX];
    uint32_t turn; /* of the sockets */
    struct sockaddr_storage target;
    struct sockaddr_storage from[BENCH_BATCH_MAX]; /* of answers */
    struct mmsghdr out[BENCH_BATCH_MAX], in[BENCH_BATCH_MAX];
    struct iovec out_bytes[BENCH_BATCH_MAX], in_bytes[BENCH_BATCH_MAX];
    uint16_t out_slot[BENCH_BATCH_MAX];
    _Alignas(struct cmsghdr) uint8_t control[BENCH_BATCH_MAX][CONTROL_BYTES];
    uint8_t request[BENCH_BATCH_MAX][REQUEST_BYTES_MAX];
    uint8_t answer[BENCH_BATCH_MAX][ANSWER_BYTES_MAX];
};

/* ---- building requests ---- */

static uint32_t udp_event(enum ask kind)
{
    switch (kind) {
    case ASK_STARTED: return EVENT_STARTED;
    case ASK_STOPPED: return EVENT_STOPPED;
    case ASK_COMPLETED: return EVENT_COMPLETED;
    default: return EVENT_NONE;
    }
}

static void announce_write(const struct bench *b, const struct request *r, struct writer *w)
{
    struct world_peer peer = world_peer(&b->world, r->item);
    struct info_hash hash;
    struct peer_id id;
    bool is_seeder = peer.is_seeder || r->kind == ASK_COMPLETED;
    world_info_hash(&b->world, peer.torrent, &hash);
    world_peer_id(&b->world, r->item, &id);
    writer_put(w, hash.bytes, sizeof hash.bytes);
    writer_put(w, id.bytes, sizeof id.bytes);
    writer_u64be(w, 0);                          /* downloaded */
    writer_u64be(w, is_seeder ? 0 : 1ull << 30); /* left */
    writer_u64be(w, 0);                          /* uploaded */
    writer_u32be(w, udp_event(r->kind));
    writer_u32be(w, 0);                 /* IP address: the datagram's */
    writer_u32be(w, (uint32_t)r->item); /* key */
    writer_u32be(w, b->opts->numwant);
    writer_u16be(w, peer.port);
}

static void scrape_write(const struct bench *b, const struct request *r, struct writer *w)
{
    for (uint32_t i = 0; i < b->opts->scrape_hashes; i++) {
        struct info_hash hash;
        world_info_hash(&b->world, plan_scrape_torrent(&b->plan, r, i), &hash);
        writer_put(w, hash.bytes, sizeof hash.bytes);
    }
}

static uint32_t source_of(const struct bench *b, const struct request *r)
{
    uint64_t sources = b->opts->world.sources;
    return (uint32_t)(r->item % sources); /* of a peer, of a connect, of a scrape alike */
}

static size_t request_write(const struct udp_load *l, const struct slot *s, uint16_t at,
                            uint8_t *bytes)
{
    struct writer w = writer_of(bytes, REQUEST_BYTES_MAX);
    const struct request *r = &s->request;
    uint64_t id = l->sources[source_of(l->bench, r)].connection_id;
    uint32_t action = UDP_ANNOUNCE;
    if (r->kind == ASK_CONNECT) {
        action = UDP_CONNECT;
        id = MAGIC;
    } else if (r->kind == ASK_SCRAPE) {
        action = UDP_SCRAPE;
    } else if (r->kind == ASK_BAD_ID) {
        id ^= BAD_ID_MASK;
    }
    writer_u64be(&w, id);
    writer_u32be(&w, action);
    writer_u32be(&w, s->uses << 16 | at);
    if (action == UDP_ANNOUNCE) announce_write(l->bench, r, &w);
    else if (action == UDP_SCRAPE) scrape_write(l->bench, r, &w);
    return writer_used(&w);
}

/* ---- sending ---- */

static void source_address_set(struct udp_load *l, unsigned i, uint32_t source)
{
    struct cmsghdr *c = (struct cmsghdr *)l->control[i];
    struct in_pktinfo info = {0};
    struct address a = world_source(&l->bench->world, source);
    memcpy(&info.ipi_spec_dst, a.ip, sizeof info.ipi_spec_dst);
    memcpy(CMSG_DATA(c), &info, sizeof info);
}

/* A source without a fresh connection id connects instead; until that is answered the old id
 * serves. */
static void source_refresh(struct udp_load *l, struct request *r, uint64_t now_ns)
{
    struct source *s = &l->sources[source_of(l->bench, r)];
    if (r->kind == ASK_CONNECT || s->connecting || now_ns - s->since_ns < ID_AGE_NS) return;
    s->connecting = true;
    plan_lost(&l->bench->plan, r); /* a fill must not forget it */
    *r = (struct request){ASK_CONNECT, source_of(l->bench, r)};
}

static void slot_leave(struct udp_load *l, uint16_t at, enum slot_state state)
{
    l->slots[at].state = state;
    if (state == SLOT_FREE) l->free_slots[l->free_count++] = at;
    else l->late_slots[(l->late_first + l->late_count++) % l->slot_count] = at;
    l->busy_count--;
}

static uint16_t slot_pop(struct udp_load *l)
{
    if (l->free_count) return l->free_slots[--l->free_count];
    uint16_t at = l->late_slots[l->late_first];
    l->late_first = (l->late_first + 1) % l->slot_count;
    l->late_count--;
    return at;
}

static void slot_take(struct udp_load *l, unsigned i, const struct request *r, uint64_t now_ns)
{
    uint16_t at = slot_pop(l);
    struct slot *s = &l->slots[at];
    if (s->state == SLOT_LATE) bench_unanswered(l->bench, s->due_ns, now_ns);
    s->request = *r;
    s->sent_ns = now_ns;
    s->due_ns = bench_begin(l->bench, r->kind, now_ns);
    s->state = SLOT_BUSY;
    s->uses++;
    l->busy_count++;
    l->out_slot[i] = at;
    l->out_bytes[i].iov_len = request_write(l, s, at, l->request[i]);
    if (l->out[i].msg_hdr.msg_control) source_address_set(l, i, source_of(l->bench, r));
}

/* What the kernel did not take is lost at once. */
static void slot_fail(struct udp_load *l, uint16_t at, int error, uint64_t now_ns)
{
    const struct slot *s = &l->slots[at];
    bench_failed(l->bench, error);
    bench_lost(l->bench, &s->request);
    bench_unanswered(l->bench, s->due_ns, now_ns);
    if (s->request.kind == ASK_CONNECT) l->sources[s->request.item].connecting = false;
    slot_leave(l, at, SLOT_FREE);
}

static void batch_send(struct udp_load *l, unsigned count, uint64_t now_ns)
{
    int fd = l->sockets[l->turn++ % l->bench->opts->sockets];
    for (unsigned at = 0; at < count;) {
        int sent = sendmmsg(fd, l->out + at, count - at, 0);
        if (sent < 0 && errno == EINTR) continue;
        if (sent > 0) {
            at += (unsigned)sent;
            continue;
        }
        slot_fail(l, l->out_slot[at++], errno, now_ns);
    }
}

/* How many more may be under way: an open loop has every slot, all else the window, a fill before an
 * open loop, too, which would fill the tracker's socket otherwise. */
static uint32_t room_of(const struct udp_load *l)
{
    uint32_t most = l->bench->rate ? l->slot_count : l->bench->opts->window;
    return most > l->busy_count ? most - l->busy_count : 0;
}

/* Send what is due, at most one batch; returns how many. */
static unsigned send_due(struct udp_load *l, uint64_t now_ns, bool is_quiet)
{
    struct bench *b = l->bench;
    uint32_t due = bench_due(b, now_ns), batch = b->opts->batch, room = room_of(l);
    uint32_t window = b->opts->window;
    if (!b->rate && !is_quiet && room < (batch < window ? batch : window)) return 0;
    if (due > room) due = room;
    if (due > batch) due = batch;
    unsigned count = 0;
    while (count < due) {
        struct request r;
        if (!plan_next(&b->plan, -1, &r)) break;
        source_refresh(l, &r, now_ns);
        slot_take(l, count++, &r, now_ns);
    }
    if (count) batch_send(l, count, now_ns);
    return count;
}

/* ---- receiving ---- */

static void source_learn(struct udp_load *l, const struct request *r, uint64_t id, uint64_t now_ns)
{
    l->sources[r->item] = (struct source){.connection_id = id, .since_ns = now_ns};
}

/* Not an answer to anything: the target's fault, or a stranger's who takes us for the one that had our
 * port before. */
static void answer_to_nothing(struct udp_load *l, bool is_ours, enum flaw flaw)
{
    if (is_ours) bench_flaw(l->bench, flaw);
    else l->bench->tally.strays++;
}

/* The slot that waits for this answer; NULL when none does, which is counted.
 *   is_ours   it comes from the target */
static struct slot *slot_of(struct udp_load *l, struct view packet, bool is_ours)
{
    if (packet.len < 8) {
        answer_to_nothing(l, is_ours, FLAW_LENGTH);
        return NULL;
    }
    uint32_t id = load_u32be(packet.ptr + 4);
    if ((uint16_t)id < l->slot_count) {
        struct slot *s = &l->slots[(uint16_t)id];
        uint32_t uses_ago = (uint16_t)(s->uses - (id >> 16));
        if (uses_ago == 0 && s->state != SLOT_FREE) return s;
        if (uses_ago < s->uses && uses_ago < GENERATIONS_KNOWN) {
            l->bench->tally.strays++;
            return NULL;
        }
    }
    answer_to_nothing(l, is_ours, FLAW_TRANSACTION);
    return NULL;
}

/* Family, port and address; an IPv6 scope may differ. */
static bool is_from_target(const struct udp_load *l, const struct sockaddr_storage *from)
{
    if (l->target.ss_family == AF_INET)
        return memcmp(from, &l->target, offsetof(struct sockaddr_in, sin_zero)) == 0;
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)from;
    const struct sockaddr_in6 *b = (const struct sockaddr_in6 *)&l->target;
    return a->sin6_port == b->sin6_port &&
           memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
}

static void answer_take(struct udp_load *l, struct view packet, const struct sockaddr_storage *from,
                        uint64_t now_ns)
{
    struct bench *b = l->bench;
    bool is_ours = is_from_target(l, from);
    struct slot *s = slot_of(l, packet, is_ours);
    if (!s) return;
    struct question q = bench_question(b, &s->request);
    struct answer a = {.kind = s->request.kind, .bytes = packet.len, .due_ns = s->due_ns};
    a.flaw = is_ours ? check_udp(packet, &q, &a.finding) : FLAW_SOURCE;
    if (a.kind == ASK_CONNECT && a.flaw == FLAW_NONE)
        source_learn(l, &s->request, a.finding.connection_id, now_ns);
    if (s->state == SLOT_LATE) {
        if (a.kind == ASK_BAD_ID) bench_flaw(b, a.flaw);
        else bench_answered_late(b, &a, now_ns);
        s->state = SLOT_FREE; /* and stays where it is */
    } else {
        bench_answered(b, &a, now_ns);
        slot_leave(l, (uint16_t)(s - l->slots), SLOT_FREE);
    }
}

static unsigned receive_from(struct udp_load *l, int fd)
{
    unsigned total = 0;
    for (;;) {
        for (uint32_t i = 0; i < l->bench->opts->batch; i++)
            l->in[i].msg_hdr.msg_namelen = sizeof l->from[i];
        int got = recvmmsg(fd, l->in, l->bench->opts->batch, MSG_DONTWAIT, NULL);
        if (got <= 0) return total;
        uint64_t now_ns = bench_now_ns();
        for (int i = 0; i < got; i++)
            answer_take(l, view_of(l->answer[i], l->in[i].msg_len), &l->from[i], now_ns);
        total += (unsigned)got;
        if ((unsigned)got < l->bench->opts->batch || total >= 4 * BENCH_BATCH_MAX) return total;
    }
}

static unsigned receive_all(struct udp_load *l)
{
    unsigned total = 0;
    for (uint32_t i = 0; i < l->bench->opts->sockets; i++)
        total += receive_from(l, l->sockets[i]);
    return total;
}

/* Give up what is older than the timeout. No answer to a bad connection id is an answer, too:
 * silence is what a flood should get. */
static void slots_expire(struct udp_load *l, uint64_t now_ns, uint64_t timeout_ns)
{
    for (uint32_t i = 0; i < l->slot_count; i++) {
        struct slot *s = &l->slots[i];
        bool is_bad_id = s->request.kind == ASK_BAD_ID;
        if (s->state != SLOT_BUSY || now_ns < s->sent_ns + timeout_ns) continue;
        if (is_bad_id) l->bench->tally.ignored++;
        else bench_lost(l->bench, &s->request);
        if (s->request.kind == ASK_CONNECT) l->sources[s->request.item].connecting = false;
        slot_leave(l, (uint16_t)i, is_bad_id ? SLOT_FREE : SLOT_LATE);
    }
}

/* The phase is over: nobody listens any more. */
static void slots_close(struct udp_load *l, uint64_t now_ns)
{
    slots_expire(l, now_ns, 0);
    for (uint32_t i = 0; i < l->slot_count; i++) {
        if (l->slots[i].state != SLOT_LATE) continue;
        bench_unanswered(l->bench, l->slots[i].due_ns, now_ns);
        l->slots[i].state = SLOT_FREE;
    }
}

static void wait_for_answers(const struct udp_load *l)
{
    const struct bench *b = l->bench;
    struct pollfd fds[BENCH_SOCKETS_MAX];
    for (uint32_t i = 0; i < b->opts->sockets; i++)
        fds[i] = (struct pollfd){.fd = l->sockets[i], .events = POLLIN};
    poll(fds, b->opts->sockets, b->rate ? 1 : POLL_MS_MAX);
}

/* ---- running ---- */

/* One turn of the loop: send what is due unless `is_closing`, receive, give up. Returns how many
 * answers there were. */
static unsigned turn(struct udp_load *l, uint64_t now_ns, bool is_closing, bool is_quiet)
{
    const struct bench *b = l->bench;
    unsigned sent = is_closing ? 0 : send_due(l, now_ns, is_quiet);
    unsigned got = receive_all(l);
    if (bench_tick(l->bench, now_ns)) slots_expire(l, now_ns, b->opts->timeout_ms * NS_PER_MS);
    if (!sent && !got && b->opts->sleep) wait_for_answers(l);
    return got;
}

void udp_load_run(struct udp_load *l, enum phase phase, uint64_t duration_ms)
{
    struct bench *b = l->bench;
    uint64_t now_ns;
    unsigned got = 0;
    bench_phase(b, phase, duration_ms);
    do { /* until all is asked; in the first phases, until all is answered */
        now_ns = bench_now_ns();
        got = turn(l, now_ns, false, got == 0);
    } while (!bench_is_over(b, now_ns) && (plan_has_more(&b->plan) || l->busy_count));
    bench_stop_clock(b, now_ns);
    while (!b->hurried && (l->busy_count || bench_has_backlog(b, now_ns))) {
        now_ns = bench_now_ns();
        got = turn(l, now_ns, !bench_has_backlog(b, now_ns), got == 0);
    }
    slots_close(l, now_ns);
    bench_end(b, now_ns);
}

bool udp_load_connect(struct udp_load *l)
{
    udp_load_run(l, PHASE_CONNECT, CONNECT_TRIES * l->bench->opts->timeout_ms);
    for (uint32_t i = 0; i < l->bench->opts->world.sources; i++)
        if (!l->sources[i].since_ns) return false;
    return true;
}

/* ---- beginning and end ---- */

/* A socket bound to any address, or to ::1; source ports are the kernel's choice. */
static int socket_open(const struct bench_opts *o)
{
    int bytes = SOCKET_BYTES, on = 1;
    struct sockaddr_storage local;
    struct address any = {.family = o->world.family};
    int fd = socket(any.family == FAMILY_V4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (any.family == FAMILY_V6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&local, sockaddr_write(&local, &any, 0)) == 0) return fd;
    close(fd);
    return -1;
}

static void messages_init(struct udp_load *l)
{
    const struct bench_opts *o = l->bench->opts;
    socklen_t target_bytes = sockaddr_write(&l->target, &o->target, o->port);
    bool has_sources = o->world.family == FAMILY_V4 && o->target.ip[0] == 127;
    for (unsigned i = 0; i < BENCH_BATCH_MAX; i++) {
        struct cmsghdr *c = (struct cmsghdr *)l->control[i];
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
                              .cmsg_level = IPPROTO_IP,
                              .cmsg_type = IP_PKTINFO};
        l->out_bytes[i].iov_base = l->request[i];
        l->in_bytes[i] = (struct iovec){l->answer[i], ANSWER_BYTES_MAX};
        l->out[i].msg_hdr = (struct msghdr){.msg_name = &l->target,
                                            .msg_namelen = target_bytes,
                                            .msg_iov = &l->out_bytes[i],
                                            .msg_iovlen = 1,
                                            .msg_control = has_sources ? c : NULL,
                                            .msg_controllen = has_sources ? CONTROL_BYTES : 0};
        l->in[i].msg_hdr =
            (struct msghdr){.msg_name = &l->from[i], .msg_iov = &l->in_bytes[i], .msg_iovlen = 1};
    }
}

struct udp_load *udp_load_new(struct bench *b)
{
    const struct bench_opts *o = b->opts;
    struct udp_load *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->bench = b;
    for (uint32_t i = 0; i < o->sockets; i++)
        l->sockets[i] = -1;
    l->slot_count = o->rate ? BENCH_WINDOW_MAX : o->window > SLOTS_MIN ? o->window : SLOTS_MIN;
    l->slots = calloc(l->slot_count, sizeof *l->slots);
    l->free_slots = calloc(l->slot_count, sizeof *l->free_slots);
    l->late_slots = calloc(l->slot_count, sizeof *l->late_slots);
    l->sources = calloc(o->world.sources, sizeof *l->sources);
    bool is_fine = l->slots && l->free_slots && l->late_slots && l->sources;
    for (uint32_t i = 0; is_fine && i < o->sockets; i++)
        is_fine = (l->sockets[i] = socket_open(o)) >= 0;
    if (!is_fine) {
        perror("muster-bench: sockets");
        udp_load_free(l);
        return NULL;
    }
    while (l->free_count < l->slot_count) {
        l->free_slots[l->free_count] = (uint16_t)l->free_count;
        l->free_count++;
    }
    messages_init(l);
    return l;
}

void udp_load_free(struct udp_load *l)
{
    for (uint32_t i = 0; i < l->bench->opts->sockets; i++)
        if (l->sockets[i] >= 0) close(l->sockets[i]);
    free(l->slots);
    free(l->free_slots);
    free(l->late_slots);
    free(l->sources);
    free(l);
}
