/* config.h - the whole configuration as plain structs, each owned by the module that reads it.
 * Only app/ sees them together; the rows of app/options.c say what fills them. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "admin/auth.h"
#include "admin/map.h"
#include "base/log.h"
#include "front/http.h"
#include "front/udp.h"
#include "net/listen.h"
#include "swarm/swarm.h"
#include "tracker/access.h"
#include "tracker/tracker.h"

#define CONFIG_PATH_BYTES_MAX 256
#define CONFIG_NAME_BYTES_MAX 64
#define TRUSTED_MAX           256
#define RATE_EXEMPT_MAX       256
#define ADMIN_LISTEN_MAX      8

#define ACCESS_FILES_MAX 16 /* of one list */
#define ACCESS_PORTS_MAX ACCESS_PORT_RANGES_MAX

enum stats_level { STATS_FULL, STATS_MINIMAL };
enum sandbox_mode { SANDBOX_OFF, SANDBOX_ON, SANDBOX_STRICT };
enum audience { AUDIENCE_OFF, AUDIENCE_LOCAL, AUDIENCE_PUBLIC };

struct app_opts {
    uint16_t port;                            /* of `listen` values that name none */
    struct listen_address listen[LISTEN_MAX]; /* empty: 0.0.0.0 and [::] */
    uint32_t listen_count;
    struct listen_opts sockets;
    bool no_tcp, no_udp, no_ipv4, no_ipv6;
    uint32_t workers;     /* 0: one per core */
    int64_t nofile, core; /* soft limits; -1 raises to the hard limit, LIMIT_UNCHANGED leaves */
    char user[CONFIG_NAME_BYTES_MAX]; /* to become after binding; empty: stay */
    uint32_t sweep_period_s; /* a whole cycle of the store; 0: chosen from the peer lifetime */
    uint32_t drain_ms;       /* how long a stop waits for requests in hand */
    char chroot[CONFIG_PATH_BYTES_MAX]; /* empty: none */
    enum sandbox_mode sandbox;
    uint32_t watchdog_ms; /* a worker that has not come round for so long is reported; 0: never */
    uint32_t failed;      /* restart count, as the run loop tells it (-f) */
    enum log_level log_level;
    char charset[CONFIG_NAME_BYTES_MAX], locale[CONFIG_NAME_BYTES_MAX];
    char config_file[CONFIG_PATH_BYTES_MAX];
    char admin_password[AUTH_PASSWORD_HASH_BYTES_MAX]; /* hashed; empty: the token counts */
    char admin_token_file[CONFIG_PATH_BYTES_MAX];      /* empty: beside the admin socket */
    bool compat_api;
    struct prefix trusted[TRUSTED_MAX]; /* trusted_proxies */
    uint32_t trusted_count;
    struct prefix rate_exempt[RATE_EXEMPT_MAX];
    uint32_t rate_exempt_count;
    /* operator pages */
    struct listen_address admin_listen[ADMIN_LISTEN_MAX];
    uint32_t admin_listen_count;
    bool admin_listen_off;
    char admin_hosts[CONFIG_PATH_BYTES_MAX];  /* separated by commas; empty: none */
    char admin_socket[CONFIG_PATH_BYTES_MAX]; /* empty: chosen; "off" */
    char web_root[CONFIG_PATH_BYTES_MAX];     /* empty: none */
    bool public_stats, public_metrics;
    enum stats_level stats;
    enum audience top_swarms;
    /* state */
    char state_dir[CONFIG_PATH_BYTES_MAX]; /* empty: nothing outlives the process */
    uint32_t save_interval_s;              /* 0: only when asked, and at the end */
};

#define LIMIT_UNCHANGED INT64_MIN

#define ACCESS_PORT_REASON_BYTES_MAX 100 /* with its terminator */

struct access_ports {
    uint16_t first, last;
    char reason[ACCESS_PORT_REASON_BYTES_MAX]; /* "": none of its own */
};

enum { ACCESS_ALLOW_PORTS, ACCESS_DENY_PORTS };

/* Where access lists are. No holes: compared byte by byte. */
struct access_opts {
    char files[ACCESS_LISTS][ACCESS_FILES_MAX][CONFIG_PATH_BYTES_MAX];
    uint32_t file_count[ACCESS_LISTS];
    struct access_ports ports[2][ACCESS_PORTS_MAX]; /* allowed, denied */
    uint32_t port_count[2];
};

struct config {
    struct app_opts app;
    struct swarm_opts swarm;
    struct tracker_opts tracker;
    struct udp_opts udp;
    struct http_opts http;
    struct map_opts map;
    struct access_opts access;
};

#endif
