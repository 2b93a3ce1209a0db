/* handoff.h - connections on their way from a worker to the operators' door: a bounded queue.
 *
 * Threads   any worker puts; the door's thread takes. One lock, held for a list's link.
 * Memory    all places are made at the start and touched only as far as they are used; the one used
 *           last is used next, so a quiet queue stays in few pages.
 * Limit     HANDOFF_MAX connections wait; the next is refused (METRIC_PAGES_REFUSED). */
#ifndef ADMIN_HANDOFF_H
#define ADMIN_HANDOFF_H

#include "front/http.h"

#define HANDOFF_MAX 128

struct handoff;

typedef void handoff_take_fn(void *ctx, int take_fd, const struct address *client,
                             struct view bytes);

/* `take` is called on the loop's thread, for each connection in the order of their coming; `bytes`
 * live for the call. ERR_NO_MEMORY, ERR_OS. */
enum err handoff_open(struct handoff **out, struct loop *loop, handoff_take_fn *take,
                      void *ctx) MUST_CHECK;

/* True when the queue has it now; false: full, and the fd stays the caller's. */
bool handoff_put(struct handoff *h, int fd, const struct address *client, struct view bytes);

bool handoff_is_empty(struct handoff *h);

/* Close what nobody took. */
void handoff_close(struct handoff *h);

#endif
