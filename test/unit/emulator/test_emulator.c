// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

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
    struct emulator_options o = {
        .streams = streams, .n_streams = 2, .clock = &f.clock.clock, .retained_bytes = 1 << 20};
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
    emulator_close(f.e, on_closed, &f);
    assert_false(f.closed);
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

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_direct_records),
        CASE(test_direct_record_limits),
        CASE(test_direct_streams),
        CASE(test_wrong_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
