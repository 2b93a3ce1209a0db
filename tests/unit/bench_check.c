/* bench_check.c - the load generator's judgement of answers: right ones pass, each wrong one is told
 * for what it is. */
#include "unit.h"

#include "bench/judge.h"

#include <stdio.h>

#define PEERS   40u
#define SEEDERS 12u

/* One torrent with PEERS peers from 16 addresses; peer 0, the asker, downloads. */
struct fixture {
    struct world world;
    struct plan plan;
    struct request request;
    struct question q;
};

static struct fixture *fixture(enum ask kind)
{
    static struct fixture f;
    struct world_opts o = {
        .torrents = 1, .peers = PEERS, .sources = 16, .family = FAMILY_V4, .seed = 3};
    world_fini(&f.world);
    assert_true(world_init(&f.world, &o) && world_count(&f.world));
    f.world.sizes[0].seeders = SEEDERS;
    f.plan = (struct plan){.world = &f.world};
    f.request = (struct request){.kind = kind};
    f.q = (struct question){.kind = kind,
                            .numwant = 50,
                            .hashes = 2,
                            .deep = true,
                            .plan = &f.plan,
                            .request = &f.request,
                            .asker = world_source(&f.world, 0),
                            .asker_port = world_peer(&f.world, 0).port,
                            .is_ours = true,
                            .must_hold = true};
    return &f;
}

/* An announce's answer over UDP, and as a body. */
struct answer {
    uint32_t interval, seeders, leechers, count;
    uint8_t peers[64][6];
};

static struct answer right(const struct fixture *f)
{
    struct answer a = {1800, SEEDERS, PEERS - SEEDERS, PEERS - 1, {{0}}};
    for (uint32_t k = 1; k < PEERS; k++) {
        struct world_peer p = world_peer(&f->world, k);
        memcpy(a.peers[k - 1], world_source(&f->world, p.source).ip, 4);
        store_u16be(a.peers[k - 1] + 4, p.port);
    }
    return a;
}

static enum flaw udp_flaw(const struct fixture *f, const struct answer *a)
{
    uint8_t bytes[512];
    struct finding found;
    struct writer w = writer_of(bytes, sizeof bytes);
    const uint32_t head[] = {1, 7, a->interval, a->leechers, a->seeders};
    for (int i = 0; i < 5; i++)
        writer_u32be(&w, head[i]);
    writer_put(&w, a->peers, a->count * 6);
    size_t len = writer_used(&w);
    return check_udp(view_of(guarded(bytes, len), len), &f->q, &found);
}

static enum flaw http_flaw(const struct fixture *f, const struct answer *a)
{
    uint8_t bytes[512];
    struct finding found;
    int head = snprintf((char *)bytes, sizeof bytes,
                        "d8:completei%ue10:incompletei%ue8:intervali%ue5:peers%u:", a->seeders,
                        a->leechers, a->interval, a->count * 6);
    memcpy(bytes + head, a->peers, a->count * 6);
    size_t len = (size_t)head + a->count * 6;
    bytes[len++] = 'e';
    return check_http_body(view_of(guarded(bytes, len), len), &f->q, &found);
}

static void both_say(const struct fixture *f, const struct answer *a, enum flaw wanted)
{
    assert_string_equal(FLAW_NAMES[udp_flaw(f, a)], FLAW_NAMES[wanted]);
    assert_string_equal(FLAW_NAMES[http_flaw(f, a)], FLAW_NAMES[wanted]);
}

static void peers_are_those_of_the_torrent(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    struct answer a = right(f);
    both_say(f, &a, FLAW_NONE);
    memcpy(a.peers[5], a.peers[9], 6);
    both_say(f, &a, FLAW_TWICE);
    a = right(f);
    a.peers[38][0] = 10;
    both_say(f, &a, FLAW_FOREIGN);
    memset(a.peers[38], 0, 4);
    both_say(f, &a, FLAW_FOREIGN);
    memset(a.peers[20] + 4, 0, 2);
    both_say(f, &a, FLAW_PORT);
    a = right(f);
    memcpy(a.peers[0], f->q.asker.ip, 4);
    store_u16be(a.peers[0] + 4, f->q.asker_port);
    both_say(f, &a, FLAW_SELF);
    f->q.deep = false;
    both_say(f, &a, FLAW_NONE);
}

