/* check_facts.c - asking the kernel: /proc, rlimits, the clock, and a moment's bind of each address.
 *
 * A container may hide any of it: what cannot be read is FACT_UNKNOWN and judged as such.
 *
 * Drops      /proc/net/udp has a counter for each socket; those of the port are added up.
 * Tracking   /proc/net/nf_conntrack lists what is tracked, for root; at most TRACKED_LINES_MAX lines are
 *            read, and the port's are counted. */
#include "app/check_facts.h"

#include "app/sockets.h"
#include "base/os_linux.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES        512
#define TRACKED_LINES_MAX 100000
#define GROUPS_MAX        64

/* ---- numbers of /proc ---- */

static int64_t read_number(const char *path)
{
    FILE *f = fopen(path, "re");
    long long value = FACT_UNKNOWN;
    if (!f) return FACT_UNKNOWN;
    if (fscanf(f, "%lld", &value) != 1) value = FACT_UNKNOWN;
    fclose(f);
    return value;
}

/* Call fn for each line, until it says stop. False when the file cannot be read. */
typedef bool line_fn(const char *line, void *ctx);

static bool each_line(const char *path, line_fn *fn, void *ctx)
{
    char line[LINE_BYTES];
    FILE *f = fopen(path, "re");
    if (!f) return false;
    while (fgets(line, sizeof line, f))
        if (!fn(line, ctx)) break;
    fclose(f);
    return true;
}

/* "TCP: inuse 5 orphan 0 tw 3 alloc 7 mem 1" */
static bool take_tw(const char *line, void *ctx)
{
    const char *tw = strncmp(line, "TCP:", 4) == 0 ? strstr(line, " tw ") : NULL;
    if (tw) *(int64_t *)ctx = strtoll(tw + 4, NULL, 10);
    return !tw;
}

struct port_sum {
    uint16_t port;
    int64_t sum;
    uint32_t lines;
};

/* "  12: 00000000:1B39 00000000:0000 07 tx:rx tr:tm retr uid timeout inode ref pointer drops" */
static bool add_drops(const char *line, void *ctx)
{
    struct port_sum *p = ctx;
    unsigned port;
    long long drops;
    if (sscanf(line, " %*d: %*[0-9A-F]:%x %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &port,
               &drops) == 2 &&
        port == p->port)
        p->sum += drops;
    return true;
}

static int64_t udp_drops(uint16_t port)
{
    struct port_sum p = {.port = port};
    bool seen = each_line("/proc/net/udp", add_drops, &p);
    seen |= each_line("/proc/net/udp6", add_drops, &p);
    return seen ? p.sum : FACT_UNKNOWN;
}

static bool add_tracked(const char *line, void *ctx)
{
    struct port_sum *p = ctx;
    char wanted[24];
    snprintf(wanted, sizeof wanted, "dport=%u ", p->port);
    p->sum += strstr(line, wanted) != NULL;
    return ++p->lines < TRACKED_LINES_MAX;
}

static int64_t tracked(uint16_t port)
{
    struct port_sum p = {.port = port};
    return each_line("/proc/net/nf_conntrack", add_tracked, &p) ? p.sum : FACT_UNKNOWN;
}

static void gather_kernel(struct check_facts *f)
{
    uint16_t port = f->config->app.port;
    f->rmem_max = read_number("/proc/sys/net/core/rmem_max");
    f->somaxconn = read_number("/proc/sys/net/core/somaxconn");
    f->syn_backlog = read_number("/proc/sys/net/ipv4/tcp_max_syn_backlog");
    f->syn_cookies = read_number("/proc/sys/net/ipv4/tcp_syncookies");
    f->tw_buckets = read_number("/proc/sys/net/ipv4/tcp_max_tw_buckets");
    f->tw_count = FACT_UNKNOWN;
    (void)each_line("/proc/net/sockstat", take_tw, &f->tw_count);
    f->conntrack_max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
    f->conntrack_count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
    f->conntrack_ours = tracked(port);
    f->udp_drops = udp_drops(port);
    f->nr_open = read_number("/proc/sys/fs/nr_open");
    f->memory_bytes = os_memory_bytes();
}

