// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/emulator.h"
#include "emulator/service.h"
#include "lib/test.h"
#include "lib/test_clock.h"

// The object: options, the calls that need no network, close.

struct fixture {
    struct loop *loop;
    struct test_clock clock;
    struct emulator *e;
    bool closed;
};

static struct fixture f;

static const struct emulator_stream streams[] = {{"a", 1}, {"b", 2}};

static int set_up(void **state)
{
    (void)state;
    struct err err = {0};
    f = (struct fixture){0};
    test_clock_init(&f.clock, 1);
    f.loop = loop_new(&clock_system);
    struct emulator_options o = {.streams = streams,
                                 .n_streams = 2,
                                 .clock = &f.clock.clock,
                                 .retained_bytes = 1 << 20,
                                 .transition_ms = -1};
    assert_int_equal(emulator_new(f.loop, &o, &f.e, &err), 0);
    return 0;
}

static void on_closed(void *ctx)
{
    struct fixture *x = ctx;
    assert_false(x->closed);
    x->closed = true;
}

static int tear_down(void **state)
{
    (void)state;
    if (f.e)
        emulator_close(f.e, on_closed, &f);
    assert_true(!f.e || !f.closed);
    loop_run(f.loop);
    assert_true(f.closed);
    loop_free(f.loop);
    return 0;
}

static void test_direct_records(void **state)
{
    (void)state;
    struct emulator_record r;
    assert_true(emulator_port(f.e) != 0);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN("k1"), SPAN("one")), 0);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN("k2"), SPAN("")), 0);
    assert_int_equal(emulator_record_count(f.e, SPAN("a")), 2);
    assert_int_equal(emulator_record_count(f.e, SPAN("b")), 0);
    assert_int_equal(emulator_record_count(f.e, SPAN("nope")), 0);
    assert_true(emulator_record_at(f.e, SPAN("a"), 0, 0, &r));
    assert_span_is(r.data, "one");
    assert_span_is(r.partition_key, "k1");
    assert_int_equal(r.arrival_ms, TEST_CLOCK_WALL_MS);
    assert_int_equal(r.sequence_number.n, 56);
    assert_true(emulator_record_at(f.e, SPAN("a"), 0, 1, &r));
    assert_false(emulator_record_at(f.e, SPAN("a"), 0, 2, &r));
    assert_false(emulator_record_at(f.e, SPAN("a"), 1, 0, &r));
    assert_false(emulator_record_at(f.e, SPAN("nope"), 0, 0, &r));
}

static void test_direct_record_limits(void **state)
{
    (void)state;
    static char big[1 << 20];
    struct span data = span_of(big, sizeof big - 1);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN("k"), data), 0);
    data.n++;
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN("k"), data), ERR_LIMIT);
    memset(big, 'k', 300);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), span_of(big, 256), SPAN("")), 0);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), span_of(big, 257), SPAN("")), ERR_LIMIT);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN(""), SPAN("")), ERR_LIMIT);
    assert_int_equal(emulator_put_record(f.e, SPAN("a"), SPAN("\xff"), SPAN("")), ERR_LIMIT);
    assert_int_equal(emulator_put_record(f.e, SPAN("c"), SPAN("k"), SPAN("")), ERR_NOT_FOUND);
}

static void test_direct_streams(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(emulator_create_stream(f.e, "c", 497, &err), 0);
    assert_int_equal(emulator_put_record(f.e, SPAN("c"), SPAN("k"), SPAN("")), 0);
    assert_int_equal(emulator_create_stream(f.e, "c", 1, &err), ERR_LIMIT);
    assert_non_null(strstr(err.msg, "1 to 0 shards"));
    assert_int_equal(emulator_create_stream(f.e, "bad name", 1, &err), ERR_INVALID);
    assert_int_equal(emulator_calls(f.e, "GetRecords"), 0);
    assert_int_equal(emulator_calls(f.e, "Nope"), 0);
    assert_int_equal(emulator_add_faults(f.e, SPAN("[{\"fault\":\"cut\"}]"), &err), 0);
    assert_int_equal(f.e->faults.n, 1);
    emulator_clear_faults(f.e);
    assert_int_equal(f.e->faults.n, 0);
}

