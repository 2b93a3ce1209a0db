/* bench_world.c - peers and torrents of the load generator: every torrent exists, endpoints differ,
 * churn keeps the sizes, answers are judged rightly. */
#include "unit.h"

#include "bench/check.h"

static struct world world_of(uint64_t torrents, uint64_t peers, double zipf_s)
{
    struct world w;
    struct world_opts o = {.torrents = torrents,
                           .peers = peers,
                           .zipf_s = zipf_s,
                           .seeders_pct = 30,
                           .sources = 16,
                           .family = FAMILY_V4,
                           .seed = 3};
    assert_true(world_init(&w, &o));
    return w;
}

static void every_torrent_has_a_peer(void **state)
{
    (void)state;
    static const double EXPONENTS[] = {0, 1};
    for (int i = 0; i < 2; i++) {
        uint8_t seen[100] = {0};
        struct world w = world_of(100, 1000, EXPONENTS[i]);
        for (uint64_t k = 0; k < 1000; k++) {
            struct world_peer p = world_peer(&w, k), successor = world_peer(&w, k + 1000);
            assert_true(p.torrent < 100 && p.source < 16 && p.port >= 1024);
            assert_int_equal(p.torrent, successor.torrent);
            seen[p.torrent] = 1;
        }
        assert_null(memchr(seen, 0, sizeof seen));
        world_fini(&w);
    }
}

static void endpoints_differ(void **state)
{
    (void)state;
    struct world w = world_of(1, 5000, 0);
    static uint8_t seen[16][65536];
    for (uint64_t k = 0; k < 10000; k++) {
        struct world_peer p = world_peer(&w, k);
        assert_false(seen[p.source][p.port]++);
    }
}

static void picks_are_live_and_from_the_source(void **state)
{
    (void)state;
    struct world w = world_of(10, 100, 0);
    struct rng rng;
    rng_init(&rng, 1);
    w.first = 1000;
    for (int i = 0; i < 1000; i++) {
        uint64_t k = world_pick(&w, &rng, -1);
        assert_true(k >= 1000 && k < 1100);
        k = world_pick(&w, &rng, 5);
        assert_int_equal(world_peer(&w, k).source, 5);
    }
}

static void churn_moves_the_window(void **state)
{
    (void)state;
    struct world w = world_of(10, 100, 0);
    struct plan p;
    struct mix mix = {.weight = {[ASK_CHURN] = 1}};
    assert_true(plan_init(&p, &w, &mix, 8, 1));
    plan_start(&p, PHASE_LOAD);
    for (uint64_t i = 0; i < 50; i++) {
        struct request stop, start;
        assert_true(plan_next(&p, -1, &stop) && plan_next(&p, -1, &start));
        assert_int_equal(stop.kind, ASK_STOPPED);
        assert_int_equal(stop.item, i);
        assert_int_equal(start.kind, ASK_STARTED);
        assert_int_equal(start.item, i + 100);
    }
    plan_fini(&p);
}

static enum flaw body_flaw(const char *text, uint32_t numwant)
{
    struct question q = {
        .kind = ASK_ANNOUNCE, .numwant = numwant, .deep = true, .asker_port = 0x6162};
    struct finding f;
    memcpy(q.asker.ip, "wxyz", 4);
    return check_http_body(view_of(guarded(text, strlen(text)), strlen(text)), &q, &f);
}

static void bodies_are_judged(void **state)
{
    (void)state;
    assert_int_equal(body_flaw("d8:intervali60e5:peers6:abcdefe", 1), FLAW_NONE);
    assert_int_equal(body_flaw("d8:intervali60e5:peers6:abcdefe", 0), FLAW_TOO_MANY);
    assert_int_equal(body_flaw("d8:intervali60e5:peers5:abcdee", 1), FLAW_STRIDE);
    assert_int_equal(body_flaw("d8:intervali60e5:peers6:wxyzabe", 1), FLAW_SELF);
    assert_int_equal(body_flaw("d8:intervali0e5:peers0:e", 1), FLAW_INTERVAL);
    assert_int_equal(body_flaw("d14:failure reason2:noe", 1), FLAW_REFUSED);
    assert_int_equal(body_flaw("d8:intervali60e5:peers6:abcdef", 1), FLAW_BENCODE);
    assert_int_equal(body_flaw("d8:intervali60e5:peers6:abcdefee", 1), FLAW_BENCODE);
    assert_int_equal(body_flaw("d8:intervali60ee", 1), FLAW_BENCODE);
    assert_int_equal(body_flaw("d5:peers999999999999999999:e", 1), FLAW_BENCODE);
    assert_int_equal(body_flaw("", 1), FLAW_BENCODE);
}

static enum flaw packet_flaw(enum ask kind, const char *bytes, size_t len)
{
    struct question q = {.kind = kind, .numwant = 2, .hashes = 1, .deep = true};
    struct finding f;
    return check_udp(view_of(guarded(bytes, len), len), &q, &f);
}

#define PACKET_FLAW(kind, literal) packet_flaw((kind), (literal), sizeof(literal) - 1)
#define ANNOUNCE_HEAD                                                                              \
    "\0\0\0\1"                                                                                     \
    "tttt"                                                                                         \
    "\0\0\0\x3c"                                                                                   \
    "\0\0\0\0\0\0\0\0"

static void packets_are_judged(void **state)
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
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD "abcd\0\0"), FLAW_PORT);
    assert_int_equal(PACKET_FLAW(ASK_ANNOUNCE, ANNOUNCE_HEAD "abcdefabcdefabcdef"), FLAW_TOO_MANY);
    assert_int_equal(PACKET_FLAW(ASK_SCRAPE, "\0\0\0\2ttttaaaabbbbcccc"), FLAW_NONE);
    assert_int_equal(PACKET_FLAW(ASK_SCRAPE, "\0\0\0\2tttt"), FLAW_LENGTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_torrent_has_a_peer),
        cmocka_unit_test(endpoints_differ),
        cmocka_unit_test(picks_are_live_and_from_the_source),
        cmocka_unit_test(churn_moves_the_window),
        cmocka_unit_test(bodies_are_judged),
        cmocka_unit_test(packets_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
