/* access_reasons.h - the reasons of access lists, each kept once: lists repeat theirs. */
#ifndef TRACKER_ACCESS_REASONS_H
#define TRACKER_ACCESS_REASONS_H

#include "base/bytes.h"
#include "base/err.h"

#define ACCESS_REASON_BYTES_MAX  160 /* the rest is cut off */
#define ACCESS_REASONS_BYTES_MAX (256u << 20)

/* Zeroed is empty. */
struct access_reasons {
    uint8_t *bytes; /* a length, then as many bytes; the first is the empty reason */
    uint32_t used, size;
    uint32_t *slots; /* by hash: where the reason is, 0: free */
    uint32_t slot_count, count;
};

/* Keep a reason; control characters become blanks. *id is 0 for none. ERR_NO_MEMORY; ERR_FULL above
 * ACCESS_REASONS_BYTES_MAX. */
enum err access_reasons_add(struct access_reasons *r, struct view reason, uint32_t *id) MUST_CHECK;

/* No more are added: give back what only that needed. */
void access_reasons_finish(struct access_reasons *r);
void access_reasons_free(struct access_reasons *r);

/* Borrowed; empty for 0. */
static inline struct view access_reasons_get(const struct access_reasons *r, uint32_t id)
{
    return id ? view_of(r->bytes + id + 1, r->bytes[id]) : view_of(NULL, 0);
}

#endif
