/* check_facts.h - what the doctor knows: gathered once, judged by rules that touch nothing else. */
#ifndef APP_CHECK_FACTS_H
#define APP_CHECK_FACTS_H

#include "app/access_read.h"
#include "app/control_client.h"
#include "app/heartbeat.h"

#define FACT_UNKNOWN (-1)

/* One door of one address: asked for a heartbeat while muster runs, bound for a moment while not. */
struct check_address {
    char url[HEARTBEAT_URL_BYTES];
    enum heartbeat_state state;
    int why; /* errno of HEARTBEAT_SILENT: does not answer, or cannot be bound */
    uint16_t port;
};

struct check_facts {
    const struct config *config; /* of the running muster, or what a start would get */
    /* who asks */
    bool is_root;
    char user_name[CONFIG_NAME_BYTES_MAX]; /* of this process */
    bool user_exists;                      /* config->app.user; true where it is empty */
    enum option_source user_source;        /* of config->app.user */
    int config_file_why;                   /* 0, or the errno of `user` reading the file */
    int web_root_why;                      /* likewise of entering the folder */
    const char *list;                      /* an access list that `user` cannot read, or NULL */
    int list_why;                          /* and why */
    char lists_error
        [ACCESS_ERROR_BYTES_MAX]; /* what is wrong with one that can be: "FILE:LINE: why" */
    /* the process; all but `running` are of it */
    bool running;
    double store_bytes, store_bytes_max;
    /* kernel; FACT_UNKNOWN where it does not tell */
    int64_t rmem_max, somaxconn, syn_backlog, syn_cookies, tw_buckets, tw_count;
    int64_t conntrack_max, conntrack_count; /* unknown: no connection tracking */
    int64_t conntrack_ours;                 /* entries of the port */
    int64_t udp_drops;                      /* datagrams dropped at sockets of the port */
    int64_t nofile_hard;                    /* of this process, or of the running muster's */
    int64_t nr_open;
    uint64_t memory_bytes;
    uint32_t workers;
    /* IPv6 */
    bool ipv6_kernel, ipv6_global; /* there; with an address that the Internet reaches */
    /* clock */
    bool clock_known, clock_synchronized;
    int64_t unix_s;
    /* addresses */
    struct check_address addresses[HEARTBEATS_MAX];
    uint32_t address_count, sockets_per_worker;
};

/* Ask the running muster, if one answers, and the kernel. `running` is room for its settings. */
void check_facts_gather(struct control *c, struct settings *running, struct check_facts *out);

/* ---- rules ---- */

enum finding_verdict { FINDING_OK, FINDING_ADVICE, FINDING_PROBLEM };

struct finding {
    enum finding_verdict verdict;
    char text[400];
    char command[400]; /* mends it; "" where nothing needs to be */
};

struct check_rule {
    const char *name;
    void (*judge)(const struct check_facts *f, struct finding *out);
};

extern const struct check_rule CHECK_RULES[];
extern const size_t CHECK_RULE_COUNT;

#endif
