/* top_screen.c - the grid on a terminal, by ncurses.
 *
 * Restoring  the screen runs in a child process. Whatever ends it - a key, a signal, a crash, even
 *            SIGKILL - the parent then puts the terminal back as it was. A parent that is killed takes
 *            the child along, which restores it itself.
 * Signals    are read from a descriptor beside the keys, so no handler runs anywhere. SIGTSTP and
 *            SIGWINCH are ncurses' business. */
#include "app/top_screen.h"

#include "app/top_page.h"
#include "base/clock.h"

#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#define REFRESH_MS     1000
#define ANSWER_MS      2000
#define EXIT_NO_SCREEN 77
#define PAGE_LINES     10

struct screen {
    struct control *c;
    struct top_page page;
    struct top_view view;
    json_t *now, *before;
    uint64_t asked_us;
    int signal_fd;
    bool quit;
};

/* ---- drawing ---- */

static void colours_start(void)
{
    if (!has_colors() || start_color() != OK || use_default_colors() != OK) return;
    init_pair(TOP_HEAD, COLOR_BLACK, COLOR_CYAN);
    init_pair(TOP_TITLE, COLOR_CYAN, -1);
    init_pair(TOP_ALARM, COLOR_RED, -1);
}

static attr_t attribute_of(enum top_style style)
{
    static const attr_t WITHOUT_COLOUR[TOP_STYLE_COUNT] = {
        [TOP_HEAD] = A_REVERSE, [TOP_TITLE] = A_BOLD, [TOP_DIM] = A_DIM, [TOP_ALARM] = A_BOLD};
    bool has_pair = style == TOP_HEAD || style == TOP_TITLE || style == TOP_ALARM;
    if (!has_colors() || !has_pair) return WITHOUT_COLOUR[style];
    return (attr_t)COLOR_PAIR(style) | (style == TOP_HEAD ? A_NORMAL : A_BOLD);
}

static void show(struct screen *s)
{
    const struct top_page *p = &s->page;
    int height, width;
    getmaxyx(stdscr, height, width);
    top_page_clear(&s->page, (uint32_t)width, (uint32_t)height);
    uint32_t scroll_max = top_draw(&s->page, &s->view);
    if (s->view.scroll > scroll_max) s->view.scroll = scroll_max;
    erase();
    for (uint32_t y = 0; y < p->height; y++) {
        for (uint32_t x = 0; x < p->width; x++) {
            attrset(attribute_of((enum top_style)p->style[y][x]));
            mvaddch((int)y, (int)x, (chtype)(unsigned char)p->text[y][x]);
        }
    }
    attrset(A_NORMAL);
    refresh();
}

/* ---- asking ---- */

static void ask(struct screen *s)
{
    uint64_t now_us = clock_now_us();
    control_find(s->c);
    json_t *stats = control_ask(s->c, "/stats.json");
    bool good = stats && s->c->status == 200;
    s->view.error = good ? NULL : s->c->error;
    if (!good) {
        json_decref(stats);
        return;
    }
    json_decref(s->before);
    s->before = s->now;
    s->now = stats;
    s->view.now = s->now;
    s->view.before = s->before;
    s->view.elapsed_s = (double)(now_us - s->asked_us) / 1e6;
    s->asked_us = now_us;
}

/* ---- keys ---- */

static void turn(struct top_view *v, unsigned topics)
{
    v->topic = (enum top_topic)((v->topic + topics) % TOP_TOPIC_COUNT);
    v->scroll = 0;
}

/* show() cuts what is too far down. */
static void scroll_by(struct top_view *v, int step)
{
    v->scroll = step < 0 && v->scroll < (uint32_t)-step ? 0 : v->scroll + (uint32_t)step;
}