static void wrong(const struct emulator_options *o, int code, const char *part)
{
    struct err err = {0};
    struct emulator *e = NULL;
    assert_int_equal(emulator_new(f.loop, o, &e, &err), code);
    assert_null(e);
    if (!strstr(err.msg, part))
        fail_msg("\"%s\" not in \"%s\"", part, err.msg);
}

static void test_wrong_options(void **state)
{
    (void)state;
    static const struct emulator_stream twice[] = {{"a", 1}, {"a", 1}}, none[] = {{"a", 0}},
                                        name[] = {{"a:b", 1}};
    wrong(&(struct emulator_options){.account = "12"}, ERR_CONFIG, "12 digits expected");
    wrong(&(struct emulator_options){.account = "1234567890123"}, ERR_CONFIG, "account");
    wrong(&(struct emulator_options){.region = ""}, ERR_CONFIG, "region");
    wrong(&(struct emulator_options){.access_key_id = "x"}, ERR_CONFIG, "or neither");
    wrong(&(struct emulator_options){.streams = twice, .n_streams = 2}, ERR_CONFIG, "already");
    wrong(&(struct emulator_options){.streams = none, .n_streams = 1}, ERR_CONFIG, "not 0");
    wrong(&(struct emulator_options){.streams = name, .n_streams = 1}, ERR_CONFIG, "a:b");
    struct emulator_options taken = {.port = emulator_port(f.e)};
    struct err err = {0};
    struct emulator *e = NULL;
    assert_true(emulator_new(f.loop, &taken, &e, &err) < 0);
    assert_true(err.msg[0] != 0);
}

#define STREAM_A "arn:aws:kinesis:us-east-1:000000000000:stream/a"

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(emulator_port(f.e)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
}

static void send_head(int fd, const char *op, const char *body)
{
    char head[300];
    snprintf(head, sizeof head,
             "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: Kinesis_20131202.%s\r\nContent-Type: "
             "application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n",
             op, strlen(body));
    send_text(fd, head);
}

// What comes within a turn of the loop.
static void expect_answer(int fd, const char *part)
{
    char answer[4096];
    ssize_t n;
    while ((n = recv(fd, answer, sizeof answer - 1, MSG_DONTWAIT)) < 0)
        loop_turn(f.loop, true);
    answer[n] = 0;
    if (!strstr(answer, part))
        fail_msg("\"%s\" not in \"%s\"", part, answer);
}

// A subscription whose request had begun when the end came.
static void test_subscription_at_the_end(void **state)
{
    (void)state;
    static const char consumer[] = "{\"StreamARN\":\"" STREAM_A "\",\"ConsumerName\":\"c\"}";
    char body[300];
    int fd = dial();
    send_head(fd, "RegisterStreamConsumer", consumer);
    send_text(fd, consumer);
    expect_answer(fd, "HTTP/1.1 200 ");
    snprintf(body, sizeof body,
             "{\"ConsumerARN\":\"" STREAM_A "/consumer/c:%lld\",\"ShardId\":"
             "\"shardId-000000000000\",\"StartingPosition\":{\"Type\":\"LATEST\"}}",
             (long long)(TEST_CLOCK_WALL_MS / 1000));
    send_head(fd, "SubscribeToShard", body);
    for (int i = 0; i < 5; i++)
        loop_turn(f.loop, false);
    emulator_close(f.e, on_closed, &f);
    f.e = NULL;
    send_text(fd, body);
    expect_answer(fd, "HTTP/1.1 200 ");
    loop_run(f.loop);
    assert_true(f.closed);
    close(fd);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_direct_records), CASE(test_direct_record_limits),    CASE(test_direct_streams),
        CASE(test_wrong_options),  CASE(test_subscription_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
