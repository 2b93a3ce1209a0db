/* app_handover.c - frames between two processes: whole, with their descriptors, or an error. */
#include "unit.h"

#include "app/handover.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct handover a, b;

static int open_pair(void **state)
{
    (void)state;
    return handover_pair(&a, &b) == ERR_OK ? 0 : -1;
}

static int close_pair(void **state)
{
    (void)state;
    handover_close(&a);
    handover_close(&b);
    return 0;
}

static void frames_arrive_in_order(void **state)
{
    (void)state;
    struct handover_frame f;
    assert_int_equal(handover_send(&a, HANDOVER_HELLO, view_of_text("hello"), -1), ERR_OK);
    assert_int_equal(handover_send(&a, HANDOVER_MARK, view_of(NULL, 0), -1), ERR_OK);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_OK);
    assert_int_equal(f.type, HANDOVER_HELLO);
    assert_true(view_equal(f.bytes, view_of_text("hello")));
    assert_int_equal(f.take_fd, -1);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_OK);
    assert_int_equal(f.type, HANDOVER_MARK);
    assert_int_equal(f.bytes.len, 0);
}

static void descriptors_come_with_their_frame(void **state)
{
    (void)state;
    struct handover_frame f;
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(handover_send(&a, HANDOVER_MARK, view_of_text("before"), -1), ERR_OK);
    assert_int_equal(handover_send(&a, HANDOVER_SOCKET, view_of_text("with"), ends[1]), ERR_OK);
    close(ends[1]);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_OK);
    assert_int_equal(f.take_fd, -1);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_OK);
    assert_true(f.take_fd >= 0);
    assert_int_equal(write(f.take_fd, "x", 1), 1);
    close(f.take_fd);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(read(ends[0], &byte, 1), 0); /* there is no other copy */
    close(ends[0]);
}

#define LARGE_BYTES (5u << 20)

static void *send_large(void *arg)
{
    uint8_t *bytes = malloc(LARGE_BYTES);
    (void)arg;
    for (size_t i = 0; i < LARGE_BYTES; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 13));
    enum err err = handover_send(&a, HANDOVER_STORE, view_of(bytes, LARGE_BYTES), -1);
    free(bytes);
    return err == ERR_OK ? arg : NULL;
}

static void a_frame_may_be_larger_than_the_socket_takes(void **state)
{
    (void)state;
    struct handover_frame f;
    pthread_t thread;
    void *good;
    assert_int_equal(pthread_create(&thread, NULL, send_large, &a), 0);
    assert_int_equal(handover_receive(&b, 10000, &f), ERR_OK);
    pthread_join(thread, &good);
    assert_non_null(good);
    assert_int_equal(f.bytes.len, LARGE_BYTES);
    for (size_t i = 0; i < LARGE_BYTES; i += 997)
        assert_int_equal(f.bytes.ptr[i], (uint8_t)(i * 7 + (i >> 13)));
}

static void silence_and_the_end_are_told_apart(void **state)
{
    (void)state;
    struct handover_frame f;
    assert_int_equal(handover_receive(&b, 0, &f), ERR_OS);
    assert_int_equal(errno, ETIMEDOUT);
    handover_close(&a);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_OS);
    assert_int_equal(errno, ECONNRESET);
    assert_int_equal(handover_send(&b, HANDOVER_MARK, view_of(NULL, 0), -1), ERR_OS);
    assert_int_equal(errno, EPIPE);
}

static void a_frame_without_bounds_is_refused(void **state)
{
    (void)state;
    struct handover_frame f;
    const uint32_t head[] = {HANDOVER_STORE, HANDOVER_BYTES_MAX + 1};
    assert_int_equal(send(a.fd, head, sizeof head, 0), sizeof head);
    assert_int_equal(handover_receive(&b, 1000, &f), ERR_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_arrive_in_order, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(descriptors_come_with_their_frame, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_frame_may_be_larger_than_the_socket_takes, open_pair,
                                        close_pair),
        cmocka_unit_test_setup_teardown(silence_and_the_end_are_told_apart, open_pair, close_pair),
        cmocka_unit_test_setup_teardown(a_frame_without_bounds_is_refused, open_pair, close_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
