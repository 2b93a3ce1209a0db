/* proto_foreign_store.c - what other trackers write of what they hold. */
#include "hex.h"
#include "unit.h"

#include "proto/foreign_store.h"

#include <stdlib.h>

#define HASH  "aa00000000000000000000000000000000000000"
#define HASH2 "bb00000000000000000000000000000000000000"
#define ID    "2d5858303030312d6162636465666768696a6b6c"

struct seen {
    unsigned torrents, peers;
    uint64_t completed;
    struct stored_torrent last;
    struct stored_peer first;
};

static void note(void *ctx, const struct stored_torrent *t)
{
    struct seen *s = ctx;
    s->torrents++;
    s->peers += t->count;
    s->completed += t->completed;
    s->last = *t;
    if (t->count) s->first = t->peers[0];
}

static enum err read_with(foreign_read_fn *read, struct view bytes, struct seen *out,
                          size_t *understood)
{
    *out = (struct seen){0};
    struct foreign_text text = {.bytes = view_of(guarded(bytes.ptr, bytes.len), bytes.len),
                                .now_unix_s = 1000};
    enum err err = read(&text, note, out);
    if (understood) *understood = text.understood;
    return err;
}

static void a_backup_of_trakx(void **state)
{
    (void)state;
    struct seen s;
    struct view file =
        hex(HASH "02000000" ID "01 04000000 0a000001 e11a 84030000 00000000" ID
                 "00 10000000 20010000000000000000000000000001 5000 e8030000 00000000" HASH2
                 "00000000");
    assert_int_equal(read_with(foreign_read_trakx, file, &s, NULL), ERR_OK);
    assert_int_equal(s.torrents, 1); /* the other one has nobody */
    assert_int_equal(s.peers, 2);
    assert_true(s.first.is_seeder && s.first.has_id);
    assert_int_equal(s.first.port, 6881);
    assert_int_equal(s.first.age_s, 100);
    assert_memory_equal(s.first.address.ip, "\x0a\0\0\1", 4);
    assert_memory_equal(&s.first.peer_id, hex(ID).ptr, 20);
}

static void a_mapped_address_is_ipv4(void **state)
{
    (void)state;
    struct seen s;
    struct view file = hex(
        HASH "01000000" ID "00 10000000 00000000000000000000ffff0a000001 e11a 84030000 00000000");
    assert_int_equal(read_with(foreign_read_trakx, file, &s, NULL), ERR_OK);
    assert_int_equal(s.first.address.family, FAMILY_V4);
    assert_memory_equal(s.first.address.ip, "\x0a\0\0\1", 4);
}

static void a_backup_that_makes_no_sense(void **state)
{
    (void)state;
    struct seen s;
    size_t at;
    struct view half = hex(HASH "00000000" HASH2 "01000000" ID "00 04000000 0a00");
    assert_int_equal(read_with(foreign_read_trakx, half, &s, &at), ERR_BAD_VALUE);
    assert_int_equal(at, 24);
    struct view address = hex(HASH "01000000" ID "00 05000000 0a00000101 e11a 0000000000000000");
    assert_int_equal(read_with(foreign_read_trakx, address, &s, &at), ERR_BAD_VALUE);
    assert_int_equal(read_with(foreign_read_trakx, VIEW("musterS\n"), &s, &at), ERR_BAD_VALUE);
}

static void a_full_scrape(void **state)
{
    (void)state;
    struct seen s;
    struct view file = VIEW("d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei1e10:downloadedi7e10:"
                            "incompletei0ee20:bbbbbbbbbbbbbbbbbbbbd8:completei1e10:downloadedi0e10:"
                            "incompletei0eeee");
    assert_int_equal(read_with(foreign_read_scrape, file, &s, NULL), ERR_OK);
    assert_int_equal(s.torrents, 1); /* nothing is remembered of the other one */
    assert_int_equal(s.completed, 7);
    assert_memory_equal(&s.last.info_hash, "aaaaaaaaaaaaaaaaaaaa", 20);
    assert_int_equal(read_with(foreign_read_scrape, VIEW("d5:filesle"), &s, NULL), ERR_BAD_VALUE);
    assert_int_equal(read_with(foreign_read_scrape, VIEW("d5:filesd3:aaadeee"), &s, NULL),
                     ERR_BAD_VALUE);
    assert_int_equal(read_with(foreign_read_scrape, VIEW("<html>"), &s, NULL), ERR_BAD_VALUE);
}

static void lists_of_opentracker(void **state)
{
    (void)state;
    struct seen s;
    size_t at;
    struct view txtp = VIEW("AA00000000000000000000000000000000000000:3:2:41\n"
                            "bb00000000000000000000000000000000000000:0:0:1\r\n\n"
                            "cc00000000000000000000000000000000000000:0:0:0");
    assert_int_equal(read_with(foreign_read_lines, txtp, &s, NULL), ERR_OK);
    assert_int_equal(s.torrents, 2);
    assert_int_equal(s.completed, 42);
    struct view dump = VIEW("AA00000000000000000000000000000000000000:29000000:41\n");
    assert_int_equal(read_with(foreign_read_lines, dump, &s, NULL), ERR_OK);
    assert_int_equal(s.completed, 41);
    struct view mixed = VIEW("AA00000000000000000000000000000000000000:3:2:41\n"
                             "AA00000000000000000000000000000000000000:29000000:41\n");
    assert_int_equal(read_with(foreign_read_lines, mixed, &s, &at), ERR_BAD_VALUE);
    assert_int_equal(at, 48);
    assert_int_equal(read_with(foreign_read_lines,
                               VIEW("AA0000000000000000000000000000000000000:1:2\n"), &s, &at),
                     ERR_BAD_VALUE);
    assert_int_equal(read_with(foreign_read_lines,
                               VIEW("AA00000000000000000000000000000000000000:1\n"), &s, &at),
                     ERR_BAD_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_of_trakx),
        cmocka_unit_test(a_mapped_address_is_ipv4),
        cmocka_unit_test(a_backup_that_makes_no_sense),
        cmocka_unit_test(a_full_scrape),
        cmocka_unit_test(lists_of_opentracker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
