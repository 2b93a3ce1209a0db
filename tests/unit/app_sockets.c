/* app_sockets.c - which sockets the listen options lead to, and whose port is refused. */
#include "unit.h"

#include "app/options.h"
#include "app/sockets.h"
#include "net/sockaddr.h"

#include <unistd.h>

static struct settings settings;
static struct sockets sockets;
static struct option_error error;

#define OPTIONS_ARE(...)                                                                           \
    do {                                                                                           \
        settings_default(&settings);                                                               \
        assert_int_equal(                                                                          \
            settings_read_arguments(&settings, (const char *[]){__VA_ARGS__, NULL}, &error),       \
            ERR_OK);                                                                               \
    } while (0)

static bool is_free(uint16_t port, int type)
{
    struct sockaddr_storage ss;
    struct address any = {.family = FAMILY_V4};
    int fd = socket(AF_INET, type, 0);
    bool bound = bind(fd, (struct sockaddr *)&ss, sockaddr_write(&ss, &any, port)) == 0;
    close(fd);
    return bound;
}

/* A port that nobody has now, below those the kernel gives to clients. */
static uint16_t free_port(void)
{
    static uint16_t next;
    if (!next) next = (uint16_t)(20000 + getpid() % 10000);
    while (!is_free(next, SOCK_STREAM) || !is_free(next, SOCK_DGRAM))
        next = next < 32000 ? next + 1 : 20000;
    return next++;
}

static void port_text(char out[8])
{
    snprintf(out, 8, "%u", free_port());
}

static void every_worker_has_every_socket(void **state)
{
    (void)state;
    char port[8];
    port_text(port);
    OPTIONS_ARE("--port", port, "--listen", "127.0.0.1", "--listen", "udp+proxy://127.0.0.2");
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 3, NULL), ERR_OK);
    assert_int_equal(sockets.address_count, 2);
    assert_int_equal(sockets.addresses[0].port, settings.config.app.port);
    assert_int_equal(sockets.count, 9);
    for (uint32_t i = 0; i < sockets.count; i++) {
        assert_true(sockets.all[i].fd >= 0);
        assert_int_equal(sockets.all[i].is_tcp, i % 3 == 1);
        assert_int_equal(sockets.all[i].proxy, i % 3 == 2);
        assert_int_equal(sockets.all[i].worker, i / 3);
    }
    uint32_t count;
    assert_ptr_equal(sockets_of_worker(&sockets, 1, &count), &sockets.all[3]);
    assert_int_equal(count, 3);
    sockets_close(&sockets);
}

static void switches_leave_sockets_out(void **state)
{
    (void)state;
    char port[8];
    port_text(port);
    OPTIONS_ARE("--port", port, "--no-ipv6", "--no-tcp");
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 1, NULL), ERR_OK);
    assert_int_equal(sockets.count, 1 + sockets.exact_count);
    for (uint32_t i = 0; i < sockets.count; i++) {
        assert_false(sockets.all[i].is_tcp);
        assert_int_equal(sockets.all[i].family, FAMILY_V4);
    }
    sockets_close(&sockets);
    OPTIONS_ARE("--listen", port, "--no-ipv6");
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 1, NULL), ERR_OK);
    assert_int_equal(sockets.count, 2 + sockets.exact_count);
    sockets_close(&sockets);
}

static void own_addresses_may_overlap(void **state)
{
    (void)state;
    char port[8];
    port_text(port);
    OPTIONS_ARE("--port", port, "--listen", "0.0.0.0", "--listen", "127.0.0.1");
    uint32_t each = sockets_per_worker(&settings.config.app);
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 2, NULL), ERR_OK);
    for (uint32_t i = 0; i < sockets.exact_count; i++) /* 127.0.0.1 is asked for anyway */
        assert_false(address_equal(&sockets.addresses[sockets.address_count + i].address,
                                   &sockets.addresses[1].address));
    assert_int_equal(each, 4 + sockets.exact_count);
    assert_int_equal(sockets.count, 2 * each);
    sockets_close(&sockets);
}

