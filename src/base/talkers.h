/* talkers.h - who asks most: the heaviest addresses of a stream that is only sampled.
 *
 * Idea      space-saving (Metwally, Agrawal, El Abbadi 2005): so many addresses are kept; one that is
 *           not kept takes the place of the rarest and inherits its count, which is remembered as its
 *           possible error. What is told is the count without the error: never too much.
 * Windows   two, of TALKERS_WINDOW_S each: the one being filled and the one before, so that the
 *           answer is about the last minutes, not about the time since the start.
 * Threads   one thread notes; any thread may read. A reader that meets a change in progress reads
 *           again, a few times, then leaves this sketch out.
 * Cost      a look at all kept addresses per note; callers note one request in TALKERS_SAMPLE. */
#ifndef BASE_TALKERS_H
#define BASE_TALKERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define TALKERS_KEPT     64
#define TALKERS_WINDOW_S 300
#define TALKERS_STEP_MIN 64 /* requests from one that is noted to the next: so many ... */
#define TALKERS_STEP_MAX 128
#define TALKERS_SAMPLE   ((TALKERS_STEP_MIN + TALKERS_STEP_MAX) / 2) /* ... on average */

struct talker_slot {
    _Atomic uint64_t key[2];
    _Atomic uint32_t count, error;
};

struct talkers {
    _Atomic uint32_t version; /* odd: being changed */
    _Atomic uint32_t window;  /* number of the window being filled: now_s / TALKERS_WINDOW_S */
    struct talker_slot slots[2][TALKERS_KEPT]; /* by the window's parity; count 0: free */
};

/* An address: 16 bytes, IPv4 mapped into IPv6 as ::ffff:a.b.c.d. */
struct talker_key {
    uint64_t word[2];
};

static inline struct talker_key talker_key_of(const uint8_t *ip, bool is_v6)
{
    struct talker_key key = {{0}};
    uint8_t *bytes = (uint8_t *)key.word;
    memcpy(is_v6 ? bytes : bytes + 12, ip, is_v6 ? 16 : 4);
    if (!is_v6) bytes[10] = bytes[11] = 0xff;
    return key;
}

/* Note one sampled request. `now_s` does not go backwards. */
void talkers_note(struct talkers *t, struct talker_key key, uint32_t now_s);

struct talker {
    struct talker_key key;
    uint64_t samples; /* at least so many, in this window and the one before */
};

/* Add what `t` holds at `now_s` to out[0..*count), which has room for `max`: of those that do not fit,
 * the lightest are left out. One that comes into a full table begins anew there, so that its samples
 * are still no more than it has. */
void talkers_read(const struct talkers *t, uint32_t now_s, struct talker *out, unsigned *count,
                  unsigned max);

/* The most talkative first. */
void talkers_sort(struct talker *all, unsigned count);

/* When the next request is to be noted: a countdown of requests, with a random step so that no
 * rhythm of the requests can hide from it or be taken for a talker. */
struct talker_sampler {
    int32_t left;
};

/* `count` requests come in, at most TALKERS_STEP_MIN. Which of them is to be noted: its index, or -1.
 * After an index, talker_sample_next() must follow. */
static inline int talker_sample(struct talker_sampler *s, unsigned count)
{
    s->left -= (int32_t)count;
    return s->left >= 0 ? -1 : (int)count + s->left;
}

/* `random` is any number below TALKERS_STEPS. */
#define TALKERS_STEPS (TALKERS_STEP_MAX - TALKERS_STEP_MIN + 1)
static inline void talker_sample_next(struct talker_sampler *s, uint32_t random)
{
    s->left += TALKERS_STEP_MIN + (int32_t)random;
}

#endif
