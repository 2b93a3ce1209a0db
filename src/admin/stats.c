/* stats.c - what several printers need: client names, errors in all, addresses of talkers. */
#include "admin/stats.h"

#include <stdlib.h>

struct client_row {
    const char *code, *name;
};

static const struct client_row CLIENTS[] = {
#define CLIENT(code, name) {code, name},
#include "admin/clients.def"
#undef CLIENT
};

#define CLIENT_COUNT (sizeof CLIENTS / sizeof *CLIENTS)
_Static_assert(CLIENT_COUNT < STATS_CLIENTS_MAX, "room for all, and for the others");

static unsigned code_index(const char *code)
{
    unsigned first = (unsigned char)code[0] - (unsigned)'0';
    return first * CLIENT_ROW + (code[1] ? (unsigned char)code[1] - (unsigned)'0' : CLIENT_SHADOW);
}

static int by_announces(const void *a, const void *b)
{
    const struct stats_client *x = a, *y = b;
    if (x->announces != y->announces) return x->announces < y->announces ? 1 : -1;
    return strcmp(x->code, y->code);
}

static uint64_t sum_of(const uint64_t counts[CLIENT_SLOTS])
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < CLIENT_SLOTS; i++)
        sum += counts[i];
    return sum;
}

/* Rows of clients.def that have announced, then all others as one. */
static void clients_name(struct stats *s, const uint64_t announces[CLIENT_SLOTS],
                         const uint64_t added[CLIENT_SLOTS])
{
    struct stats_client others = {
        .name = "other", .announces = sum_of(announces), .peers_added = sum_of(added)};
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        unsigned code = code_index(CLIENTS[i].code);
        if (!announces[code]) continue;
        struct stats_client *c = &s->clients[s->client_count++];
        *c = (struct stats_client){
            .name = CLIENTS[i].name, .announces = announces[code], .peers_added = added[code]};
        memcpy(c->code, CLIENTS[i].code, strlen(CLIENTS[i].code));
        others.announces -= c->announces;
        others.peers_added -= c->peers_added;
    }
    qsort(s->clients, s->client_count, sizeof s->clients[0], by_announces);
    s->clients[s->client_count++] = others;
}

/* Added peers are read first, so that none is counted without its announce. */
void stats_clients(struct stats *s)
{
    uint64_t(*counts)[CLIENT_SLOTS] = calloc(METRIC_CLIENTS, sizeof *counts);
    s->client_count = 0;
    if (!counts) return;
    metrics_clients(CLIENT_PEERS_ADDED, counts[CLIENT_PEERS_ADDED]);
    metrics_clients(CLIENT_ANNOUNCES, counts[CLIENT_ANNOUNCES]);
    clients_name(s, counts[CLIENT_ANNOUNCES], counts[CLIENT_PEERS_ADDED]);
    free(counts);
}

uint64_t stats_errors(const struct metrics_total *m, enum metric end)
{
    uint64_t sum = m->count[METRIC_UDP_DROPS];
    for (int door = 0; door < METRIC_DOORS; door++)
        for (int i = 0; i < ERR_COUNT; i++)
            sum += m->errors[door][i];
    for (enum metric id = METRIC_HTTP_400; id < end; id++)
        sum += m->count[id];
    return sum;
}

void stats_talker_address(const struct talker *t, char out[ADDRESS_TEXT_BYTES_MAX])
{
    struct address a = {.family = FAMILY_V6};
    memcpy(a.ip, t->key.word, sizeof a.ip);
    address_normalize(&a);
    address_print(&a, out);
}