/* ---- limits ---- */

/* "Max open files            1024                 1048576              files" */
static bool take_nofile(const char *line, void *ctx)
{
    static const char NAME[] = "Max open files";
    if (strncmp(line, NAME, sizeof NAME - 1) != 0) return true;
    char *end;
    (void)strtoll(line + sizeof NAME - 1, &end, 10);
    *(int64_t *)ctx = strtoll(end, NULL, 10);
    return false;
}

static void gather_limits(struct check_facts *f, int pid)
{
    struct rlimit r;
    char path[32];
    f->nofile_hard = FACT_UNKNOWN;
    snprintf(path, sizeof path, "/proc/%d/limits", pid);
    if (pid > 0 && each_line(path, take_nofile, &f->nofile_hard)) return;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0)
        f->nofile_hard = r.rlim_max == RLIM_INFINITY ? INT64_MAX : (int64_t)r.rlim_max;
}

/* ---- IPv6, clock ---- */

/* "20010db8000000000000000000000001 02 40 00 80 eth0": the fourth field is the scope, 00 global; the
 * first digit of a global unicast address is 2 or 3. */
static bool take_ipv6(const char *line, void *ctx)
{
    struct check_facts *f = ctx;
    unsigned scope;
    f->ipv6_kernel = true;
    if (sscanf(line, "%*s %*x %*x %x", &scope) == 1 && scope == 0 &&
        (line[0] == '2' || line[0] == '3'))
        f->ipv6_global = true;
    return true;
}

static void gather_ipv6(struct check_facts *f)
{
    f->ipv6_kernel = f->ipv6_global = false;
    (void)each_line("/proc/net/if_inet6", take_ipv6, f);
}

static void gather_clock(struct check_facts *f)
{
    struct timex t = {0};
    int state = adjtimex(&t);
    f->clock_known = state >= 0;
    f->clock_synchronized = state >= 0 && !(t.status & STA_UNSYNC);
    f->unix_s = time(NULL);
}

/* ---- the user and the file ---- */

struct reader {
    uid_t uid;
    gid_t groups[GROUPS_MAX];
    int group_count;
};

/* By the permission bits: may he do `wanted` (r = 4, x = 1)? errno tells why not. */
static bool may(const struct reader *r, const char *path, unsigned wanted)
{
    struct stat st;
    if (stat(path, &st) != 0) return false;
    unsigned shift = st.st_uid == r->uid ? 6 : 0;
    for (int i = 0; shift == 0 && i < r->group_count; i++)
        if (r->groups[i] == st.st_gid) shift = 3;
    errno = EACCES;
    return r->uid == 0 || (st.st_mode >> shift & wanted) == wanted;
}

static int why_not(const struct reader *r, const char *file, unsigned wanted)
{
    char path[CONFIG_PATH_BYTES_MAX], full[PATH_MAX];
    if (!realpath(file, full) || strlen(full) >= sizeof path) return errno ? errno : ENAMETOOLONG;
    snprintf(path, sizeof path, "%s", full);
    if (!may(r, path, wanted)) return errno;
    for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (!may(r, path, 1)) return errno;
    }
    return 0;
}

/* Where the root is another, paths mean something else here; the running muster's may be relative. */
static bool can_see_list(const struct check_facts *f, const char *path)
{
    return !f->config->app.chroot[0] && (!f->running || path[0] == '/');
}

static void gather_lists(struct check_facts *f, const struct reader *r)
{
    const struct access_opts *o = &f->config->access;
    bool all_seen = true;
    for (int list = 0; list < ACCESS_LISTS; list++)
        for (uint32_t i = 0; i < o->file_count[list]; i++) {
            const char *path = o->files[list][i];
            bool is_seen = can_see_list(f, path);
            all_seen &= is_seen;
            int why = is_seen && !f->list ? why_not(r, path, 4) : 0;
            if (!why) continue;
            f->list = path;
            f->list_why = why;
        }
    if (all_seen && !f->list) (void)access_judge(o, f->lists_error);
}

