/* admin_sockets.c - see admin_sockets.h.
 *
 * Sharing   unlike the main port these sockets are bound without SO_REUSEPORT: there is one thread
 *           to serve them, and a second muster must notice that the first has the address. */
#include "app/admin_sockets.h"

#include "app/options_list.h"

#include <errno.h>
#include <unistd.h>

#define BACKLOG 128

static bool is_default(const struct settings *s, const char *name)
{
    const struct option_row *row = option_find(view_of_text(name));
    return s->origin[row - OPTIONS].source == SOURCE_DEFAULT;
}

enum err admin_sockets_open(struct admin_sockets *a, const struct settings *s)
{
    const struct app_opts *o = &s->config.app;
    const struct listen_opts how = {.backlog = BACKLOG, .exclusive = true};
    *a = (struct admin_sockets){0};
    for (uint32_t i = 0; i < o->admin_listen_count; i++) {
        char text[LISTEN_TEXT_BYTES_MAX];
        enum err err = listen_tcp(&o->admin_listen[i], &how, &a->tcp_fds[a->tcp_count]);
        if (err == ERR_OK) {
            a->tcp_count++;
            continue;
        }
        bool may_fail = is_default(s, "admin_listen");
        listen_print(&o->admin_listen[i], text, sizeof text);
        log_line(may_fail ? LOG_WARN : LOG_ERROR, "cannot serve operator pages on %s: %s%s", text,
                 strerror(errno), may_fail ? "; serving without" : "");
        if (may_fail) continue;
        admin_sockets_close(a);
        return err;
    }
    return ERR_OK;
}

void admin_sockets_close(struct admin_sockets *a)
{
    for (uint32_t i = 0; i < a->tcp_count; i++)
        if (a->tcp_fds[i] >= 0) close(a->tcp_fds[i]);
    *a = (struct admin_sockets){0};
}
