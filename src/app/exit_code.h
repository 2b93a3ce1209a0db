/* exit_code.h - what the process's exit status tells the service manager. Rows; the manual and
 * --help print them. */
#ifndef APP_EXIT_CODE_H
#define APP_EXIT_CODE_H

#define EXIT_CODES(X)                                                                              \
    X(EXIT_FINE, 0, "asked to stop, and stopped; or printed what was asked for")                   \
    X(EXIT_RUNTIME, 1, "the operating system refused something that is needed")                    \
    X(EXIT_USAGE, 2, "wrong option, value or configuration file")                                  \
    X(EXIT_LISTEN, 3, "an address could not be listened on")                                       \
    X(EXIT_USER, 4, "started as root and could not become the user of --user")                     \
    X(EXIT_MEMORY, 5, "not enough memory to start")                                                \
    X(EXIT_INTERRUPTED, 6, "a second signal stopped it while requests were in hand")               \
    X(EXIT_LISTS, 7, "an access list could not be read, so that nobody is served without it")

enum exit_code {
#define EXIT_CODE_ENUM(id, number, text) id = number,
    EXIT_CODES(EXIT_CODE_ENUM)
#undef EXIT_CODE_ENUM
};

#endif
