/* upgrade_keeper.c - the process that was started once, waiting for the one that serves now.
 *
 * Adoption   a process that hands over to the next one ends, and its child becomes ours
 *            (PR_SET_CHILD_SUBREAPER). So the keeper waits for whatever child there is, and ends when
 *            there is none, as who served last ended: there are helpers, too (starter.h).
 * Whom       signals are for is said by each new process: it writes its id into the pipe.
 * Rejected   the same process by two hand-overs, there and back, and exec() between: twice the copying
 *            and twice the pauses for a number that only the shell looks at. */
#include "app/upgrade.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const int PASSED_ON[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

static void signals_fill(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    for (size_t i = 0; i < sizeof PASSED_ON / sizeof *PASSED_ON; i++)
        sigaddset(set, PASSED_ON[i]);
}

/* Wait for all that have ended, with the status of who served; false when there is no child any more. */
static bool children_wait(pid_t serving, int *status)
{
    for (pid_t pid;;) {
        int ended;
        while ((pid = waitpid(-1, &ended, WNOHANG)) < 0 && errno == EINTR)
            ;
        if (pid <= 0) return pid == 0;
        if (pid == serving) *status = ended;
    }
}

enum exit_code upgrade_keep(pid_t successor, int take_fd)
{
    sigset_t set;
    int status = 0;
    signals_fill(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    log_line(LOG_INFO, "upgrade: this process waits for process %d, which serves", (int)successor);
    while (children_wait(successor, &status)) {
        int number = sigwaitinfo(&set, NULL);
        for (pid_t next; take_fd >= 0 && read(take_fd, &next, sizeof next) == sizeof next;)
            successor = next;
        if (number > 0 && number != SIGCHLD) kill(successor, number);
    }
    if (take_fd >= 0) close(take_fd);
    if (WIFSIGNALED(status)) return (enum exit_code)(128 + WTERMSIG(status));
    return (enum exit_code)WEXITSTATUS(status);
}
