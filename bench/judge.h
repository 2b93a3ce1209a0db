/* judge.h - deep questions: can this answer be, given who was announced where?
 *
 * Known      the peers of a torrent, each by its endpoint, whoever announced them.
 * Only with  a fill of our own and a mix without churn, stops and completions: how many peers and
 *            seeders a torrent has.
 * Left open  which peers a tracker picks, and that it may give fewer than asked for: half of what it
 *            must hold are enough, and never are more than 10 demanded. Seeders need not be given to
 *            seeders. Numbers may be off by a sixteenth and one: a tracker may take a peer for another
 *            one of the same address. Where few addresses have many peers (JUDGE_PER_SOURCE_MAX a
 *            torrent) it may have refused some. */
#ifndef BENCH_JUDGE_H
#define BENCH_JUDGE_H

#include "bench/check.h"

#define JUDGE_PER_SOURCE_MAX 4

/* Compact records, a whole number of them, at most NUMWANT_MAX. Cost: 20 ns a peer. */
enum flaw judge_peers(struct view records, enum family family, const struct question *q);

/* An announce's numbers and how many peers it gives, when all of it has been read. */
enum flaw judge_announce(const struct question *q, const struct finding *f);

/* Seeders and leechers of a torrent. */
bool judge_counts(const struct question *q, uint64_t torrent, uint64_t seeders, uint64_t leechers);

#endif
