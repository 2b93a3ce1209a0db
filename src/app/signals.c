/* signals.c - see signals.h. */
#include "app/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signal_row {
    int number;
    enum signal_wish wish;
    const char *name;
};

static const struct signal_row SIGNALS[] = {
    {SIGTERM, WISH_STOP, "SIGTERM"}, {SIGINT, WISH_STOP, "SIGINT"},
    {SIGHUP, WISH_RELOAD, "SIGHUP"}, {SIGUSR2, WISH_UPGRADE, "SIGUSR2"},
    {SIGUSR1, WISH_SAVE, "SIGUSR1"},
};

#define SIGNAL_COUNT (sizeof SIGNALS / sizeof *SIGNALS)

static void signals_set(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        sigaddset(set, SIGNALS[i].number);
}

void signals_block(void)
{
    sigset_t set;
    signals_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int signals_open(void)
{
    sigset_t set;
    signals_set(&set);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

enum signal_wish signals_take(int fd, const char **name)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof info) != sizeof info) return WISH_NONE;
    for (size_t i = 0; i < SIGNAL_COUNT; i++) {
        if ((uint32_t)SIGNALS[i].number != info.ssi_signo) continue;
        *name = SIGNALS[i].name;
        return SIGNALS[i].wish;
    }
    return WISH_NONE;
}