static void enough_peers(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    struct answer a = right(f);
    a.count = 10; /* a tracker that gives few */
    both_say(f, &a, FLAW_NONE);
    a.count = 9;
    both_say(f, &a, FLAW_TOO_FEW);
    f->q.numwant = 9;
    both_say(f, &a, FLAW_NONE);
    a.count = 0;
    both_say(f, &a, FLAW_TOO_FEW);
    f->q.numwant = 0;
    both_say(f, &a, FLAW_NONE);
    f->q.numwant = 50;
    f->q.must_hold = false;
    both_say(f, &a, FLAW_NONE);
}

static void seeders_need_no_seeders(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    struct answer a = right(f);
    f->world.sizes[0].seeders = a.seeders = PEERS - 4;
    a.leechers = 4;
    f->q.asker_is_seeder = true;
    a.count = 2;
    both_say(f, &a, FLAW_NONE);
    a.count = 1;
    both_say(f, &a, FLAW_TOO_FEW);
}

static void numbers_are_those_of_the_torrent(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    struct answer a = right(f);
    a.seeders++; /* within the slack */
    both_say(f, &a, FLAW_NONE);
    a.seeders++;
    both_say(f, &a, FLAW_COUNTS);
    a.seeders = 0, a.leechers = PEERS;
    both_say(f, &a, FLAW_COUNTS);
    f->q.is_ours = false;
    both_say(f, &a, FLAW_NONE);
    a.leechers = PEERS - 2; /* fewer than are given */
    both_say(f, &a, FLAW_COUNTS);
    a.leechers = 0x80000000u;
    both_say(f, &a, FLAW_COUNTS);
}

/* A tracker may have refused some, where they are many of an address. */
static void a_crowd_of_few_addresses_may_lack(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    struct answer a = right(f);
    f->world.opts.sources = 4;
    a = right(f);
    a.count = 1, a.seeders = 1, a.leechers = 1;
    memcpy(f->q.asker.ip, world_source(&f->world, 0).ip, 4);
    both_say(f, &a, FLAW_NONE);
    a.count = 0;
    both_say(f, &a, FLAW_TOO_FEW);
    a.count = 1, a.seeders = PEERS;
    both_say(f, &a, FLAW_COUNTS);
}

static enum flaw scrape_flaw(const struct fixture *f, uint32_t seeders, uint32_t leechers)
{
    uint8_t bytes[64];
    struct finding found;
    struct writer w = writer_of(bytes, sizeof bytes);
    writer_u64be(&w, (uint64_t)2 << 32 | 7);
    for (int i = 0; i < 2; i++) {
        writer_u32be(&w, seeders);
        writer_u32be(&w, 0);
        writer_u32be(&w, leechers);
    }
    size_t len = writer_used(&w);
    return check_udp(view_of(guarded(bytes, len), len), &f->q, &found);
}

static void scrapes_over_udp(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_SCRAPE);
    assert_int_equal(scrape_flaw(f, SEEDERS, PEERS - SEEDERS), FLAW_NONE);
    assert_int_equal(scrape_flaw(f, PEERS - SEEDERS, SEEDERS), FLAW_COUNTS);
    assert_int_equal(scrape_flaw(f, 0, 0), FLAW_COUNTS);
    f->q.is_ours = f->q.must_hold = false;
    assert_int_equal(scrape_flaw(f, 0, 0), FLAW_NONE);
    assert_int_equal(scrape_flaw(f, UINT32_MAX, UINT32_MAX), FLAW_COUNTS);
}

/* A scrape with one file: `hash` NULL: the torrent's. */
static enum flaw files_flaw(const struct fixture *f, const char *hash, const char *numbers)
{
    uint8_t bytes[256];
    struct finding found;
    struct info_hash own;
    struct writer w = writer_of(bytes, sizeof bytes);
    world_info_hash(&f->world, 0, &own);
    writer_literal(&w, "d5:filesd20:");
    writer_put(&w, hash ? (const uint8_t *)hash : own.bytes, 20);
    writer_put(&w, numbers, strlen(numbers));
    writer_literal(&w, "ee");
    size_t len = writer_used(&w);
    return check_http_body(view_of(guarded(bytes, len), len), &f->q, &found);
}

static enum flaw body_flaw(const struct fixture *f, const char *text)
{
    struct finding found;
    return check_http_body(view_of(guarded(text, strlen(text)), strlen(text)), &f->q, &found);
}

