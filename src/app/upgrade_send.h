/* upgrade_send.h - the store on its way to another process, while announces go on.
 *
 * Threads   a thread of its own, from upgrade_send_start() to upgrade_send_join(). */
#ifndef APP_UPGRADE_SEND_H
#define APP_UPGRADE_SEND_H

#include "app/handover.h"
#include "app/options.h"
#include "net/loop.h"
#include "swarm/journal.h"

#include <pthread.h>

struct upgrade_socket {
    enum handover_socket kind;
    int fd; /* borrowed */
};

struct upgrade_send {
    /* set before the start */
    struct handover *channel;
    struct swarm *swarm;
    struct swarm_journal *journal;
    struct swarm_time time;       /* that ages are told by; now_s is chosen by the thread */
    char *hello, *live, *history; /* JSON */
    const struct upgrade_socket *sockets;
    uint32_t socket_count;
    int keeper_fd;            /* to be passed on; -1: none */
    struct loop_source *done; /* its eventfd is written at the end */
    /* the thread's, then the caller's */
    enum err err;              /* ERR_OK: the other process is as good as equal */
    struct option_error error; /* else why not */
    bool said_why;             /* that is the other process's word */
    uint64_t torrents, peers, changes;
    bool has_files; /* READY has come, and said which */
    struct handover_ready files;
    pthread_t thread;
};

/* ERR_OS and errno. */
enum err upgrade_send_start(struct upgrade_send *u) MUST_CHECK;
void upgrade_send_join(struct upgrade_send *u);

/* Send what was noted since; ERR_FULL when the journal is torn. */
enum err upgrade_send_changes(struct upgrade_send *u) MUST_CHECK;

/* Wait for one kind of answer. ERR_BAD_VALUE: it says that it failed, error->text is why; ERR_OS. */
enum err upgrade_send_wait(struct upgrade_send *u, enum handover_type type,
                           uint32_t timeout_ms) MUST_CHECK;

#endif