static void a_second_server_is_refused(void **state)
{
    (void)state;
    char port[8];
    struct sockets second;
    port_text(port);
    static const char *const DOORS[] = {"--no-udp", "--no-tcp"};
    for (int i = 0; i < 2; i++) {
        OPTIONS_ARE("--port", port, "--listen", "127.0.0.1", DOORS[i]);
        assert_int_equal(sockets_open(&sockets, &settings.config.app, 1, NULL), ERR_OK);
        assert_int_equal(sockets_open(&second, &settings.config.app, 1, NULL), ERR_OS);
        assert_int_equal(second.count, 0);
        sockets_close(&sockets);
    }
}

static void a_foreign_address_is_refused(void **state)
{
    (void)state;
    OPTIONS_ARE("--listen", "203.0.113.7:6969");
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 1, NULL), ERR_OS);
}

/* ---- inherited ---- */

/* The sockets of `from`, as another process hands them over. */
static struct inherited hand_over(const struct sockets *from)
{
    struct inherited in = {.fds = calloc(from->count, sizeof *in.fds), .count = from->count};
    for (uint32_t i = 0; i < from->count; i++)
        in.fds[i] = dup(from->all[i].lent_fd);
    return in;
}

static uint32_t left_over(const struct inherited *in)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < in->count; i++)
        left += in->fds[i] >= 0;
    return left;
}

static void all_sockets_are_served_by_fewer_workers_or_more(void **state)
{
    (void)state;
    static const uint32_t WORKERS[] = {1, 2, 3, 5};
    char port[8];
    for (size_t i = 0; i < sizeof WORKERS / sizeof *WORKERS; i++) {
        struct sockets before;
        uint32_t workers = WORKERS[i], most = workers > 3 ? workers : 3, served = 0, count;
        port_text(port);
        OPTIONS_ARE("--port", port, "--listen", "127.0.0.1");
        assert_int_equal(sockets_open(&before, &settings.config.app, 3, NULL), ERR_OK);
        struct inherited in = hand_over(&before);
        assert_int_equal(sockets_open(&sockets, &settings.config.app, workers, &in), ERR_OK);
        assert_int_equal(left_over(&in), 0);
        assert_int_equal(sockets.count, 2 * most);
        for (uint32_t w = 0; w < workers; w++, served += count) {
            struct door_socket *mine = sockets_of_worker(&sockets, w, &count);
            assert_in_range(count, 2 * (most / workers), 2 * (most / workers + 1));
            for (uint32_t k = 0; k < count; k++)
                assert_int_equal(mine[k].worker, w);
        }
        assert_int_equal(served, sockets.count);
        inherited_close(&in);
        sockets_close(&sockets);
        sockets_close(&before);
    }
}

static void addresses_may_come_and_go(void **state)
{
    (void)state;
    char port[8];
    struct sockets before;
    port_text(port);
    OPTIONS_ARE("--port", port, "--listen", "127.0.0.1", "--listen", "127.0.0.2");
    assert_int_equal(sockets_open(&before, &settings.config.app, 2, NULL), ERR_OK);
    struct inherited in = hand_over(&before);
    OPTIONS_ARE("--port", port, "--listen", "127.0.0.2", "--listen", "127.0.0.3");
    assert_int_equal(sockets_open(&sockets, &settings.config.app, 2, &in), ERR_OK);
    assert_int_equal(sockets.count, 8);
    assert_int_equal(left_over(&in), 4);
    inherited_close(&in);
    sockets_close(&sockets);
    sockets_close(&before);
}

int main(void)
{
    log_level_set((enum log_level) - 1); /* standard output is the test's report */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_worker_has_every_socket),
        cmocka_unit_test(switches_leave_sockets_out),
        cmocka_unit_test(own_addresses_may_overlap),
        cmocka_unit_test(a_second_server_is_refused),
        cmocka_unit_test(a_foreign_address_is_refused),
        cmocka_unit_test(all_sockets_are_served_by_fewer_workers_or_more),
        cmocka_unit_test(addresses_may_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
