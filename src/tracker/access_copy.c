/* access_copy.c - a list of one set put into another, which is being made: where its file cannot be read,
 * what was in force goes on.
 *
 * Told apart   the rows of both lists of torrents lie in one table; a row of both is found for each, and
 *              its reason belongs to the denial. */
#include "tracker/access.h"

static enum err copy_torrents(struct access *to, const struct access *from, enum access_list list)
{
    const struct access_torrents *t = &from->torrents;
    uint32_t wanted = list == ACCESS_DENY_TORRENTS ? TORRENT_DENIED : TORRENT_ALLOWED;
    size_t slots = (size_t)t->row_count + t->added_count + 1;
    enum err err = ERR_OK;
    for (size_t i = 0; t->rows && i < slots && err == ERR_OK; i++) {
        const struct access_torrent *row = &t->rows[i];
        if (!(row->what & wanted)) continue;
        struct view reason = access_reasons_get(&from->reasons, row->what & TORRENT_REASON_MASK);
        err = access_add_torrent(to, list, &row->info_hash, reason);
    }
    return err;
}

static struct address address4(uint32_t ip)
{
    struct address a = {.family = FAMILY_V4};
    store_u32be(a.ip, ip);
    return a;
}

static struct address address6(access_ip ip)
{
    struct address a = {.family = FAMILY_V6};
    store_u64be(a.ip, (uint64_t)(ip >> 64));
    store_u64be(a.ip + 8, (uint64_t)ip);
    return a;
}

static enum err copy_ips(struct access *to, const struct access *from, enum access_list list)
{
    const struct access_ranges *r = &from->ips[list == ACCESS_DENY_IPS];
    enum err err = ERR_OK;
    for (int f = 0; f < FAMILY_COUNT; f++)
        for (uint32_t i = 0; i < r->count[f] && err == ERR_OK; i++) {
            bool is_v4 = f == FAMILY_V4;
            struct address first =
                is_v4 ? address4(r->rows4[i].first) : address6(r->rows6[i].first);
            struct address last = is_v4 ? address4(r->rows4[i].last) : address6(r->rows6[i].last);
            struct view reason = access_reasons_get(&from->reasons, r->reasons[f][i]);
            err = access_add_ips(to, list, &first, &last, reason);
        }
    return err;
}

static enum err copy_clients(struct access *to, const struct access *from, enum access_list list)
{
    const struct access_clients *c = &from->clients[list == ACCESS_DENY_CLIENTS];
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < c->count && err == ERR_OK; i++)
        err = access_add_client(to, list, &c->rows[i].rule,
                                access_reasons_get(&from->reasons, c->rows[i].reason));
    return err;
}

/* Both lists of torrents are added to one array, one after the other. */
static void rewind_torrents(struct access_torrents *t, enum access_list list)
{
    uint32_t wanted = list == ACCESS_DENY_TORRENTS ? TORRENT_DENIED : TORRENT_ALLOWED;
    while (t->added_count && t->added[t->added_count - 1].what & wanted)
        t->added_count--;
}

void access_rewind(struct access *x, enum access_list list)
{
    x->entries[list] = 0;
    if (list <= ACCESS_DENY_TORRENTS) rewind_torrents(&x->torrents, list);
    else if (list <= ACCESS_DENY_IPS) x->ips[list == ACCESS_DENY_IPS].added_count = 0;
    else access_clients_free(&x->clients[list == ACCESS_DENY_CLIENTS]);
}

enum err access_copy(struct access *to, const struct access *from, enum access_list list)
{
    enum err err = list <= ACCESS_DENY_TORRENTS ? copy_torrents(to, from, list)
                   : list <= ACCESS_DENY_IPS    ? copy_ips(to, from, list)
                                                : copy_clients(to, from, list);
    to->entries[list] = from->entries[list]; /* as its files have them */
    return err;
}
