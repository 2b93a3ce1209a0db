/* journal.h - what announces change in a store, noted while another process takes the store over.
 *
 * A change is the announce itself, as far as the store looks at it: said again to another store, in
 * the order of the journal, it leaves there what it left here. That other store may hold any of it
 * already (dump.h: a dump is no single moment), because the end of a sequence of announces is the
 * same when a part of it comes twice. Only counting is not, so a change carries the torrent's
 * completed count as well.
 *
 * Threads   announces note under their shard's lock, so that changes of one torrent are in order; one
 *           other thread takes.
 * Memory    two halves of `changes_max`, reserved at the start and touched as far as they are used.
 * Cost      without a journal one load and one branch per announce; with one 72 bytes and a lock. */
#ifndef SWARM_JOURNAL_H
#define SWARM_JOURNAL_H

#include "swarm/swarm.h"

enum change_left { CHANGE_LEFT_NOTHING, CHANGE_LEFT_SOME, CHANGE_LEFT_UNKNOWN, CHANGE_LEFT_COUNT };

/* As it goes from one process of a machine to another: host byte order. */
struct swarm_change {
    struct info_hash info_hash;
    struct peer_id peer_id;
    uint8_t ip[16];
    uint32_t now_s;     /* of the announce */
    uint32_t completed; /* of the torrent, after it */
    uint16_t port;
    uint8_t family, event; /* enum family, enum event */
    uint8_t left;          /* enum change_left */
    uint8_t zero[3];
};
_Static_assert(sizeof(struct swarm_change) == 72, "two processes agree on it");

struct swarm_journal;

/* ERR_NO_MEMORY. */
enum err swarm_journal_new(struct swarm_journal **out, uint32_t changes_max) MUST_CHECK;

/* NULL is fine; it must not be attached. */
void swarm_journal_free(struct swarm_journal *j);

/* Have every change noted from now on; with NULL no more. When that returns, nobody uses the journal
 * that was attached. Costs a lock of every shard, some 0.3 ms. */
void swarm_journal_attach(struct swarm *s, struct swarm_journal *j);

/* The changes since the last call, in their order; valid until the next. */
uint32_t swarm_journal_take(struct swarm_journal *j, const struct swarm_change **out);

/* Was there ever no room for a change? Then the journal is worth nothing. */
bool swarm_journal_is_torn(struct swarm_journal *j);

/* Is it one that this version understands? */
bool swarm_change_is_valid(const struct swarm_change *c);

/* Say the announce of a valid change to this store. Limits hold here, too: false when the peer is not
 * stored because of one, or of memory. */
bool swarm_replay(struct swarm *s, const struct swarm_change *c, uint32_t lifetime_s,
                  struct rng *rng);

#endif
