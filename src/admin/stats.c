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

void stats_clients(struct stats *s)
{
    static const char OTHER[] = "other";
    uint64_t *codes = calloc(CLIENT_CODES, sizeof *codes);
    s->client_count = 0;
    if (!codes) return;
    uint64_t others = metrics_clients(codes);
    for (unsigned i = 0; i < CLIENT_CODES; i++)
        others += codes[i];
    for (size_t i = 0; i < CLIENT_COUNT; i++) {
        uint64_t announces = codes[code_index(CLIENTS[i].code)];
        if (!announces) continue;
        struct stats_client *c = &s->clients[s->client_count++];
        *c = (struct stats_client){.name = CLIENTS[i].name, .announces = announces};
        memcpy(c->code, CLIENTS[i].code, strlen(CLIENTS[i].code));
        others -= announces;
    }
    free(codes);
    qsort(s->clients, s->client_count, sizeof s->clients[0], by_announces);
    s->clients[s->client_count++] = (struct stats_client){.name = OTHER, .announces = others};
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
