/* proto_torrent_file.c - info hashes of .torrent files. The hashes were computed by Python's hashlib. */
#include "hex.h"
#include "unit.h"

#include "proto/torrent_file.h"

#define HEAD "d8:announce17:http://t/announce4:info"
#define V1   "d6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces20:xxxxxxxxxxxxxxxxxxxxe"
#define TREE "9:file treed1:ad0:d6:lengthi5e11:pieces root32:yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyeee"
#define V2   "d" TREE "12:meta versioni2e4:name1:a12:piece lengthi16384ee"
#define HYBRID                                                                                     \
    "d" TREE "6:lengthi5e12:meta versioni2e4:name1:a12:piece lengthi16384e6:pieces20:"             \
    "xxxxxxxxxxxxxxxxxxxxe"

static const char *read_text(const char *text, struct torrent_file *out)
{
    return torrent_file_read(view_of(guarded(text, strlen(text)), strlen(text)), out);
}

static void assert_hash(const struct info_hash *h, const char *text)
{
    assert_memory_equal(h->bytes, hex(text).ptr, INFO_HASH_BYTES);
}

static void v1_is_sha1(void **state)
{
    struct torrent_file t;
    (void)state;
    assert_null(read_text(HEAD V1 "e", &t));
    assert_int_equal(t.count, 1);
    assert_hash(&t.info_hashes[0], "084b9725ed8700c6026b7ecf16d797b9d5989eb9");
}

static void v2_is_sha256_cut(void **state)
{
    struct torrent_file t;
    (void)state;
    assert_null(read_text(HEAD V2 "e", &t));
    assert_int_equal(t.count, 1);
    assert_hash(&t.info_hashes[0], "7e806bf328248c93b7bab72596d5a7685a6956a4");
}

static void a_hybrid_has_both(void **state)
{
    struct torrent_file t;
    (void)state;
    assert_null(read_text(HEAD HYBRID "e", &t));
    assert_int_equal(t.count, 2);
    assert_hash(&t.info_hashes[0], "2deadb75112199fd8a8ffc4ed4a30aada0e78c6c");
    assert_hash(&t.info_hashes[1], "721ed37114757af4e40ed6aafafc75b2cf81f988");
}

/* Folders in folders: BEP 52 nests a dictionary for each. */
static void deep_trees_are_read(void **state)
{
    char text[1024] = HEAD "d9:file treed";
    struct torrent_file t;
    (void)state;
    for (int i = 0; i < 40; i++)
        strncat(text, "1:ad", sizeof text - strlen(text) - 1);
    for (int i = 0; i < 43; i++)
        strncat(text, "e", sizeof text - strlen(text) - 1);
    assert_null(read_text(text, &t));
    assert_int_equal(t.count, 1);
}

static void what_is_none_is_told(void **state)
{
    static const char *const TEXTS[] = {
        "",
        "x",
        "le",
        "i1e",
        "d",
        HEAD,
        HEAD V1,
        "d4:info1:xe",
        "d4:infodee",
        "d4:infole",
        "d4:infod6:piecesi1eee",
        "d5:otherd6:pieces0:ee",
    };
    (void)state;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        struct torrent_file t;
        if (!read_text(TEXTS[i], &t)) fail_msg("\"%s\" was read", TEXTS[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_is_sha1),           cmocka_unit_test(v2_is_sha256_cut),
        cmocka_unit_test(a_hybrid_has_both),    cmocka_unit_test(deep_trees_are_read),
        cmocka_unit_test(what_is_none_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
