/* journal.c - see journal.h.
 *
 * Two halves   announces write to one while the other is read; taking swaps them. So whoever takes
 *              never holds the lock for longer than it takes to swap two numbers.
 * One lock     is enough: an entry is a copy of 72 bytes, and a journal is attached for seconds.
 * Rejected     one journal per worker: two announces of a peer over two doors would have to be put
 *              in order again. The result in place of the announce (state, flags): what the store
 *              makes of an announce would be written down a second time. */
#include "swarm/journal.h"

#include "swarm/store.h"

#include "base/os_linux.h"

#include <stdlib.h>

struct swarm_journal {
    /* constant */
    uint32_t max; /* changes of a half */
    struct swarm_change *halves[2];
    size_t bytes; /* of a half */
    struct lock lock;
    /* lock */
    uint32_t at, count; /* the half that is written to, and how many it has */
    bool is_torn;
};

enum err swarm_journal_new(struct swarm_journal **out, uint32_t changes_max)
{
    struct swarm_journal *j = calloc(1, sizeof *j);
    if (!j) return ERR_NO_MEMORY;
    j->max = changes_max;
    j->bytes = changes_max * sizeof(struct swarm_change);
    for (int i = 0; i < 2; i++) {
        j->halves[i] = os_reserve(j->bytes);
        if (j->halves[i] && os_commit(j->halves[i], j->bytes)) continue;
        swarm_journal_free(j);
        return ERR_NO_MEMORY;
    }
    *out = j;
    return ERR_OK;
}

void swarm_journal_free(struct swarm_journal *j)
{
    if (!j) return;
    for (int i = 0; i < 2; i++)
        if (j->halves[i]) os_unreserve(j->halves[i], j->bytes);
    free(j);
}

void swarm_journal_attach(struct swarm *s, struct swarm_journal *j)
{
    atomic_store(&s->journal, j);
    for (uint32_t i = 0; i < SHARD_COUNT; i++) {
        lock_take(&s->shards[i].lock);
        lock_release(&s->shards[i].lock);
    }
}

uint32_t swarm_journal_take(struct swarm_journal *j, const struct swarm_change **out)
{
    lock_take(&j->lock);
    uint32_t count = j->count;
    *out = j->halves[j->at];
    j->at = 1 - j->at;
    j->count = 0;
    lock_release(&j->lock);
    return count;
}

bool swarm_journal_is_torn(struct swarm_journal *j)
{
    lock_take(&j->lock);
    bool is_torn = j->is_torn;
    lock_release(&j->lock);
    return is_torn;
}

/* ---- writing ---- */

static enum change_left left_of(const struct announce *a)
{
    if (a->left == LEFT_UNKNOWN) return CHANGE_LEFT_UNKNOWN;
    return a->left ? CHANGE_LEFT_SOME : CHANGE_LEFT_NOTHING;
}

void journal_note(struct swarm_journal *j, const struct announce *a, uint32_t now_s,
                  uint32_t completed)
{
    lock_take(&j->lock);
    if (j->count < j->max) {
        struct swarm_change *c = &j->halves[j->at][j->count++];
        *c = (struct swarm_change){.info_hash = a->info_hash,
                                   .peer_id = a->peer_id,
                                   .now_s = now_s,
                                   .completed = completed,
                                   .port = a->port,
                                   .family = (uint8_t)a->address.family,
                                   .event = (uint8_t)a->event,
                                   .left = (uint8_t)left_of(a)};
        memcpy(c->ip, a->address.ip, sizeof c->ip);
    } else {
        j->is_torn = true;
    }
    lock_release(&j->lock);
}

/* ---- reading ---- */

bool swarm_change_is_valid(const struct swarm_change *c)
{
    return c->family < FAMILY_COUNT && c->event <= EVENT_PAUSED && c->left < CHANGE_LEFT_COUNT;
}

/* What was counted twice is put right, and what this store never saw is counted in. */
static void completed_set(struct swarm *s, uint64_t hash, const struct info_hash *h,
                          uint32_t completed)
{
    struct shard *shard = shard_of(s, hash);
    lock_take(&shard->lock);
    struct slot slot = shard_find(s, shard, hash, h);
    if (slot.ref) record_at(s, *slot.ref)->completed = completed;
    lock_release(&shard->lock);
}

bool swarm_replay(struct swarm *s, const struct swarm_change *c, uint32_t lifetime_s,
                  struct rng *rng)
{
    static const uint64_t LEFT[] = {
        [CHANGE_LEFT_NOTHING] = 0, [CHANGE_LEFT_SOME] = 1, [CHANGE_LEFT_UNKNOWN] = LEFT_UNKNOWN};
    struct announce a = {.info_hash = c->info_hash,
                         .peer_id = c->peer_id,
                         .address = {.family = (enum family)c->family},
                         .port = c->port,
                         .event = (enum event)c->event,
                         .left = LEFT[c->left]};
    struct swarm_answer answer = {0};
    uint64_t hash = swarm_hash(s, &a.info_hash);
    memcpy(a.address.ip, c->ip, sizeof a.address.ip);
    swarm_announce(s, hash, &a, (struct swarm_time){c->now_s, lifetime_s}, rng, &answer);
    completed_set(s, hash, &a.info_hash, c->completed);
    return !swarm_is_full(answer.verdict);
}
