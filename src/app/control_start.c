/* control_start.c - `muster start`: the same program in the background.
 *
 * How        a child in a session of its own, standard output and error appended to a log file, runs
 *            this binary with `run` and the same words. The parent waits until the control socket
 *            answers with the child's process id, or the child ends: then its last lines say why.
 * Rejected   a pid file: it lies after a crash; the socket is there while the process is. */
#include "app/control.h"

#include "app/control_client.h"
#include "app/control_path.h"
#include "app/interfaces.h"
#include "app/process.h"
#include "app/sockets.h"
#include "proto/address_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_FOLDER     "/var/log" /* root's; others log beside the socket */
#define START_WAIT_MS  60000
#define POLL_MS        50
#define LOG_TAIL_BYTES 2000
#define EXIT_NO_EXEC   127

#define INTERFACES_SHOWN_MAX 64

/* ---- the log ---- */

static bool log_path(struct control *c, const char *wanted, char *out, size_t size)
{
    const struct app_opts *a = &c->settings.config.app;
    char socket[CONTROL_PATH_BYTES_MAX];
    if (wanted) return (size_t)snprintf(out, size, "%s", wanted) < size;
    if (geteuid() == 0)
        return (size_t)snprintf(out, size, LOG_FOLDER "/muster-%u.log", a->port) < size;
    if (a->admin_socket[0]) return (size_t)snprintf(out, size, "%s.log", a->admin_socket) < size;
    if (control_path_choose(a->port, socket) != ERR_OK) return false;
    size_t stem = strlen(socket) - strlen(".sock");
    return (size_t)snprintf(out, size, "%.*s.log", (int)stem, socket) < size;
}

/* A descriptor, or -1 with `why`. A log of ours is no link, and no file or pipe that a stranger made
 * where he may write; a device (/dev/null) is fine, as only root makes those. */
static int log_open(const char *path, const char **why)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
    if (fd < 0 || fstat(fd, &st) != 0) {
        *why = errno == ENXIO ? "it is no plain file" : strerror(errno);
    } else if (S_ISCHR(st.st_mode)) {
        return fd;
    } else if (!S_ISREG(st.st_mode)) {
        *why = "it is no plain file";
    } else if (st.st_nlink != 1 || (st.st_uid != geteuid() && st.st_uid != 0)) {
        *why = "it is another user's, or has another name";
    } else {
        return fd;
    }
    if (fd >= 0) close(fd);
    return -1;
}

static void print_log_tail(const char *path, off_t from)
{
    char tail[LOG_TAIL_BYTES + 1];
    FILE *f = fopen(path, "re");
    if (!f) return;
    fseeko(f, 0, SEEK_END);
    off_t end = ftello(f);
    if (end - from > LOG_TAIL_BYTES) from = end - LOG_TAIL_BYTES;
    fseeko(f, from, SEEK_SET);
    size_t n = fread(tail, 1, LOG_TAIL_BYTES, f);
    fclose(f);
    fwrite(tail, 1, n, stderr);
}

/* ---- the child ---- */

/* `run` and its words, NULL. */
static char **child_arguments(const struct control *c)
{
    enum { COUNT = sizeof c->run / sizeof *c->run };
    char **argv = calloc(COUNT + 2, sizeof *argv);
    if (!argv) return NULL;
    argv[0] = (char *)"muster";
    argv[1] = (char *)"run";
    memcpy(argv + 2, c->run, sizeof c->run);
    return argv;
}

/* In the child: nothing here may touch what the parent shares. */
static void child_run(int log_fd, char **argv)
{
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (setsid() < 0 || null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(log_fd, 1) < 0 ||
        dup2(log_fd, 2) < 0)
        _exit(EXIT_NO_EXEC);
    unsetenv("JOURNAL_STREAM"); /* the log is a file */
    execv("/proc/self/exe", argv);
    _exit(EXIT_NO_EXEC);
}

/* ---- what it serves ---- */

