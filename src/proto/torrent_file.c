/* torrent_file.c - see torrent_file.h.
 *
 * The hash is of the bytes as they stand in the file, so a dictionary whose keys are unsorted has the
 * hash that clients compute, too. */
#include "proto/torrent_file.h"

#include "proto/bencode_read.h"

#include <sha1.h>
#include <sodium.h>

static void hash_v1(struct view info, struct info_hash *out)
{
    SHA1_CTX sha1;
    SHA1Init(&sha1);
    SHA1Update(&sha1, info.ptr, info.len);
    SHA1Final(out->bytes, &sha1);
}

static void hash_v2(struct view info, struct info_hash *out)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, info.ptr, info.len);
    memcpy(out->bytes, digest, sizeof out->bytes);
}

const char *torrent_file_read(struct view bytes, struct torrent_file *out)
{
    struct bencode_value root, info, unused;
    size_t used;
    unsigned faults;
    *out = (struct torrent_file){0};
    if (bencode_read(bytes, &root, &used, &faults) != ERR_OK) return "it is no torrent file";
    if (!bencode_find(&root, "info", BENCODE_DICT, &info)) return "it has no info dictionary";
    struct view whole = view_of(info.bytes.ptr - 1, info.bytes.len + 2); /* with its d and e */
    if (bencode_find(&info, "pieces", BENCODE_BYTES, &unused))
        hash_v1(whole, &out->info_hashes[out->count++]);
    if (bencode_find(&info, "file tree", BENCODE_DICT, &unused))
        hash_v2(whole, &out->info_hashes[out->count++]);
    return out->count ? NULL : "its info dictionary has no pieces";
}
