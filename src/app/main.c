/* main.c - hand the arguments to the subcommand. */
#include "app/commands.h"

#include "base/os_linux.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (!os_standard_streams_open()) return EXIT_RUNTIME;
    if (sodium_init() < 0) {
        fprintf(stderr, "muster: libsodium does not start\n");
        return EXIT_RUNTIME;
    }
    char **arguments = argc > 0 ? argv + 1 : argv; /* argc may be 0: then argv[0] is NULL */
    return (int)command_run((const char *const *)arguments, (const char *const *)environ);
}
