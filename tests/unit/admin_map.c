/* admin_map.c - viewers of the map at the limit of lights, and workers with more announces than that. */
#include "unit.h"

#include "admin/map_door.h"

#include <sys/socket.h>
#include <unistd.h>

#define PLAIN_FRAME_BYTES (2 + MAP_PLAIN_BODY_BYTES)

struct world {
    struct loop loop;
    struct map *map;
    int fd; /* the viewer's end */
};

static void world_open(struct world *w, uint32_t lights_per_s)
{
    struct map_opts opts = {
        .mode = MAP_LOCAL, .viewers_max = 1, .lights_per_s = lights_per_s, .no_locations = true};
    struct address host = {.family = FAMILY_V4};
    int fds[2];
    *w = (struct world){0};
    assert_int_equal(loop_open(&w->loop), ERR_OK);
    assert_int_equal(map_open(&w->map, &w->loop, 1), ERR_OK);
    map_configure(w->map, &opts);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    w->fd = fds[1];
    assert_int_equal(map_viewer_add(w->map, fds[0], true, &host, view_of(NULL, 0)), ERR_OK);
}

static void world_close(struct world *w)
{
    map_close(w->map);
    loop_close(&w->loop);
    close(w->fd);
}

static void tick(struct world *w)
{
    w->loop.now_ms += MAP_TICK_MS;
    map_tick(w->map);
}

static void announce(struct world *w, uint32_t count)
{
    struct address client = {.family = FAMILY_V4, .ip = {203, 0, 113, 9}};
    struct tap *t = map_tap(w->map, 0);
    struct rng rng;
    rng_init(&rng, 1);
    for (uint32_t i = 0; i < count; i++)
        tap_offer(t, &rng, tap_every(t), TAP_UDP, &client);
}

/* As many as one tick may hold, saved up by ticks without any. */
static void a_tick_holds_all_lights_it_may(void **state)
{
    (void)state;
    static uint8_t frames[2 * MAP_TICK_LIGHTS_MAX * PLAIN_FRAME_BYTES];
    static const uint8_t LIGHT[PLAIN_FRAME_BYTES] = {0x82, MAP_PLAIN_BODY_BYTES, [10] = TAP_UDP};
    struct world w;
    world_open(&w, MAP_LIGHTS_PER_S_MAX);
    for (int i = 0; i < 3; i++) /* the first opens the taps */
        tick(&w);
    announce(&w, TAP_LIGHTS_MAX);
    tick(&w);
    assert_int_equal(read(w.fd, frames, sizeof frames), MAP_TICK_LIGHTS_MAX * PLAIN_FRAME_BYTES);
    for (size_t i = 0; i < MAP_TICK_LIGHTS_MAX; i++)
        assert_memory_equal(frames + i * PLAIN_FRAME_BYTES, LIGHT, sizeof LIGHT);
    world_close(&w);
}

/* Of a flood that goes on so many are chosen that half a ring fills in a tick, and none finds no room. */
static void of_a_flood_a_part_is_taken(void **state)
{
    (void)state;
    enum { FLOOD = 20 * TAP_LIGHTS_MAX, WANTED = TAP_LIGHTS_MAX / 2 };
    struct world w;
    world_open(&w, MAP_LIGHTS_PER_S_MAX);
    struct tap *t = map_tap(w.map, 0);
    for (int i = 0; i < 3; i++) /* the first opens the taps */
        tick(&w);
    announce(&w, FLOOD);
    tick(&w);
    uint64_t lost = atomic_load(&t->lost);
    for (int i = 0; i < 5; i++) {
        announce(&w, FLOOD);
        assert_in_range(atomic_load(&t->head) - atomic_load(&t->tail), WANTED * 8 / 10,
                        WANTED * 12 / 10);
        tick(&w);
    }
    assert_int_equal(atomic_load(&t->lost), lost);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_holds_all_lights_it_may),
        cmocka_unit_test(of_a_flood_a_part_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