static void gather_user(struct check_facts *f)
{
    const struct app_opts *a = &f->config->app;
    const struct passwd *p = getpwuid(geteuid());
    f->is_root = geteuid() == 0;
    snprintf(f->user_name, sizeof f->user_name, "%.60s", p ? p->pw_name : "?");
    f->user_exists = true;
    struct reader r = {.uid = geteuid()};
    if (f->is_root && a->user[0]) {
        p = getpwnam(a->user);
        f->user_exists = p != NULL;
        if (p) {
            r.uid = p->pw_uid;
            r.group_count = GROUPS_MAX;
            if (getgrouplist(a->user, p->pw_gid, r.groups, &r.group_count) < 0)
                r.group_count = GROUPS_MAX;
        }
    } else {
        int n = getgroups(GROUPS_MAX, r.groups);
        r.group_count = n < 0 ? 0 : n;
    }
    errno = 0;
    f->config_file_why = a->config_file[0] ? why_not(&r, a->config_file, 4) : 0;
    f->web_root_why = a->web_root[0] ? why_not(&r, a->web_root, 1) : 0;
    gather_lists(f, &r);
}

/* ---- addresses ---- */

static void address_add(struct check_facts *f, const struct heartbeat *h)
{
    struct check_address *a = &f->addresses[f->address_count++];
    *a = (struct check_address){.state = h->state, .why = h->why, .port = h->asked.port};
    heartbeat_url(h, a->url);
}

static void try_bind(struct check_facts *f, const struct listen_address *a, bool is_tcp)
{
    struct heartbeat h = {.asked = *a, .state = HEARTBEAT_OK};
    h.asked.udp = !is_tcp;
    h.asked.tcp = is_tcp;
    if (!sockets_can_bind(a, is_tcp)) {
        h.why = errno;
        bool without_v6 = a->address.family == FAMILY_V6 && h.why == EAFNOSUPPORT;
        h.state = without_v6 ? HEARTBEAT_SKIPPED : HEARTBEAT_SILENT;
    }
    address_add(f, &h);
}

static void gather_addresses(struct check_facts *f)
{
    struct listen_address wanted[LISTEN_ADDRESSES_MAX];
    if (f->running) {
        struct heartbeat *beats = calloc(HEARTBEATS_MAX, sizeof *beats);
        uint32_t count = beats ? heartbeat_all(&f->config->app, beats) : 0;
        for (uint32_t i = 0; i < count; i++)
            address_add(f, &beats[i]);
        free(beats);
        return;
    }
    uint32_t count = sockets_wanted(&f->config->app, wanted);
    for (uint32_t i = 0; i < count; i++) {
        if (wanted[i].udp) try_bind(f, &wanted[i], false);
        if (wanted[i].tcp) try_bind(f, &wanted[i], true);
    }
}

void check_facts_gather(struct control *c, struct settings *running, struct check_facts *out)
{
    *out = (struct check_facts){.config = &c->settings.config};
    json_t *stats = control_ask(c, "/stats.json");
    out->running = stats && c->status == 200;
    if (out->running && control_running_settings(c, running)) out->config = &running->config;
    const struct settings *of = out->config == &running->config ? running : &c->settings;
    out->user_source = of->origin[option_find(VIEW("user")) - OPTIONS].source;
    out->store_bytes = control_number(stats, "memory.store_bytes");
    out->store_bytes_max = control_number(stats, "memory.store_max_bytes");
    out->workers = out->config->app.workers ? out->config->app.workers : os_cpu_usable();
    gather_kernel(out);
    gather_limits(out, (int)control_number(stats, "pid"));
    gather_ipv6(out);
    gather_clock(out);
    gather_user(out);
    gather_addresses(out);
    out->sockets_per_worker = sockets_per_worker(&out->config->app);
    json_decref(stats);
}
