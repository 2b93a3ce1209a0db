/* compat_api.c - etracker's GET /api/set, byte for byte where its callers can see it.
 *
 *   /api/set?keep_alive=&interval=&max_peers_response=&socket_timeout=
 *   X-Requested-With: XMLHttpRequest      else 400
 *   Authorization: Basic etracker:SECRET  else 401, realm etracker
 *
 * Answer    {"keep_alive":1,"interval":1799,"max_peers_response":200,"socket_timeout":10}: what holds
 *           now. 0, nothing and what is no number change nothing; keep_alive 1 enables, any other
 *           number disables; the interval is announced at once.
 * Limits    etracker forces the interval into its range and takes any number for the other two; here
 *           each is forced into its option's range.
 * State     is changed by a GET, against all habit: the option is off by default and its help says
 *           why. The header cannot be sent by a foreign page without our consent (CORS), so at least
 *           that door is shut. A HEAD changes nothing. */
#include "app/api.h"
#include "app/login_api.h"
#include "app/settings_change.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

#define USER          "etracker"
#define REASON_BYTES  128
#define KEEP_ALIVE_ON 1

bool api_compat_is_on(const void *ctx)
{
    return ((const struct server *)ctx)->live->settings.config.app.compat_api;
}

static void refuse(struct admin_response *out, int status, const char *reason)
{
    char body[REASON_BYTES];
    snprintf(body, sizeof body, "d14:failure reason%zu:%se", strlen(reason), reason);
    out->status = status;
    out->type = "text/plain";
    out->take_body = strdup(body);
    out->body_bytes = out->take_body ? strlen(body) : 0;
}

/* A number of the query; 0: nothing is asked for. */
static uint64_t asked(const struct admin_request *r, const char *name)
{
    struct view text;
    uint64_t n;
    return admin_query(r, name, &text) && text_u64(text, &n) == ERR_OK ? n : 0;
}

static uint64_t clamp(uint64_t v, uint64_t min, uint64_t max)
{
    return v < min ? min : v > max ? max : v;
}

static void set_number(struct settings_change *c, const char *name, uint64_t n)
{
    char text[TEXT_NUMBER_BYTES_MAX];
    struct option_error error;
    const struct option_row *row = option_find(view_of_text(name));
    uint64_t unit = row->type == OPT_TIME ? 1000 : 1;
    n = clamp(n, row->min / unit, row->max / unit);
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    enum err err = settings_change_set(c, row, view_of_text(text), &error);
    (void)err; /* a number in its range is a value */
}

static void set_asked(struct settings_change *c, const struct admin_request *r)
{
    const struct interval_opts *i = &c->next->settings.config.tracker.interval;
    uint64_t keep_alive = asked(r, "keep_alive"), interval = asked(r, "interval");
    uint64_t peers = asked(r, "max_peers_response"), timeout = asked(r, "socket_timeout");
    if (keep_alive) {
        struct option_error error;
        enum err err =
            settings_change_set(c, option_find(VIEW("keep_alive")),
                                keep_alive == KEEP_ALIVE_ON ? VIEW("yes") : VIEW("no"), &error);
        (void)err; /* both are values */
    }
    if (interval) set_number(c, "interval", clamp(interval, i->min_s, i->max_s));
    if (peers) set_number(c, "max_peers_per_response", peers);
    if (timeout) set_number(c, "timeout", timeout);
}

static enum err change(struct server *s, const struct admin_request *r)
{
    struct settings_change c;
    struct option_error error;
    char who[API_WHO_BYTES], by[API_WHO_BYTES + 16];
    enum err err = settings_change_room(s);
    if (err == ERR_OK) err = settings_change_begin(&c, s);
    if (err != ERR_OK) return err;
    set_asked(&c, r);
    bool is_any = false;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        is_any |= c.said[i];
    if (is_any) err = settings_change_check(&c, &error);
    if (is_any && err == ERR_OK) {
        api_who(r, who);
        snprintf(by, sizeof by, "%s (compat_api)", who);
        settings_change_apply(&c, by);
    }
    settings_change_drop(&c);
    return err;
}

static void respond(const struct server *s, struct admin_response *out)
{
    const struct live *l = s->live;
    char *body;
    if (asprintf(&body,
                 "{\"keep_alive\":%d,\"interval\":%u,\"max_peers_response\":%u,"
                 "\"socket_timeout\":%u}",
                 l->http.keep_alive, (unsigned)s->tracker.interval.now_s,
                 (unsigned)l->tracker.numwant_max, (unsigned)(l->http.timeout_ms / 1000)) < 0)
        body = NULL;
    admin_respond_json(out, 200, body);
}

static enum auth_verdict verdict(struct server *s, const struct admin_request *r,
                                 struct admin_response *out)
{
    struct view value = {0};
    struct auth_answer answer;
    if (!http1_header(r->head, "Authorization", &value)) value.len = 0;
    auth_basic(s->auth, &r->client, value, USER, s->loop.now_ms, &answer);
    switch (answer.verdict) {
    case AUTH_YES: break;
    case AUTH_WAIT: out->is_later = true; break;
    case AUTH_LATER: login_respond_later(out, answer.retry_after_s); break;
    case AUTH_NO:
        refuse(out, 401, "Unauthorized");
        out->headers = "WWW-Authenticate: Basic realm=\"etracker\"\r\n";
        break;
    }
    return answer.verdict;
}

void api_compat_set(void *ctx, const struct admin_request *r, struct admin_response *out)
{
    struct server *s = ctx;
    struct view requested;
    if (!api_compat_is_on(s)) {
        admin_respond_status(out, 404);
        return;
    }
    if (!http1_header(r->head, "X-Requested-With", &requested) ||
        !view_equal(requested, VIEW("XMLHttpRequest"))) {
        refuse(out, 400, "X-Requested-With: XMLHttpRequest is missing");
        return;
    }
    if (verdict(s, r, out) != AUTH_YES) return;
    enum err err = r->method == HTTP_HEAD ? ERR_OK : change(s, r);
    if (err == ERR_OK) respond(s, out);
    else api_refuse_busy(out, err);
}