static void scrapes_over_http(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_SCRAPE);
    assert_int_equal(files_flaw(f, NULL, "d8:completei12e10:incompletei28ee"), FLAW_NONE);
    assert_int_equal(files_flaw(f, NULL, "d8:completei28e10:incompletei12ee"), FLAW_COUNTS);
    assert_int_equal(files_flaw(f, NULL, "d8:completei12ee"), FLAW_BENCODE);
    assert_int_equal(files_flaw(f, "aaaaaaaaaaaaaaaaaaaa", "d8:completei1e10:incompletei1ee"),
                     FLAW_HASHES);
    assert_int_equal(body_flaw(f, "d5:filesdee"), FLAW_HASHES);
    assert_int_equal(body_flaw(f, "d5:filesd1:xi1eee"), FLAW_HASHES);
    assert_int_equal(body_flaw(f, "d4:infoi1ee"), FLAW_BENCODE);
    f->q.must_hold = f->q.is_ours = false;
    assert_int_equal(body_flaw(f, "d5:filesdee"), FLAW_NONE);
    assert_int_equal(body_flaw(f, "d5:filesd1:xi1eee"), FLAW_HASHES);
}

static void bodies_are_read_strictly(void **state)
{
    (void)state;
    struct fixture *f = fixture(ASK_ANNOUNCE);
    f->q.deep = false;
    f->q.numwant = 1;
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers6:abcdefe"), FLAW_NONE);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers12:abcdefabcdefe"), FLAW_TOO_MANY);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers5:abcdee"), FLAW_STRIDE);
    assert_int_equal(body_flaw(f, "d8:intervali0e5:peers0:e"), FLAW_INTERVAL);
    assert_int_equal(body_flaw(f, "d14:failure reason2:noe"), FLAW_REFUSED);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers6:abcdef"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers6:abcdefee"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d8:intervali60ee"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d8:intervali060e5:peers0:e"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers00:e"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d5:peers999999999999999999:e"), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, ""), FLAW_BENCODE);
    assert_int_equal(body_flaw(f, "d5:peers0:8:intervali60ee"), FLAW_ORDER);
    assert_int_equal(body_flaw(f, "d8:intervali60e8:intervali60e5:peers0:e"), FLAW_ORDER);
    assert_int_equal(body_flaw(f, "d8:intervali60e5:peers0:1:xd1:bi1e1:ai1eee"), FLAW_ORDER);
    assert_int_equal(body_flaw(f, "d8:completei-1e8:intervali60e5:peers0:e"), FLAW_BENCODE);
}

static enum flaw packet_flaw(enum ask kind, const char *bytes, size_t len)
{
    struct question q = {.kind = kind, .numwant = 2, .hashes = 1};
    struct finding f;
    return check_udp(view_of(guarded(bytes, len), len), &q, &f);
}

#define PACKET_FLAW(kind, literal) packet_flaw((kind), (literal), sizeof(literal) - 1)
#define ANNOUNCE_HEAD                                                                              \
    "\0\0\0\1"                                                                                     \
    "tttt"                                                                                         \
    "\0\0\0\x3c"                                                                                   \
    "\0\0\0\0\0\0\0\0"

static void packets_are_read_strictly(void **state)
{
    (void)state;
    assert_int_equal(PACKET_FLAW(ASK_CONNECT, "\0\0\0\0ttttcccccccc"), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_CONNECT, "\0\0\0\0ttttccccccc"), FLAW_LENGTH);
    assert_int_equal(PACKET_FLAW(ASK_CONNECT, "\0\0\0\1ttttcccccccc"), FLAW_ACTION);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, "\0\0\0\3ttttno"), FLAW_REFUSED);
    assert_int_equal(PACKET_FLAW(ASK_BAD_ID, "\0\0\0\3ttttno"), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_BAD_ID, ANNOUNCE_HEAD), FLAW_NOT_REFUSED);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD "abcdef"), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD "abcde"), FLAW_STRIDE);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD "abcdefabcdefabcdef"), FLAW_TOO_MANY);
    assert_int_equal(PACKET_FLAW(ASK_SCRAPE, "\0\0\0\2ttttaaaabbbbcccc"), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_SCRAPE, "\0\0\0\2tttt"), FLAW_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_those_of_the_torrent),
        cmocka_unit_test(enough_peers),
        cmocka_unit_test(seeders_need_no_seeders),
        cmocka_unit_test(numbers_are_those_of_the_torrent),
        cmocka_unit_test(a_crowd_of_few_addresses_may_lack),
        cmocka_unit_test(scrapes_over_udp),
        cmocka_unit_test(scrapes_over_http),
        cmocka_unit_test(bodies_are_read_strictly),
        cmocka_unit_test(packets_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
