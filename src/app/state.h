/* state.h - what outlives the process: a folder with the snapshot of the store, and keys.
 *
 *   snapshot       the last that was saved whole
 *   snapshot.old   the one before
 *   snapshot.tmp   being written, or what a crash left of it
 *   snapshot.damaged   one that could not be read whole, set aside
 *   import         torrents that `muster import` brought, until they are in a snapshot
 *   keys           of connection ids and of the store: clients notice no restart
 *
 * Threads   all functions belong to the housekeeping thread; a save and an import run on one of their
 *           own, which lives as long as they take.
 * Without   --state-dir there is no struct state: every function takes NULL, and does nothing. */
#ifndef APP_STATE_H
#define APP_STATE_H

#include "app/snapshot_file.h"
#include "base/hash.h"
#include "net/loop.h"
#include "tracker/tracker.h"

#define STATE_SNAPSHOT "snapshot"
#define STATE_IMPORT   "import"

struct state;

struct state_keys {
    struct hash_key udp_id;
    uint8_t store[SWARM_KEY_BYTES];
};

/* Open the folder, made when it is missing; *out is NULL for "". While still root: who will be `user`
 * need not be allowed on the way there, and gets a folder that is made. What is wrong is logged: ERR_OS,
 * ERR_NO_MEMORY. `loop` is woken when a thread is done; borrowed, opened later. */
enum err state_open(struct state **out, const char *folder, const char *user,
                    struct loop *loop) MUST_CHECK;
/* As the user who serves: take the keys, made when they are missing. ERR_OS, logged. */
enum err state_begin(struct state *s) MUST_CHECK;
/* Waits for its thread. */
void state_close(struct state *s);

/* Be the only process that uses the folder; false and a log line when another does. The kernel
 * forgets it when this process ends. */
bool state_claim(struct state *s);

/* Let another process have it; nothing is under way. */
void state_release(struct state *s);

/* The keys of the folder; NULL without one. */
const struct state_keys *state_keys(const struct state *s);

/* Put into the store what was saved, and make peers live as long as they were told. Before workers
 * start: it takes seconds for millions of torrents, and says so. ERR_NO_MEMORY, logged: a file is there
 * that could not be opened or had no memory; who went on would save less over it. */
enum err state_load(struct state *s, struct tracker *t, const struct interval_opts *o,
                    uint32_t now_s) MUST_CHECK;

/* Save as soon as no save is under way; `why` is for the log, constant text. */
void state_want_save(struct state *s, const char *why);
/* Take `import` in as soon as no save is under way. */
void state_want_import(struct state *s);

/* Begin what is due, finish what is done. `interval_ms` between two saves; 0: none unasked. */
void state_tick(struct state *s, struct tracker *t, uint64_t interval_ms, uint64_t now_ms);

/* Nothing is under way or wanted. */
bool state_is_idle(const struct state *s);

/* The last of a kind that ended. */
struct state_job {
    uint64_t number; /* `begun` when it began; 0: none has ended */
    char error[512]; /* "" when it worked */
};

struct state_status {
    bool is_on, is_busy;
    const char *folder;                       /* "": none; borrowed */
    uint64_t begun, saves, failures, imports; /* jobs since the start */
    uint64_t saved_unix_s;                    /* the last save or load, as the file says; 0: none */
    struct snapshot_saved saved;              /* of the last save that worked */
    struct state_job save, import;
};
void state_status(const struct state *s, struct state_status *out);

/* Is `import` to be taken in, and has not begun? */
bool state_wants_import(const struct state *s);

/* Go on counting where the process before stopped: whoever asked it for a job waits for our answer. */
void state_resume(struct state *s, const struct state_status *before);

#endif