static void key(struct screen *s, int c)
{
    struct top_view *v = &s->view;
    switch (c) {
    case 'q':
    case 'Q': s->quit = true; break;
    case 'p':
    case ' ': v->paused = !v->paused; break;
    case 's': v->sort = (enum top_sort)((v->sort + 1) % TOP_SORT_COUNT); break;
    case 't':
        v->talker_sort = (enum top_talker_sort)((v->talker_sort + 1) % TOP_TALKER_SORT_COUNT);
        break;
    case '\t':
    case KEY_RIGHT: turn(v, 1); break;
    case KEY_BTAB:
    case KEY_LEFT: turn(v, TOP_TOPIC_COUNT - 1); break;
    case KEY_DOWN: scroll_by(v, 1); break;
    case KEY_UP: scroll_by(v, -1); break;
    case KEY_NPAGE: scroll_by(v, PAGE_LINES); break;
    case KEY_PPAGE: scroll_by(v, -PAGE_LINES); break;
    case 'h':
    case '?': v->help = !v->help; break;
    case KEY_RESIZE: clearok(curscr, TRUE); break; /* what a terminal keeps is its own affair */
    default: break;
    }
}

/* Until something happens or `until_us`; quits at a signal and when the terminal is gone. */
static void wait_keys(struct screen *s, uint64_t until_us)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = s->signal_fd, .events = POLLIN}};
    uint64_t now_us = clock_now_us();
    int ms = now_us < until_us ? (int)((until_us - now_us + 999) / 1000) : 0;
    int ready = poll(fds, 2, ms);
    if (ready < 0 && errno != EINTR) s->quit = true;
    if (ready > 0 && (fds[1].revents || (fds[0].revents & (POLLHUP | POLLERR)))) s->quit = true;
    for (int c; !s->quit && (c = getch()) != ERR;)
        key(s, c);
}

static void run(struct screen *s)
{
    while (!s->quit) {
        if (!s->view.paused) ask(s);
        uint64_t until_us = clock_now_us() + REFRESH_MS * 1000ull;
        bool was_paused = s->view.paused;
        do {
            show(s);
            wait_keys(s, until_us);
        } while (!s->quit && clock_now_us() < until_us && was_paused == s->view.paused);
    }
}

/* ---- the two processes ---- */

static int signals_open(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int child_run(struct control *c, pid_t parent)
{
    struct screen *s = calloc(1, sizeof *s);
    if (!s || prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) return EXIT_MEMORY;
    s->signal_fd = signals_open();
    s->c = c;
    s->view.path = c->path;
    s->view.has_keys = true;
    c->timeout_ms = ANSWER_MS;
    setlocale(LC_CTYPE, "");
    SCREEN *terminal = newterm(NULL, stdout, stdin);
    if (!terminal || s->signal_fd < 0) return EXIT_NO_SCREEN;
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    curs_set(0);
    colours_start();
    run(s);
    endwin();
    delscreen(terminal);
    json_decref(s->now);
    json_decref(s->before);
    close(s->signal_fd);
    free(s);
    return EXIT_FINE;
}

/* A child that was killed has left the terminal as it was using it. */
static void restore(const struct termios *before)
{
    int unused;
    tcsetattr(STDIN_FILENO, TCSADRAIN, before);
    if (setupterm(NULL, STDOUT_FILENO, &unused) != OK) return;
    if (exit_attribute_mode) putp(exit_attribute_mode);
    if (cursor_normal) putp(cursor_normal);
    if (exit_ca_mode) putp(exit_ca_mode);
    fflush(stdout);
}

/* Signals for both come from the terminal; those for the parent alone are handed on. */
static int wait_child(pid_t child)
{
    int fd = signals_open(), status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        struct signalfd_siginfo info;
        if (poll(&pfd, 1, 50) <= 0) continue;
        if (read(fd, &info, sizeof info) == sizeof info) kill(child, SIGTERM);
    }
    if (fd >= 0) close(fd);
    return status;
}

bool top_screen(struct control *c, enum exit_code *code)
{
    struct termios before;
    if (tcgetattr(STDIN_FILENO, &before) != 0) return false;
    pid_t parent = getpid(), child = fork();
    if (child < 0) return false;
    if (child == 0) _exit(child_run(c, parent));
    int status = wait_child(child);
    int child_code = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
    if (child_code == EXIT_NO_SCREEN) return false;
    if (child_code != EXIT_FINE) restore(&before);
    *code = (enum exit_code)child_code;
    return true;
}