static void print_url(const struct listen_address *l, const struct address *a)
{
    char at[ENDPOINT_TEXT_BYTES_MAX];
    endpoint_print(a, l->port, at);
    if (l->udp) printf("  udp://%s/announce\n", at);
    if (l->tcp) printf("  http://%s/announce\n", at);
}

static void print_interfaces(const struct listen_address *l)
{
    struct address all[INTERFACES_SHOWN_MAX];
    uint32_t count = interfaces_addresses(l->address.family, all, INTERFACES_SHOWN_MAX);
    for (uint32_t i = 0; i < count; i++)
        print_url(l, &all[i]);
}

static void print_urls(const struct app_opts *o)
{
    static const struct address ANY[FAMILY_COUNT] = {{.family = FAMILY_V4}, {.family = FAMILY_V6}};
    struct listen_address all[LISTEN_ADDRESSES_MAX];
    uint32_t count = sockets_wanted(o, all);
    printf("announce URLs:\n");
    for (uint32_t i = 0; i < count; i++) {
        if (address_equal(&all[i].address, &ANY[all[i].address.family])) print_interfaces(&all[i]);
        else print_url(&all[i], &all[i].address);
    }
}

/* ---- the command ---- */

static int answering_pid(struct control *c)
{
    control_find(c);
    json_t *stats = control_ask(c, "/stats.json");
    int pid = stats && c->status == 200 ? (int)control_number(stats, "pid") : 0;
    json_decref(stats);
    return pid;
}

static enum exit_code ended(int status, const char *log, off_t log_start)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
    fprintf(stderr, "muster: it did not start (%s %d). The log %s says:\n",
            WIFEXITED(status) ? "exit code" : "signal", WIFEXITED(status) ? code : WTERMSIG(status),
            log);
    print_log_tail(log, log_start);
    return code == EXIT_FINE ? EXIT_RUNTIME : (enum exit_code)code;
}

static enum exit_code wait_for(struct control *c, pid_t child, const char *log, off_t log_start)
{
    for (uint32_t ms = 0; ms < START_WAIT_MS; ms += POLL_MS) {
        int status;
        if (waitpid(child, &status, WNOHANG) == child) return ended(status, log, log_start);
        if (answering_pid(c) == (int)child) {
            printf("muster runs, process %d, log %s\n", (int)child, log);
            print_urls(&c->settings.config.app);
            return command_printed();
        }
        process_sleep_ms(POLL_MS);
    }
    fprintf(stderr, "muster: process %d runs, but does not answer: %s; log %s\n", (int)child,
            c->error, log);
    return EXIT_RUNTIME;
}

static enum exit_code start(struct control *c, char **argv)
{
    char log[CONFIG_PATH_BYTES_MAX + 8];
    int running = answering_pid(c);
    if (running) {
        fprintf(stderr, "muster: one runs already: process %d, %s\n", running, c->path);
        return EXIT_RUNTIME;
    }
    if (strcmp(c->settings.config.app.admin_socket, "off") == 0)
        return command_usage("start: it needs the control socket: admin_socket is off");
    if (!log_path(c, c->arguments.values[0], log, sizeof log))
        return command_usage("start: where should the log go? --log FILE");
    const char *why;
    int fd = log_open(log, &why);
    if (fd < 0) return command_usage("start: log %.200s: %s", log, why);
    off_t log_start = lseek(fd, 0, SEEK_END);
    pid_t child = fork();
    if (child == 0) child_run(fd, argv);
    close(fd);
    if (child < 0) return EXIT_MEMORY;
    return wait_for(c, child, log, log_start);
}

enum exit_code control_start(const struct command_input *in)
{
    static const struct argument_flag FLAGS[] = {{.name = "log", .wants_value = true}};
    static const struct control_needs NEEDS = {.flags = FLAGS, .flag_count = 1, .is_a_start = true};
    enum exit_code code;
    struct control *c = control_open(in, &NEEDS, &code);
    if (!c) return code;
    char **argv = child_arguments(c);
    code = argv ? start(c, argv) : EXIT_MEMORY;
    free(argv);
    control_close(c);
    return code;
}
