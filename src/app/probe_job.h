/* probe_job.h - one probe: what is asked, and what came back from one address.
 *
 * Threads   none: a probe blocks for at most its timeout a step.
 * Limits    PROBE_..._MAX; an answer over HTTP is read up to PROBE_ANSWER_BYTES_MAX */
#ifndef APP_PROBE_JOB_H
#define APP_PROBE_JOB_H

#include "app/probe_url.h"
#include "proto/tracker_answer.h"

#define PROBE_HASHES_MAX       ANSWER_HASHES_MAX
#define PROBE_ADDRESSES_MAX    16
#define PROBE_ANSWER_BYTES_MAX (1u << 20)
#define PROBE_TEXT_BYTES       200

struct probe_job {
    struct probe_url url;
    const char *url_text;
    struct info_hash hashes[PROBE_HASHES_MAX];
    uint32_t hash_count;
    uint32_t numwant, timeout_ms;
    struct peer_id peer_id; /* random but for its head, as `key` is */
    uint32_t key;
    uint32_t resolve_us;
};

enum probe_verdict {
    PROBE_FINE,
    PROBE_ERROR,       /* it answers, with an error or with nonsense */
    PROBE_UNREACHABLE, /* no answer */
    PROBE_NO_ROUTE,    /* this machine cannot even send there */
};

struct probe_step {
    bool done; /* answered */
    uint32_t us, tries;
};

struct probe_announce {
    struct probe_step step, stop;
    bool accepted; /* `answer` holds something */
    struct answer_announce answer;
    char failure[PROBE_TEXT_BYTES], warning[PROBE_TEXT_BYTES]; /* printable */
};

struct probe_result {
    struct address address;
    uint16_t port;
    enum probe_verdict verdict;
    char error[PROBE_TEXT_BYTES]; /* of the first thing that went wrong */
    uint32_t flaws;
    struct probe_step connect, scrape;
    struct probe_announce *announces; /* one a hash */
    struct answer_scrape scraped;
    char scrape_failure[PROBE_TEXT_BYTES]; /* printable */
};

/* Ask one address; the caller has set address, port and announces (zeroed). */
void probe_udp(const struct probe_job *job, struct probe_result *r);
void probe_http(const struct probe_job *job, struct probe_result *r);

/* The worse verdict wins, the first text stays. */
__attribute__((format(printf, 3, 4))) void probe_fail(struct probe_result *r,
                                                      enum probe_verdict verdict,
                                                      const char *format, ...);

/* No error: trackers may serve no scrapes, and clients can do without. */
void probe_scrape_refused(struct probe_result *r, const char *text);

/* A failed connect or send: whose fault is errno `why`? */
void probe_fail_errno(struct probe_result *r, const char *what, int why);

/* Foreign text for a terminal: what is not printable ASCII becomes '?', the rest is cut. */
void probe_text(struct view v, char out[PROBE_TEXT_BYTES]);

/* The announce of a hash; `event` started, stopped. */
struct announce probe_announce_of(const struct probe_job *job, uint32_t hash, enum event event);

/* Take what an answer says over into the result. */
void probe_announced(const struct probe_job *job, struct probe_result *r, uint32_t hash);

/* ---- probe_report.c ---- */

/* Print all results; `count` of them. */
void probe_print(const struct probe_job *job, const struct probe_result *results, uint32_t count);
void probe_print_json(const struct probe_job *job, const struct probe_result *results,
                      uint32_t count);

#endif
